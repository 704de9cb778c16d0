#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# tests/run counts what really happened: run on a small project of its own, with tests that pass,
# fail, are skipped, crash, and never report.

setup() {
    source_tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    tree=$(mktemp -d)
    mkdir -p "$tree/tests/integration" "$tree/tests/tools"
    cp "$source_tree/tests/run" "$tree/tests/run"
    export HULL_BUILD=$tree/build HULL_BUILD_ASAN=$tree/build-asan
    export BATS_TEST_TIMEOUT=5
    unset KEEP_LOG TESTS_FILTER
    cat >"$tree/meson.build" <<'END'
project('small', 'c')
sh = find_program('sh')
test('good', sh, args: ['-c', 'exit 0'])
test('good-too', sh, args: ['-c', 'exit 0'], suite: 'unit')
test('absent', sh, args: ['-c', 'exit 77'], suite: 'unit')
test('tidy', sh, args: ['-c', 'exit 0'], suite: 'checks')
subdir('more')
END
    cat >"$tree/meson_options.txt" <<'END'
option('bench', type: 'boolean', value: true)
option('man', type: 'feature', value: 'auto')
END
    mkdir "$tree/more"
    : >"$tree/more/meson.build"
    bats_file good '@test "one" { true; }' '@test "two" { skip "no reason"; }'
}

teardown() {
    rm -rf "$tree"
}

# bats_file NAME LINE...
bats_file() {
    local name=$1

    shift
    printf '%s\n' "$@" >"$tree/tests/integration/$name.bats"
}

run_tests() {
    TMPDIR=$BATS_TEST_TMPDIR run "$tree/tests/run" "$@"
    last=${lines[-1]}
    echo "$output"
}

@test "run: everything passes" {
    run_tests unit checks sanitize
    [ "$status" -eq 0 ]
    [ "$last" = "5 passed, 0 failed, 2 skipped" ]
}

@test "run: failures, crashes and timeouts of meson tests count" {
    cat >"$tree/more/meson.build" <<'END'
test('bad', sh, args: ['-c', 'exit 1'])
test('crash', sh, args: ['-c', 'kill -SEGV $$'])
test('slow', sh, args: ['-c', 'sleep 60'], timeout: 1)
test('expected', sh, args: ['-c', 'exit 1'], should_fail: true)
END
    run_tests unit
    [ "$status" -eq 1 ]
    [ "$last" = "3 passed, 3 failed, 1 skipped" ]
    [[ $output == *"unit: small / bad (FAIL)"* ]]
    [[ $output == *"unit: small / slow (TIMEOUT)"* ]]
}

@test "run: a build that fails is one failure" {
    echo "executable('x', 'x.c')" >"$tree/more/meson.build"
    echo 'int main(void) { return y; }' >"$tree/more/x.c"
    run_tests unit
    [ "$status" -eq 1 ]
    [ "$last" = "0 passed, 1 failed, 0 skipped" ]
}

@test "run: bats tests are counted one by one" {
    [ "$(id -u)" -eq 0 ] || skip "integration tests need root"
    bats_file bad '@test "no" { false; }' '@test "yes" { true; }'
    run_tests integration
    [ "$status" -eq 1 ]
    [ "$last" = "2 passed, 1 failed, 1 skipped" ]
    [[ $output == *"integration: bad.bats: 1 no"* ]]
}

@test "run: a bats file that cannot be read is a failure" {
    [ "$(id -u)" -eq 0 ] || skip "integration tests need root"
    bats_file broken '@test "no" {' 'if true; then'
    run_tests integration
    [ "$status" -eq 1 ]
    [[ $last == "1 passed, "[1-9]*" failed, 1 skipped" ]]
}

@test "run: bats tests that never report are failures" {
    [ "$(id -u)" -eq 0 ] || skip "integration tests need root"
    bats_file gone '@test "first" { true; }' \
        '@test "ends everything" { kill -KILL "$PPID"; kill -KILL $$; }' \
        '@test "never runs" { true; }'
    run_tests integration
    [ "$status" -eq 1 ]
    [[ $last == [12]" passed, "[23]" failed, 1 skipped" ]]
    [[ $output == *"integration: gone.bats: "[012]" of 3 tests reported"* ]]
}

@test "run: nothing at all is not success" {
    rm "$tree/tests/integration/good.bats"
    run_tests tools
    [ "$status" -eq 1 ]
    [ "$last" = "0 passed, 0 failed, 0 skipped" ]
}

@test "run: an unknown part is an error" {
    TMPDIR=$BATS_TEST_TMPDIR run "$tree/tests/run" no-such-part
    [ "$status" -eq 2 ]
}
