#!/usr/bin/env bash
# Starts the rehearsal (a double of Dokploy) and the portal, and ends both at Ctrl-C.
# With DOKPLOY_URL set there is no rehearsal: the portal talks to that server.
# What they log goes to DATA_DIR/log/*.log as JSON lines; here stands what a person wants to know.
set -uo pipefail
cd "$(dirname "$0")/.."

DEPLOYER=${DEPLOYER:-build/deployer}
export PORT=${PORT:-3000} REHEARSAL_PORT=${REHEARSAL_PORT:-3100} DATA_DIR=${DATA_DIR:-./data}
logs=$DATA_DIR/log
umask 077 # what is kept here is nobody else's to read
declare -A pid=()
ended=0

say() { printf '%s\n' "$*"; }

port_is_free() { # NAME PORT VARIABLE
    if [ "$2" = 0 ] || ! (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return 0; fi
    say "Port $2, where the $1 would listen, is taken$(owner_of "$2")."
    say "Stop that program, or choose another port: $3=$(($2 + 10)) make run"
    return 1
}
owner_of() {
    command -v ss >/dev/null || return 0
    ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p' | head -n 1
}

# What was set for this run, to be typed again: all that config.lua reads from the environment. Of a secret only the name.
settings() {
    local name
    for name in $(grep -oE '^[^-]*\benv "[A-Z_]+"( or env "[A-Z_]+")*' config.lua | grep -oE '[A-Z_]{2,}'); do
        [ -z "${!name:-}" ] || printf '%s=%q ' "$name" "${!name}"
    done
    for name in $(grep -oE '^[^-]*\bsecret "[A-Z_]+"' config.lua | grep -oE '[A-Z_]{2,}'); do
        [ -z "${!name:-}" ] || printf '%s=... ' "$name"
        name+=_FILE
        [ -z "${!name:-}" ] || printf '%s=%q ' "$name" "${!name}"
    done
}

# Keeps each line in the log, and prints those that a person should see. Ends with its input, not with a signal.
watch() { # NAME
    trap '' INT TERM
    local line url
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$logs/$1.log"
        case $line in
        *'"event":"'"$1"'.listening"'*)
            url=${line#*\"url\":\"}
            printf 'up %s\n' "${url%%\"*}" >&9 ;;
        *'"level":"warn"'* | *'"level":"error"'*) printf '  %s: %s\n' "$1" "$line" ;;
        '{'*) ;;
        *) printf '  %s: %s\n' "$1" "$line" ;;
        esac
    done
    printf 'down %s\n' "$1" >&9
}

start() { # NAME ARGUMENTS...: returns when it listens, with its address in $url
    local name=$1 word rest
    shift
    if [ -s "$logs/$name.log" ]; then mv -f "$logs/$name.log" "$logs/$name.log.1"; fi # what it said last time is not lost
    : >"$logs/$name.log"
    # A session of its own: Ctrl-C reaches this script alone, which ends both in good order.
    setsid "$DEPLOYER" "$@" > >(watch "$name") 2>&1 9>&- &
    pid[$name]=$!
    while read -r -u 9 word rest; do
        if [ "$word" = up ]; then url=$rest; return 0; fi
        if [ "$word" = down ] && [ "$rest" = "$name" ]; then break; fi
    done
    wait "${pid[$name]}"
    unset "pid[$name]"
    say "The $name did not start. What it said stands above and in $logs/$name.log."
    return 1
}

finish() {
    ended=$((ended + 1))
    if [ "$ended" -gt 1 ]; then kill -KILL "${pid[@]}" 2>/dev/null; return; fi
    if [ ${#pid[@]} -gt 0 ]; then
        say ""
        say "Ending (Ctrl-C again: at once)..."
        kill -TERM "${pid[@]}" 2>/dev/null
    fi
}
trap finish INT TERM HUP

# A wait that a signal cuts short is taken up again.
wait_for() { # NAME
    local status
    while wait "${pid[$1]}"; status=$?; kill -0 "${pid[$1]}" 2>/dev/null; do :; done
    unset "pid[$1]"
    return "$status"
}

if [ ! -x "$DEPLOYER" ]; then say "$DEPLOYER is not there; 'make run' builds it first."; exit 1; fi
mkdir -p "$logs" || exit 1
port_is_free portal "$PORT" PORT || exit 1
if [ -z "${DOKPLOY_URL:-}" ]; then port_is_free rehearsal "$REHEARSAL_PORT" REHEARSAL_PORT || exit 1; fi

channel=$(mktemp -u)
mkfifo -m 600 "$channel" && exec 9<>"$channel" && rm -f "$channel" || exit 1

if [ -z "${DOKPLOY_URL:-}" ]; then
    start rehearsal --rehearsal || { finish; exit 1; }
    rehearsal=$url
    REHEARSAL_PORT=${url##*:}
    say "Rehearsal: $rehearsal plays the part of Dokploy; nothing real is deployed."
fi
start portal || { finish; wait; exit 1; }
say "Portal:    $url"
say ""
say "  Open $url in a browser, type a name, press the button. Or:"
say ""
say "    curl $url/health"
say "    curl -X POST $url/api/deploy -H 'Content-Type: application/json' -d '{\"name\":\"my-first-stack\"}'"
if [ -n "${rehearsal:-}" ]; then
    say "    curl $rehearsal/__rehearsal/state        what the double holds"
    say "    curl -X POST $rehearsal/__rehearsal/faults -d '{\"at\":\"deploy\",\"kind\":\"image_not_found\"}'   make the next one fail"
fi
say ""
say "  Logs: $logs/*.log. Ctrl-C ends all."

wait_for portal
status=$?
if [ "$ended" = 0 ] && [ -n "${rehearsal:-}" ]; then
    say "The portal has ended (status $status). The rehearsal lives on with all it holds; start the portal again in another terminal:"
    say "    $(settings)$DEPLOYER"
    say "or press Ctrl-C."
fi
if [ -n "${rehearsal:-}" ]; then wait_for rehearsal; fi
say "Ended."
if [ "$ended" -gt 0 ]; then exit 0; fi
exit "$status"
