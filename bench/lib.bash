# SPDX-License-Identifier: Apache-2.0
#
# What the benchmarks share: a workspace, a private view of the host, bundles.
#
# A benchmark re-executes itself in mount and network namespaces of its own. There it may mount,
# let daemons make their bridges and firewall rules, and give everybody the same cgroups; all of it
# is gone with the last process. On a hybrid host the empty v2 hierarchy is left out of that view,
# since old versions of some contestants refuse to work beside it: what all of them see is pure v1.

BENCH_DIR=$(cd "${BASH_SOURCE[0]%/*}" && pwd)

skip() {
    echo "cannot measure: $*" >&2
    exit 77
}

# shellcheck source=tests/integration/lib/fixture.bash
source "$BENCH_DIR/../tests/integration/lib/fixture.bash"
# shellcheck source=bench/contestants.bash
source "$BENCH_DIR/contestants.bash"

FLOOR=$HULL_BUILD/bench/floor
MEASURE=$HULL_BUILD/bench/measure
# shellcheck disable=SC2034 # for compare and the scripts' exit status
OPTIONS=() STATUS=0

note() {
    echo "# $*"
}

# bench_begin "$@": the script's own arguments. Returns inside the namespaces, with $WORK made. With
# KEEP_UNIFIED set, cgroups stay as they are on the host.
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
    # Daemons leave much there whatever they are told.
    mount -t tmpfs -o mode=755 run /run
    # What everybody keeps below /run as long as a container lives.
    RUN=$HULL_TEST_RUN_ROOT
    mount -t tmpfs -o mode=755 run "$RUN"
    ip link set lo up
    [ -n "${KEEP_UNIFIED:-}" ] || hide_unified_cgroup
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

# describe_host: what the numbers depend on.
describe_host() {
    local cgroups

    cgroups="v2"
    [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] ||
        cgroups="v1, $(awk '$(NF - 2) == "cgroup"' /proc/self/mountinfo | wc -l) hierarchies"
    note "Linux $(uname -r), $(nproc) CPUs ($(sed -n 's/^model name.*: //p;T;q' /proc/cpuinfo))," \
        "cgroup $cgroups, load $(cut -d' ' -f1 /proc/loadavg)"
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
