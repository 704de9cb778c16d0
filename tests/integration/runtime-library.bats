#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libhull-runtime as those see it who have only installed it: docs/examples/container.c and two test
# programs, built by pkg-config against what `meson install` puts there, beside keel on the same
# state directory.

load lib/fixture

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    type -P pkg-config cc >/dev/null || return 0
    DESTDIR=$BATS_FILE_TMPDIR/dest meson install -C "${HULL_BUILD:-$BATS_TEST_DIRNAME/../../build}" \
        --no-rebuild --quiet >/dev/null
    LIBRARY=$(dirname "$(find "$BATS_FILE_TMPDIR/dest" -name libhull-runtime.so.0)")
    export LIBRARY
    chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
    build "$BATS_TEST_DIRNAME/../../docs/examples/container.c" container
    build "$BATS_TEST_DIRNAME/lib/library/step.c" step
}

build() { # SOURCE NAME
    local flags

    flags=$(PKG_CONFIG_SYSROOT_DIR=$BATS_FILE_TMPDIR/dest PKG_CONFIG_LIBDIR=$LIBRARY/pkgconfig \
        pkg-config --cflags --libs libhull-runtime)
    # shellcheck disable=SC2086
    cc -std=c11 -Wall -Wextra -Werror "$1" $flags -pthread -o "$BATS_FILE_TMPDIR/$2"
}

setup() {
    require_root
    require_tool pkg-config cc
    setup_fixture
    snapshot_host
    B=$WORK/b
    make_bundle "$B"
    edit_config "$B" '.process.args = ["sh", "-c", "trap \"exit 3\" TERM; while :; do sleep 0.05; done"]'
    ID=$TEST_ID
    defer remove_keel "$ID"
}

teardown() {
    remove_keel "$ID" || true
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

remove_keel() {
    [ ! -d "$KEEL_TEST_ROOT/$1" ] || keel delete -f "$1"
}

container() {
    LD_LIBRARY_PATH=$LIBRARY "$BATS_FILE_TMPDIR/container" "$KEEL_TEST_ROOT" "$@"
}

# step OPERATION ID [ARGUMENT...]: one function of the library, see lib/library/step.c.
step() {
    LD_LIBRARY_PATH=$LIBRARY "$BATS_FILE_TMPDIR/step" "$KEEL_TEST_ROOT" "$@"
}

@test "library: an outsider's program builds, shows its plan, and lives a container's life" {
    run container "$B" "$ID" sh -c 'exit 5'
    assert_failure 3
    assert_output_has "r clone: clone the first process"
    assert_output_has "$ID is created"
    assert_output_has "$ID is running"
    assert_output_has "sh ended with 5"
    assert_output_has "$ID is stopped"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "library: a caller who is not root" {
    mkdir "$WORK/state"
    keel spec --rootless -b "$WORK"
    jq '.process.terminal = false |
        .linux.uidMappings[0].hostID = 65534 | .linux.gidMappings[0].hostID = 65534' \
        "$WORK/config.json" >"$WORK/rootless.json"
    jq -s '.[0].process.args = .[1].process.args | .[0]' "$WORK/rootless.json" "$B/config.json" \
        >"$WORK/config.json"
    mv "$WORK/config.json" "$B/config.json"
    chown -R 65534:65534 "$B" "$WORK/state"
    run setpriv --reuid 65534 --regid 65534 --clear-groups env LD_LIBRARY_PATH="$LIBRARY" \
        "$BATS_FILE_TMPDIR/container" "$WORK/state" "$B" "$ID" sh -c 'exit 5'
    assert_failure 3
    assert_output_has "c open-root: "
    assert_output_has "sh ended with 5"
    assert_output_has "$ID is stopped"
    assert_equal "$(ls "$WORK/state")" ""
}

@test "library: errors name the field, the step and the command, and nothing stays" {
    edit_config "$B" '.process.cwd = "here"'
    run container "$B" "$ID"
    assert_failure 1
    assert_output_has "process.cwd: must be an absolute path"
    edit_config "$B" '.process.cwd = "/" | .process.args = ["/no/such"]'
    run container "$B" "$ID"
    assert_failure 1
    assert_output_has 'container: exec: "/no/such": '
    edit_config "$B" '.mounts += [{destination: "/x", type: "bind", source: "/no/such"}]'
    run container "$B" "$ID"
    assert_failure 1
    assert_output_has "container: open bind source /no/such: "
    run container "$B" "../$ID"
    assert_failure 1
    assert_output_has "invalid container id format"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "library: its containers are keel's, and keel's are its" {
    step create "$ID" "$B" </dev/null >/dev/null 2>&1
    assert_equal "$(keel list -q)" "$ID"
    assert_equal "$(keel state "$ID" | jq -r .status)" created
    run step create "$ID" "$B"
    assert_failure
    assert_output_has "exists: container with given ID already exists"
    keel start "$ID"
    assert_equal "$(step status "$ID")" running
    run step start "$ID"
    assert_failure
    assert_output_has "conflict: "
    keel delete -f "$ID"
    run step status "$ID"
    assert_failure
    assert_output_has "not-found: container \"$ID\" does not exist"
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    assert_equal "$(step list)" "$ID"
    step start "$ID"
    assert_equal "$(keel state "$ID" | jq -r .status)" running
    assert_equal "$(step state "$ID" | jq -rc '[.id, .status, .bundle]')" "[\"$ID\",\"running\",\"$B\"]"
}

@test "library: exec, pause, resume, update, pids, kill, wait, delete" {
    edit_config "$B" '.linux.resources.memory = {limit: 67108864}'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run step exec "$ID" sh -c 'echo inside; exit 4'
    assert_failure 4
    assert_output inside
    run step exec "$ID" /no/such
    assert_failure
    assert_output_has "no-command: "
    echo '{"args": ["sh", "-c", "echo $A; exit 6"], "cwd": "/", "env": ["A=b", "PATH=/bin"], "user": {"uid": 0, "gid": 0}}' \
        >"$WORK/process.json"
    run step exec-json "$ID" "$(cat "$WORK/process.json")"
    assert_failure 6
    assert_output b
    step pause "$ID"
    assert_equal "$(step status "$ID")" paused
    run step exec "$ID" true
    assert_failure
    assert_output_has "cannot exec in a paused container"
    step resume "$ID"
    assert_equal "$(step status "$ID")" running
    step update "$ID" 33554432
    assert_equal "$(step pids "$ID" | head -n 1)" "$(keel state "$ID" | jq .pid)"
    run step delete "$ID"
    assert_failure
    assert_output_has "conflict: cannot delete container $ID that is not stopped: running"
    step wait "$ID" >"$WORK/waited" 3>&- &
    step kill "$ID" 15
    wait $!
    # What the kernel keeps of a stranger's child, since Linux 6.15, once its parent has reaped it.
    [[ $(<"$WORK/waited") =~ ^(3|unknown)$ ]]
    assert_equal "$(step status "$ID")" stopped
    run step kill "$ID" 15
    assert_failure
    assert_output_has "conflict: container not running"
    step delete "$ID"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "library: features, plans of documents in memory, what was recorded" {
    edit_config "$B" '.annotations = {mark: "one"}'
    assert_equal "$(step features | jq -S .)" "$(keel features | jq -S .)"
    # The same as keel's, and without a container of that id.
    assert_equal "$(step plan "$ID" "$B" "$(cat "$B/config.json")" | jq -S .)" \
        "$(keel explain --format json -b "$B" "$ID" | jq -S .)"
    run step plan "$ID" "$B" '{"ociVersion": "1.0.0"}'
    assert_failure
    assert_output_has "invalid: "
    step create "$ID" "$B" </dev/null >/dev/null 2>&1
    run step record "$ID"
    assert_success
    assert_equal "${lines[0]}" "$ID $B $B/rootfs root one"
    assert_equal "${lines[1]}" "$(keel state "$ID" | jq -r .created)"
}

@test "library: a terminal's master is the caller's" {
    edit_config "$B" '.process.terminal = true | .process.args = ["sh", "-c", "tty; exit 2"]'
    run step run-terminal "$ID" "$B"
    assert_failure 2
    assert_output_has "/dev/pts/0"
    step delete "$ID"
}

@test "library: who has not protected its file is refused, and its file cannot be written" {
    local program=$WORK/step

    cp "$BATS_FILE_TMPDIR/step" "$program"
    run env LD_LIBRARY_PATH="$LIBRARY" HULL_STEP_UNSEALED= "$program" "$KEEL_TEST_ROOT" create "$ID" "$B"
    assert_failure
    assert_output_has "denied: processes of the container could write to this program's file $program"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
    # The file of a waiting process, which is a copy of the caller, cannot be changed.
    edit_config "$B" '.process.args = ["true"] | .root.readonly = false |
        (.process.capabilities.bounding, .process.capabilities.effective,
         .process.capabilities.permitted) += ["CAP_SYS_PTRACE"]'
    cat >"$B/rootfs/write" <<'END'
#!/bin/sh
exec 2>&1
touch /proc/1/exe && echo "changed it"
echo done
END
    chmod 755 "$B/rootfs/write"
    env LD_LIBRARY_PATH="$LIBRARY" "$program" "$KEEL_TEST_ROOT" create "$ID" "$B" \
        </dev/null >/dev/null 2>&1
    run timeout 20 env LD_LIBRARY_PATH="$LIBRARY" "$program" "$KEEL_TEST_ROOT" exec "$ID" /write
    assert_output_has "/proc/1/exe: Read-only file system"
    assert_output_has "done"
    keel delete -f "$ID"
    # The same without protection, which the caller must have said it can do without.
    env LD_LIBRARY_PATH="$LIBRARY" HULL_STEP_UNSEALED=answered "$program" "$KEEL_TEST_ROOT" \
        create "$ID" "$B" </dev/null >/dev/null 2>&1
    run timeout 20 env LD_LIBRARY_PATH="$LIBRARY" HULL_STEP_UNSEALED=answered "$program" \
        "$KEEL_TEST_ROOT" exec "$ID" /write
    assert_output_has "changed it"
    # A container whose ids have no right to the file needs no protection.
    keel delete -f "$ID"
    edit_config "$B" '.process.args = ["true"] | .linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] |
        .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
    chown -R 100000:100000 "$B/rootfs"
    env LD_LIBRARY_PATH="$LIBRARY" HULL_STEP_UNSEALED= "$program" "$KEEL_TEST_ROOT" \
        create "$ID" "$B" </dev/null >/dev/null 2>&1
}

@test "library: two threads, a container each, at the same time" {
    edit_config "$B" 'del(.linux.cgroupsPath)'
    step threads "$ID" "$B"
    assert_equal "$(keel list -q)" ""
}
