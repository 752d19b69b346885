#!/bin/sh
# Prints the packages of this Debian system as a CycloneDX bill of materials.
#   tools/sbom.sh VERSION [LINKED]
# LINKED is a file of more packages, which are linked into the program; sbom.sh --format prints the
# dpkg-query format of such a file.
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
  "metadata": {
    "component": { "type": "application", "name": "ai-stack-deployer", "version": "$version" }
  },
  "components": [
JSON
{ dpkg-query -W -f "$format"; cat "$linked"; } | awk -v distribution="$distribution" '
    function escape(text) {
        gsub(/%/, "%25", text); gsub(/\+/, "%2B", text); gsub(/:/, "%3A", text)
        return text
    }
    $1 == "installed" {
        printf "%s    { \"type\": \"library\", ", comma
        printf "\"name\": \"%s\", \"version\": \"%s\", ", $2, $3
        printf "\"purl\": \"pkg:deb/debian/%s@%s?arch=%s&distro=%s\", ", \
            escape($2), escape($3), $4, distribution
        printf "\"properties\": [{ \"name\": \"debian:source\", \"value\": \"%s\" }] }", $5
        comma = ",\n"
    }
    END { print "" }'
printf '  ]\n}\n'
