# Builds build/deployer from core/*.c and build/c_tests from tests/c/*.c.
#   WERROR=1     treats warnings as errors
#   SANITIZE=1   builds with the address and undefined-behaviour sanitizers, in build/asan
#   V=1          shows the commands
VERSION := 0.2.0
ifdef SANITIZE
BUILD ?= build/asan
else
BUILD ?= build
endif

CC ?= gcc
PACKAGES := libevent libevent_pthreads lua5.4 libcurl sqlite3 libcrypto zlib
# Lua is linked statically: the core calls it so often that a shared library would cost time.
LIBS := $(shell pkg-config --libs $(filter-out lua5.4,$(PACKAGES)) 2>/dev/null) \
  -Wl,-Bstatic -llua5.4-cjson -llua5.4 -Wl,-Bdynamic -lunistring -lm -pthread
override CPPFLAGS += -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Icore \
  $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
CFLAGS ?= -O2 -g
override CFLAGS += -std=c11 -pthread -Wall -Wextra -Wno-unused-parameter -Wshadow \
  -Wstrict-prototypes -Wmissing-prototypes -MMD -MP
ifdef WERROR
override CFLAGS += -Werror
endif
ifdef SANITIZE
override CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=address,undefined
else
override CPPFLAGS += -D_FORTIFY_SOURCE=2
override CFLAGS += -fstack-protector-strong -fPIE
override LDFLAGS += -pie -Wl,-z,relro,-z,now
endif

Q := $(if $(V),,@)
SAY := @$(if $(V),:,echo)

OBJECTS := $(patsubst core/%.c,$(BUILD)/core/%.o,$(wildcard core/*.c))
# build/hooks/deployer has crash points (TEST_HOOKS) and is used by the crash tests only. It differs
# from the released binary in the files that mention TEST_HOOKS; the C tests link those too.
HOOKED := $(shell grep -l TEST_HOOKS core/*.c)
HOOK_OBJECTS := $(filter-out $(HOOKED:core/%.c=$(BUILD)/core/%.o),$(OBJECTS)) \
  $(HOOKED:core/%.c=$(BUILD)/hooks/%.o)
TESTS := $(BUILD)/c_tests
TEST_OBJECTS := $(patsubst tests/c/%.c,$(BUILD)/tests/%.o,$(wildcard tests/c/*.c))

.PHONY: all clean test-c
.SECONDARY:

all: $(BUILD)/deployer ## build build/deployer

$(BUILD)/deployer: $(OBJECTS)
	$(SAY) "link $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/hooks/deployer: $(HOOK_OBJECTS)
	$(SAY) "link $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/hooks/%.o: core/%.c Makefile | $(BUILD)/hooks
	$(SAY) "  cc $< (test hooks)"
	$(Q)$(CC) $(CPPFLAGS) -DTEST_HOOKS $(CFLAGS) -c -o $@ $<

$(BUILD)/core/%.o: core/%.c Makefile | $(BUILD)/core
	$(SAY) "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/tests/%.o: tests/c/%.c Makefile | $(BUILD)/tests
	$(SAY) "  cc $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# core/main*.c contains main() and the functions that only it calls; the C tests leave it out.
$(TESTS): $(TEST_OBJECTS) $(filter-out %/main.o $(BUILD)/core/main_%.o,$(HOOK_OBJECTS))
	$(SAY) "link $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -lssl

$(BUILD)/core $(BUILD)/hooks $(BUILD)/tests:
	@mkdir -p $@

test-c: $(TESTS) ## unit tests of the C core; T=pattern selects some
	@$(TESTS) '$(T)'

clean: ## remove the build folder
	rm -rf $(BUILD)

-include $(wildcard tools/*.mk)
-include $(OBJECTS:.o=.d) $(HOOK_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
