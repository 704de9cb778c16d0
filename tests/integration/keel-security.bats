# SPDX-License-Identifier: Apache-2.0
#
# Hostile bundles and hostile containers, by the holes that runtimes have had. A root file system is
# an enemy's work, and so is whatever runs in a container; the configuration is trusted. Every test
# looks afterwards at a part of the host that the attack is after.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/fault

setup() {
    require_root
    require_keel
    [ -x "$HOSTILE_BIN" ] || skip "tests/integration/lib/hostile is not built"
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    make_bundle "$B" .
    cp "$HOSTILE_BIN" "$B/rootfs/bin/hostile"
    # What attacks are after: it must stay as it is.
    VICTIM=$WORK/victim
    mkdir "$VICTIM" "$VICTIM/dir"
    echo original >"$VICTIM/file"
    chmod 600 "$VICTIM/file"
    mknod "$VICTIM/ptmx" c 1 3
    VICTIM_BEFORE=$(victim_state)
}

teardown() {
    [ ! -d "$KEEL_TEST_ROOT/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

victim_state() {
    find "$VICTIM" -printf '%P %y %m %U:%G %s %i\n' | sort
    cat "$VICTIM/file"
}

assert_victim_unchanged() {
    assert_equal "$(victim_state)" "$VICTIM_BEFORE"
}

# run_with ARGS [FILTER]: runs the bundle with the JSON list ARGS as its command.
run_with() {
    make_config "$B" ".process.args = $1 | ${2:-.}"
    run --separate-stderr keel run -b "$B" "$ID" </dev/null
}

# begin ARGS [FILTER]: the same in the background; the output goes to $WORK/out.
begin() {
    make_config "$B" ".process.args = $1 | ${2:-.}"
    keel run -d -b "$B" "$ID" </dev/null >"$WORK/out" 2>&1
}

# refused FILTER [TEXT]: the container never comes to run.
refused() {
    make_config "$B" ".process.args = [\"sh\", \"-c\", \"echo it-runs\"] | $1"
    run keel run -b "$B" "$ID" </dev/null
    assert_failure
    assert_output_lacks it-runs
    assert_output_has "${2:-}"
    assert_victim_unchanged
}

status_field() {
    sed -n "s/^$1:\t//p" <<<"$output"
}

@test "CVE-2016-3697, CVE-2026-30892: a user is a number, whatever the image calls it" {
    local user
    echo '1000:x:0:0::/:/bin/sh' >>"$B/rootfs/etc/passwd"
    run_with '["id", "-u"]' '.process.user.uid = 1000'
    assert_output 1000
    begin '["sleep", "1000"]'
    for user in 1000 1; do
        run keel exec -u "$user" "$ID" id -u
        assert_output "$user"
    done
    for user in root 1: :1 1x -1 4294967295 4294967296 18446744073709551617 ' 1' +1 0x1; do
        run keel exec -u "$user" "$ID" id -u
        assert_failure
        [[ ! $output =~ ^[0-9]+$ ]] || fail "-u '$user' ran as $output"
    done
}

@test "CVE-2016-8867, CVE-2022-27650, CVE-2022-29162: capabilities of users, none of them inheritable" {
    local caps='.process.capabilities |= (.bounding += ["CAP_CHOWN"] | .effective = .bounding | .permitted = .bounding)'
    run_with '["cat", "/proc/self/status"]' "$caps | .process.user.uid = 1000"
    assert_equal "$(status_field CapAmb) $(status_field CapEff) $(status_field CapPrm) $(status_field CapInh)" \
        "0000000000000000 0000000000000000 0000000000000000 0000000000000000"
    run_with '["cat", "/proc/self/status"]' "$caps"
    assert_equal "$(status_field CapInh)" 0000000000000000
    assert_not_equal "$(status_field CapEff)" 0000000000000000
    begin '["sleep", "1000"]' "$caps"
    run keel exec --cap CAP_SYS_ADMIN "$ID" cat /proc/self/status
    assert_equal "$(status_field CapInh) $(status_field CapAmb)" "0000000000000000 0000000000000000"
    run keel exec --cap CAP_SYS_ADMIN -u 1000 "$ID" cat /proc/self/status
    assert_equal "$(status_field CapInh) $(status_field CapAmb) $(status_field CapEff)" \
        "0000000000000000 0000000000000000 0000000000000000"
    mkdir "$WORK/spec"
    keel spec -b "$WORK/spec"
    run jq -c '.process.capabilities.inheritable' "$WORK/spec/config.json"
    assert_output_lacks CAP
}

# peek [FILTER]: a container's first process looks at everything that enters the container.
peek() {
    local i

    begin '["/bin/hostile", "peek", "1500"]' "$1"' | .process.env = ["PATH=" + ("/:" * 20000) + "/bin"]'
    wait_until grep -q ready "$WORK/out"
    # Looking for the command takes a while in so many places: the runtime is there for as long.
    for ((i = 0; i < 8; i++)); do
        keel exec "$ID" true </dev/null >/dev/null 2>&1 || true # it ends when its time is up
    done
    wait_until grep -q '^seen' "$WORK/out"
    run cat "$WORK/out"
    assert_output_matches '^seen [1-9]'
    assert_output_lacks caught
    keel delete -f "$ID"
}

@test "CVE-2016-9962: a container's process can neither trace nor read what enters it" {
    peek .
    # All capabilities, over a user namespace of its own.
    peek '.linux.namespaces += [{type: "user"}] | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
        .linux.uidMappings = .linux.gidMappings | (.process.capabilities |= (.bounding += ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE",
        "CAP_SYS_ADMIN"] | .effective = .bounding | .permitted = .bounding))'
}

@test "a created container waits where nobody can trace it, with no file of the host" {
    make_config "$B" '.process.user.uid = 1000 | .process.user.gid = 1000'
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    local pid fd
    pid=$(keel state "$ID" | jq .pid)
    # Files below /proc/PID belong to root while the process is not dumpable.
    assert_equal "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$pid/status") $(stat -c %u "/proc/$pid/fd")" "1000 0"
    for fd in "/proc/$pid/fd"/*; do
        case $(readlink "$fd") in
        socket:*) ;;
        *) [ "${fd##*/}" -le 2 ] || fail "open: $(readlink "$fd")" ;;
        esac
    done
}

# As root of the container's user namespace, with all its capabilities.
look_at_memory() {
    run nsenter --user --preserve-credentials --target "$1" cat "/proc/$1/environ"
}

@test "a created container cannot be looked at by root of a user namespace that is root outside, too" {
    local pid
    # No id changes on the way into such a namespace, so nothing but the runtime itself hides it.
    make_config "$B" '.process.args = ["sleep", "1000"] | .linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    pid=$(keel state "$ID" | jq .pid)
    look_at_memory "$pid"
    assert_failure
    # Its own command it may look at: the failure was none of the test's making.
    keel start "$ID"
    look_at_memory "$pid"
    assert_success
}

# The program of the runtime, and what it is linked against, in a place where the image can be the
# way to it: a command, or a script's interpreter.
plant_self() {
    local library

    ln -s /proc/self/exe "$B/rootfs/bin/self"
    printf '#!/proc/self/exe\n' >"$B/rootfs/bin/script"
    chmod +x "$B/rootfs/bin/script"
    for library in $(LC_ALL=C ldd "$KEEL_BIN" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$B/rootfs${library%/*}"
        cp "$library" "$B/rootfs$library"
    done
    # Reading this configuration takes for ever, so that the program runs for a while.
    mkdir -p "$B/rootfs/slow"
    mkfifo "$B/rootfs/slow/config.json"
    # Somebody might still write to it: whoever reads it waits.
    exec 8<>"$B/rootfs/slow/config.json"
}

@test "CVE-2019-5736: the runtime's program cannot be written through a container" {
    local before pids pid name
    before=$(sha256sum <"$KEEL_BIN")
    plant_self
    begin '["/bin/hostile", "exe", "2500"]'
    wait_until grep -q ready "$WORK/out"
    for name in self script; do
        keel exec -d --pid-file "$WORK/pid-$name" "$ID" "/bin/$name" run -b /slow x \
            </dev/null >/dev/null 2>&1 || true
    done
    sleep 0.3
    # A pid file has no newline.
    pids=$(sed -s '$G' "$WORK"/pid-* 2>/dev/null || true)
    for pid in $pids; do
        kill -KILL "$pid" || true
    done
    wait_until grep -q '^seen' "$WORK/out"
    run cat "$WORK/out"
    assert_output_lacks caught
    assert_output_matches '^seen [1-9].* held [1-9]'
    assert_equal "$(sha256sum <"$KEEL_BIN")" "$before"
}

@test "CVE-2019-5736: nor by the first process, nor by a hook inside" {
    local before args pid
    before=$(sha256sum <"$KEEL_BIN")
    plant_self
    for args in '["/bin/self", "run", "-b", "/slow", "x"]' '["/bin/script"]'; do
        begin "$args" || true
        [ -e "$KEEL_TEST_ROOT/$ID" ] || continue
        pid=$(keel state "$ID" | jq .pid)
        if [ -e "/proc/$pid/exe" ]; then
            exec 9<"/proc/$pid/exe"
            keel delete -f "$ID"
            run bash -c ': >>/proc/self/fd/9'
            exec 9<&-
            assert_failure
        fi
        keel delete -f "$ID"
    done
    make_config "$B" '.hooks.startContainer = [{path: "/bin/self", args: ["self", "--version"]}] | .process.args = ["true"]'
    run keel run -b "$B" "$ID"
    assert_equal "$(sha256sum <"$KEEL_BIN")" "$before"
}

@test "a FIFO in the place of a document keeps nobody waiting" {
    local keel=(timeout -s KILL 10 "$KEEL_BIN" --root "$KEEL_TEST_ROOT")

    begin '["sleep", "100"]'
    mkfifo "$WORK/fifo"
    mkdir -p "$WORK/c"
    mkfifo "$WORK/c/config.json"
    run "${keel[@]}" run -b "$WORK/c" "$ID-2"
    assert_failure 1
    run "${keel[@]}" exec -p "$WORK/fifo" "$ID"
    assert_failure 255
    run "${keel[@]}" update -r "$WORK/fifo" "$ID"
    assert_failure 1
    refused "(.linux.namespaces[] | select(.type == \"ipc\")).path = \"$WORK/fifo\""
    # What a shell makes of <(...) is none.
    jq '.process | .args = ["echo", "from a pipe"]' "$B/config.json" >"$WORK/process"
    run keel exec -p <(sleep 0.2; cat "$WORK/process") "$ID"
    assert_output "from a pipe"
}

@test "CVE-2019-16884, CVE-2025-52881: nothing but a procfs can be mounted on /proc" {
    mkdir -p "$WORK/fake/self/attr/apparmor" "$WORK/fake/sys/kernel"
    ln -s "$VICTIM/file" "$WORK/fake/self/attr/exec"
    ln -s "$VICTIM/file" "$WORK/fake/self/attr/apparmor/exec"
    ln -s "$VICTIM/file" "$WORK/fake/sys/kernel/shmmax"
    local fake='.mounts |= map(select(.destination != "/proc")) | .mounts |= [{destination: "/proc", type: "bind", source: "'"$WORK/fake"'", options: ["rbind"]}] + .'
    refused "$fake"
    refused "$fake | .process.apparmorProfile = \"unconfined\""
    refused "$fake | .process.selinuxLabel = \"a:b:c:d\""
    refused "$fake | .linux.sysctl = {\"kernel.shmmax\": \"12345\"}"
    refused '.mounts |= map(if .destination == "/proc" then .type = "tmpfs" | .options = [] else . end)'
    # Not below it either, where labels and parameters are written.
    refused '.mounts += [{destination: "/proc/self/attr", type: "tmpfs", source: "t"}]' "inside /proc"
    refused '.mounts += [{destination: "/proc/sys/kernel", type: "bind", source: "'"$WORK/fake"'", options: ["bind"]}]' "inside /proc"
}

@test "CVE-2019-16884: a volume that is the image's way into /proc" {
    ln -s /proc/self/attr "$B/rootfs/attr"
    ln -s proc/sys "$B/rootfs/parameters"
    refused '.mounts += [{destination: "/attr", type: "tmpfs", source: "t"}]'
    refused '.mounts += [{destination: "/parameters/kernel", type: "bind", source: "'"$VICTIM"'", options: ["bind"]}]'
    rmdir "$B/rootfs/proc" && ln -s other "$B/rootfs/proc" && mkdir "$B/rootfs/other"
    refused .
}

@test "CVE-2019-18837: a bind mount's target through links out of the root" {
    ln -s "/../../../../../../../../../..$VICTIM" "$B/rootfs/up"
    ln -s "../../../../../../../../../../../..$VICTIM" "$B/rootfs/relative"
    ln -s "$VICTIM" "$B/rootfs/absolute"
    ln -s "$VICTIM/file" "$B/rootfs/to-file"
    local link
    for link in up relative absolute; do
        run_with '["cat", "/'"$link"'/f"]' '.mounts += [
            {destination: "/'"$link"'/f", type: "bind", source: "/etc/passwd", options: ["bind"]},
            {destination: "/'"$link"'/t", type: "tmpfs", source: "t"},
            {destination: "/'"$link"'/dir", type: "tmpfs", source: "t"}]'
        assert_victim_unchanged
        assert_success
        assert_output_has root:
    done
    run_with '["cat", "/to-file"]' '.mounts += [{destination: "/to-file", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
    assert_victim_unchanged
    assert_output_has root:
}

# A directory that mounts go below, and the link that somebody else exchanges it for.
place_volume() {
    rm -rf "$WORK/volume/dir" "$WORK/volume/link"
    mkdir -p "$WORK/volume/dir/dir"
    ln -s "../../../../../../../../../../../..$WORK/outside" "$WORK/volume/link"
}

# Where the container starts, the mounts must be in it: what is not went elsewhere.
after_mounts() {
    [ "$fault_status" != 0 ] || assert_equal "$(<"$WORK/out")" "mounts 3"
}

@test "CVE-2021-30465, CVE-2024-45310: a directory of a volume exchanged for a link at any moment" {
    require_fault_tools
    place_volume
    echo marker >"$WORK/marker"
    # Where the link leads nothing is missing, so that a mount that goes there does not fail.
    mkdir -p "$WORK/outside/dir" "$WORK/outside/new/deep/er"
    touch "$WORK/outside/new-file"
    # What is mounted on is there, or directories are made for it, or a file.
    make_config "$B" '.process.args = ["sh", "-c", "echo mounts $(grep -c marker /proc/self/mountinfo)"] |
        .linux |= del(.maskedPaths, .readonlyPaths) | .mounts |= map(select(.destination == "/proc")) | .mounts += [
        {destination: "/volume", type: "bind", source: "'"$WORK/volume"'", options: ["rbind"]},
        {destination: "/volume/dir/dir", type: "tmpfs", source: "marker"},
        {destination: "/volume/dir/new/deep/er", type: "tmpfs", source: "marker"},
        {destination: "/volume/dir/new-file", type: "bind", source: "'"$WORK/marker"'", options: ["bind"]}]'
    exchange_sweep "$WORK/volume/dir" "$WORK/volume/link" place_volume after_mounts run -b "$B" "$ID"
}

@test "CVE-2021-43784: id maps and namespace paths too large to be passed on" {
    refused '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [range(4000) | {containerID: ., hostID: (100000 + .), size: 1}] |
        .linux.gidMappings = .linux.uidMappings'
    refused '(.linux.namespaces[] | select(.type == "network")).path = "/" + ([range(20000) | "abcd"] | join("/"))'
}

@test "CVE-2023-25809: without a cgroup namespace of its own a user namespace cannot write cgroups" {
    run_with '["sh", "-c", "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/escaped && echo made in $d; done; find /sys/fs/cgroup -name cgroup.procs -writable; echo end"]' \
        '.linux.namespaces |= map(select(.type != "cgroup")) + [{type: "user"}] |
        .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.uidMappings = .linux.gidMappings |
        .mounts |= map(if .destination == "/sys" then .type = "bind" | .source = "/sys" | .options = ["rbind", "ro", "nosuid"] else . end) +
        [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    assert_success
    assert_output end
}

@test "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: /proc and /sys as links" {
    local dir target
    for dir in proc sys; do
        rm -rf "${B:?}/rootfs/$dir"
        for target in "$VICTIM" tmp /tmp ../../..; do
            ln -s "$target" "$B/rootfs/$dir"
            refused . "must be mounted on ordinary directory"
            rm "$B/rootfs/$dir"
        done
        mkdir "$B/rootfs/$dir"
    done
}

place_proc() {
    rm -rf "${B:?}/rootfs/proc" "$B/rootfs/link"
    mkdir -p "$B/rootfs/proc" "$B/rootfs/fake"
    ln -s fake "$B/rootfs/link"
}

# Exchanged with a link, /proc is either refused, or has all its masks, by whatever name.
after_proc() {
    [ "$fault_status" != 0 ] || assert_equal "$(<"$WORK/out")" "$masks"
}

@test "CVE-2019-19921: /proc exchanged for a link at any moment while the container is made" {
    require_fault_tools
    local masks
    make_config "$B" '.process.args = ["sh", "-c", "cat /proc/self/mountinfo /link/self/mountinfo 2>/dev/null | grep -cE \" /(proc|link)/\""] |
        .mounts |= map(select(.destination == "/proc")) |
        .linux.maskedPaths = ["/proc/kcore", "/proc/keys"] | .linux.readonlyPaths = ["/proc/sys"]'
    place_proc
    masks=$(keel run -b "$B" "$ID" </dev/null)
    ((masks > 1)) || fail "there are only $masks masks"
    exchange_sweep "$B/rootfs/proc" "$B/rootfs/link" place_proc after_proc run -b "$B" "$ID"
}

@test "CVE-2024-21626: no open file of the runtime is a working directory" {
    local n
    for ((n = 3; n <= 64; n++)); do
        make_config "$B" '.process.cwd = "/proc/self/fd/'$n'" | .process.args = ["/bin/hostile", "cwd"]'
        run keel run -b "$B" "$ID" </dev/null
        assert_failure
        assert_output_lacks caught
    done
    begin '["sleep", "1000"]'
    for ((n = 3; n <= 64; n++)); do
        run keel exec --cwd "/proc/self/fd/$n" "$ID" /bin/hostile cwd
        assert_failure
        assert_output_lacks caught
    done
    # Through a link of the image's, and through other processes' directories.
    for ((n = 3; n <= 16; n++)); do
        ln -sfn "/proc/self/fd/$n" "$B/rootfs/way"
        run keel exec --cwd /way "$ID" /bin/hostile cwd
        assert_failure
    done
    run keel exec --cwd /proc/1/root "$ID" /bin/hostile cwd
    assert_output_lacks caught
}

@test "CVE-2024-21626: processes have no open files but the standard ones" {
    run_with '["/bin/hostile", "cwd"]'
    assert_success
    assert_output ""
    begin '["sleep", "1000"]'
    run keel exec "$ID" /bin/hostile cwd
    assert_success
    assert_output ""
    keel delete -f "$ID"
}

# without_files COMMAND...: with none but the standard ones, whatever the tests' harness has open.
without_files() {
    local fd

    for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        ((fd < 3 || fd == 255)) || eval "exec $fd>&-"
    done
    "$@"
}

@test "CVE-2024-21626: passing on more files than there are passes on none of the runtime's" {
    local n
    make_config "$B" '.process.args = ["/bin/hostile", "cwd"]'
    run without_files keel run --preserve-fds 20 -b "$B" "$ID" </dev/null
    assert_output_lacks caught
    for ((n = 3; n <= 22; n++)); do
        make_config "$B" '.process.cwd = "/proc/self/fd/'$n'" | .process.args = ["/bin/hostile", "cwd"]'
        run without_files keel run --preserve-fds 20 -b "$B" "$ID" </dev/null
        assert_output_lacks caught
    done
    begin '["sleep", "1000"]'
    run without_files keel exec --preserve-fds 20 "$ID" /bin/hostile cwd
    assert_output_lacks caught
}

# What the runtime makes in a root file system, each as a link to the host.
device_names='null zero full random urandom tty console ptmx pts shm mqueue fd stdin stdout stderr'

@test "CVE-2025-24965: files that are made in the root, with links in their places" {
    local name target
    for target in "$VICTIM/file" "$VICTIM/new" "$VICTIM/dir"; do
        for name in $device_names; do
            rm -rf "${B:?}/rootfs/dev/$name"
            ln -s "$target" "$B/rootfs/dev/$name"
        done
        ln -sfn "$target" "$B/rootfs/cwd"
        ln -sfn "$target-file" "$B/rootfs/file"
        run_with '["true"]' '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.cwd = "/cwd/made"'
        assert_victim_unchanged
        run_with '["true"]' '.mounts |= map(select(.destination != "/dev"))'
        assert_victim_unchanged
        run_with '["true"]' '.mounts += [{destination: "/file", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
        assert_victim_unchanged
        # Where nodes cannot be made the host's are bound.
        run_with '["true"]' '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.namespaces += [{type: "user"}] |
            .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
        assert_victim_unchanged
    done
}

# A directory of devices that somebody else changes: what is at first "null" is a link to TARGET later.
UP=../../../../../../../../../..

place_devices() {
    rm -rf "${WORK:?}/dev"
    mkdir "$WORK/dev"
    mknod -m 666 "$WORK/dev/null" c 1 3
    ln -s "$1" "$WORK/dev/link"
}

place_device() {
    place_devices "$UP$VICTIM/file"
}

@test "CVE-2025-24965: a device node exchanged for a link to a file of the host, at any moment" {
    require_fault_tools
    # Not on /dev: what the configuration binds there is used as it is.
    make_config "$B" '.process.args = ["true"] | .mounts |= map(select(.destination == "/proc")) | .linux |= del(.maskedPaths, .readonlyPaths) |
        .mounts += [{destination: "/volume", type: "bind", source: "'"$WORK/dev"'", options: ["rbind"]}] |
        .linux.devices = [{path: "/volume/null", type: "c", major: 1, minor: 3, fileMode: 438, uid: 7, gid: 7}]'
    exchange_sweep "$WORK/dev/null" "$WORK/dev/link" place_device assert_victim_unchanged run -b "$B" "$ID"
}

place_nothing() {
    rm -rf "${WORK:?}/dev"
    mkdir "$WORK/dev"
    ln -s "$VICTIM/new" "$WORK/dev/link"
}

@test "CVE-2025-24965: a link that appears at any moment where a file is made" {
    require_fault_tools
    make_config "$B" '.process.args = ["true"] | .mounts = [{destination: "/volume", type: "bind", source: "'"$WORK/dev"'", options: ["rbind"]},
        {destination: "/volume/file", type: "bind", source: "/etc/passwd", options: ["bind"]}] | .linux |= del(.maskedPaths, .readonlyPaths)'
    exchange_sweep "$WORK/dev/file" "$WORK/dev/link" place_nothing assert_victim_unchanged run -b "$B" "$ID"
}

configure_masks() {
    make_config "$B" '.process.args = ["sh", "-c", "stat -c \"%F %t:%T\" /proc/timer_list /secret; cat /secret; echo overwritten >/secret"] |
        .linux.maskedPaths += ["/secret"] | .mounts |= map(select(.destination | startswith("/dev") | not)) |
        .mounts += [{destination: "/dev", type: "bind", source: "'"$WORK/dev"'", options: ["rbind"]}]'
}

# The mask of a file must be the null device, or there is no container.
masked() {
    run --separate-stderr keel run -b "$B" "$ID" </dev/null
    assert_victim_unchanged
    assert_equal "$(cat "$B/rootfs/secret")" secret
    [ "$status" != 0 ] || assert_output $'character special file 1:3\ncharacter special file 1:3'
}

@test "CVE-2025-31133, CVE-2025-62161: masks do not depend on the container's /dev/null" {
    mkdir "$WORK/dev"
    echo secret >"$B/rootfs/secret"
    configure_masks
    ln -s /proc/sys/kernel/core_pattern "$WORK/dev/null"
    masked
    ln -sfn "../../../../../../../../../../..$VICTIM/file" "$WORK/dev/null"
    masked
    rm "$WORK/dev/null"
    echo regular >"$WORK/dev/null"
    masked
    rm "$WORK/dev/null"
    mknod -m 666 "$WORK/dev/null" c 1 5
    masked
}

place_null() {
    place_devices /proc/sys/kernel/core_pattern
}

after_masks() {
    assert_victim_unchanged
    assert_equal "$(cat "$B/rootfs/secret")" secret
    [ "$fault_status" != 0 ] ||
        assert_equal "$(<"$WORK/out")" $'character special file 1:3\ncharacter special file 1:3'
}

@test "CVE-2025-31133: /dev/null exchanged for a link at any moment while masks are made" {
    require_fault_tools
    echo secret >"$B/rootfs/secret"
    configure_masks
    edit_config "$B" '.mounts |= map(select(.destination == "/proc" or .destination == "/dev")) |
        .linux.maskedPaths = ["/proc/timer_list", "/secret"] | .linux.readonlyPaths = []'
    exchange_sweep "$WORK/dev/null" "$WORK/dev/link" place_null after_masks run -b "$B" "$ID"
}

# with_terminal FILTER: the bundle with a terminal, on the terminal of script(1).
with_terminal() {
    make_config "$B" ".process.terminal = true | $1"
    run on_terminal timeout --foreground 10 "$KEEL_BIN" --root "$KEEL_TEST_ROOT" run -b "$B" "$ID"
    [ "$status" != 124 ] || fail "hangs"
    assert_victim_unchanged
}

@test "CVE-2025-52565: terminals of a hostile /dev/pts, consoles in a hostile /dev" {
    require_tool script
    local name
    mkdir "$WORK/pts"
    for name in ptmx 0 1 2; do
        ln -s /proc/sys/kernel/core_pattern "$WORK/pts/$name"
    done
    local hostile='.mounts |= map(if .destination == "/dev/pts" then .type = "bind" | .source = "'"$WORK/pts"'" | .options = ["rbind"] else . end)'
    with_terminal "$hostile | .process.args = [\"echo\", \"it-runs\"]"
    assert_output_lacks it-runs
    rm "$WORK/pts/ptmx" && mkfifo "$WORK/pts/ptmx"
    with_terminal "$hostile | .process.args = [\"echo\", \"it-runs\"]"
    assert_output_lacks it-runs
    # The real devpts, and something else in the place of the console.
    mkdir "$WORK/dev"
    hostile='.mounts |= map(select(.destination != "/dev")) | .mounts |= [{destination: "/dev", type: "bind", source: "'"$WORK/dev"'", options: ["rbind"]}] + . |
        .process.args = ["sh", "-c", "echo text >/dev/console"]'
    ln -s "../../../../../../../../../../..$VICTIM/file" "$WORK/dev/console"
    with_terminal "$hostile"
    ln -sfn "$VICTIM/new" "$WORK/dev/console"
    with_terminal "$hostile"
    rm "$WORK/dev/console" && mkfifo "$WORK/dev/console"
    with_terminal "$hostile"
    rm "$WORK/dev/console" && mkdir "$WORK/dev/console"
    with_terminal "$hostile"
}

@test "CVE-2025-52881: sysctls and labels reach the kernel's own files alone" {
    local before
    before=$(cat /proc/sys/kernel/core_pattern /proc/sys/kernel/shmmax)
    run_with '["cat", "/proc/sys/kernel/shmmax"]' '.linux.sysctl = {"kernel.shmmax": "12345"}'
    assert_output 12345
    local key
    for key in ../core_pattern kernel/../../sysrq-trigger .. ../../etc/passwd kernel/../kernel/core_pattern; do
        refused '.linux.sysctl = {"'"$key"'": "x"}'
    done
    assert_equal "$(cat /proc/sys/kernel/core_pattern /proc/sys/kernel/shmmax)" "$before"
}

@test "CVE-2026-41579, CVE-2026-47766: /dev as a link to a directory of the host" {
    local target
    for target in "$VICTIM" "../../../../../../../../../../..$VICTIM"; do
        rm -rf "$B/rootfs/dev"
        ln -s "$target" "$B/rootfs/dev"
        run_with '["true"]' '.mounts |= map(select(.destination | startswith("/dev") | not))'
        assert_victim_unchanged
        run_with '["true"]'
        assert_victim_unchanged
    done
}

@test "/sys, /sys/fs/cgroup and the working directory as links to the host" {
    ln -s "../../../../../../../../../../..$VICTIM" "$B/rootfs/work"
    run_with '["pwd"]' '.process.cwd = "/work/made/here"'
    assert_victim_unchanged
    rmdir "$B/rootfs/sys"
    mkdir -p "$B/rootfs/sys/fs"
    ln -s "../../../../../../../../../../../..$VICTIM" "$B/rootfs/sys/fs/cgroup"
    run_with '["true"]' '.mounts |= map(select(.destination != "/sys")) + [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}]'
    assert_victim_unchanged
}

@test "masked and read-only paths through links stay inside" {
    ln -s "../../../../../../../../../../..$VICTIM/file" "$B/rootfs/one"
    ln -s /proc/self/root/../.. "$B/rootfs/magic"
    ln -s "/proc/1/root$VICTIM/dir" "$B/rootfs/other"
    run_with '["true"]' '.linux.maskedPaths += ["/one", "/other"] | .linux.readonlyPaths += ["/other", "/one"]'
    touch "$VICTIM/dir/still-writable" && rm "$VICTIM/dir/still-writable"
    assert_victim_unchanged
    refused '.linux.maskedPaths += ["/magic"]'
}

@test "cgroup paths cannot leave their place" {
    local path
    for path in /../x a/../../x .. /a/.. ../../tmp; do
        refused '.linux.cgroupsPath = "'"$path"'"' '..'
    done
    begin '["sleep", "1000"]'
    for path in .. ../.. a/../.. ../other; do
        run keel exec --cgroup "$path" "$ID" true
        assert_failure
    done
}

@test "ids are names, not paths" {
    local id
    make_config "$B" '.process.args = ["true"]'
    for id in .. . ../x a/b /tmp/x '' 'a b' $'a\nb' 'a*' "$(printf 'x%.0s' {1..2000})"; do
        run keel run -b "$B" -- "$id" </dev/null
        assert_failure
        run keel delete -f -- "$id"
        assert_failure
    done
    # A link in the state directory leads nowhere.
    ln -s "$VICTIM" "$KEEL_TEST_ROOT/link"
    run keel delete -f link
    run keel state link
    assert_failure
    assert_victim_unchanged
    rm -f "$KEEL_TEST_ROOT/link"
}
