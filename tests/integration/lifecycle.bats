#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # shell text for containers stays in single quotes
# A container's life as seen by the commands: create, start, ps, logs, exec, stop, kill, rm, wait.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

@test "created, running, exited, removed" {
    hull create --name cc busybox sh -c 'sleep 100' >/dev/null
    assert_equal "$(hull ps -a --format '{{.Names}} {{.Status}}')" "cc Created"
    assert_equal "$(hull ps -q)" ""
    hull start cc
    assert_equal "$(hull ps --format '{{.Names}} {{.State}}')" "cc running"
    run hull start cc
    assert_success
    run hull rm cc
    assert_failure 1
    assert_output_has "stop the container before removing or force remove"
    hull stop -t 0 cc
    run hull ps -a --format '{{.Status}}'
    assert_output_matches '^Exited \(137\) '
    hull rm cc
    run hull inspect cc
    assert_failure 1
    assert_output_has "No such object: cc"
    run hull rm cc
    assert_failure 1
    assert_output "hull: No such container: cc"
    run hull rm -f cc
    assert_success
    assert_output "Error: No such container: cc"
}

@test "ps looks as people know it" {
    hull run -d --name web busybox sleep 1000 >/dev/null
    run hull ps
    assert_equal "$(tr -s ' ' <<<"${lines[0]}" | sed 's/ $//')" \
        "CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES"
    assert_output_matches '^[0-9a-f]{12} +busybox +"sleep 1000" +.* ago +Up .* +web$'
    assert_equal "$(hull ps -q --no-trunc)" "$(container_id web)"
    assert_equal "$(hull ps -aq --filter name=we --filter status=running)" "$(container_id web | cut -c1-12)"
    assert_equal "$(hull ps -aq --filter status=exited)" ""
}

# shown FILTER...: the names of the containers that ps shows with those filters.
shown() {
    hull ps "${@/#/--filter=}" --format '{{.Names}}' | sort | paste -sd' '
}

@test "ps: filters" {
    local text

    hull create --name first -l tier=back busybox true >/dev/null
    hull run --name second -l tier=front -l extra busybox sh -c 'exit 3' >/dev/null || true
    hull run -d --name third -l tier=front -v "$WORK:/data" busybox sleep 1000 >/dev/null
    assert_equal "$(shown status=created)" first
    assert_equal "$(shown status=created status=exited)" "first second"
    assert_equal "$(shown exited=3)" second
    assert_equal "$(shown exited=0)" ""
    assert_equal "$(shown name=ir)" third
    assert_equal "$(shown name=^/third$)" third
    assert_equal "$(shown name=^hird)" ""
    assert_equal "$(shown name='^(first|third)$' status=created status=running)" "first third"
    assert_equal "$(shown label=tier=front)" third
    assert_equal "$(shown status=exited label=tier=front label=extra)" second
    assert_equal "$(shown status=exited label=tier=front label=other)" ""
    assert_equal "$(shown before=third status=created status=exited)" "first second"
    assert_equal "$(shown since=first status=exited status=running)" "second third"
    assert_equal "$(shown ancestor=busybox)" third
    assert_equal "$(shown ancestor=docker.io/library/busybox:latest)" third
    assert_equal "$(shown ancestor="$(hull images -q busybox)")" third
    assert_equal "$(shown ancestor=other)" ""
    assert_equal "$(shown volume=/data)" third
    assert_equal "$(shown volume="$WORK")" third
    assert_equal "$(shown volume=/other)" ""
    for text in nonsense=1 name status=sleeping exited=x publish=nothing expose=1:2; do
        run hull ps --filter "$text"
        assert_failure 1
        assert_output "hull: invalid filter '$text'"
    done
    run hull ps --filter before=nobody
    assert_failure 1
    assert_output "hull: No such container: nobody"
}

@test "ps and inspect: what a container takes on the disk" {
    local own root

    hull run --name big busybox sh -c 'head -c 1500000 /dev/zero >/data' >/dev/null
    run hull ps -as --format 'table {{.Names}}\t{{.Size}}'
    assert_output_matches '^big +1.5MB \(virtual [0-9.]+MB\)$'
    run hull ps -as
    assert_output_matches 'NAMES +SIZE$'
    assert_output_matches '1\.5MB \(virtual [0-9.]+MB\)$'
    assert_equal "$(hull ps -a --format '{{.Size}}' | cut -d' ' -f1)" 1.5MB
    read -r own root < <(hull inspect -s -f '{{.SizeRw}} {{.SizeRootFs}}' big)
    assert_equal "$own" 1500000
    assert_equal "$root" $((own + $(hull image inspect -f '{{.Size}}' busybox)))
    run hull inspect big
    assert_output_lacks SizeRw
}

@test "ids can be short, names come first, ambiguity is an error" {
    local id
    id=$(hull run -d busybox sleep 100)
    assert_equal "$(hull inspect --format '{{.Id}}' "${id:0:5}")" "$id"
    run hull inspect --type container deadbeefdeadbeef
    assert_failure
    assert_output_has "No such container: deadbeefdeadbeef"
}

@test "logs: both streams, tail, timestamps, following" {
    hull run --name cl busybox sh -c 'echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three' >/dev/null 2>&1
    assert_equal "$(hull logs cl 2>/dev/null | paste -sd,)" one,three
    assert_equal "$(hull logs cl 2>&1 >/dev/null)" two
    assert_equal "$(hull logs --tail 1 cl 2>&1)" three
    run hull logs -t cl
    assert_output_matches '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z one$'
    hull run -d --name cf busybox sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done' >/dev/null
    assert_equal "$(timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" logs -f cf | paste -sd,)" \
        "line 1,line 2,line 3"
    jq -e '.log and .stream and .time' "$(hull inspect --format '{{.LogPath}}' cf)" >/dev/null
}

@test "exec: output, status, user, directory, environment, stdin" {
    hull run -d --name ce -e BASE=1 busybox sleep 100 >/dev/null
    run hull exec ce sh -c 'echo hi; exit 3'
    assert_failure 3
    assert_output hi
    assert_equal "$(hull exec -u app ce id -un)" app
    assert_equal "$(hull exec -w /tmp ce pwd)" /tmp
    assert_equal "$(hull exec -e MORE=2 ce sh -c 'echo $BASE$MORE')" 12
    assert_equal "$(echo through | hull exec -i ce cat)" through
    # What it has left running may say something for a while, but not keep us for ever.
    run hull exec ce sh -c '(sleep 0.7; echo late) & echo now'
    assert_output "$(printf 'now\nlate')"
    run timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        exec ce sh -c 'sleep 1000 & echo now'
    assert_success
    assert_output now
    run hull exec ce ps -o pid,args
    assert_output_matches '^ *1 sleep 100'
    run -127 hull exec ce /not/there
    assert_failure 127
    run hull exec ce /etc/passwd
    assert_failure 126
    for options in "-u nosuch" "-u 0:nosuch" "-w /nosuch" "-w relative" "-w /etc/passwd"; do
        # shellcheck disable=SC2086 # words
        run hull exec $options ce true
        assert_failure 126
    done
    run hull exec ce grep -E 'CapEff|Seccomp:' /proc/self/status
    assert_output_has 00000000a80425fb
    assert_output_matches 'Seccomp:.2'
    hull exec -d ce sh -c 'echo detached > /tmp/mark'
    wait_until 5 hull exec ce test -s /tmp/mark
    hull stop -t 0 ce
    run hull exec ce true
    assert_failure 1
    assert_output_has "is not running"
    run hull exec nothing true
    assert_failure 1
    assert_output_has "No such container: nothing"
}

@test "an exec is in the container's cgroups" {
    local id
    id=$(hull run -d --name ce busybox sleep 100)
    hull exec -d ce sleep 77
    [ -d /sys/fs/cgroup/pids ] || skip "no v1 pids controller here"
    wait_until 5 sh -c "[ \"\$(wc -l < /sys/fs/cgroup/pids/hull-$id/cgroup.procs)\" = 2 ]"
}

@test "stop asks first and kills later" {
    hull run -d --name polite busybox sh -c 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
    wait_until 5 log_has polite ready
    hull stop polite
    assert_equal "$(hull inspect --format '{{.State.ExitCode}}' polite)" 5
    run hull logs polite
    assert_output_has bye
    hull run -d --name deaf busybox sleep 100 >/dev/null
    SECONDS=0
    hull stop -t 1 deaf
    ((SECONDS >= 1 && SECONDS < 8))
    assert_equal "$(hull inspect --format '{{.State.ExitCode}}' deaf)" 137
}

@test "kill sends any signal" {
    hull run -d --name ck busybox sh -c 'trap "echo got usr1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
    wait_until 5 log_has ck ready
    hull kill -s USR1 ck
    wait_until 5 log_has ck "got usr1"
    hull kill ck
    assert_equal "$(hull inspect --format '{{.State.Status}} {{.State.ExitCode}}' ck)" "exited 137"
    run hull kill ck
    assert_failure
    assert_output_has "is not running"
    run hull kill -s NOSUCH ck
    assert_failure
}

@test "restart keeps the files and starts anew" {
    hull run -d --name cr busybox sh -c 'echo run >> /count; sleep 100' >/dev/null
    wait_until 5 hull exec cr test -s /count
    hull restart -t 0 cr
    wait_until 5 sh -c "[ \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' exec cr wc -l /count)\" = '2 /count' ]"
}

@test "wait tells the exit code, also of several" {
    hull run -d --name ca busybox sh -c 'sleep 0.3; exit 4' >/dev/null
    hull run -d --name cb busybox sh -c 'exit 5' >/dev/null
    assert_equal "$(hull wait ca cb | paste -sd,)" 4,5
    assert_equal "$(hull wait ca)" 4
}

@test "start -a shows the output and gives the status" {
    hull create --name cs busybox sh -c 'echo shown; exit 6' >/dev/null
    run hull start -a cs
    assert_failure 6
    assert_output shown
    run hull start -a cs
    assert_failure 6
}

@test "start -a and -i of a container that runs attach to it" {
    hull run -d -i --name cj busybox sh -c 'read line; echo "got $line"; exit 7' >/dev/null
    run hull start -ai cj <<<hello
    assert_failure 7
    assert_output "got hello"

    hull run -d --name ck busybox sleep 100 >/dev/null
    hull pause ck
    run hull start -a ck
    assert_failure 1
    assert_output_has "cannot start a paused container, try unpause instead"
    run hull attach ck
    assert_failure 1
    assert_output_has "You cannot attach to a paused container, unpause it first"
    hull unpause ck
}

@test "attach sees what comes from now on" {
    hull run -d --name at busybox sh -c 'while :; do echo tick; sleep 0.1; done' >/dev/null
    run timeout -s INT 1 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" attach --no-stdin --sig-proxy=false at
    assert_output_has tick
    assert_equal "$(hull ps -q | wc -l)" 1
}

@test "top shows the container's processes only" {
    hull run -d --name ct busybox sh -c 'sleep 4711 & sleep 4712' >/dev/null
    wait_until 5 sh -c "'$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' top ct | grep -q 4711"
    run hull top ct
    assert_output_has 4712
    assert_output_lacks bats
    run hull top ct -o pid,args
    assert_output_matches 'PID +COMMAND'
    assert_output_has "sleep 4711"
    assert_output_lacks bats
    # An option of ps that does not go with a choice by pid.
    run hull top ct f -e
    assert_output_has "sleep 4712"
    assert_output_lacks bats
    run hull top ct --no-such-option
    assert_failure 1
}

@test "rm -f ends what runs; several at once go on after an error" {
    hull run -d --name cx busybox sleep 100 >/dev/null
    hull run -d --name cy busybox sleep 100 >/dev/null
    hull create --name cz busybox true >/dev/null
    run hull rm nothing cz neither
    assert_failure 1
    assert_output_has "No such container: nothing"
    assert_output_has "No such container: neither"
    run hull rm -f cx nothing cy
    assert_success
    assert_output_has "No such container: nothing"
    assert_equal "$(hull ps -aq)" ""
}

@test "inspect has Docker's fields" {
    hull run -d --name ci -e A=b -m 64m busybox sleep 100 >/dev/null
    run hull inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.LogConfig.Type}} {{.Config.Labels.none}}' ci
    assert_output "no json-file <no value>"
    run hull inspect -f '{{.Nope}}' ci
    assert_failure 1
    assert_output_has 'map has no entry for key "Nope"'
    assert_equal "$(readlink "$(hull inspect -f '{{.NetworkSettings.SandboxKey}}' ci)")" \
        "$(readlink "/proc/$(hull inspect -f '{{.State.Pid}}' ci)/ns/net")"
    run hull inspect ci
    assert_json '.[0].State.Running' true
    assert_json '.[0].HostConfig.MaskedPaths[3]' /proc/kcore
    assert_json '.[0].HostConfig.Ulimits' '[]'
    assert_json '.[0].HostConfig.Memory' 67108864
    assert_json '.[0].Config.Image' busybox
    assert_json '.[0].Name' /ci
    assert_json '.[0].Path' sleep
    assert_json '.[0].Args' '["100"]'
    assert_json_true '.[0].State.Pid > 1'
    assert_json_true '.[0].Config.Env | index("A=b")'
    hull stop -t 0 ci
    run hull inspect --format '{{json .State}}' ci
    assert_json .Pid 0
}

# lost ARG...: hull with nowhere to write to.
lost() {
    hull "$@" >/dev/full
}

@test "output that cannot be written is a failure, unless the container failed itself" {
    hull run --name cl busybox sh -c 'echo one line' >/dev/null
    for words in "create busybox true" "run -d busybox true" "run --rm busybox echo a" \
        "start cl" "wait cl" "start -a cl" "logs cl" "stop cl" "ps" "inspect cl" \
        "explain run busybox true" "rm cl"; do
        # shellcheck disable=SC2086 # words
        run lost $words
        echo "$words: $output" # told if it fails
        assert_failure 1
        [ "${#lines[@]}" = 1 ] || fail "$words: $output"
        assert_output_has "hull: "
    done
    run lost run --rm busybox sh -c 'echo a; exit 9'
    assert_failure 9
    assert_output "hull: write the output: No space left on device"
    run lost run --rm busybox true
    assert_success

    # Who reads no more has seen enough, also if SIGPIPE was ignored from birth.
    run bash -c 'trap "" PIPE; { sleep 0.2; "$@"; } | true; echo "${PIPESTATUS[0]}"' pipe \
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" ps -a
    assert_output 0
}

@test "an image in use is not removed" {
    hull run -d --name cu busybox sleep 100 >/dev/null
    run hull rmi busybox
    assert_failure
    assert_output_has "$(container_id cu | cut -c1-12)"
    hull rm -f cu
    hull rmi busybox
    assert_equal "$(hull images -q)" ""
}

@test "an image removed under a container goes with the container" {
    hull run --name cu busybox true
    hull rmi -f busybox
    [ -n "$(find "$HULL_TEST_ROOT/layers" -name layer.tar)" ]
    run hull start -a cu
    assert_success
    hull rm cu
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -name layer.tar)" ""
}

@test "explain shows the steps and does nothing" {
    run hull explain run --read-only -m 64m busybox true
    assert_success
    assert_output_has clone3
    assert_output_has pivot_root
    assert_output_has "/proc"
    assert_equal "$(hull ps -aq)" ""
    hull create --name cx busybox true >/dev/null
    run hull explain --json cx
    assert_json_true 'type == "array" or type == "object"'
}

@test "a wait ends with the run that it waits for, though the next one starts at once" {
    hull run -d --name again busybox sleep 100 >/dev/null
    timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        wait again >"$WORK/code" &
    waiter=$!
    sleep 0.3
    hull restart -t 0 again
    wait "$waiter"
    assert_equal "$(cat "$WORK/code")" 137
    assert_equal "$(hull inspect --format '{{.State.Status}}' again)" running
}

@test "those who wait for an end do not hinder the next start" {
    local i waiters=()
    hull run -d --name crowd busybox sleep 100 >/dev/null
    for i in 1 2 3 4 5 6; do
        timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            wait crowd >/dev/null &
        waiters+=($!)
    done
    sleep 0.3
    hull stop -t 0 crowd
    hull start crowd
    wait "${waiters[@]}"
    assert_equal "$(hull inspect --format '{{.State.Status}}' crowd)" running
}

@test "start and rm -f at once: it runs and is recorded, or nothing is left" {
    local i
    for i in $(seq 1 8); do
        hull create --name both busybox sleep 100 >/dev/null
        hull start both >/dev/null 2>&1 &
        first=$!
        run hull rm -f both
        assert_success
        wait "$first" || true
        assert_equal "$(hull ps -aq)" ""
        assert_equal "$(ls "$HULL_TEST_ROOT/containers")" ""
        assert_equal "$(ls "$HULL_TEST_RUN_ROOT/containers")" ""
    done
}

@test "pause freezes all processes, unpause lets them go on" {
    hull run -d --name cold busybox sh -c 'while :; do echo tick; sleep 0.1; done' >/dev/null
    assert_equal "$(hull pause cold)" cold
    assert_equal "$(hull inspect --format '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' cold)" "paused true true"
    run hull ps --format '{{.Status}}'
    assert_output_matches '^Up .* \(Paused\)$'
    before=$(hull logs cold | wc -l)
    sleep 0.5
    assert_equal "$(hull logs cold | wc -l)" "$before"
    run hull pause cold
    assert_failure 1
    assert_output_has "is already paused"
    run hull exec cold true
    assert_failure
    assert_output_has "is paused, unpause the container before exec"
    run hull start cold
    assert_failure
    assert_output_has "cannot start a paused container, try unpause instead"
    assert_equal "$(hull unpause cold)" cold
    wait_until 5 sh -c "[ \$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' logs cold | wc -l) -gt $before ]"
    run hull unpause cold
    assert_failure 1
    assert_output_has "is not paused"
    hull create --name new busybox true >/dev/null
    run hull pause new
    assert_failure 1
    assert_output_has "is not running"
}

@test "a paused container can be stopped, killed and removed" {
    local how
    for how in "stop -t 5" kill "rm -f"; do
        hull run -d --name cold busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
        sleep 0.3
        hull pause cold
        # shellcheck disable=SC2086 # a command and its options
        run timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" $how cold
        assert_success
        [ "$how" = "rm -f" ] || assert_equal "$(hull inspect --format '{{.State.Status}}' cold)" exited
        [ "$how" != "stop -t 5" ] || assert_equal "$(hull inspect --format '{{.State.ExitCode}}' cold)" 7
        hull rm -f cold >/dev/null 2>&1 || true
    done
}

@test "rename" {
    hull create --name old busybox true >/dev/null
    hull create --name taken busybox true >/dev/null
    hull rename old new
    assert_equal "$(hull inspect --format '{{.Name}}' new)" /new
    hull rename new /newer
    assert_equal "$(hull inspect --format '{{.Name}}' newer)" /newer
    run hull rename newer taken
    assert_failure 1
    assert_output_has 'The container name "/taken" is already in use by container'
    run hull rename newer newer
    assert_failure 1
    assert_output_has "Renaming a container with the same name as its current name"
    run hull rename newer 'b@d'
    assert_failure 1
    assert_output_has "Invalid container name (b@d)"
    run hull rename none other
    assert_failure 1
    assert_output_has "No such container: none"
}
