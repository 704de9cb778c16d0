# SPDX-License-Identifier: Apache-2.0
#
# Containers into files and back, through criu. Where criu cannot work (it looks into more of the
# kernel than any other program), its refusal is what can be tested; the virtual machines have a
# kernel for the rest.

bats_require_minimum_version 1.5.0

load lib/fixture

# In a virtual machine the kernel's modules are there, but nobody loads what is asked for.
setup_file() {
    local module

    [ -n "${HULL_VM:-}" ] || return 0
    for module in crc32c_generic libcrc32c nf_conntrack nf_conntrack_netlink nf_tables unix_diag \
        inet_diag tcp_diag udp_diag netlink_diag raw_diag af_packet_diag veth tun ip_tables \
        iptable_filter ip6_tables ip6table_filter; do
        busybox modprobe "$module" 2>/dev/null || true
    done
}

setup() {
    require_root
    require_keel
    setup_fixture
    snapshot_host
    B=$WORK/b
    IMAGES=$WORK/images
    ID=$TEST_ID
    # The counter shows by its next number whether it was brought back or started anew.
    make_bundle "$B" '.process.args = ["sh", "-c",
        "i=0; while true; do i=$((i+1)); echo $i; sleep 0.1; done"]'
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

criu_works() {
    type -P criu >/dev/null && criu check >/dev/null 2>&1
}

require_criu() {
    require_tool criu
    criu_works || skip "criu does not work on this kernel"
}

status_is() {
    [ "$(keel state "$1" | jq -r .status)" = "$2" ]
}

# begin: a running container that counts into $WORK/out.
begin() {
    keel run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    wait_until counted 5
}

# counted N: the last line is that number or a later one.
counted() {
    [ "$(tail -n 1 "$WORK/out")" -ge "$1" ]
}

# Every number once and in order: nothing was lost and nothing began again.
assert_counted_on() {
    assert_equal "$(head -n 1 "$WORK/out")" 1
    diff <(seq "$(wc -l <"$WORK/out")") "$WORK/out"
}

@test "checkpoint and restore: the container goes on where it was" {
    require_criu
    local last

    begin
    keel checkpoint --image-path "$IMAGES" --work-path "$WORK/work" "$ID"
    assert_exists "$WORK/work/dump.log"
    run keel state "$ID"
    assert_failure 1
    assert_output_has "does not exist"
    last=$(tail -n 1 "$WORK/out")
    keel restore -d -b "$B" --image-path "$IMAGES" --work-path "$WORK/work" \
        --pid-file "$WORK/pid" "$ID" </dev/null >>"$WORK/out" 2>&1
    status_is "$ID" running
    assert_equal "$(cat "$WORK/pid")" "$(keel state "$ID" | jq .pid)"
    wait_until counted $((last + 3))
    # It is a container like any other: in its cgroup, to be entered, to be ended.
    grep -q "/hull-$TEST_ID\$" "/proc/$(cat "$WORK/pid")/cgroup"
    run keel exec "$ID" cat /etc/image-name
    assert_output hull-test-image
    keel kill "$ID" KILL
    wait_until status_is "$ID" stopped
    keel delete "$ID"
    assert_counted_on
}

@test "checkpoint --leave-running, and after a --pre-dump" {
    require_criu
    local at

    begin
    keel checkpoint --pre-dump --image-path "$WORK/first" "$ID"
    status_is "$ID" running
    assert_exists "$WORK/first/dump.log"
    keel checkpoint --leave-running --parent-path ../first --image-path "$IMAGES" "$ID"
    status_is "$ID" running
    at=$(tail -n 1 "$WORK/out")
    wait_until counted $((at + 2))
    [ -L "$IMAGES/parent" ]
    run keel checkpoint --parent-path "$WORK/first" --image-path "$WORK/x" "$ID"
    assert_failure 1
    assert_output_has "--parent-path must be relative"
    run keel checkpoint --parent-path ../none --image-path "$WORK/x" "$ID"
    assert_failure 1
    assert_output_has "--parent-path ../none: no such file or directory"
}

@test "restore: pipes of the caller, bind mounts and hooks, in the foreground" {
    require_criu
    mkdir "$WORK/bound"
    echo from-outside >"$WORK/bound/file"
    printf '#!/bin/sh\ncat >%s\n' "$WORK/hook" >"$WORK/hook.sh"
    chmod 755 "$WORK/hook.sh"
    edit_config "$B" '.mounts += [{"destination": "/bound", "type": "bind",
        "source": "'"$WORK/bound"'", "options": ["rbind", "ro"]}] |
        .hooks.createRuntime = [{"path": "'"$WORK/hook.sh"'"}] |
        .process.args = ["sh", "-c",
            "while [ ! -e /bound/end ]; do sleep 0.1; done; cat /bound/file; exit 5"]'
    # Pipes without names, as engines give them.
    (sleep 1000 3>&- & echo $! >"$WORK/sleep"; wait $!) |
        keel run -d -b "$B" "$ID" 2>&1 3>&- | cat >"$WORK/out" 3>&- &
    wait_until test -s "$WORK/sleep"
    defer stop_process "$(cat "$WORK/sleep")"
    wait_until status_is "$ID" running
    keel checkpoint --image-path "$IMAGES" "$ID"
    rm "$WORK/hook"
    touch "$WORK/bound/end"
    run restore_with_pipes
    assert_failure 5
    assert_output from-outside
    assert_equal "$(jq -r .id "$WORK/hook")" "$ID"
    run keel state "$ID"
    assert_failure 1
}

@test "restore: a terminal comes back over the console socket" {
    require_criu
    require_tool python3
    edit_config "$B" '.process.terminal = true |
        .process.args = ["sh", "-c", "read line; echo got $line; sleep 1000"]'
    console_receiver "$WORK/first.sock" "$WORK/first.out" ""
    keel run -d --console-socket "$WORK/first.sock" -b "$B" "$ID"
    keel checkpoint --image-path "$IMAGES" "$ID"
    console_receiver "$WORK/second.sock" "$WORK/second.out" "hello"
    keel restore -d --console-socket "$WORK/second.sock" -b "$B" --image-path "$IMAGES" "$ID"
    wait_until grep -q "got hello" "$WORK/second.out"
    status_is "$ID" running
}

restore_with_pipes() {
    keel restore -b "$B" --image-path "$IMAGES" "$ID" < <(exec sleep 5 3>&-) 2>&1 | cat
    return "${PIPESTATUS[0]}"
}

# console_receiver SOCKET OUTPUT LINE: takes the terminal that is sent to the socket, types the line,
# and writes what comes out.
console_receiver() {
    python3 - "$@" <<-'END' 3>&- &
	import os, socket, sys
	path, output, line = sys.argv[1:]
	server = socket.socket(socket.AF_UNIX)
	server.bind(path)
	server.listen(1)
	client = server.accept()[0]
	fds = socket.recv_fds(client, 100, 1)[1]
	if line:
	    os.write(fds[0], (line + "\n").encode())
	with open(output, "wb", buffering=0) as f:
	    while True:
	        try:
	            data = os.read(fds[0], 4096)
	        except OSError:
	            break
	        if not data:
	            break
	        f.write(data)
	END
    defer stop_process $!
    wait_until test -S "$1"
}

@test "restore: a network namespace of somebody else's is joined" {
    require_criu
    require_tool unshare
    local namespace

    unshare --net sleep 1000 &
    defer stop_process $!
    namespace=/proc/$!/ns/net
    wait_until 5 test "$(readlink /proc/self/ns/net)" != "$(readlink "$namespace")"
    edit_config "$B" '.linux.namespaces |= map(
        if .type == "network" then .path = "'"$namespace"'" else . end)'
    begin
    keel checkpoint --image-path "$IMAGES" "$ID"
    keel restore -d -b "$B" --image-path "$IMAGES" "$ID" </dev/null >>"$WORK/out" 2>&1
    assert_equal "$(readlink "/proc/$(keel state "$ID" | jq .pid)/ns/net")" \
        "$(readlink "$namespace")"
    keel delete -f "$ID"
    assert_counted_on
}

@test "restore: what fails leaves nothing behind" {
    require_criu
    begin
    keel checkpoint --image-path "$IMAGES" "$ID"
    rm "$IMAGES"/core-*.img
    run keel restore -b "$B" --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_has "criu failed: type RESTORE"
    assert_output_has "(log file: $IMAGES/restore.log)"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "criu that is absent, or refuses: one line, and where its log is" {
    local reason
    begin
    run keel --criu "$WORK/no-criu" checkpoint --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output "keel: checkpoint: cannot execute \"$WORK/no-criu\": is criu installed?"
    PATH=/nonexistent run "$KEEL_BIN" --root "$KEEL_TEST_ROOT" restore -b "$B" \
        --image-path "$IMAGES" "$ID-2"
    assert_failure 1
    assert_output_has 'cannot execute "criu": is criu installed?'
    assert_not_exists "$KEEL_TEST_ROOT/$ID-2"
    if type -P criu >/dev/null && ! criu_works; then
        run keel checkpoint --image-path "$IMAGES" "$ID"
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        assert_output_has "(log file: $IMAGES/dump.log)"
        # Whatever this machine's criu says first.
        reason=$(sed -n 's/^.*) Error ([^)]*): //p' "$IMAGES/dump.log" | head -n 1)
        [ -n "$reason" ] || fail "no error in the log: $(cat "$IMAGES/dump.log")"
        assert_output_has ": $reason (log file"
    fi
    # The container has not noticed.
    status_is "$ID" running
    wait_until counted "$(($(tail -n 1 "$WORK/out") + 2))"
}

@test "checkpoint and restore: states and values that cannot be" {
    run keel checkpoint --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output_has "does not exist"
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel checkpoint --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output_has "Container cannot be checkpointed in created state"
    keel start "$ID"
    run keel checkpoint --manage-cgroups-mode all "$ID"
    assert_failure 1
    assert_output_has "Invalid manage-cgroups-mode value: all"
    run keel checkpoint --empty-ns mount "$ID"
    assert_failure 1
    assert_output_has "namespace mount is not supported by --empty-ns"
    run keel checkpoint --network-lock none "$ID"
    assert_failure 1
    run keel checkpoint --page-server nowhere --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output_has "Use --page-server ADDRESS:PORT"
    run keel checkpoint --status-fd 77 --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output_has "--status-fd 77: bad file descriptor"
    run keel restore -b "$B" --image-path "$IMAGES" "$ID"
    assert_failure 1
    assert_output_has "already exists"
    run keel restore -b "$B" --image-path "$WORK/none" "$ID-2"
    assert_failure 1
    assert_output_has "image path $WORK/none: no such file or directory"
    assert_not_exists "$KEEL_TEST_ROOT/$ID-2"
}
