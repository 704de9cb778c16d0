# SPDX-License-Identifier: Apache-2.0
#
# What the benchmarks share: a workspace, a private view of the host, and the contestants.
#
# A benchmark re-executes itself in mount and network namespaces of its own. There it may mount,
# let daemons make their bridges and firewall rules, and give everybody the same cgroups; all of it
# is gone with the last process. On a hybrid host the empty v2 hierarchy is left out of that view,
# since old versions of some contestants refuse to work beside it: what all of them see is pure v1.
#
# Programs are taken from the environment (HULL_BIN, KEEL_BIN, CRUN, RUNC, PODMAN, DOCKERD, ...) or
# from PATH; who is missing is named and left out.

BENCH_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

skip() {
    echo "cannot measure: $*" >&2
    exit 77
}

# shellcheck source=/dev/null
source "$BENCH_DIR/../tests/integration/lib/fixture.bash"

FLOOR=$HULL_BUILD/bench/floor
MEASURE=$HULL_BUILD/bench/measure
BUSYBOX_IMAGE=docker.io/library/busybox:latest

note() {
    echo "# $*"
}

# bench_begin "$@": the script's own arguments. Returns inside the namespaces, with $WORK made.
bench_begin() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    [ -x "$FLOOR" ] && [ -x "$MEASURE" ] || skip "$HULL_BUILD/bench is not built"
    if [ "${HULL_BENCH_INSIDE:-}" != 1 ]; then
        HULL_BENCH_INSIDE=1 exec unshare --mount --net --propagation private "$0" "$@"
    fi
    setup_fixture
    trap bench_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    ip link set lo up
    hide_unified_cgroup
}

bench_end() {
    local status=$?

    trap - EXIT
    teardown_fixture || status=1
    exit "$status"
}

# hide_unified_cgroup: on a hybrid host, makes /sys/fs/cgroup a tmpfs with the v1 hierarchies only.
hide_unified_cgroup() {
    local dir name

    [ -d /sys/fs/cgroup/unified ] && [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || return 0
    mkdir "$WORK/cgroup"
    mount -t tmpfs -o mode=755 cgroup "$WORK/cgroup"
    for dir in /sys/fs/cgroup/*/; do
        name=$(basename "$dir")
        [ "$(stat -fc %T "$dir")" = cgroupfs ] || continue
        mkdir "$WORK/cgroup/$name"
        mount --bind "$dir" "$WORK/cgroup/$name"
    done
    umount -R -l /sys/fs/cgroup
    mount --rbind "$WORK/cgroup" /sys/fs/cgroup
    umount -R -l "$WORK/cgroup"
    rmdir "$WORK/cgroup"
}

# find_tool VARIABLE NAME...: sets VARIABLE to the first NAME found unless the environment set it;
# fails with a note if there is none.
find_tool() {
    local variable=$1 name

    shift
    [ -z "${!variable:-}" ] || return 0
    for name; do
        if type -P "$name" >/dev/null; then
            printf -v "$variable" %s "$(type -P "$name")"
            return 0
        fi
    done
    note "not installed: $1"
    return 1
}

have_hull() {
    [ -x "$HULL_BIN" ] && "$HULL_BIN" --version >/dev/null 2>&1 && return 0
    note "not built: hull"
    return 1
}

have_keel() {
    [ -x "$KEEL_BIN" ] && "$KEEL_BIN" --version >/dev/null 2>&1 && return 0
    note "not built: keel"
    return 1
}

# add_case NAME COMMAND ARG...: one contestant for measure, kept in CASES.
CASES=()
add_case() {
    CASES+=(--case "$@")
}

# make_bench_bundles PREFIX N JQ_FILTER: bundles $WORK/PREFIX-0 ... N-1, which share one rootfs and
# have a cgroup path each.
make_bench_bundles() {
    local prefix=$1 n=$2 filter=$3 i

    [ -d "$WORK/rootfs" ] || make_busybox_rootfs "$WORK/rootfs"
    for ((i = 0; i < n; i++)); do
        mkdir -p "$WORK/$prefix-$i"
        make_config "$WORK/$prefix-$i" ".root.path = \"$WORK/rootfs\" |
            .linux.cgroupsPath += \"-$prefix-$i\" | $filter"
    done
}

# seccomp_filter: a jq program that adds a profile of the shape and size that engines pass: default
# EPERM, all calls allowed by name but those for administrators, some only with certain arguments.
seccomp_filter() {
    local denied='^(acct|add_key|bpf|clock_(adjtime|settime)|(delete|finit|init)_module|fs(config|
        mount|open|pick)|io_uring_.*|kexec_.*|keyctl|lookup_dcookie|mbind|mount|mount_setattr|
        move_mount|move_pages|open_by_handle_at|open_tree|perf_event_open|personality|pivot_root|
        quotactl.*|reboot|request_key|setns|settimeofday|socket|clone|clone3|swapo.*|umount.*|
        unshare|userfaultfd|vhangup|.*_mempolicy|_.*)$'
    local names

    names=$(printf '#include <sys/syscall.h>\n' | "${CC:-cc}" -E -dM - |
        sed -n 's/^#define __NR_\([a-z_0-9]*\) .*/\1/p' | grep -Evx "${denied//[$'\n' ]/}" |
        sort -u | jq -Rnc '[inputs]')
    cat <<-END
	.linux.seccomp = {
	  defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_$(seccomp_arch)"],
	  syscalls: [
	    {names: $names, action: "SCMP_ACT_ALLOW"},
	    {names: ["personality"], action: "SCMP_ACT_ALLOW",
	      args: [{index: 0, value: 0, op: "SCMP_CMP_EQ"}]},
	    {names: ["personality"], action: "SCMP_ACT_ALLOW",
	      args: [{index: 0, value: 4294967295, op: "SCMP_CMP_EQ"}]},
	    {names: ["socket"], action: "SCMP_ACT_ALLOW",
	      args: [{index: 0, value: 40, op: "SCMP_CMP_NE"}]},
	    {names: ["clone"], action: "SCMP_ACT_ALLOW",
	      args: [{index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ"}]},
	    {names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}
	  ]}
	END
}

seccomp_arch() {
    case $(uname -m) in
    x86_64) echo X86_64 ;;
    aarch64) echo AARCH64 ;;
    riscv64) echo RISCV64 ;;
    ppc64le) echo PPC64LE ;;
    s390x) echo S390X ;;
    *) skip "no seccomp architecture name for $(uname -m)" ;;
    esac
}

# start_sleeper RUNTIME... ID: a container that waits to be entered: RUNTIME run -d with its own
# bundle and cgroup path. Deleted at the end.
start_sleeper() {
    local id=${*: -1} runtime=("${@:1:$#-1}")

    mkdir -p "$WORK/sleeper-$id"
    make_config "$WORK/sleeper-$id" ".process.args = [\"/bin/sleep\", \"100000\"] |
        .root.path = \"$WORK/rootfs\" | .linux.cgroupsPath += \"-$id\""
    "${runtime[@]}" run -d -b "$WORK/sleeper-$id" "$id" </dev/null >"$WORK/$id.log" 2>&1 || {
        note "${runtime[0]##*/} does not start a container: $(tail -n1 "$WORK/$id.log")"
        return 1
    }
    defer "${runtime[@]}" delete -f "$id"
}

# busybox_archive: a docker archive that all engines can load; its path in BUSYBOX_ARCHIVE.
busybox_archive() {
    BUSYBOX_ARCHIVE=$WORK/busybox.tar
    [ -e "$BUSYBOX_ARCHIVE" ] || make_docker_archive "$BUSYBOX_ARCHIVE" busybox:latest
}

# start_podman: PODMAN_RUN becomes the command with a storage of its own, busybox loaded.
start_podman() {
    find_tool PODMAN podman || return 1
    PODMAN_RUN=("$PODMAN" --root "$WORK/podman/root" --runroot "$WORK/podman/run"
        --tmpdir "$WORK/podman/tmp" --cgroup-manager cgroupfs --events-backend none)
    [ -z "${CRUN:-}" ] || PODMAN_RUN+=(--runtime "$CRUN")
    busybox_archive
    "${PODMAN_RUN[@]}" load -q -i "$BUSYBOX_ARCHIVE" >"$WORK/podman.log" 2>&1 || {
        note "podman does not work here: $(tail -n1 "$WORK/podman.log")"
        return 1
    }
    defer "${PODMAN_RUN[@]}" rm -fa -t 0
}

# start_docker [DOCKERD_OPTION...]: a daemon with its own data, socket and pid file, busybox loaded;
# DOCKER_RUN becomes the client command.
start_docker() {
    find_tool DOCKERD dockerd && find_tool DOCKER docker || return 1
    mkdir -p "$WORK/docker"
    DOCKER_RUN=("$DOCKER" -H "unix://$WORK/docker/sock")
    "$DOCKERD" --data-root "$WORK/docker/data" --exec-root "$WORK/docker/exec" \
        --pidfile "$WORK/docker/pid" -H "unix://$WORK/docker/sock" --userland-proxy=false "$@" \
        >"$WORK/docker.log" 2>&1 &
    defer stop_process $!
    if ! wait_until 20 "${DOCKER_RUN[@]}" version; then
        note "dockerd does not work here: $(tail -n1 "$WORK/docker.log")"
        return 1
    fi
    busybox_archive
    "${DOCKER_RUN[@]}" load -q -i "$BUSYBOX_ARCHIVE" >/dev/null || return 1
    defer remove_docker_containers
}

remove_docker_containers() {
    local ids

    ids=$("${DOCKER_RUN[@]}" ps -aq)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || "${DOCKER_RUN[@]}" rm -f $ids >/dev/null
}

# start_hull: busybox loaded into the workspace's root.
start_hull() {
    have_hull || return 1
    HULL_RUN=("$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT")
    busybox_archive
    "${HULL_RUN[@]}" load -q -i "$BUSYBOX_ARCHIVE" >"$WORK/hull.log" 2>&1 || {
        note "hull does not load an image: $(tail -n1 "$WORK/hull.log")"
        return 1
    }
}

# describe_host: what the numbers depend on.
describe_host() {
    local cgroups

    cgroups="v2"
    [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] ||
        cgroups="v1, $(awk '$(NF - 2) == "cgroup"' /proc/self/mountinfo | wc -l) hierarchies"
    note "Linux $(uname -r), $(nproc) CPUs ($(sed -n 's/^model name.*: //p;T;q' /proc/cpuinfo))," \
        "cgroup $cgroups, load $(cut -d' ' -f1 /proc/loadavg)"
}

# describe_tool NAME COMMAND...: its version in one line.
describe_tool() {
    note "$1: $("${@:2}" --version 2>/dev/null | head -n1)"
}
