# Tasks for developers and pipelines. `make help` lists each line "target: ## text".

BUILD ?= build
DEPLOYER ?= $(BUILD)/deployer
# The binary with crash points; see Makefile.
HOOKS ?= $(BUILD)/hooks/deployer
# T=pattern: only the tests whose file or name matches.
T ?=
JOBS ?= 2000
RUNS ?= 200
FAULTS ?= 5
SEED ?=

.PHONY: help install setup setup-test run test test-all test-lua test-contract test-http \
  test-browser test-long contract-live contract-record check check-format check-lua check-c \
  check-rules fmt asan bench soak property

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## ?/\1\t/' | sort -u | \
	  awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## install the packages to build and run (Debian, apt)
	@tools/setup.sh run

setup-test: ## install the packages to test and check as well
	@tools/setup.sh test

run: setup ## build; start the rehearsal and the portal; PORT=, REHEARSAL_PORT=
	@$(MAKE) --no-print-directory -j$$(nproc) $(DEPLOYER)
	@DEPLOYER=$(DEPLOYER) exec tools/run.sh

PREFIX ?= /opt/deployer

install: all ## install on this machine, for systemd; DESTDIR=, PREFIX=/opt/deployer
	@install -D -m 755 $(DEPLOYER) $(DESTDIR)$(PREFIX)/bin/deployer
	@cp -r config.lua scripts www locales docs $(DESTDIR)$(PREFIX)/
	@install -D -m 644 ops/deployer.service $(DESTDIR)/etc/systemd/system/deployer.service
	@test -e $(DESTDIR)/etc/deployer/env || \
	  install -D -m 640 ops/deployer.env $(DESTDIR)/etc/deployer/env

RUN_TESTS = DEPLOYER=$(abspath $(DEPLOYER)) DEPLOYER_HOOKS=$(abspath $(HOOKS)) \
  C_TESTS=$(abspath $(TESTS)) STACK_PACKAGES=$(abspath $(BUILD)/stack) \
  PROMTOOL="$$(tools/promtool.sh $(BUILD)/promtool)" tools/test.sh

test: setup-test ## run the tests (six minutes on two cores); T=pattern selects some, slow ones too
	@$(MAKE) --no-print-directory -j$$(nproc) $(DEPLOYER) $(HOOKS) $(TESTS) precompressed
	@tools/opencode.sh $(BUILD)/stack
	@$(RUN_TESTS) c lua contract http browser stack ops '$(T)'

# A test of another project's program is skipped, and says so, where that could not be installed.
test-all: setup-test ## run the slow ones: more pages, faults, crash points, long and random tests
	@tools/setup.sh clients || true
	@$(MAKE) --no-print-directory -j$$(nproc) $(DEPLOYER) $(HOOKS) precompressed
	@tools/opencode.sh $(BUILD)/stack
	@SLOW=only A11Y=all TEST_PATIENCE=3 TEST_JOBS=2 $(RUN_TESTS) long http browser stack ops '$(T)'

test-lua: ## unit tests of the Lua scripts; T=pattern selects some
	@tools/test.sh lua '$(T)'

test-contract test-http test-browser test-long: test-%: $(DEPLOYER) $(HOOKS)
	@$(RUN_TESTS) $* '$(T)'

contract-live: setup-test $(DEPLOYER) ## compare a running Dokploy with the recordings; DOKPLOY_URL=
	@DEPLOYER=$(abspath $(DEPLOYER)) node tests/contract/live.mjs

contract-record: setup-test $(DEPLOYER) ## record a fresh Dokploy, to be thrown away; DOKPLOY_URL=
	@DEPLOYER=$(abspath $(DEPLOYER)) node tests/contract/live.mjs record

check: setup-test ## check style, linters, architecture rules, documents, configuration and locales
	@$(MAKE) --no-print-directory $(DEPLOYER)
	@$(MAKE) --no-print-directory -k check-format check-lua check-c check-rules
	@echo "check: all good"

C_FILES = $$(git ls-files 'core/*.[ch]' 'tests/*.[ch]')

check-format:
	@failed=0; \
	for file in $(C_FILES); do \
	  clang-format $$file | cmp -s - $$file || { echo "$$file: run 'make fmt'"; failed=1; }; \
	done; \
	exit $$failed

check-lua:
	@luacheck -q --codes scripts config.lua docs/recipes tools \
	  tests/lua tests/contract tests/c tests/fuzz

# nullPointerRedundantCheck: cppcheck does not know that luaL_error never returns.
check-c:
	@cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	  --inline-suppr --suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck \
	  --library=tools/cppcheck.cfg -Icore core

# Runs every checker, whatever the others find.
check-rules: $(DEPLOYER)
	@failed=0; \
	lua5.4 tools/style.lua || failed=1; \
	lua5.4 tools/floors.lua $(BUILD) || failed=1; \
	lua5.4 tools/papers.lua || failed=1; \
	lua5.4 tools/locales.lua || failed=1; \
	lua5.4 tools/pins.lua || failed=1; \
	lua5.4 tools/workflows.lua || failed=1; \
	tools/stubs.sh $(DEPLOYER) || failed=1; \
	$(DEPLOYER) --check || failed=1; \
	exit $$failed

fmt: ## format the C files
	@clang-format -i $(C_FILES)

# tools/sanitized.sh collects the findings of every process, also those whose output no test reads.
# FAMILIES may include browser and long.
FAMILIES ?= http contract ops
ASAN := $(BUILD)/asan

asan: setup-test ## run the C, HTTP, contract and ops tests under sanitizers; FAMILIES=
	@$(MAKE) --no-print-directory BUILD=$(ASAN) SANITIZE=1 \
	  $(ASAN)/deployer $(ASAN)/hooks/deployer test-c
	@rm -rf $(ASAN)/reports && mkdir $(ASAN)/reports && ln -sfn ../reports $(ASAN)/hooks/reports
	@for folder in $(abspath $(ASAN)) $(abspath $(ASAN))/hooks; do \
	  sed "s|@HERE@|$$folder|" tools/sanitized.sh >$$folder/sanitized; \
	  chmod 755 $$folder/sanitized; \
	done
	@failed=0; SANITIZED=1 SLOW=too TEST_PATIENCE=4 DEPLOYER=$(abspath $(ASAN)/sanitized) \
	  DEPLOYER_HOOKS=$(abspath $(ASAN)/hooks/sanitized) \
	  PROMTOOL="$$(tools/promtool.sh $(BUILD)/promtool)" \
	  tools/test.sh $(FAMILIES) '$(T)' || failed=1; \
	if ls $(ASAN)/reports/* >/dev/null 2>&1; then \
	  cat $(ASAN)/reports/*; echo "asan: there are findings" >&2; exit 1; \
	fi; \
	[ $$failed = 0 ] || exit 1; echo "asan: no findings"

soak: setup-test ## run many deployments with faults and kills; JOBS=2000 FAULTS=5 SEED=
	@$(MAKE) --no-print-directory $(DEPLOYER)
	@DEPLOYER=$(abspath $(DEPLOYER)) JOBS=$(JOBS) FAULTS=$(FAULTS) SEED=$(SEED) \
	  node tests/soak/soak.mjs

property: setup-test ## run random commands, faults and kills; RUNS=200 SEED= REPLAY=
	@$(MAKE) --no-print-directory $(DEPLOYER) $(HOOKS)
	@DEPLOYER=$(abspath $(DEPLOYER)) DEPLOYER_HOOKS=$(abspath $(HOOKS)) RUNS=$(RUNS) SEED=$(SEED) \
	  REPLAY=$(REPLAY) LONGEST=$(LONGEST) node tests/property/property.mjs

bench: ## measure accepted deployments, requests per second, memory, edits
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory $(DEPLOYER) $(BUILD)/bench/bare $(BUILD)/bench/commit
	@DEPLOYER=$(abspath $(DEPLOYER)) COMMIT=$(abspath $(BUILD)/bench/commit) \
	  node tests/bench/accept.mjs
	@ulimit -n "$$(ulimit -Hn)" && DEPLOYER=$(abspath $(DEPLOYER)) \
	  BARE=$(abspath $(BUILD)/bench/bare) node tests/bench/bench.mjs
	@ulimit -n "$$(ulimit -Hn)" && DEPLOYER=$(abspath $(DEPLOYER)) node tests/bench/slow.mjs
	@ulimit -n "$$(ulimit -Hn)" && DEPLOYER=$(abspath $(DEPLOYER)) node tests/bench/site.mjs

$(BUILD)/bench/bare: tests/bench/bare.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $$(pkg-config --cflags --libs libevent)

$(BUILD)/bench/commit: tests/bench/commit.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $$(pkg-config --cflags --libs sqlite3)
