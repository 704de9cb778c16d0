# SPDX-License-Identifier: Apache-2.0
#
# podman with keel as its runtime, behind conmon.

load lib

setup_file() {
    peer_setup podman conmon
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1
    # Names, not only paths, decide what podman believes a runtime can do.
    cat >"$PEER/containers.conf" <<-END
	[containers]
	log_driver = "k8s-file"
	[engine]
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	runtime_supports_json = ["crun", "runc", "keel"]
	runtime_supports_nocgroup = ["crun", "keel"]
	END
    peer_storage
    call load -q -i "$PEER/busybox.tar" --signature-policy "$PEER/policy.json" >&2
}

teardown_file() {
    call rm -fa -t 0 >/dev/null 2>&1 || true
    peer_teardown
}

setup() {
    NAME=c$BATS_TEST_NUMBER
}

teardown() {
    call rm -fv -t 0 "$NAME" >/dev/null 2>&1 || true
}

call() {
    CONTAINERS_CONF=$PEER/containers.conf CONTAINERS_STORAGE_CONF=$PEER/storage.conf \
        podman --runtime "$PEER_RUNTIME" "$@"
}

create() {
    call run --name "$NAME" --network none "$@"
}

# start_sleeper OPTION...: a detached container that waits, and ends on SIGTERM.
start_sleeper() {
    create -d "$@" busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
}

status_is() {
    [ "$(call inspect -f "$2" "$NAME")" = "$1" ]
}

@test "podman: run: output, status, environment, user, hostname, working directory" {
    run create --rm -e A=b -u 1000:50 -h box -w /tmp busybox \
        sh -c 'id -u; id -g; hostname; pwd; echo "$A"; exit 3'
    assert_failure 3
    assert_output "$(printf '1000\n50\nbox\n/tmp\nb')"
}

@test "podman: statuses 126 and 127" {
    run -127 create --rm busybox no-such-command
    assert_output_has 'executable file not found in $PATH'
    run -127 create --rm busybox /no/such/command
    run -126 create --rm busybox /etc
    run -126 create --rm busybox /etc/passwd
    assert_output_matches '[Pp]ermission denied'
}

@test "podman: exec: status, input, user, environment, a command that is not there" {
    start_sleeper
    run call exec -u app -e X=y -w /tmp "$NAME" sh -c 'id -un; echo "$X"; pwd; exit 9'
    assert_failure 9
    assert_output "$(printf 'app\ny\n/tmp')"
    run call exec -i "$NAME" cat <<<"from outside"
    assert_success
    assert_output "from outside"
    run -127 call exec "$NAME" no-such-command
    run -126 call exec "$NAME" /etc
    call exec -d "$NAME" touch /tmp/detached
    wait_until call exec "$NAME" test -e /tmp/detached
}

@test "podman: terminals" {
    require_tool script
    export -f call create
    export NAME
    # podman 4 can miss what a container says that ends at once, with whatever runtime.
    run on_terminal create --rm -it busybox sh -c 'tty; sleep 1'
    assert_success
    assert_output_has /dev/pts/0
    start_sleeper
    run on_terminal call exec -it "$NAME" sh -c 'tty; sleep 1'
    assert_success
    assert_output_has /dev/pts/
}

@test "podman: stop, kill, wait, restart, logs, attach" {
    start_sleeper
    call stop -t 5 "$NAME"
    status_is 5 '{{.State.ExitCode}}'
    call start "$NAME"
    call kill "$NAME"
    run call wait "$NAME"
    assert_output 137
    call restart -t 1 "$NAME"
    status_is running '{{.State.Status}}'
    call rm -f -t 0 "$NAME"
    create busybox sh -c 'echo out; echo err >&2'
    run call logs "$NAME"
    assert_output_has out
    assert_output_has err
}

@test "podman: pause, unpause" {
    start_sleeper
    call pause "$NAME"
    status_is paused '{{.State.Status}}'
    run call exec "$NAME" true
    assert_failure
    call unpause "$NAME"
    run call exec "$NAME" echo again
    assert_output again
}

@test "podman: limits at the start and by update; stats; top" {
    local directory

    start_sleeper --memory 64m --pids-limit 50 --cpu-shares 512
    directory=/sys/fs/cgroup/memory$(awk -F: '$2 == "memory" { print $3 }' \
        "/proc/$(call inspect -f '{{.State.Pid}}' "$NAME")/cgroup")
    [ -d "$directory" ] || skip "no memory controller of version 1"
    assert_equal "$(cat "$directory/memory.limit_in_bytes")" 67108864
    run call update --memory 96m --memory-swap 96m "$NAME"
    [[ $output == *unrecognized* || $output == *"unknown command"* ]] || {
        assert_success
        assert_equal "$(cat "$directory/memory.limit_in_bytes")" 100663296
    }
    run call stats --no-stream --format '{{.MemUsage}}' "$NAME"
    assert_success
    assert_output_matches 'MB'
    run call top "$NAME"
    assert_success
    assert_output_has sleep
}

@test "podman: no cgroup of its own, by keel's --cgroup-manager disabled" {
    run create --rm --cgroups=disabled busybox cat /proc/self/cgroup
    assert_success
    assert_output_lacks libpod-
}

@test "podman: volumes, tmpfs, read-only root, devices, sysctls, ulimits" {
    check_mounts_and_limits create --rm
}

@test "podman: health checks run" {
    start_sleeper --health-cmd 'test -e /tmp/well' --health-interval disable
    run call healthcheck run "$NAME"
    assert_failure 1
    call exec "$NAME" touch /tmp/well
    run call healthcheck run "$NAME"
    assert_success
}

@test "podman: user namespaces, --init, --privileged, --pid host, --preserve-fds" {
    run create --rm --uidmap 0:100000:1000 --gidmap 0:200000:1000 busybox \
        cat /proc/self/uid_map /proc/self/gid_map
    assert_success
    assert_equal "$(tr -s ' ' <<<"$output")" "$(printf ' 0 100000 1000\n 0 200000 1000')"
    run create --rm --privileged busybox grep CapBnd /proc/self/status
    assert_success
    assert_output_matches 'ffffff$'
    run create --rm --pid host --security-opt seccomp=unconfined busybox \
        sh -c 'grep Seccomp: /proc/self/status | tr -d "\t"; [ $$ -gt 1 ] && echo host'
    assert_output "$(printf 'Seccomp:0\nhost')"
    run create --rm --preserve-fds 1 busybox sh -c 'cat <&3' 3<<<"third"
    assert_output third
}

@test "podman: pods share their namespaces" {
    call pod create --name "pod-$NAME" --network none --infra-image busybox --infra-command "sleep 100" || {
        skip "pods are not possible here"
    }
    run call run --rm --pod "pod-$NAME" busybox readlink /proc/self/ns/ipc
    assert_success
    local first=$output
    run call run --rm --pod "pod-$NAME" busybox readlink /proc/self/ns/ipc
    call pod rm -f -t 0 "pod-$NAME"
    assert_output "$first"
}

@test "podman: nothing of the runtime is left" {
    run call ps -aq
    assert_output ""
    run find /sys/fs/cgroup -name 'libpod-*' -type d ! -name 'libpod-conmon*'
    assert_output ""
    run find /run/keel -mindepth 1 -maxdepth 1 ! -name '.cache'
    assert_output ""
}
