# SPDX-License-Identifier: Apache-2.0
#
# buildah with keel as its runtime.

load lib

setup_file() {
    peer_setup buildah
    peer_storage
    call pull -q --signature-policy "$PEER/policy.json" "docker-archive:$PEER/busybox.tar" >&2
}

teardown_file() {
    call rm -a >/dev/null 2>&1 || true
    peer_teardown
}

call() {
    CONTAINERS_STORAGE_CONF=$PEER/storage.conf \
        buildah "$@"
}

@test "buildah: run: output, status, user, environment" {
    local name

    name=$(call from --pull-never busybox)
    run call run --runtime "$PEER_RUNTIME" --network none --user 1000:50 --env A=b "$name" \
        sh -c 'id -u; id -g; echo "$A"; exit 3'
    assert_failure 3
    assert_output_has "$(printf '1000\n50\nb')"
    run call run --runtime "$PEER_RUNTIME" --network none "$name" no-such-command
    assert_failure
    assert_output_has 'executable file not found in $PATH'
    call rm "$name"
}

@test "buildah: a build with RUN, mounts and a user" {
    mkdir -p "$PEER/build"
    cat >"$PEER/build/Dockerfile" <<-'END'
	FROM busybox
	RUN --mount=type=tmpfs,target=/t echo built >/file && touch /t/x
	USER app
	RUN id -un >/tmp/user
	END
    run call bud -q --runtime "$PEER_RUNTIME" --network none --pull-never \
        --signature-policy "$PEER/policy.json" -t built "$PEER/build"
    assert_success
    local name directory
    name=$(call from --pull-never built)
    directory=$(call mount "$name")
    assert_equal "$(cat "$directory/file")" built
    assert_equal "$(cat "$directory/tmp/user")" app
    assert_not_exists "$directory/t/x"
    call umount "$name"
    call rm "$name"
}

@test "buildah: chroots and namespaces asked for" {
    local name

    name=$(call from --pull-never busybox)
    run call run --runtime "$PEER_RUNTIME" --network none --pid host "$name" sh -c '[ $$ -gt 1 ] && echo host'
    assert_success
    assert_output_has host
    run call run --runtime "$PEER_RUNTIME" --network none -v "$PEER/build:/b:ro" "$name" \
        sh -c 'ls /b; touch /b/x 2>/dev/null || echo read-only'
    assert_output_has Dockerfile
    assert_output_has read-only
    call rm "$name"
}
