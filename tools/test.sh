#!/usr/bin/env bash
# Runs families of tests: tools/test.sh FAMILY... [PATTERN], with FAMILY one of
#   c lua contract http browser stack ops long
# PATTERN selects files by name, or tests by name where no file matches. Every family runs, even if
# one fails; the exit status is 1 when any is red.
#
# SLOW=only: the slow files, *.slow.test.mjs, instead of the others; SLOW=too: both.
# TEST_JOBS: files at a time. TEST_VERBOSE=1: shows every test. TEST_PATIENCE=4: time limits x 4.
set -uo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob

families=() pattern=
for word in "$@"; do
    case $word in
    c | lua | contract | http | browser | stack | ops | long) families+=("$word") ;;
    *) pattern=$word ;;
    esac
done
if [ ${#families[@]} = 0 ]; then
    echo "usage: tools/test.sh c|lua|contract|http|browser|stack|ops|long... [PATTERN]" >&2
    exit 2
fi

# Keeps the files whose names match in the array `files`; if none does, the pattern selects tests.
select_files() {
    local file selected=()
    name_pattern=$pattern
    for file in "${files[@]}"; do
        if [[ $(basename "$file") == *"$pattern"* ]]; then selected+=("$file"); fi
    done
    if [ ${#selected[@]} -gt 0 ]; then files=("${selected[@]}") name_pattern=; fi
}

red=()
run() { # NAME COMMAND...
    local name=$1 start=$SECONDS
    shift
    if "$@"; then
        echo "green $name, $((SECONDS - start)) s"
    else
        echo "RED   $name, $((SECONDS - start)) s"
        red+=("$name")
    fi
}

run_lua() {
    files=(tests/lua/*_spec.lua)
    select_files
    # Debian's busted would run under the system's default Lua.
    lua5.4 /usr/bin/busted --lpath='scripts/?.lua;scripts/?/init.lua;tests/lua/?.lua' \
        ${name_pattern:+--filter="$name_pattern"} "${files[@]}"
}

node_test() { # JOBS FILE...: files that fail are listed in the file $failures
    local jobs=$1
    shift
    FAILED_FILES=$failures node --test --test-reporter=./tests/reporter.mjs \
        --test-concurrency="$jobs" --test-timeout=$((${TEST_PATIENCE:-1} * 400000)) \
        ${name_pattern:+--test-name-pattern="$name_pattern"} "$@"
}

# Files named *.slow.test.mjs run in `make test-all`, all others in `make test`. A pattern selects
# among both.
keep_by_speed() {
    local file kept=()
    if [ -n "$pattern" ]; then return; fi
    for file in "${files[@]}"; do
        case ${SLOW:-none}:$file in
        too:* | *:tests/long/* | only:*.slow.test.mjs) kept+=("$file") ;;
        only:* | none:*.slow.test.mjs) ;;
        *) kept+=("$file") ;;
        esac
    done
    files=("${kept[@]}")
}

# Files that fail run once more, one at a time and with more patience: on a busy machine a browser
# may be late. The failures are printed all the same.
run_node() { # FAMILY...
    local family failures again=()
    files=()
    for family in "$@"; do files+=(tests/"$family"/*.test.mjs); done
    select_files
    keep_by_speed
    failures=$(mktemp)
    node_test "${TEST_JOBS:-3}" "${files[@]}" && return 0
    mapfile -t again <"$failures"
    if [ ${#again[@]} = 0 ] || [ ${#again[@]} -gt 6 ]; then return 1; fi
    # Tests that another file declares (a11y_checks.mjs) are run by the files that use it.
    if printf '%s\n' "${again[@]}" | grep -qv '\.test\.mjs$'; then
        if [ ${#files[@]} -gt 6 ]; then return 1; fi
        again=("${files[@]}")
    fi
    echo "once more, alone: ${again[*]}"
    TEST_PATIENCE=$((${TEST_PATIENCE:-1} * 2)) node_test 1 "${again[@]}"
}

in_node=()
for family in "${families[@]}"; do
    case $family in
    c) run c "${C_TESTS:-build/c_tests}" "$pattern" ;;
    lua) run lua run_lua ;;
    *) in_node+=("$family") ;;
    esac
done
# These share one run, so that the files of one family fill the waits of another.
if [ ${#in_node[@]} -gt 0 ]; then run "${in_node[*]}" run_node "${in_node[@]}"; fi

if [ ${#red[@]} = 0 ]; then exit 0; fi
echo "red: ${red[*]}"
exit 1
