# SPDX-License-Identifier: Apache-2.0
#
# AppArmor profiles: needs a kernel that has AppArmor switched on, as that of tests/vm/run has.

bats_require_minimum_version 1.5.0

load lib/fixture

ATTRIBUTE=/proc/self/attr/apparmor/exec

setup() {
    require_root
    require_keel
    [ -e /sys/kernel/security/apparmor/.load ] || skip "AppArmor is not switched on"
    command -v apparmor_parser >/dev/null || skip "no apparmor_parser (package apparmor)"
    setup_fixture
    snapshot_host
    B=$WORK/b
    ID=$TEST_ID
    PROFILE=hull-$TEST_ID
    make_bundle "$B" '.process.args = ["sleep", "100"]'
    load_profile "$PROFILE" 'deny /tmp/forbidden w,'
}

teardown() {
    [ ! -d "${KEEL_TEST_ROOT:-/no}/$ID" ] || keel delete -f "$ID"
    [ -n "${BATS_TEST_SKIPPED:-}" ] || assert_host_unchanged || LEFT_OVER=1
    teardown_fixture
    [ -z "${LEFT_OVER:-}" ]
}

# load_profile NAME RULES: allows everything else.
load_profile() {
    cat >"$WORK/$1" <<END
profile $1 flags=(attach_disconnected,mediate_deleted) {
    file,
    capability,
    network,
    mount,
    umount,
    pivot_root,
    ptrace,
    signal,
    unix,
    $2
}
END
    apparmor_parser --skip-cache --replace "$WORK/$1"
    defer apparmor_parser --remove "$WORK/$1"
}

# in_container COMMAND FILTER: the shell's output, with the configuration edited.
in_container() {
    make_config "$B" ".process.args = [\"sh\", \"-c\", \"$1\"] | $2"
    run keel run -b "$B" "$ID" </dev/null
}

attempt='cat /proc/self/attr/apparmor/current; touch /tmp/allowed /tmp/forbidden; ls /tmp'

@test "apparmor: the profile of the configuration is the process's" {
    in_container "$attempt" .
    assert_success
    assert_output $'unconfined\nallowed\nforbidden'
    rm "$B/rootfs/tmp/forbidden"
    in_container "$attempt" ".process.apparmorProfile = \"$PROFILE\""
    assert_success
    assert_output "$PROFILE (enforce)"$'\ntouch: /tmp/forbidden: Permission denied\nallowed'
}

@test "apparmor: with no new privileges, another user and a user namespace" {
    local profile=".process.apparmorProfile = \"$PROFILE\""

    in_container "$attempt" "$profile | .process.noNewPrivileges = true | .process.user.uid = 1000"
    assert_output "$PROFILE (enforce)"$'\ntouch: /tmp/forbidden: Permission denied\nallowed'
    chmod 755 "$WORK"
    in_container "cat $ATTRIBUTE; cat /proc/self/attr/apparmor/current" "$profile
        | .linux.namespaces += [{type: \"user\"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
        | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]"
    assert_output_has "$PROFILE (enforce)"
}

@test "apparmor: exec takes the container's profile, or its own" {
    load_profile "$PROFILE-exec" 'deny /tmp/other w,'
    edit_config "$B" ".process.apparmorProfile = \"$PROFILE\""
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel exec "$ID" sh -c "$attempt"
    assert_output "$PROFILE (enforce)"$'\ntouch: /tmp/forbidden: Permission denied\nallowed'
    run keel exec --apparmor "$PROFILE-exec" "$ID" sh -c "$attempt; touch /tmp/other"
    assert_failure
    assert_output "$PROFILE-exec (enforce)"$'\nallowed\nforbidden\ntouch: /tmp/other: Permission denied'
    jq ".process | .args = [\"cat\", \"/proc/self/attr/apparmor/current\"] | .apparmorProfile = \"$PROFILE-exec\"" \
        "$B/config.json" >"$WORK/process"
    run keel exec -p "$WORK/process" "$ID"
    assert_output "$PROFILE-exec (enforce)"
}

@test "apparmor: a profile that is not loaded is refused" {
    edit_config "$B" '.process.apparmorProfile = "no-such-profile"'
    run keel run -b "$B" "$ID" </dev/null
    assert_failure
    assert_output_has "apparmor failed to apply profile: write $ATTRIBUTE: no such file or directory"
    edit_config "$B" 'del(.process.apparmorProfile)'
    keel run -d -b "$B" "$ID" </dev/null >/dev/null 2>&1
    run keel exec --apparmor no-such-profile "$ID" true
    assert_failure 255
    assert_output_has "apparmor failed to apply profile: write $ATTRIBUTE: no such file or directory"
    run keel exec "$ID" true
    assert_success
}

# A file system or a link in the place of the attribute would let a container run unconfined
# (CVE-2019-16884, CVE-2023-28642, CVE-2025-52881).
@test "apparmor: nothing that the bundle brings takes the place of the attribute" {
    local confined=".process.apparmorProfile = \"$PROFILE\" | .process.args = [\"sh\", \"-c\", \"echo it-runs\"]"
    local mount

    mkdir -p "$WORK/fake/self/attr/apparmor"
    : >"$WORK/fake/self/attr/apparmor/exec"
    for mount in '{destination: "/proc/self/attr", type: "tmpfs", source: "t"}' \
        '{destination: "/proc/self/attr/apparmor", type: "bind", source: "'"$WORK/fake/self/attr/apparmor"'", options: ["bind"]}' \
        '{destination: "'$ATTRIBUTE'", type: "bind", source: "/proc/self/sched", options: ["bind"]}' \
        '{destination: "/proc", type: "bind", source: "'"$WORK/fake"'", options: ["rbind"]}'; do
        make_config "$B" "$confined | .mounts += [$mount]"
        run keel run -b "$B" "$ID" </dev/null
        assert_failure
        assert_output_lacks it-runs
    done
    assert_equal "$(cat "$WORK/fake/self/attr/apparmor/exec")" ""
    # The image's own /proc is a link to one.
    rmdir "$B/rootfs/proc"
    mkdir -p "$B/rootfs/fake/self/attr/apparmor"
    : >"$B/rootfs/fake/self/attr/apparmor/exec"
    ln -s /fake "$B/rootfs/proc"
    make_config "$B" "$confined"
    run keel run -b "$B" "$ID" </dev/null
    assert_failure
    assert_output_lacks it-runs
    assert_equal "$(cat "$B/rootfs/fake/self/attr/apparmor/exec")" ""
}
