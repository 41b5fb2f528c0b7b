-- What demo:tampered does to the sample: one key changed, one entry deleted.
UPDATE _default.logs SET idempotency_key = 'key-0' WHERE ledger = 'main' AND id = 64;
DELETE FROM _default.logs WHERE ledger = 'café' AND id = 99;
