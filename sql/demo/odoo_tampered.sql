-- What demo:tampered does to the sample: one amount changed, the lines of one entry deleted.
UPDATE account_move_line SET debit = 1
 WHERE account_id = 400
   AND move_id = (SELECT id FROM account_move WHERE journal_id = 1 AND sequence_number = 60);
DELETE FROM account_move_line
 WHERE move_id = (SELECT id FROM account_move WHERE journal_id = 2 AND sequence_number = 98);
