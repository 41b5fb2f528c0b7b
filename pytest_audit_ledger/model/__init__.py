"""What a ledger is: entries, payloads, findings, outcomes. No I/O."""
