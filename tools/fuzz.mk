# Fuzzes every parser of untrusted input. A target is tests/fuzz/NAME_fuzz.c with the seeds in
# tests/fuzz/seeds/NAME/; its corpus is kept in $(BUILD)/fuzz/corpus/NAME. An input that fails is
# written to $(BUILD)/fuzz/NAME-crash-...; `build/fuzz/NAME FILE` runs it again.
FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_CFLAGS := -D_GNU_SOURCE -DVERSION='"fuzz"' -D__SANITIZE_ADDRESS__ -Icore -Itests/fuzz \
  $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -std=c11 -g -O1 -pthread -Wall \
  -Wextra -Wno-unused-parameter -MMD -MP -fno-omit-frame-pointer \
  -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_FLAGS := -max_len=8192 -timeout=20 -rss_limit_mb=1500 -print_final_stats=1 \
  -dict=tests/fuzz/words.dict
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_CHOSEN = $(foreach name,$(FUZZERS),$(if $(T),$(if $(findstring $(T),$(name)),$(name)),$(name)))
FUZZ_OBJECTS := $(patsubst core/%.c,$(FUZZ)/core/%.o,\
  $(filter-out core/main.c core/main_%.c,$(wildcard core/*.c)))
# Seconds for each target.
TIME ?= 60

.PHONY: fuzz

fuzz: ## fuzz the parsers; TIME=seconds for each, T=target selects one
	@tools/setup.sh fuzz
	@$(MAKE) --no-print-directory $(FUZZ_CHOSEN:%=$(FUZZ)/%)
	@for name in $(FUZZ_CHOSEN); do \
	  log=$(FUZZ)/$$name.log; mkdir -p $(FUZZ)/corpus/$$name; \
	  if ! ASAN_OPTIONS=detect_leaks=0 $(FUZZ)/$$name -max_total_time=$(TIME) $(FUZZ_FLAGS) \
	      -artifact_prefix=$(FUZZ)/$$name- $(FUZZ)/corpus/$$name tests/fuzz/seeds/$$name \
	      >$$log 2>&1; then \
	    tail -60 $$log; \
	    echo "fuzz: $$name failed; $(FUZZ)/$$name FILE reproduces it" >&2; \
	    exit 1; \
	  fi; \
	  inputs=$$(sed -n 's/^stat::number_of_executed_units: *//p' $$log); \
	  echo "fuzz: $$name: $$inputs inputs, no failure"; \
	done

$(FUZZ)/core/%.o: core/%.c tools/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/%: tests/fuzz/%_fuzz.c $(FUZZ_OBJECTS) tools/fuzz.mk
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_OBJECTS) $(LIBS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:%=$(FUZZ)/%.d)
