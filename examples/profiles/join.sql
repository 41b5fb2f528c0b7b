-- Movements of a bank: one chain for each account, fields joined by |, and NULL as an empty text.
CREATE TABLE movements (
    entry_id  bigserial PRIMARY KEY,
    account   text NOT NULL,
    seq       integer NOT NULL,
    kind      text NOT NULL,
    amount    numeric(12, 2) NOT NULL,
    memo      text,
    booked_at timestamptz NOT NULL,
    prev_hash text NOT NULL,
    row_hash  text NOT NULL,
    UNIQUE (account, seq)
);

CREATE FUNCTION chain_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT row_hash INTO NEW.prev_hash FROM movements WHERE account = NEW.account AND seq = NEW.seq - 1;
    NEW.prev_hash := coalesce(NEW.prev_hash, 'GENESIS');
    NEW.row_hash := encode(sha256(convert_to(concat_ws('|',
        NEW.prev_hash, NEW.account, NEW.seq, NEW.kind, NEW.amount, coalesce(NEW.memo, ''),
        to_char(NEW.booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), 'UTF8')), 'hex');
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON movements FOR EACH ROW EXECUTE FUNCTION chain_movement();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'movements are append-only';
END $$;
CREATE TRIGGER no_update BEFORE UPDATE ON movements FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON movements FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO movements (account, seq, kind, amount, memo, booked_at) VALUES
    ('DE01', 1, 'deposit',    1000.00, 'Gehalt für Mai', '2026-05-01 08:00:00+00'),
    ('FR02', 1, 'deposit',      20.50, NULL,             '2026-05-01 08:00:00.5+00'),
    ('DE01', 2, 'withdrawal',  -50.00, 'rent',           '2026-05-02 23:59:59.999999+00'),
    ('DE01', 3, 'fee',          -0.10, NULL,             '2026-05-03 00:00:00+00'),
    ('FR02', 2, 'withdrawal',  -20.50, 'café',           '2026-05-03 00:00:00.000001+00');
