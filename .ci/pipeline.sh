#!/usr/bin/env bash
# Runs one step of the pipeline: .ci/pipeline.sh check|images|push|deploy|verify|rollback
#
#   check     style, linters, every test: .ci/run
#   images    builds both images, tests them where there is an engine
#   push      pushes them under the commit and the version
#   deploy    rolls the portal out through Dokploy; rolls back when it does not become ready
#   verify    tests the running portal: health, name check, page, one workspace created and deleted.
#             It fails on what the release broke; what was wrong around it before is only noted
#   rollback  after a failed verify: the previous release, unless another one is in force already
#
# Environment: IMAGE_PREFIX (registry and folder); push: REGISTRY_USERNAME, REGISTRY_PASSWORD;
# deploy, rollback: DOKPLOY_URL, DOKPLOY_API_TOKEN and what config.lua needs; verify, rollback:
# PORTAL_URL; verify: SMOKE_TOKEN (may deploy). Each step gets the secrets that it names, no others.
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
    local tag
    tag=$(release)
    make image PORTAL_IMAGE="$IMAGE_PREFIX/ai-stack-deployer" RELEASE="$tag"
    make stack-image STACK_TAG="$IMAGE_PREFIX/ai-stack" RELEASE="$tag" PLUGIN="${PLUGIN:-1}"
    make test-docker
}

push() {
    need IMAGE_PREFIX
    local name
    if [ -n "${REGISTRY_USERNAME:-}" ]; then
        printf %s "$REGISTRY_PASSWORD" |
            docker login --username "$REGISTRY_USERNAME" --password-stdin "${IMAGE_PREFIX%%/*}"
    fi
    for name in ai-stack-deployer ai-stack; do push_image "$IMAGE_PREFIX/$name" "$(release)"; done
}
# Pushes the image tagged with the commit, and with the version when this commit has a Git tag.
push_image() { # IMAGE TAG
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

rollback() {
    need DOKPLOY_URL PORTAL_URL
    local running
    running=$(curl -sS --max-time 15 "$PORTAL_URL/ready" | jq -r '.release // empty' || true)
    if [ -n "$running" ] && [ "$running" != "$(release)" ]; then
        echo "pipeline: $running is in force, not $(release): nothing to roll back"
        return
    fi
    make build/deployer
    # shellcheck disable=SC2086
    "$deployer" rollback ${ROLLOUT:-}
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

# What a release itself can break; the rest concerns Dokploy, or was there before.
OWN_TROUBLE='["journal", "edit_rejected"]'
health() {
    local document own other
    document=$(ask "$PORTAL_URL/health")
    own=$(jq -r --argjson own "$OWN_TROUBLE" \
        '.degraded[] | select(.code | IN($own[])) | "\(.code): \(.detail)"' <<<"$document")
    other=$(jq -r --argjson own "$OWN_TROUBLE" \
        '.degraded[] | select(.code | IN($own[]) | not) | .code' <<<"$document")
    if [ -n "$other" ]; then echo "note  health: $(paste -sd ' ' <<<"$other")"; fi
    expect health '^$' <<<"$own"
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
    health
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
check | images | push | deploy | verify | rollback)
    say "$1"
    "$1"
    ;;
*)
    echo "usage: .ci/pipeline.sh check|images|push|deploy|verify|rollback" >&2
    exit 2
    ;;
esac
