#!/bin/sh
# Writes the configuration files from the table beside this script: render.sh FOLDER PLUGIN
set -eu
here=$(dirname "$0") folder=$1 plugin=$2
render() {
  jq -f "$here/render.jq" --arg make "$1" --argjson plugin "$plugin" --argjson override '{}' \
    "$here/agents.json"
}

# Where this file is missing the server writes it, and on a read-only root it then never answers.
printf '*\n' >"$folder/.gitignore"
render opencode >"$folder/opencode.json"
rm -f "$folder/oh-my-opencode.json"
if [ "$plugin" = 1 ]; then render plugin >"$folder/oh-my-opencode.json"; fi
