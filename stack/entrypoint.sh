#!/bin/sh
# Prepares the user's state on the volume, then becomes the server. Exit statuses: 78 the
# configuration is wrong, 73 the volume is not writable, 70 the image is broken.
set -eu
umask 027
: "${PORT:=8080}" "${STACK_STATE_DIR:=/workspace/.stack}" "${STACK_AGENTS:={\}}"
baked=${OPENCODE_CONFIG_DIR:-/shared/config} table=/opt/stack

die() { echo "entrypoint: $2" >&2; exit "$1"; }

# Without a password, anyone who reaches the port would have a shell.
password=${OPENCODE_SERVER_PASSWORD:-}
[ "${#password}" -ge 16 ] ||
  die 78 "OPENCODE_SERVER_PASSWORD must have 16 characters or more; without it anyone gets a shell"
mkdir -p "$STACK_STATE_DIR" 2>/dev/null && [ -w "$STACK_STATE_DIR" ] ||
  die 73 "$STACK_STATE_DIR is not writable for user $(id -u); the volume must belong to it"

# Sessions, keys and settings are below HOME, because they must outlive the container.
export HOME="$STACK_STATE_DIR/home"
export XDG_CONFIG_HOME="$HOME/.config" XDG_DATA_HOME="$HOME/.local/share"
export XDG_STATE_HOME="$HOME/.local/state"
own=$XDG_CONFIG_HOME/opencode
mkdir -p "$own/node_modules" "$XDG_DATA_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME"
[ -e "$STACK_STATE_DIR/.gitignore" ] || printf '*\n' >"$STACK_STATE_DIR/.gitignore"
# A lock file that names the plugin SDK keeps the server from fetching it, which takes 70 seconds
# where there is no network.
[ -e "$own/package-lock.json" ] ||
  printf '{"lockfileVersion":3,"packages":{"":{"dependencies":{"@opencode-ai/plugin":"*"}}}}\n' \
    >"$own/package-lock.json"

plugin=0
[ ! -e "$baked/oh-my-opencode.json" ] || plugin=1
render() {
  jq -c -f "$table/render.jq" --arg make "$1" --argjson plugin "$plugin" \
    --argjson override "$STACK_AGENTS" "$table/agents.json"
}

# STACK_AGENTS={"Oracle":"provider/model"} gives a role another model, by the admin's policy.
# OPENCODE_CONFIG_CONTENT has precedence over it.
if [ "$STACK_AGENTS" != "{}" ]; then
  changed=$(render agents) ||
    die 78 'STACK_AGENTS must be JSON such as {"Oracle":"provider/model"}; see the line above'
  OPENCODE_CONFIG_CONTENT=$(
    printf '%s\n%s\n' "$changed" "${OPENCODE_CONFIG_CONTENT:-{\}}" | jq -cs '.[0] * .[1]'
  ) || die 78 "OPENCODE_CONFIG_CONTENT is not a JSON object"
  export OPENCODE_CONFIG_CONTENT
fi

# The plugin reads only ~/.omo/omo.jsonc. The file follows the image until the user edits it.
refresh_plugin() {
  file=$HOME/.omo/omo.jsonc mark=$HOME/.omo/.baked.sha256
  mkdir -p "$HOME/.omo"
  [ ! -e "$file" ] || [ "$(sha256sum <"$file")" = "$(cat "$mark" 2>/dev/null)" ] || return 0
  render plugin | jq '{
    "[opencode]": del(."$schema"),
    _migrations: ["2026-07-opencode-config-unification", "2026-08-reasoning-unification"]
  }' >"$file.new" || die 70 "the image's table of agents cannot be read"
  mv "$file.new" "$file"
  sha256sum <"$file" >"$mark"
}
[ "$plugin" = 0 ] || refresh_plugin

# The JavaScript engine sizes its heap by the machine's memory, not by the container's limit. With
# half of that limit it serves a working session in 512 MB, where it is killed otherwise; the other
# half is for other memory and for the user's programs.
limit=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null |
  head -n 1)
case $limit in
'' | *[!0-9]* | ????????????????*) ;; # no limit
*) export BUN_JSC_forceRAMSize="${BUN_JSC_forceRAMSize:-$((limit / 2))}" ;;
esac

cd /workspace
# STACK_REPOSITORY=https://... is cloned once; when that fails, again at the next start.
cloned=$STACK_STATE_DIR/cloned
if [ -n "${STACK_REPOSITORY:-}" ] && [ ! -e "$cloned" ]; then
  if GIT_TERMINAL_PROMPT=0 timeout 60 git clone -q -- "$STACK_REPOSITORY" >&2; then
    : >"$cloned"
  else
    echo "entrypoint: STACK_REPOSITORY could not be cloned; going on without it" >&2
  fi
fi
exec opencode serve --hostname 0.0.0.0 --port "$PORT" "$@"
