#!/usr/bin/env bash
# Runs one step of the pipeline: .ci/pipeline.sh check|images|deploy|verify
#
#   check    style, linters, every test: .ci/run
#   images   builds both images, tests them where there is an engine, pushes commit and version tags
#   deploy   rolls the portal out through Dokploy; rolls back when it does not become ready
#   verify   tests the running portal: health, name check, page, one workspace created and deleted
#
# Environment: IMAGE_PREFIX (registry and folder), REGISTRY_USERNAME and REGISTRY_PASSWORD,
# DOKPLOY_URL, DOKPLOY_API_TOKEN, PORTAL_URL, SMOKE_TOKEN (may deploy), and what config.lua needs.
set -euo pipefail
cd "$(dirname "$0")/.."

deployer=${DEPLOYER:-build/deployer}
say() { printf '\n== %s\n' "$*"; }
need() {
    local name
    for name in "$@"; do
        if [ -z "${!name:-}" ]; then
            echo "pipeline: $name is not set" >&2
            exit 1
        fi
    done
}
release() { git describe --tags --always; }
commit() { git rev-parse --short=12 HEAD; }

check() { .ci/run; }

images() {
    need IMAGE_PREFIX
    local tag name
    tag=$(release)
    if [ -n "${REGISTRY_USERNAME:-}" ]; then
        printf %s "$REGISTRY_PASSWORD" |
            docker login --username "$REGISTRY_USERNAME" --password-stdin "${IMAGE_PREFIX%%/*}"
    fi
    make image PORTAL_IMAGE="$IMAGE_PREFIX/ai-stack-deployer" RELEASE="$tag"
    make stack-image STACK_TAG="$IMAGE_PREFIX/ai-stack" RELEASE="$tag" PLUGIN="${PLUGIN:-1}"
    make test-docker
    for name in ai-stack-deployer ai-stack; do push "$IMAGE_PREFIX/$name" "$tag"; done
}
# Pushes the image tagged with the commit, and with the version when this commit has a Git tag.
push() { # IMAGE TAG
    docker tag "$1:$2" "$1:$(commit)"
    docker push "$1:$(commit)"
    if git describe --exact-match --tags >/dev/null 2>&1; then docker push "$1:$2"; fi
}

deploy() {
    need IMAGE_PREFIX DOKPLOY_URL
    make build/deployer
    "$deployer" doctor
    # shellcheck disable=SC2086
    "$deployer" rollout --image "$IMAGE_PREFIX/ai-stack-deployer:$(commit)" \
        --release "$(release)" ${ROLLOUT:-}
}

ask() { curl -fsS --max-time 15 "$@"; }
expect() { # WHAT PATTERN: matches the standard input
    local text
    text=$(cat)
    if grep -qE "$2" <<<"$text"; then
        echo "ok    $1"
    else
        echo "fail  $1: $(head -c 300 <<<"$text")"
        exit 1
    fi
}

# Deletes the smoke workspace, also after a failure.
smoke='' smoke_auth=()
remove_smoke() {
    if [ -z "$smoke" ]; then return; fi
    local status
    status=$(curl -sS --max-time 15 -o /dev/null -w '%{http_code}' "${smoke_auth[@]}" \
        -X DELETE "$PORTAL_URL/api/stack/$smoke?data=delete" || true)
    case $status in
    2*) echo "pipeline: removing $smoke" ;;
    404) ;; # its deployment failed and removed it
    *) echo "pipeline: $smoke may be left (status $status); delete it by hand" >&2 ;;
    esac
}

verify() {
    need PORTAL_URL
    local name auth=() accepted key url status_path
    local json=(-H 'Content-Type: application/json')
    name=smoke-$(date +%s)
    trap remove_smoke EXIT
    if [ -n "${SMOKE_TOKEN:-}" ]; then auth=(-H "Authorization: Bearer $SMOKE_TOKEN"); fi
    ask "$PORTAL_URL/ready" | expect ready "\"release\":\"$(release)\""
    ask "$PORTAL_URL/health" | expect health '"status":"healthy"'
    ask "$PORTAL_URL/api/check/$name" | expect name '"available":true'
    ask "$PORTAL_URL/" | expect page '<html'
    accepted=$(ask "${auth[@]}" "${json[@]}" "$PORTAL_URL/api/deploy" -d "{\"name\":\"$name\"}")
    expect deploy '"deploymentId"' <<<"$accepted"
    key=$(jq -r '.ownerKey // empty' <<<"$accepted")
    if [ -n "$key" ]; then auth=(-H "Authorization: Bearer $key"); fi
    smoke=$name smoke_auth=("${auth[@]}")
    url=$PORTAL_URL$(jq -r .statusUrl <<<"$accepted")
    curl -fsSN --max-time 600 -H 'Accept: text/event-stream' "$url" | expect stack '^event: ready'
    status_path=$(ask "${auth[@]}" -X DELETE "$PORTAL_URL/api/stack/$name?data=delete" |
        jq -r .statusUrl)
    curl -fsSN --max-time 300 -H 'Accept: text/event-stream' "$PORTAL_URL$status_path" |
        expect delete '^event: deleted'
    smoke=
}

case ${1:-} in
check | images | deploy | verify)
    say "$1"
    "$1"
    ;;
*)
    echo "usage: .ci/pipeline.sh check|images|deploy|verify" >&2
    exit 2
    ;;
esac
