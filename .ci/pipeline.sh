#!/usr/bin/env bash
# The steps of the pipeline, so that each can be typed by hand: .ci/pipeline.sh check|images|deploy|verify
#
#   check    style, linters, every test
#   images   builds both images, tests them where there is an engine, pushes by commit and by version tag
#   deploy   rolls the portal out through Dokploy, goes back by itself when it does not become ready
#   verify   the portal in force: health, a name, the page, and a whole deploy and delete of a smoke stack
#
# Environment: IMAGE_PREFIX (registry and folder), REGISTRY_USERNAME and REGISTRY_PASSWORD, DOKPLOY_URL, DOKPLOY_API_TOKEN, PORTAL_URL,
# SMOKE_TOKEN (may deploy), and what config.lua needs.
set -euo pipefail
cd "$(dirname "$0")/.."

deployer=${DEPLOYER:-build/deployer}
say() { printf '\n== %s\n' "$*"; }
need() { for name in "$@"; do [ -n "${!name:-}" ] || { echo "pipeline: $name is not set" >&2; exit 1; }; done; }
release() { git describe --tags --always; }

check() { tools/setup.sh test; make check; make test; }

images() {
    need IMAGE_PREFIX
    if [ -n "${REGISTRY_USERNAME:-}" ]; then
        printf %s "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USERNAME" --password-stdin "${IMAGE_PREFIX%%/*}"
    fi
    local word
    word=$(release)
    make image PORTAL_IMAGE="$IMAGE_PREFIX/ai-stack-deployer" RELEASE="$word"
    make stack-image STACK_TAG="$IMAGE_PREFIX/ai-stack" RELEASE="$word" PLUGIN="${PLUGIN:-1}"
    make test-docker
    for name in ai-stack-deployer ai-stack; do push "$IMAGE_PREFIX/$name" "$word"; done
}
# By commit, and by version when this commit carries a tag.
push() {
    local commit
    commit=$(git rev-parse --short=12 HEAD)
    docker tag "$1:$2" "$1:$commit"
    docker push "$1:$commit"
    if git describe --exact-match --tags >/dev/null 2>&1; then docker push "$1:$2"; fi
}

deploy() {
    need IMAGE_PREFIX DOKPLOY_URL
    make build/deployer
    "$deployer" doctor
    # shellcheck disable=SC2086
    "$deployer" rollout --image "$IMAGE_PREFIX/ai-stack-deployer:$(git rev-parse --short=12 HEAD)" --release "$(release)" ${ROLLOUT:-}
}

ask() { curl -fsS --max-time 15 "$@"; }
expect() { # WHAT PATTERN: of the standard input
    local text
    text=$(cat)
    if grep -qE "$2" <<<"$text"; then echo "ok    $1"; else echo "fail  $1: $(head -c 300 <<<"$text")"; exit 1; fi
}

# The smoke stack goes, however this ends.
smoke='' smoke_auth=()
clear_smoke() {
    if [ -z "$smoke" ]; then return; fi
    local status
    status=$(curl -sS --max-time 15 -o /dev/null -w '%{http_code}' "${smoke_auth[@]}" -X DELETE "$PORTAL_URL/api/stack/$smoke?data=delete" || true)
    case $status in
    2*) echo "pipeline: $smoke is being taken away" ;;
    404) ;; # its deployment failed and took it away
    *) echo "pipeline: $smoke may be left (status $status); delete it by hand" >&2 ;;
    esac
}

verify() {
    need PORTAL_URL
    local name auth=() accepted key url id
    name=smoke-$(date +%s)
    trap clear_smoke EXIT
    if [ -n "${SMOKE_TOKEN:-}" ]; then auth=(-H "Authorization: Bearer $SMOKE_TOKEN"); fi
    ask "$PORTAL_URL/ready" | expect ready "\"release\":\"$(release)\""
    ask "$PORTAL_URL/health" | expect health '"status":"healthy"'
    ask "$PORTAL_URL/api/check/$name" | expect name '"available":true'
    ask "$PORTAL_URL/" | expect page '<html'
    accepted=$(ask "${auth[@]}" -X POST "$PORTAL_URL/api/deploy" -H 'Content-Type: application/json' -d "{\"name\":\"$name\"}")
    expect deploy '"deploymentId"' <<<"$accepted"
    key=$(jq -r '.ownerKey // empty' <<<"$accepted")
    url=$PORTAL_URL$(jq -r .statusUrl <<<"$accepted")
    if [ -n "$key" ]; then auth=(-H "Authorization: Bearer $key"); fi
    smoke=$name smoke_auth=("${auth[@]}")
    curl -fsSN --max-time 600 "$url" | expect stack '^event: ready'
    id=$(ask "${auth[@]}" -X DELETE "$PORTAL_URL/api/stack/$name?data=delete" | jq -r .statusUrl)
    curl -fsSN --max-time 300 "$PORTAL_URL$id" | expect delete '^event: deleted'
    smoke=
}

case ${1:-} in
check | images | deploy | verify) say "$1"; "$1" ;;
*) echo "pipeline: say check, images, deploy or verify" >&2; exit 2 ;;
esac
