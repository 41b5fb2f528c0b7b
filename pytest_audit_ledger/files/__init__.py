"""Files: written whole or not at all, and those that ship with the package."""
