#!/usr/bin/env bash
# Fetches what the stack's tests ask: the OpenCode binary and the plugin's schema, in the versions that stack/ pins: tools/opencode.sh FOLDER
# Without a network nothing is fetched; the tests then say what they skip.
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
*) echo "opencode: there is no OpenCode for $(uname -m)" >&2; exit 0 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { (cd "$work" && npm pack --silent "$1@$2" >/dev/null && tar -xzf ./*.tgz && rm ./*.tgz); }

echo "opencode: fetching OpenCode $opencode and the plugin's schema for the stack's tests (npm)"
fetch "$package" "$opencode" || { echo "opencode: npm could not fetch $package $opencode; what needs it will be skipped" >&2; exit 0; }
install -m 0755 "$work/package/bin/opencode" "$folder/opencode"
rm -rf "$work/package"
fetch oh-my-opencode "$plugin" || { echo "opencode: npm could not fetch oh-my-opencode $plugin; what needs it will be skipped" >&2; exit 0; }
cp "$work/package/dist/oh-my-opencode.schema.json" "$folder/plugin.schema.json"
echo "$opencode $plugin" >"$folder/versions"
