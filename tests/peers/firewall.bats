# SPDX-License-Identifier: Apache-2.0
#
# hull's networks beside what else filters packets on a host: firewalld, ufw, Docker, Podman. What is
# said in docs/network.md ("Beside other firewalls") is done here, command by command.
#
# The engines and firewalls run in [host] of lib/network.bash, on copies of their configuration.

bats_require_minimum_version 1.5.0

load ../integration/lib/fixture
load ../integration/lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }

setup() {
    [ "$(cat /proc/sys/kernel/hostname)" = peers ] || skip "runs below tests/peers/enter"
    setup_network_test
}

teardown() { teardown_network_test; }

# copy_configuration NAME...: directories of /etc that may be changed until the end of the test.
copy_configuration() {
    local name

    for name; do
        cp -a "/etc/$name" "$WORK/$name"
        mount --bind "$WORK/$name" "/etc/$name"
        defer umount "/etc/$name"
    done
}

# start_peer LOG COMMAND...: in [host], until the end of the test.
start_peer() {
    local log=$WORK/$1

    shift
    # The process itself, not a shell that waits for it.
    nsenter --net="/proc/$HOST_NS/ns/net" "$@" >"$log" 2>&1 </dev/null 3>&- &
    defer stop_process $!
}

# remove_groups NAME: cgroups that an engine has made and leaves. The first to be deferred, so the last.
remove_groups() {
    local group

    for group in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
        [ ! -d "$group" ] || wait_until 5 eval 'find "$group" -depth -type d -exec rmdir {} +'
    done
}

# bridged_frames_filtered 0|1: whether what stays on a bridge passes the packet filter, too.
bridged_frames_filtered() {
    [ ! -e /proc/sys/net/bridge ] || on_host sysctl -qw "net.bridge.bridge-nf-call-iptables=$1" \
        "net.bridge.bridge-nf-call-ip6tables=$1"
}

# start_neighbours: two containers on one network, and servers outside and on the host.
start_neighbours() {
    bridged_frames_filtered 0
    serve_who on_remote 198.51.100.2 7001
    serve_who on_host 192.0.2.1 7002
    hull network create --ipv6 --subnet 10.80.0.0/24 --subnet fd00:80::/64 \
        -o com.docker.network.bridge.name=br-neighbours one >/dev/null
    start_server web --network one -p 8080:80
    run_sleeper two --network one
}

# what_works: in words.
what_works() {
    local words=()

    [ "$(hull exec two nc -w 1 198.51.100.2 7001 2>/dev/null)" != 192.0.2.1 ] || words+=(world)
    ! fetch http://192.0.2.1:8080/ on_remote || ! fetch 'http://[2001:db8:1::1]:8080/' on_remote ||
        words+=(published)
    ! fetch http://127.0.0.1:8080/ on_host || ! fetch 'http://[::1]:8080/' on_host ||
        words+=(loopback)
    ! hull exec two timeout 2 wget -q -O /dev/null http://web/ 2>/dev/null || words+=(neighbour)
    ! hull exec two timeout 2 wget -q -O /dev/null http://192.0.2.1:8080/ 2>/dev/null ||
        words+=(neighbour-published)
    [ -z "$(hull exec two nc -w 1 192.0.2.1 7002 2>/dev/null)" ] || words+=(host)
    echo "${words[*]}"
}

fetch() {
    "$2" curl -s -g -m 2 -o /dev/null "$1"
}

EVERYTHING="world published loopback neighbour neighbour-published host"

@test "firewalld: published ports as it is, everything in a trusted zone, also after reloads" {
    require_tool firewalld firewall-cmd dbus-daemon
    copy_configuration firewalld
    start_neighbours
    assert_equal "$(what_works)" "$EVERYTHING"
    mkdir -p /run/dbus
    start_peer dbus.log dbus-daemon --system --nofork --nopidfile
    wait_until 5 test -S /run/dbus/system_bus_socket
    start_peer firewalld.log firewalld --nofork --nopid
    wait_until 30 firewalld_runs
    on_host firewall-cmd -q --permanent --zone=public --add-interface=up0
    on_host firewall-cmd -q --reload
    # Bridges are in the default zone, whose interfaces forward to each other.
    assert_equal "$(what_works)" "world published loopback neighbour neighbour-published"
    bridged_frames_filtered 1
    [ ! -e /proc/sys/net/bridge ] ||
        assert_equal "$(what_works)" "world published loopback neighbour-published"
    on_host firewall-cmd -q --permanent --zone=trusted --add-interface=hull0 --add-interface=br-+
    on_host firewall-cmd -q --reload
    assert_equal "$(what_works)" "$EVERYTHING"
    on_host firewall-cmd -q --complete-reload
    assert_equal "$(what_works)" "$EVERYTHING"
    # Who starts beside it is known at once.
    hull rm -f two
    run_sleeper two --network one
    assert_equal "$(what_works)" "$EVERYTHING"
}

firewalld_runs() {
    on_host firewall-cmd --state >/dev/null 2>&1
}

@test "ufw: nothing is forwarded until it is told, also after a reload" {
    require_tool ufw
    copy_configuration ufw default
    start_neighbours
    on_host ufw --force enable >/dev/null
    assert_equal "$(what_works)" "loopback neighbour"
    on_host ufw route allow in on br-+ >/dev/null
    assert_equal "$(what_works)" "world loopback neighbour neighbour-published"
    on_host ufw route allow out on br-+ proto tcp from 198.51.100.0/24 to any port 80 >/dev/null
    fetch http://192.0.2.1:8080/ on_remote
    run fetch 'http://[2001:db8:1::1]:8080/' on_remote
    assert_failure
    on_host ufw route allow out on br-+ >/dev/null
    bridged_frames_filtered 1
    assert_equal "$(what_works)" "world published loopback neighbour neighbour-published"
    on_host ufw allow in on br-+ >/dev/null
    assert_equal "$(what_works)" "$EVERYTHING"
    on_host ufw reload >/dev/null
    assert_equal "$(what_works)" "$EVERYTHING"
    on_host ufw --force disable >/dev/null
    assert_equal "$(what_works)" "$EVERYTHING"
}

docker_() {
    on_host docker -H "unix://$WORK/docker.sock" "$@"
}

docker_runs() {
    docker_ version >/dev/null 2>&1
}

# start_theirs COMMAND PORT: an engine's web server, published, which a remote host reaches.
start_theirs() {
    "$1" run -d --name theirs -p "$2:80" busybox \
        sh -c 'mkdir /w; echo theirs >/w/index.html; exec httpd -f -p 80 -h /w' >/dev/null
    wait_until 5 fetch "http://192.0.2.1:$2/" on_remote
}

# check_both COMMAND PORT: its containers reach what is outside, each engine's the other's ports, and
# hull does not take its port.
check_both() {
    run "$1" run --rm busybox nc -w 2 198.51.100.2 7001
    assert_output 192.0.2.1
    run hull exec two timeout 2 wget -q -O - "http://192.0.2.1:$2/"
    assert_output theirs
    run "$1" run --rm busybox timeout 2 wget -q -O /dev/null http://192.0.2.1:8080/
    assert_success
    run hull run --rm -p "$2:80" busybox true
    assert_failure 125
    assert_output_has "port is already allocated"
}

@test "docker: forwards only its own until DOCKER-USER is told; neither takes the other's ports" {
    require_tool dockerd docker containerd iptables ip6tables
    defer remove_groups docker
    start_neighbours
    # Docker changes the policy if it is the one that switches forwarding on.
    on_host sysctl -qw net.ipv4.ip_forward=0
    start_peer docker.log dockerd --data-root "$WORK/docker" --exec-root "$WORK/docker-exec" \
        --pidfile "$WORK/docker.pid" -H "unix://$WORK/docker.sock" --storage-driver vfs
    wait_until 30 docker_runs
    bridged_frames_filtered 0
    [[ " $(what_works) " != *" world "* ]]
    on_host iptables -I DOCKER-USER -i br-+ -j ACCEPT
    on_host iptables -I DOCKER-USER -o br-+ -j ACCEPT
    assert_equal "$(what_works)" "$EVERYTHING"
    # Docker's own goes on as without us.
    docker_ import "$NETWORK_IMAGE" busybox >/dev/null
    start_theirs docker_ 8090
    assert_equal "$(on_remote curl -s -m 2 http://192.0.2.1:8090/)" theirs
    check_both docker_ 8090
    run docker_ run --rm -p 8080:80 busybox true
    assert_failure 125
    docker_ rm -f theirs >/dev/null
}

podman_() {
    CONTAINERS_STORAGE_CONF=$WORK/storage.conf CONTAINERS_CONF=$WORK/containers.conf \
        on_host podman --runtime "$KEEL_BIN" --runtime-flag "root=$WORK/keel" "$@"
}

@test "podman: both networks side by side, nothing has to be told" {
    require_tool podman conmon
    [ -x /usr/lib/podman/netavark ] || skip "netavark is not installed"
    printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "%s"\n' \
        "$WORK/podman-networks" >"$WORK/containers.conf"
    printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORK/podman" "$WORK/podman-run" \
        >"$WORK/storage.conf"
    printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$WORK/policy.json"
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1
    defer remove_groups libpod_parent
    defer umount /run/netns
    start_neighbours
    podman_ import -q --signature-policy "$WORK/policy.json" "$NETWORK_IMAGE" busybox >/dev/null
    start_theirs podman_ 8091
    assert_equal "$(what_works)" "$EVERYTHING"
    check_both podman_ 8091
    podman_ rm -f -t 0 theirs >/dev/null
}
