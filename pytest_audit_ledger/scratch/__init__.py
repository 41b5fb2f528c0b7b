"""Servers and ledgers that are thrown away: the demo, copies to restore into, copies to attack."""
