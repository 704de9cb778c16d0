#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A container's life as seen by the commands: create, start, ps, logs, exec, stop, kill, rm, wait.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

@test "created, running, exited, removed" {
    hull create --name c busybox sh -c 'sleep 100' >/dev/null
    assert_equal "$(hull ps -a --format '{{.Names}} {{.Status}}')" "c Created"
    assert_equal "$(hull ps -q)" ""
    hull start c
    assert_equal "$(hull ps --format '{{.Names}} {{.State}}')" "c running"
    run hull start c
    assert_success
    run hull rm c
    assert_failure 1
    assert_output_has "stop the container before removing or force remove"
    hull stop -t 0 c
    run hull ps -a --format '{{.Status}}'
    assert_output_matches '^Exited \(137\) '
    hull rm c
    run hull inspect c
    assert_failure 1
    assert_output_has "No such object: c"
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
    run hull ps --filter nonsense=1
    assert_failure
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
    hull run --name l busybox sh -c 'echo one; echo two >&2; echo three' >/dev/null 2>&1
    assert_equal "$(hull logs l 2>/dev/null | paste -sd,)" one,three
    assert_equal "$(hull logs l 2>&1 >/dev/null)" two
    assert_equal "$(hull logs --tail 1 l 2>&1)" three
    run hull logs -t l
    assert_output_matches '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z one$'
    hull run -d --name f busybox sh -c 'for i in 1 2 3; do echo line $i; sleep 0.2; done' >/dev/null
    assert_equal "$(timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" logs -f f | paste -sd,)" \
        "line 1,line 2,line 3"
    jq -e '.log and .stream and .time' "$(hull inspect --format '{{.LogPath}}' f)" >/dev/null
}

@test "exec: output, status, user, directory, environment, stdin" {
    hull run -d --name e -e BASE=1 busybox sleep 100 >/dev/null
    run hull exec e sh -c 'echo hi; exit 3'
    assert_failure 3
    assert_output hi
    assert_equal "$(hull exec -u app e id -un)" app
    assert_equal "$(hull exec -w /tmp e pwd)" /tmp
    assert_equal "$(hull exec -e MORE=2 e sh -c 'echo $BASE$MORE')" 12
    assert_equal "$(echo through | hull exec -i e cat)" through
    run hull exec e ps -o pid,args
    assert_output_matches '^ *1 sleep 100'
    run hull exec e /not/there
    assert_failure 127
    run hull exec e /etc/passwd
    assert_failure 126
    run hull exec e grep -E 'CapEff|Seccomp:' /proc/self/status
    assert_output_has 00000000a80425fb
    assert_output_matches 'Seccomp:.2'
    hull exec -d e sh -c 'echo detached > /tmp/mark'
    wait_until 5 hull exec e test -s /tmp/mark
    hull stop -t 0 e
    run hull exec e true
    assert_failure
    assert_output_has "is not running"
}

@test "an exec is in the container's cgroups" {
    local id
    id=$(hull run -d --name e busybox sleep 100)
    hull exec -d e sleep 77
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
    hull run -d --name k busybox sh -c 'trap "echo got usr1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
    wait_until 5 log_has k ready
    hull kill -s USR1 k
    wait_until 5 log_has k "got usr1"
    hull kill k
    assert_equal "$(hull inspect --format '{{.State.Status}} {{.State.ExitCode}}' k)" "exited 137"
    run hull kill k
    assert_failure
    assert_output_has "is not running"
    run hull kill -s NOSUCH k
    assert_failure
}

@test "restart keeps the files and starts anew" {
    hull run -d --name r busybox sh -c 'echo run >> /count; sleep 100' >/dev/null
    wait_until 5 hull exec r test -s /count
    hull restart -t 0 r
    wait_until 5 sh -c "[ \"\$('$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' exec r wc -l /count)\" = '2 /count' ]"
}

@test "wait tells the exit code, also of several" {
    hull run -d --name a busybox sh -c 'sleep 0.3; exit 4' >/dev/null
    hull run -d --name b busybox sh -c 'exit 5' >/dev/null
    assert_equal "$(hull wait a b | paste -sd,)" 4,5
    assert_equal "$(hull wait a)" 4
}

@test "start -a shows the output and gives the status" {
    hull create --name s busybox sh -c 'echo shown; exit 6' >/dev/null
    run hull start -a s
    assert_failure 6
    assert_output shown
    run hull start -a s
    assert_failure 6
}

@test "attach sees what comes from now on" {
    hull run -d --name at busybox sh -c 'while :; do echo tick; sleep 0.1; done' >/dev/null
    run timeout -s INT 1 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" attach --no-stdin --sig-proxy=false at
    assert_output_has tick
    assert_equal "$(hull ps -q | wc -l)" 1
}

@test "top shows the container's processes only" {
    hull run -d --name t busybox sh -c 'sleep 4711 & sleep 4712' >/dev/null
    wait_until 5 sh -c "'$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' top t | grep -q 4711"
    run hull top t
    assert_equal "${#lines[@]}" 4
    run hull top t -o pid,comm
    assert_output_matches PID
}

@test "rm -f ends what runs; several at once go on after an error" {
    hull run -d --name x busybox sleep 100 >/dev/null
    hull run -d --name y busybox sleep 100 >/dev/null
    run hull rm -f x nothing y
    assert_failure
    assert_output_has "No such container: nothing"
    assert_equal "$(hull ps -aq)" ""
}

@test "inspect has Docker's fields" {
    hull run -d --name i -e A=b -m 64m busybox sleep 100 >/dev/null
    run hull inspect i
    assert_json '.[0].State.Running' true
    assert_json '.[0].HostConfig.Memory' 67108864
    assert_json '.[0].Config.Image' busybox
    assert_json '.[0].Name' /i
    assert_json '.[0].Path' sleep
    assert_json '.[0].Args' '["100"]'
    assert_json_true '.[0].State.Pid > 1'
    assert_json_true '.[0].Config.Env | index("A=b")'
    hull stop -t 0 i
    run hull inspect --format '{{json .State}}' i
    assert_json .Pid 0
}

@test "an image in use is not removed" {
    hull run -d --name u busybox sleep 100 >/dev/null
    run hull rmi busybox
    assert_failure
    assert_output_has "$(container_id u | cut -c1-12)"
    hull rm -f u
    hull rmi busybox
    assert_equal "$(hull images -q)" ""
}

@test "explain shows the steps and does nothing" {
    run hull explain run --read-only -m 64m busybox true
    assert_success
    assert_output_has clone3
    assert_output_has pivot_root
    assert_output_has "/proc"
    assert_equal "$(hull ps -aq)" ""
    hull create --name x busybox true >/dev/null
    run hull explain --json x
    assert_json_true 'type == "array" or type == "object"'
}
