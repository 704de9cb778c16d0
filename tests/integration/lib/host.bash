# SPDX-License-Identifier: Apache-2.0
#
# What a test must leave as it found it: mounts, cgroups, network links, nftables tables, named
# network namespaces, files below /run, and processes of ours. `snapshot_host` remembers it,
# `assert_host_unchanged` compares. Teardown of a container is partly asynchronous in the kernel
# (network namespaces above all), so the comparison is repeated for some seconds before it fails,
# which also forgives what other users of the host have for a moment.
#
# With HULL_TEST_SHARED_HOST=1 only lines count that name the workspace or the test's id, for a host
# on which others mount and start things meanwhile.

# host_state: one line per thing, sorted, without what changes by itself (mount ids).
host_state() {
    {
        awk '{ print "mount", $5, $4, $(NF - 2), $(NF - 1) }' /proc/self/mountinfo
        find /sys/fs/cgroup -mindepth 1 -type d -printf 'cgroup %p\n' 2>/dev/null
        for link in /sys/class/net/*; do
            echo "link ${link##*/}"
        done
        find /run -mindepth 1 -maxdepth 2 \( -name 'hull*' -o -name 'keel*' -o \
            -path '/run/netns/*' \) -printf 'run %p\n' 2>/dev/null
        if type -P nft >/dev/null; then
            nft list tables 2>/dev/null | sed 's/^/nft /'
        fi
        host_processes
    } | host_scope | LC_ALL=C sort
}

# host_processes: processes whose program is one of ours, by pid and name.
host_processes() {
    local status name pid

    for status in /proc/[0-9]*/status; do
        name=
        { read -r _ name <"$status"; } 2>/dev/null
        case $name in
        hull* | keel*)
            pid=${status#/proc/}
            echo "process ${pid%/status} $name $(tr '\0' ' ' 2>/dev/null <"${status%status}cmdline")"
            ;;
        esac
    done
}

host_scope() {
    if [ "${HULL_TEST_SHARED_HOST:-0}" = 1 ]; then
        grep -F -e "${WORK:-/nonexistent}" -e "${TEST_ID:-/nonexistent}" || true
    else
        cat
    fi
}

snapshot_host() {
    HOST_BEFORE=$(host_state)
}

# Nothing came and nothing went, but for processes that an earlier test had left on their way out.
host_unchanged() {
    local now

    now=$(host_state)
    [ "$(grep -v '^process ' <<<"$now")" = "$(grep -v '^process ' <<<"$HOST_BEFORE")" ] &&
        [ -z "$(LC_ALL=C comm -13 <(grep '^process ' <<<"$HOST_BEFORE") \
            <(grep '^process ' <<<"$now"))" ]
}

# assert_host_unchanged [SECONDS]: shows the difference and fails if it does not go away.
assert_host_unchanged() {
    wait_until "${1:-5}" host_unchanged 2>/dev/null && return 0
    echo "the host differs from what it was before (- before, + now):" >&2
    diff -U0 <(printf '%s\n' "$HOST_BEFORE") <(host_state) | sed '1,2d; /^@@/d' >&2
    return 1
}
