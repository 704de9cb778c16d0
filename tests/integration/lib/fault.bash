# SPDX-License-Identifier: Apache-2.0
#
# System calls that fail, and processes that are killed, one after the other. A sweep runs a command
# of keel once to count the calls of each process, and then once for each call, with that call
# failing (or its process killed); after each the world is looked at. What a test may forgive
# nowhere: a crash, a hang, more than one line of error, anything left behind. In the same way a file
# is exchanged for another one between any two calls.
#
# FAULT_STEP: every how many-th call is taken (1: all of them). FAULT_OFFSET: where to begin; by
# default it is drawn anew, so that different runs see different calls, and told on failure.

: "${FAULT_BIN:=$HULL_BUILD/tests/integration/lib/fault}"
: "${HOSTILE_BIN:=$HULL_BUILD/tests/integration/lib/hostile/hostile}"

require_fault_tools() {
    [ -x "$FAULT_BIN/inject" ] || skip "tests/integration/lib/fault is not built"
}

# inject OPTION... -- ARG...: keel ARG... under inject; $fault_status, $WORK/report, $WORK/err.
inject() {
    local options=()

    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    fault_status=0
    "$FAULT_BIN/inject" "${options[@]}" -o "$WORK/report" "$KEEL_BIN" --root "$KEEL_TEST_ROOT" \
        "$@" </dev/null >"$WORK/out" 2>"$WORK/err" || fault_status=$?
}

# complain TEXT: one finding of a sweep.
complain() {
    local fired

    fired=$(sed -n 's/^fired //p' "$WORK/report")
    FINDINGS+=("$FAULT_CASE ${fired:-(not reached)}: $1 [$(head -c 300 "$WORK/err" | tr '\n' '|')]")
}

# check_fault: what holds after every failed call, whatever the command was.
check_fault() {
    local lines

    if grep -q '^timeout' "$WORK/report"; then
        complain "hangs"
        return
    fi
    case $fault_status in
    0) return ;;
    127)
        # The dynamic loader's word, before there is a program.
        grep -Eq 'error while loading|cannot (set|apply|allocate|create|map)|fatal' "$WORK/err" ||
            complain "exit status 127"
        return
        ;;
    1 | 255) ;;
    *) complain "exit status $fault_status" ;;
    esac
    lines=$(grep -vc '^keel: warning: ' "$WORK/err" || true)
    # It may be the error itself that could not be written.
    [ "$lines" != 0 ] || ! grep -q '^fired write' "$WORK/report" || return 0
    [ "$lines" = 1 ] || complain "$lines lines of error"
    grep -q '^keel: ' "$WORK/err" || complain "not keel's error"
}

# check_nothing_left: no process, state or cgroup of this test's container.
check_nothing_left() {
    local left

    ! grep -q '^orphan' "$WORK/report" || complain "left $(grep '^orphan' "$WORK/report")"
    left=$(ls -A "$KEEL_TEST_ROOT")
    [ -z "${left/.cache/}" ] || complain "state left: $left"
    left=$(cgroups_of_test)
    if [ -n "$left" ]; then
        complain "cgroup left: $(head -n 1 <<<"$left")"
        xargs rmdir <<<"$left" 2>/dev/null || true
    fi
    ! grep -q "$WORK" <(cut -d' ' -f5 /proc/self/mountinfo) || complain "mount left"
}

# cgroups_of_test: the directories of this test's cgroups, children first.
cgroups_of_test() {
    local dir

    for dir in /sys/fs/cgroup/hull-"$TEST_ID"* /sys/fs/cgroup/*/hull-"$TEST_ID"*; do
        [ ! -d "$dir" ] || find "$dir" -depth -type d 2>/dev/null
    done
}

# sweep NAME BEFORE AFTER FAULT ARG...: for each call of `keel ARG...`: runs the function BEFORE, the
# command with the call failing (FAULT: the name of an error, or "kill"), and the function AFTER.
# Findings are collected in FINDINGS.
sweep() {
    local name=$1 before=$2 after=$3 fault=$4 counts process count call how step
    shift 4

    step=${FAULT_STEP:-1}
    "$before"
    inject -- "$@"
    FAULT_CASE="$name (no fault)"
    [ "$fault_status" = 0 ] || complain "failed"
    grep -q '^calls 0 ' "$WORK/report" || complain "no calls of keel itself"
    counts=$(sed -n 's/^calls //p' "$WORK/report")
    "$after" >/dev/null
    how="-e $fault"
    [ "$fault" != kill ] || how=-k
    while read -r process count; do
        # A few more, since a call that fails may lead to others.
        for ((call = ${FAULT_OFFSET:-RANDOM % step}; call < count + step; call += step)); do
            FAULT_CASE="$name, $fault of call $call of process $process:"
            "$before"
            # shellcheck disable=SC2086 # two words
            inject -p "$process" -n "$call" $how -- "$@"
            FAULT_CASES=$((FAULT_CASES + 1))
            "$after"
        done
    done <<<"$counts"
}

# call_of NAME: the number of the child's last call of that name.
call_of() {
    sed -n "s/^call 1 \([0-9]*\) $1\$/\1/p" "$WORK/report" | tail -n 1
}

# exchange_sweep A B BEFORE AFTER ARG...: for each call that the child of `keel ARG...` makes in the
# container's tree: BEFORE, the command with the names A and B exchanged at the moment of that call,
# and AFTER. Where a race wins only if it hits the gap between two calls, this hits every gap once. In
# a virtual machine, where a run takes seconds and the gaps are the same, some of them.
exchange_sweep() {
    local a=$1 b=$2 before=$3 after=$4 call first last report hit=0 n=0 step=1
    shift 4

    "$before"
    inject -l -- "$@"
    [ "$fault_status" = 0 ] || fail "without an exchange: $(cat "$WORK/err")"
    first=$(call_of setsid)
    last=$(call_of pivot_root)
    : "${last:=$(sed -n 's/^calls 1 //p' "$WORK/report")}"
    "$after"
    [ -n "$first" ] || fail "no session"
    [ -z "${HULL_VM:-}" ] || step=8
    for ((call = first; call <= last; call += step)); do
        "$before"
        inject -p 1 -n "$call" -x "$a" -y "$b" -- "$@"
        report=$(<"$WORK/report")
        [[ $report != *fired* ]] || hit=$((hit + 1))
        n=$((n + 1))
        # The last of these tells where it failed.
        echo "exchanged before call $call: $report"
        "$after"
    done
    # The number of calls may differ a little from run to run.
    ((n > 3 && hit * 10 > n * 8)) || fail "$hit of $n calls were reached"
}

# assert_no_findings: of all sweeps so far.
assert_no_findings() {
    printf '# %d cases\n' "$FAULT_CASES" >&3
    ((FAULT_CASES > 0)) || fail "no call was made to fail"
    [ ${#FINDINGS[@]} = 0 ] || fail "${#FINDINGS[@]} findings:" "${FINDINGS[@]}"
}
