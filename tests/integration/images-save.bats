#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Archives of images: what we write, others read; what others write, we load.

load lib/fixture
load lib/tree

setup_file() { setup_file_busybox; }

setup() {
    setup_fixture
    require_root
    require_hull
}

teardown() {
    teardown_fixture
}

# import_two: base:1, and app:1 and app:2 that share its layer.
import_two() {
    hull import -c 'CMD ["/bin/sh"]' -c 'ENV A=b' "$BUSYBOX_TAR" base:1 >/dev/null
    hull run --name one base:1 sh -c 'echo 1 >/one; rm /etc/group; ln /one /uno'
    hull run --name two base:1 sh -c 'rm -r /home; mkdir /home; echo 2 >/home/two'
    hull commit one app:1 >/dev/null
    hull commit two app:2 >/dev/null
    hull rm one two >/dev/null
}

# image_tree IMAGE: its files as text.
image_tree() {
    local at

    at=$(hull image mount "$1")
    list_tree "$at"
    hull image unmount "$1" >/dev/null
}

@test "save: the same bytes each time, to a file and to the standard output" {
    import_two
    hull save -o "$WORK/a.tar" app:1 app:2
    hull save app:1 app:2 >"$WORK/b.tar"
    hull save app:1 app:2 | cat >"$WORK/c.tar"
    cmp "$WORK/a.tar" "$WORK/b.tar"
    cmp "$WORK/a.tar" "$WORK/c.tar"
    assert_equal "$(stat -c %a "$WORK/a.tar")" 600
    # The base layer is in it once.
    run tar -tf "$WORK/a.tar"
    assert_success
    assert_equal "$(grep -c '^blobs/sha256/.' <<<"$output")" 7
    for name in index.json manifest.json oci-layout repositories; do
        grep -qx $name <<<"$output"
    done
    # A second root that loads it saves the same.
    HULL_TEST_ROOT=$WORK/second
    run hull load -i "$WORK/a.tar"
    assert_output "Loaded image: app:1"$'\n'"Loaded image: app:2"
    hull save app:1 app:2 | cmp - "$WORK/a.tar"
    remove_containers
    HULL_TEST_ROOT=$WORK/root
}

@test "save: a name without tag stands for all tags, an id for no name" {
    import_two
    hull save app >"$WORK/all.tar"
    run tar -xOf "$WORK/all.tar" manifest.json
    assert_json '[.[].RepoTags[]] | join(" ")' "app:1 app:2"
    run tar -xOf "$WORK/all.tar" repositories
    assert_json '.app | keys | join(" ")' "1 2"
    id=$(hull images -q app:1)
    hull save -o "$WORK/id.tar" "$id"
    run tar -xOf "$WORK/id.tar" manifest.json
    assert_json '.[0].RepoTags' null
    run hull save nothing/here
    assert_failure
    assert_output "hull: No such image: nothing/here:latest"
    run hull save --platform linux/s390x app:1
    assert_failure
    assert_output_has "does not provide the specified platform (linux/s390x)"
}

@test "save: a failure leaves the file that was there" {
    import_two
    echo precious >"$WORK/out.tar"
    run hull save -o "$WORK/out.tar" app:1 nothing/here
    assert_failure
    assert_equal "$(cat "$WORK/out.tar")" precious
    assert_equal "$(echo "$WORK"/out.tar*)" "$WORK/out.tar"
    run hull save --format oci-dir -o "$WORK/dir" nothing/here
    assert_failure
    assert_not_exists "$WORK/dir"
    mkdir "$WORK/full"
    touch "$WORK/full/x"
    run hull save --format oci-dir -o "$WORK/full" app:1
    assert_failure
    assert_output_has "not empty"
}

@test "save: skopeo reads every form, with every compression" {
    require_tool skopeo
    import_two
    id=$(hull images -q --no-trunc app:1)
    for compression in none gzip zstd; do
        for format in docker-archive oci-archive oci-dir; do
            out=$WORK/$compression.$format
            hull save --format $format --compression $compression -o "$out" app:1
            transport=${format/oci-dir/oci}
            # Copying verifies every digest.
            copy_image "$transport:$out" "dir:$out.copy"
            assert_equal "sha256:$(jq -r .config.digest "$out.copy/manifest.json" | cut -d: -f2)" "$id"
        done
    done
}

@test "save: umoci unpacks what hull has" {
    require_tool umoci
    import_two
    hull save --format oci-dir --compression gzip -o "$WORK/layout" app
    for tag in 1 2; do
        umoci unpack --image "$WORK/layout:$tag" "$WORK/bundle$tag" >/dev/null
        # umoci writes what whiteouts leave; the time of directories that others changed differs.
        diff <(image_tree app:$tag | grep -v $'\td ') \
            <(list_tree "$WORK/bundle$tag/rootfs" | grep -v $'\td ')
    done
}

@test "save and load: through podman and back" {
    require_tool podman
    import_two
    pod() {
        podman --root "$WORK/pod" --runroot "$WORK/podrun" --storage-driver vfs "$@"
    }
    defer rm -rf "$WORK/pod" "$WORK/podrun"
    id=$(hull images -q --no-trunc app:2)
    hull save app:2 | pod load >/dev/null
    assert_equal "sha256:$(pod images -q --no-trunc | cut -d: -f2)" "$id"
    pod save --format docker-archive -o "$WORK/podman.tar" "${id#sha256:}" 2>/dev/null
    pod save --format oci-archive -o "$WORK/podman.oci" "${id#sha256:}" 2>/dev/null
    hull rmi app:2 >/dev/null
    hull load -q -i "$WORK/podman.tar"
    assert_equal "$(hull image inspect --format '{{.Id}}' "$id")" "$id"
    hull rmi "$id" >/dev/null
    hull load -q -i "$WORK/podman.oci"
    assert_equal "$(hull run --rm "$id" cat /home/two)" 2
}

@test "load: xz and bzip2, layouts in directories" {
    import_two
    hull save -o "$WORK/a.tar" app:1
    xz -k "$WORK/a.tar"
    bzip2 -k "$WORK/a.tar"
    hull save --format oci-dir -o "$WORK/layout" app:1
    hull save --format oci-archive -o "$WORK/oci.tar" app:1
    for input in a.tar.xz a.tar.bz2 layout oci.tar; do
        hull rmi app:1 >/dev/null
        run hull load -i "$WORK/$input"
        assert_success
        assert_output "Loaded image: app:1"
        assert_equal "$(hull run --rm app:1 cat /uno)" 1
    done
    hull rmi app:1 >/dev/null
    run hull load < <(cat "$WORK/a.tar.xz")
    assert_output "Loaded image: app:1"
    head -c 100000 "$WORK/a.tar.xz" >"$WORK/cut.xz"
    run hull load -i "$WORK/cut.xz"
    assert_failure
    assert_output_has "cut off"
}

@test "load: a directory's links lead nowhere" {
    import_two
    hull save --format oci-dir -o "$WORK/layout" app:1
    hull rmi app:1 app:2 base:1 >/dev/null
    layer=$(find "$WORK/layout/blobs/sha256" -size +100k)
    mv "$layer" "$WORK/elsewhere"
    ln -s "$WORK/elsewhere" "$layer"
    run hull load -i "$WORK/layout"
    assert_failure
    assert_output_has "is missing"
    rm "$layer"
    mkfifo "$layer"
    run timeout 10 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" load -i "$WORK/layout"
    assert_failure 1
}

@test "import: from a URL, and what servers answer instead" {
    require_tool python3
    gzip -c "$BUSYBOX_TAR" >"$WORK/rootfs.tar.gz"
    mkfifo "$WORK/port"
    (cd "$WORK" && exec python3 -u -m http.server --bind 127.0.0.1 0 >port 2>/dev/null 3>&-) &
    defer stop_process $!
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p;q' "$WORK/port")
    hull import "http://127.0.0.1:$port/rootfs.tar.gz" remote:1
    assert_equal "$(hull history --format '{{.Comment}}' remote:1)" \
        "Imported from http://127.0.0.1:$port/rootfs.tar.gz"
    assert_equal "$(hull run --rm remote:1 /bin/sh -c 'echo here')" here
    run hull import "http://127.0.0.1:$port/nothing.tar" remote:2
    assert_failure
    assert_output "hull: http://127.0.0.1:$port/nothing.tar: the server answered with status 404"
    echo "no tar" >"$WORK/text"
    run hull import "http://127.0.0.1:$port/text" remote:2
    assert_failure
    [ "${#lines[@]}" -eq 1 ]
    assert_equal "$(hull images -q | wc -l)" 1
}

@test "convert: eStargz, as the table of contents says" {
    require_tool python3
    import_two
    head -c 9000000 /dev/urandom >"$WORK/large"
    tar -C "$WORK" -cf - large | hull import - large:1 >/dev/null
    for image in app:1 large:1; do
        run hull image convert --compression estargz $image es:1
        assert_success
        hull save --format oci-archive -o "$WORK/es.tar" es:1
        python3 "$FIXTURE_DIR/estargz.py" "$WORK/es.tar"
    done
    hull image convert --compression estargz app:1 es:2 >/dev/null
    assert_equal "$(hull run --rm es:2 cat /uno)" 1
    assert_equal "$(hull image inspect --format '{{json .Config}}' es:2)" \
        "$(hull image inspect --format '{{json .Config}}' app:1)"
    run hull image convert --compression estargz es:2 es:3
    assert_failure
    assert_output_has "eStargz layer already"
    hull system check
}

@test "convert: kept blobs go out as they are, and go with the image" {
    import_two
    id=$(hull images -q --no-trunc app:1)
    assert_equal "$(hull image convert --compression zstd app:1 zstd:1)" "$id"
    hull save --format oci-archive -o "$WORK/z.tar" zstd:1
    manifest=$(tar -xOf "$WORK/z.tar" index.json | jq -r '.manifests[0].digest')
    tar -xOf "$WORK/z.tar" "blobs/sha256/${manifest#*:}" >"$WORK/manifest"
    run cat "$WORK/manifest"
    assert_json '[.layers[].mediaType] | unique | join(" ")' \
        application/vnd.oci.image.layer.v1.tar+zstd
    for blob in $(jq -r '.layers[].digest' "$WORK/manifest"); do
        cmp "$HULL_TEST_ROOT/blobs/sha256/${blob#*:}" <(tar -xOf "$WORK/z.tar" "blobs/sha256/${blob#*:}")
    done
    hull rmi zstd:1 app:1 app:2 base:1 >/dev/null
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers} -type f ! -name lock)" ""
}
