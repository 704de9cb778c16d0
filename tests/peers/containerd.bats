# SPDX-License-Identifier: Apache-2.0
#
# containerd's own client, ctr, with keel behind containerd's shim.

load lib

setup_file() {
    peer_setup containerd ctr
    cat >"$PEER/config.toml" <<-END
	version = 2
	root = "$PEER/root"
	state = "$PEER/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$PEER/socket"
	[ttrpc]
	  address = "$PEER/ttrpc"
	END
    peer_start containerd.log containerd -c "$PEER/config.toml"
    peer_wait ctr --address "$PEER/socket" version
    ctr --address "$PEER/socket" images import "$PEER/busybox.tar" >&2
}

teardown_file() { peer_teardown; }

setup() {
    ID=c$BATS_TEST_NUMBER
}

teardown() {
    call tasks kill -s KILL "$ID" 2>/dev/null || true
    call tasks rm -f "$ID" 2>/dev/null || true
    call containers rm "$ID" 2>/dev/null || true
}

call() {
    ctr --address "$PEER/socket" "$@"
}

# run_container OPTION... -- COMMAND...
run_container() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    call run --runc-binary "$PEER_RUNTIME" "${options[@]}" docker.io/library/busybox:latest \
        "$ID" "$@"
}

# start_sleeper OPTION...: a detached container that waits, and ends on SIGTERM.
start_sleeper() {
    run_container -d "$@" -- sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
}

task_is() {
    [ "$(call tasks ls | awk -v id="$ID" '$1 == id { print $3 }')" = "$1" ]
}

@test "containerd: run: output, status, arguments, environment" {
    run run_container --rm --env A=b --cwd /tmp -- sh -c 'pwd; echo "$A"; exit 3'
    assert_failure 3
    assert_output "$(printf '/tmp\nb')"
}

@test "containerd: a command that is not there is told in the engine's words" {
    run run_container --rm -- no-such-command
    assert_failure
    assert_output_has 'exec: "no-such-command": executable file not found in $PATH'
}

@test "containerd: a detached task is listed, entered, signalled and waited for" {
    start_sleeper
    task_is RUNNING
    run call tasks exec --exec-id e1 --user 1000 --cwd /tmp "$ID" sh -c 'id -u; pwd; exit 4'
    assert_failure 4
    assert_output "$(printf '1000\n/tmp')"
    run call tasks ps "$ID"
    assert_success
    [ "$(wc -l <<<"$output")" -ge 2 ] || fail "$output"
    call tasks kill -s TERM "$ID"
    wait_until task_is STOPPED
    # Older ones warn of the status, newer ones end with it.
    run call tasks rm "$ID"
    [ "$status" = 5 ] || assert_output_has "exit code 5"
}

@test "containerd: a task that has ended is told so to who kills it again" {
    start_sleeper
    call tasks kill -s KILL "$ID"
    wait_until task_is STOPPED
    run call tasks kill -s TERM "$ID"
    assert_failure
    assert_output_has "process already finished: not found"
}

@test "containerd: pause stops all, resume goes on" {
    start_sleeper
    call tasks pause "$ID"
    task_is PAUSED
    run call tasks exec --exec-id e1 "$ID" true
    assert_failure
    call tasks resume "$ID"
    task_is RUNNING
    run call tasks exec --exec-id e2 "$ID" echo again
    assert_success
    assert_output again
}

@test "containerd: a terminal for the task and for an exec" {
    require_tool script
    run on_terminal ctr --address "$PEER/socket" run --rm -t --runc-binary "$PEER_RUNTIME" \
        docker.io/library/busybox:latest "$ID" sh -c 'tty; stty size'
    assert_success
    assert_output_has /dev/pts/0
    start_sleeper
    run on_terminal ctr --address "$PEER/socket" tasks exec -t --exec-id e1 "$ID" tty
    assert_success
    assert_output_has /dev/pts/
}

@test "containerd: limits, mounts, read-only root, seccomp, capabilities" {
    mkdir "$PEER/volume-$ID"
    echo content >"$PEER/volume-$ID/file"
    run run_container --rm --memory-limit 67108864 --read-only --seccomp --cap-drop CAP_CHOWN \
        --mount "type=bind,src=$PEER/volume-$ID,dst=/v,options=rbind:ro" -- sh -c '
        cat /v/file
        touch /v/new 2>/dev/null || echo volume is read-only
        touch /new 2>/dev/null || echo root is read-only
        grep Seccomp: /proc/self/status | tr -d "\t"
        chown 1 /tmp 2>/dev/null || echo no chown'
    assert_success
    assert_output "$(printf 'content\nvolume is read-only\nroot is read-only\nSeccomp:2\nno chown')"
    start_sleeper --memory-limit 67108864
    run call tasks metrics "$ID"
    assert_success
    assert_output_matches '67108864'
}

@test "containerd: nothing of the runtime is left" {
    run find "$PEER/state/io.containerd.runtime.v2.task" -mindepth 2
    assert_output ""
    run find /run/containerd/runc -mindepth 2 ! -path '*/.cache*'
    assert_output ""
    run find /sys/fs/cgroup -name 'c[0-9]*' -type d
    assert_output ""
}
