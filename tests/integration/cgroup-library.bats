#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libhull-cgroup as those see it who have only installed it: docs/examples/limit.c, built by pkg-config
# against what `meson install` puts there, and the system calls that it makes.

load lib/fixture

setup() {
    require_root
    require_tool pkg-config
    require_tool cc
    setup_fixture
    GROUP=hull-test-$TEST_ID
    defer sh -c "! find /sys/fs/cgroup -name '$GROUP' | grep ."
    DESTDIR=$WORK/dest meson install -C "$HULL_BUILD" --no-rebuild --quiet >/dev/null
    LIBRARY=$(dirname "$(find "$WORK/dest" -name libhull-cgroup.so.0)")
    build_example
}

teardown() {
    teardown_fixture
}

build_example() {
    local flags

    flags=$(PKG_CONFIG_SYSROOT_DIR=$WORK/dest PKG_CONFIG_LIBDIR=$LIBRARY/pkgconfig \
        pkg-config --cflags --libs libhull-cgroup)
    # shellcheck disable=SC2086
    cc -std=c11 -Wall -Wextra -Werror "$BATS_TEST_DIRNAME/../../docs/examples/limit.c" $flags \
        -o "$WORK/limit"
}

limit() {
    LD_LIBRARY_PATH=$LIBRARY "$WORK/limit" "$@"
}

@test "library: an outsider's program builds, works and tells what went wrong" {
    run limit "/$GROUP"
    assert_success
    assert_output_has "1 of 100 processes"
    run limit "/$GROUP" mistake
    assert_failure
    assert_output_has "limit: pids.limit: -7: "
    run limit "/$GROUP/../x"
    assert_failure
    assert_output_has "limit: cgroup name: ..: not allowed"
}

@test "library: it needs libc alone, and loads nothing" {
    run ldd "$LIBRARY/libhull-cgroup.so.0"
    assert_success
    run awk '!/linux-vdso|libc\.so|ld-linux/' <<<"$output"
    assert_output ""
    run nm -D "$LIBRARY/libhull-cgroup.so.0"
    assert_output_lacks dlopen
}

@test "library: each file is opened once, and written or read at most once" {
    require_tool strace
    LD_LIBRARY_PATH=$LIBRARY strace -o "$WORK/trace" -e trace=openat,read,pread64,write \
        "$WORK/limit" "/$GROUP" >/dev/null
    # A step is what follows its name on stdout; files of the group are told by its name. What memory,
    # cpu and pids hold before they are set is read by the open that sets it.
    run awk -v group="$GROUP" '
        /^write\(1, "[a-z]+"/ { split($0, word, "\""); step = word[2] }
        /^openat/ && $NF > 2 {
            split($0, word, "\"")
            open_file[$NF] = index(word[2], group) ? $1 word[2] : ""
            if (open_file[$NF] != "") { files[step]++; count[step " open " open_file[$NF]]++ }
        }
        /^(read|pread64|write)\(/ {
            split($0, word, /[(,]/)
            if (open_file[word[2]] != "" && !/= 0$/) count[step " " word[1] " " open_file[word[2]]]++
        }
        END {
            for (one in count) if (count[one] > 1) { print "more than once:", one; bad = 1 }
            for (step in files) print step, files[step]
            if (files["limiting"] < 5 || files["reading"] < 5) bad = 1
            exit bad
        }' "$WORK/trace"
    assert_success
}

@test "library: whatever call fails, it is told and nothing stays" {
    local program=$HULL_BUILD/tests/unit/cgroup/test-cgroup-faults

    [ -x "$program" ] || skip "the unit tests are not built"
    run "$program"
    assert_success
}
