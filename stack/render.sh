#!/bin/sh
# Makes the configuration files of the table beside this script: render.sh FOLDER PLUGIN
set -eu
here=$(dirname "$0") folder=$1 plugin=$2
render() { jq -f "$here/render.jq" --arg make "$1" --argjson plugin "$plugin" --argjson override '{}' "$here/agents.json"; }

# The server writes this one itself where it is missing, and answers nothing when it cannot: on a read-only root.
printf '*\n' >"$folder/.gitignore"
render opencode >"$folder/opencode.json"
rm -f "$folder/oh-my-opencode.json"
if [ "$plugin" = 1 ]; then render plugin >"$folder/oh-my-opencode.json"; fi
