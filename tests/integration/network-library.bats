# SPDX-License-Identifier: Apache-2.0
#
# The network layer with real traffic, in namespaces of its own: who reaches whom, whose address is
# seen, what repairs what. The containers are plans performed by network-tool.

load lib/fixture
load lib/network-lab

setup() {
    require_root
    require_tool ncat nft ip nsenter
    setup_fixture
}

teardown() {
    teardown_fixture
}

@test "a published port is reached from everywhere, and nothing else is" {
    lab <<'END'
    join web bridge
    join other bridge
    serve web -p 8080:80 -p 127.0.0.1:8081:80
    ip=$(address web)
    is 172.17.0.2 echo "$ip"
    # The host sees it by every address of its own; the container sees the gateway.
    is 172.17.0.1 get 127.0.0.1 8080
    is 172.17.0.1 get 10.9.0.1 8080
    is 172.17.0.1 get 172.17.0.1 8080
    is 172.17.0.1 get ::1 8080
    is 172.17.0.1 get fd99::1 8080
    is 172.17.0.1 get 127.0.0.1 8081
    refused get 10.9.0.1 8081
    # Clients outside keep their address, but where the container has none of their family.
    is 10.9.0.2 outside_get 10.9.0.1 8080
    is 172.17.0.1 outside_get fd99::1 8080
    refused outside_get 10.9.0.1 8081
    outside ip route add 172.17.0.0/16 via 10.9.0.1
    refused outside_get "$ip" 80
    # Another container of the network, through the host; and the container itself.
    is 172.17.0.1 from other 10.9.0.1 8080
    is 172.17.0.1 nsenter -t "$(first_process web)" -n ncat -w 2 --recv-only 10.9.0.1 8080
    [ -n "$(from other "$ip" 80)" ]
END
}

@test "the same holds where bridged frames pass the packet filter" {
    lab <<'END'
    [ -e /proc/sys/net/bridge ] || exit 0
    bridged_frames_filtered 1
    join web bridge
    join other bridge
    serve web -p 8080:80
    is 172.17.0.1 get 127.0.0.1 8080
    is 10.9.0.2 outside_get 10.9.0.1 8080
    [ -n "$(from other 10.9.0.1 8080)" ]
    is 172.17.0.1 from other 172.17.0.1 8080
    [ -n "$(nsenter -t "$(first_process web)" -n ncat -w 2 --recv-only 10.9.0.1 8080)" ]
END
}

@test "IPv6: published, routed out, and without advertisements" {
    lab <<'END'
    tool create six ipv6 subnet=fd42::/64
    join web six
    join other six
    serve web -p 8080:80
    is fd42::2 address web 6
    is fd42::1 get ::1 8080
    is fd42::1 get fd99::1 8080
    is fd99::2 outside_get fd99::1 8080
    is fd42::1 from other fd99::1 8080
    outside ip -6 route add fd42::/64 via fd99::1
    refused outside_get fd42::2 80
    is 0 nsenter -t "$(first_process web)" -n cat /proc/sys/net/ipv6/conf/eth0/accept_ra
    outside ncat -6 -lk -p 99 --sh-exec 'echo $NCAT_REMOTE_ADDR' &
    wait_until get fd99::2 99
    is fd99::1 from other fd99::2 99
END
}

@test "networks are kept apart, and internal ones from the world" {
    lab <<'END'
    tool create one subnet=10.20.0.0/24 >/dev/null
    tool create two subnet=10.21.0.0/24 >/dev/null
    tool create inner internal subnet=10.22.0.0/24 >/dev/null
    join a one
    join b two
    join c inner
    join c2 inner
    serve a -p 8080:80
    serve c
    outside ncat -lk -p 99 --sh-exec 'echo $NCAT_REMOTE_ADDR' &
    wait_until get 10.9.0.2 99
    refused from b 10.20.0.2 80
    # Through the host it is published for everybody, and the client is known.
    is 10.21.0.3 from b 10.9.0.1 8080
    is 10.9.0.1 from b 10.9.0.2 99
    refused from b 10.22.0.2 80
    refused from c2 10.9.0.2 99
    is 10.22.0.4 from c2 10.22.0.2 80
    is 10.22.0.1 get 10.22.0.2 80
    # The host's own loopback is nobody else's.
    ncat -lk 127.0.0.1 99 --sh-exec 'echo host' &
    wait_until get 127.0.0.1 99
    refused tool run b -- sh -c '
        echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
        ip route del local 127.0.0.0/8 table local
        ip route del local 127.0.0.1 table local
        ip route add 127.0.0.1 via 10.21.0.1
        ncat -w 1 --recv-only 127.0.0.1 99'
END
}

@test "icc=false: containers meet at published ports only" {
    lab <<'END'
    tool create quiet opt=com.docker.network.bridge.enable_icc:false subnet=10.20.0.0/24
    join a quiet
    join b quiet
    serve a -p 8080:80
    refused from b 10.20.0.2 80
    is 10.20.0.1 from b 10.9.0.1 8080
    is 10.20.0.1 get 10.20.0.2 80
END
}

@test "gateway modes: routed opens the published ports, nat-unprotected all" {
    lab <<'END'
    tool create routed subnet=10.20.0.0/24 opt=com.docker.network.bridge.gateway_mode_ipv4:routed
    tool create open subnet=10.21.0.0/24 opt=com.docker.network.bridge.gateway_mode_ipv4:nat-unprotected
    join a routed
    join b open
    join c routed
    serve a -p 8080:80
    serve b
    serve c
    outside ip route add 10.20.0.0/15 via 10.9.0.1
    is 10.9.0.2 outside_get 10.20.0.2 80
    refused outside_get 10.20.0.3 80
    is 10.9.0.2 outside_get 10.21.0.2 80
END
}

@test "ports: a range is one element, a taken port is an error, what is held nobody takes" {
    lab <<'END'
    join a bridge
    join b bridge
    serve a -p 8080:80 -p 20000-20999:20000-20999/udp -p 0:80
    [ "$(tool ports a | grep '^0.0.0.0 20000')" = "0.0.0.0 20000 20000 1000 udp" ]
    # Three ports, one of them a thousand: as many elements.
    [ "$(nft -j list map inet "$(nft list tables | sed 's/table inet //')" ports4 |
        jq '.nftables[1].map.elem | length')" = 3 ]
    refused tool run b -p 8080:80 -- true
    because "Bind for 0.0.0.0:8080 failed: port is already allocated"
    refused ncat -l -p 8080
    refused ncat -u -l -p 20500
    ncat -lk 127.0.0.1 7000 &
    wait_until eval 'ss -Hltn sport = :7000 | grep -q .'
    refused tool run b -p 127.0.0.1:7000:80 -- true
    because "Bind for 127.0.0.1:7000 failed: port is already allocated"
    refused tool run b -p 192.0.2.1:7000:80 -- true
    because "Bind for 192.0.2.1:7000/tcp failed: Cannot assign requested address"
    stop a
    [ -z "$(tool ports a)" ]
    tool run b -p 8080:80 -- true
END
}

@test "datagrams reach the next container of a port" {
    lab <<'END'
    join a bridge
    join b bridge
    # From one port, as a client that keeps asking: the kernel takes it for one connection. It begins
    # before the port is published.
    ask() {
        python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4242))
s.settimeout(0.3)
s.sendto(b"hello", ("10.9.0.1", 5353))
print(s.recv(100).decode())' 2>/dev/null || true
    }
    tool run b -- true
    ask
    run_echo() {
        start "$1" -p 5353:53/udp -- python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 53))
while True:
    s.sendto(sys.argv[1].encode(), s.recvfrom(100)[1])' "$1"
    }
    run_echo a
    wait_until eval '[ "$(ask)" = a ]'
    stop a
    run_echo b
    wait_until eval '[ "$(ask)" = b ]'
END
}

@test "what was flushed or deleted under us is repaired" {
    lab <<'END'
    join web bridge
    join other bridge
    serve web -p 8080:80
    table=$(nft list tables | sed 's/table inet //')
    bridge=$(tool show bridge | cut -d' ' -f3)
    # By the next start,
    nft flush ruleset
    refused outside_get 10.9.0.1 8080
    tool run other -- true
    is 10.9.0.2 outside_get 10.9.0.1 8080
    ip link del "$bridge"
    tool run other -- true
    is 10.9.0.2 outside_get 10.9.0.1 8080
    # and by reload, which leaves the administrator's rules alone.
    nft add rule inet "$table" user ip daddr 203.0.113.9 drop
    nft flush chain inet "$table" prerouting
    ip addr flush dev "$bridge"
    tool reload
    is 10.9.0.2 outside_get 10.9.0.1 8080
    nft list chain inet "$table" user | grep -q 203.0.113.9
    ip link del "$bridge"
    nft flush ruleset
    tool reload
    is 10.9.0.2 outside_get 10.9.0.1 8080
END
}

@test "the administrator's chain comes first" {
    lab <<'END'
    join web bridge
    serve web -p 8080:80
    table=$(nft list tables | sed 's/table inet //')
    nft add rule inet "$table" user ip saddr 10.9.0.2 drop
    refused outside_get 10.9.0.1 8080
    is 172.17.0.1 get 10.9.0.1 8080
    nft flush chain inet "$table" user
    outside ip route add 172.17.0.0/16 via 10.9.0.1
    nft add rule inet "$table" user ip saddr 10.9.0.2 accept
    is 10.9.0.2 outside_get 172.17.0.2 80
END
}

@test "connect and disconnect a running container" {
    lab <<'END'
    tool create two subnet=10.20.0.0/24
    join web bridge
    serve web -p 8080:80
    pid=$(first_process web)
    inside() { nsenter -t "$pid" -n "$@"; }
    tool connect web two "$pid"
    inside ip -4 -o addr show eth1 | grep -q 10.20.0.2/24
    is 10.20.0.1 get 10.20.0.2 80
    is 10.9.0.2 outside_get 10.9.0.1 8080
    inside ip route show default | grep -q 172.17.0.1
    refused tool connect web two "$pid"
    # Routes and ports follow to the network that is left.
    tool disconnect web bridge "$pid"
    refused inside ip link show eth0
    inside ip route show default | grep -q 10.20.0.1
    is 10.9.0.2 outside_get 10.9.0.1 8080
    tool disconnect web two "$pid"
    refused outside_get 10.9.0.1 8080
    refused tool disconnect web two "$pid"
    tool connect web two "$pid"
    is 10.9.0.2 outside_get 10.9.0.1 8080
END
}

@test "a killed tool leaves nothing that the next start does not clear" {
    lab <<'END'
    join a bridge
    join b bridge
    serve a -p 8080:80
    container=$(first_process a)
    kill -9 "$(cat "$WORK/tool-a")"
    wait "$(cat "$WORK/tool-a")" || true
    serve b -p 8080:80
    is 172.17.0.1 get 127.0.0.1 8080
    [ -z "$(tool ports a)" ]
    kill -9 "$container"
    tool release a
    tool release a
    stop b
    # Also without settling: the address that was asked for is its own.
    tool create fixed subnet=10.20.0.0/24
    tool add c
    tool join c fixed ip=10.20.0.9
    serve c -p 8080:80
    container=$(first_process c)
    kill -9 "$(cat "$WORK/tool-c")" "$container"
    wait "$(cat "$WORK/tool-c")" || true
    serve c -p 9090:80
    is 10.20.0.1 get 127.0.0.1 9090
    refused get 127.0.0.1 8080
    stop c
    is "bridge" tool endpoints a
    wait_until eval '! ip -o link | grep -q veth'
    # Nothing but what belongs to the network itself is left in the table.
    [ -z "$(nft list ruleset | grep -E 'tcp \. ')" ]
END
}

@test "a start that fails takes back what it made" {
    lab <<'END'
    join a bridge
    table() { nft list ruleset | grep -c 'tcp \. ' || true; }
    refused tool run a -p 8080:80 -- no-such-command
    because 'exec: "no-such-command"'
    is 0 table
    wait_until eval '! ip -o link | grep -q veth'
    is bridge tool endpoints a
    # An interface that cannot be made: the error names it and the reason.
    tool create two subnet=10.20.0.0/24
    tool add b
    tool join b bridge opt=com.docker.network.endpoint.ifname:eth1
    tool join b two
    refused tool run b -p 8080:80 -- true
    because "connect eth1 to network two: veth"
    because "File exists"
    is 0 table
    wait_until eval '! ip -o link | grep -q veth'
END
}

@test "macvlan: an interface on the wire itself" {
    lab <<'END'
    ip link add type veth 2>/dev/null
    tool create lan driver=macvlan subnet=10.9.0.0/24 gateway=10.9.0.1 opt=parent:wire
    tool add a
    tool join a lan ip=10.9.0.77 mac=02:11:22:33:44:55 || exit 0
    outside ncat -lk -p 99 --sh-exec 'echo $NCAT_REMOTE_ADDR' &
    wait_until get 10.9.0.2 99
    is 10.9.0.77 from a 10.9.0.2 99
    outside ip neigh | grep -q 02:11:22:33:44:55
    ip link add none0 type veth peer name none1
    tool create nowhere driver=macvlan opt=parent:none0
    ip link del none0
    join b nowhere
    refused tool run b -- true
    because "network nowhere: parent interface none0: No such device"
END
}

@test "bad input is refused by name, and leaves nothing" {
    lab <<'END'
    refuse() { refused tool "${@:2}"; because "$1"; }
    tool create one subnet=10.20.0.0/24
    links=$(ip -o link | wc -l)
    refuse "network with name one already exists" create one
    refuse "invalid network name (a b)" create "a b"
    refuse "operation is not permitted on predefined host network" create host
    refuse "invalid pool request: Pool overlaps" create two subnet=10.20.0.128/25
    refuse "invalid subnet 10.20.0.0/33" create two subnet=10.20.0.0/33
    refuse "no matching subnet for gateway 10.30.0.1" create two subnet=10.21.0.0/24 gateway=10.30.0.1
    refuse "no matching subnet for range 10.22.0.0/25" create two subnet=10.21.0.0/24 range=10.22.0.0/25
    refuse "option com.example.x is not supported by the bridge driver" create two opt=com.example.x:1
    refuse "could not find plugin weave" create two driver=weave
    refuse "invalid value \"yes please\" for option" create two opt=enable_icc:"yes please"
    refuse "not the name of an interface" create two opt=com.docker.network.bridge.name:a/b
    refuse "network two: there is an interface wire, and it is not a bridge" create two opt=com.docker.network.bridge.name:wire
    ip link add mine type bridge
    tool create own opt=com.docker.network.bridge.name:mine subnet=10.40.0.0/24
    ip -o addr show mine | grep -q 10.40.0.1/24
    tool rm own
    ip link del mine
    refuse "network two: parent interface none0: No such device" create two driver=macvlan opt=parent:none0
    refuse "network nope not found" rm nope
    refuse "bridge is a pre-defined network and cannot be removed" rm bridge
    is "$links" eval 'ip -o link | wc -l'
    tool add a
    refuse "user defined networks only" join a bridge ip=172.17.0.9
    refuse "no configured subnet or ip-range contain the IP address 10.21.0.9" join a one ip=10.21.0.9
    refuse "invalid MAC address: 01:00:00:00:00:00" join a one mac=01:00:00:00:00:00
    refuse "is not of the form" join a one opt=com.docker.network.endpoint.sysctls:kernel.panic=1
    tool join a one
    refuse "already exists in network one" join a one
    tool lease a
    refuse "network one has active endpoints (name:\"a\"" rm one
    tool release a
    tool rm one
    refuse "network one not found" lease a
END
}
