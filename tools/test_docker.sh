#!/usr/bin/env bash
# Runs the tests that need a Docker engine: tools/test_docker.sh [PATTERN]. Without an engine it
# reports what it skips and succeeds. tools/bases.sh builds the base images that cannot be pulled.
set -euo pipefail
cd "$(dirname "$0")/.."
pattern=${1:-}

if ! docker info >/dev/null 2>&1; then
    echo "test-docker: SKIPPED: no Docker engine for this user; images are neither built nor run."
    exit 0
fi

# Prints IMAGE if it is present or can be pulled, else the name of one that is built here.
base() { # IMAGE NAME
    if docker image inspect "$1" >/dev/null 2>&1 || docker pull -q "$1" >/dev/null 2>&1; then
        echo "$1"
    else
        tools/bases.sh "$2"
    fi
}
export PORTAL_BASE_IMAGE=${PORTAL_BASE_IMAGE:-$(base debian:bookworm-slim debian)}
export STACK_BASE_IMAGE=${STACK_BASE_IMAGE:-$(base oven/bun:debian bun)}
echo "test-docker: on $PORTAL_BASE_IMAGE and $STACK_BASE_IMAGE"

files=()
for file in tests/image/*.docker.mjs tests/stack/*.docker.mjs; do
    if [[ -z $pattern || $file == *"$pattern"* ]]; then files+=("$file"); fi
done
if [ ${#files[@]} = 0 ]; then echo "test-docker: no file matches '$pattern'" >&2; exit 1; fi
exec node --test --test-reporter=spec --test-concurrency=1 "${files[@]}"
