#!/bin/sh
# Stands for the sanitized binary in tests; `make asan` puts a copy beside it. Whatever environment a test starts it with, and whether or not
# the test reads what it says, a finding ends it and is written to a file in the folder reports, where `make asan` looks in the end.
here=${0%/*}
export ASAN_OPTIONS="detect_leaks=1:log_path=$here/reports/address"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$here/reports/undefined"
exec "$here/deployer" "$@"
