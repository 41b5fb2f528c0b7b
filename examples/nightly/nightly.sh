#!/bin/sh
# One night: prove what is new since the last checkpoint and a thirtieth of what is older, then sign the next checkpoint.
# Arguments are handed on to pytest. Exits as pytest does; where anything failed, no checkpoint is signed.
set -eu
exec pytest \
    --ledger-checkpoint=checkpoints --ledger-verifier-key=verifier.key --ledger-require-checkpoint \
    --ledger-since-checkpoint --ledger-recheck=1/30 \
    --ledger-write-checkpoint=checkpoints --ledger-signing-key=signing.key \
    --junitxml=night.xml "$@"
