#!/bin/sh
# Prints what this Debian system is made of, as a CycloneDX bill of materials: tools/sbom.sh VERSION [LINKED]
# LINKED: a file of more packages, which are linked into the program. tools/sbom.sh --format: how dpkg-query writes such a file.
set -eu
# shellcheck disable=SC2016
format='${db:Status-Status} ${Package} ${Version} ${Architecture} ${source:Package}\n'
if [ "$1" = --format ]; then printf %s "$format"; exit; fi
version=$1 linked=${2:-/dev/null}
# shellcheck disable=SC1091
distribution=$(. /etc/os-release && echo "$ID-$VERSION_ID")

cat <<JSON
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": { "component": { "type": "application", "name": "ai-stack-deployer", "version": "$version" } },
  "components": [
JSON
{ dpkg-query -W -f "$format"; cat "$linked"; } | awk -v distribution="$distribution" '
    function escaped(text) { gsub(/%/, "%25", text); gsub(/\+/, "%2B", text); gsub(/:/, "%3A", text); gsub(/~/, "~", text); return text }
    $1 == "installed" {
        printf "%s    { \"type\": \"library\", \"name\": \"%s\", \"version\": \"%s\", \"purl\": \"pkg:deb/debian/%s@%s?arch=%s&distro=%s\", ", \
            comma, $2, $3, escaped($2), escaped($3), $4, distribution
        printf "\"properties\": [{ \"name\": \"debian:source\", \"value\": \"%s\" }] }", $5
        comma = ",\n"
    }
    END { print "" }'
printf '  ]\n}\n'
