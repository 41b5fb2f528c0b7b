-- What demo:tampered does to the sample: one amount changed, one entry deleted.
UPDATE "tabTransaction Log" SET data = replace(data, '740.7', '70.7') WHERE row_index = '60';
DELETE FROM "tabTransaction Log" WHERE row_index = '99';
