-- A sample for the profile odoo: secured entries of two journals, and drafts, which are not secured.
CREATE TABLE res_currency (id serial PRIMARY KEY, name text NOT NULL, decimal_places integer NOT NULL);
CREATE TABLE account_move (
    id               serial PRIMARY KEY,
    name             text,
    date             date NOT NULL,
    journal_id       integer NOT NULL,
    company_id       integer NOT NULL,
    move_type        text NOT NULL,
    state            text NOT NULL,
    sequence_prefix  text,
    sequence_number  integer,
    inalterable_hash text
);
CREATE TABLE account_move_line (
    id          serial PRIMARY KEY,
    move_id     integer NOT NULL REFERENCES account_move,
    name        text,
    debit       numeric NOT NULL,
    credit      numeric NOT NULL,
    account_id  integer,
    partner_id  integer,
    currency_id integer NOT NULL REFERENCES res_currency
);

INSERT INTO res_currency (name, decimal_places) VALUES ('EUR', 2), ('JPY', 0), ('TND', 3);
INSERT INTO account_move (name, date, journal_id, company_id, move_type, state, sequence_prefix, sequence_number)
SELECT prefix || lpad(number::text, 5, '0'), date '2025-06-01' + number / 4, journal, 1, type, 'posted', prefix, number
FROM generate_series(1, 100) AS number, (VALUES (1, 'INV/2025/', 'out_invoice'), (2, 'MISC/2025/', 'entry')) AS j (journal, prefix, type)
ORDER BY number, journal;
INSERT INTO account_move (date, journal_id, company_id, move_type, state)
SELECT '2025-07-01', 1, 1, 'out_invoice', 'draft' FROM generate_series(1, 10);
INSERT INTO account_move_line (move_id, name, debit, credit, account_id, partner_id, currency_id)
SELECT move.id, label, debit, credit, account, CASE account WHEN 400 THEN move.id % 9 + 1 END, move.id % 3 + 1
FROM account_move AS move, LATERAL (SELECT (move.id * 117 % 1000)::numeric AS amount) AS one,
    LATERAL (VALUES ('Payment due', amount, 0, 400), (NULL, 0, amount, 700)) AS line (label, debit, credit, account)
ORDER BY move.id, account;

-- What "Secure Entries" does: in the order of each journal's numbers, with the hash before.
DO $$
DECLARE
    move account_move;
    before text;
    record text;
BEGIN
    FOR move IN SELECT * FROM account_move WHERE state = 'posted' ORDER BY journal_id, sequence_number LOOP
        before := CASE WHEN move.sequence_number > 1 THEN before END;
        SELECT '{' || string_agg(to_json(key) || ':' || to_json(value), ',' ORDER BY key COLLATE "C") || '}' INTO record FROM (
            SELECT unnest(ARRAY['name', 'date', 'journal_id', 'company_id']) AS key,
                unnest(ARRAY[move.name, move.date::text, move.journal_id::text, move.company_id::text]) AS value
            UNION ALL
            SELECT format('line_%s_%s', line.id, field), value
            FROM account_move_line AS line JOIN res_currency AS currency ON currency.id = line.currency_id, LATERAL (VALUES
                ('name', coalesce(line.name, 'False')), ('account_id', line.account_id::text),
                ('debit', round(line.debit, currency.decimal_places)::text),
                ('credit', round(line.credit, currency.decimal_places)::text),
                ('partner_id', coalesce(line.partner_id::text, 'False'))) AS own (field, value)
            WHERE line.move_id = move.id
        ) AS content;
        before := encode(sha256(convert_to(concat(before, record), 'UTF8')), 'hex');
        UPDATE account_move SET inalterable_hash = '$4$' || before WHERE id = move.id;
    END LOOP;
END $$;
