# SPDX-License-Identifier: Apache-2.0
#
# What keel costs, as far as it can be told without a clock: system calls, memory, and that neither
# depends on what is not its business.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    setup_fixture
    snapshot_host
    B=$WORK/b
    make_bundle "$B"
    ID=$TEST_ID
    defer remove_keel "$ID"
}

teardown() {
    remove_keel "$ID" || true
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

remove_keel() {
    [ ! -d "$KEEL_TEST_ROOT/$1" ] || keel delete -f "$1"
}

# count_calls FILE ARGUMENT...: system calls of a command of keel and what it starts.
count_calls() {
    local file=$1

    shift
    strace -f -qq -o "$file" "$KEEL_BIN" --root "$KEEL_TEST_ROOT" "$@" </dev/null
    grep -cE '^[0-9]+ +[a-z0-9_]+\(' "$file"
}

@test "cost: keel is static, and a small command makes few system calls" {
    require_tool strace
    run env LC_ALL=C ldd "$KEEL_BIN"
    assert_output_has "not a dynamic executable"
    edit_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    count_calls "$WORK/version" --version >"$WORK/count"
    [ "$(tail -n1 "$WORK/count")" -le 25 ]
    count_calls "$WORK/state" state "$ID" >"$WORK/count"
    [ "$(tail -n1 "$WORK/count")" -le 50 ]
    run cat "$WORK/state"
    # What is not asked for is not looked at: other hierarchies, mounts, libraries.
    assert_output_lacks mountinfo
    assert_output_lacks /proc/self/cgroup
    count_calls "$WORK/kill" kill "$ID" CONT >"$WORK/count"
    [ "$(tail -n1 "$WORK/count")" -le 50 ]
}

@test "cost: a start makes the same system calls whatever else is mounted" {
    require_tool strace
    edit_config "$B" '.process.args = ["true"]'
    # The first one fills caches and makes directories.
    keel run -b "$B" "$ID"
    cat >"$WORK/script" <<-'END'
	mount -t tmpfs mounts "$1/mounts"
	for ((i = 0; i < $2; i++)); do
	    mkdir "$1/mounts/$i"
	    mount -t tmpfs -o size=4k "m$i" "$1/mounts/$i"
	done
	exec strace -f -qq -o "$1/trace-$2" "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$1/b" "$3"
	END
    mkdir "$WORK/mounts"
    export KEEL_BIN KEEL_TEST_ROOT
    local n
    # How often it waits, and reads of a signal, is the scheduler's choice.
    for n in 1 300; do
        unshare --mount --propagation private bash "$WORK/script" "$WORK" $n "$ID" </dev/null
        sed -E 's/^[0-9]+ +//; s/[( ].*//' "$WORK/trace-$n" | grep -E '^[a-z0-9_]+$' |
            grep -vE '^(poll|read|restart_syscall|wait4)$' | sort | uniq -c >"$WORK/calls-$n"
    done
    diff -u "$WORK/calls-1" "$WORK/calls-300"
    if [ ! -d /sys/fs/cgroup/unified ] && [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
        return 0 # a hierarchy is not where it usually is: the list of mounts says where
    fi
    run cat "$WORK/trace-300"
    assert_output_lacks mountinfo
}

@test "cost: a container with 512 KiB of memory starts" {
    edit_config "$B" '.process.args = ["sh", "-c", "echo here; sleep 100"] |
        .linux.resources.memory.limit = 524288'
    keel run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    wait_until grep -qx here "$WORK/out"
    local file
    for file in /sys/fs/cgroup{/memory,}"$(jq -r .linux.cgroupsPath "$B/config.json")"/memory.{limit_in_bytes,max}; do
        [ ! -e "$file" ] || assert_equal "$(cat "$file")" 524288
    done
    keel exec "$ID" true
}

@test "cost: keel waits for a container in less than 2 MB" {
    edit_config "$B" '.process.args = ["sleep", "100"]'
    keel_status() {
        [ "$(keel state "$ID" 2>/dev/null | jq -r .status)" = running ]
    }
    "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID" </dev/null >/dev/null 2>&1 &
    local pid=$! pss
    wait_until keel_status
    pss=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
    keel kill "$ID" KILL
    wait "$pid" || true
    [ "$pss" -gt 0 ]
    [ "$pss" -lt 2048 ]
}

@test "cost: a compiled filter is kept, and each profile has its own" {
    local profile='.process.args = ["sh", "-c", "mkdir /x 2>&1; true"] | .linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"],
        action: "SCMP_ACT_ERRNO", errnoRet: NUMBER}]}'
    local number round
    # EIO and ENOSPC, compiled in the first round and taken from the cache in the second.
    for round in 1 2; do
        for number in 5 28; do
            make_config "$B" "${profile/NUMBER/$number}"
            run keel run -b "$B" "$ID"
            assert_success
            [ $number = 28 ] || assert_output_has "Input/output error"
            [ $number = 5 ] || assert_output_has "No space left on device"
            assert_equal "${#lines[@]}" 1
        done
        assert_equal "$(find "$KEEL_TEST_ROOT/.cache/seccomp" -type f | wc -l)" 2
        [ $round = 2 ] || touch "$WORK/first"
    done
    # Nothing was written anew.
    [ -z "$(find "$KEEL_TEST_ROOT/.cache/seccomp" -type f -newer "$WORK/first")" ]
}
