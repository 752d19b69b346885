#!/usr/bin/env bash
# Starts the rehearsal (a simulated Dokploy) and the portal, and ends both at Ctrl-C. With
# DOKPLOY_URL set there is no rehearsal: the portal talks to that server.
# Each program writes its own log, DATA_DIR/log/*.log, as JSON lines; the previous run's are kept as
# *.log.1. Here you see the URLs, and warnings and errors.
set -uo pipefail
cd "$(dirname "$0")/.."

DEPLOYER=${DEPLOYER:-build/deployer}
export PORT=${PORT:-3000} REHEARSAL_PORT=${REHEARSAL_PORT:-3100} DATA_DIR=${DATA_DIR:-./data}
logs=$DATA_DIR/log
umask 077 # logs and data are private
declare -A pid=()
interrupts=0

say() { printf '%s\n' "$*"; }

port_is_free() { # NAME PORT VARIABLE
    if [ "$2" = 0 ] || ! (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return 0; fi
    say "Port $2, on which the $1 would listen, is taken$(owner_of "$2")."
    say "Stop that program, or choose another port: $3=$(($2 + 10)) make run"
    return 1
}
owner_of() { # PORT: " by NAME (process PID)", where ss can tell
    command -v ss >/dev/null || return 0
    ss -Hltnp "sport = :$1" 2>/dev/null |
        sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ by \1 (process \2)/p' | head -n 1
}

# The variables of this run that config.lua reads, to be typed again. Secrets are not shown.
settings() {
    local name names='[^-]*\b'
    for name in $(grep -oE "^${names}env \"[A-Z_]+\"( or env \"[A-Z_]+\")*" config.lua |
        grep -oE '[A-Z_]{2,}'); do
        [ -z "${!name:-}" ] || printf '%s=%q ' "$name" "${!name}"
    done
    for name in $(grep -oE "^${names}secret \"[A-Z_]+\"" config.lua | grep -oE '[A-Z_]{2,}'); do
        [ -z "${!name:-}" ] || printf '%s=... ' "$name"
        name+=_FILE
        [ -z "${!name:-}" ] || printf '%s=%q ' "$name" "${!name}"
    done
}

# Shows lines that are not JSON or have the level warn or error, until the program has ended.
show_trouble() { # NAME
    tail -n +1 -f --pid="${pid[$1]}" "$logs/$1.log" | sed -u -n \
        -e '/^{/!s/^/  /p' -e "/\"level\":\"\\(warn\\|error\\)\"/s/^/  $1: /p"
}

start() { # NAME ARGUMENTS...: returns once it listens; sets $url
    local name=$1 log=$logs/$1.log
    shift
    if [ -s "$log" ]; then mv -f "$log" "$log.1"; fi
    : >"$log"
    # A separate session: Ctrl-C reaches only this script, which then ends both in order.
    setsid "$DEPLOYER" "$@" >>"$log" 2>&1 &
    pid[$name]=$!
    setsid bash -c "$(declare -p pid logs; declare -f show_trouble); show_trouble $name" &
    while kill -0 "${pid[$name]}" 2>/dev/null; do
        url=$(sed -n "s/.*\"event\":\"$name.listening\".*\"url\":\"\\([^\"]*\\)\".*/\\1/p" "$log")
        if [ -n "$url" ]; then return 0; fi
        sleep 0.05
    done
    wait "${pid[$name]}"
    unset "pid[$name]"
    say "The $name did not start. Its messages are above and in $log."
    return 1
}

finish() {
    interrupts=$((interrupts + 1))
    if [ ${#pid[@]} = 0 ]; then return; fi
    if [ "$interrupts" -gt 1 ]; then
        kill -KILL "${pid[@]}" 2>/dev/null
        return
    fi
    say ""
    say "Ending (Ctrl-C again: at once)..."
    kill -TERM "${pid[@]}" 2>/dev/null
}
trap finish INT TERM HUP

# A signal interrupts `wait`, which is then repeated.
wait_for() { # NAME
    local status
    while wait "${pid[$1]}"; status=$?; kill -0 "${pid[$1]}" 2>/dev/null; do :; done
    unset "pid[$1]"
    return "$status"
}

if [ ! -x "$DEPLOYER" ]; then
    say "$DEPLOYER does not exist; 'make run' builds it."
    exit 1
fi
mkdir -p "$logs" || exit 1
port_is_free portal "$PORT" PORT || exit 1
if [ -z "${DOKPLOY_URL:-}" ]; then
    port_is_free rehearsal "$REHEARSAL_PORT" REHEARSAL_PORT || exit 1
    start rehearsal --rehearsal || exit 1
    rehearsal=$url
    REHEARSAL_PORT=${url##*:}
    say "Rehearsal: $rehearsal (a simulated Dokploy; nothing real is deployed)"
fi
start portal || { finish; wait; exit 1; }
cat <<TEXT
Portal:    $url

  Open $url in a browser, enter a name, press the button. Or:

    curl $url/health
    curl $url/api/deploy -H 'Content-Type: application/json' -d '{"name":"my-first-stack"}'
TEXT
if [ -n "${rehearsal:-}" ]; then
    cat <<TEXT
    curl $rehearsal/__rehearsal/state   # what it contains
    # make the next deployment fail:
    curl $rehearsal/__rehearsal/faults -d '{"at":"deploy","kind":"image_not_found"}'
TEXT
fi
say ""
say "  Logs: $logs/*.log. Ctrl-C ends all."

wait_for portal
status=$?
if [ "$interrupts" = 0 ] && [ -n "${rehearsal:-}" ]; then
    say "The portal has ended (status $status). The rehearsal is still running, with all it holds."
    say "Start the portal again in another terminal, or press Ctrl-C:"
    say "    $(settings)$DEPLOYER"
fi
if [ -n "${rehearsal:-}" ]; then wait_for rehearsal; fi
say "Ended."
if [ "$interrupts" -gt 0 ]; then exit 0; fi
exit "$status"
