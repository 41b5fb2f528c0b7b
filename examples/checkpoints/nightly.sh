#!/bin/sh
# CI runs this every night. It proves what is new since the last checkpoint and a thirtieth of what is older (RECHECK, 1/30),
# and signs the next checkpoint if nothing failed. LEDGER_DSN is the ledger, VERIFIER_KEY the trusted key. Fetch the folder
# `checkpoints` and the file signing.key from where whoever controls the database cannot write, and put the folder back there.
# Arguments are passed on to pytest.
set -eu
exec pytest integrity.ledger.yaml \
    --ledger-db=env:LEDGER_DSN \
    --ledger-checkpoint=checkpoints \
    --ledger-verifier-key="$VERIFIER_KEY" \
    --ledger-require-checkpoint \
    --ledger-max-unanchored=25h \
    --ledger-since-checkpoint \
    --ledger-recheck="${RECHECK:-1/30}" \
    --ledger-write-checkpoint=checkpoints \
    --ledger-signing-key=signing.key \
    --junitxml=evidence/ledger.xml "$@"
