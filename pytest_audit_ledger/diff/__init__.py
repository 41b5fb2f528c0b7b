"""Compare two ledgers."""
