# SPDX-License-Identifier: Apache-2.0
#
# Push to Debian's docker-registry, read back by skopeo and podman; and to the registry that
# misbehaves (see lib/faulty-registry.py).

load lib/fixture
load lib/faulty

setup() {
    setup_fixture
    require_root
    require_hull
}

teardown() {
    teardown_fixture
}

# raw NAME: the manifest of an image of the registry, byte for byte.
raw() {
    skopeo inspect --raw --tls-verify=false "docker://$1"
}

digest_at() {
    echo "sha256:$(raw "$1" | sha256sum | cut -d' ' -f1)"
}

# layer_file OUT SIZE: a tar of one file, half of it compressible.
layer_file() {
    local dir

    dir=$(mktemp -d "$WORK/layer.XXXXXX")
    { head -c $(($2 / 2)) /dev/urandom && head -c $(($2 / 2)) /dev/zero; } >"$dir/data"
    tar_files "$dir" "$1" data
    rm -r "$dir"
}

@test "push: what was pulled keeps its digest in its registry: there already, or mounted" {
    start_registry
    push_image team/app:v1
    hull pull -q "$REGISTRY/team/app:v1"
    hull tag "$REGISTRY/team/app:v1" "$REGISTRY/team/app:v2"
    hull tag "$REGISTRY/team/app:v1" "$REGISTRY/other/app"
    run hull push "$REGISTRY/team/app:v2"
    assert_success
    assert_equal "${lines[0]}" "The push refers to repository [$REGISTRY/team/app]"
    assert_output_matches '^[0-9a-f]{12}: Layer already exists$'
    digest=$(digest_at "$REGISTRY/team/app:v1")
    size=$(raw "$REGISTRY/team/app:v1" | wc -c)
    assert_equal "${lines[-1]}" "v2: digest: $digest size: $size"
    run hull push "$REGISTRY/other/app"
    assert_success
    assert_equal "${lines[0]}" "Using default tag: latest"
    assert_output_matches '^[0-9a-f]{12}: Mounted from team/app$'
    assert_equal "$(digest_at "$REGISTRY/other/app:latest")" "$digest"
    run hull push -q "$REGISTRY/other/app"
    assert_output "$REGISTRY/other/app:latest"
    # Docker's RepoDigests grow by what was pushed.
    run hull image inspect --format '{{json .RepoDigests}}' "$REGISTRY/other/app"
    assert_output_has "$REGISTRY/other/app@$digest"
}

@test "push: to another registry, packed again the same each time, or kept to the bit" {
    start_registry
    push_image app:v1
    first=$REGISTRY
    hull pull -q "$first/app:v1"
    start_registry
    hull tag "$first/app:v1" "$REGISTRY/app:v1"
    run hull push "$REGISTRY/app:v1"
    assert_success
    assert_output_matches '^[0-9a-f]{12}: Pushed$'
    assert_output_has "Note: $REGISTRY/app:v1 has a new digest"
    again=$(digest_at "$REGISTRY/app:v1")
    [ "$again" != "$(digest_at "$first/app:v1")" ]
    # The same bytes a second time: nothing is sent.
    run hull push "$REGISTRY/app:v1"
    assert_output_has "Layer already exists"
    assert_equal "$(digest_at "$REGISTRY/app:v1")" "$again"
    # The config, so the image's id, is the same in any form.
    assert_equal "$(raw "$REGISTRY/app:v1" | jq -r .config.digest)" \
        "$(raw "$first/app:v1" | jq -r .config.digest)"

    # With the blobs kept it is the very image, and garbage collection leaves them alone.
    hull pull -q --keep-blobs "$first/app:v1"
    run hull pull --keep-blobs "$first/app:v1"
    assert_output_has "up to date"
    hull image prune -f >/dev/null
    hull tag "$first/app:v1" "$REGISTRY/exact:v1"
    run hull push "$REGISTRY/exact:v1"
    assert_success
    assert_output_lacks Note
    assert_equal "$(digest_at "$REGISTRY/exact:v1")" "$(digest_at "$first/app:v1")"
    for name in $(hull images --format '{{.Repository}}:{{.Tag}}' | sort -u); do
        hull rmi -f "$name" >/dev/null
    done
    assert_equal "$(find "$HULL_TEST_ROOT/blobs" -type f ! -name lock)" ""
}

@test "push: an image made here, as skopeo, podman and hull read it" {
    start_registry
    make_busybox_tar "$WORK/rootfs.tar"
    hull import -c 'CMD ["/bin/sh"]' "$WORK/rootfs.tar" "$REGISTRY/made:v1" >/dev/null
    run hull push "$REGISTRY/made:v1"
    assert_success
    assert_output_lacks Note
    id=$(hull images -q --no-trunc)
    assert_equal "$(raw "$REGISTRY/made:v1" | jq -r .config.digest)" "$id"
    assert_equal "$(raw "$REGISTRY/made:v1" | jq -r '.layers[0].mediaType')" \
        application/vnd.oci.image.layer.v1.tar+gzip
    # skopeo verifies digest, size and diff id of everything that it copies.
    skopeo copy --quiet --insecure-policy --src-tls-verify=false \
        "docker://$REGISTRY/made:v1" "oci:$WORK/copy:v1"
    umoci unpack --image "$WORK/copy:v1" "$WORK/bundle"
    [ -x "$WORK/bundle/rootfs/bin/busybox" ]
    if type -P podman >/dev/null; then
        podman --root "$WORK/podman" --runroot "$WORK/podman.run" --storage-driver vfs \
            pull -q --tls-verify=false "$REGISTRY/made:v1" >"$WORK/podman.id"
        assert_equal "sha256:$(cat "$WORK/podman.id")" "$id"
    fi
    hull rmi "$REGISTRY/made:v1" >/dev/null
    hull pull -q "$REGISTRY/made:v1"
    assert_equal "$(hull images -q --no-trunc)" "$id"
}

@test "push: what a manifest calls a layer is not believed before it was looked at" {
    start_registry
    layer_file "$WORK/one" 200000
    layer_file "$WORK/two" 200000
    push_image app:one "$WORK/one"
    push_image app:two "$WORK/two"
    hull pull -q "$REGISTRY/app:one"
    # The config of one with the layer of two: nothing is fetched, so nobody notices.
    jq -cn --argjson one "$(raw "$REGISTRY/app:one")" --argjson two "$(raw "$REGISTRY/app:two")" \
        '$one | .layers = $two.layers' >"$WORK/evil"
    curl -sSf -X PUT -H "Content-Type: application/vnd.oci.image.manifest.v1+json" \
        --data-binary "@$WORK/evil" "http://$REGISTRY/v2/app/manifests/evil"
    hull pull -q "$REGISTRY/app:evil"
    # Another image with that layer goes up with that layer.
    make_docker_archive "$WORK/other.tar" other:v1 "$WORK/one"
    hull load -q -i "$WORK/other.tar"
    hull tag other:v1 "$REGISTRY/app:other"
    hull push -q "$REGISTRY/app:other"
    copy_image "docker://$REGISTRY/app:other" "oci:$WORK/copy:v1"
    umoci unpack --image "$WORK/copy:v1" "$WORK/bundle"
    cmp <(tar -xOf "$WORK/one" data) "$WORK/bundle/rootfs/data"
    # An archive with the blob is read.
    copy_image "docker://$REGISTRY/app:two" "oci-archive:$WORK/two.tar:two:v1"
    run hull load < <(cat "$WORK/two.tar")
    assert_success
    assert_output "Loaded image: two:v1"
}

@test "push: forms of compression, levels, pieces" {
    start_registry
    layer_file "$WORK/layer" 3000000
    push_image app:v1 "$WORK/layer"
    hull pull -q "$REGISTRY/app:v1"
    for form in zstd none gzip; do
        hull tag "$REGISTRY/app:v1" "$REGISTRY/app-$form:v1"
        run hull push --compression "$form" --chunk-size 1m "$REGISTRY/app-$form:v1"
        assert_success
        skopeo copy --quiet --insecure-policy --src-tls-verify=false \
            "docker://$REGISTRY/app-$form:v1" "dir:$WORK/$form"
        hull pull -q "$REGISTRY/app-$form:v1"
    done
    assert_equal "$(raw "$REGISTRY/app-zstd:v1" | jq -r '.layers[0].mediaType')" \
        application/vnd.oci.image.layer.v1.tar+zstd
    assert_equal "$(raw "$REGISTRY/app-none:v1" | jq -r '.layers[0].digest')" \
        "sha256:$(sha256sum <"$WORK/layer" | cut -d' ' -f1)"
    # gzip is what it came as: the layer is the one that the registry has.
    assert_equal "$(digest_at "$REGISTRY/app-gzip:v1")" "$(digest_at "$REGISTRY/app:v1")"
    (($(grep -c 'PATCH /v2/app-none/blobs/uploads' "$REGISTRY_LOG") > 2))
    run hull push --compression lzma "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "want none, gzip or zstd"
    assert_equal "$(hull images -q | sort -u | wc -l)" 1
}

@test "push: docker schema 2 stays what it is" {
    start_registry
    make_oci_layout "$WORK/layout" v1
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --format v2s2 \
        "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v1"
    hull pull -q "$REGISTRY/app:v1"
    hull tag "$REGISTRY/app:v1" "$REGISTRY/two:v1"
    hull push -q "$REGISTRY/two:v1"
    assert_equal "$(digest_at "$REGISTRY/two:v1")" "$(digest_at "$REGISTRY/app:v1")"
    first=$REGISTRY
    start_registry
    hull tag "$first/app:v1" "$REGISTRY/app:v1"
    hull push -q "$REGISTRY/app:v1"
    assert_equal "$(raw "$REGISTRY/app:v1" | jq -r .mediaType)" \
        application/vnd.docker.distribution.manifest.v2+json
    assert_equal "$(raw "$REGISTRY/app:v1" | jq -r '.layers[0].mediaType')" \
        application/vnd.docker.image.rootfs.diff.tar.gzip
    hull push -q --compression zstd "$REGISTRY/app:v1"
    assert_equal "$(raw "$REGISTRY/app:v1" | jq -r .mediaType)" \
        application/vnd.oci.image.manifest.v1+json
}

@test "push: --all-tags, unknown names, digests" {
    start_registry
    push_image app:v1
    hull pull -q "$REGISTRY/app:v1"
    for tag in v2 v3; do
        hull tag "$REGISTRY/app:v1" "$REGISTRY/new:$tag"
    done
    run hull push --all-tags "$REGISTRY/new"
    assert_success
    assert_equal "$(grep -c '^v[23]: digest: sha256:' <<<"$output")" 2
    assert_equal "$(curl -sf "http://$REGISTRY/v2/new/tags/list" | jq -c '.tags | sort')" \
        '["v2","v3"]'
    run hull push --all-tags "$REGISTRY/new:v2"
    assert_failure 1
    assert_output_has "tag can't be used with --all-tags/-a"
    run hull push "$REGISTRY/none"
    assert_failure 1
    assert_output_has "An image does not exist locally with the tag: $REGISTRY/none"
    run hull push "$REGISTRY/app@$(digest_at "$REGISTRY/app:v1")"
    assert_failure 1
    assert_output_has "cannot push a digest reference"
    # And the other way round.
    hull rmi "$REGISTRY/new:v2" "$REGISTRY/new:v3" >/dev/null
    run hull pull -q --all-tags "$REGISTRY/new"
    assert_success
    assert_output "$REGISTRY/new:v2
$REGISTRY/new:v3"
}

# two_platforms NAME: an index of amd64 and arm64 in the registry, by hull manifest.
two_platforms() {
    local arch

    for arch in amd64 arm64; do
        make_oci_layout "$WORK/$arch" v1
        umoci config --image "$WORK/$arch:v1" --architecture "$arch"
        copy_image "oci:$WORK/$arch:v1" "docker://$REGISTRY/$1:$arch"
    done
    hull manifest create "$REGISTRY/$1:all" "$REGISTRY/$1:amd64" "$REGISTRY/$1:arm64"
    hull manifest push --purge "$REGISTRY/$1:all"
}

@test "push: an index goes whole where everything it names is, and else one platform" {
    [ "$(uname -m)" = x86_64 ] || skip "written for x86_64"
    start_registry
    two_platforms multi
    digest=$(digest_at "$REGISTRY/multi:all")
    hull pull -q "$REGISTRY/multi:all"
    # One more tag in its own repository.
    hull tag "$REGISTRY/multi:all" "$REGISTRY/multi:again"
    run hull push "$REGISTRY/multi:again"
    assert_success
    assert_output_lacks Note
    assert_equal "$(digest_at "$REGISTRY/multi:again")" "$digest"
    # arm64 is not there and not here.
    hull tag "$REGISTRY/multi:all" "$REGISTRY/alone:v1"
    run hull push "$REGISTRY/alone:v1"
    assert_success
    assert_output_has "is a single platform now"
    assert_equal "$(digest_at "$REGISTRY/alone:v1")" "$(digest_at "$REGISTRY/multi:amd64")"
    # With both here it goes to an empty repository, too.
    hull pull -q --platform linux/arm64 "$REGISTRY/multi:all"
    hull tag "$REGISTRY/multi:all" "$REGISTRY/both:v1"
    run hull push "$REGISTRY/both:v1"
    assert_success
    assert_equal "$(digest_at "$REGISTRY/both:v1")" "$digest"
    hull tag "$REGISTRY/multi:all" "$REGISTRY/one:v1"
    hull push -q --platform linux/arm64 "$REGISTRY/one:v1"
    assert_equal "$(digest_at "$REGISTRY/one:v1")" "$(digest_at "$REGISTRY/multi:arm64")"
    run hull push --platform linux/s390x "$REGISTRY/one:v1"
    assert_failure 1
    assert_output_has "is of platform linux/arm64, not linux/s390x"
}

@test "manifest: create, annotate, inspect, push, rm" {
    start_registry
    two_platforms multi >/dev/null
    index=$(raw "$REGISTRY/multi:all")
    assert_equal "$(jq -c '[.manifests[].platform.architecture]' <<<"$index")" '["amd64","arm64"]'
    assert_equal "$(jq -r .mediaType <<<"$index")" application/vnd.oci.image.index.v1+json
    list=$REGISTRY/list:v1
    run hull manifest create "$list" "$REGISTRY/multi:amd64"
    assert_output "Created manifest list $list"
    run hull manifest create "$list" "$REGISTRY/multi:arm64"
    assert_failure 1
    assert_output_has "--amend"
    hull manifest create --amend "$list" "$REGISTRY/multi:arm64"
    hull manifest annotate --arch arm --variant v7 --os-features a --os-features b \
        "$list" "$REGISTRY/multi:arm64"
    run hull manifest inspect "$list"
    assert_success
    assert_json '.manifests[1].platform' \
        '{"architecture":"arm","os":"linux","os.features":["a","b"],"variant":"v7"}'
    run hull manifest annotate "$list" "$REGISTRY/multi:none" --os linux
    assert_failure 1
    assert_output_has "does not exist in"
    run hull manifest create "$REGISTRY/x" "$REGISTRY/multi:all"
    assert_failure 1
    assert_output_has "list of manifests itself"
    # Manifests come from another repository of the registry: mounted.
    run hull manifest push "$list"
    assert_success
    assert_output "$(digest_at "$list")"
    skopeo copy --quiet --all --insecure-policy --src-tls-verify=false \
        "docker://$list" "oci:$WORK/copy:v1"
    # And from another registry: copied.
    first=$REGISTRY
    start_registry
    hull manifest create "$REGISTRY/far:v1" "$first/multi:amd64"
    run hull manifest push --format docker --purge "$REGISTRY/far:v1"
    assert_success
    assert_equal "$(raw "$REGISTRY/far:v1" | jq -r .mediaType)" \
        application/vnd.docker.distribution.manifest.list.v2+json
    skopeo copy --quiet --all --insecure-policy --src-tls-verify=false --format oci \
        "docker://$REGISTRY/far:v1" "oci:$WORK/far:v1"
    run hull manifest inspect -v "$first/multi:all"
    assert_json '[.[].Descriptor.platform.architecture]' '["amd64","arm64"]'
    hull manifest rm "$list"
    run hull manifest rm "$list"
    assert_failure 1
    assert_output_has "No such manifest: $list"
}

# ---- The registry that misbehaves ----

# with_faulty: an image of one layer, kept to the bit, to be pushed to $FAULTY/FAULT/app:v1.
with_faulty() {
    layer_file "$WORK/layer" 1000000
    make_oci_layout "$WORK/layout" v1 "$WORK/layer"
    start_faulty_registry "$WORK/layout"
    hull pull -q "$FAULTY/ok/app:v1"
}

# push_faulty FAULT [OPTION...]
push_faulty() {
    local fault=$1

    shift
    hull tag "$FAULTY/ok/app:v1" "$FAULTY/$fault/app:v1"
    run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        push "$@" "$FAULTY/$fault/app:v1"
}

# accepted_push FAULT [OPTION...]: it is there in the end, and hull can pull it.
accepted_push() {
    push_faulty "$@"
    assert_success
    hull rmi "$FAULTY/$1/app:v1" >/dev/null
    hull pull -q "$FAULTY/$1/app:v1"
}

@test "faults: Locations that are relative or on another host, which gets no Authorization" {
    with_faulty
    accepted_push push-relative
    accepted_push push-cross-host
    (($(faulty_requests "^main POST /v2/push-cross-host/.* Bearer:token") > 0))
    (($(faulty_requests "^other PATCH /upload/push-cross-host/.* -$") > 0))
    assert_equal "$(faulty_requests "^other P.* /upload/.* Bearer")" 0
}

@test "faults: uploads that break go on where they were, streamed, whole and in pieces" {
    with_faulty
    accepted_push push-break
    (($(faulty_requests "PATCH /upload/push-break/[^ ]* [0-9]+-") > 0))
    accepted_push push-lost
    accepted_push push-short
    accepted_push push-416 --chunk-size 200k
    (($(faulty_requests "GET /upload/push-416/") > 0))
    hull pull -q --keep-blobs "$FAULTY/ok/app:v1"
    hull tag "$FAULTY/ok/app:v1" "$FAULTY/push-break/kept:v1"
    stop_process "$FAULTY_PID"
    start_faulty_registry "$WORK/layout"
    hull pull -q --keep-blobs "$FAULTY/ok/app:v1"
    accepted_push push-break
    (($(faulty_requests "PUT /upload/push-break/") > 1))
    accepted_push push-lost
}

@test "faults: pieces are as large as the registry wants them" {
    with_faulty
    accepted_push push-min-chunk --chunk-size 10k
    assert_equal "$(faulty_requests "PATCH /upload/push-min-chunk/.* 0-9999[0-9] ")" 1
}

@test "faults: a token that expires in mid-upload, 500, 429, a lie about what was taken" {
    with_faulty
    accepted_push push-expires --chunk-size 200k
    accepted_push error-500
    accepted_push too-many
    accepted_push push-ok
    accepted_push push-mount
    push_faulty denied
    assert_failure 1
    assert_output_has "push access denied for $FAULTY/denied/app"
    push_faulty error-500-always
    assert_failure 1
    assert_output_has "status 500"
    push_faulty push-other
    assert_failure 1
    assert_output_has "another manifest than the one sent"
}

@test "faults: a registry without OCI-Subject gets the index that stands in for referrers" {
    with_faulty
    subject=$(jq -r '.manifests[0].digest' "$WORK/layout/index.json")
    stop_process "$FAULTY_PID"
    # A signature, as it were: an image whose manifest has a subject.
    m=$WORK/layout/blobs/sha256/${subject#sha256:}
    jq -c ".subject = {mediaType: .mediaType, digest: \"$subject\", size: $(stat -c %s "$m")} |
        .artifactType = \"application/x-test\" | .mediaType =
        \"application/vnd.oci.image.manifest.v1+json\" | .subject.mediaType = .mediaType" \
        "$m" >"$WORK/signature"
    signature=sha256:$(sha256sum <"$WORK/signature" | cut -d' ' -f1)
    cp "$WORK/signature" "$WORK/layout/blobs/sha256/${signature#sha256:}"
    jq -c ".manifests[0].digest = \"$signature\" | .manifests[0].size = $(stat -c %s "$WORK/signature")" \
        "$WORK/layout/index.json" >"$WORK/index" && mv "$WORK/index" "$WORK/layout/index.json"
    start_faulty_registry "$WORK/layout"
    hull pull -q --keep-blobs "$FAULTY/ok/app:v1"
    accepted_push push-no-subject
    (($(faulty_requests "PUT /v2/push-no-subject/app/manifests/${subject/:/-} ") == 1))
    run hull manifest inspect "$FAULTY/push-no-subject/app:${subject/:/-}"
    assert_json '[.manifests[] | {digest, artifactType}]' \
        "[{\"artifactType\":\"application/x-test\",\"digest\":\"$signature\"}]"
    # A second push adds nothing; one that knows the API needs nothing.
    hull push -q "$FAULTY/push-no-subject/app:v1"
    run hull manifest inspect "$FAULTY/push-no-subject/app:${subject/:/-}"
    assert_json '.manifests | length' 1
    accepted_push push-ok
    assert_equal "$(faulty_requests "PUT /v2/push-ok/app/manifests/${subject/:/-} ")" 0
}

@test "referrers: over pages, by type, and never endlessly" {
    with_faulty
    run hull manifest inspect --referrers "$FAULTY/referrers/app:v1"
    assert_success
    assert_json '[.manifests[].artifactType]' \
        '["application/x-1","application/x-2","application/x-3"]'
    run hull manifest inspect --referrers --artifact-type application/x-2 "$FAULTY/referrers/app:v1"
    assert_json '[.manifests[].artifactType]' '["application/x-2"]'
    run hull manifest inspect --referrers --artifact-type application/x+json "$FAULTY/referrers/app:v1"
    assert_json '.manifests' '[]'
    (($(faulty_requests '/referrers/sha256:.*[?]artifactType=application/x%2Bjson ') == 1))
    run hull manifest inspect --referrers "$FAULTY/ok/app:v1"
    assert_json '.manifests' '[]'
    run timeout 30 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        manifest inspect --referrers "$FAULTY/endless-pages/app:v1"
    assert_failure 1
    assert_output_has "does not end"
    run timeout 30 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        pull --all-tags "$FAULTY/endless-pages/app"
    assert_failure 1
    assert_output_has "does not end"
    run hull pull -q --all-tags "$FAULTY/ok/app"
    assert_output "$FAULTY/ok/app:v1"
}

@test "push: ctrl-C ends it at once" {
    with_faulty
    hull tag "$FAULTY/ok/app:v1" "$FAULTY/error-500-always/app:v1"
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        push "$FAULTY/error-500-always/app:v1" >"$WORK/out" 2>&1 3>&- &
    pid=$!
    wait_until 10 grep -q Preparing "$WORK/out"
    start=${EPOCHREALTIME/./}
    kill -TERM $pid
    ! wait $pid || false
    ((${EPOCHREALTIME/./} - start < 10000000))
    grep canceled "$WORK/out"
}
