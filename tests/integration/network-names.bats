# SPDX-License-Identifier: Apache-2.0
#
# What containers know each other and the world by: names, links, hosts files, resolvers.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }
setup() {
    setup_network_test
    serve_names 127.0.0.2 far.example 203.0.113.7
}
teardown() { teardown_network_test; }

# look_up CONTAINER NAME: its IPv4 addresses, sorted; fails if there are none.
#
# Whoever asks must have a name server that answers at once what nobody knows: setup gives one.
look_up() {
    hull exec "$1" nslookup -type=a "$2" 127.0.0.11 | awk '/^Name:/ { known = 1 } known && /^Address/ { print $NF }' |
        sort | grep .
}

@test "rename: the new name resolves, the old one no more" {
    hull network create shop >/dev/null
    run_sleeper web --network shop --network-alias www
    run_sleeper client --dns 127.0.0.2 --network shop
    hull rename web shopfront
    assert_equal "$(look_up client shopfront)" "$(address shopfront shop)"
    assert_equal "$(look_up client www)" "$(address shopfront shop)"
    run look_up client web
    assert_failure
    run hull exec client nslookup "$(address shopfront shop)"
    assert_output_has shopfront.shop
    run hull network inspect shop -f '{{range .Containers}}{{.Name}} {{end}}'
    assert_output_has shopfront
    # The old name is free, and means another container.
    run_sleeper web --network shop
    assert_equal "$(look_up client web)" "$(address web shop)"
}

@test "an alias of two containers stands for both, and for one when the other has gone" {
    hull network create shop >/dev/null
    run_sleeper aa --network shop --network-alias web
    run_sleeper bb --network name=shop,alias=web,alias=www
    run_sleeper client --dns 127.0.0.2 --network shop
    assert_equal "$(look_up client web)" "$(printf '%s\n' "$(address aa shop)" "$(address bb shop)" | sort)"
    assert_equal "$(look_up client www)" "$(address bb shop)"
    hull rm -f aa
    assert_equal "$(look_up client web)" "$(address bb shop)"
    run hull run --rm --network-alias web busybox true
    assert_failure 125
    assert_output_has "network-scoped alias is supported only for containers in user defined networks"
}

@test "links: names in the hosts file on the default bridge, in the resolver elsewhere" {
    run_sleeper db
    run hull run --rm --link db:data --link db busybox cat /etc/hosts
    assert_output_matches "^$(address db)	data db [0-9a-f]{12}$"
    run hull run --rm --link no-such busybox true
    assert_failure 125
    assert_output_has no-such
    hull network create shop >/dev/null
    run_sleeper web --network shop
    run_sleeper client --dns 127.0.0.2 --network shop --link web:front
    assert_equal "$(look_up client front)" "$(address web shop)"
    run_sleeper other --dns 127.0.0.2 --network shop
    run look_up other front
    assert_failure
    # What is linked is what has the name now.
    hull rm -f web
    run look_up client front
    assert_failure
    run_sleeper web --network shop
    assert_equal "$(look_up client front)" "$(address web shop)"
}

@test "--dns, --dns-search, --dns-option, --add-host host-gateway, --hostname" {
    run hull run --rm --dns 192.0.2.53 --dns-search corp.example --dns-option timeout:1 \
        busybox cat /etc/resolv.conf
    assert_output "$(printf 'nameserver 192.0.2.53\nsearch corp.example\noptions timeout:1')"
    hull network create --subnet 10.84.0.0/24 shop >/dev/null
    run hull run --rm --network shop --dns 192.0.2.53 --dns-search corp.example \
        --dns-option timeout:1 busybox cat /etc/resolv.conf
    assert_output_matches '^nameserver 127\.0\.0\.11$'
    assert_output_matches '^search corp\.example$'
    assert_output_matches 'timeout:1'
    assert_output_lacks 192.0.2.53
    run hull run --rm --dns-search . busybox cat /etc/resolv.conf
    assert_output_lacks search
    run hull run --rm --add-host host:host-gateway --add-host far:192.0.2.7 --network shop \
        --hostname me --domainname corp.example busybox cat /etc/hosts
    assert_output_matches '^10\.84\.0\.1	host$'
    assert_output_matches '^192\.0\.2\.7	far$'
    assert_output_matches '^10\.84\.0\.3	me\.corp\.example me$'
    run hull run --rm --add-host host:host-gateway busybox wget -q -O - http://host:1/
    assert_output_has refused
    run hull run --rm --add-host nonsense busybox true
    assert_failure 125
    run hull run --rm --dns nonsense busybox true
    assert_failure 125
    assert_output_has nonsense
}

@test "a name server of one's own on port 53 is in nobody's way" {
    hull network create shop >/dev/null
    run_sleeper web --network shop
    run_sleeper names --network shop
    serve_inside "$(pid_of names)" python3 -c '
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("0.0.0.0", 53))
t = socket.create_server(("0.0.0.0", 53))
print("bound", flush=True)
q, peer = u.recvfrom(2048)
u.sendto(q[:2] + b"\x81\x85" + q[4:6] + bytes(6) + q[12:], peer)
while True:
    t.accept()' >"$WORK/server"
    wait_until 5 grep -qx bound "$WORK/server"
    # It answers others, and the container's own questions still go to 127.0.0.11.
    run hull exec web nslookup -type=a any "$(address names shop)"
    assert_output_has REFUSED
    assert_equal "$(look_up names web)" "$(address web shop)"
}

@test "a hostile client is alone: its resolver serves on, with bounded memory, and so do others'" {
    local monitor before after

    hull network create shop >/dev/null
    run_sleeper web --network shop --dns 127.0.0.2
    run_sleeper bad --network shop --dns 127.0.0.2
    monitor=$(awk '{ print $4 }' "/proc/$(pid_of bad)/stat")
    before=$(resident "$monitor")
    serve_inside "$(pid_of bad)" python3 "$FIXTURE_DIR/hostile-dns.py" >"$WORK/ready"
    wait_until 10 grep -qx ready "$WORK/ready"
    run hull exec bad nslookup -type=a web
    assert_success
    assert_equal "$(look_up web web)" "$(address web shop)"
    run hull exec web nslookup -type=a far.example
    assert_output_has 203.0.113.7
    # A connection, too.
    run inside "$(pid_of bad)" python3 "$FIXTURE_DIR/hostile-dns.py" ask web
    assert_output "$(address web shop)"
    after=$(resident "$monitor")
    [ $((after - before)) -lt 2048 ] || fail "$before KiB, then $after KiB"
    assert_equal "$(hull inspect -f '{{.State.Status}}' bad)" running
    # Descriptors, too, are limited.
    [ "$(find "/proc/$monitor/fd" | wc -l)" -lt 250 ] || fail "$(ls -l "/proc/$monitor/fd")"
}

# resident PID: KiB.
resident() {
    awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}
