#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 of anything at any moment: the next command puts things right, and other containers do not
# notice. Every test ends with the host compared to what it was (teardown_container).

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

@test "a killed monitor: the container is settled by the next command" {
    hull run -d --name other busybox sleep 100 >/dev/null
    hull run -d --name victim busybox sleep 100 >/dev/null
    monitor=$(monitor_pid victim)
    pid=$(container_pid victim)
    kill -KILL "$monitor"
    wait_until 5 process_gone "$monitor"
    assert_equal "$(hull inspect --format '{{.State.Status}} {{.State.ExitCode}}' victim)" "exited 137"
    run hull inspect --format '{{.State.Error}}' victim
    assert_output_has monitor
    wait_until 5 process_gone "$pid"
    assert_equal "$(hull inspect --format '{{.State.Status}}' other)" running
    hull start victim
    assert_equal "$(hull inspect --format '{{.State.Status}}' victim)" running
}

@test "a killed monitor of a --rm container: it goes with the next look" {
    hull run -d --rm --name victim busybox sleep 100 >/dev/null
    kill -KILL "$(monitor_pid victim)"
    wait_until 5 sh -c "[ -z \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' ps -aq)\" ]"
}

@test "a killed foreground hull: the container runs on and is settled at its end" {
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --network none --name fg busybox sh -c 'echo up; sleep 1; exit 3' >"$WORK/out" &
    client=$!
    wait_until 5 grep -q up "$WORK/out"
    kill -KILL "$client"
    wait "$client" || true
    assert_equal "$(hull inspect --format '{{.State.Status}}' fg)" running
    assert_equal "$(hull wait fg)" 3
    wait_until 5 container_state_is fg exited
}

@test "a killed foreground hull with --rm: nothing stays" {
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --network none --rm --name fg busybox sh -c 'echo up; sleep 0.5' >"$WORK/out" &
    client=$!
    wait_until 5 grep -q up "$WORK/out"
    kill -KILL "$client"
    wait "$client" || true
    wait_until 5 sh -c "[ -z \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' ps -aq)\" ]"
}

@test "hull killed at many moments of a start leaves a state that is repaired" {
    local i
    for i in $(seq 1 30); do
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            run --network none --rm busybox sleep 1 </dev/null >/dev/null 2>&1 &
        client=$!
        sleep "0.0$(printf '%02d' $((i % 20)))"
        kill -KILL "$client" 2>/dev/null || true
        wait "$client" 2>/dev/null || true
    done
    run hull run --rm busybox echo still works
    assert_success
    assert_output "still works"
    hull ps -a >/dev/null
    wait_until 10 sh -c "[ -z \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' ps -q)\" ]"
    for id in $(hull ps -aq); do hull rm -f "$id"; done
}

@test "after a reboot (an empty run directory) containers are exited and start again" {
    hull run --name kept busybox sh -c 'echo data > /file'
    rm -rf "${HULL_TEST_RUN_ROOT:?}"/containers
    assert_equal "$(hull inspect --format '{{.State.Status}}' kept)" exited
    run hull start -a kept
    assert_success
}

@test "ctrl-C reaches the process and ends it in order" {
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --network none --rm --name cc busybox sh -c 'trap "exit 12" INT; echo up; while :; do sleep 0.1; done' >"$WORK/out" &
    client=$!
    wait_until 5 grep -q up "$WORK/out"
    kill -INT "$client"
    status=0
    wait "$client" || status=$?
    assert_equal "$status" 12
    assert_equal "$(hull ps -aq)" ""
}

@test "a failed start leaves nothing with --rm and an explained record without" {
    run -127 hull run --rm busybox /nope
    assert_failure 127
    assert_equal "$(hull ps -aq)" ""
    run -127 hull run --name failed busybox /nope
    assert_failure 127
    assert_equal "$(hull ps -a --format '{{.Names}} {{.Status}}')" "failed Created"
    assert_equal "$(hull inspect --format '{{.State.ExitCode}}' failed)" 127
}

@test "two starts of one container at once: one wins, the other says so or finds it running" {
    hull create --name twin busybox sleep 100 >/dev/null
    hull start twin >"$WORK/one" 2>&1 &
    first=$!
    hull start twin >"$WORK/two" 2>&1 || true
    wait "$first" || true
    assert_equal "$(hull inspect --format '{{.State.Status}}' twin)" running
    assert_equal "$(wc -l <"/sys/fs/cgroup/pids/hull-$(container_id twin)/cgroup.procs")" 1
}

@test "a client that is stopped does not put off the end, and gets all output when it goes on" {
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --network none --name slow busybox sh -c 'echo up; sleep 1; i=0; while [ $i -lt 9999 ]; do i=$((i+1)); echo $i; done; exit 5' \
        >"$WORK/out" &
    client=$!
    wait_until 5 grep -q up "$WORK/out"
    kill -STOP "$client"
    run timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" wait slow
    kill -CONT "$client"
    assert_output 5
    assert_equal "$(hull inspect --format '{{.State.Status}} {{.State.ExitCode}}' slow)" "exited 5"
    status=0
    wait "$client" || status=$?
    assert_equal "$status" 5
    assert_equal "$(tail -n 1 "$WORK/out")" 9999
    assert_equal "$(wc -l <"$WORK/out")" 10000
}

@test "processes that outlive a container's first one do not put off its end" {
    hull run -d --name rest --pid host busybox sh -c 'yes & sleep 0.3; exit 3' >/dev/null
    run timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" wait rest
    assert_output 3
    assert_equal "$(hull inspect --format '{{.State.Status}}' rest)" exited
}

@test "input that nobody reads keeps no other client from the output" {
    head -c 300000 /dev/zero | "$HULL_BIN" --root "$HULL_TEST_ROOT" \
        --run-root "$HULL_TEST_RUN_ROOT" run --network none -i --name stuck busybox \
        sh -c 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo t$i; sleep 0.1; done' >"$WORK/out" &
    client=$!
    wait_until 5 grep -q t3 "$WORK/out"
    run hull attach --no-stdin stuck
    assert_success
    assert_output_has t40
    wait "$client"
}

@test "a monitor keeps no directory of its caller's, and lets nobody but root connect" {
    mkdir "$WORK/cwd"
    (cd "$WORK/cwd" && umask 0 && hull run -d --name quiet busybox sleep 100 >/dev/null)
    assert_equal "$(readlink "/proc/$(monitor_pid quiet)/cwd")" /
    assert_equal "$(stat -c %a "$HULL_TEST_RUN_ROOT/containers/$(container_id quiet)/monitor.sock")" 600
}

@test "the caller's umask does not reach into a container" {
    umask 077
    run hull run --rm -u 1000 -w /made/here busybox sh -c 'pwd; ls -d /tmp'
    assert_success
    assert_output_has /made/here
}

@test "directories that a killed command left are removed, those of containers are not" {
    local left
    left=$(printf 'ab%.0s' $(seq 32))
    mkdir -p "$HULL_TEST_ROOT/containers/$left/upper/sub" "$HULL_TEST_RUN_ROOT/containers/$left"
    hull create --name kept busybox true >/dev/null
    hull create --name gone busybox true >/dev/null
    hull rm gone
    assert_equal "$(ls "$HULL_TEST_ROOT/containers")" "$(container_id kept)"
    assert_equal "$(ls "$HULL_TEST_RUN_ROOT/containers")" ""
    hull start kept
}

@test "what starts a container is killed: nothing of it runs on" {
    local i child mark=$((100000 + RANDOM))
    for i in $(seq 1 20); do
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            run --network none --rm busybox sleep "$mark" </dev/null >/dev/null 2>&1 &
        client=$!
        until child=$(pgrep -P "$client"); do kill -0 "$client" || break; done
        kill -KILL "$child" "$client" 2>/dev/null || true
        wait "$client" 2>/dev/null || true
        hull ps -aq >/dev/null
    done
    wait_until 10 sh -c "[ -z \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' ps -aq)\" ]"
    run pgrep -fx "sleep $mark"
    assert_output ""
}

@test "many commands at once make a new root" {
    local i round clients
    for round in 1 2 3 4 5; do
        clients=()
        for i in $(seq 12); do
            "$HULL_BIN" --root "$WORK/new$round" --run-root "$WORK/newrun$round" ps -q &
            clients+=($!)
        done
        for i in "${clients[@]}"; do
            wait "$i"
        done
    done
}
