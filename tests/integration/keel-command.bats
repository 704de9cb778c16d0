# SPDX-License-Identifier: Apache-2.0
#
# keel's command line as a contract: what engines pass to a runtime, what they read of it, and which
# words of its errors they look for.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    require_keel
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" '.process.args = ["sleep", "1000"]'
}

teardown() {
    local id

    for id in "$ID" "$ID-1" "$ID-2"; do
        [ ! -d "$KEEL_TEST_ROOT/$id" ] || keel delete -f "$id"
    done
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

# start_container [ID]: a container that sleeps.
start_container() {
    edit_config "$B" '.linux.cgroupsPath = "/hull-'"${1:-$ID}"'"'
    keel run -d -b "$B" "${1:-$ID}" </dev/null >/dev/null 2>&1
}

status_is() {
    [ "$(keel state "$1" | jq -r .status)" = "$2" ]
}

# assert_refused STATUS TEXT ARG...: keel fails with one line that has the text, and logs one object.
assert_refused() {
    local expected=$1 text=$2

    shift 2
    rm -f "$WORK/log"
    run keel --log "$WORK/log" --log-format json "$@" </dev/null
    assert_failure "$expected"
    assert_equal "${#lines[@]}" 1
    assert_output_has "$text"
    assert_equal "$(wc -l <"$WORK/log")" 1
    assert_equal "$(jq -r .level "$WORK/log")" error
    assert_equal "keel: $(jq -r .msg "$WORK/log")" "$output"
}

@test "version: the words that callers parse, by the name that keel is called by" {
    run keel --version
    assert_output_matches '^keel version [0-9]+\.[0-9]+\.[0-9]+'
    assert_output_matches '^spec: 1\.3\.0$'
    assert_output_matches '^\+SYSTEMD .*\+SECCOMP.* \+CRIU$'
    ln -s "$KEEL_BIN" "$WORK/runc-keel"
    ln -s "$KEEL_BIN" "$WORK/crun"
    run "$WORK/runc-keel" -v
    assert_output_matches '^runc version [0-9]'
    run "$WORK/crun" -V
    assert_output_matches '^crun version [0-9]'
}

@test "help: of everything, in every way of asking" {
    local command

    for command in --help -h '-?' --usage help h; do
        run keel "$command"
        assert_success
        assert_output_has checkpoint
    done
    for command in checkpoint create delete events exec features kill list pause ps restore resume \
        run spec start state update; do
        run --separate-stderr keel "$command" --help
        assert_success
        assert_output_has "keel $command"
        assert_equal "$stderr" ""
    done
    assert_refused 1 "No help topic for 'foo'" foo
    run keel help foo
    assert_failure
    assert_output_has "No help topic for 'foo'"
}

@test "errors: the words that callers look for" {
    local command

    for command in state start pause resume kill delete ps events 'update --pids-limit 9'; do
        # shellcheck disable=SC2086 # words
        assert_refused 1 "does not exist" $command none
    done
    assert_refused 255 "does not exist" exec none true
    start_container
    assert_refused 255 "executable file not found in \$PATH" exec "$ID" nonsense
    assert_refused 255 "no such file or directory" exec "$ID" /nonsense
    assert_refused 255 "permission denied" exec "$ID" /etc/passwd
    assert_refused 255 "is a directory" exec "$ID" /etc
    assert_refused 255 "no such file or directory" exec --cwd /none "$ID" true
    assert_refused 1 "container not paused" resume "$ID"
    assert_refused 1 "that is not stopped: running" delete "$ID"
    assert_refused 1 "already exists" run -b "$B" "$ID"
    assert_refused 1 "cannot start" start "$ID"
    assert_refused 1 'unknown signal "BOGUS"' kill "$ID" BOGUS
    keel kill "$ID" KILL
    wait_until status_is "$ID" stopped
    for command in kill pause; do
        assert_refused 1 "container not running" "$command" "$ID"
    done
    assert_refused 255 "container" exec "$ID" true
    assert_refused 1 "is not running" events "$ID"
    # Every process at once: an empty container is no error, as engines send it to make sure.
    keel kill --all "$ID" 9
}

@test "bad input: one line, and nothing is left" {
    local id long

    long=$(printf 'x%.0s' {1..1100})
    for id in .. . a/b "a b" "" $'a\nb' ".hidden" "ü" "$long"; do
        run keel create -b "$B" -- "$id" </dev/null
        assert_failure 1
        assert_equal "${#lines[@]}" 1
    done
    assert_refused 1 "file name too long" create -b "$B" "${long:0:300}"
    assert_refused 1 "no such file or directory" run --pid-file "$WORK/none/pid" -b "$B" "$ID"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    assert_refused 1 "cannot use console socket" \
        run --console-socket "$WORK/none" -b "$B" "$ID"
    edit_config "$B" '.process.terminal = true'
    assert_refused 1 "cannot allocate tty" create -b "$B" "$ID"
    assert_refused 1 "no such file or directory" \
        create --console-socket "$WORK/none" -b "$B" "$ID"
    assert_refused 1 "no such file or directory" \
        create --pidfd-socket "$WORK/none" --console-socket "$WORK/none" -b "$B" "$ID"
    assert_refused 1 "actually exists" run --preserve-fds 18 -b "$B" "$ID"
    assert_refused 1 "unknown flag: --nonsense" run --nonsense "$ID"
    assert_refused 1 "requires" run
    assert_refused 1 "requires" state a b
    assert_refused 1 'invalid --rootless "maybe"' --rootless=maybe state "$ID"
    assert_refused 1 "invalid log-level: loud" --log-level loud state "$ID"
    assert_equal "$(keel list -q)" ""
}

@test "bad input: a state directory without room" {
    mkdir "$WORK/small"
    mount -t tmpfs -o size=64k,nr_inodes=3 tmpfs "$WORK/small"
    run "$KEEL_BIN" --root "$WORK/small" run -b "$B" "$ID"
    run_left=$(ls -A "$WORK/small")
    umount "$WORK/small"
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_has "no space left on device"
    assert_equal "$run_left" ""
}

@test "create: silence, and a first process that outlives its maker" {
    keel --log "$WORK/log" --log-format json create -b "$B" --pid-file "$WORK/pid" "$ID" \
        </dev/null >"$WORK/out" 2>&1
    assert_equal "$(cat "$WORK/out")" ""
    assert_not_exists "$WORK/log"
    # As containerd's shim does it: keel dies with its parent, the container must not.
    keel delete "$ID"
    require_tool setpriv
    setpriv --pdeathsig KILL "$KEEL_BIN" --root "$KEEL_TEST_ROOT" create -b "$B" \
        --pid-file "$WORK/pid" "$ID" </dev/null >/dev/null 2>&1
    [[ $(cat "$WORK/pid") =~ ^[0-9]+$ ]]
    assert_equal "$(tr -d 0-9 <"$WORK/pid" | wc -c)" 0
    status_is "$ID" created
    keel start "$ID"
    status_is "$ID" running
}

@test "start: after the first process has died; delete while it runs" {
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    kill -KILL "$(keel state "$ID" | jq .pid)"
    wait_until status_is "$ID" stopped
    assert_refused 1 "cannot start" start "$ID"
    keel delete "$ID"
    start_container
    keel delete -f "$ID"
    assert_refused 1 "does not exist" delete "$ID"
    keel delete -f "$ID"
}

@test "kill and delete --regex: all that match, and no others" {
    start_container "$ID-1"
    start_container "$ID-2"
    keel kill --regex "^$ID-[1]\$" KILL
    wait_until status_is "$ID-1" stopped
    status_is "$ID-2" running
    # One cannot be deleted; the other one is all the same.
    run keel delete -r "^$ID-"
    assert_failure 1
    assert_output_has "$ID-2 that is not stopped: running"
    assert_equal "$(keel list -q)" "$ID-2"
    keel delete -f -r "^$ID-"
    assert_equal "$(keel list -q)" ""
    keel delete --force --regex "^nothing-like-it$"
    assert_refused 1 "invalid regular expression" kill -r '['
}

@test "kill: signals by every name, and to all processes" {
    local signal

    edit_config "$B" '.process.args = ["sh", "-c",
        "trap \"echo usr1 >>/got\" USR1; sleep 1000 & while true; do wait; done"]'
    start_container
    wait_until test -n "$(keel ps -f json "$ID" | jq '.[1]')"
    for signal in USR1 SIGUSR1 usr1 10; do
        rm -f "$B/rootfs/got"
        keel kill "$ID" "$signal"
        wait_until test -e "$B/rootfs/got"
    done
    keel kill -a "$ID" 0
    keel kill -a "$ID" SIGKILL
    wait_until status_is "$ID" stopped
}

@test "events: one document with every member, a stream, and the end" {
    start_container
    run keel events --stats "$ID"
    assert_success
    assert_equal "${#lines[@]}" 1
    assert_json .type stats
    assert_json .id "$ID"
    assert_json '.data | keys_unsorted - ["rdma"] | join(",")' \
        cpu,cpuset,memory,pids,blkio,hugetlb,intel_rdt,network_interfaces
    assert_json_true '.data.cpu.usage.total > 0'
    assert_json_true '.data.memory.usage.usage > 0 and .data.memory.raw.pgfault >= 0'
    assert_json_true '.data.pids.current == 1'
    keel events --interval 100ms "$ID" >"$WORK/events" &
    local pid=$!
    wait_until eval '[ "$(wc -l <"$WORK/events")" -ge 3 ]'
    keel kill "$ID" KILL
    wait "$pid"
    assert_equal "$(jq -r .type "$WORK/events" | sort -u)" stats
    assert_refused 1 "greater than 0" events --interval 0s "$ID"
}

@test "events: a container that hits its memory limit" {
    edit_config "$B" '.linux.resources.memory.limit = 16777216 |
        .linux.resources.memory.swap = 16777216 |
        .process.args = ["sh", "-c",
            "while [ ! -e /go ]; do sleep 0.1; done; head -c 64m /dev/zero | tail; sleep 1000"]'
    start_container
    keel events --interval 100s "$ID" >"$WORK/events" &
    local pid=$!
    defer stop_process $pid
    sleep 0.3
    touch "$B/rootfs/go"
    wait_until test -s "$WORK/events"
    assert_equal "$(head -n 1 "$WORK/events" | jq -cS .)" "{\"id\":\"$ID\",\"type\":\"oom\"}"
}

@test "update: from stdin in both spellings, and what cannot be is refused" {
    start_container
    keel update --resources=- "$ID" <<<'{"pids": {"limit": 31}}'
    assert_equal "$(keel events --stats "$ID" | jq .data.pids.limit)" 31
    keel update -r - "$ID" <<<'{"pids": {"limit": 32}}'
    assert_equal "$(keel events --stats "$ID" | jq .data.pids.limit)" 32
    echo '{"pids": {"limit": 33}}' >"$WORK/resources"
    keel update "$ID" --resources "$WORK/resources"
    assert_equal "$(keel events --stats "$ID" | jq .data.pids.limit)" 33
    run keel update -r - "$ID" <<<'{"memory": {"limit": 1024, "checkBeforeUpdate": true}}'
    assert_failure 1
    assert_output_has "rejecting memory limit"
    assert_refused 1 "for --memory" update --memory 12q "$ID"
    status_is "$ID" running
}

@test "exec --cgroup: below the container's group, by controller, and nowhere else" {
    start_container
    assert_refused 255 "bad sub cgroup path: ../x" exec --cgroup ../x "$ID" true
    assert_refused 255 "unknown controller bogus" exec --cgroup bogus:/x "$ID" true
    assert_refused 255 "no such file or directory" exec --cgroup /none "$ID" true
    if [ -d "/sys/fs/cgroup/pids/hull-$ID" ]; then
        mkdir "/sys/fs/cgroup/pids/hull-$ID/sub" "/sys/fs/cgroup/memory/hull-$ID/other"
        run keel exec --cgroup pids:sub --cgroup memory:/other "$ID" cat /proc/self/cgroup
        assert_output_matches ':pids:/sub$'
        assert_output_matches ':memory:/other$'
        assert_output_matches ':freezer:/$'
    else
        mkdir "/sys/fs/cgroup/hull-$ID/sub"
        run keel exec --cgroup sub "$ID" cat /proc/self/cgroup
        assert_output "0::/sub"
    fi
}

@test "exec: groups, and what --process says" {
    start_container
    run keel exec -u 1000:1000 -g 7 --additional-gids 8 "$ID" id -G
    assert_output "1000 7 8"
    jq -n '{cwd: "/tmp", args: ["sh", "-c", "pwd; id -u; echo $V"], user: {uid: 1, gid: 1},
        env: ["PATH=/bin", "V=w"]}' >"$WORK/process.json"
    run keel exec --process "$WORK/process.json" "$ID"
    assert_output $'/tmp\n1\nw'
    keel pause "$ID"
    assert_refused 255 "cannot exec in a paused container (use --ignore-paused to override)" \
        exec "$ID" true
    keel exec --ignore-paused -d "$ID" touch /ran </dev/null >/dev/null 2>&1 &
    local pid=$!
    defer stop_process $pid
    keel resume "$ID"
    wait_until test -e "$B/rootfs/ran"
}

@test "run: a terminal and an input that has ended" {
    edit_config "$B" '.process.terminal = true |
        .process.args = ["sh", "-c", "cat; cat; echo ended"]'
    run timeout 10 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID" </dev/null
    assert_success
    assert_output_has ended
}

@test "run: sockets of a service manager are handed on" {
    require_tool systemd-socket-activate
    local port

    port=$(free_port)
    edit_config "$B" '.process.args = ["sh", "-c",
        "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; readlink /proc/self/fd/3"]'
    systemd-socket-activate --fdname=web -l "127.0.0.1:$port" \
        "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID" >"$WORK/out" 2>/dev/null 3>&- &
    defer stop_process $!
    wait_until tcp_open "$port"
    wait_until grep -q socket "$WORK/out"
    assert_equal "$(head -n 1 "$WORK/out")" "1 1 web"
}

# notify_manager SOCKET OUTPUT: a service manager that writes down what it is told.
notify_manager() {
    python3 - "$@" <<-'END' 3>&- &
	import os, socket, sys
	path, output = sys.argv[1:]
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(path)
	while True:
	    text, fds, _, _ = socket.recv_fds(s, 4096, 4)
	    with open(output, "ab") as f:
	        f.write(text.rstrip(b"\n") + b"\n")
	    for fd in fds:
	        os.close(fd)
	END
    defer stop_process $!
    wait_until test -S "$1"
}

@test "start and run -d: end when the container says that it is ready" {
    require_tool python3
    require_tool cc
    notify_manager "$WORK/notify" "$WORK/told"
    edit_config "$B" '.process.args = ["/bin/probe-notify"]'
    notify_program "$B/rootfs/bin/probe-notify"
    NOTIFY_SOCKET=$WORK/notify keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    local pid
    pid=$(keel state "$ID" | jq .pid)
    assert_equal "$(cat "$WORK/told")" "STATUS=up
READY=1
MAINPID=$pid
BARRIER=1"
    keel delete -f "$ID"
    rm "$WORK/told"
    NOTIFY_SOCKET=$WORK/notify keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_not_exists "$WORK/told"
    NOTIFY_SOCKET=$WORK/notify timeout 10 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" start "$ID"
    grep -qx "MAINPID=$(keel state "$ID" | jq .pid)" "$WORK/told"
    # Without a manager there is no socket either.
    keel delete -f "$ID"
    edit_config "$B" '.process.args = ["sh", "-c", "echo [$NOTIFY_SOCKET]; ls /run"]'
    run keel run -b "$B" "$ID"
    assert_output_has "[]"
}

@test "log: to the journal and to syslog, in their own protocols" {
    require_tool unshare
    require_tool python3
    cat >"$WORK/log.sh" <<-'END'
	mount -t tmpfs tmpfs /run
	mkdir -p /run/systemd/journal
	mount -t tmpfs tmpfs /mnt
	python3 -c '
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind("/run/systemd/journal/socket")
	print("bound", flush=True)
	sys.stdout.write(s.recv(4096).decode())' >"$2" &
	while [ ! -s "$2" ]; do sleep 0.05; done
	"$1" --root /mnt --log journald:unit-name state none 2>/dev/null
	wait
	END
    unshare --mount bash "$WORK/log.sh" "$KEEL_BIN" "$WORK/record"
    run cat "$WORK/record"
    assert_output_has "PRIORITY=3"
    assert_output_has "SYSLOG_IDENTIFIER=unit-name"
    assert_output_has 'MESSAGE=state: container "none" does not exist'
}

@test "debug: what is done is in the log, or on stderr without one" {
    edit_config "$B" '.process.args = ["true"]'
    run keel --debug --log "$WORK/log" --log-format json run -b "$B" "$ID"
    assert_success
    assert_output ""
    run jq -r '.level + " " + .msg' "$WORK/log"
    assert_output_matches '^debug child process in init\(\)'
    run keel --debug run -b "$B" "$ID"
    assert_output_has "level=debug"
    run keel run -b "$B" "$ID"
    assert_output ""
}

@test "list: columns as wide as what is in them" {
    edit_config "$B" '.linux.cgroupsPath = "/hull-'"$ID"'"'
    local id=$ID-with-a-name-that-is-longer-than-the-column
    keel create -b "$B" "$id" </dev/null >/dev/null 2>&1
    run keel list
    assert_output_matches "^$id   [0-9]+ +created +$B   2"
    assert_equal "$(awk 'NR == 1 { print index($0, "PID") }' <<<"$output")" \
        "$((${#id} + 4))"
    keel delete "$id"
}
