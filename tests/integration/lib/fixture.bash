# SPDX-License-Identifier: Apache-2.0
#
# What every integration test starts from. A test file says
#
#     load lib/fixture
#     setup() { setup_fixture; }
#     teardown() { teardown_fixture; }
#
# and gets a workspace of its own in $WORK: hull and keel are functions that work on a --root and
# a --run-root inside it, so no test can see another one's containers or images. Whatever a test
# makes outside the workspace it hands to `defer` at once, so that it goes away in teardown, in
# reverse order, however the test ends. The path of the workspace is short on purpose: names of
# unix sockets below it must fit in 107 bytes.
#
# Environment: HULL_BUILD is the build directory to test (default: build/ of the source tree);
# HULL_BIN and KEEL_BIN override single programs, as does PROBE_BIN.

[ -z "${BATS_VERSION:-}" ] || bats_require_minimum_version 1.5.0

FIXTURE_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
HULL_SOURCE=$(cd "$FIXTURE_DIR/../../.." && pwd)
: "${HULL_BUILD:=$HULL_SOURCE/build}"
: "${HULL_BIN:=$HULL_BUILD/cmd/hull/hull}"
: "${KEEL_BIN:=$HULL_BUILD/cmd/keel/keel}"
: "${PROBE_BIN:=$HULL_BUILD/tests/integration/lib/probe/probe}"
export HULL_BUILD HULL_BIN KEEL_BIN PROBE_BIN

# shellcheck source=/dev/null
for fixture_part in assert wait host rootfs image registry container; do
    source "$FIXTURE_DIR/$fixture_part.bash"
done
unset fixture_part

setup_fixture() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/hull-test.XXXXXX")
    # Image users other than root must be able to reach a rootfs or a bind mount in here.
    chmod 755 "$WORK"
    HULL_TEST_ROOT=$WORK/root
    HULL_TEST_RUN_ROOT=$WORK/run
    KEEL_TEST_ROOT=$WORK/keel
    TEST_ID=t$$-${BATS_TEST_NUMBER:-0}-$RANDOM
    DEFERRED=()
    mkdir "$HULL_TEST_ROOT" "$HULL_TEST_RUN_ROOT" "$KEEL_TEST_ROOT"
    export WORK HULL_TEST_ROOT HULL_TEST_RUN_ROOT KEEL_TEST_ROOT TEST_ID
}

# Runs what was deferred, the last first, then removes containers and mounts that the test left in
# its workspace and the workspace itself. Says so if it could not; never touches anything else.
teardown_fixture() {
    local status=0

    [ -n "${WORK:-}" ] || return 0
    run_deferred
    remove_containers
    unmount_below "$WORK"
    rm -rf --one-file-system "$WORK" || status=1
    WORK=
    return $status
}

# run_deferred: what was deferred, the last first.
run_deferred() {
    local i

    for ((i = ${#DEFERRED[@]} - 1; i >= 0; i--)); do
        eval "${DEFERRED[i]}" || echo "teardown: failed: ${DEFERRED[i]}" >&2
    done
    DEFERRED=()
}

# defer COMMAND ARG...: runs it in teardown.
defer() {
    DEFERRED+=("$(printf '%q ' "$@")")
}

# Containers get no network unless a test says which: the host's links and packet filter are not for
# tests to touch. Tests of networks make a host of their own (network.bash).
hull() {
    case ${1:-} in
    run | create) [[ " $* " == *" --net"* ]] || set -- "$1" --network none "${@:2}" ;;
    esac
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@"
}

keel() {
    "$KEEL_BIN" --root "$KEEL_TEST_ROOT" "$@"
}

# Skips the test unless all named programs are there: `require_tool skopeo umoci`.
require_tool() {
    local tool

    for tool in "$@"; do
        type -P "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# on_terminal COMMAND...: COMMAND on a new terminal, with nothing to read. It can be an exported
# function: the shell is bash, whatever $SHELL says (dash drops functions from the environment).
on_terminal() {
    local words

    printf -v words '%q ' "$@"
    SHELL=$BASH script -qec "$words" /dev/null </dev/null
}

require_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

require_hull() {
    [ -x "$HULL_BIN" ] || skip "hull is not built"
}

require_keel() {
    [ -x "$KEEL_BIN" ] || skip "keel is not built"
}

# remove_containers: ends every container of this test's own roots, and removes their images.
remove_containers() {
    local id ids

    if [ -x "$HULL_BIN" ] && [ -n "$(ls -A "$HULL_TEST_ROOT" 2>/dev/null)" ]; then
        ids=$(hull ps -aq 2>/dev/null) || ids=
        for id in $ids; do
            hull rm -f "$id" >/dev/null 2>&1 || echo "teardown: hull rm -f $id failed" >&2
        done
        # Mounts of layers go with their images; the newest come first, and before their parents.
        ids=$(hull images -q 2>/dev/null) || ids=
        for id in $(awk '!seen[$0]++' <<<"$ids"); do
            hull rmi -f "$id" >/dev/null 2>&1 || echo "teardown: hull rmi -f $id failed" >&2
        done
    fi
    if [ -x "$KEEL_BIN" ] && [ -n "$(ls -A "$KEEL_TEST_ROOT" 2>/dev/null)" ]; then
        ids=$(keel list -q 2>/dev/null) || ids=
        for id in $ids; do
            keel delete -f "$id" >/dev/null 2>&1 || echo "teardown: keel delete -f $id failed" >&2
        done
    fi
    return 0
}

# unmount_below DIR: detaches every mount at or below DIR, the last mounted first.
unmount_below() {
    local target

    awk -v dir="$1" '$5 == dir || index($5, dir "/") == 1 { print $5 }' /proc/self/mountinfo |
        tac | while read -r target; do
        umount -l "$(printf '%b' "${target//\\/\\0}")"
    done
}
