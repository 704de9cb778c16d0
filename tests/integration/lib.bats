# SPDX-License-Identifier: Apache-2.0
#
# The fixtures tested by themselves: a fixture that silently does nothing would make other tests
# pass for no reason.

load lib/fixture

setup() {
    setup_fixture
}

teardown() {
    teardown_fixture
}

@test "workspace: fresh roots, deferred commands run last to first" {
    local first=$WORK

    assert_exists "$HULL_TEST_ROOT"
    assert_exists "$KEEL_TEST_ROOT"
    defer sh -c "echo one >>$BATS_TEST_TMPDIR/order"
    defer sh -c "echo 'two words' >>$BATS_TEST_TMPDIR/order"
    teardown_fixture
    assert_not_exists "$first"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/order")" "two words"$'\n'"one"
    setup_fixture
    assert_not_equal "$WORK" "$first"
}

@test "workspace: teardown detaches mounts that a test forgot" {
    require_root
    local old=$WORK

    mkdir "$WORK/a mount"
    mount -t tmpfs hull-test "$WORK/a mount"
    teardown_fixture
    assert_not_exists "$old"
    run grep -F "$old" /proc/self/mountinfo
    assert_failure
}

@test "assertions: they fail when they must" {
    run echo '{"a": [1, {"c": 2, "b": "x"}]}'
    assert_success
    assert_json .a '[1,{"b":"x","c":2}]'
    assert_json_true '.a | length == 2'
    assert_output_has '"c": 2'
    assert_output_lacks nonsense
    assert_output_matches '^\{.*\}$'
    ! assert_json .a '[]' || false
    ! assert_json_true '.a == null' || false
    ! assert_output_has nonsense || false
    ! assert_output_lacks '"c"' || false
    ! assert_output x || false
    ! assert_failure || false
    run sh -c 'exit 3'
    assert_failure
    assert_failure 3
    ! assert_failure 4 || false
    ! assert_success || false
}

@test "wait_until: waits for the condition, gives up in time" {
    (sleep 0.3; touch "$WORK/flag") 3>&- &
    wait_until 5 test -e "$WORK/flag"
    ! wait_until 1 test -e "$WORK/never" || false
}

@test "stop_process: ends a process that ignores SIGTERM" {
    sh -c 'trap "" TERM; while :; do sleep 0.1; done' 3>&- &
    local pid=$!

    sleep 0.1
    stop_process "$pid"
    process_gone "$pid"
}

@test "host: a left-over mount, directory below /run and process is noticed" {
    require_root
    # Only what names this test counts here, so that others may work on this host meanwhile.
    export HULL_TEST_SHARED_HOST=1
    snapshot_host
    assert_host_unchanged

    mkdir "$WORK/m"
    mount -t tmpfs hull-test "$WORK/m"
    run assert_host_unchanged 1
    assert_failure
    assert_output_has "+mount $WORK/m"
    umount "$WORK/m"
    assert_host_unchanged

    mkdir "/run/hull-$TEST_ID"
    defer rmdir "/run/hull-$TEST_ID"
    run assert_host_unchanged 1
    assert_output_has "+run /run/hull-$TEST_ID"
    rmdir "/run/hull-$TEST_ID"
    # shellcheck disable=SC2034
    DEFERRED=()

    # The file gives the process its name, argv[0] tells busybox which applet it is.
    cp "$(busybox_path)" "$WORK/hull-sleep"
    touch "$WORK/file"
    (exec -a busybox "$WORK/hull-sleep" tail -f "$WORK/file") 3>&- &
    local pid=$!
    defer stop_process "$pid"
    run assert_host_unchanged 1
    assert_output_has "+process $pid hull-sleep"
    stop_process "$pid"
    assert_host_unchanged
}

@test "host: a left-over cgroup and network link is noticed" {
    require_root
    local dir=/sys/fs/cgroup/pids link=hull$RANDOM

    [ -d "$dir" ] || dir=/sys/fs/cgroup
    snapshot_host
    mkdir "$dir/hull-$TEST_ID"
    defer rmdir "$dir/hull-$TEST_ID"
    # The link's name has nothing of the test's in it.
    HULL_TEST_SHARED_HOST=0
    run assert_host_unchanged 1
    assert_output_has "+cgroup $dir/hull-$TEST_ID"
    ip link add "$link" type bridge
    defer ip link del "$link"
    run assert_host_unchanged 1
    assert_output_has "+link $link"
}

@test "rootfs: busybox runs in it, users are there" {
    make_busybox_rootfs "$WORK/rootfs"
    run chroot "$WORK/rootfs" /bin/sh -c 'id -u app; cat /etc/image-name; which ls'
    assert_success
    assert_output "1000"$'\n'"hull-test-image"$'\n'"/bin/ls"
}

@test "tar: the same bytes each time" {
    make_busybox_tar "$WORK/1.tar"
    sleep 1.1
    make_busybox_tar "$WORK/2.tar"
    cmp "$WORK/1.tar" "$WORK/2.tar"
    run tar tf "$WORK/1.tar"
    assert_output_has ./bin/busybox
}

@test "images: layout, OCI archive and docker archive are readable" {
    mkdir "$WORK/extra"
    echo second >"$WORK/extra/second"
    tar_files "$WORK/extra" "$WORK/extra.tar" second
    make_busybox_tar "$WORK/base.tar"
    make_oci_layout "$WORK/oci" two "$WORK/base.tar" "$WORK/extra.tar"
    run skopeo inspect --raw "oci:$WORK/oci:two"
    assert_success
    assert_json '.layers | length' 2

    make_oci_archive "$WORK/o.tar" app:1.0
    run skopeo inspect --config "oci-archive:$WORK/o.tar:app:1.0"
    assert_success
    assert_json .config.Cmd '["/bin/sh"]'

    make_docker_archive "$WORK/d.tar" app:1.0
    run tar xOf "$WORK/d.tar" manifest.json
    assert_json '.[0].RepoTags' '["docker.io/library/app:1.0"]'
}

@test "registry: push and read back, ends in teardown" {
    start_registry
    local pid=$REGISTRY_PID

    push_image dir/app:1.0
    run curl -sf "http://$REGISTRY/v2/dir/app/tags/list"
    assert_success
    assert_json .tags '["1.0"]'
    teardown_fixture
    process_gone "$pid"
    setup_fixture
}

@test "registry: TLS and a password" {
    start_registry --tls --auth 'user:pass word'
    run curl -s -o "$WORK/body" -w '%{http_code}' --cacert "$REGISTRY_CA" "https://$REGISTRY/v2/"
    assert_output 401
    run curl -s -o "$WORK/body" -w '%{http_code}' --cacert "$REGISTRY_CA" -u 'user:pass word' \
        "https://$REGISTRY/v2/"
    assert_output 200
}

@test "probe: reports what another runtime was told" {
    require_root
    require_tool runc
    [ -x "$PROBE_BIN" ] || skip "the probe is not built"
    make_bundle "$WORK/b" '.process.args = ["/bin/probe", "--exit", "7"]
        | .process.user = {uid: 1000, gid: 50, additionalGids: [5], umask: 23}
        | .process.env += ["ODD=a\"b\\\u00e9"] | .process.cwd = "/tmp"'
    run runc --root "$WORK/runc" run -b "$WORK/b" "$TEST_ID"
    assert_failure 7
    assert_json .pids.pid 1
    assert_json .user '{"effective":1000,"real":1000,"saved":1000}'
    assert_json .group.supplementary '[5]'
    assert_json .umask 0027
    assert_json .hostname probe-host
    assert_json .cwd /tmp
    assert_json '.env[2]' $'ODD=a"b\\\xc3\xa9'
    assert_json .security.no_new_privs true
    assert_json .capabilities.bounding '["CAP_KILL","CAP_NET_BIND_SERVICE","CAP_AUDIT_WRITE"]'
    assert_json .capabilities.effective '[]'
    assert_json .rlimits.RLIMIT_NOFILE '{"hard":1024,"soft":1024}'
    assert_json '[.fds[].fd]' '[0,1,2]'
    assert_json .devices.null.minor 3
    assert_json .links.lo.up true
    assert_json '.mounts[] | select(.target == "/proc/sys") | .options' ro,nosuid,nodev,noexec,relatime
    assert_json_true "all(.namespaces | del(.user, .time, .time_for_children) | values[];
        . as \$ns | [$(for ns in /proc/self/ns/*; do printf '"%s",' "$(readlink "$ns")"; done) 0]
        | index(\$ns) == null)"
}

@test "probe: chooses keys, refuses unknown ones, writes a file, waits for a signal" {
    [ -x "$PROBE_BIN" ] || skip "the probe is not built"
    run "$PROBE_BIN" cwd umask
    assert_success
    assert_json keys '["cwd","umask"]'
    run "$PROBE_BIN" no-such-key
    assert_failure 2
    "$PROBE_BIN" --output "$WORK/report.json" --wait pids signals 3>&- &
    local pid=$!
    defer stop_process "$pid"
    wait_until test -s "$WORK/report.json"
    run cat "$WORK/report.json"
    assert_json .pids.pid "$pid"
    kill -TERM "$pid"
    wait "$pid"
}
