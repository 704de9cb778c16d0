# SPDX-License-Identifier: Apache-2.0
#
# Pull from Debian's docker-registry, of images that umoci and skopeo made.

load lib/fixture

setup() {
    setup_fixture
    require_root
    require_hull
}

teardown() {
    teardown_fixture
}

# assert_nothing_kept: no image, layer or document, nor a remain of one.
assert_nothing_kept() {
    assert_equal "$(hull images -aq)" ""
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,ingest,chains} ! -name lock -type f)" ""
}

# layer_of FILE SIZE: a tar with one file of random bytes, so that it does not compress.
layer_of() {
    local dir

    dir=$(mktemp -d "$WORK/layer.XXXXXX")
    head -c "$2" /dev/urandom >"$dir/${1##*/}"
    tar_files "$dir" "$1" "${1##*/}"
    rm -r "$dir"
}

@test "pull: by tag, in docker's words; again: up to date" {
    start_registry
    push_image team/app:v1
    run hull pull "$REGISTRY/team/app:v1"
    assert_success
    assert_equal "${lines[0]}" "v1: Pulling from team/app"
    assert_output_matches '^[0-9a-f]{12}: Pulling fs layer$'
    assert_output_matches '^[0-9a-f]{12}: Pull complete$'
    assert_output_matches '^Digest: sha256:[0-9a-f]{64}$'
    assert_output_has "Status: Downloaded newer image for $REGISTRY/team/app:v1"
    assert_equal "${lines[-1]}" "$REGISTRY/team/app:v1"

    run hull pull "$REGISTRY/team/app:v1"
    assert_success
    assert_output_has "Status: Image is up to date for $REGISTRY/team/app:v1"
    assert_output_lacks "Pulling fs layer"

    run hull pull -q "$REGISTRY/team/app:v1"
    assert_output "$REGISTRY/team/app:v1"
}

@test "pull: ids and digests are the ones that others compute" {
    start_registry
    push_image app:v1
    hull pull -q "$REGISTRY/app:v1"
    skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app:v1" >"$WORK/manifest"
    run hull image inspect "$REGISTRY/app:v1"
    assert_success
    assert_json '.[0].Id' "$(jq -r .config.digest "$WORK/manifest")"
    assert_json '.[0].RepoTags' "[\"$REGISTRY/app:v1\"]"
    assert_json '.[0].RepoDigests' \
        "[\"$REGISTRY/app@sha256:$(sha256sum <"$WORK/manifest" | cut -d' ' -f1)\"]"
    skopeo inspect --config --tls-verify=false "docker://$REGISTRY/app:v1" >"$WORK/config"
    assert_json '.[0].RootFS.Layers' "$(jq -cS .rootfs.diff_ids "$WORK/config")"
    assert_json '.[0].Config.Cmd' '["/bin/sh"]'
    # The manifest is kept bit for bit.
    cmp "$WORK/manifest" "$HULL_TEST_ROOT/blobs/sha256/$(sha256sum <"$WORK/manifest" | cut -d' ' -f1)"
}

@test "pull: by digest" {
    start_registry
    push_image app:v1
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/app:v1")
    run hull pull "$REGISTRY/app@$digest"
    assert_success
    assert_equal "${lines[-1]}" "$REGISTRY/app@$digest"
    run hull images --digests --format '{{.Tag}} {{.Digest}}'
    assert_output "<none> $digest"
    hull image inspect "$REGISTRY/app@$digest"

    run hull pull "$REGISTRY/app@sha256:$(printf '0%.0s' {1..64})"
    assert_failure 1
    assert_output_has "not found"
}

@test "pull: layers that are here are not fetched again" {
    start_registry
    layer_of "$WORK/a" 200000
    layer_of "$WORK/b" 200000
    push_image one:v1 "$WORK/a"
    push_image two:v1 "$WORK/a" "$WORK/b"
    hull pull -q "$REGISTRY/one:v1"
    run hull pull "$REGISTRY/two:v1"
    assert_success
    assert_equal "$(grep -c 'Already exists' <<<"$output")" 1
    assert_equal "$(grep -c 'Pull complete' <<<"$output")" 1
}

@test "pull: plain, gzip and zstd layers give the same layer" {
    start_registry
    layer_of "$WORK/data" 300000
    make_oci_layout "$WORK/layout" v1 "$WORK/data"
    copy_image "oci:$WORK/layout:v1" "docker://$REGISTRY/gzip:v1"
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --dest-compress-format zstd \
        --dest-compress "dir:$(skopeo copy --quiet --insecure-policy --dest-decompress \
            "oci:$WORK/layout:v1" "dir:$WORK/plain" && echo "$WORK/plain")" \
        "docker://$REGISTRY/zstd:v1"
    copy_image "dir:$WORK/plain" "docker://$REGISTRY/plain:v1"
    for kind in gzip zstd plain; do
        hull pull -q "$REGISTRY/$kind:v1"
        layers=$(find "$HULL_TEST_ROOT/layers" -name layer.tar)
        assert_equal "$(wc -l <<<"$layers")" 1
        cmp "$layers" "$WORK/data"
        hull rmi "$REGISTRY/$kind:v1"
    done
    assert_nothing_kept
}

@test "pull: docker schema 2 as well as OCI" {
    start_registry
    make_oci_layout "$WORK/layout" v1
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --format v2s2 \
        "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v2s2"
    hull pull -q "$REGISTRY/app:v2s2"
    run hull image inspect "$REGISTRY/app:v2s2"
    assert_json '.[0].Config.Cmd' '["/bin/sh"]'
}

# push_index NAME: an index of amd64, arm64 and an attestation, put together by hand.
push_index() {
    local name=$1 arch digest entries=

    for arch in amd64 arm64; do
        rm -rf "${WORK:?}/$arch"
        make_oci_layout "$WORK/$arch" v1
        umoci config --image "$WORK/$arch:v1" --architecture "$arch"
        copy_image "oci:$WORK/$arch:v1" "docker://$REGISTRY/$name:$arch"
        skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$name:$arch" >"$WORK/m"
        digest=sha256:$(sha256sum <"$WORK/m" | cut -d' ' -f1)
        entries+=$(printf '{"mediaType":"%s","digest":"%s","size":%s,"platform":{"os":"linux","architecture":"%s"}},' \
            "application/vnd.oci.image.manifest.v1+json" "$digest" "$(stat -c %s "$WORK/m")" "$arch")
    done
    entries+=$(printf '{"mediaType":"%s","digest":"%s","size":%s,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}' \
        "application/vnd.oci.image.manifest.v1+json" "$digest" "$(stat -c %s "$WORK/m")")
    printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' \
        application/vnd.oci.image.index.v1+json "$entries" >"$WORK/index"
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
        --data-binary @"$WORK/index" "http://$REGISTRY/v2/$name/manifests/all"
}

@test "pull: an index, by this machine's platform, by another and by none that is there" {
    [ "$(uname -m)" = x86_64 ] || skip "written for x86_64"
    start_registry
    push_index multi
    run hull pull "$REGISTRY/multi:all"
    assert_success
    assert_output_has "Digest: sha256:$(sha256sum <"$WORK/index" | cut -d' ' -f1)"
    run hull image inspect --format '{{.Architecture}}' "$REGISTRY/multi:all"
    assert_output amd64
    hull pull -q --platform linux/arm64/v8 "$REGISTRY/multi:all"
    run hull image inspect --format '{{.Architecture}}' "$REGISTRY/multi:all"
    assert_output arm64
    run hull pull --platform linux/s390x "$REGISTRY/multi:all"
    assert_failure 1
    assert_output_has "no matching manifest for linux/s390x in the manifest list entries"
    # The one that is there is another's: a wish is fetched or refused, never ignored.
    run hull run --pull never --platform linux/amd64 "$REGISTRY/multi:all" /nothing
    assert_failure 125
    assert_output_has "does not match the specified platform: wanted linux/amd64, actual: linux/arm64"
    run hull create "$REGISTRY/multi:all"
    assert_success
    assert_output_has "warning: The requested image's platform (linux/arm64) does not match"
    run hull create --platform linux/amd64 "$REGISTRY/multi:all"
    assert_success
    assert_output_has "Unable to find image '$REGISTRY/multi:all' locally"
    run hull image inspect --format '{{.Architecture}}' "$REGISTRY/multi:all"
    assert_output amd64
    run hull create --pull never "$REGISTRY/none"
    assert_output_has "No such image"
    run hull create "$REGISTRY/none"
    assert_failure 125
    assert_output_has "Unable to find image '$REGISTRY/none:latest' locally"
    run hull pull --platform not/a/plat/form "$REGISTRY/multi:all"
    assert_failure 1
    # A manifest that stands alone is checked against the platform too.
    run hull pull --platform linux/arm64 "$REGISTRY/multi:amd64"
    assert_failure 1
    assert_output_has "does not match the specified platform: wanted linux/arm64, actual: linux/amd64"
}

@test "pull: unknown images, names and hosts are one-line errors" {
    start_registry
    run hull pull "$REGISTRY/no/such:v1"
    assert_failure 1
    assert_equal "${#lines[@]}" 2
    assert_output_has "hull: manifest for $REGISTRY/no/such:v1 not found: manifest unknown"
    run hull pull "UPPER/case:V"
    assert_failure 1
    run hull pull "bad name"
    assert_failure 1
    assert_output_has "invalid reference format"
    port=$(free_port)
    run hull pull "127.0.0.1:$port/app"
    assert_failure 1
    assert_output_has "127.0.0.1"
    run hull pull
    assert_failure 1
    assert_nothing_kept
}

@test "pull: TLS with a private authority" {
    start_registry --tls
    make_oci_layout "$WORK/layout" v1
    copy_image "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v1"
    # On loopback no certificate is needed to be trusted.
    run hull pull -q "$REGISTRY/app:v1"
    assert_success
    # By a name that is not a loopback address to us, one is.
    require_tool unshare
    port=${REGISTRY##*:}
    echo "127.0.0.1 localhost registry.test" >"$WORK/hosts"
    with_hosts() {
        unshare --mount sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' - \
            "$WORK/hosts" "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@"
    }
    run with_hosts pull -q "registry.test:$port/app:v1"
    assert_failure 1
    assert_output_has certificate
    SSL_CERT_FILE=$REGISTRY_CA run with_hosts pull -q "registry.test:$port/app:v1"
    assert_success
    run with_hosts pull -q --insecure "registry.test:$port/app:v1"
    assert_success
}

@test "pull: two of the same image at once, one download" {
    start_registry
    layer_of "$WORK/big" 20000000
    push_image app:v1 "$WORK/big"
    hull pull "$REGISTRY/app:v1" >"$WORK/one" 2>&1 3>&- &
    one=$!
    hull pull "$REGISTRY/app:v1" >"$WORK/two" 2>&1 3>&- &
    two=$!
    wait $one
    wait $two
    assert_equal "$(cat "$WORK/one" "$WORK/two" | grep -c 'Pull complete')" 1
    assert_equal "$(hull images -q | wc -l)" 1
}

@test "pull: kill -9 at any moment leaves what the next pull repairs" {
    start_registry
    layer_of "$WORK/a" 8000000
    layer_of "$WORK/b" 8000000
    push_image app:v1 "$WORK/a" "$WORK/b"
    for delay in 0.005 0.01 0.02 0.03 0.05 0.08; do
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            pull "$REGISTRY/app:v1" >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$delay"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        # Visible means whole.
        if [ -n "$(hull images -q)" ]; then
            hull image inspect "$REGISTRY/app:v1"
            hull rmi "$REGISTRY/app:v1"
        fi
    done
    hull pull -q "$REGISTRY/app:v1"
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -name layer.tar | wc -l)" 2
    assert_equal "$(ls "$HULL_TEST_ROOT/ingest")" ""
    hull rmi "$REGISTRY/app:v1"
    assert_nothing_kept
}

@test "pull: a full disk is an error, and nothing is left" {
    start_registry
    layer_of "$WORK/big" 100000000
    push_image app:v1 "$WORK/big"
    push_image small:v1
    mount -t tmpfs -o size=60m hull-test "$HULL_TEST_ROOT"
    run hull pull "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "No space left on device"
    assert_nothing_kept
    hull pull -q "$REGISTRY/small:v1"
    hull rmi "$REGISTRY/small:v1"
}

@test "pull: with the login of config.json" {
    start_registry --auth user:secret
    make_oci_layout "$WORK/layout" v1
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --dest-creds user:secret \
        "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v1"
    mkdir "$WORK/config"
    run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "pull access denied for $REGISTRY/app"

    login() {
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf %s "$2" | base64)" \
            >"$WORK/config/config.json"
    }
    for key in "$REGISTRY" "https://$REGISTRY" "http://$REGISTRY/v1/"; do
        login "$key" user:secret
        run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
        assert_success
    done
    DOCKER_CONFIG=$WORK/config run hull pull -q "$REGISTRY/app:v1"
    assert_success
    login "$REGISTRY" user:wrong
    run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
    assert_failure 1
    login "other.example" user:secret
    run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
    assert_failure 1
    login "$REGISTRY" user:secret
    mv "$WORK/config/config.json" "$WORK/auth.json"
    REGISTRY_AUTH_FILE=$WORK/auth.json run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
    assert_success
    echo '{' >"$WORK/config/config.json"
    run hull --config "$WORK/config" pull -q "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "config.json"
    assert_equal "${#lines[@]}" 1
}

@test "pull: documents that were damaged here are mended" {
    start_registry
    push_image app:v1
    hull pull -q "$REGISTRY/app:v1"
    id=$(hull images -q --no-trunc)
    config=$HULL_TEST_ROOT/blobs/sha256/${id#sha256:}
    cp "$config" "$WORK/config"
    printf x | dd of="$config" bs=1 seek=3 conv=notrunc status=none
    run hull pull "$REGISTRY/app:v1"
    assert_success
    cmp "$config" "$WORK/config"
    rm "$config"
    run hull image inspect "$REGISTRY/app:v1"
    assert_failure 1
    hull pull -q "$REGISTRY/app:v1"
    cmp "$config" "$WORK/config"
}

@test "pull: a registry that dies in mid-blob and comes back" {
    start_registry
    layer_of "$WORK/big" 300000000
    push_image app:v1 "$WORK/big"
    hull pull "$REGISTRY/app:v1" >"$WORK/out" 2>&1 3>&- &
    pid=$!
    wait_until 10 grep -q 'GET /v2/app/blobs' "$REGISTRY_LOG" || true
    sleep 0.1
    stop_process "$REGISTRY_PID" KILL
    sleep 0.5
    docker-registry serve "${REGISTRY_LOG%/log}/config.yml" >"$REGISTRY_LOG.2" 2>&1 3>&- &
    REGISTRY_PID=$!
    defer stop_process "$REGISTRY_PID"
    wait $pid || fail "$(cat "$WORK/out")"
    # It went on where it was.
    grep -E "GET /v2/app/blobs/[^ ]* HTTP/1.1.* 206 " "$REGISTRY_LOG.2"
    cmp "$WORK/big" "$(find "$HULL_TEST_ROOT/layers" -name layer.tar)"
}
