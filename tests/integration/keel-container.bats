# SPDX-License-Identifier: Apache-2.0
#
# What keel makes of a configuration, seen from inside by the probe, and from outside afterwards.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" '.process.args = ["/bin/probe"]'
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

# with FILTER: runs the bundle with an edited configuration.
with() {
    make_config "$B" ".process.args = [\"/bin/probe\"] | $1"
    run --separate-stderr keel run -b "$B" "$ID"
}

with_command() {
    make_config "$B" ".process.args = [\"sh\", \"-c\", $(jq -Rn --arg c "$1" '$c')] | ${2:-.}"
    run --separate-stderr keel run -b "$B" "$ID"
}

# fails FILTER TEXT: the run fails with that text, and the id is free again.
fails() {
    make_config "$B" ".process.args = [\"/bin/probe\"] | $1"
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "$2"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    run bash -c "find /sys/fs/cgroup -name 'hull-$TEST_ID*' | head -1"
    assert_output ""
}

@test "the process: ids, capabilities, limits, directory, names" {
    with '.process.user = {uid: 1000, gid: 1001, umask: 63, additionalGids: [5, 6]} |
        .process.cwd = "/made/for/this" | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 20}] |
        .process.capabilities.ambient = ["CAP_KILL"] | .process.capabilities.inheritable = ["CAP_KILL"] |
        .hostname = "h1" | .domainname = "d1" | .process.env += ["X=1"]'
    assert_success
    assert_json .user '{"effective":1000,"real":1000,"saved":1000}'
    assert_json .group.real 1001
    assert_json .group.supplementary '[5,6]'
    assert_json .umask 0077
    assert_json .cwd /made/for/this
    assert_json .rlimits.RLIMIT_NOFILE '{"hard":20,"soft":10}'
    assert_json .capabilities.ambient '["CAP_KILL"]'
    assert_json .capabilities.effective '["CAP_KILL"]'
    assert_json_true '.capabilities.bounding | length == 3'
    assert_json .hostname h1
    assert_json .domainname d1
    assert_json .pids.pid 1
    assert_json .security.no_new_privs true
    assert_json '.signals | del(.pending) | tojson' '{"blocked":[],"ignored":[],"caught":[],"parent_death":0}'
}

@test "without capabilities in the configuration there are none" {
    with 'del(.process.capabilities)'
    assert_success
    assert_json .capabilities '{"ambient":[],"bounding":[],"effective":[],"inheritable":[],"permitted":[]}'
}

@test "an unknown capability is a warning" {
    with '.process.capabilities.bounding += ["TEST_CAP"]'
    assert_success
    [[ $stderr == *"ignoring unknown or unavailable capabilities: [TEST_CAP]"* ]]
}

@test "a hard limit that cannot be raised is a warning, and the command runs" {
    require_tool setpriv
    make_config "$B" '.process.args = ["/bin/probe"] |
        .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 4096, hard: 1048576}]'
    run --separate-stderr setpriv --bounding-set -sys_resource bash -c "ulimit -n 1000; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
    assert_success
    assert_json .rlimits.RLIMIT_NOFILE '{"hard":1000,"soft":1000}'
    [[ $stderr == *"RLIMIT_NOFILE=4096:1048576: no permission to raise the hard limit to 1048576, left at 1000"* ]]
    # jq has not all numbers.
    edit_config "$B" '.process.rlimits = [{type: "RLIMIT_CORE", soft: 12345, hard: 12345}]'
    sed -i 's/12345/18446744073709551615/g' "$B/config.json"
    run --separate-stderr setpriv --bounding-set -sys_resource bash -c "ulimit -c 0; '$KEEL_BIN' --root '$KEEL_TEST_ROOT' run -b '$B' '$ID'"
    assert_success
    [[ $stderr == *"RLIMIT_CORE=unlimited:unlimited: no permission to raise the hard limit to unlimited, left at 0"* ]]
}

@test "devices, links and the terminal's absence" {
    with '.linux.devices = [{path: "/dev/sub/fuse", type: "c", major: 10, minor: 229, fileMode: 384, uid: 5, gid: 6},
        {path: "/dev/fifo", type: "p", fileMode: 438}]'
    assert_success
    assert_json '.devices.null | {type, mode, major, minor} | tojson' '{"type":"char","mode":"0666","major":1,"minor":3}'
    assert_json .devices.ptmx.target pts/ptmx
    assert_json .devices.stdin.target /proc/self/fd/0
    assert_json .devices.fifo.type fifo
    with_command 'stat -c "%a %u %g %t %T" /dev/sub/fuse' \
        '.linux.devices = [{path: "/dev/sub/fuse", type: "c", major: 10, minor: 229, fileMode: 384, uid: 5, gid: 6}]'
    assert_output "600 5 6 a e5"
}

@test "masked and read-only paths" {
    mkdir -p "$B/rootfs/secret/inner"
    echo secret >"$B/rootfs/file"
    with_command 'ls -A /secret; cat /file; touch /secret/x || echo denied; cat /proc/kcore | wc -c
        echo 1 >/proc/sys/kernel/printk || echo refused; touch /ro/x || echo readonly' \
        '.linux.maskedPaths += ["/secret", "/file", "/not/there"] | .linux.readonlyPaths += ["/ro", "/nor/this"]'
    assert_output $'denied\n0\nrefused\nreadonly'
    mkdir "$B/rootfs/ro"
    with_command 'touch /ro/x || echo readonly' '.linux.readonlyPaths += ["/ro"]'
    assert_output readonly
}

@test "read-only root, and a tmpfs that is read-only once it is filled" {
    with_command 'touch /x || echo no; touch /dev/x || echo neither; ls /dev/null /dev/shm -d; touch /dev/shm/x && echo yes' \
        '.root.readonly = true | (.mounts[] | select(.destination == "/dev") | .options) += ["ro"]'
    assert_output $'no\nneither\n/dev/null\n/dev/shm\nyes'
}

@test "bind mounts: made targets, options, recursion, relative sources" {
    mkdir -p "$WORK/src/sub" "$B/relative"
    echo data >"$WORK/src/file"
    echo rel >"$B/relative/file"
    mount -t tmpfs hull-test "$WORK/src/sub"
    echo below >"$WORK/src/sub/file"
    with_command 'cat /a/b/file /one /rel/file; ls /a/b/sub /flat/sub; touch /a/b/x || echo ro
        touch /a/b/sub/x && echo rw; touch /rr/sub/x || echo rro; mount | grep " /a/b " | grep -c nosuid' \
        '.mounts += [
        {destination: "/a/b", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "ro", "nosuid"]},
        {destination: "/flat", source: "'"$WORK"'/src", options: ["bind"]},
        {destination: "/rr", source: "'"$WORK"'/src", options: ["rbind", "rro"]},
        {destination: "/one", source: "'"$WORK"'/src/file", options: ["bind"]},
        {destination: "/rel", source: "relative", options: ["bind"]}]'
    umount -l "$WORK/src/sub"
    assert_output $'data\ndata\nrel\n/a/b/sub:\nfile\n\n/flat/sub:\nro\nrw\nrro\n1'
}

@test "mounts of the container do not come out, those of the host come in where asked" {
    mkdir "$WORK/prop" "$WORK/prop/m"
    mount --bind "$WORK/prop" "$WORK/prop"
    mount --make-shared "$WORK/prop"
    make_config "$B" '.process.args = ["sleep", "100"] | .mounts += [
        {destination: "/slave", source: "'"$WORK"'/prop", options: ["rbind", "rslave"]},
        {destination: "/private", source: "'"$WORK"'/prop", options: ["rbind", "rprivate"]}]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    mount -t tmpfs hull-test "$WORK/prop/m"
    touch "$WORK/prop/m/seen"
    run keel exec "$ID" ls /slave/m /private/m
    assert_output_has seen
    assert_equal "$(grep -c seen <<<"$output")" 1
    run grep -c "$WORK/prop" "/proc/self/mountinfo"
    umount -R -l "$WORK/prop"
    assert_output 2
}

@test "idmapped bind mounts" {
    mkdir "$WORK/src"
    touch "$WORK/src/file"
    chown 1000:1000 "$WORK/src/file"
    with_command 'stat -c "%u %g" /m/file' '.mounts += [{destination: "/m", type: "bind",
        source: "'"$WORK"'/src", options: ["bind"],
        uidMappings: [{containerID: 1000, hostID: 5000, size: 1}],
        gidMappings: [{containerID: 1000, hostID: 6000, size: 1}]}]'
    [[ $stderr != *"idmap: "* ]] || skip "the file system cannot be idmapped"
    assert_output "5000 6000"
}

@test "tmpcopyup fills a tmpfs with what it covers" {
    mkdir -p "$B/rootfs/data/sub"
    echo content >"$B/rootfs/data/sub/file"
    ln -s sub "$B/rootfs/data/link"
    with_command 'cat /data/link/file; echo more >/data/sub/file; cat /data/sub/file' \
        '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
    assert_output $'content\nmore'
    assert_equal "$(cat "$B/rootfs/data/sub/file")" content
}

@test "cgroups: limits, and what the container sees of them" {
    with_command 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; touch /sys/fs/cgroup/x || echo ro' \
        '.linux.resources.pids.limit = 42 | .linux.resources.memory.limit = 33554432 |
        .mounts += [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"]}]'
    assert_success
    assert_output $'42\nro'
}

@test "a limit of zero processes stops the fork, not the container's start" {
    with_command 'true & echo forked' '.linux.resources.pids.limit = 1'
    [ "$status" -ne 0 ]
    assert_output_lacks forked
}

@test "too little memory to start is told as such, and leaves nothing" {
    make_config "$B" '.linux.resources.memory.limit = 4096'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "hooks: order, state on stdin, environment, namespaces" {
    cat >"$WORK/hook" <<'END'
#!/bin/sh
jq -r --arg name "$2" --arg env "$HOOK" '[$name, .status, .id, $env] | join(" ")' >>"$1"
END
    chmod 755 "$WORK/hook"
    mkdir -p "$B/rootfs/hooks"
    with '.hooks = ({prestart: 1, createRuntime: 1, createContainer: 1, poststart: 1, poststop: 1} |
        with_entries(.value = [{path: "'"$WORK"'/hook", args: ["hook", "'"$WORK"'/log", .key],
            env: ["HOOK=" + .key, "PATH=/usr/bin:/bin"]}])) |
        .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/started"]}]'
    assert_success
    assert_equal "$(cat "$WORK/log")" "prestart creating $ID prestart
createRuntime creating $ID createRuntime
createContainer creating $ID createContainer
poststart running $ID poststart
poststop stopped $ID poststop"
    assert_equal "$(jq -r .id "$B/rootfs/started")" "$ID"
}

@test "hooks: a failure names the hook and its output, a slow one is ended" {
    fails '.hooks.createRuntime = [{path: "/bin/true"}, {path: "/bin/sh", args: ["sh", "-c", "echo because; exit 3"]}]' \
        "error running createRuntime hook #1: /bin/sh: exit status 3, output: because"
    fails '.hooks.prestart = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]' "timed out"
    fails '.hooks.createContainer = [{path: "/bin/false"}]' "error running createContainer hook #0"
    fails '.hooks.startContainer = [{path: "/bin/false"}]' "error running startContainer hook #0"
    fails '.hooks.prestart = [{path: "/no/such"}]' "error running prestart hook #0"
    make_config "$B" '.process.args = ["sleep", "100"] | .hooks.poststart = [{path: "/bin/false"}]'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "error running poststart hook #0"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "hooks: poststop takes back what a creation that fails late has made" {
    make_config "$B" '.process.terminal = true |
        .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo made >>'"$WORK"'/log"]}] |
        .hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "cat >'"$WORK"'/state; echo taken back >>'"$WORK"'/log"]}]'
    run keel create -b "$B" --console-socket "$WORK/no-socket" "$ID" </dev/null
    assert_failure 1
    assert_output_has "connect to $WORK/no-socket"
    assert_equal "$(cat "$WORK/log")" $'made\ntaken back'
    assert_equal "$(jq -r .status "$WORK/state")" stopped
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "hooks: a failing startContainer hook is told to start" {
    make_config "$B" '.hooks.startContainer = [{path: "/bin/false"}]'
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel start "$ID"
    assert_failure 1
    assert_output_has "error running startContainer hook #0"
}

@test "sysctl, personality, priorities, time and OOM score" {
    with '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345"} |
        .process.oomScoreAdj = 500 | .process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0} |
        .process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .linux.personality = {domain: "LINUX32"} |
        .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
    assert_success
    assert_json .scheduling.oom_score_adj 500
    assert_json .scheduling.io_class 3
    assert_json .scheduling.policy 3
    assert_json .scheduling.nice 5
    assert_json .personality 0x8
    assert_json_true '.id_maps.time[1] | test("boottime +1000000")'
    with_command 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; cut -d. -f1 /proc/uptime' \
        '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345"} |
        .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
    assert_equal "${lines[0]} ${lines[1]}" "1 12345"
    [ "${lines[2]}" -gt 1000000 ]
    assert_equal "$(cat /proc/sys/kernel/shmmax)" "$(cat /proc/sys/kernel/shmmax)"
}

@test "namespaces joined by path" {
    # Not ip-netns(8), whose first use on a machine leaves a mount.
    : >"$WORK/netns"
    unshare --net="$WORK/netns" true
    with '(.linux.namespaces[] | select(.type == "network")).path = "'"$WORK/netns"'"'
    assert_success
    local inode
    inode=$(stat -Lc %i "$WORK/netns")
    umount "$WORK/netns"
    assert_json .namespaces.net "net:[$inode]"
    make_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    local pid
    pid=$(keel state "$ID" | jq .pid)
    make_config "$B" '.process.args = ["/bin/probe"] |
        (.linux.namespaces[] | select(.type == "pid")).path = "/proc/'"$pid"'/ns/pid" | .linux.cgroupsPath += "-2"'
    run --separate-stderr keel run -b "$B" "$ID-2"
    assert_success
    assert_json .namespaces.pid "$(readlink "/proc/$pid/ns/pid")"
    assert_json_true '.pids.pid > 1'
}

@test "user namespace: new, and joined by path" {
    local user='.linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    with "$user | .process.rlimits = [{type: \"RLIMIT_NOFILE\", soft: 10, hard: 20}]"
    assert_success
    assert_json .user.real 0
    assert_json_true '.id_maps.uid[0] | test("0 +100000 +65536")'
    assert_json .devices.null.type char
    assert_json .rlimits.RLIMIT_NOFILE.hard 20
    make_config "$B" ".process.args = [\"sleep\", \"100\"] | $user"
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    local pid
    pid=$(keel state "$ID" | jq .pid)
    make_config "$B" '.process.args = ["/bin/probe"] | .linux.namespaces += [{type: "user", path: "/proc/'"$pid"'/ns/user"}] | .linux.cgroupsPath += "-2"'
    run --separate-stderr keel run -b "$B" "$ID-2"
    assert_success
    assert_json .namespaces.user "$(readlink "/proc/$pid/ns/user")"
    assert_json .pids.pid 1
}

@test "a terminal: console, size, and hang-up" {
    require_tool script
    make_config "$B" '.process.terminal = true | .process.consoleSize = {height: 33, width: 99} |
        .process.args = ["sh", "-c", "tty; stty size; echo to-console >/dev/console"]'
    run on_terminal "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    assert_success
    assert_output_has /dev/pts/0
    assert_output_has "33 99"
    assert_output_has to-console
}

# keel_is STATUS
keel_is() {
    [ "$(keel state "$ID" | jq -r .status)" = "$1" ]
}

@test "a terminal: input that nobody reads keeps nothing else from being done" {
    make_config "$B" '.process.terminal = true |
        .process.args = ["sh", "-c", "trap \"exit 7\" TERM; while :; do sleep 0.1; done"]'
    yes | "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID" >"$WORK/out" 2>&1 &
    local pid=$!
    defer stop_process "$pid" KILL
    wait_until 10 keel_is running
    # The terminal is full when no more of it is echoed.
    wait_until 10 grep -q y "$WORK/out"
    sleep 0.5
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    assert_equal "$status" 7
}

@test "seccomp: the profile holds, with and without no_new_privs" {
    local profile='{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"],
        action: "SCMP_ACT_ERRNO", errnoRet: 38}]}' nnp
    for nnp in true false; do
        with_command 'mkdir /tmp/x' ".process.noNewPrivileges = $nnp | .linux.seccomp = $profile"
        assert_failure 1
        [[ $stderr == *"Function not implemented"* ]]
    done
    fails '.linux.seccomp = {defaultAction: "SCMP_ACT_ODD"}' "unknown action"
}

@test "hostile roots: proc, sys and mount targets as links" {
    local dir
    mkdir "$WORK/victim"
    for dir in proc sys; do
        rmdir "$B/rootfs/$dir" 2>/dev/null || rm -rf "${B:?}/rootfs/$dir"
        ln -s "$WORK/victim" "$B/rootfs/$dir"
        fails . "must be mounted on ordinary directory"
        rm "$B/rootfs/$dir"
        mkdir "$B/rootfs/$dir"
    done
    ln -s "$WORK/victim" "$B/rootfs/link"
    ln -s "../../../../../../../..$WORK/victim" "$B/rootfs/up"
    with_command 'true' '.mounts += [{destination: "/link/a", type: "tmpfs", source: "t"},
        {destination: "/up/b", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
    assert_success
    assert_equal "$(ls -A "$WORK/victim")" ""
}

@test "hostile roots: /dev as a link to a directory of the host" {
    mkdir "$WORK/victim"
    touch "$WORK/victim/ptmx"
    rm -rf "$B/rootfs/dev"
    ln -s "$WORK/victim" "$B/rootfs/dev"
    make_config "$B" '.mounts |= map(select(.destination | startswith("/dev") | not))'
    run keel run -b "$B" "$ID"
    assert_equal "$(ls -A "$WORK/victim")" ptmx
}

@test "hostile roots: a working directory that is a file of the host" {
    local n
    for n in 3 4 5 6 7 8 9 10 11 12 13 14 16 20 32 64; do
        make_config "$B" '.process.cwd = "/proc/self/fd/'$n'" | .process.args = ["pwd"]'
        run keel run -b "$B" "$ID"
        assert_failure
    done
}

@test "hostile roots: a mask over a fake /dev/null" {
    ln -s /proc/sysrq-trigger "$B/rootfs/null" 2>/dev/null
    mkdir -p "$B/rootfs/dev" "$WORK/dev"
    ln -s /proc/sys/kernel/core_pattern "$WORK/dev/null"
    with_command 'cat /proc/timer_list | wc -c' '.mounts |= map(select(.destination | startswith("/dev") | not)) |
        .mounts += [{destination: "/dev", type: "bind", source: "'"$WORK"'/dev", options: ["rbind"]}]'
    assert_output 0
}

@test "the runtime's binary cannot be reached from inside" {
    local before
    before=$(sha256sum <"$KEEL_BIN")
    ln -s /proc/self/exe "$B/rootfs/bin/self"
    make_config "$B" .
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    # Through a file that is still open when nobody executes it any more.
    exec 9<"/proc/$(keel state "$ID" | jq .pid)/exe"
    keel delete "$ID"
    run bash -c ': >>/proc/self/fd/9'
    exec 9<&-
    assert_failure
    assert_output_matches 'Read-only file system|Operation not permitted'
    # A static program runs in there as anywhere (keel-security.bats tries to write to it meanwhile).
    make_config "$B" '.process.args = ["/bin/self", "--version"]'
    run keel run -b "$B" "$ID"
    make_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel exec "$ID" /bin/self --version
    assert_equal "$(sha256sum <"$KEEL_BIN")" "$before"
}

@test "failures at every stage leave nothing" {
    fails '.linux.sysctl = {"net.nonsense": "1"}' "set sys/net/nonsense to 1"
    fails '.mounts += [{destination: "/x", type: "bind", source: "/no/such"}]' "open bind source /no/such: no such file or directory"
    fails '.mounts += [{destination: "/x", type: "tmpfs", source: "t", options: ["nonsense=1"]}]' "mount tmpfs on /x"
    fails '.process.cwd = "/etc/passwd"' "change directory to /etc/passwd: not a directory"
    fails '.linux.cgroupsPath = "/a/../b"' '".."'
    fails '(.linux.namespaces[] | select(.type == "ipc")).path = "/etc/passwd"' "join ipc namespace /etc/passwd: invalid argument"
    fails '.process.apparmorProfile = "no-such-profile"' "/proc/self/attr/"
    fails '.linux.resources.unified = {"memory.nonsense": "1"}' "memory.nonsense"
}
