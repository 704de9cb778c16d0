# SPDX-License-Identifier: Apache-2.0
#
# What keel does when the system does not do its part: calls that fail or do not exist, its own
# death at any moment, full file systems, odd surroundings, and containers that do not want to end.
# After each, nothing may be left, or `keel delete --force` must take it away.
#
# The sweeps take every FAULT_STEP-th call (see lib/fault.bash); `tests/run faults` takes them all.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/fault

setup() {
    require_root
    require_keel
    require_fault_tools
    : "${FAULT_STEP:=60}"
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    FINDINGS=()
    FAULT_CASES=0
    make_bundle "$B" '.process.args = ["sleep", "1000"]'
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

nothing() { :; }

begin_container() {
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
}

freeze_container() {
    keel pause "$ID" 2>/dev/null || true
}

thaw_container() {
    keel resume "$ID" 2>/dev/null || true
}

create_container() {
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
}

# clear_container: what may be left goes with `delete --force`, every time.
clear_container() {
    keel delete -f "$ID" 2>"$WORK/err-delete" || complain "delete -f: $(cat "$WORK/err-delete")"
    forget_orphans
    check_nothing_left
}

# forget_orphans: those that are gone by now are none.
forget_orphans() {
    local pid name

    while read -r _ pid name; do
        wait_until 2 process_gone "$pid" 2>/dev/null || complain "survives delete -f: $pid $name"
    done < <(grep '^orphan' "$WORK/report")
    sed -i '/^orphan/d' "$WORK/report"
}

# The command prints "ran" at once: from then on a failure may leave what delete takes away.
after_run() {
    if grep -q '^ran$' "$WORK/out"; then
        [ "$fault_status" = 0 ] || check_fault
        keel delete -f "$ID" 2>"$WORK/err-delete" || complain "delete -f: $(cat "$WORK/err-delete")"
    else
        check_fault
    fi
    check_nothing_left
}

after_create() {
    check_fault
    if [ "$fault_status" = 0 ]; then
        clear_container
    else
        check_nothing_left
    fi
}

after_existing() {
    check_fault
    clear_container
}

# An exec leaves the container as it was.
after_exec() {
    check_fault
    ! grep -q '^orphan' "$WORK/report" || complain "left $(grep '^orphan' "$WORK/report")"
    [ "$(keel state "$ID" | jq -r .status)" = running ] || complain "the container has ended"
}

after_query() {
    check_fault
}

added_mounts() {
    keel exec "$ID" grep -c added /proc/self/mountinfo || true
}

add_mounts() {
    keel mounts add "$ID" "$WORK/mounts"
}

# One by one: there may be one of them.
clear_mounts() {
    local place

    for place in /added /t; do
        keel mounts remove "$ID" - <<<"[{\"destination\": \"$place\"}]" 2>/dev/null || true
    done
    [ "$(added_mounts)" = 0 ] || complain "cannot be removed"
}

# All the mounts or none; afterwards there are none again.
after_mounts() {
    local found

    check_fault
    ! grep -q '^orphan' "$WORK/report" || complain "left $(grep '^orphan' "$WORK/report")"
    found=$(added_mounts)
    case $fault_status:$found in
    0:2 | [1-9]*:0) ;;
    *) complain "exit status $fault_status and $found of 2 mounts" ;;
    esac
    clear_mounts
}

# What has been unmounted cannot be brought back; but all had been found before.
after_unmount() {
    local found

    check_fault
    found=$(added_mounts)
    case $fault_status:$found in
    0:0 | [1-9]*:2) ;;
    *)
        grep -Eq '^fired (umount2|sendmsg)$' "$WORK/report" ||
            complain "exit status $fault_status and $found of 2 mounts"
        ;;
    esac
    clear_mounts
}

with_seccomp() {
    edit_config "$B" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}'
}

sweep_run_and_create() {
    make_config "$B" '.process.args = ["echo", "ran"]'
    sweep run nothing after_run "$1" run -b "$B" "$ID"
    with_seccomp
    edit_config "$B" '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
        .linux.gidMappings = .linux.uidMappings | .process.user.uid = 1000'
    sweep "run in a user namespace, with a filter" nothing after_run "$1" run -b "$B" "$ID"
    make_config "$B" '.process.args = ["sleep", "1000"]'
    sweep create nothing after_create "$1" create --pid-file "$WORK/pid" -b "$B" "$ID"
}

sweep_the_rest() {
    sweep start create_container after_existing "$1" start "$ID"
    sweep delete begin_container after_existing "$1" delete -f "$ID"
    sweep "delete created" create_container after_existing "$1" delete "$ID"
    begin_container
    sweep exec nothing after_exec "$1" exec "$ID" true
    sweep state nothing after_query "$1" state "$ID"
    sweep list nothing after_query "$1" list
    sweep kill nothing after_query "$1" kill "$ID" 0
    sweep pause thaw_container after_query "$1" pause "$ID"
    sweep resume freeze_container after_query "$1" resume "$ID"
    mkdir -p "$WORK/added"
    echo '[{"destination": "/added", "type": "bind", "source": "'"$WORK/added"'"}, {"destination": "/t", "type": "tmpfs", "source": "added"}]' \
        >"$WORK/mounts"
    sweep "mounts add" nothing after_mounts "$1" mounts add "$ID" "$WORK/mounts"
    sweep "mounts remove" add_mounts after_unmount "$1" mounts remove "$ID" "$WORK/mounts"
}

@test "calls that fail with EPERM: run and create" {
    sweep_run_and_create EPERM
    assert_no_findings
}

@test "calls that fail with EPERM: everything else" {
    sweep_the_rest EPERM
    assert_no_findings
}

@test "calls that fail with ENOMEM: run and create" {
    sweep_run_and_create ENOMEM
    assert_no_findings
}

@test "calls that fail with ENOMEM: everything else" {
    sweep_the_rest ENOMEM
    assert_no_findings
}

# After the death of keel: what still lives is listed, and goes with delete --force.
after_kill() {
    local orphan

    ! grep -q '^timeout' "$WORK/report" || complain "hangs"
    keel list >"$WORK/list" 2>&1 || complain "list fails"
    while read -r _ orphan _; do
        process_gone "$orphan" || grep -q " $orphan " "$WORK/list" ||
            complain "lives and is not listed: $orphan ($(tail -n 1 "$WORK/list"))"
    done < <(grep '^orphan' "$WORK/report")
    clear_container
}

# A container whose exec was killed is still what it was.
after_killed_exec() {
    keel exec "$ID" true </dev/null 2>"$WORK/err" || complain "no exec afterwards"
}

@test "killed at any call: run and create" {
    sweep "run -d" nothing after_kill kill run -d -b "$B" "$ID"
    sweep create nothing after_kill kill create -b "$B" "$ID"
    assert_no_findings
}

@test "killed at any call: start, exec, delete" {
    sweep start create_container after_kill kill start "$ID"
    sweep delete begin_container after_kill kill delete -f "$ID"
    begin_container
    sweep exec nothing after_killed_exec kill exec "$ID" true
    assert_no_findings
}

# without CALL COMMAND...: keel, for which the call does not exist.
without() {
    local call=$1
    shift
    run timeout 20 "$FAULT_BIN/refuse" "$call" "$KEEL_BIN" --root "$KEEL_TEST_ROOT" "$@" </dev/null
}

# assert_works_or_says STATUS: success, or one line of error that tells what is not there.
assert_works_or_says() {
    [ "$status" != 0 ] || return 0
    assert_failure "$1"
    assert_equal "${#lines[@]}" 1
    assert_output_matches '^keel: .*([Ff]unction not implemented|[Ii]nvalid argument)$'
}

@test "calls that do not exist: run" {
    local call
    make_config "$B" '.process.args = ["true"]'
    for call in openat2 clone3 fsopen fsconfig fsmount open_tree move_mount mount_setattr close_range \
        pidfd_open pidfd_send_signal pidfd_getfd memfd_create execveat statx faccessat2 epoll_pwait2 \
        landlock_create_ruleset set_mempolicy_home_node quotactl_fd keyctl seccomp renameat2 pivot_root \
        unshare setns waitid signalfd4 sendfile copy_file_range; do
        without "$call" run -b "$B" "$ID"
        assert_works_or_says 1
        assert_not_exists "$KEEL_TEST_ROOT/$ID"
        assert_equal "$(cgroups_of_test)" ""
    done
    # These have ways around.
    for call in clone3 pidfd_open pidfd_getfd memfd_create execveat statx faccessat2 keyctl clone3,faccessat2,execveat; do
        without "$call" run -b "$B" "$ID"
        assert_success
    done
    without mount_setattr run -b "$B" "$ID"
    assert_failure
    assert_output_has mount_setattr
}

@test "calls that do not exist: exec, kill, state, pause, delete" {
    local call
    for call in openat2 clone3 close_range pidfd_open pidfd_send_signal pidfd_getfd memfd_create execveat \
        statx faccessat2 setns waitid signalfd4; do
        begin_container
        without "$call" exec "$ID" true
        assert_works_or_says 255
        without "$call" kill "$ID" 0
        assert_works_or_says 1
        without "$call" state "$ID"
        assert_success
        without "$call" pause "$ID"
        assert_success
        without "$call" resume "$ID"
        assert_success
        without "$call" delete -f "$ID"
        assert_success
        assert_not_exists "$KEEL_TEST_ROOT/$ID"
        assert_equal "$(cgroups_of_test)" ""
    done
}

@test "without clone3 an exec, too, is in the container's cgroup" {
    local own
    begin_container
    run keel exec "$ID" cat /proc/self/cgroup
    assert_success
    own=$output
    without clone3 exec "$ID" cat /proc/self/cgroup
    assert_success
    assert_output "$own"
}

# ---- containers that do not want to end ----

processes_are_more_than() {
    (($(keel ps -f json "$ID" | jq length) > $1))
}

@test "a fork bomb within its limit of processes is killed" {
    cp "$HOSTILE_BIN" "$B/rootfs/bin/hostile"
    make_config "$B" '.process.args = ["hostile", "fork", "30000"] | .linux.resources.pids = {limit: 30}'
    begin_container
    wait_until processes_are_more_than 20
    run timeout 20 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" kill --all "$ID" KILL
    assert_success
    run timeout 20 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" delete -f "$ID"
    assert_success
    assert_equal "$(cgroups_of_test)" ""
    # Without a pid namespace nothing but the cgroup holds them together.
    edit_config "$B" '.linux.namespaces |= map(select(.type != "pid"))'
    begin_container
    wait_until processes_are_more_than 20
    run timeout 20 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" delete -f "$ID"
    assert_success
    assert_equal "$(cgroups_of_test)" ""
}

@test "processes in nested cgroups, stopped ones and frozen ones are deleted" {
    make_config "$B" '.process.args = ["sh", "-c", "sleep 1000 & sleep 1000 & wait"]'
    begin_container
    local dir pid pids nested=0
    wait_until processes_are_more_than 2
    pids=$(keel ps -f json "$ID" | jq '.[]')
    for dir in $(cgroups_of_test); do
        mkdir -p "$dir/a/b" 2>/dev/null || continue
        # Some hierarchies take a process only when they are set up (cpuset).
        for pid in $pids; do
            ! echo "$pid" 2>/dev/null >"$dir/a/b/cgroup.procs" || nested=$((nested + 1))
        done
    done
    ((nested > 0)) || fail "no process could be moved"
    for pid in $pids; do
        kill -STOP "$pid"
    done
    run timeout 20 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" delete -f "$ID"
    assert_success
    assert_equal "$(cgroups_of_test)" ""
    begin_container
    keel pause "$ID"
    run timeout 20 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" delete -f "$ID"
    assert_success
    assert_equal "$(cgroups_of_test)" ""
}

@test "the first process may close and fill whatever it has" {
    # Every file number that it could have inherited (10 is the shell's own), before anything else.
    make_config "$B" '.process.args = ["sh", "-c", "for fd in $(seq 3 9; seq 11 64); do eval \"echo x >&$fd\" 2>/dev/null; eval \"exec $fd>&-\"; done; echo fine"]'
    run keel run -b "$B" "$ID" </dev/null
    assert_success
    assert_output fine
    # A created container can be started once, whoever connects first and says nothing.
    make_config "$B" '.process.args = ["true"]'
    create_container
    keel start "$ID"
    run keel start "$ID"
    assert_failure 1
    keel delete -f "$ID"
}

# ---- odd surroundings ----

@test "standard files that are closed are not taken for others" {
    local close
    make_config "$B" '.process.args = ["ls", "-l", "/proc/self/fd"] | .process.user.uid = 1000'
    for close in '<&-' '>&-' '2>&-' '<&- >&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        run bash -c "exec $close; timeout 10 '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
        assert_success
        assert_output_lacks "$KEEL_TEST_ROOT"
        # The state root must not become the user's, who was given the standard files.
        assert_equal "$(stat -c %u "$KEEL_TEST_ROOT" "$WORK")" $'0\n0'
    done
    make_config "$B" '.process.args = ["sleep", "1000"] | .process.user.uid = 1000'
    begin_container
    run bash -c "exec <&- >&- 2>&-; timeout 10 '$KEEL_BIN' --root '$KEEL_TEST_ROOT' exec '$ID' true"
    assert_success
    run bash -c "exec <&- >&- 2>&-; timeout 10 '$KEEL_BIN' --root '$KEEL_TEST_ROOT' delete -f '$ID'"
    assert_success
}

# in_odd_process PERL: keel as what the perl code execs with the arguments.
in_odd_process() {
    run timeout 10 perl -MPOSIX -e "$1; exec @ARGV or exit 99" "$KEEL_BIN" --root "$KEEL_TEST_ROOT" \
        run -b "$B" "$ID" </dev/null
}

@test "signals ignored or blocked by the caller" {
    make_config "$B" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "grep -E \"Sig(Blk|Ign)\" /proc/self/status >'"$WORK"'/hook"]}] |
        .process.args = ["sh", "-c", "grep -E \"Sig(Blk|Ign)\" /proc/self/status; exit 7"]'
    # shellcheck disable=SC2016 # perl's variables
    for odd in '$SIG{CHLD} = "IGNORE"' '$SIG{$_} = "IGNORE" for qw(PIPE HUP INT TERM CHLD)' \
        'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(1 .. 31))'; do
        in_odd_process "$odd"
        assert_failure 7
        assert_output_matches 'SigBlk:.0000000000000000'
        assert_output_matches 'SigIgn:.0000000000000000'
        assert_equal "$(tr -d '\t' <"$WORK/hook")" $'SigBlk:0000000000000000\nSigIgn:0000000000000000'
    done
}

@test "umasks, a working directory that is gone, and TMPDIR are of no consequence" {
    make_config "$B" '.process.args = ["sh", "-c", "umask; stat -c %a /dev/null /dev/shm /proc /dev"] | .process.cwd = "/made/now"'
    local mask
    for mask in 0 0777 077; do
        rm -rf "$B/rootfs/made"
        run bash -c "umask $mask; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
        assert_success
        assert_output $'0022\n666\n1777\n555\n755'
        assert_equal "$(stat -c %a "$B/rootfs/made" "$B/rootfs/made/now")" $'755\n755'
    done
    make_config "$B" '.process.args = ["echo", "fine"]'
    run bash -c "mkdir '$WORK/gone' && cd '$WORK/gone' && rmdir '$WORK/gone' && TMPDIR=/nonexistent '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
    assert_success
    assert_output_has fine
    # Only what is relative to it fails.
    run bash -c "mkdir '$WORK/gone' && cd '$WORK/gone' && rmdir '$WORK/gone' && '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run '$ID' 2>&1"
    assert_failure 1
    assert_output_matches '^keel: run: bundle'
}

@test "tiny limits: files, processes, file sizes" {
    local n
    make_config "$B" '.process.args = ["echo", "fine"] | del(.process.rlimits)'
    for n in 5 6 7 8 10 12 16 20 24; do
        run timeout 10 bash -c "ulimit -n $n; exec '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'" 3>&- 4>&-
        [ "$status" != 124 ] || fail "hangs with $n files"
        if [ "$status" != 0 ]; then
            assert_equal "${#lines[@]}" 1
            assert_output_has "keel: run: "
        fi
        assert_not_exists "$KEEL_TEST_ROOT/$ID"
        assert_equal "$(cgroups_of_test)" ""
    done
    run bash -c "ulimit -n 64; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID' 2>&1"
    assert_output fine
    # Files may not grow: the state cannot be written, and SIGXFSZ is no crash.
    run bash -c "trap '' XFSZ; ulimit -f 0; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID' 2>&1 | cat"
    assert_output_lacks fine
    assert_output_matches '^keel: run: .*[Ff]ile too large'
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    run bash -c "ulimit -f 0; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID' 2>&1 | cat"
    assert_output_matches '^keel: run: .*[Ff]ile too large'
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "a huge environment, and one too large" {
    make_config "$B" '.process.env += ["BIG=" + ("x" * 100000)] | .process.args = ["sh", "-c", "echo ${#BIG}"]'
    run keel run -b "$B" "$ID" </dev/null
    assert_output 100000
    make_config "$B" '.process.env += ["BIG=" + ("x" * 200000)]'
    run keel run -b "$B" "$ID" </dev/null
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_matches '[Aa]rgument list too long'
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    # The caller's own environment is nobody's business.
    make_config "$B" '.process.args = ["env"]'
    run bash -c "export SECRET=\$(printf 'x%.0s' {1..100000}); '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
    assert_success
    assert_output_lacks SECRET
}

small_root() {
    "$KEEL_BIN" --root "$WORK/small/root" run -d -b "$B" "$ID" </dev/null 2>"$WORK/err" >"$WORK/out" || {
        cat "$WORK/err"
        return 1
    }
}

@test "a full disk: for the state, for the pid file, for the log" {
    local pages
    mkdir "$WORK/small"
    make_config "$B" '.process.args = ["sleep", "1000"]'
    # The state directory: from too small for anything to just large enough.
    for pages in 1 2 3 4; do
        mount -t tmpfs -o size=$((pages * 4096)),nr_inodes=$((pages + 3)) "hull-$TEST_ID" "$WORK/small"
        run small_root
        if [ "$status" = 0 ]; then
            "$KEEL_BIN" --root "$WORK/small/root" delete -f "$ID"
        else
            assert_equal "${#lines[@]}" 1
            assert_output_matches 'keel: run: .*[Nn]o space left on device'
            assert_not_exists "$WORK/small/root/$ID"
        fi
        assert_equal "$(cgroups_of_test)" ""
        umount "$WORK/small"
    done
    mount -t tmpfs -o size=4096 "hull-$TEST_ID" "$WORK/small"
    head -c 4096 /dev/zero >"$WORK/small/filler"
    run keel run -d --pid-file "$WORK/small/pid" -b "$B" "$ID" </dev/null
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_matches '[Nn]o space left on device'
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    assert_equal "$(cgroups_of_test) $(ls -A "$WORK/small")" " filler"
    begin_container
    run keel exec -d --pid-file "$WORK/small/pid" "$ID" sleep 999
    assert_failure 255
    run keel ps -f json "$ID"
    assert_json length 1
    run bash -c "'$KEEL_BIN' --root '$KEEL_TEST_ROOT' state '$ID' >/dev/full"
    assert_failure 1
    assert_output_has "write output"
    # A log that cannot be written costs nothing.
    run keel --log "$WORK/small/log" exec "$ID" echo fine
    assert_output fine
    run keel --log "$WORK/small/log" exec "$ID" nonsense
    assert_failure 255
    assert_output_has "nonsense"
    keel delete -f "$ID"
    umount "$WORK/small"
}

@test "a state root that cannot be written, and a root file system that cannot" {
    mkdir "$WORK/ro"
    mount -t tmpfs -o ro "hull-$TEST_ID" "$WORK/ro"
    run "$KEEL_BIN" --root "$WORK/ro" run -b "$B" "$ID" </dev/null
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_matches '[Rr]ead-only file system'
    run "$KEEL_BIN" --root "$WORK/ro/none" list
    assert_success
    umount "$WORK/ro"
    # Everything that is mounted on is there already: nothing needs to be made.
    make_config "$B" '.process.args = ["echo", "fine"]'
    mount --bind -o ro "$B/rootfs" "$B/rootfs"
    mount -o remount,bind,ro "$B/rootfs"
    run keel run -b "$B" "$ID" </dev/null
    assert_output fine
    edit_config "$B" '.mounts += [{destination: "/not/there", type: "tmpfs", source: "t"}]'
    run keel run -b "$B" "$ID" </dev/null
    umount "$B/rootfs"
    assert_failure 1
    assert_output_matches '/not/there.*[Rr]ead-only file system'
}
