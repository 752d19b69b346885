# Fuzzing: any bytes to what parses the bytes of others. A target is tests/fuzz/NAME_fuzz.c, its seeds are in tests/fuzz/seeds/NAME/.
# What it learns stays in $(BUILD)/fuzz/corpus/NAME; a find is kept as $(BUILD)/fuzz/NAME-crash-..., and run again by
#   build/fuzz/NAME FILE
FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_CFLAGS := -D_GNU_SOURCE -DVERSION='"fuzz"' -D__SANITIZE_ADDRESS__ -Icore -Itests/fuzz $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -std=c11 -g -O1 \
  -pthread -Wall -Wextra -MMD -MP -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_CHOSEN = $(foreach name,$(FUZZERS),$(if $(T),$(if $(findstring $(T),$(name)),$(name)),$(name)))
FUZZ_OBJECTS := $(patsubst core/%.c,$(FUZZ)/core/%.o,$(filter-out core/main.c core/main_%.c,$(wildcard core/*.c)))
# Seconds for each target.
TIME ?= 60

.PHONY: fuzz

fuzz: ## any bytes to the parsers; TIME=seconds for each, T=target picks one
	@tools/setup.sh fuzz
	@$(MAKE) --no-print-directory $(FUZZ_CHOSEN:%=$(FUZZ)/%)
	@for name in $(FUZZ_CHOSEN); do \
	  log=$(FUZZ)/$$name.log; mkdir -p $(FUZZ)/corpus/$$name; \
	  ASAN_OPTIONS=detect_leaks=0 $(FUZZ)/$$name -max_total_time=$(TIME) -max_len=8192 -timeout=20 -rss_limit_mb=1500 -print_final_stats=1 \
	    -dict=tests/fuzz/words.dict -artifact_prefix=$(FUZZ)/$$name- $(FUZZ)/corpus/$$name tests/fuzz/seeds/$$name >$$log 2>&1 || \
	    { tail -60 $$log; echo "fuzz: $$name: found something; $(FUZZ)/$$name FILE does it again" >&2; exit 1; }; \
	  echo "fuzz: $$name: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs, nothing found"; done

$(FUZZ)/core/%.o: core/%.c tools/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/%: tests/fuzz/%_fuzz.c $(FUZZ_OBJECTS) tools/fuzz.mk
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_OBJECTS) $(LIBS)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:%=$(FUZZ)/%.d)
