-- A sample for the profile frappe: documents that were submitted in ERPNext.
CREATE TABLE "tabTransaction Log" (
    name              varchar(140) PRIMARY KEY,
    creation          timestamp(6),
    modified          timestamp(6),
    owner             varchar(140),
    row_index         varchar(140),
    reference_doctype varchar(140),
    document_name     varchar(140),
    timestamp         timestamp(6),
    checksum_version  varchar(140),
    previous_hash     text,
    transaction_hash  text,
    chaining_hash     text,
    data              text
);

CREATE FUNCTION transaction_log_before_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moment text := to_char(NEW.timestamp, 'YYYY-MM-DD HH24:MI:SS')
        || CASE to_char(NEW.timestamp, 'US') WHEN '000000' THEN '' ELSE to_char(NEW.timestamp, '.US') END;
BEGIN
    NEW.transaction_hash := encode(sha256(convert_to(NEW.row_index || moment || coalesce(NEW.data, 'None'), 'UTF8')), 'hex');
    NEW.previous_hash := CASE NEW.row_index WHEN '1' THEN NEW.transaction_hash ELSE
        (SELECT chaining_hash FROM "tabTransaction Log" WHERE row_index = (NEW.row_index::int - 1)::text) END;
    NEW.chaining_hash := encode(sha256(convert_to(NEW.transaction_hash || NEW.previous_hash, 'UTF8')), 'hex');
    NEW.checksum_version := 'v1.0.1';
    RETURN NEW;
END $$;
CREATE TRIGGER before_insert BEFORE INSERT ON "tabTransaction Log"
    FOR EACH ROW EXECUTE FUNCTION transaction_log_before_insert();

INSERT INTO "tabTransaction Log" (name, creation, modified, owner, row_index, reference_doctype, document_name, timestamp, data)
SELECT md5(number::text), moment, moment, 'Administrator', number, 'Sales Invoice', 'ACC-SINV-2025-' || lpad(number::text, 5, '0'),
    moment, CASE WHEN number % 25 > 0 THEN
        format('{"customer": "Société %s", "grand_total": %s}', number % 7, round(number * 12.345, 2)) END
FROM generate_series(1, 200) AS number,
    LATERAL (SELECT timestamp '2025-05-01 09:00:00' + number * interval '61.25 seconds' AS moment) AS written;
