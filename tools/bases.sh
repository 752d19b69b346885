#!/usr/bin/env bash
# Builds base images from Debian's and npm's packages, where the usual bases cannot be pulled:
#
#   tools/bases.sh debian    prints the name of an image like debian:bookworm-slim
#   tools/bases.sh bun       prints the name of one like oven/bun:debian
#
# The images are kept; FRESH=1 builds them again. Needs root, debootstrap, npm and a Docker engine.
# Where a proxy inspects TLS (NODE_EXTRA_CA_CERTS is set), the bun base trusts the same authorities.
set -euo pipefail
BUN=1.4.5
debian=deployer-base/debian:bookworm bun=deployer-base/bun:$BUN

fail() { echo "bases: $*" >&2; exit 1; }
have() { [ "${FRESH:-}" != 1 ] && docker image inspect "$1" >/dev/null 2>&1; }

make_debian() {
    have "$debian" && return
    command -v debootstrap >/dev/null || fail "debootstrap is missing (apt-get install debootstrap)"
    [ "$(id -u)" = 0 ] || fail "debootstrap needs root"
    local root
    root=$(mktemp -d)
    if ! debootstrap --variant=minbase bookworm "$root/debian" >"$root/log" 2>&1; then
        tail -5 "$root/log" >&2
        fail "debootstrap failed"
    fi
    secure "$root/debian"
    slim "$root/debian"
    tar -C "$root/debian" -c . | docker import --change 'CMD ["bash"]' - "$debian" >/dev/null
    rm -rf "$root"
}
# Adds the archives of updates, as in Debian's own image: the build needs a libevent from there.
secure() {
    sed -i 's|^deb \(.*/debian\)/* bookworm main$|&\
deb \1-security bookworm-security main\
deb \1 bookworm-updates main|' "$1/etc/apt/sources.list"
    chroot "$1" sh -c 'apt-get update && apt-get -y upgrade' >/dev/null
}
# Removes what the slim variant leaves out: documentation, and what apt can fetch again.
slim() {
    rm -rf "$1"/var/cache/apt/{*.bin,archives/*.deb} "$1"/var/lib/apt/lists/* "$1"/var/log/*.log \
        "$1"/usr/share/{doc,man,info,locale,lintian,linda}/*
}

make_bun() {
    have "$bun" && return
    make_debian
    local context
    context=$(mktemp -d)
    cd "$context"
    npm pack --silent "@oven/bun-linux-x64@$BUN" >/dev/null && tar -xzf ./*.tgz ||
        fail "npm could not fetch bun $BUN"
    chmod 0755 "$context/package/bin/bun"
    cat "${NODE_EXTRA_CA_CERTS:-/dev/null}" >"$context/authorities.pem"
    cat >"$context/Dockerfile" <<DOCKERFILE
FROM $debian
COPY package/bin/bun /usr/local/bin/bun
COPY authorities.pem /etc/base-authorities.pem
RUN useradd --uid 1000 --create-home bun && mkdir -p /home/bun/app
ENV NODE_EXTRA_CA_CERTS=/etc/base-authorities.pem
WORKDIR /home/bun/app
DOCKERFILE
    docker build -q -t "$bun" "$context" >/dev/null
    rm -rf "$context"
}

docker info >/dev/null 2>&1 || fail "there is no Docker engine"
case ${1:-} in
debian) make_debian >&2; echo "$debian" ;;
bun) make_bun >&2; echo "$bun" ;;
*) fail "usage: tools/bases.sh debian|bun" ;;
esac
