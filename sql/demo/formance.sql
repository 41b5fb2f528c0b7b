-- A sample for the profile formance: two ledgers of the bucket _default. The numbers that a rolled back transaction used
-- are missing.
CREATE SCHEMA _default;
CREATE TYPE _default.log_type AS ENUM
    ('NEW_TRANSACTION', 'REVERTED_TRANSACTION', 'SET_METADATA', 'DELETE_METADATA', 'INSERTED_SCHEMA');
CREATE TABLE _default.logs (
    ledger           varchar NOT NULL,
    id               numeric NOT NULL,
    type             _default.log_type NOT NULL,
    hash             bytea,
    date             timestamp NOT NULL,
    data             jsonb NOT NULL,
    idempotency_key  varchar(255),
    memento          bytea NOT NULL,
    idempotency_hash bytea,
    schema_version   text,
    UNIQUE (ledger, id)
);

CREATE FUNCTION _default.set_log_hash() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bytea := (SELECT hash FROM _default.logs WHERE ledger = NEW.ledger ORDER BY id DESC LIMIT 1);
    moment text := to_char(NEW.date, 'YYYY-MM-DD"T"HH24:MI:SS') || rtrim(rtrim(to_char(NEW.date, '.US'), '0'), '.');
BEGIN
    NEW.hash := sha256(
        coalesce(convert_to('"' || encode(before, 'base64') || E'"\n', 'UTF8'), '')
        || convert_to(format('{"type":"%s","data":', NEW.type), 'UTF8') || NEW.memento
        || convert_to(format(E',"date":"%sZ","idempotencyKey":"%s","id":0,"hash":null}\n', moment, NEW.idempotency_key), 'UTF8')
    );
    RETURN NEW;
END $$;
CREATE TRIGGER set_log_hash BEFORE INSERT ON _default.logs FOR EACH ROW EXECUTE FUNCTION _default.set_log_hash();

INSERT INTO _default.logs (ledger, id, type, date, data, memento, idempotency_key, schema_version)
SELECT ledger, number, CASE WHEN number % 9 = 0 THEN 'SET_METADATA' ELSE 'NEW_TRANSACTION' END::_default.log_type,
    timestamp '2025-04-01 10:00:00.25' + number * interval '61.0005 seconds', memento::jsonb, convert_to(memento, 'UTF8'),
    CASE WHEN number % 4 = 0 THEN 'key-' || number END, CASE WHEN number > 100 THEN 'v1' END
FROM generate_series(1, 150) AS number, unnest(ARRAY['main', 'café']) AS ledger,
    LATERAL (SELECT CASE
        WHEN number % 9 = 0 THEN format('{"targetType":"ACCOUNT","targetId":"users:%s","metadata":{"name":"José"}}', number)
        ELSE format('{"transaction":{"postings":[{"source":"world","destination":"users:%s","amount":%s,"asset":"EUR/2"}],'
            '"metadata":{},"timestamp":"2025-04-01T10:00:00Z","id":%s,"reverted":false},"accountMetadata":{}}',
            number, number * 100, number - 1)
    END AS memento) AS content
WHERE number NOT IN (40, 41)
ORDER BY number, ledger;
