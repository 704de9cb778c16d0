#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# keel with systemd as the manager of cgroups: needs systemd as PID 1, as tests/vm/run
# --cgroup=systemd (or systemd-v1) gives it.

bats_require_minimum_version 1.5.0

load lib/fixture

NOBODY=65534

setup() {
    require_root
    require_keel
    [ -d /run/systemd/system ] || skip "systemd is not running"
    setup_fixture
    B=$WORK/b
    ID=$TEST_ID
    SCOPE=keel-$ID.scope
    make_bundle "$B"
    make_config "$B" '.process.args = ["sleep", "300"] | del(.linux.cgroupsPath)'
    ALL=("$KEEL_BIN" --root "$KEEL_TEST_ROOT" --systemd-cgroup)
}

teardown() {
    [ ! -d "${KEEL_TEST_ROOT:-/no}/$ID" ] || "${ALL[@]}" delete -f "$ID"
    teardown_fixture
}

# container_is STATUS
container_is() {
    [ "$(keel state "$ID" | jq -r .status)" = "$1" ]
}

# property_is NAME VALUE
property_is() {
    assert_equal "$1=$(systemctl show -P "$1" "$SCOPE")" "$1=$2"
}

# start_in_scope ID: whoever asks systemd is told by the environment.
start_in_scope() {
    "${ALL[@]}" run -d -b "$B" "$1" </dev/null >"$WORK/out" 2>&1
    assert_equal "$(keel state "$1" | jq -r .status)" running
    grep -q "system.slice/keel-$1.scope" "/proc/$(keel state "$1" | jq .pid)/cgroup"
    assert_equal "$(systemctl is-active "keel-$1.scope")" active
    keel delete -f "$1"
    [ "$(systemctl is-active "keel-$1.scope")" != active ]
}

@test "systemd: over the bus and over systemd's own socket" {
    start_in_scope "bus-$ID"
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent
    local i
    for i in 1 2 3; do
        start_in_scope "direct-$i-$ID"
    done
}

@test "systemd: limits are properties of the unit, and so are new ones" {
    local memory=MemoryLimit
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || memory=MemoryMax

    edit_config "$B" '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 33}, cpu: {quota: 50000, period: 100000}} |
        .annotations["org.systemd.property.TimeoutStopUSec"] = "uint64 7000000"'
    "${ALL[@]}" run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    property_is TasksMax 33
    property_is CPUQuotaPerSecUSec 500ms
    property_is TimeoutStopUSec 7s
    property_is Delegate yes
    property_is $memory 67108864
    "${ALL[@]}" update --memory 96M --pids-limit 7 --cpu-quota 20000 "$ID"
    assert_equal "$(cat /sys/fs/cgroup/{,pids/}system.slice/"$SCOPE"/pids.max 2>/dev/null)" 7
    # What systemd knows it does not set back when it looks at the unit again.
    systemctl daemon-reload
    assert_equal "$(cat /sys/fs/cgroup/{,pids/}system.slice/"$SCOPE"/pids.max 2>/dev/null)" 7
    property_is TasksMax 7
    property_is CPUQuotaPerSecUSec 200ms
    property_is $memory 100663296
}

@test "systemd: pause, kill and delete" {
    "${ALL[@]}" run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    "${ALL[@]}" pause "$ID"
    assert_equal "$(keel state "$ID" | jq -r .status)" paused
    "${ALL[@]}" resume "$ID"
    assert_equal "$(keel state "$ID" | jq -r .status)" running
    run "${ALL[@]}" exec "$ID" cat /proc/self/cgroup
    assert_success
    "${ALL[@]}" kill "$ID" KILL
    wait_until 30 container_is stopped
    "${ALL[@]}" delete "$ID"
    [ "$(systemctl is-active "$SCOPE")" != active ]
    assert_equal "$(find /sys/fs/cgroup -name "$SCOPE")" ""
}

# A manager for one user, as a login starts it: it listens below XDG_RUNTIME_DIR.
@test "systemd: a user's own manager" {
    local as_nobody
    require_tool setpriv systemd-run
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "cgroup v1 is not delegated to users"
    mkdir "$WORK/xdg" "$WORK/home"
    cp "$KEEL_BIN" "$WORK/keel-program"
    chown -R $NOBODY:$NOBODY "$WORK/xdg" "$WORK/home" "$B"
    systemd-run --quiet --unit "hull-$ID" --uid $NOBODY -p Delegate=yes -p Type=notify \
        -E "XDG_RUNTIME_DIR=$WORK/xdg" -E "HOME=$WORK/home" /lib/systemd/systemd --user
    defer systemctl stop "hull-$ID"
    wait_until 60 test -S "$WORK/xdg/systemd/private"
    as_nobody=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups
        env -i "PATH=$PATH" "HOME=$WORK/home" "XDG_RUNTIME_DIR=$WORK/xdg" "$WORK/keel-program" --systemd-cgroup)
    "${as_nobody[@]}" spec --rootless -b "$WORK/home"
    jq '.process.terminal = false | .process.args = ["sleep", "300"] | .root.path = "'"$B/rootfs"'" |
        .linux.resources.pids.limit = 33' "$WORK/home/config.json" >"$B/config.json"
    "${as_nobody[@]}" run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1 || fail "$(cat "$WORK/out")"
    run "${as_nobody[@]}" state "$ID"
    assert_json .status running
    grep -q "hull-$ID.service/.*/$SCOPE" "/proc/$(jq .pid <<<"$output")/cgroup"
    assert_equal "$(cat /sys/fs/cgroup/system.slice/"hull-$ID.service"/*/"$SCOPE"/pids.max)" 33
    "${as_nobody[@]}" delete -f "$ID"
    assert_equal "$(find /sys/fs/cgroup -name "$SCOPE")" ""
}

# As docs/keel.md has it.
@test "systemd: a container as a service, ready when it says so" {
    local unit=hull-$ID
    require_tool systemd-run
    require_tool cc
    make_config "$B" '.process.args = ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.1; done; exec /bin/notify"]'
    notify_program "$B/rootfs/bin/notify"
    systemd-run --quiet --no-block --unit "$unit" -p Type=notify \
        "-pExecStopPost=-$KEEL_BIN --root $KEEL_TEST_ROOT delete --force $ID" \
        "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run --bundle "$B" "$ID"
    defer systemctl stop "$unit"
    wait_until 30 container_is running
    assert_equal "$(systemctl show -P SubState "$unit")" start
    touch "$B/rootfs/tmp/go"
    wait_until 30 systemctl --quiet is-active "$unit"
    systemctl stop "$unit"
    run keel state "$ID"
    assert_failure
    assert_output_has "does not exist"
}

