-- Who entered a building: a sentence is hashed, and what comes before the hash says how. Only from entry 3 on are there
-- hashes, because they came with a migration.
CREATE TABLE badge_events (
    event_no  integer PRIMARY KEY,
    badge     text NOT NULL,
    door      smallint NOT NULL,
    granted   boolean NOT NULL,
    at        timestamp NOT NULL,
    seal      text
);

CREATE FUNCTION seal_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := (SELECT seal FROM badge_events WHERE event_no = NEW.event_no - 1);
BEGIN
    NEW.seal := 'sha256:' || encode(sha256(convert_to(format('%s. %s %s door %s on %s after %s',
        NEW.event_no, NEW.badge, CASE WHEN NEW.granted THEN 'opened' ELSE 'tried' END, NEW.door,
        to_char(NEW.at, 'YYYY-MM-DD HH24:MI'), coalesce(before, 'nothing')), 'UTF8')), 'hex');
    RETURN NEW;
END $$;

INSERT INTO badge_events VALUES
    (1, 'B-1', 4, true, '2026-05-01 07:00:01'),
    (2, 'B-2', 4, true, '2026-05-01 07:00:02');
CREATE TRIGGER seal BEFORE INSERT ON badge_events FOR EACH ROW EXECUTE FUNCTION seal_event();
INSERT INTO badge_events VALUES
    (3, 'B-1', 5, false, '2026-05-01 07:01:01'),
    (4, 'B-7', 4, true, '2026-05-01 23:59:59'),
    (5, 'B-1', 4, true, '2026-05-02 00:00:00');
