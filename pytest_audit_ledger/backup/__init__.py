"""Back up the database of a ledger, restore backups, and verify them."""
