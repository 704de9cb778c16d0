# SPDX-License-Identifier: Apache-2.0
#
# For tests of containers: each starts with an image "busybox" in a root of its own, imported from
# a tar that is made once per file.

# setup_file_busybox: call it in setup_file.
setup_file_busybox() {
    BUSYBOX_TAR=$BATS_FILE_TMPDIR/busybox.tar
    WORK=$BATS_FILE_TMPDIR make_busybox_tar "$BUSYBOX_TAR"
    export BUSYBOX_TAR
}

# setup_container: the fixture, the host as it was, and the image.
setup_container() {
    require_root
    require_hull
    setup_fixture
    snapshot_host
    hull import -c 'CMD ["/bin/sh"]' "$BUSYBOX_TAR" busybox:latest >/dev/null
}

# teardown_container: everything goes, and the host must be as it was.
teardown_container() {
    # What is deferred may need them gone (the mount of a root), or hold them (a mounted image).
    remove_containers 2>/dev/null
    run_deferred
    remove_containers
    if [ -z "${BATS_TEST_SKIPPED:-}" ] && [ -n "${HOST_BEFORE:-}" ]; then
        assert_host_unchanged || BATS_LEFT_OVER=1
    fi
    teardown_fixture
    [ -z "${BATS_LEFT_OVER:-}" ]
}

# container_id NAME: the full id.
container_id() {
    hull inspect --format '{{.Id}}' "$1"
}

# container_pid NAME: the host's pid of its first process.
container_pid() {
    hull inspect --format '{{.State.Pid}}' "$1"
}

# monitor_pid NAME: the pid of its hull-monitor.
monitor_pid() {
    local pid status

    pid=$(container_pid "$1")
    status=$(<"/proc/$pid/status")
    [[ $status =~ PPid:[[:space:]]+([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

container_state_is() {
    [ "$(hull inspect --format '{{.State.Status}}' "$1")" = "$2" ]
}

# log_has NAME TEXT: the container has printed that.
log_has() {
    [[ $(hull logs "$1" 2>&1) == *"$2"* ]]
}
