#!/bin/bash
# Healthy: the server can open the workspace, as its own JSON says; an unknown path answers a web
# page with status 200. Docker starts this again a second after its end: until the server has been
# usable once, it looks five times a second, and then every ten seconds. bash asks by itself, since
# curl, jq and sed took a quarter of a second of processor time for each look.
set -u
state=${STACK_CHECK_DIR:-/tmp}
secret=$state/.health-credentials was_usable=$state/.health-usable

if [ ! -e "$secret" ]; then
  umask 077
  printf '%s:%s' "${OPENCODE_SERVER_USERNAME:-opencode}" "$OPENCODE_SERVER_PASSWORD" |
    base64 -w 0 >"$secret"
fi

# The server does not always close the connection after an answer, so its length is read.
ask() { # PATH SECONDS PART: whether the answer has that part; a look that hangs is given up
  local credentials line status='' length=0 body=''
  read -r credentials <"$secret"
  { exec 3<>"/dev/tcp/127.0.0.1/${PORT:-8080}"; } 2>/dev/null || return 1
  printf '%s\r\n' "GET $1 HTTP/1.1" "Host: 127.0.0.1" "Authorization: Basic $credentials" \
    "Connection: close" "" >&3
  while read -r -t "$2" line <&3 && [ "$line" != $'\r' ]; do
    [ -n "$status" ] || status=$line
    [[ ${line,,} != content-length:* ]] || length=${line//[!0-9]/}
  done
  read -r -t "$2" -N "$length" body <&3
  exec 3>&-
  [[ $status == "HTTP/1.1 200 "* && $body == *"$3"* ]]
}

if [ -e "$was_usable" ]; then
  sleep "${STACK_CHECK_SECONDS:-10}"
  ask /path 5 '"directory":"/workspace"' || exit 1
else
  # What arrives in the server's first quarter of a second is never answered; its first answer about
  # the workspace takes some seconds.
  until ask /global/health 0.5 '"healthy":true' && ask /path 8 '"directory":"/workspace"'; do
    [ "$SECONDS" -lt 20 ] || exit 1
    sleep 0.2
  done
  : >"$was_usable"
fi
# A workspace without a report never sleeps.
activity.sh || :
