# SPDX-License-Identifier: Apache-2.0
#
# Networks of containers that change, end, are killed half-way, or do so all at once.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }
setup() { setup_network_test; }
teardown() { teardown_network_test; }

# assert_nothing_left: once nothing runs, no lease, element, held name or interface is left.
assert_nothing_left() {
    local network table

    for network in $(hull network ls -q --filter driver=bridge); do
        run hull network inspect "$network"
        assert_json '.[0].Containers' '{}'
    done
    run on_host ip -br link show type veth
    assert_output_matches '^up0'
    assert_equal "${#lines[@]}" 1
    for table in $(on_host nft list tables | awk '$3 ~ /^hull/ { print $3 }'); do
        run on_host nft list map inet "$table" ports4
        assert_output_lacks elements
    done
    [ -d "$HULL_TEST_RUN_ROOT/networks" ] || return 0
    run find "$HULL_TEST_RUN_ROOT/networks" -type f
    assert_output ""
}

@test "restart keeps the published ports, random ones too, and what is connected" {
    hull network create one >/dev/null
    hull network create two >/dev/null
    start_server web --network one -p 8080:80 -p 80
    hull network connect --alias second two web
    hull restart -t 0 web
    wait_until 5 fetch_as on_remote http://192.0.2.1:8080/
    run hull port web
    assert_output_matches '^80/tcp -> 0\.0\.0\.0:8080$'
    assert_equal "$(grep -c 0.0.0.0: <<<"$output")" 2
    run hull run --rm --network two busybox wget -q -O - http://second/
    assert_success
    # It may be killed at any time.
    hull kill web
    hull start web
    wait_until 5 fetch_as on_remote http://192.0.2.1:8080/
}

@test "connect, then start: what was said to a stopped container holds" {
    hull network create --subnet 10.91.0.0/24 one >/dev/null
    hull network create --subnet 10.92.0.0/24 two >/dev/null
    hull create --name web --network one busybox sleep 1000 >/dev/null
    hull network connect --ip 10.92.0.77 --alias www two web
    run hull network connect two web
    assert_failure 1
    assert_output "hull: endpoint with name web already exists in network two"
    run hull network connect host web
    assert_failure 1
    assert_output_has "cannot be disconnected from host network or connected to host network"
    run hull network connect --ip 10.93.0.1 one web
    assert_failure 1
    hull start web
    assert_equal "$(address web two)" 10.92.0.77
    run hull run --rm --network two busybox ping -c 1 -W 2 www
    assert_success
    hull stop -t 0 web
    hull network disconnect two web
    run hull network disconnect two web
    assert_failure 1
    assert_output_has "is not connected to network two"
    hull start web
    run hull exec web ip -4 -o addr
    assert_output_lacks 10.92
    assert_output_has 10.91
}

@test "connect --ip, --ip6, --mac-address; an address that is taken leaves no trace" {
    hull network create --ipv6 --subnet 10.91.0.0/24 --subnet fd00:91::/64 one >/dev/null
    run_sleeper aa
    run_sleeper bb
    hull network connect --ip 10.91.0.77 --ip6 fd00:91::77 --mac-address 02:00:00:00:00:77 one aa
    run hull exec aa ip addr show eth1
    assert_output_has 10.91.0.77/24
    assert_output_has fd00:91::77/64
    assert_output_has 02:00:00:00:00:77
    run hull network connect --ip 10.91.0.77 one bb
    assert_failure 1
    assert_output "hull: Address already in use: 10.91.0.77"
    run hull exec bb ip -o link
    assert_output_lacks eth1
    hull network connect --ip 10.91.0.78 one bb
    run hull exec bb ping -c 1 -W 2 10.91.0.77
    assert_success
}

@test "disconnecting the last network, and the default one, leaves a container that can be connected again" {
    hull network create --subnet 10.91.0.0/24 one >/dev/null
    start_server web -p 8080:80
    hull network disconnect bridge web
    run hull exec web ip -o link
    assert_equal "$(wc -l <<<"$output")" 1
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_failure
    hull network connect one web
    run hull exec web ip route
    assert_output_has "default via 10.91.0.1"
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_success
    run hull inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' web
    assert_output "one "
    hull network disconnect one web
    hull restart -t 0 web
    run hull exec web ip -o link
    assert_equal "$(wc -l <<<"$output")" 1
    hull network connect bridge web
    run hull exec web ping -c 1 -W 2 192.0.2.1
    assert_success
    hull rm -f web
    assert_nothing_left
}

@test "container:NAME after NAME was restarted: joined at the next start, refused while it does not run" {
    start_server web
    run_sleeper side --network container:web
    hull stop -t 0 side
    hull restart -t 0 web
    hull start side
    assert_equal "$(hull exec side readlink /proc/self/ns/net)" "$(hull exec web readlink /proc/self/ns/net)"
    hull stop -t 0 side web
    run hull start side
    assert_failure 1
    assert_output_has "cannot join network of a non running container"
    run hull run --rm --network container:side busybox true
    assert_failure 125
    run hull network connect bridge side
    assert_failure 1
    assert_output_has "cannot be connected to any other network"
}

# twice COMMAND...: both at once; what they say goes to $WORK/errors.
twice() {
    local first second

    "$@" 2>>"$WORK/errors" &
    first=$!
    "$@" 2>>"$WORK/errors" &
    second=$!
    wait "$first" || true
    wait "$second" || true
}

@test "two connect and disconnect the same container: one wins, each time, and all is whole" {
    local i

    hull network create one >/dev/null
    run_sleeper aa
    for ((i = 0; i < 8; i++)); do
        twice hull network connect one aa
        run hull exec aa ip -o link
        assert_equal "$(grep -c eth <<<"$output")" 2
        twice hull network disconnect one aa
        run hull exec aa ip -o link
        assert_equal "$(grep -c eth <<<"$output")" 1
    done
    run cat "$WORK/errors"
    assert_output_lacks "database"
    assert_equal "$(grep -vc 'already\|is not connected' "$WORK/errors" || true)" 0
    hull rm -f aa
    assert_nothing_left
}

@test "connecting while the container ends leaves nothing" {
    local i

    hull network create one >/dev/null
    for ((i = 0; i < 8; i++)); do
        run_sleeper "c$i"
        hull kill "c$i" >/dev/null &
        hull network connect one "c$i" 2>/dev/null || true
        wait $!
        wait_until 5 is_exited "c$i"
        hull rm -f "c$i"
    done
    assert_nothing_left
}

is_exited() {
    [ "$(hull inspect -f '{{.State.Running}}' "$1")" = false ]
}

@test "fifty with random ports at once: every port is given once, and all come back" {
    local i pids=()

    for ((i = 0; i < 50; i++)); do
        hull run -d --name "c$i" -p 80 -p 90/udp busybox sleep 1000 >/dev/null 2>>"$WORK/errors" &
        pids+=($!)
    done
    wait "${pids[@]}" || true
    assert_equal "$(cat "$WORK/errors")" ""
    for ((i = 0; i < 50; i++)); do
        hull port "c$i" 80 | head -n 1
    done >"$WORK/ports"
    assert_equal "$(sort -u "$WORK/ports" | grep -c 0.0.0.0)" 50
    # shellcheck disable=SC2046 # a list of ids
    hull rm -f $(hull ps -q) >/dev/null
    assert_nothing_left
}

# killed_at CALL[:WHEN] COMMAND...: hull, killed when it (or its child) does that call; HITS counts how
# often it does.
killed_at() {
    local call=${1%%:*} when=${1#*:}

    shift
    [ "$when" != "$call" ] || when=1
    on_host strace -f -qq -o "$WORK/trace" -e trace="$call" \
        -e inject="$call:signal=KILL:when=$when" \
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@" \
        >/dev/null 2>&1 3>&- || true
    ! grep -q 'killed by SIGKILL' "$WORK/trace" || HITS=$((HITS + 1))
}

@test "kill -9 in the middle of a run: the next command clears up" {
    require_tool strace
    local point HITS=0

    hull network create one >/dev/null
    hull run --rm --network one busybox true
    for point in sendto:1 sendto:2 sendto:3 sendto:4 sendto:5 sendmsg:1 bind:1 listen:1 flock:1 \
        rename renameat mkdirat:1 clone3 clone setsockopt:2 fdatasync execve:2; do
        killed_at "$point" run --rm --name victim --network one -p 8080:80 busybox true
        # The next run may have the name, the port and the network.
        wait_until 10 next_runs || fail "after $point: $output"
    done
    [ "$HITS" -ge 10 ] || fail "killed $HITS times only"
    wait_until 10 hull network rm one
    assert_nothing_left
}

next_runs() {
    hull ps -a >/dev/null && hull rm -f victim >/dev/null 2>&1
    run hull run --rm --name victim --network one -p 8080:80 busybox true
    [ "$status" = 0 ]
}

@test "kill -9 in the middle of connect and disconnect: either can be done again" {
    require_tool strace
    local point HITS=0

    hull network create one >/dev/null
    run_sleeper aa -p 8080:80
    for point in sendto:1 sendto:2 sendto:3 sendto:4 sendto:5 pwrite64:1 pwrite64:3 pwrite64:6 clone \
        flock renameat rename setns; do
        killed_at "$point" network connect one aa
        hull network connect one aa 2>"$WORK/error" || grep -q already "$WORK/error" ||
            fail "connect after $point: $(cat "$WORK/error")"
        run hull exec aa ip -o -4 addr show eth1
        assert_success
        killed_at "$point" network disconnect one aa
        hull network disconnect one aa 2>"$WORK/error" || grep -q 'not connected' "$WORK/error" ||
            fail "disconnect after $point: $(cat "$WORK/error")"
        run hull exec aa ip -o link
        assert_equal "$(grep -c eth <<<"$output")" 1 || fail "after $point"
    done
    [ "$HITS" -ge 10 ] || fail "killed $HITS times only"
    hull rm -f aa
    assert_nothing_left
}
