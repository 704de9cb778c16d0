# SPDX-License-Identifier: Apache-2.0
#
# The programs of the benchmarks: what they say must be true before anybody is compared by it.

load lib/fixture

setup() {
    setup_fixture
    FLOOR=$HULL_BUILD/bench/floor
    MEASURE=$HULL_BUILD/bench/measure
    [ -x "$FLOOR" ] && [ -x "$MEASURE" ] || skip "the benchmarks are not built"
}

teardown() {
    teardown_fixture
}

@test "floor: what it starts is a container, and nothing stays" {
    require_root
    make_busybox_rootfs "$WORK/rootfs"
    [ -x "$WORK/rootfs/bin/probe" ] || skip "the probe is not built"
    export HULL_TEST_SHARED_HOST=1
    snapshot_host
    run "$FLOOR" --root "$WORK/rootfs" --with cgroupfs,seccomp /bin/probe
    assert_success
    assert_json .pids.pid 1
    assert_json .hostname floor
    assert_json .links.lo.up true
    assert_json '.links | length' 1
    assert_json '[.fds[].fd]' '[0,1,2]'
    assert_json .security.seccomp_mode 2
    assert_json .security.no_new_privs true
    assert_json .capabilities.effective '["CAP_KILL","CAP_NET_BIND_SERVICE","CAP_AUDIT_WRITE"]'
    assert_json .devices.ptmx.target pts/ptmx
    assert_json '.mounts[0].target' /
    assert_json_true '[.mounts[].target] as $targets
        | ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
            "/proc/sys", "/proc/keys"] - $targets == []'
    assert_json_true '.mounts[] | select(.target == "/proc/sys") | .options | startswith("ro,")'
    assert_json_true '[.cgroups[]] | unique == ["/"]'
    assert_json_true "all(.namespaces | del(.user, .time, .time_for_children) | values[];
        . as \$ns | [$(for ns in /proc/self/ns/*; do printf '"%s",' "$(readlink "$ns")"; done) 0]
        | index(\$ns) == null)"
    assert_host_unchanged
}

@test "floor: overlay root, exit status, features left out" {
    require_root
    make_busybox_rootfs "$WORK/rootfs"
    mkdir "$WORK/upper"
    run "$FLOOR" --root "$WORK/rootfs" --upper "$WORK/upper" /bin/sh -c 'echo x >/new; exit 3'
    assert_not_exists "$WORK/rootfs/new"
    # The upper directory is not empty, and the floor removes nothing but what it made.
    assert_failure 125
    assert_output_has "close root: upper"
    rm -r "$WORK/upper"
    mkdir "$WORK/upper"
    run "$FLOOR" --root "$WORK/rootfs" --upper "$WORK/upper" /bin/sh -c 'exit 3'
    assert_failure 3
    assert_equal "$(ls "$WORK/upper")" ""
    run "$FLOOR" --root "$WORK/rootfs" --without uts,net /bin/hostname
    assert_success
    assert_output "$(hostname)"
    run "$FLOOR" --root "$WORK/rootfs" --without nonsense
    assert_failure 2
}

@test "floor: the steps add up, entering a container works" {
    require_root
    make_busybox_rootfs "$WORK/rootfs"
    run "$FLOOR" --root "$WORK/rootfs" --explain -n 5
    assert_success
    assert_output_matches '^clone +[0-9.]+ +[0-9.]+ +[0-9.]+$'
    awk '/^STEP/ { next } $1 == "all" { all = $3 } $1 != "all" { sum += $(NF - 1) }
        END { exit !(all > 0 && sum <= all * 1.01) }' <<<"$output"

    # setns(2) goes to the root of the mount namespace: not ours if we are in a chroot.
    nsenter -t $$ -m test -d "$WORK" || skip "steps add up; cannot enter containers in a chroot"
    "$FLOOR" --root "$WORK/rootfs" /bin/sh -c 'sleep 30; :' 3>&- &
    defer stop_process $!
    wait_until sh -c "pgrep -P $! >/dev/null"
    local inside
    inside=$(pgrep -P $!)
    wait_until sh -c "[ \"\$(cat /proc/$inside/comm)\" = sh ]"
    run "$FLOOR" --enter "$inside" /bin/hostname
    assert_success
    assert_output floor
    kill -KILL "$inside"
    wait $! || true
}

@test "measure: counts runs, reports failures, compares with a base" {
    run "$MEASURE" -n 4 -w 1 -s 0 -j "$WORK/json" -g GROUP -b fast --case fast sh -c \
        "echo {id} {slot} >>$WORK/fast; sleep 0.01" --case slow sleep 1 \
        --case broken sh -c 'echo reason >&2; exit 4'
    assert_failure 1
    assert_output_has "broken: left out: exit status 4"
    assert_output_has reason
    assert_equal "$(sort -u "$WORK/fast" | wc -l)" 5
    run jq -s 'map(select(.failed | not) | {(.name): .median_ms}) | add' "$WORK/json"
    assert_json_true '.fast >= 10 and .fast < .slow and .slow >= 1000'
    run jq -sr '.[] | select(.failed) | .name' "$WORK/json"
    assert_output broken
}

@test "measure: keeps as many in flight as asked" {
    # Each run holds its slot's lock: a slot used twice at a time would fail.
    run "$MEASURE" -p 3 -t 1 -n 1 -w 0 --case parallel sh -c \
        "mkdir $WORK/slot-{slot} && sleep 0.05 && ls -d $WORK/slot-* | wc -l >>$WORK/counts &&
        rmdir $WORK/slot-{slot}"
    assert_success
    assert_equal "$(sort -n "$WORK/counts" | tail -n1)" 3
    run awk '{ if ($1 > 3) exit 1 }' "$WORK/counts"
    assert_success
}

@test "dns-load: counts what was answered, and says what was lost" {
    require_root
    export DNS_LOAD=$HULL_BUILD/bench/dns-load
    run unshare --net bash -c '
        ip link set lo up
        "$DNS_LOAD" serve 127.0.0.2 &
        trap "kill $!" EXIT
        until ss -Hlun | grep -q 127.0.0.2:53; do sleep 0.02; done
        "$DNS_LOAD" ask 127.0.0.2 some.example 500 8 && ! "$DNS_LOAD" ask 127.0.0.3 x 1 1'
    assert_success
    assert_output_matches '^[0-9]+ [0-9.]+ [0-9.]+ 0$'
    assert_output_has "no answer"
}

@test "ping-pong: a byte there and back" {
    require_root
    export PING_PONG=$HULL_BUILD/bench/ping-pong
    run unshare --net bash -c '
        ip link set lo up
        "$PING_PONG" serve 7000 &
        trap "kill $!" EXIT
        until ss -Hltn | grep -q :7000; do sleep 0.02; done
        "$PING_PONG" ask 127.0.0.1 7000 200 && ! "$PING_PONG" ask 127.0.0.1 7001 1'
    assert_success
    assert_output_matches '^[0-9.]+ [0-9.]+$'
    assert_output_has "Connection refused"
}

@test "namespace: three figures, and joining is cheaper than making" {
    require_root
    run unshare --net "$HULL_BUILD/bench/namespace" 5
    assert_success
    awk '{ us[$1] = $2 } END { exit !(NR == 3 && us["prepared"] < us["fresh"] && us["veth"] > 0) }' <<<"$output"
}
