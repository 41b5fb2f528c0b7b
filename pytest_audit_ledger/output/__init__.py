"""What artifacts are, and verifications and investigations in words and data. Nothing here judges."""
