#!/bin/sh
# Makes the configuration files of the table beside this script: render.sh FOLDER PLUGIN
set -eu
here=$(dirname "$0") folder=$1 plugin=$2
render() { jq -f "$here/render.jq" --arg make "$1" --argjson plugin "$plugin" --argjson override '{}' "$here/agents.json"; }

render opencode >"$folder/opencode.json"
rm -f "$folder/oh-my-opencode.json"
if [ "$plugin" = 1 ]; then render plugin >"$folder/oh-my-opencode.json"; fi
