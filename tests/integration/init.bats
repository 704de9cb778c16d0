# SPDX-License-Identifier: Apache-2.0
#
# hull-init as the first process of a PID namespace, without hull around it.

bats_require_minimum_version 1.5.0
load lib/fixture

setup() {
    setup_fixture
    : "${HULL_INIT_BIN:=$HULL_BUILD/cmd/hull-init/hull-init}"
    [ -x "$HULL_INIT_BIN" ] || skip "hull-init is not built"
}

teardown() {
    teardown_fixture
}

# init COMMAND...: hull-init as process 1 of a new PID namespace with its own /proc.
init() {
    unshare --pid --fork --mount-proc "$HULL_INIT_BIN" -- "$@"
}

# start_init COMMAND...: the same in the background; INIT_PID is hull-init's pid outside. A shell
# lets its background jobs ignore SIGINT and SIGQUIT, which env undoes.
start_init() {
    env --default-signal=INT,QUIT unshare --pid --fork --mount-proc --kill-child \
        "$HULL_INIT_BIN" -- "$@" >"$WORK/out" 2>&1 3>&- &
    UNSHARE_PID=$!
    defer stop_init "$UNSHARE_PID"
    wait_until 5 test -s "$WORK/out"
    INIT_PID=$(<"/proc/$UNSHARE_PID/task/$UNSHARE_PID/children")
    INIT_PID=${INIT_PID% }
}

stop_init() {
    kill -KILL "$1" 2>/dev/null || true
}

wait_init() {
    status=0
    wait "$UNSHARE_PID" || status=$?
}

@test "init: status and output of the command" {
    require_root
    run init sh -c 'echo "pid $$ parent $PPID"; exit 42'
    assert_equal "$status" 42
    assert_equal "$output" "pid 2 parent 1"
    run init true
    assert_equal "$status" 0
}

@test "init: the separator may be left out" {
    run "$HULL_INIT_BIN" echo -- a
    assert_equal "$status" 0
    assert_equal "$output" "-- a"
}

@test "init: death by signal is 128 and the signal" {
    require_root
    run init sh -c 'kill -KILL $$'
    assert_equal "$status" 137
    run init sh -c 'kill -SEGV $$'
    assert_equal "$status" 139
}

@test "init: a command that cannot be executed" {
    run -127 "$HULL_INIT_BIN" -- /nonexistent/program
    assert_equal "$status" 127
    assert_equal "$output" "hull-init: /nonexistent/program: No such file or directory"
    run -127 "$HULL_INIT_BIN" -- no-such-command
    assert_equal "$status" 127
    run "$HULL_INIT_BIN" -- /
    assert_equal "$status" 126
    assert_equal "$output" "hull-init: /: Permission denied"
    echo text >"$WORK/file"
    run "$HULL_INIT_BIN" -- "$WORK/file"
    assert_equal "$status" 126
    run "$HULL_INIT_BIN"
    assert_equal "$status" 125
    run "$HULL_INIT_BIN" --
    assert_equal "$status" 125
}

@test "init: signals reach the command" {
    require_root
    local signal
    for signal in TERM INT HUP USR1 USR2 WINCH QUIT RTMIN RTMAX; do
        : >"$WORK/out"
        start_init bash -c "trap 'echo got; exit 7' $signal; echo ready; while :; do sleep 0.05; done"
        kill "-$signal" "$INIT_PID"
        wait_init
        assert_equal "$signal $status" "$signal 7"
        assert_equal "$(tail -n 1 "$WORK/out")" got
    done
}

@test "init: a signal without a handler ends a command that is not process 1" {
    require_root
    start_init sh -c 'echo ready; exec sleep 100'
    kill -TERM "$INIT_PID"
    wait_init
    assert_equal "$status" 143
}

@test "init: the command stops and goes on" {
    require_root
    start_init bash -c 'trap "echo continued; exit 3" CONT; echo ready; while :; do sleep 0.05; done'
    kill -TSTP "$INIT_PID"
    sleep 0.2
    kill -0 "$UNSHARE_PID"
    kill -CONT "$INIT_PID"
    wait_init
    assert_equal "$status" 3
}

@test "init: orphans are reaped" {
    require_root
    run init bash -c '
        for i in {1..50}; do (sleep 0.1 & ) ; done
        sleep 0.6
        grep -l "^State:.Z" /proc/[0-9]*/status | wc -l
        ls -d /proc/[0-9]* | wc -l'
    assert_equal "$status" 0
    # init, bash, and the two of the last pipeline
    assert_equal "${lines[0]}" 0
    [ "${lines[1]}" -le 4 ]
}

@test "init: processes left behind do not outlive the command" {
    require_root
    run init sh -c 'sleep 1000 & echo done'
    assert_equal "$status" 0
    assert_equal "$output" done
}

@test "init: the command starts with an empty signal mask and default actions" {
    require_root
    run init grep -E '^Sig(Blk|Ign):' /proc/self/status
    assert_equal "${lines[0]#*:}" $'\t0000000000000000'
    assert_equal "${lines[1]#*:}" "$(grep '^SigIgn:' /proc/self/status | cut -d: -f2)"
}

@test "init: the command is in the foreground of the terminal" {
    require_root
    require_tool script python3
    run on_terminal unshare --pid --fork --mount-proc "$HULL_INIT_BIN" -- python3 -c \
        'import os; print(os.tcgetpgrp(0) == os.getpgrp() == os.getpid())'
    assert_equal "$status" 0
    assert_equal "${output//$'\r'/}" True
}

@test "init: outside of a PID namespace orphans come to it too" {
    run "$HULL_INIT_BIN" -- bash -c '(sleep 0.3; echo late) & sleep 0.1; exec sleep 0.5'
    assert_equal "$status" 0
    assert_equal "$output" late
}
