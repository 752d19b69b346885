#!/usr/bin/env bash
# Installs what is missing on a Debian 12 machine, and says what and why. Asks nothing; does nothing when all is there.
#
#   tools/setup.sh run          to build and run the portal
#   tools/setup.sh test         that, and all that the tests and checks use
#   tools/setup.sh bench        that, and the load generator
#   tools/setup.sh fuzz         what builds the portal, and the fuzzer
#
# SKIP_SETUP=1 leaves it out: for a machine that is not Debian, or where others install packages.
set -euo pipefail
cd "$(dirname "$0")/.."

# package  oldest version that will do (- for any)  why
run_packages() { cat <<'LIST'
gcc                   -                         the C compiler
libc6-dev             -                         the C library's headers
make                  -                         runs the build
pkg-config            -                         finds the libraries
libevent-dev          2.1.12-stable-8+deb12u1   the HTTP server underneath; older patch levels can be crashed from outside
libcurl4-openssl-dev  -                         calls to Dokploy
liblua5.4-dev         -                         the scripts
lua-cjson-dev         -                         JSON
libsqlite3-dev        -                         the journal
libssl-dev            -                         hashes and signatures
zlib1g-dev            -                         compressed pages
LIST
}
test_packages() { cat <<'LIST'
lua5.4                -                         runs the checkers and the Lua tests
libcmocka-dev         -                         C tests
lua-busted            -                         Lua tests
lua-cjson             -                         JSON in the checkers and the Lua tests
lua-check             -                         checks the Lua
cppcheck              -                         checks the C
clang-format          -                         keeps the C's style
chromium              -                         the browser of the page's tests
openssl               -                         certificates for the doctor's tests
sqlite3               -                         reads the journal in the property test
jq                    -                         renders the stack's configuration in its tests
fonts-noto-core       -                         letters for the Arabic page
fonts-dejavu-core     -                         letters for the others
LIST
    node_package
    if ! command -v npm >/dev/null; then echo "npm                   -                         brings the browser tests' driver"; fi
}
bench_packages() { cat <<'LIST'
wrk                   -                         makes the load
LIST
    node_package
}
fuzz_packages() { cat <<'LIST'
clang                 -                         the compiler that comes with a fuzzer
libclang-rt-14-dev    -                         the fuzzer, and the sanitizers that it runs under
LIST
}
# A node from elsewhere is as good, if it is not older than 18.19.
node_package() {
    if ! node_is_good; then echo "nodejs                18.19                     runs the HTTP and browser tests, and the benchmark"; fi
}
node_is_good() { node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 19) ? 0 : 1)' 2>/dev/null; }

fail() { echo "setup: $*" >&2; exit 1; }

# Reads a list as above; prints the lines of it that are not met.
missing() {
    local list have name version why status found
    list=$(cat)
    have=$(awk '{print $1}' <<<"$list" | xargs dpkg-query -W -f '${Package} ${db:Status-Status} ${Version}\n' 2>/dev/null || true)
    while read -r name version why; do
        [ -n "$name" ] || continue
        read -r _ status found <<<"$(awk -v name="$name" '$1 == name && $2 == "installed" {print; exit}' <<<"$have")"
        if [ "${status:-}" = installed ] && { [ "$version" = - ] || dpkg --compare-versions "$found" ge "$version"; }; then continue; fi
        echo "$name $version $why"
    done <<<"$list"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else fail "this needs root. Run it once as root: sudo $(pwd)/tools/setup.sh $group"
    fi
}

install_missing() {
    local lines names
    lines=$(missing)
    if [ -z "$lines" ]; then return; fi
    echo "setup: installing with apt:"
    while read -r name version why; do printf '  %-22s %s\n' "$name" "$why"; done <<<"$lines"
    names=$(awk '{print $1}' <<<"$lines")
    # Lists may be stale or absent; an update that fails is no reason to stop, if the packages can be had.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null ||
        echo "setup: apt-get update failed; going on with the lists that are here" >&2
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends $names >/tmp/setup-apt.$$ 2>&1 || {
        tail -20 "/tmp/setup-apt.$$" >&2; rm -f "/tmp/setup-apt.$$"
        fail "apt could not install: $(tr '\n' ' ' <<<"$names"). The lines above say why; see to the network or the package sources, and run it again."
    }
    rm -f "/tmp/setup-apt.$$"
    lines=$(missing <<<"$lines")
    if [ -n "$lines" ]; then
        fail "still missing or too old: $(awk '{printf "%s (%s or newer) ", $1, $2}' <<<"$lines"). Add Debian's security archive to /etc/apt/sources.list and run it again."
    fi
}

# What the tests are written with; the lock file pins it.
install_modules() {
    if [ ! -f tests/package-lock.json ]; then return; fi
    if [ -f tests/node_modules/.package-lock.json ] && [ ! tests/package-lock.json -nt tests/node_modules/.package-lock.json ]; then return; fi
    echo "setup: npm ci in tests/ (playwright-core: drives the browser in the page's tests; fast-check: makes random sequences, and makes those that fail smaller)"
    (cd tests && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in tests/; is the network there?"
    touch tests/node_modules/.package-lock.json
}

group=${1:-run}
if [ "${SKIP_SETUP:-}" = 1 ]; then exit 0; fi
case $group in run | test | bench | fuzz) ;; *) fail "unknown group '$group'; it is one of: run test bench fuzz" ;; esac
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    { echo "setup: this is not a Debian machine. Install these by your own means, then use SKIP_SETUP=1:"; run_packages; test_packages; bench_packages; fuzz_packages; } >&2
    exit 1
fi
case $group in
run) run_packages ;;
test) run_packages; test_packages ;;
bench) run_packages; bench_packages ;;
fuzz) run_packages; fuzz_packages ;;
esac | { install_missing; }
if [ "$group" = test ]; then install_modules; fi
