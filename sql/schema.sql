-- A ledger of schema v2.1: sixteen columns, no protection yet (append_only.sql) and no roles (roles.sql).
CREATE TABLE ledger_entries (
    id                      bigserial PRIMARY KEY,
    sequence_number         bigint NOT NULL UNIQUE,
    previous_hash           char(64) NOT NULL,
    entry_hash              char(64) NOT NULL UNIQUE,
    "timestamp"             timestamptz NOT NULL DEFAULT now(),
    verdict                 text NOT NULL
        CHECK (verdict IN ('CLEAR', 'FLAG', 'NULL_UNMAPPED', 'NULL_STALE', 'DISCRETIONARY')),
    telemetry_id            text NOT NULL,
    telemetry_hash          char(64) NOT NULL,
    rule_id                 text,
    knowledge_graph_version text,
    ski_model_version       text NOT NULL,
    reasoning               text,
    track                   text CONSTRAINT ledger_entries_track_check CHECK (track IN ('symbolic', 'llm')),
    escalation_status       text,
    escalation_notes        text,
    created_at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_entries_verdict_timestamp ON ledger_entries (verdict, "timestamp");
CREATE INDEX ledger_entries_rule_id ON ledger_entries (rule_id);
