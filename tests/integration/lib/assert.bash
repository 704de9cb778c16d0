# SPDX-License-Identifier: Apache-2.0
#
# Checks that say what they saw. They look at $status and $output, which bats's `run` sets, or at
# their arguments.

# shellcheck disable=SC2154 # bats sets status and output

fail() {
    printf '%s\n' "$@" >&2
    return 1
}

assert_success() {
    [ "$status" -eq 0 ] ||
        fail "expected success, got exit status $status" "output: $output" ${stderr:+"stderr: $stderr"}
}

# assert_failure [STATUS]: any non-zero status, or exactly this one.
assert_failure() {
    if [ $# -eq 0 ]; then
        [ "$status" -ne 0 ] || fail "expected a failure, got success" "output: $output"
    else
        [ "$status" -eq "$1" ] ||
            fail "expected exit status $1, got $status" "output: $output"
    fi
}

assert_equal() {
    [ "$1" = "$2" ] || fail "expected: $2" "actual:   $1"
}

assert_not_equal() {
    [ "$1" != "$2" ] || fail "unexpected: $1"
}

# assert_output TEXT: $output is exactly that.
assert_output() {
    assert_equal "$output" "$1"
}

# assert_output_has TEXT: $output contains that (not a pattern).
assert_output_has() {
    [[ $output == *"$1"* ]] || fail "expected in output: $1" "output: $output"
}

assert_output_lacks() {
    [[ $output != *"$1"* ]] || fail "not expected in output: $1" "output: $output"
}

# assert_output_matches REGEX: some line of $output matches (extended regular expression).
assert_output_matches() {
    grep -Eq -- "$1" <<<"$output" || fail "no line matches: $1" "output: $output"
}

# assert_json FILTER VALUE: `jq -r FILTER` of $output prints VALUE. With arrays or objects the
# value is compact JSON with sorted keys.
assert_json() {
    local actual

    actual=$(jq -rcS "$1" <<<"$output") || fail "not JSON, or a bad filter: $1" "output: $output"
    [ "$actual" = "$2" ] || fail "$1" "expected: $2" "actual:   $actual"
}

# assert_json_true EXPRESSION: the jq expression holds for $output.
assert_json_true() {
    jq -e "$1" <<<"$output" >/dev/null || fail "does not hold: $1" "output: $output"
}

assert_exists() {
    [ -e "$1" ] || [ -L "$1" ] || fail "does not exist: $1"
}

assert_not_exists() {
    ! { [ -e "$1" ] || [ -L "$1" ]; } || fail "exists: $1"
}
