#!/usr/bin/env bash
# Runs one family of tests: tools/test.sh lua|contract|http|browser|stack|ops [pattern]
# The pattern picks files by name; where no file has it, tests by name.
set -euo pipefail
cd "$(dirname "$0")/.."
family=$1 pattern=${2:-}
shopt -s nullglob

case $family in
lua) files=(tests/lua/*_spec.lua tests/lua/*_test.lua) ;;
contract | http | browser | stack | ops) files=(tests/"$family"/*.test.mjs) ;;
*) echo "test: unknown family '$family'; it is one of: lua contract http browser stack ops" >&2; exit 1 ;;
esac
if [ ${#files[@]} = 0 ]; then echo "test: no files in tests/$family" >&2; exit 1; fi

picked=()
if [ -n "$pattern" ]; then
    for file in "${files[@]}"; do if [[ $(basename "$file") == *"$pattern"* ]]; then picked+=("$file"); fi; done
    if [ ${#picked[@]} -gt 0 ]; then files=("${picked[@]}") pattern=; fi
fi

if [ "$family" = lua ]; then
    # Debian's busted starts under whatever `lua` is.
    exec lua5.4 /usr/bin/busted --lpath='scripts/?.lua;scripts/?/init.lua;tests/lua/?.lua' ${pattern:+--filter="$pattern"} "${files[@]}"
fi
# The spec reporter is for people; a failing test prints what the processes logged. The crowd wants the machine for itself.
exec node --test --test-reporter=spec --test-concurrency="${TEST_JOBS:-2}" ${pattern:+--test-name-pattern="$pattern"} "${files[@]}"
