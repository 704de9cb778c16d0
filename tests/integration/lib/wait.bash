# SPDX-License-Identifier: Apache-2.0

# wait_until [SECONDS] COMMAND ARG...: polls until the command succeeds; fails after SECONDS
# (default 10). The first argument is the limit if it is a number.
wait_until() {
    local limit=10 deadline

    if [[ $1 =~ ^[0-9]+$ ]]; then
        limit=$1
        shift
    fi
    deadline=$((${EPOCHREALTIME/./} + limit * 1000000))
    while ! "$@" >/dev/null 2>&1; do
        if ((${EPOCHREALTIME/./} >= deadline)); then
            echo "not within $limit s: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# stop_process PID [SIGNAL]: ends a process by its id and waits until it is gone; SIGKILL after 5 s.
stop_process() {
    kill -s "${2:-TERM}" "$1" 2>/dev/null || return 0
    if ! wait_until 5 process_gone "$1" 2>/dev/null; then
        kill -s KILL "$1" 2>/dev/null
        wait_until 5 process_gone "$1"
    fi
    wait "$1" 2>/dev/null || true
}

# process_gone PID: no such process, or a zombie that nobody has reaped yet.
process_gone() {
    local state

    state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
    [ -z "$state" ] || [ "$state" = Z ]
}

# tcp_open PORT: something accepts connections on that loopback port.
tcp_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port: a loopback port that nothing listens on at this moment.
free_port() {
    local port i

    for ((i = 0; i < 50; i++)); do
        port=$((20000 + RANDOM % 12000))
        tcp_open "$port" || { echo "$port" && return 0; }
    done
    echo "no free port found" >&2
    return 1
}
