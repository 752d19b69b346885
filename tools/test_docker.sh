#!/usr/bin/env bash
# The tests that need a Docker engine: tools/test_docker.sh [pattern]. Without one it says what it skips, and succeeds.
# A base that cannot be pulled is made by tools/bases.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
pattern=${1:-}

if ! docker info >/dev/null 2>&1; then
    echo "test-docker: SKIPPED, there is no Docker engine here that this user may use. Not tested: building and running both images."
    exit 0
fi

base() { # IMAGE NAME: the image, if it is here or can be pulled; else one that we make
    if docker image inspect "$1" >/dev/null 2>&1 || docker pull -q "$1" >/dev/null 2>&1; then echo "$1"; else tools/bases.sh "$2"; fi
}
export PORTAL_BASE_IMAGE=${PORTAL_BASE_IMAGE:-$(base debian:bookworm-slim debian)}
export STACK_BASE_IMAGE=${STACK_BASE_IMAGE:-$(base oven/bun:debian bun)}
echo "test-docker: on $PORTAL_BASE_IMAGE and $STACK_BASE_IMAGE"

files=()
for file in tests/image/*.docker.mjs tests/stack/*.docker.mjs; do
    if [[ -z $pattern || $file == *"$pattern"* ]]; then files+=("$file"); fi
done
if [ ${#files[@]} = 0 ]; then echo "test-docker: no file has '$pattern' in its name" >&2; exit 1; fi
exec node --test --test-reporter=spec --test-concurrency=1 "${files[@]}"
