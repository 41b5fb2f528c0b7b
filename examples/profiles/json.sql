-- What an agent did. Its writer hashes JSON.stringify of an object, which this trigger writes as well.
CREATE TABLE tool_calls (
    id         bigint PRIMARY KEY,
    agent      text NOT NULL,
    tool       text NOT NULL,
    arguments  json NOT NULL,
    approved   boolean,
    called_at  timestamptz NOT NULL,
    prev_hash  text,
    hash       text
);

CREATE FUNCTION chain_tool_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT hash INTO NEW.prev_hash FROM tool_calls WHERE id = NEW.id - 1;
    NEW.hash := encode(sha256(convert_to(format(
        '{"id":%s,"agent":%s,"tool":%s,"arguments":%s,"approved":%s,"calledAt":"%s","prevHash":%s}',
        NEW.id, to_json(NEW.agent), to_json(NEW.tool), NEW.arguments, coalesce(NEW.approved::text, 'null'),
        to_char(NEW.called_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        coalesce(to_json(NEW.prev_hash)::text, 'null')), 'UTF8')), 'hex');
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON tool_calls FOR EACH ROW EXECUTE FUNCTION chain_tool_call();

INSERT INTO tool_calls (id, agent, tool, arguments, approved, called_at) VALUES
    (1, 'clerk',   'search', '{"query":"open invoices","limit":10}', NULL,  '2026-05-01 09:00:00.120+02'),
    (2, 'clerk',   'read',   '{"file":"März.pdf"}',                  true,  '2026-05-01 09:00:01+02'),
    (3, 'auditor', 'write',  '{"text":"a \"quoted\" word","to":[1,2]}', false, '2026-05-01 09:00:02.345+02'),
    (4, 'auditor', 'close',  '{}',                                   true,  '2026-05-01 09:00:03.999+02');
