# SPDX-License-Identifier: GPL-2.0-only
# tcpwarden. `make help` lists the targets; every artefact is below build/.

VERSION := $(shell sed -n 's/^.*TW_VERSION[^"]*"\([^"]*\)".*$$/\1/p' loader/version.h)

CC	?= gcc
CLANG	?= clang-14
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
LLVM_STRIP ?= llvm-strip-14
LLVM_READELF ?= llvm-readelf-14

B	:= build
O	:= $(B)/obj

prefix	   ?= /usr
sysconfdir ?= /etc
DESTDIR	   ?=

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif
MAKEFLAGS += --no-print-directory

WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wconversion -Wvla -Wundef -Wmissing-prototypes \
	    -Wstrict-prototypes -Werror
LIBS	 := libbpf yaml-0.1 libevent_core jansson libxxhash libseccomp
# Asked for when first needed, so that `make deps` and `make help` work without them.
LIB_CFLAGS = $(eval LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBS)))$(LIB_LIBS)
STATIC_LIBS = $(eval STATIC_LIBS := $(shell $(PKG_CONFIG) --static --libs $(LIBS)))$(STATIC_LIBS)

CFLAGS	 ?= -O2 -g
TW_CFLAGS = -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Iinclude -Iloader -isystem $(B) $(LIB_CFLAGS) $(CFLAGS) \
	    -ffunction-sections -fdata-sections -fstack-protector-strong
TW_LDFLAGS = -Wl,--gc-sections $(LDFLAGS)

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
# v3 has instructions on 32 bits, which are fewer, and atomics that return what was there. The
# verifiers of 5.10 do not follow all programs of ours in it.
BPF_CPU	   := v2
$(B)/bpf/sockops.bpf.o: BPF_CPU := v3
BPF_CFLAGS  = -target bpf -O2 -g -mcpu=$(BPF_CPU) -std=gnu11 -Wall -Wextra -Wshadow -Wno-unused-parameter \
	      -Werror -D__TARGET_ARCH_x86 -Iinclude -Ibpf $(if $(MULTIARCH),-I/usr/include/$(MULTIARCH))

BPF_SRC	:= $(wildcard bpf/*.bpf.c)
BPF_OBJ	:= $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.bpf.o)
SKELS	:= $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.skel.h) $(B)/bpf/core.h
SRC	:= $(wildcard loader/*.c loader/*/*.c)
# All but main(): what the unit tests link.
MODULES := $(filter-out loader/main.c,$(SRC)) $(B)/gen/default_policy.c

objs	 = $(patsubst %.c,$(1)/%.o,$(2))
OBJ	:= $(call objs,$(O),$(SRC) $(B)/gen/default_policy.c)

.PHONY: all
all: $(B)/tcpwarden ## build build/tcpwarden (the default)

$(B)/tcpwarden: $(OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -o $@ $(OBJ) $(LIB_LIBS)

.PHONY: static
static: $(B)/tcpwarden-static ## build the one static file, build/tcpwarden-static

$(B)/tcpwarden-static: $(OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -static -s -o $@ $(OBJ) $(STATIC_LIBS)

# --- the image -------------------------------------------------------------------

IMAGE	  ?= tcpwarden:$(VERSION)
ARCHES	  ?= amd64 arm64
NATIVE	   = $(eval NATIVE := $(shell dpkg --print-architecture))$(NATIVE)
TRIPLET_amd64 := x86_64-linux-gnu
TRIPLET_arm64 := aarch64-linux-gnu
IMAGE_LIBS := libbpf-dev libelf-dev zlib1g-dev libyaml-dev libevent-dev libjansson-dev libxxhash-dev \
	      libseccomp-dev

.PHONY: image image-parts
image: deps-image ## build the container image for ARCHES (amd64 arm64), as archives in build/image
	$(Q)+$(MAKE) $(JOBS) image-parts

image-parts: $(ARCHES:%=$(B)/image/tcpwarden-%)
	$(Q)deploy/container/build deploy/container/Containerfile $(IMAGE) $(B)/image $(foreach arch,$(ARCHES),$(arch)=$(B)/image/tcpwarden-$(arch))

# Cross-built where it is not this machine's own; the BPF object is the same for all.
$(B)/image/tcpwarden-%: static $(B)/sysroot-%/.made
	$(Q)mkdir -p $(@D)
	$(if $(filter $(NATIVE),$*),$(Q)cp $(B)/tcpwarden-static $@,$(call cross,$*,static) && cp $(B)/$*/tcpwarden-static $@)

# $(call cross,ARCH,TARGET): in build/ARCH.
cross = $(Q)+PKG_CONFIG_LIBDIR=$(CURDIR)/$(B)/sysroot-$(1)/usr/lib/$(TRIPLET_$(1))/pkgconfig \
	PKG_CONFIG_SYSROOT_DIR=$(CURDIR)/$(B)/sysroot-$(1) PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
	$(MAKE) B=$(B)/$(1) CC=$(TRIPLET_$(1))-gcc MULTIARCH=$(MULTIARCH) $(2)

$(B)/sysroot-%/.made: deploy/container/sysroot
	$(if $(filter $(NATIVE),$*),,$(say) SYSROOT $(@D))
	$(if $(filter $(NATIVE),$*),,$(Q)rm -rf $(@D) && deploy/container/sysroot $* $(@D) $(IMAGE_LIBS))
	$(Q)mkdir -p $(@D) && touch $@

# --- the parts ---------------------------------------------------------------

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h include/tcpwarden/*.h)
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $<
	$(Q)$(LLVM_STRIP) -g $@.tmp && mv $@.tmp $@

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name tw_$*_bpf > $@.tmp && mv $@.tmp $@

# Which of the kernel's types the programs are fitted to, and which they attach to.
$(B)/bpf/core.h: $(BPF_OBJ)
	$(say) CORE $@
	$(Q)bpf/core-names '$(BPFTOOL)' '$(LLVM_READELF)' $^ > $@.tmp && mv $@.tmp $@

$(B)/gen/default_policy.c: deploy/policies/default.yaml
	$(Q)mkdir -p $(@D)
	$(Q){ echo '#include "policy/load.h"'; echo 'const char tw_default_policy[] ='; \
	      sed 's/\\/\\\\/g; s/"/\\"/g; s/^.*$$/	"&\\n"/' $<; echo ';'; } > $@

# One rule a build flavour: plain, asan for the tests, and fuzz for libFuzzer.
define flavour
$(1)/%.o: %.c Makefile | $$(SKELS)
	$$(say) CC $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(or $(3),$$(CC)) $$(TW_CFLAGS) $(2) -MD -MP -c -o $$@ $$<
endef
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 \
	    -U_FORTIFY_SOURCE
$(eval $(call flavour,$(O),))
$(eval $(call flavour,$(B)/asan,$(SANITIZE)))
FUZZING	 := $(SANITIZE) -fsanitize=fuzzer-no-link
$(eval $(call flavour,$(B)/fuzz/obj,$(FUZZING),$$(CLANG)))

# Debian has names that end in .d.
-include $(shell [ -d $(B) ] && find $(B) '(' -path '$(B)/tools-*' -o -path $(B)/systemd ')' -prune -o -name '*.d' -print)

# --- tests -------------------------------------------------------------------

UNIT	  := $(patsubst tests/unit/test_%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
ASAN_MODULES := $(call objs,$(B)/asan,$(MODULES))

# tests/unit/enomem.h lets these fail.
ENOMEM	 := malloc calloc realloc reallocarray strdup strndup asprintf vasprintf __getdelim fopen fdopen \
	    opendir fdopendir scandir tsearch
$(B)/tests/unit/%: $(B)/asan/tests/unit/test_%.o $(B)/asan/tests/unit/enomem.o $(ASAN_MODULES)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $(TW_LDFLAGS) $(ENOMEM:%=-Wl,--wrap=%) -o $@ $^ $(LIB_LIBS) -lcmocka

$(B)/asan/tcpwarden: $(call objs,$(B)/asan,$(SRC) $(B)/gen/default_policy.c)
	$(say) LINK $@
	$(Q)$(CC) $(SANITIZE) $(TW_LDFLAGS) -o $@ $^ $(LIB_LIBS)

# The system suite is one static file, so that other kernels run the very same.
SYSTEM	 := $(wildcard tests/system/*.c)
$(B)/tests/system/tw-system: $(call objs,$(O),$(SYSTEM) tests/fuzz/oracle.c)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -static -o $@ $^

# What takes hours on a real clock, in guests whose clock leaps over idle time.
$(B)/tests/time/tw-time: $(call objs,$(O),$(wildcard tests/kernels/time/*.c))
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -static -o $@ $^

# The next version, whose maps have another layout: what an upgrade and a downgrade are tested with.
NEXT	 := $(B)/next
$(NEXT)/build/tcpwarden-static: $(wildcard bpf/* include/tcpwarden/*) $(SRC) Makefile
	$(say) NEXT $@
	$(Q)rm -rf $(NEXT)/bpf $(NEXT)/include $(NEXT)/loader && mkdir -p $(NEXT)
	$(Q)cp -r --parents bpf include loader deploy/policies Makefile $(NEXT)
	$(Q)sed -i -E 's/^(#define TW_ABI_VERSION[ \t]+)1$$/\12/; s/^(#define TW_MAX_COUNTERS[ \t]+)512/\1640/' \
		$(NEXT)/include/tcpwarden/abi.h
	$(Q)+$(MAKE) -C $(NEXT) B=build static >/dev/null

# Fuzz targets: below tests/ for one pass over the corpus, below fuzz/ with libFuzzer.
FUZZ	 := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_ONCE := $(FUZZ:%=$(B)/tests/fuzz/%)
FUZZERS	 := $(FUZZ:%=$(B)/fuzz/%)
FUZZ_MODULES := $(call objs,$(B)/fuzz/obj,$(MODULES))
# What stands between a target and the machine.
$(B)/tests/fuzz/text $(B)/fuzz/text: WRAPPED := tw_commands
$(B)/tests/fuzz/proc $(B)/fuzz/proc: WRAPPED := open fopen readlinkat flock bpf_obj_get bpf_map_lookup_elem

$(FUZZ_ONCE): $(B)/tests/fuzz/%: $(call objs,$(B)/asan/tests/fuzz,fuzz_%.c oracle.c once.c) $(ASAN_MODULES)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $(TW_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIB_LIBS)

$(FUZZERS): $(B)/fuzz/%: $(call objs,$(B)/fuzz/obj/tests/fuzz,fuzz_%.c oracle.c) $(FUZZ_MODULES)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(SANITIZE) -fsanitize=fuzzer $(TW_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(LIB_LIBS)

# The loader, and what it loads.
INSTRUCTIONS := $(B)/tests/instructions/tw-instructions
$(INSTRUCTIONS): $(call objs,$(O),tests/instructions/tw-instructions.c $(MODULES))
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -Wl,--wrap=bpf_object__load_skeleton -o $@ $^ $(LIB_LIBS)

TESTED	 := $(B)/tcpwarden $(UNIT) $(FUZZ_ONCE) $(INSTRUCTIONS) $(B)/tests/system/tw-system \
	    $(NEXT)/build/tcpwarden-static

.PHONY: test test-parts asan asan-parts
test: deps-test ## run the whole suite: unit, golden, instructions, system (needs root for the last two)
	$(Q)+$(MAKE) $(JOBS) test-parts

test-parts: $(TESTED)
	$(Q)tests/run $(B) $(B)/tcpwarden

.PHONY: baseline
baseline: $(B)/tcpwarden $(INSTRUCTIONS) ## measure anew what tests/instructions compares with (needs root)
	$(Q)tests/instructions/run $(B) --update

asan: deps-test ## run the golden and system tests against a build with ASan, UBSan and leak checks
	$(Q)+$(MAKE) $(JOBS) asan-parts

# What was freed is kept from use for a while: so little that no test takes it for a leak.
QUARANTINE := quarantine_size_mb=4:thread_local_quarantine_size_kb=64
asan-parts: $(B)/asan/tcpwarden $(B)/tests/system/tw-system $(NEXT)/build/tcpwarden-static
	$(Q)ASAN_OPTIONS=detect_leaks=1:$(QUARANTINE) UBSAN_OPTIONS=print_stacktrace=1 \
		TW_TEST_DEADLINE=$${TW_TEST_DEADLINE:-400} tests/run $(B) $(B)/asan/tcpwarden golden system

# Each command, and a run from its start to its end, in valgrind; $(MEMCHECK): other tests of the suite.
.PHONY: valgrind valgrind-parts
valgrind: deps-test ## a whole run and each command in valgrind: errors, leaks, descriptors (some minutes)
	$(Q)+$(MAKE) $(JOBS) valgrind-parts

valgrind-parts: $(B)/tcpwarden $(B)/tests/system/tw-system $(NEXT)/build/tcpwarden-static
	$(Q)tests/valgrind/run $(B) $(MEMCHECK)

# The soak: a test of the system suite's kind, with that suite's helpers.
SOAK_S	 ?= 900
SOAK_CONNECTIONS ?= 100000
$(B)/tests/soak/tw-soak: $(call objs,$(O),$(wildcard tests/soak/*.c) $(filter-out tests/system/test_%,$(SYSTEM)))
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -static -o $@ $^

.PHONY: soak soak-parts
soak: deps-test ## connections, reloads, churn and kills at once, for SOAK_S seconds; nothing may grow. Then SOAK_CONNECTIONS over upgrades
	$(Q)+$(MAKE) $(JOBS) soak-parts

soak-parts: SHELL := /bin/bash
soak-parts: .SHELLFLAGS := -o pipefail -c
soak-parts: $(B)/tcpwarden $(B)/tests/soak/tw-soak $(NEXT)/build/tcpwarden-static $(B)/tests/system/tw-system
	$(Q)SOAK_S=$(SOAK_S) TW_TEST_DEADLINE=$$(($(SOAK_S) + 120)) TCPWARDEN=$(B)/tcpwarden \
		$(B)/tests/soak/tw-soak -v | grep -E '^(soak:|FAIL |ok )|^[0-9]+ passed'
	$(Q)TW_CONNECTIONS=$(SOAK_CONNECTIONS) TW_TEST_DEADLINE=1800 TCPWARDEN=$(B)/tcpwarden \
		TCPWARDEN_NEXT=$(NEXT)/build/tcpwarden-static $(B)/tests/system/tw-system -v \
		upgrade__there_and_back_under_load | grep -E '^(upgrade:|FAIL |ok )|^[0-9]+ passed'

FUZZ_S	 ?= 60

.PHONY: fuzz fuzz-parts
fuzz: deps-fuzz ## look for inputs that break something, FUZZ_S=60 seconds a target (FUZZ=policy: only that)
	$(Q)+$(MAKE) $(JOBS) fuzz-parts

fuzz-parts: $(FUZZ_ONCE) $(FUZZERS)
	$(Q)tests/fuzz/run --seconds $(FUZZ_S) $(B) $(FUZZ)

KERNEL	 ?=

.PHONY: test-kernels test-kernels-parts test-systemd test-systemd-parts test-time test-time-parts
test-kernels: deps-kernels ## the system suite on Linux 5.10 to the newest, under QEMU (KERNEL=6.1: on one)
	$(Q)+$(MAKE) $(JOBS) test-kernels-parts

# What the guests run; with KERNEL=6.1-arm64 that is cross-built, and the machine's programs are downloaded.
.PHONY: guest-parts
guest-parts: $(B)/tcpwarden-static $(NEXT)/build/tcpwarden-static $(B)/tests/system/tw-system

GUEST_TOOLS := busybox-static dash iproute2 nftables ipvsadm redis-server nginx
$(B)/tools-%/.made: deploy/container/sysroot
	$(say) TOOLS $(@D)
	$(Q)rm -rf $(@D) && deploy/container/sysroot --depends $* $(@D) $(GUEST_TOOLS) && touch $@

test-kernels-parts: $(if $(filter %-arm64,$(KERNEL)),$(B)/sysroot-arm64/.made $(B)/tools-arm64/.made,guest-parts)
	$(if $(filter %-arm64,$(KERNEL)),$(call cross,arm64,guest-parts))
	$(Q)tests/kernels/run $(KERNEL)

test-systemd: deps-kernels ## the unit under a real systemd, the first process of a guest under QEMU (SUITE=trixie: another)
	$(Q)+$(MAKE) $(JOBS) test-systemd-parts

test-systemd-parts: $(B)/tcpwarden $(B)/tcpwarden-static $(B)/tests/demo/tw-echo $(B)/tests/runtimes/tw-sockopts
	$(Q)+tests/systemd/run $(KERNEL)

test-time: deps-kernels ## the real constants (IPVS 900 s, keepalive 7200 s, ...) in virtual time
	$(Q)+$(MAKE) $(JOBS) test-time-parts

test-time-parts: $(B)/tcpwarden-static $(NEXT)/build/tcpwarden-static $(B)/tests/time/tw-time
	$(Q)tests/kernels/run --time $(KERNEL)

# On a cluster whose nodes have both images.
TEST_ARCH  ?= $(NATIVE)
TEST_IMAGE ?= tw-pod:$(VERSION)

$(B)/tests/kubernetes/tw-pod-%: tests/kubernetes/tw-pod.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TRIPLET_$*)-gcc $(filter-out -I%,$(TW_CFLAGS)) -static -s -o $@ $<

.PHONY: image-test test-kubernetes
image-test: deps-image $(B)/tests/kubernetes/tw-pod-$(TEST_ARCH) ## build the image that the pods of test-kubernetes run
	$(Q)deploy/container/build tests/kubernetes/Containerfile $(TEST_IMAGE) $(B)/image $(TEST_ARCH)=$(word 2,$^)

test-kubernetes: ## end to end on a cluster: KUBECONFIG=FILE IMAGE=NAME TEST_IMAGE=NAME, its nodes having both
	$(Q)IMAGE=$(IMAGE) TEST_IMAGE=$(TEST_IMAGE) tests/kubernetes/run

.PHONY: test-runtimes test-runtimes-parts
test-runtimes: deps-runtimes ## what Go, Java, Node.js, ... set, and what each precedence makes of it (needs root)
	$(Q)+$(MAKE) $(JOBS) test-runtimes-parts

test-runtimes-parts: $(B)/tcpwarden $(B)/tests/runtimes/tw-sockopts
	$(Q)tests/runtimes/run $(B) $(CASES)

DEMO	 := $(B)/tests/demo/tw-idle-client $(B)/tests/demo/tw-echo
BENCH	 := $(B)/tests/bench/tw-bench $(B)/tests/bench/tw-bench-sweep $(B)/tests/bench/tw-bench-guard \
	    $(B)/tests/bench/tw-bench-events

$(DEMO) $(B)/tests/runtimes/tw-sockopts: $(B)/tests/%: $(O)/tests/%.o
$(B)/tests/bench/tw-bench: $(call objs,$(O),$(wildcard tests/bench/*.c))
$(B)/tests/bench/tw-bench-sweep: $(call objs,$(O),$(wildcard tests/bench/sweep/*.c))
$(B)/tests/bench/tw-bench-guard: $(call objs,$(O),$(wildcard tests/bench/guard/*.c))
$(B)/tests/bench/tw-bench-events: $(call objs,$(O),$(wildcard tests/bench/events/*.c))
$(B)/tests/bench/tw-bench: LDLIBS = $(LIB_LIBS) -lm
# Guests run them, whose libc is another.
$(B)/tests/demo/tw-echo $(B)/tests/runtimes/tw-sockopts: LDLIBS = -static
$(DEMO) $(BENCH) $(B)/tests/runtimes/tw-sockopts:
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TW_CFLAGS) $(TW_LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: demo demo-parts bench bench-parts bench-plot bench-profile
demo: deps-test ## a NAT that forgets idle connections, without and with a policy (needs root)
	$(Q)+$(MAKE) $(JOBS) demo-parts

demo-parts: $(B)/tcpwarden $(DEMO)
	$(Q)tests/demo/run $(B)

bench: deps-bench deps-kernels ## what it costs, in half an hour: a table, build/bench/*.json, scale.svg; QUICK=1: in 6 (needs root)
	$(Q)+$(MAKE) $(JOBS) bench-parts

QUICK	 ?=
quick	  = $(if $(QUICK),$(1))
bench-parts: $(B)/tcpwarden $(B)/tcpwarden-static $(BENCH) $(B)/tests/runtimes/tw-sockopts
	$(Q)tests/bench/machine $(B)
	$(Q)$(call quick,ROUNDS=31 LONG_ROUNDS=5) tests/bench/run $(B)
	$(Q)$(call quick,PAIRS=3 SECONDS_EACH=1 REQUESTS=30000) tests/bench/requests $(B)
	$(Q)$(call quick,IDLE=5 STARTS=3) tests/bench/idle $(B)
	$(Q)$(call quick,SOCKETS='4000 8000 20000 40000' NAMESPACES='5 10 20' ROUNDS=1) tests/bench/sweep/run $(B)
	$(Q)$(call quick,CGROUPS='100 300 1000' STARTS=1 RELOADS=1 SECONDS_OF_CHURN=1) tests/bench/cgroups $(B)
	$(Q)$(call quick,ROUNDS=3 IDLE=3) tests/bench/start $(B)
	$(Q)$(call quick,ROUNDS=3) tests/bench/instructions $(B)
	$(Q)tests/bench/rollout $(B)
	$(Q)$(call quick,ROUNDS=1) tests/bench/guard/run $(B)
	$(Q)$(call quick,RATES=5000 SECONDS_EACH=1) tests/bench/events/run $(B)
	$(Q)$(call quick,REQUESTS=20) tests/bench/web $(B)
	$(Q)tests/bench/plot $(B)
	$(Q)tests/bench/targets $(B)

bench-profile: deps-profile ## where the time of a connection goes, by samples; build/bench/profile.json (needs root)
	$(Q)+$(MAKE) $(JOBS) $(B)/tcpwarden-static $(B)/tests/bench/tw-bench
	$(Q)tests/bench/profile $(B)

bench-plot: ## draw build/bench/scale.svg anew, from the JSON of `make bench`
	$(Q)tests/bench/plot $(B)

# Their tools are large and not everywhere: without, they skip, and say so.
.PHONY: test-monitoring test-browser
test-monitoring: deps-test ## deploy/monitoring: rules, dashboard, and a real Prometheus that scrapes a real run
	-$(call install_deps,$(MONITORING_DEPS))
	$(Q)+$(MAKE) $(JOBS) $(B)/tcpwarden
	$(Q)tests/monitoring/run $(B)

test-browser: deps-test ## the page of a real run in headless Chromium, light, dark and narrow
	-$(call install_deps,$(BROWSER_DEPS))
	$(Q)+$(MAKE) $(JOBS) $(B)/tcpwarden
	$(Q)tests/browser/run $(B)

# --- lint --------------------------------------------------------------------

C_FILES	  := $(sort $(filter-out $(B)/%,$(wildcard bpf/*.[ch] include/tcpwarden/*.h loader/*.[ch] \
	     loader/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch])))
USER_SRC  := $(filter loader/%.c tests/%.c,$(C_FILES))
SCRIPTS	   = $(sort $(shell grep -lIE '^\#!(/usr)?/bin/(env )?(ba)?sh' .ci/* bpf/* tests/* tests/*/* tests/*/*/* deploy/*/* 2>/dev/null))
LINTS	  := format sources layers caps scripts cppcheck btf man unit clang tidy analyzer

.PHONY: lint lint-parts $(LINTS:%=lint-%)
lint: deps ## check format, layers, scripts, pages; cppcheck, clang-tidy, gcc -fanalyzer, a build with clang
	$(Q)+$(MAKE) $(JOBS) lint-parts

lint-parts: $(LINTS:%=lint-%)
	@echo "lint: no findings"

lint-format:
	$(say) LINT format
	$(Q)clang-format-14 --dry-run -Werror $(C_FILES)

lint-sources:
	$(say) LINT sources
	$(Q)tests/lint/sources

lint-layers:
	$(say) LINT layers
	$(Q)tests/lint/layers

lint-caps:
	$(say) LINT caps
	$(Q)tests/lint/caps

lint-scripts:
	$(say) LINT scripts
	$(Q)shellcheck -x -P SCRIPTDIR $(SCRIPTS)

lint-cppcheck:
	$(say) LINT cppcheck
	$(Q)mkdir -p $(B)/cppcheck
	$(Q)cppcheck --quiet --cppcheck-build-dir=$(B)/cppcheck --enable=warning,performance,portability \
		--std=c11 --inline-suppr --error-exitcode=1 --library=tests/lint/cppcheck.cfg \
		--suppressions-list=tests/lint/cppcheck.suppressions -j$(shell nproc) \
		-D_GNU_SOURCE -D__GNUC__=12 -Iinclude -Iloader $(USER_SRC)

# Linux 5.10 refuses BTF with an empty data section.
lint-btf: $(BPF_OBJ)
	$(say) LINT btf
	$(Q)tests/kernels/btf-check $^

lint-man: $(B)/tcpwarden.8
	$(say) LINT man
	$(Q)mandoc -T lint -W warning $<

# As installed: the paths in the unit must be those of the files.
lint-unit: all $(B)/tcpwarden.8 $(B)/tcpwarden.bash
	$(say) LINT unit
	$(Q)rm -rf $(B)/lint-root
	$(Q)$(MAKE) install DESTDIR=$(B)/lint-root >/dev/null
	$(Q)install -D -m 755 /bin/kill $(B)/lint-root/bin/kill
	$(Q)systemd-analyze verify --man=no --root=$(abspath $(B)/lint-root) tcpwarden.service

# The second compiler, and what its analyser finds; a file is looked at again when it changed.
# A quarter of the analyser's usual budget, which is four times as fast.
TIDY_BUDGET := -Xclang -analyzer-config -Xclang max-nodes=50000
$(B)/clang/%.o: %.c Makefile | $(SKELS)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(TW_CFLAGS) -MD -MP -c -o $@ $<

$(B)/tidy/%.ok: %.c $(B)/clang/%.o .clang-tidy
	$(say) TIDY $<
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy-14 --quiet $< -- $(TW_CFLAGS) $(TIDY_BUDGET) 2>$@.err || { cat $@.err; exit 1; }
	$(Q)touch $@

# The verifier proves more of a BPF program than the analyser guesses.
$(B)/tidy/%.bpf.ok: %.bpf.c $(B)/%.bpf.o .clang-tidy
	$(say) TIDY $<
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy-14 --quiet --checks='-clang-analyzer-*' $< -- $(BPF_CFLAGS) 2>$@.err || \
		{ cat $@.err; exit 1; }
	$(Q)touch $@

lint-clang: $(call objs,$(B)/clang,$(USER_SRC) $(B)/gen/default_policy.c)
lint-tidy: $(USER_SRC:%.c=$(B)/tidy/%.ok) $(BPF_SRC:%.c=$(B)/tidy/%.ok)

# The first compiler's. Of optimised code gcc 12 loses the initial values of variables with a
# _cleanup_ attribute. Of what is stored into an element of a growing array it loses the pointer, and
# calls it a leak: leaks are left to clang-tidy, LeakSanitizer and valgrind.
ANALYZER := -O0 -fanalyzer -Wno-analyzer-malloc-leak
$(eval $(call flavour,$(B)/analyzer,$(ANALYZER),gcc))
lint-analyzer: $(call objs,$(B)/analyzer,$(filter loader/%,$(USER_SRC)))

# --- on this machine ---------------------------------------------------------

BUILD_DEPS := gcc libc6-dev pkg-config clang-14 llvm-14 bpftool|linux-tools-generic libbpf-dev \
	      libelf-dev zlib1g-dev libyaml-dev libevent-dev libjansson-dev libxxhash-dev libseccomp-dev
TEST_DEPS  := libcmocka-dev iproute2 nftables util-linux jq curl nginx redis-server valgrind
BENCH_DEPS := libkeepalive0 libdontdie0 wrk redis-tools
PROFILE_DEPS := libdontdie0 linux-perf
KERNELS_DEPS = qemu-system-x86 busybox-static cpio xz-utils zstd dash ipvsadm debian-archive-keyring \
		$(if $(filter %-arm64,$(KERNEL)),qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
RUNTIMES_DEPS := default-jdk-headless|openjdk-17-jdk-headless nodejs python3 redis-server nginx postgresql \
		 debian-archive-keyring
MONITORING_DEPS := prometheus curl jq
BROWSER_DEPS := chromium fonts-dejavu-core curl jq
FUZZ_DEPS  := libclang-rt-14-dev
IMAGE_DEPS  = buildah $(if $(filter arm64,$(filter-out $(NATIVE),$(ARCHES))),gcc-aarch64-linux-gnu libc6-dev-arm64-cross) \
	      $(if $(filter amd64,$(filter-out $(NATIVE),$(ARCHES))),gcc-x86-64-linux-gnu libc6-dev-amd64-cross)
LINT_DEPS  := clang-format-14 clang-tidy-14 cppcheck shellcheck mandoc systemd

# After packages were installed, make starts anew: what it looked up may have changed.
JOBS	    = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
install_deps = $(if $(NO_DEPS),,$(Q)tests/deps $(foreach package,$(1),'$(package)'))


.PHONY: deps deps-build deps-test deps-bench deps-profile deps-fuzz deps-kernels deps-runtimes deps-image
deps: ## install what building, testing and linting need (Debian, Ubuntu)
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS) $(FUZZ_DEPS) $(KERNELS_DEPS) $(LINT_DEPS))

deps-build:
	$(call install_deps,$(BUILD_DEPS))

deps-test:
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS))

deps-bench:
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS) $(BENCH_DEPS))

deps-profile:
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS) $(PROFILE_DEPS))

deps-fuzz:
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS) $(FUZZ_DEPS))

deps-kernels:
	$(call install_deps,$(BUILD_DEPS) $(TEST_DEPS) $(KERNELS_DEPS))

# One by one: a runtime that is not to be had is skipped, aloud.
deps-runtimes: deps-test
	$(if $(NO_DEPS),,$(Q)for package in $(foreach package,$(RUNTIMES_DEPS),'$(package)'); do \
		tests/deps "$$package" || true; done)
deps-image:
	$(call install_deps,$(BUILD_DEPS) $(IMAGE_DEPS))

.PHONY: run
run: deps-build ## enforce the embedded policy here until Ctrl-C (ATTACH_TO=/cgroup narrows it; needs root)
	$(Q)+$(MAKE) $(JOBS) all
	$(Q)$(B)/tcpwarden run --on-exit detach --stats 1 $(if $(ATTACH_TO),--attach-to '$(ATTACH_TO)')

SBIN	 = $(DESTDIR)$(prefix)/sbin
MAN	 = $(DESTDIR)$(prefix)/share/man/man8
COMPLETE = $(DESTDIR)$(prefix)/share/bash-completion/completions
UNITS	 = $(DESTDIR)$(prefix)/lib/systemd/system
ETC	 = $(DESTDIR)$(sysconfdir)/tcpwarden
POLICY	 = deploy/policies/observe.yaml
relocate = sed 's|/usr/sbin|$(prefix)/sbin|; s|/etc/tcpwarden|$(sysconfdir)/tcpwarden|'

$(B)/tcpwarden.bash: $(B)/tcpwarden
	$(Q)$< --completion bash > $@.tmp && mv $@.tmp $@

$(B)/tcpwarden.8: deploy/man/tcpwarden.8.in $(B)/tcpwarden
	$(Q)$(B)/tcpwarden --man-synopsis > $(B)/synopsis.8
	$(Q)sed -e '/^@SYNOPSIS@$$/{r $(B)/synopsis.8' -e 'd;}' -e 's/@VERSION@/$(VERSION)/' \
		-e 's|@UNITDIR@|$(prefix)/lib/systemd/system|' $< > $@.tmp && mv $@.tmp $@

.PHONY: install uninstall
install: all $(B)/tcpwarden.8 $(B)/tcpwarden.bash ## install below DESTDIR$(prefix); an existing policy stays
	install -d $(SBIN) $(MAN) $(COMPLETE) $(UNITS) $(ETC)
	install -m 755 $(B)/tcpwarden $(SBIN)/tcpwarden
	$(relocate) $(B)/tcpwarden.8 | install -m 644 /dev/stdin $(MAN)/tcpwarden.8
	install -m 644 $(B)/tcpwarden.bash $(COMPLETE)/tcpwarden
	$(relocate) deploy/systemd/tcpwarden.service | install -m 644 /dev/stdin $(UNITS)/tcpwarden.service
	[ -e $(ETC)/policy.yaml ] || install -m 644 $(POLICY) $(ETC)/policy.yaml

uninstall: ## remove what install put there; a policy that was changed stays
	rm -f $(SBIN)/tcpwarden $(MAN)/tcpwarden.8 $(COMPLETE)/tcpwarden $(UNITS)/tcpwarden.service
	if cmp -s $(POLICY) $(ETC)/policy.yaml; then rm $(ETC)/policy.yaml; fi
	[ ! -d $(ETC) ] || rmdir --ignore-fail-on-non-empty $(ETC)

.PHONY: clean help
clean: ## remove build/
	rm -rf $(B)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PRECIOUS: $(B)/sysroot-%/.made $(B)/bpf/%.bpf.o $(B)/bpf/%.skel.h $(O)/%.o $(B)/asan/%.o $(B)/clang/%.o
