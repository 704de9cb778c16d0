# SPDX-License-Identifier: Apache-2.0
#
# Processes in a running container.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" '.process.args = ["sleep", "1000"]'
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

begin() {
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
}

# The probe's report of a process in the container.
probe() {
    run keel exec "$@"
    assert_success
}

@test "exec: status, output, and errors with 255" {
    begin
    run --separate-stderr keel exec "$ID" sh -c 'echo out; echo err >&2; exit 9'
    assert_failure 9
    assert_output out
    assert_equal "$stderr" err
    run keel exec "$ID" sh -c 'kill -TERM $$'
    assert_failure 143
    run keel exec "$ID" nonsense
    assert_failure 255
    assert_output_has "executable file not found"
    run keel exec "$ID" /nonsense
    assert_failure 255
    assert_output_has "no such file or directory"
    run keel exec none true
    assert_failure 255
    assert_output_has "does not exist"
    run keel exec "$ID"
    assert_failure 255
}

@test "exec: all namespaces and the cgroup are the container's" {
    begin
    local pid ns
    pid=$(keel state "$ID" | jq .pid)
    probe "$ID" /bin/probe
    for ns in net uts ipc pid mnt cgroup; do
        assert_json ".namespaces.$ns" "$(readlink "/proc/$pid/ns/$ns")"
    done
    assert_json .hostname probe-host
    # Inside its cgroup namespace the container is at the root of each hierarchy that it has; the v2
    # tree beside v1's is not one of them.
    local own='select(.key != "unified")'
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || own=.
    assert_json_true "[.cgroups | to_entries[] | $own | .value] | unique == [\"/\"]"
    assert_json .security.no_new_privs true
    assert_json_true '.capabilities.effective | sort == ["CAP_AUDIT_WRITE","CAP_KILL","CAP_NET_BIND_SERVICE"]'
    assert_json .capabilities.inheritable '[]'
}

@test "exec: no file of the runtime's is left open, and it is not root's leak" {
    begin
    probe "$ID" /bin/probe fds
    assert_json_true '[.fds[] | select(.fd > 2) | .target | select(startswith("/proc") | not)] == []'
}

@test "exec: user, groups, cwd, environment, capabilities" {
    begin
    probe -u 1000:1001 -g 7 -g 8 --cwd /tmp -e A=1 -e PATH=/bin --cap CAP_CHOWN "$ID" /bin/probe
    assert_json .user.real 1000
    assert_json .group.real 1001
    assert_json .group.supplementary '[7,8]'
    assert_json .cwd /tmp
    assert_json_true '.env | index("A=1") and index("PATH=/bin")'
    # Not root: nothing is effective after execve, and nothing may be inherited.
    assert_json .capabilities.effective '[]'
    assert_json .capabilities.ambient '[]'
    assert_json .capabilities.inheritable '[]'
    assert_json_true '.capabilities.bounding | index("CAP_CHOWN")'
    probe --cap CAP_CHOWN "$ID" /bin/probe
    assert_json_true '.capabilities.effective | index("CAP_CHOWN")'
    assert_json .capabilities.inheritable '[]'
    # What is none is told once, though it would be added to several sets.
    run --separate-stderr keel exec --cap NONE "$ID" /bin/probe
    assert_success
    [ "$(grep -c "unavailable capabilities: .NONE." <<<"$stderr")" = 1 ] || fail "$stderr"
}

@test "exec: users are numbers, and only numbers" {
    begin
    echo '1000:x:0:0::/:/bin/sh' >>"$B/rootfs/etc/passwd"
    probe -u 1000 "$ID" id -u
    assert_output 1000
    probe -u 1 "$ID" id -u
    assert_output 1
    local user
    for user in root -1 1: :1 1x 4294967296 4294967295 ''; do
        run keel exec -u "$user" "$ID" id -u
        [ "$user" = '' ] || assert_failure 255
    done
}

@test "exec: --process document, --pid-file, --detach" {
    begin
    jq -n '{args: ["sh", "-c", "echo $X >/out; sleep 100"], cwd: "/", env: ["PATH=/bin", "X=y"],
        user: {uid: 0, gid: 0}}' >"$WORK/process.json"
    keel exec --process "$WORK/process.json" --detach --pid-file "$WORK/pid" "$ID" \
        </dev/null >/dev/null 2>&1
    wait_until test -s "$B/rootfs/out"
    assert_equal "$(cat "$B/rootfs/out")" y
    kill -0 "$(cat "$WORK/pid")"
    assert_equal "$(tr -d 0-9 <"$WORK/pid" | wc -c)" 0
}

@test "exec: the working directory cannot be a file of the host" {
    begin
    local n
    for n in 3 4 5 6 7 8 9 10 12 14 16 20 24 32 40 64; do
        run keel exec --cwd "/proc/self/fd/$n" "$ID" pwd
        assert_failure
        run keel exec --cwd "/proc/self/fd/$n/../../.." "$ID" ls
        assert_failure
    done
}

@test "exec: the container's seccomp filter" {
    edit_config "$B" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
    begin
    run keel exec "$ID" mkdir /tmp/x
    assert_failure 1
    assert_output_has "Function not implemented"
    probe "$ID" /bin/probe security
    assert_json .security.seccomp_mode 2
    assert_equal "$(find "$KEEL_TEST_ROOT/.cache/seccomp" -type f | wc -l)" 1
}

@test "exec: a container with a user namespace" {
    edit_config "$B" '.linux.namespaces += [{"type": "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
        .linux.gidMappings = .linux.uidMappings'
    begin
    probe -u 5:6 "$ID" /bin/probe
    assert_json .user.real 5
    assert_json_true '.id_maps.uid[0] | test("0 +100000 +65536")'
    probe "$ID" id -u
    assert_output 0
}

@test "exec: a terminal of the container's devpts" {
    require_tool script
    begin
    run on_terminal "$KEEL_BIN" --root "$KEEL_TEST_ROOT" exec -t "$ID" tty
    assert_success
    assert_output_has /dev/pts/
    # It has its size before the command can ask.
    # shellcheck disable=SC2016
    run on_terminal sh -c 'stty rows 33 cols 99; exec "$@"' sh \
        "$KEEL_BIN" --root "$KEEL_TEST_ROOT" exec -t "$ID" stty size
    assert_output_has "33 99"
}

@test "exec: preserved files arrive, others do not" {
    begin
    echo content >"$WORK/file"
    run keel exec --preserve-fds 1 "$ID" cat /proc/self/fd/3 3<"$WORK/file" 4<"$WORK/file"
    assert_success
    assert_output content
    run keel exec --preserve-fds 1 "$ID" sh -c 'cat <&4' 3<"$WORK/file" 4<"$WORK/file"
    assert_failure
}
