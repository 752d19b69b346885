#!/usr/bin/env bash
# Installs missing packages on a Debian 12 machine and prints what each is for.
#
#   tools/setup.sh run          to build and run the portal
#   tools/setup.sh test         the same, plus tests and checks
#   tools/setup.sh clients      the browsers, clients and proxies that the long tests talk to
#   tools/setup.sh test-image   to run the tests while the image is built
#   tools/setup.sh bench        the same as run, plus the load generator
#   tools/setup.sh fuzz         the same as run, plus the fuzzer
#
# SKIP_SETUP=1 does nothing, for machines where packages are installed by other means.
set -euo pipefail
cd "$(dirname "$0")/.."

# package  oldest version that works (- for any)  purpose
run_packages() { cat <<'LIST'
gcc                   -                         the C compiler
libc6-dev             -                         the C library's headers
make                  -                         runs the build
pkg-config            -                         finds the libraries
libevent-dev          2.1.12-stable-8+deb12u1   the HTTP server; older patch levels can be crashed
libcurl4-openssl-dev  -                         calls to Dokploy
liblua5.4-dev         -                         the scripts
lua-cjson-dev         -                         JSON
libsqlite3-dev        -                         the journal
libssl-dev            -                         hashes and signatures
zlib1g-dev            -                         compressed pages
libunistring-dev      -                         suggestions for names in any script
tzdata                -                         time zones of schedules
LIST
}
image_packages() { cat <<'LIST'
lua5.4                -                         runs the checkers and the Lua tests
libcmocka-dev         -                         C tests
lua-busted            -                         Lua tests
lua-cjson             -                         JSON in the checkers and the Lua tests
LIST
    node_package
}
test_packages() { image_packages; cat <<'LIST'
lua-check             -                         checks the Lua
lua-yaml              -                         reads the workflows in the checkers
cppcheck              -                         checks the C
clang-format          -                         formats the C
chromium              -                         the browser of the page's tests
openssl               -                         certificates for the doctor's tests
sqlite3               -                         reads the journal in tests
jq                    -                         renders the workspace's configuration in its tests
curl                  -                         runs the commands of the documents in their tests
fonts-noto-core       -                         glyphs for the Arabic page
fonts-dejavu-core     -                         glyphs for the other pages
LIST
    if ! command -v npm >/dev/null; then
        echo "npm - installs the driver of the browser tests"
    fi
}
client_packages() { cat <<'LIST'
nginx-light           -                         a proxy in front of the portal
haproxy               -                         another
caddy                 -                         another
curl                  -                         a client
wget                  -                         another
httpie                -                         another
python3               -                         another, with urllib
webkit2gtk-driver     -                         WebKit, the engine of Safari
xvfb                  -                         the screen that WebKit wants
xauth                 -                         that screen's key
LIST
}
bench_packages() { echo "wrk - makes the load"; node_package; }
fuzz_packages() { cat <<'LIST'
clang                 -                         the compiler that brings the fuzzer
libclang-rt-14-dev    -                         the fuzzer and its sanitizers
LIST
}
# A Node.js from another source will do, from version 18.19 on.
node_package() {
    if ! node_is_good; then echo "nodejs 18.19 runs the HTTP and browser tests"; fi
}
node_is_good() {
    node -e 'const [a, b] = process.versions.node.split(".")
        process.exit(a > 18 || (a == 18 && b >= 19) ? 0 : 1)' 2>/dev/null
}

fail() { echo "setup: $*" >&2; exit 1; }

# Reads a package list like those above; prints the lines whose requirement is not met.
missing() {
    local list have name version why status found
    list=$(cat)
    have=$(awk '{print $1}' <<<"$list" |
        xargs dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' 2>/dev/null || true)
    while read -r name version why; do
        [ -n "$name" ] || continue
        read -r _ status found <<<"$(awk -v n="$name" '$1 == n && $2 == "installed"' <<<"$have" |
            head -n 1)"
        if [ "${status:-}" = installed ] &&
            { [ "$version" = - ] || dpkg --compare-versions "$found" ge "$version"; }; then
            continue
        fi
        echo "$name $version $why"
    done <<<"$list"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else fail "this needs root. Run it once as root: sudo $(pwd)/tools/setup.sh $group"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

install_missing() {
    local lines names log
    lines=$(missing)
    if [ -z "$lines" ]; then return; fi
    echo "setup: installing with apt:"
    while read -r name version why; do printf '  %-22s %s\n' "$name" "$why"; done <<<"$lines"
    names=$(awk '{print $1}' <<<"$lines")
    # A failing update does not matter if the packages are available.
    apt update >/dev/null || echo "setup: apt-get update failed; continuing with the old lists" >&2
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! apt install --no-install-recommends $names >"$log" 2>&1; then
        tail -20 "$log" >&2
        fail "apt could not install: $(tr '\n' ' ' <<<"$names"). The lines above say why;" \
            "check the network and the package sources, and run it again."
    fi
    rm -f "$log"
    lines=$(missing <<<"$lines")
    if [ -n "$lines" ]; then
        lines=$(awk '{printf "%s (%s or newer) ", $1, $2}' <<<"$lines")
        fail "still missing or too old: $lines." \
            "Add Debian's security archive to the package sources and run it again."
    fi
}

# The lock file pins the modules of the tests.
install_modules() {
    local installed=tests/node_modules/.package-lock.json
    if [ -f $installed ] && [ ! tests/package-lock.json -nt $installed ]; then return; fi
    echo "setup: npm ci in tests/"
    (cd tests && npm ci --no-audit --no-fund --loglevel=error) ||
        fail "npm ci failed in tests/; check the network"
    touch $installed
}

group=${1:-run}
if [ "${SKIP_SETUP:-}" = 1 ]; then exit 0; fi
case $group in
run | test | clients | test-image | bench | fuzz) ;;
*) fail "unknown group '$group'; use run, test, clients, test-image, bench or fuzz" ;;
esac
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    {
        echo "setup: this is not a Debian machine. Install these yourself, then use SKIP_SETUP=1:"
        run_packages; test_packages; client_packages; bench_packages; fuzz_packages
    } >&2
    exit 1
fi
case $group in
run) run_packages ;;
test) run_packages; test_packages ;;
clients) client_packages ;;
test-image) image_packages ;;
bench) run_packages; bench_packages ;;
fuzz) run_packages; fuzz_packages ;;
esac | { install_missing; }
if [ "$group" = test ]; then install_modules; fi
