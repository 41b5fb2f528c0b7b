"""What a run leaves behind: exports, and verifications as JSON. README.md describes every file."""
