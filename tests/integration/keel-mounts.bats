# SPDX-License-Identifier: Apache-2.0
#
# `keel mounts`: mounts that a running container gets and loses. Its processes may be changing the
# tree at the same time.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/fault

setup() {
    require_root
    require_keel
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" '.process.args = ["sleep", "1000"]'
    mkdir "$WORK/src"
    echo content >"$WORK/src/file"
    SOURCE="{type: \"bind\", source: \"$WORK/src\", options: [\"bind\"]}"
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

# begin [FILTER]: the container in the background.
begin() {
    [ -z "${1:-}" ] || make_config "$B" '.process.args = ["sleep", "1000"] | '"$1"
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
}

# list FILTER: the document of mounts.
list() {
    jq -n "$1" >"$WORK/mounts.json"
}

# mounts add|remove [FILTER]
mounts() {
    [ -z "${2:-}" ] || list "$2"
    run keel mounts "$1" "$ID" "$WORK/mounts.json"
}

inside() {
    run keel exec "$ID" "$@"
}

# mounted PATH: how many mounts the container has there.
mounted() {
    keel exec "$ID" cat /proc/self/mountinfo | awk -v path="$1" '$5 == path' | wc -l
}

@test "mounts are added to a running container, and removed" {
    begin
    mounts add "[$SOURCE + {destination: \"/a/b\"}, $SOURCE + {destination: \"/ro\", options: [\"rbind\", \"ro\", \"nosuid\"]},
        {destination: \"/one\", source: \"$WORK/src/file\", options: [\"bind\"]},
        {destination: \"/t\", type: \"tmpfs\", source: \"tmpfs\", options: [\"size=1m\", \"noexec\", \"mode=700\"]}]"
    assert_success
    assert_output ""
    inside sh -c 'cat /a/b/file /ro/file /one; touch /ro/x 2>/dev/null || echo ro; touch /a/b/made /t/x; stat -c %a /t; df -k /t | awk "END {print \$2}"'
    assert_output $'content\ncontent\ncontent\nro\n700\n1024'
    [ -e "$WORK/src/made" ] || fail "the mount is a copy"
    inside sh -c 'grep -c " /ro .*nosuid" /proc/mounts; grep -c " /t .*noexec" /proc/mounts'
    assert_output $'1\n1'
    # The container's alone.
    ! grep -q "$WORK" <(cut -d' ' -f5 /proc/self/mountinfo) || fail "the host has a mount"
    mounts remove
    assert_success
    assert_output ""
    inside sh -c 'ls -A /a/b /ro /t; cat /one; grep -cE " /(a/b|ro|one|t) " /proc/mounts'
    assert_output $'/a/b:\n\n/ro:\n\n/t:\n0'
    # Mounts of the configuration can be removed too; a busy one goes from the tree at once.
    keel exec -d "$ID" sh -c 'cd /dev/shm && sleep 100' </dev/null >/dev/null 2>&1
    mounts remove '[{destination: "/dev/shm"}]'
    assert_success
    assert_equal "$(mounted /dev/shm)" 0
}

@test "mounts of a container in a user namespace belong to its root" {
    begin '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
        .linux.gidMappings = .linux.uidMappings'
    chmod 755 "$WORK/src"
    mounts add "[$SOURCE + {destination: \"/tmp/b\", options: [\"bind\", \"ro\"]}, {destination: \"/tmp/t\", type: \"tmpfs\"}]"
    assert_success
    inside sh -c 'stat -c %u:%g /tmp/t /tmp/b; touch /tmp/t/x && cat /tmp/b/file; touch /tmp/b/x || echo ro'
    assert_output_matches '^0:0$'
    assert_output_matches '^65534:65534$'
    assert_output_matches '^content$'
    assert_output_matches '^ro$'
    mounts remove
    assert_success
    assert_equal "$(mounted /tmp/b) $(mounted /tmp/t)" "0 0"
}

@test "what a read-only tmpfs is filled with, and sources relative to the bundle" {
    mkdir -p "$B/rootfs/data" "$B/relative"
    echo image >"$B/rootfs/data/file"
    echo relative >"$B/relative/file"
    begin
    mounts add '[{destination: "/data", type: "tmpfs", options: ["ro", "tmpcopyup"]},
        {destination: "/rel", source: "relative", options: ["bind"]}]'
    assert_success
    inside sh -c 'cat /data/file /rel/file; touch /data/x 2>/dev/null || echo ro'
    assert_output $'image\nrelative\nro'
}

@test "all mounts are added or none, and all removed or none" {
    begin
    mounts add "[$SOURCE + {destination: \"/first\"}, {destination: \"/second\", type: \"tmpfs\"},
        {destination: \"/bin/busybox/x\", type: \"tmpfs\"}]"
    assert_failure 1
    assert_output_matches '^keel: mounts add: mount tmpfs on /bin/busybox/x: open target: [Nn]ot a directory$'
    assert_equal "$(mounted /first) $(mounted /second)" "0 0"
    mounts add '[{destination: "/first", type: "tmpfs"}, {destination: "/x", type: "bind", source: "/nowhere"}]'
    assert_failure 1
    assert_output_matches '^keel: mounts add: open bind source /nowhere: '
    assert_equal "$(mounted /first)" 0
    mounts add '[{destination: "/first", type: "tmpfs"}, {destination: "/first/below", type: "tmpfs"}]'
    assert_success
    mounts remove '[{destination: "/first"}, {destination: "/etc"}]'
    assert_failure 1
    assert_output "keel: mounts remove: find the mount /etc: nothing is mounted there"
    mounts remove '[{destination: "/first"}, {destination: "/missing"}]'
    assert_failure 1
    assert_equal "$(mounted /first) $(mounted /first/below)" "1 1"
    # What is below goes before what it is on.
    mounts remove '[{destination: "/first"}, {destination: "/first/below"}]'
    assert_success
    assert_equal "$(mounted /first) $(mounted /first/below)" "0 0"
}

@test "mounts of created, paused and stopped containers, and documents" {
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    mounts add '[{destination: "/t", type: "tmpfs"}]'
    assert_success
    keel start "$ID"
    assert_equal "$(mounted /t)" 1
    keel pause "$ID"
    mounts remove
    assert_success
    keel resume "$ID"
    assert_equal "$(mounted /t)" 0
    run keel mounts add "$ID" - <<<'[{"destination": "/t", "type": "tmpfs"}]'
    assert_success
    assert_equal "$(mounted /t)" 1
    for document in '{}' '[{}]' '[{"destination": 1}]' '[' ''; do
        run keel mounts add "$ID" - <<<"$document"
        assert_failure 1
        assert_output_matches '^keel: mounts add: stdin: '
    done
    run keel mounts add "$ID" "$WORK/none"
    assert_failure 1
    assert_output_has "$WORK/none"
    run keel mounts add no-such "$WORK/mounts.json"
    assert_failure 1
    assert_output_has 'container "no-such" does not exist'
    run keel mounts add "$ID"
    assert_failure 1
    assert_output_has '"keel mounts add" requires exactly 2 arguments'
    keel kill "$ID" KILL
    wait_until process_gone "$(keel state "$ID" | jq .pid)"
    mounts add
    assert_failure 1
    assert_output "keel: mounts add: container not running"
}

@test "hostile roots: targets through links stay inside, and lead neither into /proc nor to a mask" {
    mkdir "$WORK/victim" "$WORK/victim/dir"
    echo secret >"$B/rootfs/etc/secret"
    ln -s "../../../../../../../../../../..$WORK/victim" "$B/rootfs/up"
    ln -s "$WORK/victim" "$B/rootfs/absolute"
    ln -s /proc "$B/rootfs/to-proc"
    ln -s /etc "$B/rootfs/to-etc"
    ln -s /etc/secret "$B/rootfs/to-secret"
    begin '.linux.maskedPaths += ["/etc/secret"]'
    local link
    for link in up absolute; do
        mounts add "[$SOURCE + {destination: \"/$link/new\"}, {destination: \"/$link/dir\", type: \"tmpfs\"}]"
        assert_success
        assert_equal "$(ls -A "$WORK/victim") $(ls -A "$WORK/victim/dir")" "dir "
    done
    mounts add '[{destination: "/to-proc/sys/kernel", type: "tmpfs"}]'
    assert_failure 1
    assert_output_has "the target leads into /proc"
    for link in to-proc/kcore to-proc to-etc/secret to-secret; do
        mounts remove "[{destination: \"/$link\"}]"
        assert_failure 1
        assert_output_has "a symbolic link is in the way"
    done
    for link in /etc/secret //etc/../etc/secret /proc/kcore /proc/sys; do
        mounts remove "[{destination: \"$link\"}]"
        assert_failure 1
        assert_output_has "cannot be unmounted because"
    done
    inside cat /etc/secret
    assert_output ""
}

# A directory of the volume, or a link out of it, in turn.
place_directory() {
    rm -rf "$WORK/volume/dir" "$WORK/volume/link"
    mkdir -p "$WORK/volume/dir"
    ln -s "../../../../../../../../../../..$WORK/victim" "$WORK/volume/link"
}

# Where it went, or would have gone: the container's own tree.
after_add() {
    assert_equal "$(ls -A "$WORK/victim")" dir
    ! grep -q marker /proc/self/mountinfo || fail "the host has the mount"
    if [ "$fault_status" = 0 ]; then
        inside grep -c marker /proc/self/mountinfo
        assert_output 1
    fi
    # Wherever it is.
    keel exec "$ID" sh -c 'for m in $(grep marker /proc/mounts | cut -d" " -f2); do umount -l $m; done'
}

@test "a target exchanged for a link at any moment" {
    require_fault_tools
    mkdir -p "$WORK/victim/dir"
    place_directory
    begin '.mounts += [{destination: "/volume", type: "bind", source: "'"$WORK/volume"'", options: ["rbind"]}] |
        (.process.capabilities |= (.bounding += ["CAP_SYS_ADMIN"] | .effective = .bounding | .permitted = .bounding))'
    list '[{destination: "/volume/dir/dir", type: "tmpfs", source: "marker"}]'
    exchange_sweep "$WORK/volume/dir" "$WORK/volume/link" place_directory after_add \
        mounts add "$ID" "$WORK/mounts.json"
}
