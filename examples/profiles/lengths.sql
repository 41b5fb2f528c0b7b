-- Accesses to patient records: every field with its length in bytes before it, so that no text can pass for two fields.
-- Entries of the first version left the reason out.
CREATE TABLE record_accesses (
    row_no       integer PRIMARY KEY,
    clinician    text NOT NULL,
    patient      text NOT NULL,
    reason       text,
    accessed_at  timestamptz NOT NULL,
    hash_version smallint NOT NULL DEFAULT 2,
    prev_hash    text,
    row_hash     text
);

CREATE FUNCTION with_length(field text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT octet_length(convert_to(field, 'UTF8')) || ':' || field $$;

CREATE FUNCTION chain_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT row_hash INTO NEW.prev_hash FROM record_accesses WHERE row_no = NEW.row_no - 1;
    NEW.row_hash := encode(sha256(convert_to(concat(
        with_length(coalesce(NEW.prev_hash, '')), with_length(NEW.row_no::text), with_length(NEW.clinician),
        with_length(NEW.patient), CASE NEW.hash_version WHEN 2 THEN with_length(coalesce(NEW.reason, '')) END,
        with_length(floor(extract(epoch FROM NEW.accessed_at))::text)), 'UTF8')), 'base64');
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON record_accesses FOR EACH ROW EXECUTE FUNCTION chain_access();

INSERT INTO record_accesses (row_no, clinician, patient, reason, accessed_at, hash_version) VALUES
    (1, 'Dr. Ágnes', '1234', 'unhashed',   '2026-04-30 23:00:00+00', 1),
    (2, 'Dr. Weiß',  '1234', NULL,         '2026-05-01 00:00:00+00', 2),
    (3, 'ward 3',    '77',   'emergency!', '2026-05-01 00:00:01+00', 2);
