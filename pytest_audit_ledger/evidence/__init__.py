"""File everything about a run in one folder, for an auditor."""
