#!/usr/bin/env bash
# Prints where promtool is: the system's, or one unpacked from Debian's package `prometheus` into FOLDER, without installing the server:
# tools/promtool.sh FOLDER. Prints nothing when neither can be had.
set -euo pipefail
if command -v promtool; then exit 0; fi
mkdir -p "$1"
cd "$1"
if [ ! -x usr/bin/promtool ]; then
    apt-get download -q prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb . && rm -f prometheus_*.deb || exit 0
fi
echo "$PWD/usr/bin/promtool"
