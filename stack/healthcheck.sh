#!/bin/sh
# Healthy: the server answers with its own JSON (an unknown path answers a web page with status 200)
# and can open the workspace. curl reads the password from a file descriptor, because every process
# could read an argument.
set -eu
get() {
  printf '%s:%s' "${OPENCODE_SERVER_USERNAME:-opencode}" "$OPENCODE_SERVER_PASSWORD" |
    sed 's/["\\]/\\&/g; s/.*/user = "&"/' |
    curl -fsS --max-time 5 -K - "http://127.0.0.1:${PORT:-8080}$1"
}
# Not in a pipe, which would hide a failing curl; and compared by value, because `jq -e` accepts
# empty input.
health=$(get /global/health)
path=$(get /path)
[ "$(printf '%s' "$health" | jq -r .healthy)" = true ]
[ "$(printf '%s' "$path" | jq -r .directory)" = /workspace ]
# A workspace without a report never sleeps.
activity.sh || :
