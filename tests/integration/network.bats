# SPDX-License-Identifier: Apache-2.0
#
# Networks of containers, with real traffic: bridges, ports, names, isolation, live changes.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }
setup() { setup_network_test; }
teardown() { teardown_network_test; }

@test "default bridge: address, route, hosts; the world outside sees the host's address" {
    run hull run --rm busybox sh -c 'ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4; ip route; cat /etc/hosts'
    assert_success
    assert_output_matches '^172\.17\.0\.2/16$'
    assert_output_matches '^default via 172\.17\.0\.1 dev eth0'
    assert_output_matches "^172\.17\.0\.2	[0-9a-f]{12}$"
    serve_who on_remote 198.51.100.2 7001
    run hull run --rm busybox nc -w 3 198.51.100.2 7001
    assert_output 192.0.2.1
}

@test "ports: from everywhere, with the source's address where it can be kept" {
    start_server web -p 8080:80
    assert_equal "$(fetch_as on_host http://127.0.0.1:8080/cgi-bin/who)" 172.17.0.1
    run fetch_as on_host http://192.0.2.1:8080/
    assert_success
    run fetch_as on_host 'http://[::1]:8080/'
    assert_success
    assert_equal "$(fetch_as on_remote http://192.0.2.1:8080/cgi-bin/who)" 198.51.100.2
    # Another container through the host's address, and the container itself.
    run hull run --rm busybox wget -q -O - http://192.0.2.1:8080/
    assert_success
    run hull exec web wget -q -O - http://192.0.2.1:8080/
    assert_success
    run hull port web
    assert_output "$(printf '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080')"
    run hull port web 80
    assert_output "$(printf '0.0.0.0:8080\n[::]:8080')"
    run hull ps --format '{{.Ports}}'
    assert_output "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
    run hull port web 81
    assert_failure 1
    assert_output "hull: No public port '81' published for web"
    # What was asked for stays when nothing is published any more.
    hull stop -t 0 web
    run hull inspect web
    assert_json '.[0].HostConfig.PortBindings["80/tcp"][0].HostPort' 8080
    assert_json '.[0].Config.ExposedPorts | keys[0]' 80/tcp
    assert_json '.[0].NetworkSettings.Ports' '{}'
}

@test "ports: one address of the host, ranges, a random one, udp" {
    start_server web -p 127.0.0.1:8081:80 -p 9000-9002:9000-9002/udp -p 80
    run fetch_as on_host http://127.0.0.1:8081/
    assert_success
    run fetch_as on_host http://192.0.2.1:8081/
    assert_failure
    # Not for others, whatever they claim.
    on_remote ip route add 127.0.0.1/32 via 198.51.100.254 2>/dev/null || true
    run fetch_as on_remote http://192.0.2.1:8081/
    assert_failure
    run hull port web 80/tcp
    assert_output_matches '^127\.0\.0\.1:8081$'
    assert_output_matches '^0\.0\.0\.0:[0-9]{4,5}$'
    local port
    port=$(sed -n 's/^0\.0\.0\.0://p' <<<"$output")
    run fetch_as on_remote "http://192.0.2.1:$port/"
    assert_success
    serve_inside "$(pid_of web)" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 9001))
print(*s.recvfrom(100)[1][:1], flush=True)' >"$WORK/udp"
    wait_until 5 send_datagram
}

# Until it arrives: nobody says when the receiver is ready.
send_datagram() {
    on_remote bash -c 'echo "a datagram" >/dev/udp/192.0.2.1/9001'
    grep -qx 198.51.100.2 "$WORK/udp"
}

# serve_datagrams CONTAINER PORT: answers each datagram with its sender's address and its text.
serve_datagrams() {
    serve_inside "$(pid_of "$1")" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", int(sys.argv[1])))
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(peer[0].removeprefix("::ffff:").encode() + b" " + data, peer)' "$2"
}

# ask_datagram on_host|on_remote ADDRESS PORT TEXT: the answer, if it comes from where it was asked.
ask_datagram() {
    "$1" python3 -c '
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.connect((sys.argv[1], int(sys.argv[2])))
for _ in range(10):
    try:
        s.send(sys.argv[3].encode())
        print(s.recv(65535).decode())
        break
    except OSError:
        pass' "${@:2}"
}

@test "ports: datagrams that the kernel cannot route are relayed" {
    run_sleeper four -p 9001:9000/udp -p '[::1]:9002:9000/udp'
    serve_datagrams four 9000
    run hull port four
    assert_output "$(printf '9000/udp -> 0.0.0.0:9001\n9000/udp -> [::]:9001\n9000/udp -> [::1]:9002')"
    assert_equal "$(ask_datagram on_host ::1 9001 one)" "172.17.0.1 one"
    assert_equal "$(ask_datagram on_host ::1 9002 two)" "172.17.0.1 two"
    assert_equal "$(ask_datagram on_host 127.0.0.1 9001 three)" "172.17.0.1 three"
    assert_equal "$(ask_datagram on_remote 192.0.2.1 9001 four)" "198.51.100.2 four"
    assert_equal "$(ask_datagram on_remote 2001:db8:1::1 9001 five)" "172.17.0.1 five"
    # With IPv6, only [::1] is not routed.
    hull network create --ipv6 --subnet fd00:6::/64 six >/dev/null
    run_sleeper six --network six -p 9003:9000/udp
    serve_datagrams six 9000
    assert_equal "$(ask_datagram on_host ::1 9003 six)" "fd00:6::1 six"
    assert_equal "$(ask_datagram on_remote 2001:db8:1::1 9003 seven)" "2001:db8:2::2 seven"
}

@test "ports: a taken one is refused before anything starts, and is held while it is published" {
    start_server web -p 8080:80
    run hull run --rm --name second -p 8080:80 busybox true
    assert_failure 125
    assert_output_has "port is already allocated"
    assert_output_lacks $'\n'
    run hull inspect second
    assert_failure
    # Nobody else on the host gets it, either.
    run on_host timeout 2 busybox nc -l -p 8080
    assert_failure
    hull rm -f web
    serve_who on_host 192.0.2.1 8080
    run hull run --rm -p 192.0.2.1:8080:80 busybox true
    assert_failure 125
    assert_output_has "192.0.2.1:8080"
}

@test "ports: -P publishes what the image and --expose name" {
    run hull run -d --name web -P --expose 80 --expose 81-82/udp busybox sleep 100
    assert_success
    run hull port web
    assert_output_matches '^80/tcp -> 0\.0\.0\.0:[0-9]+$'
    assert_output_matches '^81/udp -> 0\.0\.0\.0:[0-9]+$'
    assert_output_matches '^82/udp -> 0\.0\.0\.0:[0-9]+$'
    assert_equal "$(hull ps -f expose=80 --format '{{.Names}}')" web
    assert_equal "$(hull ps -f expose=70-81/udp --format '{{.Names}}')" web
    assert_equal "$(hull ps -f expose=81 --format '{{.Names}}')" ""
    assert_equal "$(hull ps -f publish="$(hull port web 82/udp | sed -n '1s/.*://p')/udp" -q | wc -l)" 1
    assert_equal "$(hull ps -f publish=80 -q)" ""
}

@test "a container without a published port is not reached from outside" {
    start_server web
    on_remote ip route add 172.17.0.0/16 via 198.51.100.254
    inside "$ROUTER_NS" ip route add 172.17.0.0/16 via 192.0.2.1
    run fetch_as on_remote "http://$(address web)/"
    assert_failure
    run fetch_as on_host "http://$(address web)/"
    assert_success
}

@test "names: of containers, aliases, short ids, with the network's name, and back" {
    local id

    hull network create shop >/dev/null
    id=$(hull run -d --name web --network shop --network-alias www busybox sleep 100)
    run hull run --rm --network shop busybox sh -c "
        for name in web www ${id:0:12} web.shop WEB; do
            nslookup -type=a \$name | awk '/^Address: / { print \$2 }'
        done
        nslookup $(address web shop) | sed -n 's/.*name = //p'
        cat /etc/resolv.conf"
    assert_success
    assert_equal "$(grep -c "^$(address web shop)\$" <<<"$output")" 5
    assert_output_matches '^web\.shop$'
    assert_output_matches '^nameserver 127\.0\.0\.11$'
    # The name goes with the container, and comes back with another address.
    hull stop -t 0 web
    run hull run --rm --network shop busybox nslookup web
    assert_failure
    hull start web
    run hull run --rm --network shop busybox ping -c 1 -W 2 web
    assert_success
}

@test "names: others are asked from the host's servers, which may change" {
    serve_names 127.0.0.2 far.example 203.0.113.7
    hull network create shop >/dev/null
    hull network create --internal vault >/dev/null
    hull run -d --name web --dns 127.0.0.2 --network shop busybox sleep 100 >/dev/null
    run hull exec web nslookup -type=a far.example
    assert_output_has 203.0.113.7
    # A container in an internal network asks nobody.
    hull run -d --name safe --dns 127.0.0.2 --network vault busybox sleep 100 >/dev/null
    run hull exec safe nslookup -type=a far.example
    assert_failure
    assert_output_lacks 203.0.113.7
}

@test "networks are apart; a container in two reaches both; connect and disconnect live" {
    hull network create one >/dev/null
    hull network create two >/dev/null
    start_server aa --network one
    start_server bb --network two
    run hull exec aa timeout 3 wget -q -O - "http://$(address bb two)/"
    assert_failure
    run hull exec aa nslookup bb
    assert_failure
    hull network connect --alias second two aa
    run hull exec aa timeout 3 wget -q -O - http://bb/
    assert_success
    run hull exec bb wget -q -O - http://second/
    assert_success
    run hull exec aa ip link show eth1
    assert_success
    run hull network inspect two -f '{{range .Containers}}{{.Name}} {{end}}'
    assert_output_has "aa "
    hull network disconnect two aa
    run hull exec aa timeout 3 wget -q -O - http://bb/
    assert_failure
    run hull exec aa ip link show eth1
    assert_failure
    run hull run --rm --network one --network two busybox sh -c \
        'wget -q -O - http://aa/ && wget -q -O - http://bb/'
    assert_success
}

@test "an internal network has no way out, and no way in" {
    hull network create --internal vault >/dev/null
    start_server safe --network vault -p 8080:80
    run hull exec safe ip route
    assert_output_lacks default
    run hull exec safe ping -c 1 -W 1 198.51.100.2
    assert_failure
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_failure
    run hull run --rm --network vault busybox wget -q -O - http://safe/
    assert_success
}

@test "IPv6: addresses, ports, names, the world outside" {
    hull network create --ipv6 --subnet 172.30.0.0/24 --subnet fd00:30::/64 six >/dev/null
    start_server web --network six -p 8080:80
    run hull exec web ip -6 addr show eth0
    assert_output_has "fd00:30::2/64"
    assert_equal "$(fetch_as on_remote 'http://[2001:db8:1::1]:8080/cgi-bin/who')" 2001:db8:2::2
    run fetch_as on_host 'http://[::1]:8080/'
    assert_success
    run hull run --rm --network six busybox sh -c 'nslookup -type=aaaa web; ping6 -c 1 -W 2 2001:db8:2::2'
    assert_success
    assert_output_has fd00:30::2
}

@test "--ip, --mac-address, --gateway, --ip-range, --aux-address" {
    hull network create --subnet 10.99.0.0/24 --gateway 10.99.0.254 --ip-range 10.99.0.128/30 \
        --aux-address printer=10.99.0.129 office >/dev/null
    run hull run --rm --network office --ip 10.99.0.7 --mac-address 02:00:00:00:00:07 busybox \
        sh -c 'ip -4 -o addr show eth0; ip link show eth0; ip route'
    assert_output_has "10.99.0.7/24"
    assert_output_has "02:00:00:00:00:07"
    assert_output_has "default via 10.99.0.254"
    hull run -d --name first --network office busybox sleep 100 >/dev/null
    [[ $(address first office) =~ ^10\.99\.0\.(128|130|131)$ ]] || fail "$(address first office)"
    run hull run --rm --network office --ip 10.99.1.7 busybox true
    assert_failure 125
    run hull run --rm --network office --ip "$(address first office)" busybox true
    assert_failure 125
    assert_output_has "Address already in use"
    run hull run --rm --ip 172.17.0.9 busybox true
    assert_failure 125
    assert_output_has "user specified IP address is supported on user defined networks only"
}

@test "network create: what cannot be is refused, by name" {
    refused() {
        local text=$1

        shift
        run hull network create "$@"
        assert_failure 1
        assert_output_has "$text"
        assert_output_lacks $'\n'
    }
    hull network create --subnet 10.50.0.0/16 taken >/dev/null
    refused overlap --subnet 10.50.3.0/24 other
    refused "already exists" taken
    refused "10.60.1.1" --subnet 10.60.0.0/24 --gateway 10.60.1.1 other
    refused "10.60.0.0/33" --subnet 10.60.0.0/33 other
    refused "bridge" bridge
    refused "no-such-driver" -d no-such-driver other
    refused "a b" "a b"
    refused "no matching subnet" --gateway 10.1.1.1 other
    run hull network ls -q
    assert_equal "$(wc -l <<<"$output")" 4
}

@test "network rm: not while somebody is in it; ls, inspect, prune, filters, formats" {
    hull network create --label tier=front shop >/dev/null
    hull network create empty >/dev/null
    hull run -d --name web --network shop busybox sleep 100 >/dev/null
    run hull network rm shop
    assert_failure 1
    assert_output_has "has active endpoints"
    run hull network ls --filter label=tier=front --format '{{.Name}} {{.Driver}} {{.Scope}}'
    assert_output "shop bridge local"
    assert_equal "$(hull network ls --filter dangling=true --format '{{.Name}}')" empty
    assert_equal "$(hull network ls --filter 'name=^sho' --format '{{.Name}}')" shop
    run hull network ls --filter type=strange
    assert_failure 1
    assert_output "hull: invalid filter 'type=strange'"
    run hull network inspect shop
    assert_json '.[0].Containers | to_entries[0].value.Name' web
    assert_json '.[0].IPAM.Config[0].Gateway' 172.18.0.1
    run hull network prune -f
    assert_output_has empty
    assert_output_lacks shop
    run hull network inspect empty
    assert_failure 1
    assert_output_has "network empty not found"
    hull rm -f web
    run hull network rm shop
    assert_output shop
    run links_of_ours
    assert_output ""
}

@test "network prune leaves a host as it was before the first container" {
    hull run -d --name web busybox sleep 100 >/dev/null
    run hull network prune -f
    assert_success
    run hull exec web ping -c 1 -W 2 198.51.100.2
    assert_success
    hull rm -f web
    hull network prune -f
    run links_of_ours
    assert_output ""
    run on_host nft list tables
    assert_output ""
    run hull run --rm busybox ping -c 1 -W 2 198.51.100.2
    assert_success
}

@test "container:, host, none, ns:" {
    local pid

    start_server web
    run hull run --rm --network container:web busybox wget -q -O - http://127.0.0.1/
    assert_success
    assert_equal "$(hull run --rm --network container:web busybox hostname)" "$(hull exec web hostname)"
    run hull run --rm --network container:web -p 80:80 busybox true
    assert_failure 125
    assert_output_has "conflicting options"
    run hull run --rm --network none busybox ip -o link
    assert_equal "$(wc -l <<<"$output")" 1
    run hull run --rm --network host busybox ip -o link
    assert_output_has up0
    run hull run --rm --network "ns:/proc/$REMOTE_NS/ns/net" busybox ip -o link
    assert_output_has m0
    run hull run --rm --network no-such-network busybox true
    assert_failure 125
    assert_output_has "network no-such-network not found"
    run hull run --rm --network host --network bridge busybox true
    assert_failure 125
}

@test "two dozen at once: every address is given once, and all come back" {
    local i pids=()

    for i in $(seq 24); do
        hull run --rm busybox sh -c 'ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4; sleep 2' \
            >"$WORK/a.$i" 2>"$WORK/e.$i" &
        pids+=($!)
    done
    wait "${pids[@]}"
    assert_equal "$(cat "$WORK"/e.*)" ""
    assert_equal "$(cat "$WORK"/a.* | sort -u | wc -l)" 24
    run hull network inspect bridge
    assert_json '.[0].Containers' '{}'
}

@test "kill -9 of the monitor: address, port and name come back with the next command" {
    hull network create shop >/dev/null
    hull run -d --name web --network shop -p 8080:80 busybox sleep 100 >/dev/null
    local pid monitor
    pid=$(hull inspect -f '{{.State.Pid}}' web)
    monitor=$(awk '{ print $4 }' "/proc/$pid/stat")
    kill -KILL "$monitor"
    wait_until 5 hull ps
    run hull run --rm --name next --network shop -p 8080:80 busybox nslookup web
    assert_failure
    assert_output_lacks "port is already allocated"
    run hull network rm shop
    assert_success
}

@test "nft flush and a deleted bridge under us: reload repairs, and so does the next start" {
    start_server web -p 8080:80
    on_host nft flush ruleset
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_failure
    hull network reload
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_success
    on_host nft flush ruleset
    run hull run --rm busybox true
    assert_success
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_success
    hull rm -f web
    on_host ip link del "$(links_of_ours | head -n 1)"
    run hull run --rm busybox ping -c 1 -W 2 198.51.100.2
    assert_success
}

@test "after a reboot, networks are as they were" {
    hull network create --subnet 10.77.0.0/24 shop >/dev/null
    hull run -d --name web --network shop -p 8080:80 busybox sleep 100 >/dev/null
    local pid monitor
    pid=$(hull inspect -f '{{.State.Pid}}' web)
    monitor=$(awk '{ print $4 }' "/proc/$pid/stat")
    kill -KILL "$monitor" "$pid"
    wait_until 5 process_gone "$pid"
    unmount_below "$HULL_TEST_RUN_ROOT"
    rm -rf --one-file-system "$HULL_TEST_RUN_ROOT"
    setup_networks
    run hull ps -a --format '{{.Status}}'
    assert_output_has Exited
    hull start web
    assert_equal "$(hull port web 80 | head -n 1)" 0.0.0.0:8080
    run on_host ip -4 -br addr
    assert_output_has "10.77.0.1/24"
}

@test "what others have in the packet filter stays as it is" {
    on_host nft 'table inet other { set s { type ipv4_addr; elements = { 10.9.9.9 }; };
        chain c { type filter hook forward priority 0; policy accept; }; }'
    local before
    before=$(on_host nft list table inet other)
    start_server web -p 8080:80
    hull rm -f web
    hull network reload
    assert_equal "$(on_host nft list table inet other)" "$before"
}

@test "explain shows the network's steps in words and as commands" {
    hull network create shop >/dev/null
    run hull explain run --network shop -p 8080:80 busybox true
    assert_success
    assert_output_matches 'veth'
    assert_output_matches 'ip link add'
    assert_output_matches 'nft add element'
    run links_of_ours
    assert_equal "$(wc -l <<<"$output")" 1
    hull run -d --name web --network shop -p 8080:80 busybox sleep 100 >/dev/null
    run hull explain web
    assert_success
    assert_output_has 8080
}
