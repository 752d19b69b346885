#!/bin/sh
# Reports for how long nothing has been at work here: {"at":SECONDS SINCE 1970,"idle":SECONDS}. The
# portal reads it (docs/lifecycle.md), and lets a workspace fall asleep only if it is idle. The
# health check runs this; it measures every 20 seconds at most. At work is
#   a session   the server's database was written to, or is not there
#   a terminal  any process that has one
#   a stream    the server sends on a connection long after the last request on it, as heartbeats do
#   a program   all but the server took 2 % of a core, or the server itself 10 %
set -eu
folder=${STACK_STATE_DIR:-/workspace/.stack}
last=${STACK_ACTIVITY_FILE:-/tmp/activity} least=${STACK_ACTIVITY_SECONDS:-20}

read -r now _ </proc/uptime
now=${now%.*}
before='' others_before=0 server_before=0 active=$now
[ ! -e "$last" ] || read -r before others_before server_before active <"$last"
[ -z "$before" ] || [ $((now - before)) -ge "$least" ] || exit 0
[ -n "$before" ] || active=$now

# The processes of this check have a session of their own.
read -r self </proc/self/stat
# shellcheck disable=SC2086
set -- ${self##*) }
own=$4

# Terminals; hundredths of a second of all but the server, with what ended, and of the server.
# shellcheck disable=SC2046
set -- $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v own="$own" '
  { name = $0; sub(/^[0-9]+ \(/, "", name); sub(/\) [^)]*$/, "", name)
    sub(/^.*\) /, ""); if ($4 == own) next
    if ($5 != 0) terminals++
    others += $14 + $15
    if (name == "opencode" && $2 == 1) server += $12 + $13; else others += $12 + $13 }
  END { printf "%d %d %d", terminals, others, server }')
terminals=$1 others=$2 server=$3

# Milliseconds since it last sent and received; ss leaves out a 0.
connections=$(ss -tinH state established "( sport = :${PORT:-8080} )")
streams=$(printf '%s\n' "$connections" | awk '
  /rto:/ { sent = received = 0
    for (i = 1; i <= NF; i++) { split($i, part, ":")
      if (part[1] == "lastsnd") sent = part[2]
      if (part[1] == "lastrcv") received = part[2] }
    if (sent < 15000 && received - sent > 5000) streams++ }
  END { print streams + 0 }')

if [ -n "$before" ]; then
  seconds=$((now - before)) by_others=$((others - others_before))
  if [ "$terminals" -gt 0 ] || [ "$streams" -gt 0 ] ||
    [ "$by_others" -lt 0 ] || [ "$by_others" -gt $((2 * seconds)) ] ||
    [ $((server - server_before)) -gt $((10 * seconds)) ] ||
    [ -n "$(find "$folder/home/.local/share/opencode" -name '*.db-wal' -newer "$last" 2>&1)" ]; then
    active=$now
  fi
fi

printf '%s %s %s %s\n' "$now" "$others" "$server" "$active" >"$last"
# Not through a link to /tmp: the server does not read a link out of its folder.
printf '{"at":%s,"idle":%s}\n' "$(date +%s)" $((now - active)) >"$folder/activity.json.new"
mv "$folder/activity.json.new" "$folder/activity.json"
