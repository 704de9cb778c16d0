# SPDX-License-Identifier: Apache-2.0
#
# A host of the test's own, as far as networks go: three network namespaces in a row.
#
#     [host] 192.0.2.1 ---- 192.0.2.254 [router] 198.51.100.254 ---- 198.51.100.2 [remote]
#            2001:db8:1::1       ...                                 2001:db8:2::2
#
# hull runs in [host]; nothing of the machine's own links and packet filter is touched, and no packet
# leaves these namespaces. Each lives as long as a sleeping process that teardown ends.

# A test file says
#
#     load lib/fixture
#     load lib/network
#     setup_file() { setup_network_file; }
#     teardown_file() { teardown_network_file; }
#     setup() { setup_network_test; }
#     teardown() { teardown_network_test; }
#
# and has busybox as an image in each test's root.

setup_network_file() {
    NETWORK_IMAGE=$(mktemp "${TMPDIR:-/tmp}/hull-network.XXXXXX")
    export NETWORK_IMAGE
    WORK=$(mktemp -d)
    make_busybox_tar "$NETWORK_IMAGE"
    rm -rf "$WORK"
}

teardown_network_file() {
    rm -f "$NETWORK_IMAGE"
}

setup_network_test() {
    require_root
    require_hull
    require_tool curl
    setup_fixture
    snapshot_host
    setup_networks
    hull import "$NETWORK_IMAGE" busybox >/dev/null
}

teardown_network_test() {
    [ -z "${HOST_NS:-}" ] || remove_containers
    teardown_fixture
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged
}

# links_of_ours: names of bridges and veths in the test's host.
links_of_ours() {
    on_host ip -br link | awk '$1 != "lo" && $1 !~ /^up0/ { print $1 }'
}

# pid_of CONTAINER: of its first process.
pid_of() {
    hull inspect -f '{{.State.Pid}}' "$1"
}

# run_sleeper NAME OPTION...: a container that waits.
run_sleeper() {
    local name=$1

    shift
    hull run -d --name "$name" "$@" busybox sleep 1000 >/dev/null
}

# setup_networks: makes them, and has hull run in the first.
setup_networks() {
    require_tool unshare nsenter ip nft
    start_namespace HOST_NS
    start_namespace ROUTER_NS
    start_namespace REMOTE_NS
    inside "$HOST_NS" ip link add up0 type veth peer name h0 netns "$ROUTER_NS"
    inside "$ROUTER_NS" ip link add r0 type veth peer name m0 netns "$REMOTE_NS"
    add_address "$HOST_NS" up0 192.0.2.1/24 2001:db8:1::1/64 192.0.2.254 2001:db8:1::fe
    add_address "$ROUTER_NS" h0 192.0.2.254/24 2001:db8:1::fe/64
    add_address "$ROUTER_NS" r0 198.51.100.254/24 2001:db8:2::fe/64
    add_address "$REMOTE_NS" m0 198.51.100.2/24 2001:db8:2::2/64 198.51.100.254 2001:db8:2::fe
    inside "$ROUTER_NS" sh -c '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# start_namespace VARIABLE: a network namespace; its process id.
start_namespace() {
    local pid before

    before=$(readlink /proc/self/ns/net)
    setsid unshare --net sleep 1000000 </dev/null >/dev/null 2>&1 3>&- &
    pid=$!
    disown $pid
    wait_until 5 namespace_differs "$pid" "$before"
    defer stop_process "$pid" KILL
    # Addresses serve from the first moment on: nobody else is there who could have them.
    inside "$pid" sh -c 'for family in all default; do
        echo 0 >/proc/sys/net/ipv6/conf/$family/accept_dad
    done'
    nsenter --net="/proc/$pid/ns/net" ip link set lo up
    printf -v "$1" %s "$pid"
}

namespace_differs() {
    [ "$(cat "/proc/$1/comm")" = sleep ] && [ "$(readlink "/proc/$1/ns/net")" != "$2" ]
}

# add_address PID LINK IPV4 IPV6 [GATEWAY4 GATEWAY6]
add_address() {
    inside "$1" ip addr add "$3" dev "$2"
    inside "$1" ip -6 addr add "$4" dev "$2" nodad
    inside "$1" ip link set "$2" up
    [ $# -lt 6 ] || {
        inside "$1" ip route add default via "$5"
        inside "$1" ip -6 route add default via "$6"
    }
}

# inside PID COMMAND...: in that network namespace.
inside() {
    local pid=$1

    shift
    nsenter --net="/proc/$pid/ns/net" "$@"
}

# serve_inside PID COMMAND...: in the background, until the end of the test. The process itself: the end
# of a shell that waits for it would not be its end.
serve_inside() {
    local pid=$1

    shift
    nsenter --net="/proc/$pid/ns/net" "$@" 3>&- &
    defer stop_process $! KILL
}

on_host() { inside "$HOST_NS" "$@"; }
on_remote() { inside "$REMOTE_NS" "$@"; }

# Overrides the fixture's: no default network, and in the test's own host.
hull() {
    on_host "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@"
}

# address CONTAINER [NETWORK]: its IPv4 address.
address() {
    hull inspect -f "{{(index .NetworkSettings.Networks \"${2:-bridge}\").IPAddress}}" "$1"
}

# start_server NAME OPTION...: a web server whose page /cgi-bin/who is the address of who asks, and
# whose page / is its own name.
start_server() {
    local name=$1

    shift
    # shellcheck disable=SC2016 # expanded in the container
    hull run -d --name "$name" "$@" busybox sh -c '
        mkdir -p /w/cgi-bin
        hostname >/w/index.html
        printf "#!/bin/sh\necho Content-Type: text/plain\necho\necho \$REMOTE_ADDR\n" >/w/cgi-bin/who
        chmod +x /w/cgi-bin/who
        exec httpd -f -p 80 -h /w' >/dev/null
    wait_until 5 hull exec "$name" wget -q -O /dev/null http://127.0.0.1/
}

# fetch_as on_host|on_remote URL: the page; an address without what its family adds to it.
fetch_as() {
    set -o pipefail
    "$1" curl -s -g -m 5 "$2" | sed 's/^\[\(::ffff:\)\?\(.*\)\]$/\2/'
}

# serve_who on_host|on_remote ADDRESS PORT: tells everybody who connects the address it sees.
serve_who() {
    local pid=$HOST_NS

    [ "$1" = on_host ] || pid=$REMOTE_NS
    serve_inside "$pid" python3 -c '
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    c, peer = s.accept()
    c.sendall(peer[0].encode() + b"\n")
    c.close()' "$2" "$3"
    wait_until 5 "$1" sh -c "ss -Hltn | grep -q '$2:$3'"
}

# serve_names ADDRESS NAME IPV4: a name server at that address of [host] that knows one name.
serve_names() {
    serve_inside "$HOST_NS" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
name = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[2].split(".")) + b"\0"
while True:
    q, peer = s.recvfrom(2048)
    known = q[12:12 + len(name)] == name and q[12 + len(name):14 + len(name)] == b"\0\1"
    head = q[:2] + (b"\x81\x80" if known else b"\x81\x83") + q[4:6] + bytes([0, int(known)]) + bytes(4)
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(sys.argv[3]) if known else b""
    s.sendto(head + q[12:16 + len(name)] + answer, peer)' "$@"
    wait_until 5 on_host sh -c "ss -Hlun | grep -q '$1:53'"
}
