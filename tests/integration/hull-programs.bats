#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The programs that hull consists of: how they find and execute each other.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

# install_programs: what is tested from here on is laid out as `make install` does it.
install_programs() {
    local program

    mkdir -p "$WORK/usr/bin" "$WORK/usr/libexec/hull"
    cp "$HULL_BIN" "$WORK/usr/bin/hull"
    for program in "$HULL_BUILD"/cmd/{hull/hull-transfer,hull-monitor/hull-monitor,hull-init/hull-init}; do
        [ ! -x "$program" ] || cp "$program" "$WORK/usr/libexec/hull"
    done
    HULL_BIN=$WORK/usr/bin/hull
}

@test "executed anew, hull keeps its words, its environment and its name" {
    local link=$WORK/another
    ln -s "$HULL_BIN" "$link"
    run env -i A=1 "$link" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --rm --network none -e A -e B busybox sh -c 'echo "<$A><$B><$1><$2>"' x '' 'a  b'
    assert_success
    assert_output '<1><><><a  b>'
    hull run -d --name calm busybox sleep 100 >/dev/null
    run bash -c 'exec -a strange "$0" "$@"' "$HULL_BIN" --root "$HULL_TEST_ROOT" \
        --run-root "$HULL_TEST_RUN_ROOT" exec calm echo in
    assert_output in
}

@test "an installed hull finds its other programs, on a read-only file system too" {
    install_programs
    mount --bind "$WORK/usr" "$WORK/usr"
    defer umount "$WORK/usr"
    run hull run --rm --init busybox echo installed
    assert_output installed
    hull save -o "$WORK/out.tar" busybox
    mount -o remount,bind,ro "$WORK/usr"
    run hull run --rm busybox echo read-only
    assert_output read-only
    hull load -q -i "$WORK/out.tar"
    run hull run --name late -d busybox true
    assert_success
    wait_until container_state_is late exited
}

# Built without musl, hull is one program.
@test "only what needs shared libraries takes hull-transfer" {
    [ -x "${HULL_BIN%/*}/hull-transfer" ] || skip "hull is linked dynamically"
    # Where the build would install it, another one may be.
    [ ! -e /usr/local/libexec/hull/hull-transfer ] || skip "hull is installed"
    run env LC_ALL=C ldd "$HULL_BIN"
    assert_failure
    install_programs
    rm "$WORK/usr/libexec/hull/hull-transfer"
    run hull run --name one busybox echo out
    assert_output out
    hull start one
    hull run -d --name two busybox sleep 100 >/dev/null
    run hull exec two echo in
    assert_output in
    hull stop -t 0 two >/dev/null
    hull inspect one busybox >/dev/null
    hull history busybox >/dev/null
    hull export -o "$WORK/out.tar" one
    hull tag busybox other:1
    hull rm one two >/dev/null
    hull rmi other:1 busybox >/dev/null
    run hull load -i "$WORK/out.tar"
    assert_failure
    assert_output_matches '^hull: .*/libexec/hull/hull-transfer: No such program$'
    # Nothing was begun.
    run hull run --name three busybox true
    assert_failure 125
    assert_output_matches '^hull: .*/libexec/hull/hull-transfer: No such program$'
    run hull ps -aq
    assert_output ""
}
