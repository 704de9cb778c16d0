# SPDX-License-Identifier: Apache-2.0
#
# keel's commands as runc's callers use them.

bats_require_minimum_version 1.5.0

load lib/fixture

setup() {
    require_root
    setup_fixture
    snapshot_host
    B=$WORK/b
    make_bundle "$B"
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

status_is() {
    [ "$(keel state "$1" | jq -r .status)" = "$2" ]
}

@test "run: the command's output and status are keel's" {
    edit_config "$B" '.process.args = ["sh", "-c", "echo out; echo err >&2; exit 7"]'
    run --separate-stderr keel run -b "$B" "$ID"
    assert_failure 7
    assert_output out
    assert_equal "$stderr" err
    run keel state "$ID"
    assert_failure 1
}

@test "run: a signal's death is told as 128 and its number" {
    edit_config "$B" '.process.args = ["sh", "-c", "kill -9 $$"] |
        .linux.namespaces |= map(select(.type != "pid"))'
    run keel run -b "$B" "$ID"
    assert_failure 137
}

@test "run: options after the id, config elsewhere, detach, pid file without a newline" {
    jq '.process.args = ["sleep", "100"]' "$B/config.json" >"$WORK/other.json"
    keel run "$ID" --bundle "$B" --config "$WORK/other.json" --detach --pid-file "$WORK/pid" \
        >"$WORK/out" 2>&1 </dev/null
    assert_equal "$(cat "$WORK/out")" ""
    assert_equal "$(tr -d 0-9 <"$WORK/pid" | wc -c)" 0
    status_is "$ID" running
    assert_equal "$(keel state "$ID" | jq .pid)" "$(cat "$WORK/pid")"
    keel kill "$ID" KILL
    wait_until status_is "$ID" stopped
    keel delete "$ID"
}

@test "run --keep: state stays until delete" {
    keel run --keep -b "$B" "$ID"
    status_is "$ID" stopped
    assert_equal "$(keel state "$ID" | jq .pid)" 0
    keel delete "$ID"
    run keel delete "$ID"
    assert_failure 1
    assert_output_has "does not exist"
}

@test "create, start, kill, delete" {
    edit_config "$B" '.process.args = ["sh", "-c", "echo started >/mark; exec sleep 100"]'
    keel create --bundle "$B" "$ID" </dev/null >"$WORK/out" 2>&1
    assert_equal "$(cat "$WORK/out")" ""
    status_is "$ID" created
    assert_not_exists "$B/rootfs/mark"
    keel start "$ID"
    status_is "$ID" running
    wait_until test -e "$B/rootfs/mark"
    run keel start "$ID"
    assert_failure 1
    assert_output_has "cannot start"
    run keel delete "$ID"
    assert_failure 1
    assert_output_has "that is not stopped: running"
    run keel create --bundle "$B" "$ID"
    assert_failure 1
    assert_output_has "already exists"
    keel kill "$ID"
    keel kill "$ID" 9
    wait_until status_is "$ID" stopped
    run keel kill "$ID" TERM
    assert_failure 1
    assert_output_has "container not running"
    keel kill -a "$ID" 9
    keel delete "$ID"
}

@test "delete: a created container needs no force, --force needs no container" {
    keel create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1
    keel delete "$ID"
    keel delete --force "$ID"
    run keel delete "$ID"
    assert_failure 1
}

@test "start: a container that has died is told, not waited for" {
    keel create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1
    keel kill "$ID" KILL
    wait_until status_is "$ID" stopped
    run keel start "$ID"
    assert_failure 1
    assert_output_has "cannot start"
}

@test "create: an id taken twice at once is given once" {
    local i ok=0 pids=()

    edit_config "$B" '.process.args = ["sleep", "100"]'
    for i in 1 2 3 4; do
        keel create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        ! wait "$i" || ok=$((ok + 1))
    done
    assert_equal "$ok" 1
    status_is "$ID" created
}

@test "log: exactly one JSON object, and nothing on success" {
    edit_config "$B" '.process.args = ["/no/such"]'
    run keel --log "$WORK/log" --log-format json run -b "$B" "$ID"
    assert_failure 1
    assert_equal "$(wc -l <"$WORK/log")" 1
    run jq -r '.level, (.time | test("^[0-9-]+T[0-9:.]+Z$")), (.msg | ascii_downcase)' "$WORK/log"
    assert_output_has error
    assert_output_has true
    assert_output_has "no such file or directory"
    rm "$WORK/log"
    edit_config "$B" '.process.args = ["true"]'
    keel --log "$WORK/log" --log-format json run -b "$B" "$ID"
    assert_not_exists "$WORK/log"
}

@test "errors: a command that is missing, or not executable" {
    edit_config "$B" '.process.args = ["nonsense"]'
    run keel create -b "$B" "$ID"
    assert_failure 1
    assert_output_has 'exec: "nonsense": executable file not found in $PATH'
    edit_config "$B" '.process.args = ["/etc/passwd"]'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "permission denied"
    edit_config "$B" '.process.args = ["/etc"]'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "is a directory"
    printf '#!/no/interpreter\n' >"$B/rootfs/script"
    chmod 755 "$B/rootfs/script"
    edit_config "$B" '.process.args = ["/script"]'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "no such file or directory"
}

@test "errors: bundles that are not what they should be" {
    run keel run -b "$WORK/none" "$ID"
    assert_failure 1
    assert_output_has "no such file or directory"
    echo '{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}' >"$B/config.json"
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "config.json"
    make_config "$B" '.root.path = "missing"'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "open root file system"
    make_config "$B" '.mounts += [{"destination": "/x", "type": "nonsense"}]'
    run keel run -b "$B" "$ID"
    assert_failure 1
    assert_output_has "mount nonsense on /x: fsopen: no such device"
    make_config "$B"
    run keel run -b "$B" ..
    assert_failure 1
    assert_output_has "invalid container id"
    run keel nonsense
    assert_failure 1
    assert_output_has "No help topic for 'nonsense'"
    run keel run -b "$B" a b
    assert_failure 1
}

@test "list: table, quiet, json on one line" {
    run keel list
    assert_success
    assert_output_matches '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
    keel create -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel list -q
    assert_output "$ID"
    run keel list --format json
    assert_equal "${#lines[@]}" 1
    assert_json '.[0].id' "$ID"
    assert_json '.[0] | keys_unsorted[0:5] | join(",")' ociVersion,id,pid,status,bundle
    run keel list
    assert_output_matches "^$ID .* created .* root"
    run keel list -f xml
    assert_failure 1
}

@test "pause and resume" {
    edit_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    keel pause "$ID"
    status_is "$ID" paused
    run keel exec "$ID" true
    assert_failure 255
    assert_output_has "cannot exec in a paused container"
    run keel pause "$ID"
    assert_failure 1
    keel resume "$ID"
    status_is "$ID" running
    run keel resume "$ID"
    assert_failure 1
    keel pause "$ID"
    keel kill "$ID" KILL
    wait_until status_is "$ID" stopped
}

@test "ps: pids as JSON, and ps(1)'s table" {
    edit_config "$B" '.process.args = ["sh", "-c", "sleep 100 & exec sleep 101"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    wait_until sh -c "[ \$('$KEEL_BIN' --root '$KEEL_TEST_ROOT' ps -f json '$ID' | jq length) = 2 ]"
    run keel ps "$ID"
    assert_success
    assert_output_matches '^UID +PID'
    assert_output_has "sleep 101"
    run keel ps "$ID" -e -o pid,args
    assert_success
    assert_output_has "sleep 100"
    assert_equal "${#lines[@]}" 3
}

@test "update: from options and from stdin" {
    edit_config "$B" '.process.args = ["sleep", "100"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    keel update --pids-limit 33 "$ID"
    run keel exec "$ID" cat /proc/self/cgroup
    assert_success
    echo '{"pids": {"limit": 44}}' | keel update --resources=- "$ID"
    run keel explain -b "$B"
    assert_success
    if [ -d "/sys/fs/cgroup/pids/hull-$TEST_ID" ]; then
        assert_equal "$(cat "/sys/fs/cgroup/pids/hull-$TEST_ID/pids.max")" 44
    else
        assert_equal "$(cat "/sys/fs/cgroup/hull-$TEST_ID/pids.max")" 44
    fi
    run keel update --memory nonsense "$ID"
    assert_failure 1
    keel kill "$ID" KILL
    wait_until 5 sh -c "'$KEEL_BIN' --root '$KEEL_TEST_ROOT' state '$ID' | grep -q stopped"
    run keel update --pids-limit 33 "$ID"
    assert_failure 1
    assert_output_has "container not running"
}

@test "spec: written once, and it runs" {
    mkdir "$WORK/s"
    keel spec -b "$WORK/s"
    run keel spec -b "$WORK/s"
    assert_failure 1
    assert_output_has "exists. Remove it first"
    mv "$B/rootfs" "$WORK/s/rootfs"
    edit_config "$WORK/s" '.process.terminal = false | .process.args = ["hostname"] |
        .linux.cgroupsPath = "/hull-'"$TEST_ID"'"'
    run keel run -b "$WORK/s" "$ID"
    assert_success
    assert_output keel
}

@test "features" {
    run keel features
    assert_success
    assert_json .ociVersionMax 1.3.0
    assert_json .linux.mountExtensions.idmap.enabled true
    assert_json_true '.mountOptions | index("rro") and index("rbind") and index("ridmap")'
    assert_json_true '.linux.namespaces | index("time")'
}

@test "explain: every step without doing any, and --trace with times" {
    run keel explain -b "$B"
    assert_success
    assert_output_has "mount proc on /proc"
    assert_output_has "shell: mount -t proc"
    assert_not_exists "$KEEL_TEST_ROOT/explained"
    run keel explain -b "$B" --format json
    assert_json_true 'map(.operation) | index("clone") < index("pivot")'
    run keel explain -b "$B" --trace "$ID"
    assert_success
    assert_output_has " us  exec /bin/true"
    assert_not_exists "$KEEL_TEST_ROOT/$ID"
}

@test "exec: follows an init that has moved into a group of its own (v2)" {
    [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] || skip "no cgroup v2"
    local group=/sys/fs/cgroup/hull-$TEST_ID

    edit_config "$B" '.process.args = ["sleep", "1000"]'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    # As systemd does inside: leave the top group, then give controllers to those below.
    mkdir "$group/init"
    keel state "$ID" | jq .pid >"$group/init/cgroup.procs"
    echo +pids >"$group/cgroup.subtree_control"
    run keel exec "$ID" cat /proc/self/cgroup
    assert_success
    assert_output "0::/init"
    # But not where it was told to go.
    run keel exec --cgroup / "$ID" true
    assert_failure 255
    assert_output_has "device or resource busy"
}
