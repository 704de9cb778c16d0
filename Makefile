# SPDX-License-Identifier: Apache-2.0
# Entrances for people; the build itself is meson's (see CONTRIBUTING.md).

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60

.PHONY: all demo check bench vm-check fuzz install clean help

all: $(BUILD)/build.ninja
	@meson compile -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-packages build
	@meson setup $(BUILD) --prefix=$(PREFIX)

# A tour on a fresh Debian 12, as root: builds, makes an image, runs containers, leaves nothing.
demo:
	@tools/install-packages demo
	@$(MAKE) --no-print-directory all
	@HULL_BUILD=$(abspath $(BUILD)) tools/demo

# Every test there is. The last line is the total.
check:
	@tools/install-packages check
	@HULL_BUILD=$(abspath $(BUILD)) tests/run

bench:
	@tools/install-packages bench
	@$(MAKE) --no-print-directory all
	@HULL_BUILD=$(abspath $(BUILD)) bench/run

# What this machine's kernel and cgroups cannot show, in virtual machines.
vm-check:
	@tools/install-packages vm
	@$(MAKE) --no-print-directory all
	@HULL_BUILD=$(abspath $(BUILD)) tests/run vm

fuzz:
	@tools/install-packages fuzz
	@tools/fuzz $(FUZZ_SECONDS)

# What a system gets, below DESTDIR and PREFIX (which ninja must hear of before it builds).
install: $(BUILD)/build.ninja
	@meson configure $(BUILD) --prefix=$(PREFIX) >/dev/null
	@$(MAKE) --no-print-directory all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf $(BUILD) build-asan build-fuzz

help:
	@sed -n 's/^# \(.*\)/\1/p' Makefile | tail -n +2
	@echo "Targets: all demo check bench vm-check fuzz install clean"
