#!/bin/sh
# Runs the sanitized binary in tests; `make asan` puts a copy beside it. In any environment, a
# finding ends the process and is written to the folder reports, which `make asan` reads last.
here=@HERE@ # also where a test installs this script elsewhere
export ASAN_OPTIONS="detect_leaks=1:log_path=$here/reports/address"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$here/reports/undefined"
exec "$here/deployer" "$@"
