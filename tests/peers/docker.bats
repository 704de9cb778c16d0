# SPDX-License-Identifier: Apache-2.0
#
# dockerd with keel added as a runtime.

load lib

setup_file() {
    peer_setup dockerd docker containerd
    peer_start dockerd.log dockerd --data-root "$PEER/data" --exec-root "$PEER/exec" \
        --pidfile "$PEER/pid" -H "unix://$PEER/socket" --userland-proxy=false \
        --add-runtime "keel=$PEER_RUNTIME" --default-runtime keel
    peer_wait docker -H "unix://$PEER/socket" version
    docker -H "unix://$PEER/socket" load -q -i "$PEER/busybox.tar" >&2
}

teardown_file() { peer_teardown; }

setup() {
    NAME=c$BATS_TEST_NUMBER
}

teardown() {
    call rm -fv "$NAME" >/dev/null 2>&1 || true
}

call() {
    docker -H "unix://$PEER/socket" "$@"
}

# start_sleeper OPTION...: a detached container that waits, and ends on SIGTERM.
start_sleeper() {
    call run -d --name "$NAME" "$@" busybox sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
}

status_is() {
    [ "$(call inspect -f "$2" "$NAME")" = "$1" ]
}

@test "docker: keel is the default runtime, and its version is shown" {
    run call info --format '{{.DefaultRuntime}} {{json .Runtimes}}'
    assert_success
    assert_output_has "keel "
    assert_output_has "$PEER_RUNTIME"
}

@test "docker: run: output, status, environment, user, hostname, working directory" {
    run call run --rm -e A=b -u 1000:50 -h box -w /tmp busybox \
        sh -c 'id -u; id -g; hostname; pwd; echo "$A"; exit 3'
    assert_failure 3
    assert_output "$(printf '1000\n50\nbox\n/tmp\nb')"
}

@test "docker: statuses 125, 126 and 127" {
    run -127 call run --rm busybox no-such-command
    assert_output_has 'exec: "no-such-command": executable file not found in $PATH'
    run -127 call run --rm busybox /no/such/command
    run call run --rm busybox /etc
    assert_failure 126
    run call run --rm busybox /etc/passwd
    assert_failure 126
    assert_output_has "permission denied"
    run call run --rm -w /etc/passwd busybox true
    assert_failure
}

@test "docker: exec: status, input, user, environment, a command that is not there" {
    start_sleeper
    run call exec -u app -e X=y -w /tmp "$NAME" sh -c 'id -un; echo "$X"; pwd; exit 9'
    assert_failure 9
    assert_output "$(printf 'app\ny\n/tmp')"
    run call exec -i "$NAME" cat <<<"from outside"
    assert_success
    assert_output "from outside"
    # 126 with older ones, whatever the runtime.
    run call exec "$NAME" no-such-command
    assert_output_has 'exec: "no-such-command": executable file not found in $PATH'
    [ "$status" = 126 ] || assert_failure 127
    run call exec "$NAME" /etc
    assert_failure 126
}

@test "docker: terminals" {
    require_tool script
    run on_terminal docker -H "unix://$PEER/socket" run --rm -it busybox tty
    assert_success
    assert_output_has /dev/pts/0
    start_sleeper
    run on_terminal docker -H "unix://$PEER/socket" exec -it "$NAME" tty
    assert_success
    assert_output_has /dev/pts/
}

@test "docker: stop, kill, wait, restart, logs" {
    start_sleeper
    call stop -t 5 "$NAME"
    status_is 5 '{{.State.ExitCode}}'
    call start "$NAME"
    call kill "$NAME"
    run call wait "$NAME"
    assert_output 137
    call restart -t 1 "$NAME"
    status_is running '{{.State.Status}}'
    call rm -f "$NAME"
    call run --name "$NAME" busybox sh -c 'echo out; echo err >&2'
    run call logs "$NAME"
    assert_output_has out
    assert_output_has err
}

@test "docker: pause, unpause" {
    start_sleeper
    call pause "$NAME"
    status_is paused '{{.State.Status}}'
    run call exec "$NAME" true
    assert_failure
    call unpause "$NAME"
    run call exec "$NAME" echo again
    assert_output again
}

@test "docker: limits at the start and by update; stats; top" {
    local directory

    start_sleeper --memory 64m --pids-limit 50 --cpu-shares 512
    directory=$(find /sys/fs/cgroup/memory /sys/fs/cgroup -maxdepth 3 -type d \
        -name "$(call inspect -f '{{.Id}}' "$NAME")" | head -n 1)
    limit() { cat "$directory/memory.limit_in_bytes" "$directory/memory.max" 2>/dev/null; }
    assert_equal "$(limit)" 67108864
    call update --memory 96m --memory-swap 96m "$NAME"
    assert_equal "$(limit)" 100663296
    run call stats --no-stream --format '{{.MemUsage}}' "$NAME"
    assert_success
    assert_output_has 96MiB
    run call top "$NAME"
    assert_success
    assert_output_has sleep
}

@test "docker: out of memory is seen" {
    run call run --name "$NAME" --memory 16m --memory-swap 16m busybox \
        sh -c 'x=a; while :; do x=$x$x; done'
    assert_failure
    status_is true '{{.State.OOMKilled}}' || [ "$status" = 137 ]
}

@test "docker: volumes, tmpfs, read-only root, devices, sysctls, ulimits" {
    check_mounts_and_limits call run --rm
}

@test "docker: health checks run" {
    start_sleeper --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1
    call exec "$NAME" touch /tmp/well
    wait_until 15 status_is healthy '{{.State.Health.Status}}'
    call exec "$NAME" rm /tmp/well
    wait_until 15 status_is unhealthy '{{.State.Health.Status}}'
}

@test "docker: --init, --privileged, --pid host, --security-opt" {
    run call run --rm --init busybox sh -c 'cat /proc/1/comm'
    assert_success
    assert_output_matches 'docker-init|tini'
    # Capabilities 0 to 23 at least: what lies above depends on the engine's age and on the caller.
    run call run --rm --privileged busybox grep CapBnd /proc/self/status
    assert_success
    assert_output_matches 'ffffff$'
    run call run --rm --pid host --security-opt seccomp=unconfined busybox \
        sh -c 'grep Seccomp: /proc/self/status | tr -d "\t"; [ $$ -gt 1 ] && echo host'
    assert_output "$(printf 'Seccomp:0\nhost')"
}

@test "docker: build and commit" {
    mkdir -p "$PEER/build"
    printf 'FROM busybox\nRUN echo built >/file\nUSER app\nCMD ["cat", "/file"]\n' >"$PEER/build/Dockerfile"
    DOCKER_BUILDKIT=0 call build -q -t built "$PEER/build"
    run call run --rm built
    assert_output built
}

@test "docker: nothing of the runtime is left" {
    run find "$PEER/exec/runtime-runc" /run/docker/runtime-runc -mindepth 2 ! -path '*/.cache*'
    assert_output_lacks moby/
    run find /sys/fs/cgroup -path '*/docker/*' -type d
    assert_output ""
}
