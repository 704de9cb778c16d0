# SPDX-License-Identifier: Apache-2.0
#
# Archives that skopeo and umoci made, and root file systems from tar.

load lib/fixture

setup() {
    setup_fixture
    require_root
    require_hull
}

teardown() {
    teardown_fixture
}

assert_nothing_kept() {
    assert_equal "$(hull images -aq)" ""
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,ingest,chains} ! -name lock -type f)" ""
}

# loads EXPECTED COMMAND...: the command prints EXPECTED, and the image is whole; then it goes.
loads() {
    local expected=$1

    shift
    run "$@"
    assert_success
    assert_output "$expected"
    run hull image inspect "$(hull images -q)"
    assert_json '.[0].Config.Cmd' '["/bin/sh"]'
    assert_json '.[0].RootFS.Layers | length' 1
    hull rmi "$(hull images -q)" >/dev/null
    assert_nothing_kept
}

@test "load: docker-archive and oci-archive, from a file and from stdin, compressed or not" {
    make_docker_archive "$WORK/docker.tar" busybox:v1
    make_oci_archive "$WORK/oci.tar" example.com/team/app:v1
    gzip -k "$WORK/docker.tar"
    zstd -q "$WORK/oci.tar"
    loads "Loaded image: busybox:v1" hull load -i "$WORK/docker.tar"
    loads "Loaded image: busybox:v1" hull load <"$WORK/docker.tar"
    loads "Loaded image: busybox:v1" hull load < <(cat "$WORK/docker.tar")
    loads "Loaded image: busybox:v1" hull load -q -i "$WORK/docker.tar.gz"
    loads "Loaded image: busybox:v1" hull load < <(cat "$WORK/docker.tar.gz")
    loads "Loaded image: example.com/team/app:v1" hull load -i "$WORK/oci.tar"
    loads "Loaded image: example.com/team/app:v1" hull load < <(cat "$WORK/oci.tar")
    loads "Loaded image: example.com/team/app:v1" hull load --input "$WORK/oci.tar.zst"
}

@test "load: the id is the config's digest in every form" {
    make_oci_layout "$WORK/layout" v1
    expected=$(skopeo inspect --config --raw "oci:$WORK/layout:v1" | sha256sum | cut -d' ' -f1)
    copy_image "oci:$WORK/layout:v1" "docker-archive:$WORK/docker.tar:app:v1"
    copy_image "oci:$WORK/layout:v1" "oci-archive:$WORK/oci.tar:app:v1"
    for archive in docker oci; do
        hull load -q -i "$WORK/$archive.tar"
        assert_equal "$(hull images -q --no-trunc)" "sha256:$expected"
        hull rmi app:v1
    done
}

@test "load: layers that are here already are not read" {
    make_oci_layout "$WORK/layout" v1
    copy_image "oci:$WORK/layout:v1" "docker-archive:$WORK/docker.tar:app:v1"
    copy_image "oci:$WORK/layout:v1" "oci-archive:$WORK/oci.tar:app:v2"
    hull load -q -i "$WORK/docker.tar"
    layer=$(find "$HULL_TEST_ROOT/layers" -name layer.tar)
    before=$(stat -c '%i %Y' "$layer")
    run hull load -i "$WORK/oci.tar"
    assert_output "Loaded image: app:v2"
    run hull load < <(cat "$WORK/docker.tar")
    assert_output "Loaded image: app:v1"
    assert_equal "$(stat -c '%i %Y' "$layer")" "$before"
    assert_equal "$(hull images -q | sort -u | wc -l)" 1
}

# both_forms OUT: docker save's form since version 25, made of an OCI layout and a manifest.json.
both_forms() {
    local manifest config layer

    make_oci_layout "$WORK/layout" v1
    manifest=$(jq -r '.manifests[0].digest' "$WORK/layout/index.json" | cut -d: -f2)
    config=$(jq -r .config.digest "$WORK/layout/blobs/sha256/$manifest" | cut -d: -f2)
    layer=$(jq -r '.layers[0].digest' "$WORK/layout/blobs/sha256/$manifest" | cut -d: -f2)
    jq '.manifests[0].annotations = {"io.containerd.image.name": "docker.io/library/both:v1",
        "org.opencontainers.image.ref.name": "v1"}' "$WORK/layout/index.json" >"$WORK/index"
    mv "$WORK/index" "$WORK/layout/index.json"
    printf '[{"Config":"blobs/sha256/%s","RepoTags":["both:v1","both:v2"],"Layers":["blobs/sha256/%s"]}]' \
        "$config" "$layer" >"$WORK/layout/manifest.json"
    tar -C "$WORK/layout" -cf "$1" blobs index.json manifest.json oci-layout
}

@test "load: both forms in one archive, with the names of both" {
    both_forms "$WORK/both.tar"
    run hull load -i "$WORK/both.tar"
    assert_success
    assert_output "Loaded image: both:v1"$'\n'"Loaded image: both:v2"
    assert_equal "$(hull images --format '{{.Repository}}:{{.Tag}}')" "both:v1"$'\n'"both:v2"
}

@test "load: several images in one archive" {
    make_oci_layout "$WORK/layout" v1
    head -c 1000 /dev/urandom >"$WORK/more"
    tar -C "$WORK" -cf "$WORK/more.tar" more
    make_oci_layout "$WORK/layout" v2 "$WORK/more.tar"
    jq '.manifests |= map(.annotations["org.opencontainers.image.ref.name"] |= "app:" + .)' \
        "$WORK/layout/index.json" >"$WORK/index"
    mv "$WORK/index" "$WORK/layout/index.json"
    tar -C "$WORK/layout" -cf "$WORK/two.tar" .
    run hull load -i "$WORK/two.tar"
    assert_success
    assert_equal "$(sort <<<"$output")" "Loaded image: app:v1"$'\n'"Loaded image: app:v2"
}

@test "load: what is no archive, cut off, damaged or lying is refused and leaves nothing" {
    make_oci_archive "$WORK/oci.tar" app:v1
    make_docker_archive "$WORK/docker.tar" app:v1
    head -c 100000 /dev/urandom >"$WORK/noise"
    : >"$WORK/empty"
    mkdir "$WORK/e"
    tar -C "$WORK/e" -cf "$WORK/empty.tar" .
    for kind in oci docker; do
        size=$(stat -c %s "$WORK/$kind.tar")
        head -c $((size / 2)) "$WORK/$kind.tar" >"$WORK/cut-$kind"
        # One bit in the middle of the layer.
        cp "$WORK/$kind.tar" "$WORK/flip-$kind"
        byte=$(od -An -tu1 -j $((size / 2)) -N1 "$WORK/$kind.tar")
        printf '%b' "$(printf '\\x%02x' $((byte ^ 1)))" |
            dd of="$WORK/flip-$kind" bs=1 seek=$((size / 2)) conv=notrunc status=none
    done
    for bad in noise empty empty.tar cut-oci cut-docker flip-oci flip-docker; do
        run hull load -i "$WORK/$bad"
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        run hull load < <(cat "$WORK/$bad")
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        assert_nothing_kept
    done
    run hull load -i "$WORK/no-such-file"
    assert_failure 1
    assert_output_has "No such file or directory"
}

@test "load: a path in manifest.json cannot lead out of the archive" {
    mkdir "$WORK/a"
    printf '[{"Config":"../../../../etc/passwd","RepoTags":["x:v1"],"Layers":["/etc/shadow"]}]' \
        >"$WORK/a/manifest.json"
    ln -s /etc/passwd "$WORK/a/etc"
    tar -C "$WORK/a" -cf "$WORK/a.tar" manifest.json etc
    run hull load -i "$WORK/a.tar"
    assert_failure 1
    assert_output_has "is missing"
}

@test "load: digests and links that would lead elsewhere" {
    make_oci_layout "$WORK/layout" v1
    manifest=$(jq -r '.manifests[0].digest' "$WORK/layout/index.json" | cut -d: -f2)
    layer=$(jq -r '.layers[0].digest' "$WORK/layout/blobs/sha256/$manifest" | cut -d: -f2)
    echo "hidden words" >"$WORK/secret"
    # refused: the layout as it was changed, as a tar and as a directory.
    refused() {
        tar -C "$WORK/bad" -cf "$WORK/bad.tar" .
        for input in bad.tar bad; do
            run hull load -i "$WORK/$input"
            assert_failure 1
            assert_equal "${#lines[@]}" 1
            assert_output_lacks "hidden words"
            assert_nothing_kept
        done
        rm -rf "$WORK/bad"
    }
    for digest in 'sha256:../../../secret' "sha256:${manifest^^}" 'sha256:' '../secret' "md5:$manifest" \
        "sha256:$manifest/../$manifest"; do
        cp -r "$WORK/layout" "$WORK/bad"
        jq --arg d "$digest" '.manifests[0].digest = $d' "$WORK/layout/index.json" >"$WORK/bad/index.json"
        refused
    done
    for name in "$manifest" "$layer"; do
        cp -r "$WORK/layout" "$WORK/bad"
        rm "$WORK/bad/blobs/sha256/$name"
        ln -s ../../../secret "$WORK/bad/blobs/sha256/$name"
        refused
        cp -r "$WORK/layout" "$WORK/bad"
        rm "$WORK/bad/blobs/sha256/$name"
        ln -s "$name" "$WORK/bad/blobs/sha256/$name"
        refused
    done
    # A broken layer does not stand in the way of a good one.
    cp -r "$WORK/layout" "$WORK/bad"
    truncate -s 1000 "$WORK/bad/blobs/sha256/$layer"
    refused
    run hull load -i "$WORK/layout"
    assert_success
}

@test "import: from a file and stdin, compressed, with changes, message and platform" {
    make_busybox_tar "$WORK/root.tar"
    gzip -k "$WORK/root.tar"
    run hull import -c 'CMD ["/bin/sh", "-c", "echo hi"]' -c 'ENV A="b c" D=e' \
        -c 'EXPOSE 80 90-91/udp' -c 'LABEL x=y' -c 'WORKDIR /srv' -c 'USER app' \
        -c 'VOLUME /data' -c 'ENTRYPOINT run me' -m "a message" "$WORK/root.tar" made:v1
    assert_success
    assert_output_matches '^sha256:[0-9a-f]{64}$'
    run hull image inspect made:v1
    assert_json '.[0].Config.Cmd' '["/bin/sh","-c","echo hi"]'
    assert_json '.[0].Config.Entrypoint' '["/bin/sh","-c","run me"]'
    assert_json '.[0].Config.Env' '["A=b c","D=e"]'
    assert_json '.[0].Config.ExposedPorts | keys' '["80/tcp","90/udp","91/udp"]'
    assert_json '.[0].Config.Labels' '{"x":"y"}'
    assert_json '.[0].Config.Volumes' '{"/data":{}}'
    assert_json '.[0].Config.WorkingDir' /srv
    assert_json '.[0].Config.User' app
    assert_json '.[0].Comment' "a message"
    cmp "$WORK/root.tar" "$(find "$HULL_TEST_ROOT/layers" -name layer.tar)"

    hull import --platform linux/arm64 - other < <(cat "$WORK/root.tar.gz")
    run hull image inspect --format '{{.Architecture}} {{len .RootFS.Layers}}' other
    assert_output "arm64 1"
    # The same layer, once.
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -name layer.tar | wc -l)" 1
    run hull import "$WORK/root.tar"
    assert_success
    assert_output_matches '^sha256:'

    for bad in 'RUN id' 'CMD' 'EXPOSE x' 'ENV =a' 'HEALTHCHECK --retries=x CMD a'; do
        run hull import -c "$bad" "$WORK/root.tar" bad
        assert_failure 1
    done
    run hull import "$WORK/no-such-file"
    assert_failure 1
    run hull import /etc/passwd
    assert_failure 1
    run hull image inspect bad
    assert_failure 1
}

# make_bomb FILE: a tar of one file of 6 GiB of zeros, in 200 kB.
make_bomb() {
    local zeros=$WORK/zeros.zst i

    truncate -s 6G "$WORK/bomb"
    # The file's data are never read: head ends tar. Frames of zstd may be joined.
    { tar -C "$WORK" --blocking-factor=1 -cf - bomb 2>/dev/null || true; } | head -c 512 |
        zstd -q >"$1"
    head -c 64M /dev/zero | zstd -q >"$zeros"
    for ((i = 0; i < 97; i++)); do
        cat "$zeros" >>"$1"
    done
    rm "$WORK/bomb" "$zeros"
}

@test "import: a decompression bomb is refused past 4 GiB, unless wanted" {
    make_bomb "$WORK/bomb.tar.zst"
    run hull import "$WORK/bomb.tar.zst" bomb
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_has "unpacks to more than 250 times its size"
    assert_equal "$(hull images -q)" ""
    assert_equal "$(find "$HULL_TEST_ROOT"/{layers,ingest} -type f)" ""
    # The same thing around a whole archive.
    run hull load -i "$WORK/bomb.tar.zst"
    assert_failure 1
    assert_output_has "unpacks to more than 250 times its size"
    run hull --max-layer-ratio 0 import "$WORK/bomb.tar.zst" bomb
    assert_success
    assert_equal "$(hull images -q | wc -l)" 1
}

@test "load: a manifest of 100 MB, one that is no JSON, one with a key twice" {
    local what

    mkdir "$WORK/archive"
    { printf '[{"Config":"'; head -c 100M /dev/zero | tr '\0' x; printf '"}]'; } \
        >"$WORK/archive/manifest.json"
    tar -C "$WORK/archive" -cf "$WORK/huge.tar" manifest.json
    echo nothing >"$WORK/archive/manifest.json"
    tar -C "$WORK/archive" -cf "$WORK/text.tar" manifest.json
    for what in huge text; do
        run hull load -i "$WORK/$what.tar"
        assert_failure 1
        assert_equal "${#lines[@]}" 1
        assert_output_has "manifest.json is not JSON or larger than"
    done
    run hull load <"$WORK/huge.tar"
    assert_failure 1
    assert_output_has "manifest.json is not JSON or larger than"
    echo '[{"Config":"a","Config":"b","Layers":[]}]' >"$WORK/archive/manifest.json"
    tar -C "$WORK/archive" -cf "$WORK/twice.tar" manifest.json
    run hull load -i "$WORK/twice.tar"
    assert_failure 1
    assert_output_has 'duplicate key "Config"'
    assert_equal "$(find "$HULL_TEST_ROOT"/{layers,ingest} -type f)" ""
}
