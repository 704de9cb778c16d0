#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# User namespaces, and keel as somebody who is not root: the user nobody from a plain shell, with and
# without the set-uid helpers of the package uidmap, with and without cgroups of its own. What
# /etc/subuid grants is said by files that are bound over it in a private mount namespace.

bats_require_minimum_version 1.5.0

load lib/fixture

NOBODY=65534

setup() {
    require_root
    require_tool setpriv unshare jq
    setup_fixture
    snapshot_host
    # As nobody, with the environment of a fresh shell.
    PLAIN=(setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups
        env -i "PATH=$PATH" HOME=/ "XDG_RUNTIME_DIR=$WORK/xdg")
    mkdir "$WORK/bin" "$WORK/xdg"
    cp "$KEEL_BIN" "$WORK/bin/keel"
    B=$WORK/b
    mkdir "$B"
    make_busybox_rootfs "$B/rootfs"
    chown -R $NOBODY:$NOBODY "$B" "$WORK/xdg"
    as_nobody spec --rootless -b "$B"
    edit_config "$B" '.process.terminal = false'
    ID=$TEST_ID
    defer remove_mine "$ID"
}

teardown() {
    remove_mine "$ID" || true
    [ -z "${GROUP:-}" ] || find /sys/fs/cgroup -depth -path "*/$GROUP*" -type d -exec rmdir {} +
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

remove_mine() {
    [ ! -d "$WORK/xdg/keel/$1" ] || as_nobody delete -f "$1"
    [ ! -d "$KEEL_TEST_ROOT/$1" ] || keel delete -f "$1"
}

as_nobody() {
    "${PLAIN[@]}" "$WORK/bin/keel" "$@"
}

# granted COMMAND...: in a mount namespace where nobody has 100000 to 101999 in both files.
granted() {
    local file

    for file in subuid subgid; do
        echo "nobody:100000:2000" >"$WORK/$file"
    done
    # shellcheck disable=SC2016
    unshare -m --propagation private sh -c '
        for file in subuid subgid; do
            [ -e /etc/$file ] || : >/etc/$file
            mount --bind "$0/$file" /etc/$file || exit 99
        done
        "$@"' "$WORK" "$@"
}

# without_helpers COMMAND...: as if uidmap were not installed.
without_helpers() {
    install -m 600 /dev/null "$WORK/no-helper"
    # shellcheck disable=SC2016
    unshare -m --propagation private sh -c '
        for helper in newuidmap newgidmap; do
            [ ! -e /usr/bin/$helper ] || mount --bind "$0" /usr/bin/$helper || exit 99
        done
        "$@"' "$WORK/no-helper" "$@"
}

shell() { # the command of the container
    edit_config "$B" ".process.args = [\"sh\", \"-c\", $(jq -Rn --arg text "$1" '$text')]"
}

status_is() {
    [ "$(as_nobody state "$1" | jq -r .status)" = "$2" ]
}

@test "rootless: run from a plain shell" {
    shell 'id -u; cat /proc/self/uid_map; echo x >/dev/null && echo null; touch /dev/shm/x && echo shm'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_equal "${lines[0]}" 0
    assert_equal "$(tr -s ' ' <<<"${lines[1]}")" " 0 $NOBODY 1"
    assert_equal "${lines[2]} ${lines[3]}" "null shm"
    # What is in the state directory tells which processes to kill: it is the user's alone.
    assert_equal "$(stat -c '%a %u' "$WORK/xdg/keel")" "1700 $NOBODY"
}

@test "rootless: create, start, exec, list, ps, kill, delete" {
    edit_config "$B" '.process.args = ["sleep", "1000"]'
    as_nobody create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    status_is "$ID" created
    as_nobody start "$ID"
    status_is "$ID" running
    run as_nobody exec "$ID" sh -c 'id -u; exit 7'
    assert_failure 7
    assert_output 0
    run as_nobody list
    assert_output_has "$ID"
    assert_output_has " $NOBODY"
    # Without a cgroup its processes are those of its pid namespace.
    assert_equal "$(as_nobody ps -f json "$ID")" "[$(as_nobody state "$ID" | jq .pid)]"
    run as_nobody pause "$ID"
    assert_failure
    assert_output_has "cannot pause a container without a cgroup of its own"
    as_nobody kill --all "$ID" KILL
    wait_until status_is "$ID" stopped
    as_nobody delete "$ID"
}

@test "rootless: mounts are added to a running container, and removed" {
    mkdir -p "$WORK/src"
    echo content >"$WORK/src/file"
    jq -n '[{destination: "/b", type: "bind", source: "'"$WORK"'/src", options: ["rbind", "ro"]},
        {destination: "/t", type: "tmpfs", options: ["size=1m"]}]' >"$WORK/mounts"
    edit_config "$B" '.process.args = ["sleep", "1000"] | .root.readonly = false'
    as_nobody run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run as_nobody mounts add "$ID" "$WORK/mounts"
    assert_success
    run as_nobody exec "$ID" sh -c 'cat /b/file; touch /b/x 2>/dev/null || echo ro; touch /t/x && df -k /t | awk "END {print \$2}"'
    assert_output $'content\nro\n1024'
    run as_nobody mounts remove "$ID" "$WORK/mounts"
    assert_success
    run as_nobody exec "$ID" sh -c 'ls -A /b /t'
    assert_output $'/b:\n\n/t:'
}

@test "rootless: explain shows that the child opens the files" {
    run as_nobody explain --format short -b "$B"
    assert_success
    assert_output_has "c open-root: "
    assert_output_has "r write-id-maps: write the id map 0:$NOBODY:1"
}

@test "rootless: the state directory must be one's own" {
    mkdir -m 777 "$WORK/xdg/keel"
    run as_nobody list
    assert_failure
    assert_output_has "is writable to everybody"
    chown 1000 "$WORK/xdg/keel"
    chmod 755 "$WORK/xdg/keel"
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "belongs to another user"
}

@test "rootless: without a login session the state is in a directory of the user's in /tmp" {
    [ ! -e /run/user/$NOBODY ] || skip "nobody has a login directory"
    [ ! -e /tmp/keel-$NOBODY ] || skip "somebody else's test is at work"
    defer rm -rf /tmp/keel-$NOBODY
    edit_config "$B" '.process.args = ["true"]'
    "${PLAIN[@]}" env -u XDG_RUNTIME_DIR "$WORK/bin/keel" run -b "$B" "$ID"
    assert_equal "$(stat -c '%a %u' /tmp/keel-$NOBODY)" "1700 $NOBODY"
}

@test "rootless: a configuration without a user namespace gets one" {
    keel spec -b "$WORK"
    jq '.process.terminal = false' "$WORK/config.json" >"$B/config.json"
    shell 'cat /proc/self/uid_map; ls /sys/class >/dev/null && echo sys'
    run without_helpers "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_success
    assert_equal "$(tr -s ' ' <<<"${lines[0]}")" " 0 $NOBODY 1"
    assert_equal "${lines[1]}" sys
    require_tool newuidmap newgidmap
    # With the helpers and a grant, more than one's own id. What was performed is what is recorded.
    run granted "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_success
    assert_equal "$(tr -s ' ' <<<"${lines[0]};${lines[1]}")" " 0 $NOBODY 1; 1 100000 2000"
    edit_config "$B" '.process.args = ["sleep", "1000"]'
    as_nobody run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_equal "$(as_nobody exec "$ID" id -u)" 0
}

@test "rootless: maps of several ranges by newuidmap and newgidmap" {
    require_tool newuidmap newgidmap
    edit_config "$B" '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 1500}] |
        .linux.gidMappings += [{containerID: 1, hostID: 100000, size: 500},
                               {containerID: 1000, hostID: 101000, size: 500}] |
        .process.user = {uid: 1000, gid: 1000, additionalGids: [5, 50]}'
    shell 'id -u; id -G; cat /proc/self/gid_map | wc -l; cat /proc/self/setgroups'
    run granted "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_success
    assert_equal "${lines[*]}" "1000 1000 5 50 3 allow"
}

@test "rootless: what is not granted, and helpers that are not there" {
    require_tool newuidmap
    edit_config "$B" '.linux.uidMappings += [{containerID: 1, hostID: 300000, size: 10}]'
    run granted "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "write the id map 0:$NOBODY:1 1:300000:10"
    assert_output_has "(see /etc/subuid)"
    run without_helpers "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "newuidmap is not installed (package uidmap)"
    assert_not_exists "$WORK/xdg/keel/$ID"
}

@test "rootless: groups and users that the namespace does not have" {
    edit_config "$B" '.process.user.additionalGids = [5]'
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "cannot set any additional groups in a rootless container"
    edit_config "$B" 'del(.process.user.additionalGids) | .process.user.uid = 5'
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "cannot set uid to unmapped user in user namespace"
    edit_config "$B" '.process.user = {uid: 0, gid: 5}'
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "cannot set gid to unmapped user in user namespace"
}

@test "rootless: devpts for a group without a place in the map" {
    edit_config "$B" '(.mounts[] | select(.type == "devpts") | .options) += ["gid=5"]'
    shell 'stat -c %t:%T /dev/pts/ptmx'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_output "5:2"
}

@test "rootless: scores and limits that cannot be set are warnings" {
    edit_config "$B" '.process.oomScoreAdj = 300 |
        .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 64}]'
    shell 'cat /proc/self/oom_score_adj; ulimit -n'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_equal "${lines[*]}" "300 64"
    edit_config "$B" '.process.args = ["sleep", "1000"]'
    as_nobody run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_equal "$(as_nobody exec "$ID" cat /proc/self/oom_score_adj 2>&1)" 300
    as_nobody delete -f "$ID"
    edit_config "$B" '.process.oomScoreAdj = -300 |
        .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 64, hard: 999999999}] |
        .process.args = ["true"]'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_output_has "set OOM score to -300: no permission to lower it"
    assert_output_has "no permission to raise the hard limit to 999999999"
}

@test "rootless: the host's cgroups are not writable below /sys" {
    shell 'grep " /sys" /proc/mounts | grep -v " ro[ ,]"; echo end'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_output end
    # sysfs shows the network namespace, which is the host's here: so does the host's own mount. What is
    # below that was not asked for, and is read-only whatever the options say.
    edit_config "$B" '.mounts |= map(if .destination == "/sys" then
        {destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid"]} else . end)'
    run as_nobody run -b "$B" "$ID"
    assert_success
    assert_output end
}

@test "rootless: no cgroup is fine exactly when nothing is asked of it" {
    local wording="rootless needs no limits + no cgrouppath when no permission is granted for cgroups"

    edit_config "$B" '.process.args = ["true"] | .linux.resources = {devices: [{allow: false, access: "rwm"}]}'
    as_nobody run -b "$B" "$ID"
    edit_config "$B" '.linux.resources = {memory: {limit: 33554432}}'
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "$wording"
    edit_config "$B" "del(.linux.resources) | .linux.cgroupsPath = \"/hull-$ID\""
    run as_nobody run -b "$B" "$ID"
    assert_failure
    assert_output_has "$wording"
    as_nobody --cgroup-manager disabled run -b "$B" "$ID"
    # What may be missing is said by the option, too.
    edit_config "$B" 'del(.linux.cgroupsPath)'
    as_nobody --rootless true run -b "$B" "$ID"
    run as_nobody --rootless false run -b "$B" "$ID"
    assert_failure
    assert_output_lacks "$wording"
    assert_output_has "mkdir /sys/fs/cgroup"
    assert_not_exists "$WORK/xdg/keel/$ID"
}

# delegate GROUP: hands a group to nobody as a system manager would; on v1 in three hierarchies, on v2
# with the two controllers, and with a group below for the shell of the user.
delegate() {
    local directory

    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        echo "+memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
        mkdir -p "/sys/fs/cgroup/$1/shell"
        echo "+memory +pids" >"/sys/fs/cgroup/$1/cgroup.subtree_control"
        chown -R $NOBODY "/sys/fs/cgroup/$1"
        return
    fi
    for directory in memory pids freezer; do
        [ -d "/sys/fs/cgroup/$directory" ] || skip "no $directory hierarchy"
        mkdir "/sys/fs/cgroup/$directory/$1"
        chown $NOBODY "/sys/fs/cgroup/$directory/$1" "/sys/fs/cgroup/$directory/$1"/{tasks,cgroup.procs}
    done
}

# in_group COMMAND...: from the group for the shell, where there is one.
in_group() {
    # shellcheck disable=SC2016
    sh -c '[ ! -d "$0" ] || echo 0 >"$0/cgroup.procs"; "$@"' "/sys/fs/cgroup/$GROUP/shell" "$@"
}

group_file() { # V1_DIRECTORY V1_FILE V2_FILE
    if [ -d "/sys/fs/cgroup/$GROUP" ]; then
        cat "/sys/fs/cgroup/$GROUP/c/$3"
    else
        cat "/sys/fs/cgroup/$1/$GROUP/c/$2"
    fi
}

@test "rootless: a delegated cgroup is used" {
    GROUP=hull-$TEST_ID
    delegate "$GROUP"
    edit_config "$B" ".process.args = [\"sleep\", \"1000\"] | .linux.cgroupsPath = \"/$GROUP/c\" |
        .linux.resources = {memory: {limit: 33554432}, pids: {limit: 20}}"
    in_group "${PLAIN[@]}" "$WORK/bin/keel" run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_equal "$(group_file memory memory.limit_in_bytes memory.max)" 33554432
    assert_equal "$(group_file pids pids.max pids.max)" 20
    assert_equal "$(group_file pids cgroup.procs cgroup.procs)" "$(as_nobody state "$ID" | jq .pid)"
    as_nobody pause "$ID"
    status_is "$ID" paused
    as_nobody resume "$ID"
    as_nobody update --memory 16777216 "$ID"
    assert_equal "$(group_file memory memory.limit_in_bytes memory.max)" 16777216
    assert_equal "$(in_group "${PLAIN[@]}" "$WORK/bin/keel" exec "$ID" id -u)" 0
    if [ -d "/sys/fs/cgroup/$GROUP" ]; then
        # From a group that has no ancestor of the user's in common with the container's.
        run as_nobody exec "$ID" id -u
        assert_success
        assert_output_has "no permission to move it into the container's cgroup"
    fi
    as_nobody delete -f "$ID"
    run group_file pids cgroup.procs cgroup.procs
    assert_failure
    # A limit of a controller that is not delegated cannot be kept.
    edit_config "$B" '.linux.resources = {cpu: {shares: 512}}'
    run in_group "${PLAIN[@]}" "$WORK/bin/keel" run -b "$B" "$ID"
    assert_failure
    assert_output_has "cpu"
}

@test "user namespaces: maps that the kernel would refuse are told apart" {
    edit_config "$B" '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 10}, {containerID: 5, hostID: 2000, size: 10}]'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_output_has "linux.uidMappings: the container ids of [1] overlap those of [0]"
    edit_config "$B" '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 10}, {containerID: 50, hostID: 1009, size: 10}]'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_output_has "linux.uidMappings: the host ids of [1] overlap those of [0]"
    edit_config "$B" '.linux.uidMappings = [range(341) | {containerID: ., hostID: (100000 + .), size: 1}]'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_output_has "linux.uidMappings: 341 ranges, the kernel takes 340 at most"
    edit_config "$B" '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 0}]'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_output_has "linux.uidMappings[0]: size must not be 0"
    edit_config "$B" '.linux.uidMappings = []'
    run keel run -b "$B" "$ID"
    assert_failure
    assert_output_has "linux.uidMappings: missing for a new user namespace"
}

@test "user namespaces: many ranges, and files of mapped users" {
    edit_config "$B" '.linux.uidMappings = [range(100) | {containerID: ., hostID: (100000 + 2 * .), size: 1}] |
        .linux.gidMappings = .linux.uidMappings | .process.user = {uid: 7, gid: 8, additionalGids: [9]} |
        .root.readonly = false'
    chown -R 100000:100000 "$B/rootfs"
    shell 'id -u; id -G; touch /tmp/made'
    run keel run -b "$B" "$ID"
    assert_success
    assert_equal "${lines[*]}" "7 8 9"
    assert_equal "$(stat -c %u:%g "$B/rootfs/tmp/made")" 100014:100016
}

differ() {
    [ "$(readlink "$1")" != "$(readlink "$2")" ]
}

@test "user namespaces: one that exists is joined, by more than one container" {
    local holder

    unshare -U sleep 100 >/dev/null 2>&1 3>&- &
    holder=$!
    defer kill "$holder"
    wait_until differ "/proc/$holder/ns/user" /proc/self/ns/user
    echo 0 100000 1000 >"/proc/$holder/uid_map"
    echo 0 100000 1000 >"/proc/$holder/gid_map"
    edit_config "$B" ".linux.namespaces |= map(if .type == \"user\" then .path = \"/proc/$holder/ns/user\" else . end) |
        del(.linux.uidMappings, .linux.gidMappings)"
    chown -R 100000:100000 "$B/rootfs"
    shell 'readlink /proc/self/ns/user; id -u'
    run keel run -b "$B" "$ID"
    assert_success
    assert_equal "${lines[0]}" "$(readlink "/proc/$holder/ns/user")"
    assert_equal "${lines[1]}" 0
    edit_config "$B" '.process.args = ["sleep", "1000"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_equal "$(keel exec "$ID" readlink /proc/self/ns/user)" "$(readlink "/proc/$holder/ns/user")"
}

@test "user namespaces: keel inside one" {
    # Root of a namespace with one id: it maps what it has, and nothing else.
    edit_config "$B" '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
    shell 'cat /proc/self/uid_map; id -u'
    run "${PLAIN[@]}" unshare -Ur "$WORK/bin/keel" run -b "$B" "$ID"
    assert_success
    assert_equal "$(tr -s ' ' <<<"${lines[0]}")" " 0 0 1"
    assert_equal "${lines[1]}" 0
    edit_config "$B" '.linux.uidMappings[0].hostID = 1000'
    run "${PLAIN[@]}" unshare -Ur "$WORK/bin/keel" run -b "$B" "$ID"
    assert_failure
    assert_output_has "uidMappings: host ids 1000 to 1000 are not all in this user namespace"
}

@test "no pivot: the host's proc and sysfs cannot be found again" {
    local option

    # Whoever makes a user namespace inside may mount proc and sysfs afresh only where the kernel finds
    # one without masks: the container's have some, and the host's must be out of reach.
    edit_config "$B" '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] |
        .linux.gidMappings = .linux.uidMappings | .root.readonly = false |
        .linux.namespaces += [{type: "network"}] |
        .mounts |= map(if .destination == "/sys" then
            {destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro", "nosuid"]} else . end) |
        (.process.capabilities.bounding, .process.capabilities.effective,
         .process.capabilities.permitted) += ["CAP_SETFCAP"]'
    chown -R 100000:100000 "$B/rootfs"
    cat >"$B/rootfs/inner" <<'END'
#!/bin/sh
echo inner
mount -t tmpfs tmpfs /tmp && echo tmpfs
mkdir /tmp/p
mount -t proc proc /tmp/p && echo found proc
mount -t sysfs sysfs /tmp/p && echo found sysfs
ls / | wc -l
END
    chmod 755 "$B/rootfs/inner"
    shell 'exec unshare -r -m -n -p -f /inner 2>&1'
    for option in "" --no-pivot; do
        # shellcheck disable=SC2086
        run keel run $option -b "$B" "$ID"
        assert_success
        assert_output_has tmpfs
        assert_output_lacks found
        assert_output_has "$(find "$B/rootfs" -mindepth 1 -maxdepth 1 | wc -l)"
    done
}
