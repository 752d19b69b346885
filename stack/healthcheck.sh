#!/bin/sh
# Healthy: the server answers JSON of its own (an unknown path gets a web page with status 200) and can open the workspace.
# The password goes to curl by a file descriptor, not by an argument that every process could read.
set -eu
get() {
  printf '%s:%s' "${OPENCODE_SERVER_USERNAME:-opencode}" "$OPENCODE_SERVER_PASSWORD" | sed 's/["\\]/\\&/g; s/.*/user = "&"/' |
    curl -fsS --max-time 5 -K - "http://127.0.0.1:${PORT:-8080}$1"
}
# One after the other, and by what is said: in a pipe a failing curl is not noticed, and `jq -e` finds no fault in nothing.
health=$(get /global/health)
place=$(get /path)
[ "$(printf '%s' "$health" | jq -r .healthy)" = true ]
[ "$(printf '%s' "$place" | jq -r .directory)" = /workspace ]
