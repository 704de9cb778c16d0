# SPDX-License-Identifier: Apache-2.0
#
# The registry that misbehaves, see faulty-registry.py.

# shellcheck disable=SC2034 # used by the tests
# start_faulty_registry LAYOUT: sets FAULTY (127.0.0.1:PORT), FAULTY_LOG and FAULTY_PID.
start_faulty_registry() {
    local port

    require_tool python3
    FAULTY_LOG=$WORK/faulty.log
    mkfifo "$WORK/faulty.port"
    python3 "$FIXTURE_DIR/faulty-registry.py" "$1" "$FAULTY_LOG" >"$WORK/faulty.port" 3>&- &
    FAULTY_PID=$!
    defer stop_process "$FAULTY_PID"
    read -r port <"$WORK/faulty.port"
    rm "$WORK/faulty.port"
    FAULTY=127.0.0.1:$port
}

# faulty_requests PATTERN: how many logged requests match the extended regular expression.
faulty_requests() {
    grep -cE "$1" "$FAULTY_LOG" || true
}
