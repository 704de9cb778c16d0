# SPDX-License-Identifier: Apache-2.0
#
# Kinds of networks, and hosts that lack something that networks need.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }
setup() { setup_network_test; }
teardown() { teardown_network_test; }

# add_wire: another interface of [host], p0, to [router], which has 10.70.0.254 there.
add_wire() {
    on_host ip link add p0 type veth peer name p1 netns "$ROUTER_NS"
    on_host ip addr add 10.70.0.1/24 dev p0
    on_host ip link set p0 up
    inside "$ROUTER_NS" ip addr add 10.70.0.254/24 dev p1
    inside "$ROUTER_NS" ip link set p1 up
}

require_kind() {
    on_host ip link add k0 link up0 type "$@" 2>/dev/null || skip "this kernel has no $1"
    on_host ip link del k0
}

@test "macvlan: on the parent's wire with a MAC of its own, not reached by the host" {
    require_kind macvlan
    add_wire
    hull network create -d macvlan --subnet 10.70.0.0/24 --gateway 10.70.0.254 -o parent=p0 \
        wire >/dev/null
    run_sleeper aa --network wire --ip 10.70.0.7 --mac-address 02:00:00:00:70:07
    run hull run --rm --network wire busybox sh -c \
        'ip link show eth0; ip route; ping -c 1 -W 2 10.70.0.254 && ping -c 1 -W 2 aa'
    assert_success
    assert_output_has "default via 10.70.0.254 dev eth0"
    assert_equal "$(inside "$ROUTER_NS" ping -c 1 -W 2 10.70.0.7 >/dev/null &&
        inside "$ROUTER_NS" ip neigh show 10.70.0.7 | awk '{ print $5 }')" 02:00:00:00:70:07
    run on_host ping -c 1 -W 1 10.70.0.7
    assert_failure
    # No bridge, no rule.
    run links_of_ours
    assert_output_lacks br-
    # Live changes go by the same parent.
    run_sleeper bb --network none
    run hull network connect wire bb
    assert_failure 1
    hull network create other >/dev/null
    run_sleeper cc --network other
    run hull network connect --ip 10.70.0.9 wire cc \
        --driver-opt com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.no_such=1
    assert_failure 1
    run hull exec cc ip -o link
    assert_output_lacks eth1
    hull network connect --ip 10.70.0.9 wire cc
    run inside "$ROUTER_NS" ping -c 1 -W 2 10.70.0.9
    assert_success
    hull network disconnect wire cc
    run inside "$ROUTER_NS" ping -c 1 -W 1 10.70.0.9
    assert_failure
}

@test "macvlan: a parent that is not there" {
    require_kind macvlan
    refuse_parent() {
        run hull network create -d macvlan --subnet 10.70.0.0/24 -o parent="$1" wire
        assert_failure 1
        assert_output "hull: network wire: $2"
    }
    refuse_parent nowhere0 "parent interface nowhere0: No such device"
    refuse_parent nowhere0.5 "interface nowhere0 of VLAN nowhere0.5: No such device"
    refuse_parent up0.4095 'parent interface up0.4095: "4095" is not the number of a VLAN, 1 to 4094'
    refuse_parent up0.x 'parent interface up0.x: "x" is not the number of a VLAN, 1 to 4094'
    refuse_parent lo "the loopback interface cannot be the parent of macvlan"
    run hull network ls -q -f driver=macvlan
    assert_output ""
    # One that has gone since is missed by the next start.
    on_host ip link add p0 type veth peer name p1 netns "$ROUTER_NS"
    hull network create -d macvlan --subnet 10.70.0.0/24 -o parent=p0 wire >/dev/null
    on_host ip link del p0
    run hull run --rm --name aa --network wire busybox true
    assert_failure 125
    assert_output_has "parent interface p0: No such device"
    assert_output_lacks $'\n'
    run hull ps -aq
    assert_output ""
    hull network rm wire
}

@test "macvlan: a VLAN is made as the parent, and goes with the last network on it" {
    require_kind macvlan
    require_kind vlan id 9
    add_wire
    hull network create -d macvlan --subnet 10.71.0.0/24 --gateway 10.71.0.254 -o parent=p0.50 \
        one >/dev/null
    hull network create -d macvlan --subnet 10.72.0.0/24 -o parent=p0.50 other >/dev/null
    run on_host ip -d link show p0.50
    assert_output_matches 'vlan protocol 802.1Q id 50'
    assert_output_matches '<.*,UP,LOWER_UP.*>'
    inside "$ROUTER_NS" ip link add p1.50 link p1 type vlan id 50
    inside "$ROUTER_NS" ip addr add 10.71.0.254/24 dev p1.50
    inside "$ROUTER_NS" ip link set p1.50 up
    run hull run --rm --network one busybox ping -c 1 -W 2 10.71.0.254
    assert_success
    hull network rm one
    on_host ip link show p0.50 >/dev/null
    # As after a reboot: whoever starts next makes it again.
    on_host ip link del p0.50
    run hull run --rm --network other busybox true
    assert_success
    hull network rm other
    run on_host ip link show p0.50
    assert_failure
    # One that was there already stays.
    on_host ip link add p0.51 link p0 type vlan id 51
    on_host ip link set p0.51 up
    hull network create -d macvlan --subnet 10.73.0.0/24 -o parent=p0.51 third >/dev/null
    hull network rm third
    on_host ip link show p0.51 >/dev/null
}

@test "macvlan and ipvlan: without a parent, a network that leads nowhere" {
    local kind link

    require_kind dummy
    snapshot_host # its module makes one of its own
    for kind in macvlan ipvlan; do
        hull network create -d $kind --subnet 10.74.0.0/24 --gateway 10.74.0.1 alone >/dev/null
        link=$(links_of_ours)
        assert_equal "$link" "d${kind:0:1}-$(hull network inspect -f '{{.Id}}' alone | cut -c 1-12)"
        run_sleeper aa --network alone
        run hull run --rm --network alone busybox sh -c 'ip route; ping -c 1 -W 2 aa'
        assert_success
        assert_output_lacks default
        hull rm -f aa
        hull network rm alone
        assert_equal "$(links_of_ours)" ""
    done
}

@test "a kind of interface that the kernel does not know" {
    ! on_host ip link add k0 link up0 type ipvlan 2>/dev/null || skip "this kernel has ipvlan"
    hull network create -d ipvlan --subnet 10.70.0.0/24 -o parent=up0 wire >/dev/null
    run hull run --rm --network wire busybox true
    assert_failure 125
    assert_output_has ipvlan
    assert_output_lacks $'\n'
    run hull ps -aq
    assert_output ""
}

@test "ipvlan: the parent's MAC, addresses of its own" {
    require_kind ipvlan
    add_wire
    hull network create -d ipvlan --subnet 10.70.0.0/24 --gateway 10.70.0.254 -o parent=p0 \
        wire >/dev/null
    run_sleeper aa --network wire
    run hull run --rm --network wire busybox sh -c \
        'cat /sys/class/net/eth0/address; ping -c 1 -W 2 10.70.0.254 && ping -c 1 -W 2 aa'
    assert_success
    assert_output_has "$(on_host ip -br link show p0 | awk '{ print $3 }')"
    hull network create -d ipvlan --subnet 10.71.0.0/24 -o parent=p0 -o ipvlan_mode=l3 far >/dev/null
    run hull run --rm --network far busybox ip route
    assert_output_has "default dev eth0"
}

@test "sctp is published where the kernel has it" {
    on_host python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' \
        2>/dev/null || skip "this kernel has no SCTP"
    run_sleeper aa -p 5000:5000/sctp
    serve_inside "$(pid_of aa)" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
s.bind(("", 5000))
s.listen()
c, peer = s.accept()
c.sendall(peer[0].encode())'
    on_remote_answers() {
        on_remote python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
s.connect(("192.0.2.1", 5000))
print(s.recv(100).decode())' | grep -qx 198.51.100.2
    }
    wait_until 5 on_remote_answers
}

@test "sctp: a port is published, listed and given back on any kernel" {
    run_sleeper aa -p 5000:5000/sctp
    run hull port aa
    assert_output_matches '^5000/sctp -> 0\.0\.0\.0:5000$'
    run on_host nft list table inet "$(table_of_ours)"
    assert_output_has sctp
    hull rm -f aa
    run on_host nft list table inet "$(table_of_ours)"
    assert_output_lacks ". 5000"
}

table_of_ours() {
    on_host nft list tables | awk '$2 == "inet" && $3 ~ /^hull/ { print $3 }'
}

@test "several networks: the default route is the one of the highest gw-priority, then of the first name" {
    hull network create --subnet 10.81.0.0/24 aaa >/dev/null
    hull network create --subnet 10.82.0.0/24 bbb >/dev/null
    run hull run --rm --network bbb --network aaa busybox ip route
    assert_output_has "default via 10.81.0.1 dev eth1"
    run hull run --rm --network aaa --network name=bbb,gw-priority=1 busybox ip route
    assert_output_has "default via 10.82.0.1 dev eth1"
    run hull run --rm --network name=aaa,gw-priority=-1 --network bbb busybox ip route
    assert_output_has "default via 10.82.0.1"
    # A network that comes takes the route, and gives it back when it goes; ports follow.
    start_server web --network aaa -p 8080:80
    hull network connect --gw-priority 5 bbb web
    run hull exec web ip route
    assert_output_has "default via 10.82.0.1 dev eth1"
    assert_equal "$(fetch_as on_remote http://192.0.2.1:8080/cgi-bin/who)" 198.51.100.2
    hull network disconnect bbb web
    run hull exec web ip route
    assert_output_has "default via 10.81.0.1 dev eth0"
    assert_equal "$(fetch_as on_remote http://192.0.2.1:8080/cgi-bin/who)" 198.51.100.2
}

@test "a pool of one address: the second container is told, and nothing of it stays" {
    hull network create --subnet 10.83.0.0/30 tiny >/dev/null
    run_sleeper aa --network tiny
    run hull run --rm --name bb --network tiny busybox true
    assert_failure 125
    assert_output_has "no available IPv4 addresses on this network's address pools: tiny"
    assert_output_lacks $'\n'
    run hull ps -a --format '{{.Names}}'
    assert_output aa
    hull rm -f aa
    run hull run --rm --network tiny busybox hostname -i
    assert_output 10.83.0.2
}

@test "a port at an IPv6 address of the host, at others not" {
    hull network create --ipv6 six >/dev/null
    start_server web --network six -p '[2001:db8:1::1]:8080:80' -p '[::1]:8081:80'
    run hull port web
    assert_output_matches '^80/tcp -> \[2001:db8:1::1\]:8080$'
    assert_equal "$(fetch_as on_remote 'http://[2001:db8:1::1]:8080/cgi-bin/who')" 2001:db8:2::2
    run fetch_as on_host 'http://[2001:db8:1::1]:8080/'
    assert_success
    run fetch_as on_host 'http://[::1]:8081/'
    assert_success
    run fetch_as on_host 'http://[::1]:8080/'
    assert_failure
    run fetch_as on_remote 'http://[2001:db8:1::1]:8081/'
    assert_failure
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_failure
}

@test "a host whose IPv6 is switched off" {
    on_host sh -c 'for f in all default lo up0; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done'
    start_server web -p 8080:80
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_success
    run fetch_as on_host http://127.0.0.1:8080/
    assert_success
    hull rm -f web
    # What was asked for and cannot be must not look as if it were.
    run hull run --rm -p '[::1]:8081:80' busybox true
    assert_failure 125
    assert_output_has "[::1]:8081"
}

@test "without CAP_NET_ADMIN: one line that says so, and nothing left" {
    run on_host capsh --drop=cap_net_admin -- -c \
        "exec '$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' run --rm --name aa -p 8080:80 busybox true"
    assert_failure 125
    assert_output_has "Operation not permitted"
    assert_output_lacks $'\n'
    run hull ps -aq
    assert_output ""
    run hull run --rm -p 8080:80 busybox hostname -i
    assert_success
    run hull network inspect bridge
    assert_json '.[0].Containers' '{}'
}

@test "a hundred networks are made and removed" {
    local i names=()

    for ((i = 0; i < 30; i++)); do
        hull network create "n$i" >/dev/null
    done
    run hull network create one-more
    assert_failure 1
    assert_output "hull: all predefined address pools have been fully subnetted"
    for ((; i < 100; i++)); do
        hull network create --subnet "10.1.$i.0/24" "n$i" >/dev/null
    done
    assert_equal "$(links_of_ours | grep -c br-)" 100
    run_sleeper aa --network n99
    run hull network rm n98 n99 n97
    assert_failure 1
    assert_output_has "n99 has active endpoints"
    hull rm -f aa
    mapfile -t names < <(hull network ls --format '{{.Name}}' | grep '^n[0-9]')
    assert_equal "${#names[@]}" 98
    hull network rm "${names[@]}" >/dev/null
    run links_of_ours
    assert_output ""
    # Nothing of them is left in the table.
    assert_equal "$(on_host nft list table inet "$(table_of_ours)" | grep -c br-)" 0
    # Their subnets are free.
    hull network create again
}
