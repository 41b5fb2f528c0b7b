#!/bin/sh
# What CI runs every night: prove what is new since the last checkpoint and a thirtieth of what is older, and sign the next
# checkpoint where nothing failed. LEDGER_DSN names the ledger, VERIFIER_KEY the key that is trusted; the folder
# `checkpoints` and the file signing.key come from where whoever controls the database cannot write, and the folder goes
# back there. Arguments are handed on to pytest.
set -eu
exec pytest integrity.ledger.yaml \
    --ledger-db=env:LEDGER_DSN \
    --ledger-checkpoint=checkpoints \
    --ledger-verifier-key="$VERIFIER_KEY" \
    --ledger-require-checkpoint \
    --ledger-max-unanchored=25h \
    --ledger-since-checkpoint \
    --ledger-recheck=1/30 \
    --ledger-write-checkpoint=checkpoints \
    --ledger-signing-key=signing.key \
    --junitxml=evidence/ledger.xml "$@"
