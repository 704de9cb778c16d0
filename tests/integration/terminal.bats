#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers with a terminal. script(1) gives hull a terminal of its own; what is typed comes
# through a FIFO, what is shown goes to a file.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() {
    require_tool script
    setup_container
    SCREEN=$WORK/screen KEYS=$WORK/keys
    mkfifo "$KEYS"
}
teardown() { teardown_container; }

# open_terminal COMMAND...: runs hull with those words on a terminal of 40 rows and 100 columns.
open_terminal() {
    local words

    [ "$1" != run ] || set -- run --network none "${@:2}"
    words=$(printf '%q ' "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@")
    : >"$SCREEN"
    script -qefc "stty rows 40 cols 100; exec $words" /dev/null <"$KEYS" >"$SCREEN" 2>&1 &
    TERMINAL=$!
    exec 7>"$KEYS"
}

type_keys() { printf '%b' "$1" >&7; }

screen_has() { grep -qF -- "$1" "$SCREEN"; }

# wait_for_shell: the shell in the container answers. What it prints is not what was typed, which the
# terminal would show before anybody reads it.
wait_for_shell() {
    # shellcheck disable=SC2016
    type_keys 'echo shell $((6 * 7))\n'
    wait_until 5 screen_has "shell 42"
}

# terminal_ends: waits for the end of it; the status is script's, which is hull's.
terminal_ends() {
    local status=0

    wait_until 10 process_gone "$TERMINAL"
    exec 7>&-
    wait "$TERMINAL" || status=$?
    return $status
}

@test "a container has a terminal with the right size" {
    open_terminal run --rm -it busybox sh -c 'tty; stty size; ls -l /dev/console; exit 5'
    status=0
    terminal_ends || status=$?
    assert_equal "$status" 5
    screen_has /dev/pts/0
    screen_has "40 100"
}

@test "what is typed reaches the shell, and ctrl-C its foreground job" {
    open_terminal run --rm -it busybox sh
    wait_for_shell
    type_keys 'sleep 100\n'
    sleep 0.3
    type_keys '\x03'
    # shellcheck disable=SC2016
    type_keys 'echo after $?\n'
    wait_until 5 screen_has "after 130"
    type_keys 'exit 9\n'
    status=0
    terminal_ends || status=$?
    assert_equal "$status" 9
}

@test "ctrl-p ctrl-q lets go, attach comes back" {
    open_terminal run -it --name box busybox sh
    wait_for_shell
    type_keys '\x10\x11'
    terminal_ends
    assert_equal "$(hull inspect --format '{{.State.Status}}' box)" running
    open_terminal attach box
    wait_for_shell
    type_keys 'exit 4\n'
    status=0
    terminal_ends || status=$?
    assert_equal "$status" 4
    run hull logs box
    assert_equal "$(grep -c '^shell 42' <<<"$output")" 2
}

@test "detach keys of one's own" {
    open_terminal run -it --name box --detach-keys ctrl-x,z busybox sh
    wait_for_shell
    type_keys '\x18z'
    terminal_ends
    container_state_is box running
    run hull run --detach-keys nonsense --rm busybox true
    assert_failure
    assert_output_has nonsense
}

@test "an exec has a terminal, too" {
    hull run -d --name box busybox sleep 100 >/dev/null
    # shellcheck disable=SC2016
    open_terminal exec -it box sh -c 'stty size; read line; echo "got $line"; exit 3'
    wait_until 5 screen_has "40 100"
    type_keys 'words\n'
    status=0
    terminal_ends || status=$?
    assert_equal "$status" 3
    screen_has "got words"
}

@test "-t without a terminal: works without -i, is refused with it" {
    run hull run --rm -t busybox sh -c 'test -t 1 && echo a terminal'
    assert_success
    assert_output_has "a terminal"
    run hull run --rm -it busybox true </dev/null
    assert_failure 1
    assert_output_has "the input device is not a TTY"
}

@test "an exec has TERM if it has a terminal, or if the container was given one" {
    hull run -dt --name box busybox sleep 100 >/dev/null
    run hull exec box sh -c 'echo "<$TERM>"'
    assert_output "<>"
    run hull exec -e TERM=vt100 box sh -c 'echo "<$TERM>"'
    assert_output "<vt100>"
    run hull exec -t box sh -c 'echo "<$TERM>"'
    assert_output_has "<xterm>"
    hull run -dt -e TERM=vt220 --name given busybox sleep 100 >/dev/null
    run hull exec given sh -c 'echo "<$TERM>"'
    assert_output "<vt220>"
}

@test "a detached container with a terminal writes its log" {
    hull run -dt --name box busybox sh -c 'echo to the terminal; sleep 0.2' >/dev/null
    hull wait box
    run hull logs box
    assert_output_has "to the terminal"
}
