-- Receipts of a till: Key=value&Key=value, in upper-case hexadecimal, as tax agencies ask for.
CREATE TABLE receipts (
    number       integer PRIMARY KEY,
    issuer       text NOT NULL,
    issued_on    date NOT NULL,
    total        numeric(10, 2) NOT NULL,
    customer     text,
    written_at   timestamptz NOT NULL,
    previous     text,
    fingerprint  text
);

CREATE FUNCTION chain_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT fingerprint INTO NEW.previous FROM receipts WHERE number = NEW.number - 1;
    NEW.fingerprint := upper(encode(sha256(convert_to(concat(
        'Issuer=', NEW.issuer, '&Number=', NEW.number, '&Date=', to_char(NEW.issued_on, 'DD-MM-YYYY'),
        '&Total=', NEW.total, '&Customer=', trim(NEW.customer), '&Previous=', NEW.previous,
        '&Written=', to_char(NEW.written_at AT TIME ZONE 'Europe/Madrid', 'YYYY-MM-DD"T"HH24:MI:SS'),
        CASE NEW.written_at AT TIME ZONE 'UTC' + interval '2 hours'
            WHEN NEW.written_at AT TIME ZONE 'Europe/Madrid' THEN '+02:00' ELSE '+01:00' END), 'UTF8')), 'hex'));
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION chain_receipt();

INSERT INTO receipts (number, issuer, issued_on, total, customer, written_at) VALUES
    (1, 'B12345674', '2026-01-31',  12.35, ' Núñez ', '2026-01-31 18:20:30+00'),
    (2, 'B12345674', '2026-07-01', 123.40, NULL,      '2026-07-01 18:20:30+00'),
    (3, 'B12345674', '2026-07-02',   0.00, '',        '2026-07-02 18:20:30+00');
