"""One folder with everything of a run, for an auditor to file."""
