#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# CVE-2019-5736: what runs in a container cannot write the host's programs, whichever of them it is
# made to execute or finds running there. See src/sys/seal.h. That the attack works where nothing is
# sealed is shown with a program of the container's own.

load lib/fixture
load lib/fault

setup_file() { setup_file_busybox; }

setup() {
    [ -x "$HOSTILE_BIN" ] || skip "tests/integration/lib/hostile is not built"
    setup_container
    cp "$HOSTILE_BIN" "$WORK/hostile"
    BEFORE=$(programs_state)
}

teardown() {
    teardown_container
}

# Everything that hull consists of, wherever this build has it.
programs_state() {
    local dir=${HULL_BIN%/*}

    find "$dir" "$dir/../hull-monitor" "$dir/../hull-init" "$dir/../libexec/hull" -maxdepth 1 -type f \
        -name 'hull*' -perm -u+x -exec sha256sum {} + 2>/dev/null | sort
}

# attacker NAME OPTION...: a container whose first process takes hold of every other one's program for
# two seconds and writes to what it holds. In it, /self is the program of whoever executes it, and
# /script asks for it as its interpreter.
attacker() {
    local name=$1
    shift
    hull run -d --name "$name" -v "$WORK/hostile:/hostile:ro" -v "$WORK:/host" "$@" busybox sh -c '
        ln -s /proc/self/exe /self
        printf "#!/proc/self/exe\n" >/script
        chmod +x /script
        exec /hostile exe 2000' >/dev/null
    wait_until log_has "$name" ready
}

# assert_withstood NAME PATTERN: what the attacker has seen by its end; it has written nothing.
assert_withstood() {
    wait_until log_has "$1" seen
    run hull logs "$1"
    assert_output_lacks caught
    assert_output_matches "$2"
    assert_equal "$(programs_state)" "$BEFORE"
}

@test "CVE-2019-5736: neither exec nor its interpreter gives hull's file away" {
    attacker evil
    # It asks whether it may, and waits for the answer.
    hull exec -i evil /self system prune < <(sleep 0.5) >/dev/null || true
    hull exec -i evil /script </dev/null >/dev/null 2>&1 || true
    assert_withstood evil 'seen [1-9].* held [1-9]'
}

@test "CVE-2019-5736: nor does the first process of a container" {
    local pid
    hull run -d -i --name inside --entrypoint /proc/self/exe busybox system prune >/dev/null
    pid=$(container_pid inside)
    assert_equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "/proc/self/exe system prune "
    exec 9<"/proc/$pid/exe"
    hull rm -f inside
    run bash -c ': >>/proc/self/fd/9'
    exec 9<&-
    assert_failure
    assert_output_has "Read-only file system"
    assert_equal "$(programs_state)" "$BEFORE"
}

@test "CVE-2019-5736: nor does what starts commands, with --init and with all privileges" {
    local i
    attacker evil --privileged --init
    for ((i = 0; i < 5; i++)); do
        hull exec evil true
        hull exec --privileged evil /hostile cwd
    done
    hull exec -i --privileged evil /self system prune < <(sleep 0.5) >/dev/null || true
    assert_withstood evil 'seen [1-9]'
}

@test "the attack works on a program that is not protected" {
    attacker evil
    cp "$HOSTILE_BIN" "$WORK/other"
    hull exec evil /host/other exe 300
    wait_until log_has evil seen
    run hull logs evil
    assert_output_has caught
}
