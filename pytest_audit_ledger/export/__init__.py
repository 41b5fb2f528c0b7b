"""Write entries to files that need no database."""
