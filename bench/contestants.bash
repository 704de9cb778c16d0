# SPDX-License-Identifier: Apache-2.0
#
# The contestants of the benchmarks. Every one works on storage of its own inside $WORK, daemons
# are started for the benchmark and ended by their process id.
#
# Programs are taken from the environment (HULL_BIN, KEEL_BIN, CRUN, RUNC, PODMAN, DOCKERD, ...) or
# from PATH; who is missing is named and left out.

# shellcheck disable=SC2034 # for the scripts that source this file
BUSYBOX_IMAGE=docker.io/library/busybox:latest

# add_case NAME COMMAND ARG...: one contestant for measure, kept in CASES.
CASES=()
add_case() {
    CASES+=(--case "$@")
}

# expect_status 7 COMMAND...: the command, which ends with this status inside a container, brings it
# out. Whoever does not do the work is not to be compared by its time.
expect_status() {
    local expected=$1 status=0

    shift
    "$@" </dev/null >"$WORK/contestant.log" 2>&1 || status=$?
    [ $status = "$expected" ] && return 0
    note "left out, exit status $status instead of $expected: $* ($(tail -n1 "$WORK/contestant.log"))"
    return 1
}

# compare GROUP BASE...: measures CASES, prints a table with ratios to these cases.
compare() {
    local group=$1 bases=() base

    shift
    for base; do
        bases+=(--base "$base")
    done
    # shellcheck disable=SC2034
    "$MEASURE" "${OPTIONS[@]}" --group "$group" "${bases[@]}" "${CASES[@]}" || STATUS=$?
    CASES=()
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

# remove_later NAME: an engine's parent cgroup that does not exist yet and would stay behind.
remove_later() {
    local hierarchy

    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ -e "$hierarchy/$1" ] || defer remove_cgroup_tree "$hierarchy/$1"
    done
}

# An engine's last processes may take a moment to leave.
remove_cgroup_tree() {
    wait_until 10 rmdir_cgroup_tree "$1"
}

rmdir_cgroup_tree() {
    [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} +
}

# busybox_archive: a docker archive that all engines can load; its path in BUSYBOX_ARCHIVE.
busybox_archive() {
    BUSYBOX_ARCHIVE=$WORK/busybox.tar
    [ -e "$BUSYBOX_ARCHIVE" ] || make_docker_archive "$BUSYBOX_ARCHIVE" busybox:latest
}

# shellcheck disable=SC2034 # read by name in engine_command
HULL_OPTIONS=() PODMAN_OPTIONS=() DOCKER_OPTIONS=()

# start_podman: PODMAN_RUN becomes the command with a storage of its own, busybox loaded.
start_podman() {
    find_tool PODMAN podman || return 1
    remove_later libpod_parent
    PODMAN_RUN=("$PODMAN" --root "$WORK/podman/root" --runroot "$RUN/podman"
        --tmpdir "$WORK/podman/tmp" --cgroup-manager cgroupfs --events-backend none)
    [ -z "${CRUN:-}" ] || PODMAN_RUN+=(--runtime "$CRUN")
    busybox_archive
    "${PODMAN_RUN[@]}" load -q -i "$BUSYBOX_ARCHIVE" >"$WORK/podman.log" 2>&1 || {
        note "podman does not work here: $(tail -n1 "$WORK/podman.log")"
        return 1
    }
    # Limits that can be set without CAP_SYS_RESOURCE too; those of podman itself are higher.
    # shellcheck disable=SC2034
    PODMAN_OPTIONS=(--ulimit nofile=1024 --ulimit nproc=16384)
    defer remove_podman_containers
}

remove_podman_containers() {
    "${PODMAN_RUN[@]}" rm -fa -t 0 >/dev/null
}

# start_docker: a daemon with its own data, socket and pid file, busybox loaded;
# DOCKER_RUN becomes the client command.
start_docker() {
    find_tool DOCKERD dockerd && find_tool DOCKER docker || return 1
    remove_later docker
    mkdir -p "$WORK/docker"
    DOCKER_RUN=("$DOCKER" -H "unix://$WORK/docker/sock")
    "$DOCKERD" --data-root "$WORK/docker/data" --exec-root "$RUN/docker" \
        --pidfile "$WORK/docker/pid" -H "unix://$WORK/docker/sock" --userland-proxy=false \
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

# The runtimes that are there, as NAME=PROGRAM.
find_runtimes() {
    RUNTIMES=()
    ! have_keel || RUNTIMES+=("keel=$KEEL_BIN")
    ! find_tool CRUN crun || RUNTIMES+=("crun=$CRUN")
    ! find_tool RUNC runc || RUNTIMES+=("runc=$RUNC")
    local runtime

    for runtime in "${RUNTIMES[@]}"; do
        describe_tool "${runtime%%=*}" "${runtime#*=}"
    done
}

# The engines that work here, as NAME; their commands are in NAME_RUN.
find_engines() {
    ENGINES=()
    ! start_hull || ENGINES+=(hull)
    ! start_podman || ENGINES+=(podman)
    ! start_docker || ENGINES+=(docker)
    local engine

    for engine in "${ENGINES[@]}"; do
        engine_command "$engine"
        describe_tool "$engine" "${COMMAND[0]}"
    done
}

# engine_command NAME: COMMAND becomes its command with the options for its own storage,
# RUN_OPTIONS what its `run` needs on this host.
engine_command() {
    local -n command=${1^^}_RUN options=${1^^}_OPTIONS

    COMMAND=("${command[@]}")
    # shellcheck disable=SC2034
    RUN_OPTIONS=("${options[@]}")
}

# add_engines OPTION...: a start of busybox's true with these options, for engines that can.
add_engines() {
    local engine

    for engine in "${ENGINES[@]}"; do
        engine_command "$engine"
        COMMAND+=(run --rm "${RUN_OPTIONS[@]}" "$@" "$BUSYBOX_IMAGE")
        ! expect_status 7 "${COMMAND[@]}" /bin/sh -c 'exit 7' ||
            add_case "$engine" "${COMMAND[@]}" /bin/true
    done
}

# describe_tool NAME COMMAND...: its version in one line.
describe_tool() {
    note "$1: $("${@:2}" --version 2>/dev/null | head -n1)"
}
