#!/usr/bin/env bash
# Fetches what the tests of the workspace image need, in the versions that stack/ pins: the OpenCode
# binary and the plugin's schema. Without a network the tests report what they skip.
#   tools/opencode.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
pinned() { sed -n "s/.*\"$2\": *\"\([0-9.]*\)\".*/\1/p" "stack/$1/package.json"; }
opencode=$(pinned opencode opencode-ai) plugin=$(pinned plugin oh-my-opencode)
if [ "$(cat "$folder/versions" 2>/dev/null)" = "$opencode $plugin" ]; then exit 0; fi

case "$(uname -m)" in
x86_64) package=opencode-linux-x64-baseline ;;
aarch64) package=opencode-linux-arm64 ;;
*) echo "opencode: OpenCode does not exist for $(uname -m)" >&2; exit 0 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { # PACKAGE VERSION: unpacks it into $work/package, or ends the script
    rm -rf "$work/package"
    (cd "$work" && npm pack --silent "$1@$2" >/dev/null && tar -xzf ./*.tgz && rm ./*.tgz) && return
    echo "opencode: npm could not fetch $1 $2; the tests that need it will be skipped" >&2
    exit 0
}

echo "opencode: fetching OpenCode $opencode and the plugin's schema (npm)"
fetch "$package" "$opencode"
install -m 0755 "$work/package/bin/opencode" "$folder/opencode"
fetch oh-my-opencode "$plugin"
cp "$work/package/dist/oh-my-opencode.schema.json" "$folder/plugin.schema.json"
echo "$opencode $plugin" >"$folder/versions"
