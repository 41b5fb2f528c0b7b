-- Changes a ledger of schema v2.1 to schema v3: adds the provenance columns, and allows any non-empty track.
ALTER TABLE ledger_entries
    ADD COLUMN envelope_json        jsonb,
    ADD COLUMN envelope_hash        char(71),
    ADD COLUMN transcript_json      jsonb,
    ADD COLUMN transcript_signature text,
    ADD COLUMN signing_key_id       char(71),
    ADD COLUMN verifier_status      text
        CHECK (verifier_status IN ('AGREED', 'LLM_CONTRADICTION', 'NEURO_SYMBOLIC_DIVERGENCE', 'UNVERIFIABLE')),
    DROP CONSTRAINT ledger_entries_track_check,
    ADD CONSTRAINT ledger_entries_track_check CHECK (length(track) > 0);
