#!/usr/bin/env bash
# Prints the path of promtool: the system's, or one unpacked from Debian's package `prometheus` into
# FOLDER without installing the server. Prints nothing when there is none.
#   tools/promtool.sh FOLDER
set -euo pipefail
if command -v promtool; then exit 0; fi
mkdir -p "$1"
cd "$1"
if [ ! -x usr/bin/promtool ]; then
    apt-get download -q prometheus >/dev/null 2>&1 || exit 0
    dpkg -x prometheus_*.deb .
    rm -f prometheus_*.deb
fi
echo "$PWD/usr/bin/promtool"
