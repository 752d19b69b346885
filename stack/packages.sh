#!/bin/sh
# Installs what package.json and bun.lock pin, and copies to OUT only what runs: packages.sh OUT PLUGIN
set -eu
out=$1 plugin=$2

# The "baseline" binary runs on processors without AVX2 too.
case "$(uname -m)" in
x86_64) binary=opencode-linux-x64-baseline platform=linux-x64 ;;
aarch64) binary=opencode-linux-arm64 platform=linux-arm64 ;;
*) echo "packages: there is no OpenCode for $(uname -m)" >&2; exit 1 ;;
esac

install() { (cd "$1" && bun install --production --frozen-lockfile --ignore-scripts --no-progress); }

install opencode
[ -e "opencode/node_modules/$binary" ] || { echo "packages: bun.lock knows no $binary; make it again on such a machine" >&2; exit 1; }
mkdir -p "$out/usr/local/bin" "$out/opt/stack"
cp "opencode/node_modules/$binary/bin/opencode" "$out/usr/local/bin/opencode"
chmod 0755 "$out/usr/local/bin/opencode"

# Of the plugin's 480 MB only these are loaded. Its licence lies in its folder.
if [ "$plugin" = 1 ]; then
    install plugin
    modules=$out/opt/stack/node_modules
    mkdir -p "$modules/@code-yeongyu"
    cp -a plugin/node_modules/oh-my-opencode plugin/node_modules/zod "$modules/"
    cp -a plugin/node_modules/@code-yeongyu/comment-checker "$modules/@code-yeongyu/"
    find "$modules/@code-yeongyu/comment-checker/vendor" -mindepth 1 -maxdepth 1 ! -name "$platform" -exec rm -rf {} +
fi
