# SPDX-License-Identifier: Apache-2.0
#
# Other engines with keel as their runtime. Each file of tests starts its engine once, in a workspace
# of the file's own ($PEER), on the private host that tests/peers/enter makes; the engine ends with
# the file, by its pid.
#
# Environment: beside those of the integration tests' fixture, PEER_RUNTIME is the runtime to use
# (default: keel). With another one, the same tests tell what belongs to the engine and what to keel.

load ../integration/lib/fixture

: "${PEER_RUNTIME:=$KEEL_BIN}"
export PEER_RUNTIME

# peer_setup PROGRAM...: a workspace for the file; skips it if one of the engine's programs is missing.
peer_setup() {
    require_root
    require_tool "$@"
    [ "$(cat /proc/sys/kernel/hostname)" = peers ] || skip "runs below tests/peers/enter"
    PEER=$(mktemp -d "${TMPDIR:-/tmp}/hull-peer.XXXXXX")
    WORK=$PEER # of the image's maker
    PEER_PIDS=()
    export PEER
    make_docker_archive "$PEER/busybox.tar" docker.io/library/busybox:latest
}

# peer_start LOG COMMAND...: runs an engine in the background.
peer_start() {
    local log=$1

    shift
    setsid "$@" >"$PEER/$log" 2>&1 </dev/null 3>&- &
    PEER_PIDS+=($!)
    echo "${PEER_PIDS[*]}" >"$PEER/pids"
}

# peer_wait COMMAND...: until the engine answers; its log if it does not.
peer_wait() {
    wait_until 30 "$@" || {
        tail -n 20 "$PEER"/*.log >&2
        return 1
    }
}

peer_teardown() {
    local pid i pids

    [ -n "${PEER:-}" ] || return 0
    pids=()
    [ ! -e "$PEER/pids" ] || read -ra pids <"$PEER/pids"
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        stop_process "${pids[i]}"
    done
    unmount_below "$PEER"
    rm -rf --one-file-system "$PEER"
}

# peer_storage: where podman and buildah keep images and containers, and which images they trust.
peer_storage() {
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' \
        "$PEER/root" "$PEER/run" >"$PEER/storage.conf"
    printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$PEER/policy.json"
}

# check_mounts_and_limits COMMAND...: a container's files, devices, sysctls and limits are those that
# options of docker and podman say; COMMAND runs one and removes it.
check_mounts_and_limits() {
    mkdir -p "$PEER/bind"
    echo content >"$PEER/bind/file"
    run "$@" -v "$PEER/bind:/b:ro" -v "volume-$NAME:/v" --tmpfs /t:size=1m --read-only \
        --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 --device /dev/null:/dev/mynull \
        busybox sh -c '
        cat /b/file
        touch /b/x 2>/dev/null || echo bind is read-only
        touch /v/x && echo volume is writable
        touch /x 2>/dev/null || echo root is read-only
        df /t | tail -n 1 | awk "{ print \$2 }"
        cat /proc/sys/net/ipv4/ip_forward
        ulimit -n
        [ -c /dev/mynull ] && echo device'
    assert_success
    assert_output "$(printf '%s\n' content 'bind is read-only' 'volume is writable' \
        'root is read-only' 1024 1 100 device)"
    call volume rm "volume-$NAME"
}
