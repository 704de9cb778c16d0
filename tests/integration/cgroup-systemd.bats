#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Groups made by systemd: needs systemd as PID 1, as tests/vm/run --cgroup=systemd (or systemd-v1)
# gives it.

load lib/fixture

setup() {
    require_root
    [ -d /run/systemd/system ] || skip "systemd is not running"
    setup_fixture
    sleep 300 &
    PID=$!
    defer kill -9 $PID
}

teardown() {
    systemctl stop "hulltest-$TEST_ID.scope" hulltest.slice 2>/dev/null || true
    teardown_fixture
}

cgroup() {
    "$HULL_BIN" cgroup "$@"
}

@test "systemd: a scope has the process, the place and the description it was given" {
    cgroup create --systemd --pid $PID "system.slice:hulltest:$TEST_ID"
    assert_equal "$(systemctl is-active "hulltest-$TEST_ID.scope")" active
    assert_equal "$(systemctl show -P ControlGroup "hulltest-$TEST_ID.scope")" \
        "/system.slice/hulltest-$TEST_ID.scope"
    assert_equal "$(systemctl show -P Delegate "hulltest-$TEST_ID.scope")" yes
    grep -q "system.slice/hulltest-$TEST_ID.scope" /proc/$PID/cgroup
    cgroup set "/system.slice/hulltest-$TEST_ID.scope" pids.max=7
    assert_equal "$(cgroup get "/system.slice/hulltest-$TEST_ID.scope" pids.max)" 7
    assert_equal "$(cgroup procs "/system.slice/hulltest-$TEST_ID.scope")" $PID
    run cgroup create --systemd --pid $PID "system.slice:hulltest:$TEST_ID"
    assert_failure
    assert_output_has "File exists"
}

@test "systemd: slices nest by their names and need no process" {
    cgroup create --systemd hulltest-inner-leaf.slice
    assert_equal "$(systemctl is-active hulltest-inner-leaf.slice)" active
    [ -n "$(find /sys/fs/cgroup -path '*/hulltest.slice/hulltest-inner.slice/hulltest-inner-leaf.slice')" ]
    systemctl stop hulltest.slice
}

@test "systemd: a scope without a process, and names that are none, are refused" {
    run cgroup create --systemd "system.slice:hulltest:$TEST_ID"
    assert_failure
    assert_output "hull: hulltest-$TEST_ID.scope: a scope needs a process"
    run cgroup create --systemd --pid $PID "system.slice:hulltest"
    assert_failure
    assert_output_has "expected SLICE:PREFIX:NAME"
    run cgroup create --systemd "a--b.slice"
    assert_failure
    assert_output "hull: a--b.slice: not a name of a slice"
}

@test "systemd: a scope whose limit is refused is gone, and its process lives on elsewhere" {
    run cgroup create --systemd --pid $PID -r pids.max=nonsense "system.slice:hulltest:$TEST_ID"
    assert_failure
    assert_output_has "nonsense: Invalid argument"
    kill -0 $PID
    run grep "hulltest-$TEST_ID" /proc/$PID/cgroup
    assert_failure
    [ "$(systemctl is-active "hulltest-$TEST_ID.scope")" != active ]
}
