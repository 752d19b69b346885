#!/bin/sh
# Installs what package.json and bun.lock pin, and copies what is needed at run time to OUT:
#   packages.sh OUT PLUGIN
set -eu
out=$1 plugin=$2

# The "baseline" binary runs on processors without AVX2 too.
case "$(uname -m)" in
x86_64) binary=opencode-linux-x64-baseline platform=linux-x64 ;;
aarch64) binary=opencode-linux-arm64 platform=linux-arm64 ;;
*) echo "packages: OpenCode does not exist for $(uname -m)" >&2; exit 1 ;;
esac

install() {
    (cd "$1" && bun install --production --frozen-lockfile --ignore-scripts --no-progress)
}

install opencode
if [ ! -e "opencode/node_modules/$binary" ]; then
    echo "packages: bun.lock has no $binary; write the lock file on such a machine" >&2
    exit 1
fi
mkdir -p "$out/usr/local/bin" "$out/opt/stack"
cp "opencode/node_modules/$binary/bin/opencode" "$out/usr/local/bin/opencode"
chmod 0755 "$out/usr/local/bin/opencode"

# Of the plugin's 480 MB only these are loaded. Its licence is in its folder.
if [ "$plugin" = 1 ]; then
    install plugin
    modules=$out/opt/stack/node_modules
    mkdir -p "$modules/@code-yeongyu"
    cp -a plugin/node_modules/oh-my-opencode plugin/node_modules/zod "$modules/"
    cp -a plugin/node_modules/@code-yeongyu/comment-checker "$modules/@code-yeongyu/"
    find "$modules/@code-yeongyu/comment-checker/vendor" -mindepth 1 -maxdepth 1 \
        ! -name "$platform" -exec rm -rf {} +
fi
