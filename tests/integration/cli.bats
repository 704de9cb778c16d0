#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The command line itself: help, usage errors and their statuses, completion, man pages.

load lib/fixture
setup() { setup_fixture; }
teardown() { teardown_fixture; }

@test "cli: help of every command is printed and names the command" {
    local path

    run "$HULL_BIN" __commands
    assert_success
    [ "${#lines[@]}" -gt 20 ]
    for path in "${lines[@]}"; do
        # shellcheck disable=SC2086 # a path is words
        run "$HULL_BIN" $path --help
        assert_success
        [[ ${lines[0]} == "Usage:  hull $path"* ]] || fail "$path: ${lines[0]}"
        # shellcheck disable=SC2086
        run "$HULL_BIN" help $path
        assert_success
    done
}

@test "cli: usage errors are Docker's, with Docker's statuses" {
    run "$HULL_BIN" run --no-such-flag busybox
    assert_failure 125
    assert_output "unknown flag: --no-such-flag
See 'hull run --help'."

    run "$HULL_BIN" run -Z busybox
    assert_failure 125
    assert_output_has "unknown shorthand flag: 'Z' in -Z"

    run "$HULL_BIN" run --memory lots busybox
    assert_failure 125
    assert_output_has 'invalid argument "lots" for "-m, --memory" flag'

    run "$HULL_BIN" run
    assert_failure 1
    assert_output_has '"hull run" requires at least 1 argument.'

    run "$HULL_BIN" no-such-command
    assert_failure 1
    assert_output "hull: 'no-such-command' is not a hull command.
See 'hull --help'."
}

@test "cli: without a command the help is printed" {
    run "$HULL_BIN"
    assert_success
    assert_output_has "Run 'hull COMMAND --help' for more information on a command."
    run "$HULL_BIN" --version
    assert_success
    assert_output_matches '^hull version [0-9]+\.[0-9]+\.[0-9]+'
}

@test "cli: output that cannot be written is a failure" {
    run bash -c '"$HULL_BIN" --help >/dev/full'
    assert_failure 1
    assert_output_has "No space left on device"
}

# complete WORD...: what bash offers for the last word, sorted.
complete_words() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    HULL_NAME=$HULL_BIN bash -c '
        source <("$HULL_NAME" completion bash)
        COMP_WORDS=("$HULL_NAME" "$@")
        COMP_CWORD=$#
        _hull
        printf "%s\n" "${COMPREPLY[@]}" | sort
    ' complete "$@"
}

@test "cli: bash completes commands, options, values and files" {
    run complete_words im
    assert_output "image
images
import"
    run complete_words image l
    assert_output_has "ls"
    run complete_words run --read
    assert_output "--read-only"
    run complete_words run --pull = al
    assert_output "always"
    run complete_words run --pull ""
    assert_output "always
missing
never"
    touch "$WORK/variables"
    run complete_words run --env-file "$WORK/va"
    assert_output "$WORK/variables"
}

@test "cli: every network is offered once" {
    require_root
    # shellcheck disable=SC2016 # for the inner shell
    run bash -c '"$@" completion --candidates run --network "" | grep -v ^: | sort' complete \
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT"
    assert_output "bridge
host
none"
}

@test "cli: who is not root is told that hull needs root" {
    require_root
    chmod 755 "$WORK"
    cp "$HULL_BIN" "$WORK/hull"
    for words in "run busybox true" "exec c true" "start c" "restart c"; do
        # shellcheck disable=SC2086 # words
        run setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/hull" \
            --root "$WORK/none" --run-root "$WORK/none" $words
        assert_failure
        [ "${#lines[@]}" = 1 ] || fail "$words: $output"
        assert_output "hull: hull needs root"
    done
    for words in --help --version "help run" version; do
        # shellcheck disable=SC2086 # words
        run setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/hull" $words
        assert_success
    done
}

@test "cli: info shows the memory in words" {
    require_root
    run "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" info
    assert_success
    assert_output_matches '^Total Memory: [0-9.]+(MiB|GiB|TiB)$'
}

@test "cli: scripts for all shells are printed" {
    local shell

    for shell in bash zsh fish; do
        run "$HULL_BIN" completion "$shell"
        assert_success
        assert_output_has "completion --candidates"
    done
    run "$HULL_BIN" completion csh
    assert_failure 1
    run bash -n <("$HULL_BIN" completion bash)
    assert_success
}

@test "cli: every command has a man page" {
    local path pages=$HULL_BUILD/man/hull

    [ -d "$pages" ] || skip "the man pages are not built"
    run "$HULL_BIN" __commands
    for path in "" "${lines[@]}"; do
        path=${path:+-${path// /-}}
        assert_exists "$pages/hull$path.1"
    done
}
