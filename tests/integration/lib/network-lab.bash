# SPDX-License-Identifier: Apache-2.0
#
# A laboratory for networks: a network namespace that plays the host, joined by a wire to another
# one that plays a machine outside. A test hands its script to `lab`, which runs it in there and
# fails when a command of it fails:
#
#     lab <<'END'
#     tool create web
#     END
#
# Nothing in there touches the real host's links and tables, and all of it is gone with the last
# process. In the script:
#
#     tool ARG...         network-tool on the test's root
#     join ID NETWORK...  a container's record and its endpoints
#     serve ID [-p PORT]...   starts the container with a server on port 80 that tells the client's
#                         address; returns when it listens
#     first_process ID    the pid of its first process
#     outside COMMAND...  on the other machine
#     get ADDRESS PORT    what a server answers
#     refused COMMAND...  succeeds if the command fails
#
# 10.9.0.1, fd99::1 are the host's addresses on the wire, 10.9.0.2 and fd99::2 the other machine's.

NETWORK_TOOL=${NETWORK_TOOL:-$HULL_BUILD/tests/integration/lib/network-tool/network-tool}
export NETWORK_TOOL

lab() {
    local script

    script=$(cat)
    # A pid namespace: whatever a script has started ends with it.
    unshare --net --pid --fork --mount-proc --kill-child \
        bash -c "set -eu; source '$FIXTURE_DIR/network-lab.bash'; lab_begin; $script" 3>&-
}

lab_begin() {
    ip link set lo up
    unshare -n sleep 1000 &
    OUTSIDE=$!
    until [ "$(readlink /proc/$OUTSIDE/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
        sleep 0.05
    done
    ip link add wire type veth peer name wire netns "$OUTSIDE"
    ip addr add 10.9.0.1/24 dev wire
    ip -6 addr add fd99::1/64 dev wire nodad
    ip link set wire up
    outside ip addr add 10.9.0.2/24 dev wire
    outside ip -6 addr add fd99::2/64 dev wire nodad
    outside ip link set lo up
    outside ip link set wire up
    # Frames between ports of a bridge are the bridge's alone, as on a host without br_netfilter.
    bridged_frames_filtered 0
}

bridged_frames_filtered() {
    [ ! -e /proc/sys/net/bridge ] ||
        sysctl -qw "net.bridge.bridge-nf-call-iptables=$1" "net.bridge.bridge-nf-call-ip6tables=$1"
}

wait_until() {
    local i

    for ((i = 0; i < 100; i++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.05
    done
    echo "waited in vain: $*" >&2
    return 1
}

tool() {
    "$NETWORK_TOOL" "$WORK/root" "$@"
}

join() {
    local id=$1 network
    shift

    tool add "$id"
    for network; do
        tool join "$id" "$network"
    done
}

SERVER='ncat -lk -p 80 --sh-exec "echo \$NCAT_REMOTE_ADDR"'

serve() {
    local id=$1
    shift

    start "$id" "$@" -- sh -c "exec $SERVER"
    wait_until listens "$id"
}

# start ID [-p PORT]... -- COMMAND...: in the background.
start() {
    local id=$1

    (exec "$NETWORK_TOOL" "$WORK/root" run "$@") &
    printf '%s\n' $! >"$WORK/tool-$id"
}

first_process() {
    pgrep -P "$(cat "$WORK/tool-$1")"
}

listens() {
    nsenter -t "$(first_process "$1")" -n ss -Hltn sport = :80 | grep -q LISTEN
}

stop() {
    kill "$(cat "$WORK/tool-$1")"
    while kill -0 "$(cat "$WORK/tool-$1")" 2>/dev/null; do
        sleep 0.02
    done
}

# address ID [4|6]: of the container's first endpoint.
address() {
    tool endpoints "$1" | awk -v column="$((${2:-4} == 4 ? 5 : 6))" \
        'NR == 1 { sub("/.*", "", $column); print $column }'
}

outside() {
    nsenter -t "$OUTSIDE" -n "$@"
}

get() {
    timeout 5 ncat -w 3 --recv-only "$1" "$2"
}

# from ID ADDRESS PORT: the same from inside another container, which must not run.
from() {
    tool run "$1" -- timeout 5 ncat -w 2 --recv-only "$2" "$3"
}

outside_get() {
    outside timeout 5 ncat -w 2 --recv-only "$1" "$2"
}

refused() {
    local output

    if output=$("$@" 2>&1); then
        echo "succeeded: $*: $output" >&2
        return 1
    fi
    REASON=$output
}

# is EXPECTED COMMAND...: the command succeeds and prints that.
is() {
    local expected=$1 output
    shift

    output=$("$@") || {
        echo "failed: $*: $output" >&2
        return 1
    }
    [ "$output" = "$expected" ] || {
        echo "$*: \"$output\" instead of \"$expected\"" >&2
        return 1
    }
}

# because TEXT: what `refused` saw contains it.
because() {
    case $REASON in
    *"$1"*) ;;
    *)
        echo "\"$REASON\" does not say \"$1\"" >&2
        return 1
        ;;
    esac
}
