-- Versions of documents: the bytes of the previous hash, then the document's own hash and two columns. The hash of the
-- document has a column of its own. Hashes are bytes, and numbers can be skipped.
CREATE TABLE document_versions (
    id         bigserial PRIMARY KEY,
    title      text NOT NULL,
    body       bytea NOT NULL,
    body_hash  bytea NOT NULL,
    saved_at   timestamptz NOT NULL,
    entry_hash bytea NOT NULL
);

CREATE FUNCTION chain_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bytea := (SELECT entry_hash FROM document_versions ORDER BY id DESC LIMIT 1);
BEGIN
    NEW.body_hash := sha256(NEW.body);
    NEW.entry_hash := sha512(coalesce(before, '') || NEW.body_hash
        || convert_to(NEW.title || floor(extract(epoch FROM NEW.saved_at) * 1000)::text, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON document_versions FOR EACH ROW EXECUTE FUNCTION chain_version();

INSERT INTO document_versions (title, body, saved_at) VALUES
    ('Contract', '\x00ff10', '2026-05-01 08:00:00.250+00'),
    ('Vertrag',  'as signed', '2026-05-01 09:00:00+00');
SELECT nextval('document_versions_id_seq');
INSERT INTO document_versions (title, body, saved_at) VALUES
    ('Übersicht', '', '2026-05-01 10:00:00.001+00');
