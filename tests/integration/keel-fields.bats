# SPDX-License-Identifier: Apache-2.0
#
# The fields of config.json that are not every container's: what keel makes of each value, and what
# it says of values that it cannot use.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    require_keel
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" '.process.args = ["/bin/probe"]'
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    # What a test mounts on the host goes before the host is looked at.
    [ -z "${MOUNTED:-}" ] || umount -l "$MOUNTED"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

# with FILTER: runs the probe in the bundle with an edited configuration.
with() {
    make_config "$B" ".process.args = [\"/bin/probe\"] | $1"
    run --separate-stderr keel run -b "$B" "$ID"
}

# with_command COMMAND [FILTER]: the same with a shell's command line.
with_command() {
    make_config "$B" ".process.args = [\"sh\", \"-c\", $(jq -Rn --arg c "$1" '$c')] | ${2:-.}"
    run --separate-stderr keel run -b "$B" "$ID"
}

# fails FILTER TEXT: the run fails with one line that holds the text, and nothing is left.
fails() {
    make_config "$B" ".process.args = [\"/bin/probe\"] | $1"
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "$2"
    assert_equal "${#lines[@]}" 1
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    # shellcheck disable=SC2144 # at most one hierarchy at a time matters
    for left in /sys/fs/cgroup/hull-"$TEST_ID"* /sys/fs/cgroup/*/hull-"$TEST_ID"*; do
        assert_not_exists "$left"
    done
}

# ---- seccomp ----

NOTIFY='{defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "for the agent",
    syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'

# start_agent ERRNO [CONNECTIONS]: sets AGENT and AGENT_LOG.
start_agent() {
    require_tool python3
    AGENT=$WORK/agent.sock
    AGENT_LOG=$WORK/agent.log
    python3 "$FIXTURE_DIR/seccomp-agent.py" "$AGENT" "$AGENT_LOG" "$@" 3>&- &
    defer stop_process $!
    wait_until 10 test -S "$AGENT"
}

@test "seccomp: an agent gets the listener, with and without no_new_privs" {
    local nnp n=0
    start_agent 5 2
    for nnp in true false; do
        n=$((n + 1))
        with_command 'mkdir /tmp/x' ".process.noNewPrivileges = $nnp |
            .linux.seccomp = ($NOTIFY | .listenerPath = \"$AGENT\") | .annotations.key = \"value\""
        assert_failure 1
        [[ $stderr == *"Input/output error"* ]]
        output=$(jq -sc ".[$((2 * n - 2))]" "$AGENT_LOG")
        assert_json .fds 1
        assert_json .state.fds '["seccompFd"]'
        assert_json .state.ociVersion 1.3.0
        assert_json .state.metadata "for the agent"
        assert_json .state.state.id "$ID"
        assert_json .state.state.status creating
        assert_json .state.state.bundle "$B"
        assert_json .state.state.annotations '{"key":"value"}'
        assert_json_true '.state.pid > 1 and .state.pid == .state.state.pid'
        assert_equal "$(jq -s ".[$((2 * n - 1))].nr" "$AGENT_LOG")" 83
    done
}

@test "seccomp: the agent has the listener when the container is created; exec has its own" {
    start_agent 0 2
    make_config "$B" ".process.args = [\"sh\", \"-c\", \"mkdir /tmp/x && ls -d /tmp/x; exec sleep 100\"] |
        .linux.seccomp = ($NOTIFY | .listenerPath = \"$AGENT\")"
    keel create -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    assert_equal "$(jq -s length "$AGENT_LOG")" 1
    keel start "$ID"
    wait_until 10 grep -q 'No such file' "$WORK/out"
    run keel exec "$ID" mkdir /tmp/y
    assert_success
    output=$(jq -sc '.[2]' "$AGENT_LOG")
    assert_json .state.state.status running
    assert_json .state.state.pid "$(keel state "$ID" | jq .pid)"
    assert_json_true '.state.pid != .state.state.pid'
}

@test "seccomp: calls that handing over the listener needs itself may be notified" {
    start_agent continue
    with_command 'exit 7' ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", listenerPath: \"$AGENT\",
        syscalls: [{names: [\"sendmsg\", \"recvmsg\", \"close\", \"futex\", \"nanosleep\", \"execve\"],
        action: \"SCMP_ACT_NOTIFY\"}]}"
    assert_failure 7
}

@test "seccomp: no agent, no listenerPath, and what cannot be notified" {
    fails ".linux.seccomp = $NOTIFY" "linux.seccomp.listenerPath: missing"
    fails ".linux.seccomp = ($NOTIFY | .listenerPath = \"$WORK/none\")" \
        "failed to connect with seccomp agent: "
    fails ".linux.seccomp = ($NOTIFY | .listenerPath = \"$WORK/none\" | .syscalls[0].names += [\"write\"])" \
        "SCMP_ACT_NOTIFY cannot be used for the write syscall"
    fails '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x"}' \
        "SCMP_ACT_NOTIFY cannot be used as default action"
}

@test "seccomp: an agent named by an annotation" {
    start_agent 5
    with_command 'mkdir /tmp/x' ".linux.seccomp = $NOTIFY | .annotations[\"run.oci.seccomp.receiver\"] = \"$AGENT\""
    [[ $stderr == *"Input/output error"* ]]
}

@test "seccomp: calls newer than the profile do not exist, older ones are refused" {
    # Everything that a static program needs, by name; 83 is mkdir, 1000 nobody's.
    local names
    names=$(jq -nc '["read", "write", "close", "fstat", "mmap", "mprotect", "munmap", "brk", "rt_sigaction",
        "rt_sigprocmask", "ioctl", "exit_group", "exit", "execve", "arch_prctl", "prctl", "getrandom", "rseq",
        "set_tid_address", "set_robust_list", "prlimit64", "readlink", "newfstatat", "openat", "capset",
        "futex", "sendmsg", "writev", "lseek", "statx"]')
    make_config "$B" ".process.args = [\"/bin/probe\", \"--call\", \"83\", \"--call\", \"1000\", \"calls\"] |
        .linux.seccomp = {defaultAction: \"SCMP_ACT_ERRNO\", architectures: [\"SCMP_ARCH_X86_64\"],
            syscalls: [{names: $names, action: \"SCMP_ACT_ALLOW\"}]}"
    run --separate-stderr keel run -b "$B" "$ID"
    assert_success
    assert_json .calls '{"1000":38,"83":1}'
}

@test "seccomp: a profile that allows what a program needs and nothing for keel, and what fails behind it" {
    local profile='{defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["execve", "exit_group", "prctl",
        "capget", "capset", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink",
        "readlinkat", "getrandom", "mprotect", "mmap", "getuid", "getgid", "setuid", "setgid"],
        action: "SCMP_ACT_ALLOW"}]}' nnp
    chmod 755 "$B/rootfs/etc/passwd"
    for nnp in true false; do
        make_config "$B" ".process.noNewPrivileges = $nnp | .process.args = [\"/bin/busybox\", \"true\"] |
            .linux.seccomp = $profile"
        run keel run -b "$B" "$ID"
        assert_success
        assert_output ""
        make_config "$B" ".process.noNewPrivileges = $nnp | .process.args = [\"/etc/passwd\"] |
            .linux.seccomp = $profile"
        run keel run -b "$B" "$ID"
        assert_failure 1
        assert_output_matches 'exec /etc/passwd: [eE]xec format error'
    done
}

@test "seccomp: a filter that was compiled elsewhere, and unknown calls refused on request" {
    # One instruction: errno 77 for all would end nothing well; so: allow all (0x7fff0000).
    with_command 'exit 3' '.annotations["run.oci.seccomp_bpf_data"] = "BgAAAAAA/38=" |
        .linux.seccomp = {defaultAction: "SCMP_ACT_KILL"}'
    assert_failure 3
    fails '.annotations["run.oci.seccomp_bpf_data"] = "BgAAAAAA/3" | .linux.seccomp = {defaultAction: "SCMP_ACT_KILL"}' \
        "run.oci.seccomp_bpf_data: not the base64 of a filter"
    local profile='{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["no_such_call"], action: "SCMP_ACT_KILL"}]}'
    with ".linux.seccomp = $profile"
    assert_success
    fails ".linux.seccomp = $profile | .annotations[\"run.oci.seccomp_fail_unknown_syscall\"] = \"1\"" \
        'unknown system call "no_such_call"'
}

# ---- mounts ----

# mount_options TARGET: the probe's report of the mount there: per-mount options, then the file system's.
mount_options() {
    jq -r --arg target "$1" '[.mounts[] | select(.target == $target)] | last | .options + " | " + .super' <<<"$output"
}

@test "mounts: every option of features is accepted, on a bind and on a file system" {
    local options
    mkdir "$WORK/src"
    options=$(keel features | jq -c '[.mountOptions[] | select(. != "idmap" and . != "ridmap" and . != "remount" and
        . != "bind" and . != "rbind" and . != "copy-symlink" and . != "iversion")]')
    with ".mounts += ($options | to_entries | map(
        {destination: \"/b\\(.key)\", type: \"bind\", source: \"$WORK/src\", options: [\"bind\", .value]},
        {destination: \"/t\\(.key)\", type: \"tmpfs\", source: \"t\", options: [.value]}))"
    assert_success
    assert_json_true ".mounts | map(select(.target | test(\"^/[bt][0-9]\"))) | length == 2 * ($options | length)"
}

@test "mounts: attributes set and taken back, in order" {
    mkdir "$WORK/src"
    with '.mounts += [
        {destination: "/a", type: "tmpfs", source: "t", options: ["ro", "rw", "nosuid", "suid", "nodev", "noexec", "nosymfollow"]},
        {destination: "/b", type: "bind", source: "'"$WORK"'/src", options: ["bind", "nosuid", "noatime", "nodiratime", "ro", "exec", "noexec"]},
        {destination: "/c", type: "tmpfs", source: "t", options: ["sync", "lazytime", "nolazytime", "dirsync", "size=4096"]},
        {destination: "/d", type: "tmpfs", source: "t", options: ["lazytime", "strictatime"]},
        {destination: "/e", type: "tmpfs", source: "t", options: ["iversion", "nosuid"]},
        {destination: "relative/target", type: "tmpfs", source: "t"}]'
    assert_success
    assert_equal "$(mount_options /a | cut -d' ' -f1)" "rw,nodev,noexec,relatime,nosymfollow"
    assert_equal "$(mount_options /b | cut -d' ' -f1)" "ro,nosuid,noexec,noatime,nodiratime"
    assert_equal "$(mount_options /c)" "rw,relatime | rw,sync,dirsync,size=4k,mode=755"
    [[ $(mount_options /d) == "rw | rw,lazytime"* ]] || fail "$(mount_options /d)"
    [[ $(mount_options /e) == "rw,nosuid,relatime | rw"* ]] || fail "$(mount_options /e)"
    assert_not_equal "$(mount_options /relative/target)" ""
}

@test "mounts: recursive attributes reach below" {
    mkdir -p "$WORK/src/sub"
    mount -t tmpfs hull-test "$WORK/src/sub"
    MOUNTED=$WORK/src/sub
    with '.mounts += [
        {destination: "/a", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnosymfollow"]},
        {destination: "/b", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "rro", "rrw", "ro", "rnoatime", "rnodiratime"]}]'
    assert_success
    assert_equal "$(mount_options /a/sub | cut -d' ' -f1)" "ro,nosuid,nodev,noexec,relatime,nosymfollow"
    assert_equal "$(mount_options /b | cut -d' ' -f1)" "ro,noatime,nodiratime"
    assert_equal "$(mount_options /b/sub | cut -d' ' -f1)" "rw,noatime,nodiratime"
}

@test "mounts: remount changes what is mounted there" {
    with '.mounts += [{destination: "/a", type: "tmpfs", source: "t", options: ["noexec"]},
        {destination: "/a", options: ["remount", "exec", "nosuid", "ro"]}]'
    assert_success
    assert_equal "$(mount_options /a | cut -d' ' -f1)" "ro,nosuid,relatime"
    fails '.mounts += [{destination: "/a", options: ["remount", "size=1m"]}]' \
        'mounts[6].options: remount changes no option of the file system: "size=1m"'
}

@test "mounts: symlinks copied, mounted over, and mounted themselves" {
    mkdir "$WORK/src"
    echo content >"$WORK/src/file"
    ln -s file "$WORK/src/link"
    ln -s /etc/image-name "$B/rootfs/over"
    with_command 'readlink /copied; cat /not-a-link; cat /over; cat /etc/image-name' '.mounts += [
        {destination: "/copied", type: "bind", source: "'"$WORK"'/src/link", options: ["bind", "copy-symlink"]},
        {destination: "/not-a-link", type: "bind", source: "'"$WORK"'/src/file", options: ["bind", "copy-symlink"]},
        {destination: "/over", type: "bind", source: "'"$WORK"'/src/file", options: ["bind", "dest-nofollow"]}]'
    assert_output $'file\ncontent\ncontent\nhull-test-image'
    rm "$B/rootfs/copied"
    ln -s other "$B/rootfs/copied"
    fails '.mounts += [{destination: "/copied", type: "bind", source: "'"$WORK"'/src/link", options: ["bind", "copy-symlink"]}]' \
        "symlink: "
}

@test "mounts: ids mapped, by the mount, by an option, by the user namespace; recursively; on a tmpfs" {
    mkdir -p "$WORK/src/sub"
    touch "$WORK/src/file"
    mount -t tmpfs hull-test "$WORK/src/sub"
    MOUNTED=$WORK/src/sub
    touch "$WORK/src/sub/file"
    chown 1000:1000 "$WORK/src/file" "$WORK/src/sub/file"
    local map='uidMappings: [{containerID: 1000, hostID: 5000, size: 1}], gidMappings: [{containerID: 1000, hostID: 6000, size: 1}]'
    with_command 'for d in /one /all /option; do stat -c "%u %g" $d/file $d/sub/file; done; touch /t/x; stat -c "%u %g" /t /t/x' '.mounts += [
        {destination: "/one", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "idmap"], '"$map"'},
        {destination: "/all", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "ridmap"], '"$map"'},
        {destination: "/option", type: "bind", source: "'"$WORK"'/src",
            options: ["rbind", "idmap=uids=1000-5000-1;gids=1000-6000-1"]},
        {destination: "/t", type: "tmpfs", source: "t", options: ["idmap", "mode=777"],
            uidMappings: [{containerID: 7, hostID: 0, size: 1}, {containerID: 0, hostID: 5, size: 1}],
            gidMappings: [{containerID: 7, hostID: 0, size: 1}, {containerID: 0, hostID: 6, size: 1}]}]'
    [[ $stderr != *"idmap: "* ]] || skip "the file system cannot be idmapped"
    assert_output $'5000 6000\n1000 1000\n5000 6000\n5000 6000\n5000 6000\n1000 1000\n5 6\n0 0'
    mkdir "$B/rootfs/own" "$B/rootfs/relative"
    local user='.linux.namespaces += [{type: "user"}] | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
        .linux.uidMappings = .linux.gidMappings'
    with_command 'stat -c "%u %g" /own/file /relative/file' "$user"' | .mounts += [
        {destination: "/own", type: "bind", source: "'"$WORK"'/src", options: ["bind", "idmap"]},
        {destination: "/relative", type: "bind", source: "'"$WORK"'/src", options: ["bind", "idmap=uids=@1000-7-1;gids=@1000-8-1"]}]'
    assert_output $'1000 1000\n7 8'
}

@test "mounts: what cannot be" {
    mkdir "$WORK/src"
    fails '.mounts += [{destination: "/x", type: "bind", source: "'"$WORK"'/src", options: ["bind", "size=1m"]}]' \
        'mounts[6].options: bind mounts cannot have any filesystem-specific options applied: "size=1m"'
    fails '.mounts += [{destination: "/x", type: "bind", source: "'"$WORK"'/src", options: ["bind", "idmap=uids=1"]}]' \
        'mounts[6].options: invalid option "idmap=uids=1"'
    fails '.mounts += [{destination: "/x", type: "bind", source: "'"$WORK"'/src", options: ["bind", "idmap"]}]' \
        'idmap without mappings'
}

# ---- network devices ----

@test "network devices: moved, renamed, with their permanent global addresses, and up" {
    require_tool ip
    make_config "$B" '.process.args = ["/bin/probe", "links"] |
        .linux.netDevices = {hulltest0: {name: "inside"}, hulltest2: {}, hulltest4: {name: "tpl%d"}}'
    run --separate-stderr unshare -n bash -c 'set -e
        for i in 0 2 4; do ip link add hulltest$i type veth peer name hulltest$((i + 1)); ip link set hulltest$((i + 1)) up; done
        ip addr add 10.9.8.7/24 dev hulltest0
        ip addr add fd00:9::7/64 dev hulltest0 nodad
        ip addr add 10.9.9.7/24 dev hulltest0 valid_lft 1000 preferred_lft 1000
        ip addr add 169.254.3.3/16 scope link dev hulltest0
        ip link set hulltest0 mtu 1400 up
        "$@"' bash "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    assert_success
    assert_json '.links | keys' '["hulltest2","inside","lo","tpl0"]'
    assert_json '.links.inside.up' true
    assert_json '.links.inside.mtu' 1400
    assert_json '.links.inside.addresses | map(select(startswith("fe80") | not)) | sort' '["10.9.8.7/24","fd00:9::7/64"]'
    assert_json '.links.hulltest2 | [.up, (.addresses | map(select(startswith("fe80") | not)))]' '[true,[]]'
}

@test "network devices: a name that is taken, one that is not there, no namespace" {
    require_tool ip
    make_config "$B" '.linux.netDevices = {hulltest0: {name: "lo"}}'
    run unshare -n bash -c 'set -e; ip link add hulltest0 type veth peer name hulltest1
        ! "$@" || exit 3; ip link show hulltest0 >/dev/null && echo still here' bash "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    assert_success
    assert_output_matches "move network device hulltest0 to lo.*[fF]ile exists"
    assert_output_has "still here"
    fails '.linux.netDevices = {"no-such-link": {}}' "no-such-link"
    fails 'del(.linux.namespaces[] | select(.type == "network")) | .linux.netDevices = {eth9: {}}' \
        "linux.netDevices: unable to move network devices without a private NET namespace"
    fails '.linux.netDevices = {eth9: {name: "a/b"}}' 'linux.netDevices: invalid network device name "a/b"'
}

# ---- the process ----

@test "process: scheduler, I/O priority, memory policy, personality" {
    with '.process.scheduler = {policy: "SCHED_FIFO", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"]} |
        .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
    if [[ $stderr == *"peration not permitted"* ]]; then skip "no permission for real-time scheduling"; fi
    assert_success
    # The policy that sched_getscheduler(2) tells has a bit for the flag.
    assert_json .scheduling.policy "$((0x40000000 | 1))"
    assert_json .scheduling.io_class 2
    with '.process.scheduler = {policy: "SCHED_IDLE"} | .linux.personality = {domain: "LINUX32", flags: ["ODD"]}'
    assert_success
    assert_json .scheduling.policy 5
    assert_json .personality 0x8
    [[ $stderr == *'linux.personality.flags: ignoring unknown flag "ODD"'* ]]
    with_command 'grep -o "prefer[^ ]*\|bind[^ ]*" /proc/self/numa_maps | sort -u' \
        '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
    assert_output "bind=static:0"
    with '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 10000000, period: 20000000}'
    [[ $status == 0 || $stderr == *"peration not permitted"* ]] || fail "$stderr"
    [ "$status" != 0 ] || assert_json .scheduling.policy 6
}

@test "process: affinity of an exec, before and after it enters the cgroup" {
    make_config "$B" '.process.args = ["sleep", "100"] | .process.execCPUAffinity = {final: "0"}'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    local all
    all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
    run grep Cpus_allowed_list "/proc/$(keel state "$ID" | jq .pid)/status"
    assert_output "Cpus_allowed_list:	$all"
    jq '.process | .args = ["grep", "Cpus_allowed_list", "/proc/self/status"]' "$B/config.json" >"$WORK/process"
    run keel exec -p "$WORK/process" "$ID"
    assert_output "Cpus_allowed_list:	0"
    jq '.execCPUAffinity = {initial: "0"}' "$WORK/process" >"$WORK/initial"
    run keel exec -p "$WORK/initial" "$ID"
    assert_output "Cpus_allowed_list:	$all"
}

@test "process: the caller's groups, kept on request" {
    make_config "$B" '.process.args = ["/bin/probe", "group"] | .annotations["run.oci.keep_original_groups"] = "1"'
    run --separate-stderr setpriv --groups 4242 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    assert_success
    assert_json .group.supplementary '[4242]'
    make_config "$B" '.process.args = ["/bin/probe", "group"]'
    run --separate-stderr setpriv --groups 4242 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    assert_json .group.supplementary '[]'
}

@test "process: labels need their security module, and say so" {
    [ -d /sys/fs/selinux ] || fails '.process.selinuxLabel = "system_u:system_r:container_t:s0"' \
        "process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported"
    [ -e /sys/module/apparmor ] || fails '.process.apparmorProfile = "profile"' \
        "apparmor: config provided but apparmor not supported"
}

@test "process: a pids limit of zero lets the container start and nothing fork" {
    with_command 'true & echo forked' '.linux.resources.pids.limit = 0'
    [ "$status" -ne 0 ]
    assert_output_lacks forked
    with '.linux.resources.pids.limit = 0'
    assert_success
}

@test "sysctl: both spellings, and nothing that is the host's" {
    with_command 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname' \
        '.linux.sysctl = {"net/ipv4/ip_forward": "1", "kernel.domainname": "by-sysctl"}'
    assert_output $'1\nby-sysctl'
    fails '.linux.sysctl = {"kernel.panic": "1"}' 'linux.sysctl: sysctl "kernel.panic" is not in a separate kernel namespace'
    fails 'del(.linux.namespaces[] | select(.type == "ipc")) | .linux.sysctl = {"kernel.msgmax": "1"}' \
        'sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace'
    fails '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/net" | .linux.sysctl = {"net.core.somaxconn": "1"}' \
        'sysctl "net.core.somaxconn" not allowed in host network namespace'
    fails '.linux.sysctl = {"kernel.hostname": "x"}' 'conflicts with the OCI "hostname" field'
}

# ---- what cannot be ----

# refused_line: $output is one line of keel's about the place $1.
refused_line() {
    [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] && [[ $output == "keel: run: config.json: $1: "* ]]
}

@test "bad input: each field of the specification with a value of another type is named" {
    local place config n=0 wrong=
    mkdir -p "$WORK/full/rootfs"
    # A text where none may be, a number where a text must be; arrays and objects too. The seccomp
    # profile is read when its filter is compiled.
    while IFS=$'\t' read -r place config; do
        printf '%s' "$config" >"$WORK/full/config.json"
        run keel run -b "$WORK/full" "$ID" </dev/null
        refused_line "$place" || wrong+="$place: $output"$'\n'
        n=$((n + 1))
    done < <(jq -r 'def place: reduce .[] as $p (""; if ($p | type) == "number" then . + "[\($p)]"
            elif . == "" then $p else . + ".\($p)" end);
        . as $all | paths | select(.[0:2] != ["linux", "seccomp"] or length == 2) as $p |
        ($p | place) + "\t" + ($all | setpath($p; if ($all | getpath($p) | type) == "string" then 7 else "x" end) | tojson)' \
        "$FIXTURE_DIR/config-full.json")
    assert_equal "$wrong" ""
    [ "$n" -gt 250 ]
    assert_equal "$(ls -A "$KEEL_TEST_ROOT")" ""
}

@test "bad input: each field that must be there is missed by name" {
    local place wrong=
    mkdir -p "$WORK/full/rootfs"
    for place in ociVersion root root.path process.cwd process.args 'process.rlimits[0].type' \
        'process.rlimits[0].hard' 'process.scheduler.policy' 'process.ioPriority.class' \
        'mounts[0].destination' 'mounts[0].uidMappings[0].containerID' 'hooks.prestart[0].path' \
        'linux.namespaces[0].type' 'linux.devices[0].path' 'linux.devices[0].type' \
        'linux.personality.domain' 'linux.memoryPolicy.mode' 'linux.uidMappings[0].size' \
        'linux.resources.hugepageLimits[0].pageSize' 'linux.resources.network.priorities[0].name'; do
        jq "del(.$place)" "$FIXTURE_DIR/config-full.json" >"$WORK/full/config.json"
        run keel run -b "$WORK/full" "$ID" </dev/null
        refused_line "$place" || wrong+="$place: $output"$'\n'
    done
    assert_equal "$wrong" ""
}

@test "bad input: values out of range and combinations without meaning, field by field" {
    local filter text wrong=
    # FILTER<TAB>TEXT: the configuration so changed is refused with one line that holds the text.
    while IFS=$'\t' read -r filter text; do
        [ -n "$filter" ] || continue
        make_config "$B" "$filter"
        run keel run -b "$B" "$ID" </dev/null
        [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] && [[ $output == *"$text"* ]] && [ ! -e "$KEEL_TEST_ROOT/$ID" ] ||
            wrong+="$filter: $output"$'\n'
    done <<'END'
.ociVersion = "2.0.0"	ociVersion: unsupported version "2.0.0"
.ociVersion = "1."	ociVersion: unsupported version
.root.path = ""	root.path: must not be empty
.root.path = "no-such-rootfs"	no-such-rootfs
del(.process)	process: missing
del(.linux)	linux: missing
.process.args = []	process.args: must have at least one element
.process.args = [""]	process.args[0]: must not be empty
.process.cwd = "relative"	process.cwd: must be an absolute path
.process.env = ["NOVALUE"]	process.env: not NAME=VALUE: "NOVALUE"
.process.env = ["=x"]	process.env: not NAME=VALUE
.process.commandLine = "x"	process.commandLine: only for Windows
.process.consoleSize = {height: 65536, width: 1}	process.consoleSize: must be at most 65535
.process.user.uid = 4294967295	process.user: 4294967295 is no id
.process.user.uid = 4294967296	process.user.uid
.process.user.gid = -1	process.user.gid
.process.user.umask = 4096	process.user.umask: out of range
.process.user.additionalGids = [1, 4294967295]	process.user.additionalGids[1]: 4294967295 is no id
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}]	process.rlimits: RLIMIT_NOFILE: soft limit above hard limit
.process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}]	process.rlimits: unknown name "RLIMIT_X"
.process.rlimits += .process.rlimits	process.rlimits: RLIMIT_NOFILE twice
.process.oomScoreAdj = 1001	process.oomScoreAdj: must be between -1000 and 1000
.process.scheduler = {policy: "SCHED_OTHER", nice: -21}	process.scheduler.nice: must be between -20 and 19
.process.scheduler = {policy: "SCHED_OTHER", period: 1}	process.scheduler: scheduler runtime/deadline/period
.process.ioPriority = {class: "IOPRIO_CLASS_NONE", priority: 0}	process.ioPriority.class: invalid ioPriority.Class: "IOPRIO_CLASS_NONE"
.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: -1}	process.ioPriority.priority: must be between 0 and 7
.process.execCPUAffinity = {final: "3-1"}	process.execCPUAffinity.final: not a list of CPUs: "3-1"
.hostname = ("x" * 65)	hostname: longer than 64 bytes
.domainname = ("x" * 65)	domainname: longer than 64 bytes
del(.linux.namespaces[] | select(.type == "uts"))	hostname: unable to set hostname without a private UTS namespace
.mounts[0].destination = ""	mounts[0].destination: must not be empty
.mounts[0].destination = ("/" + "x" * 5000)	mounts[0].destination: too long
.mounts += [{destination: "/x"}]	mount /x: no type
.mounts += [{destination: "/x", type: "bind"}]	mount /x: bind without a source
.mounts += [{destination: "/", type: "tmpfs"}]	mount on / is not possible
.mounts += [{destination: "/proc/sys", type: "tmpfs"}]	inside /proc
.mounts += [{destination: "/x", type: "tmpfs", uidMappings: [{containerID: 0, hostID: 0, size: 1}]}]	mounts[6]: uidMappings and gidMappings only together
.mounts += [{destination: "/x", type: "tmpfs", options: ["idmap=uids=0-0-0;gids=0-0-1"]}]	mounts[6].options: invalid option
.mounts += [{destination: "/x", type: "no-such-fs"}]	mount no-such-fs on /x
.hooks.prestart = [{path: "relative"}]	hooks.prestart[0].path: must be absolute
.hooks.poststop = [{path: "/x", timeout: 0}]	hooks.poststop[0].timeout: must be positive
.annotations[""] = "x"	annotations: a key must not be empty
.linux.namespaces += [{type: "pid"}]	linux.namespaces: pid twice
.linux.namespaces += [{type: "odd"}]	linux.namespaces[6].type: unknown value "odd"
.linux.namespaces[0].path = "x"	linux.namespaces: pid: path must be absolute
.linux.namespaces |= map(select(.type != "mount"))	linux.namespaces: a container needs a mount namespace
.linux.namespaces += [{type: "user"}]	linux.uidMappings: missing for a new user namespace
.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]	linux.uidMappings: need a user namespace
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 0}] | .linux.gidMappings = .linux.uidMappings	linux.uidMappings[0]: size must not be 0
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 4294967295, size: 2}] | .linux.gidMappings = .linux.uidMappings	linux.uidMappings[0]: range past the last id
.linux.timeOffsets = {boottime: {secs: 1}}	linux.timeOffsets: need a new time namespace
.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1, nanosecs: 1000000000}}	linux.timeOffsets.boottime.nanosecs: must be below a second
.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1}, realtime: {secs: 1}}	linux.timeOffsets.realtime: unknown member
.linux.devices = [{path: "dev/x", type: "c", major: 1, minor: 3}]	linux.devices[0].path: must be absolute
.linux.devices = [{path: "/dev/../x", type: "c", major: 1, minor: 3}]	linux.devices[0].path: must be absolute
.linux.devices = [{path: "/dev/x", type: "x"}]	linux.devices[0].type: unknown type "x"
.linux.devices = [{path: "/dev/x", type: "c", major: 4096, minor: 0}]	linux.devices[0]: major or minor out of range
.linux.netDevices = {"bad name": {}}	linux.netDevices: invalid network device name "bad name"
.linux.netDevices = {a: {name: "x"}, b: {name: "x"}}	linux.netDevices: name "x" twice
.linux.netDevices = {"longer-than-fifteen": {}}	linux.netDevices: invalid network device name
.linux.cgroupsPath = "/a/../b"	linux.cgroupsPath: ".."
.linux.rootfsPropagation = "odd"	linux.rootfsPropagation: unknown value "odd"
.linux.maskedPaths = ["x"]	linux.maskedPaths: not absolute: "x"
.linux.readonlyPaths = ["x"]	linux.readonlyPaths: not absolute: "x"
.linux.sysctl = {"": "1"}	linux.sysctl: bad name ""
.linux.sysctl = {"net..x": "1"}	linux.sysctl: bad name "net..x"
.linux.personality = {domain: "BSD"}	linux.personality.domain: unknown name "BSD"
.linux.memoryPolicy = {mode: "MPOL_X"}	linux.memoryPolicy.mode: invalid memory policy mode "MPOL_X"
.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "a"}	linux.memoryPolicy.nodes: invalid memory policy node "a"
.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: "0-7"}	memory policy mode requires 0 nodes but got 8
.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_X"]}	linux.memoryPolicy.flags: invalid memory policy flag "MPOL_F_X"
.linux.intelRdt = {closID: "a/b"}	linux.intelRdt.closID: invalid value "a/b"
.linux.seccomp = {defaultAction: "SCMP_ACT_ODD"}	linux.seccomp: unknown action "SCMP_ACT_ODD"
.linux.seccomp = {defaultAction: 1}	linux.seccomp: defaultAction: expected a string
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X"]}	linux.seccomp: unknown architecture "SCMP_ARCH_X"
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["X"]}	linux.seccomp: unknown flag "X"
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_KILL", args: [{index: 6, value: 0, op: "SCMP_CMP_EQ"}]}]}	linux.seccomp: read: bad argument comparison
.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 65536}	linux.seccomp: errnoRet out of range
.linux.resources.devices = [{allow: true, type: "x"}]	linux.resources: devices: x: not a type
.linux.resources.devices = [{allow: true, type: "c", access: "rx"}]	linux.resources: devices: rx: not of r, w and m
.linux.resources.memory = {limit: -2}	linux.resources: memory.limit: -2: negative
.linux.resources.memory = {swappiness: 201}	linux.resources: memory.swappiness
.linux.resources.cpu = {cpus: "x"}	linux.resources: cpu.cpus
.linux.resources.cpu = {shares: 1}	linux.resources: cpu.shares
.linux.resources.cpu = {idle: 2}	linux.resources: cpu.idle
.linux.resources.blockIO = {weight: 5}	linux.resources: blockIO.weight
.linux.resources.hugepageLimits = [{pageSize: "2 MB", limit: 1}]	linux.resources: hugepageLimits: 2 MB: not a valid name
.linux.resources.unified = {"../x": "1"}	linux.resources: cgroup file: ../x
.linux.resources.rdma = {"": {hcaHandles: 1}}	linux.resources: rdma
END
    assert_equal "$wrong" ""
    assert_equal "$(find /sys/fs/cgroup -name "hull-$TEST_ID*" | head -1)" ""
}

@test "bad input: documents that are none, and bundles that are not there" {
    fails_with() {
        run keel run -b "$1" "$ID" </dev/null
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        assert_output_has "$2"
    }
    fails_with "$WORK/none" "$WORK/none/config.json: "
    mkdir "$WORK/bad" "$WORK/bad/rootfs"
    fails_with "$WORK/bad" "config.json: "
    : >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "config.json: "
    echo '{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}' >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "ociVersion"
    echo '{"ociVersion": "1.0.0"} x' >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "config.json: line 1, column"
    printf '{"x": %s%s}' "$(printf '[%.0s' {1..5000})" "$(printf ']%.0s' {1..5000})" >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "config.json: line 1, column"
    printf '{"x": "\377"}' >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "config.json: line 1, column"
    { printf '{"x": "' && head -c 17000000 /dev/zero | tr '\0' x && printf '"}'; } >"$WORK/bad/config.json"
    fails_with "$WORK/bad" "longer than 16777216 bytes"
    rm "$WORK/bad/config.json"
    mkdir "$WORK/bad/config.json"
    fails_with "$WORK/bad" "config.json: "
    assert_equal "$(ls -A "$KEEL_TEST_ROOT")" ""
}

@test "bad input: links in the place of /dev, /dev/pts and /dev/null lead nowhere" {
    mkdir "$WORK/victim"
    echo untouched >"$WORK/victim/null"
    rm -rf "$B/rootfs/dev"
    mkdir "$B/rootfs/dev"
    # Without a /dev of its own the container's nodes go into the image's directory.
    local own='.mounts |= map(select(.destination | startswith("/dev") | not))'
    ln -s "$WORK/victim/null" "$B/rootfs/dev/null"
    ln -s "$WORK/victim" "$B/rootfs/dev/pts"
    with_command 'echo x >/dev/null; ls -l /dev/null | cut -c1' "$own"
    assert_success
    assert_output c
    rm "$B/rootfs/dev/pts" "$B/rootfs/dev/null"
    ln -s "$WORK/victim" "$B/rootfs/dev/pts"
    with_command 'true' '.mounts |= map(select(.destination != "/dev"))'
    assert_equal "$(ls -A "$WORK/victim")" null
    assert_equal "$(cat "$WORK/victim/null")" untouched
}

# ---- features and explain ----

@test "features: what the parser knows, in the words of the specification" {
    run keel features
    assert_success
    assert_json .ociVersionMax 1.3.0
    assert_json .hooks '["prestart","createRuntime","createContainer","startContainer","poststart","poststop"]'
    assert_json '.linux.namespaces | sort' '["cgroup","ipc","mount","network","pid","time","user","uts"]'
    assert_json '.linux.seccomp.actions | length' 9
    assert_json '.linux.seccomp.archs | length' 23
    assert_json '.linux.seccomp.operators | length' 7
    assert_json .linux.seccomp.knownFlags '["SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW","SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
    assert_json_true '.linux.seccomp | .supportedFlags - .knownFlags == []'
    assert_json '.linux.intelRdt' '{"enabled":true,"monitoring":true,"schemata":true}'
    assert_json '.linux.memoryPolicy.modes | length' 7
    assert_json '.linux.netDevices.enabled, .linux.mountExtensions.idmap.enabled' $'true\ntrue'
    assert_json_true '.mountOptions | index("rro") and index("ridmap") and index("nosymfollow") and index("lazytime")'
    assert_json_true '.mountOptions | length >= 60'
    assert_json_true '.potentiallyUnsafeConfigAnnotations | index("org.systemd.property.")'
}

@test "explain: a line for each field that does something" {
    local word
    mkdir -p "$WORK/full/rootfs"
    jq 'del(.linux.intelRdt, .process.selinuxLabel)' "$FIXTURE_DIR/config-full.json" >"$WORK/full/config.json"
    run --separate-stderr keel explain --format short -b "$WORK/full"
    assert_success
    for word in 'open-namespace: open network namespace /n' make-id-map 'open bind source /s (ro)' time-offsets \
        'move network device eth1 to ctr' 'set OOM score to -500' 'make device /dev/fuse' 'terminal:' 'console:' \
        'sysctl: set sys/net/ipv4/ip_forward to 1' 'run prestart hooks' 'run createRuntime hooks' \
        'run createContainer hooks' 'run startContainer hooks' 'make /r read-only' 'mask /m' root-propagation \
        root-readonly 'host name h' 'domain name d' 'personality LINUX' MPOL_BIND SCHED_DEADLINE IOPRIO_CLASS_BE \
        apparmor RLIMIT_CORE=0:2048 'groups 5 6' 'umask 0022' 'user 1:2' CAP_KILL no-new-privileges 'c filter:'; do
        assert_output_has "$word"
    done
}

@test "intelRdt: without resctrl it is refused, by update too" {
    ! grep -q ' resctrl ' /proc/self/mounts || skip "resctrl is mounted here"
    fails '.linux.intelRdt = {closID: "class", schemata: ["L3:0=f"], enableMonitoring: true}' \
        "intelRdt is specified in config, but Intel RDT is not enabled"
    make_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel update --l3-cache-schema L3:0=f "$ID"
    assert_failure 1
    assert_output_has "Intel RDT is not enabled"
}

# ---- resources ----

@test "resources: each value reaches the file that is its own" {
    local name value dir wrong=
    [ -d /sys/fs/cgroup/memory ] && [ -d /sys/fs/cgroup/cpu ] || skip "needs cgroup v1"
    make_config "$B" '.process.args = ["sleep", "100"] | .linux.resources += {
        memory: {limit: 67108864, reservation: 33554432, swap: 67108864, swappiness: 30, disableOOMKiller: true, checkBeforeUpdate: true},
        cpu: {shares: 300, quota: 50000, period: 100000, burst: 10000, cpus: "0", mems: "0"},
        pids: {limit: 33}}'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    while read -r name value; do
        dir=/sys/fs/cgroup/${name%%/*}/hull-$TEST_ID
        [ -e "$dir/${name#*/}" ] || continue
        [ "$(head -1 "$dir/${name#*/}")" = "$value" ] || wrong+="$name: $(head -1 "$dir/${name#*/}")"$'\n'
    done <<'END'
memory/memory.limit_in_bytes 67108864
memory/memory.soft_limit_in_bytes 33554432
memory/memory.memsw.limit_in_bytes 67108864
memory/memory.swappiness 30
memory/memory.oom_control oom_kill_disable 1
cpu/cpu.shares 300
cpu/cpu.cfs_quota_us 50000
cpu/cpu.cfs_period_us 100000
cpu/cpu.cfs_burst_us 10000
cpuset/cpuset.cpus 0
cpuset/cpuset.mems 0
pids/pids.max 33
END
    assert_equal "$wrong" ""
    # A limit below what is used is refused when that is asked for.
    echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >"$WORK/less"
    run keel update -r "$WORK/less" "$ID"
    assert_failure 1
    assert_output_has "rejecting memory limit"
}

# values_are DIRECTORY: reads lines "FILE VALUE" and fails for each file that is there and says another.
values_are() {
    local name value wrong=

    while read -r name value; do
        [ -e "$1/$name" ] || continue
        [ "$(head -n1 "$1/$name")" = "$value" ] || wrong+="$name: $(head -n1 "$1/$name")"$'\n'
    done
    assert_equal "$wrong" ""
}

@test "resources: each value reaches its file of cgroup v2, and so does its update" {
    local dir=/sys/fs/cgroup/hull-$TEST_ID
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs cgroup v2"
    make_config "$B" '.process.args = ["sleep", "100"] | .linux.resources += {
        memory: {limit: 67108864, reservation: 33554432, swap: 100663296},
        cpu: {shares: 1024, quota: 50000, period: 100000, burst: 10000, cpus: "0", mems: "0"},
        pids: {limit: 33}, blockIO: {weight: 300},
        hugepageLimits: [{pageSize: "2MB", limit: 4194304}],
        unified: {"memory.high": "50331648", "cgroup.max.depth": "5"}}'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    values_are "$dir" <<'END'
memory.max 67108864
memory.low 33554432
memory.swap.max 33554432
memory.high 50331648
cgroup.max.depth 5
cpu.max 50000 100000
cpu.max.burst 10000
cpuset.cpus 0
cpuset.mems 0
pids.max 33
io.bfq.weight default 300
hugetlb.2MB.max 4194304
hugetlb.2MB.rsvd.max 4194304
END
    assert_exists "$dir/memory.max"
    assert_exists "$dir/pids.max"
    keel update --memory 96M --memory-swap 96M --memory-reservation 16M --cpu-quota 20000 --cpu-burst 0 \
        --pids-limit 7 "$ID"
    values_are "$dir" <<'END'
memory.max 100663296
memory.low 16777216
memory.swap.max 0
cpu.max 20000 100000
cpu.max.burst 0
pids.max 7
END
    keel update --cpu-idle 1 "$ID"
    assert_equal "$(cat "$dir/cpu.idle")" 1
    echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' >"$WORK/less"
    run keel update -r "$WORK/less" "$ID"
    assert_failure 1
    assert_output_has "rejecting memory limit"
    assert_equal "$(cat "$dir/memory.max")" 100663296
}

@test "exec: a group below the container's, on cgroup v2" {
    local dir=/sys/fs/cgroup/hull-$TEST_ID
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs cgroup v2"
    make_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel exec --cgroup below "$ID" true
    assert_failure 255
    assert_output_has "no such file or directory"
    mkdir "$dir/below"
    keel exec --cgroup below -d "$ID" sleep 100
    wait_until 10 grep -q . "$dir/below/cgroup.procs"
    run keel exec --cgroup ../elsewhere "$ID" true
    assert_failure 255
    assert_output_has "bad sub cgroup path"
    assert_equal "$(keel ps -f json "$ID" | jq length)" 2
    keel kill -a "$ID" KILL
    keel delete -f "$ID"
    assert_not_exists "$dir"
}

@test "events: statistics and the end of memory, on cgroup v2" {
    [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs cgroup v2"
    make_config "$B" '.linux.resources += {memory: {limit: 33554432, swap: 33554432}} |
        .process.args = ["sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.1; done; tail /dev/zero; sleep 100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel events --stats "$ID"
    assert_success
    assert_json .data.memory.usage.limit 33554432
    assert_json_true '.data.memory.usage.usage > 0 and .data.pids.current >= 1 and .data.cpu.usage.total > 0'
    "$KEEL_BIN" --root "$KEEL_TEST_ROOT" events --interval 200ms "$ID" >"$WORK/events" &
    defer stop_process $!
    # It watches when it begins to tell.
    wait_until 30 grep -q '"type":"stats"' "$WORK/events"
    touch "$B/rootfs/tmp/go"
    wait_until 60 grep -q '"type":"oom"' "$WORK/events"
}

@test "a socket gets the pidfd, by an annotation" {
    require_tool python3
    python3 - "$WORK/pidfd.sock" "$WORK/pid" 3>&- <<'END' &
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
_, ancillary, _, _ = server.accept()[0].recvmsg(64, socket.CMSG_SPACE(4))
fd = array.array("i", ancillary[0][2])[0]
info = open(f"/proc/self/fdinfo/{fd}").read()
pid = [line.split()[1] for line in info.splitlines() if line.startswith("Pid:")][0]
open(sys.argv[2] + ".new", "w").write(pid)
os.rename(sys.argv[2] + ".new", sys.argv[2])
END
    defer stop_process $!
    wait_until 10 test -S "$WORK/pidfd.sock"
    make_config "$B" '.process.args = ["sleep", "100"] | .annotations["run.oci.pidfd_receiver"] = "'"$WORK"'/pidfd.sock"'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    wait_until 10 test -e "$WORK/pid"
    assert_equal "$(cat "$WORK/pid")" "$(keel state "$ID" | jq .pid)"
}
