# SPDX-License-Identifier: Apache-2.0
#
# images, tag, rmi, inspect and history: names, tables and exit statuses as docker's.

load lib/fixture

setup() {
    setup_fixture
    require_root
    require_hull
    mkdir "$WORK/one" "$WORK/two"
    head -c 1200 /dev/zero >"$WORK/one/file"
    head -c 2345678 /dev/urandom >"$WORK/two/file"
    tar_files "$WORK/one" "$WORK/one.tar"
    tar_files "$WORK/two" "$WORK/two.tar"
}

teardown() {
    teardown_fixture
}

# one and two are images of one small layer each.
import_one() {
    hull import -c 'LABEL kind=small' "$WORK/one.tar" "${1:-one:v1}"
}

import_two() {
    hull import -c 'LABEL kind=large' -c 'LABEL extra=' "$WORK/two.tar" "${1:-two:v1}"
}

@test "images: an empty store has a head line" {
    run hull images
    assert_success
    assert_output "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE"
    run hull images -q
    assert_output ""
}

@test "images: columns, -q, --no-trunc, --digests, --format" {
    id=$(import_two)
    hex=${id#sha256:}
    run hull images
    assert_output_matches '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
    assert_output_matches "^two +v1 +${hex:0:12} +(Less than a second|[0-9]+ seconds?|About a minute) ago +2\.35MB\$"
    run hull images -q
    assert_output "${hex:0:12}"
    run hull images -q --no-trunc
    assert_output "$id"
    run hull images --digests
    assert_output_matches '^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE$'
    assert_output_matches "^two +v1 +<none> +${hex:0:12} "
    run hull image ls --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}'
    assert_output "two:v1 ${hex:0:12} 2.35MB"
    run hull images --format json
    assert_json .Repository two
    run hull images --format '{{.Nonsense'
    assert_failure 1
}

@test "images: the newest first, filters and patterns" {
    import_one
    sleep 0.01
    import_two
    import_two
    hull tag one:v1 example.com/team/one:v2
    names='{{.Repository}}:{{.Tag}}'
    assert_equal "$(hull images --format "$names" | head -n 1)" "two:v1"
    assert_equal "$(hull images --format "$names" one)" "one:v1"
    assert_equal "$(hull images --format "$names" two:v1)" "two:v1"
    assert_equal "$(hull images --format "$names" two:v2)" ""
    assert_equal "$(hull images --format "$names" 'example.com/*/*')" "example.com/team/one:v2"
    assert_equal "$(hull images -f 'reference=o*' --format "$names")" "one:v1"
    assert_equal "$(hull images -f label=extra --format "$names")" "two:v1"$'\n'"<none>:<none>"
    assert_equal "$(hull images -f label=kind=small -q | sort -u | wc -l)" 1
    assert_equal "$(hull images -f dangling=true --format "$names")" "<none>:<none>"
    assert_equal "$(hull images -f dangling=false -f label=extra --format "$names")" "two:v1"
    assert_equal "$(hull images -f since=one:v1 --format "$names" | grep -c two)" 1
    assert_equal "$(hull images -f before=two:v1 -f dangling=false --format "$names" | grep -c one)" 2
    run hull images -f nonsense=1
    assert_failure 1
    run hull images -f dangling=perhaps
    assert_failure 1
}

@test "tag: new names, names that move, bad names" {
    one=$(import_one)
    two=$(import_two)
    hull tag one:v1 me/app
    hull tag "${one:7:12}" me/app:by-prefix
    hull tag "$one" localhost:5000/app
    assert_equal "$(hull images --no-trunc -q | grep -c "$one")" 4
    hull tag two:v1 me/app
    assert_equal "$(hull images --no-trunc -q me/app:latest)" "$two"
    run hull tag no-such new
    assert_failure 1
    assert_output_has "No such image: no-such:latest"
    run hull tag one:v1 "Bad/Name"
    assert_failure 1
    run hull tag one:v1 "app@$one"
    assert_failure 1
    run hull tag one:v1
    assert_failure 1
}

@test "ids: full, prefix, ambiguous, absent" {
    one=$(import_one)
    for text in "$one" "${one#sha256:}" "${one:7:12}" "${one:7:6}" one:v1 docker.io/library/one:v1; do
        assert_equal "$(hull image inspect --format '{{.Id}}' "$text")" "$one"
    done
    # Images of other content until two ids begin alike.
    i=0
    while [ -z "$(hull images -q --no-trunc | cut -c8 | sort | uniq -d)" ]; do
        hull import -c "LABEL i=$((i += 1))" "$WORK/one.tar" "n:$i" >/dev/null
    done
    prefix=$(hull images -q --no-trunc | cut -c8 | sort | uniq -d | head -n 1)
    run hull image inspect "$prefix"
    assert_failure 1
    assert_output_has "ambiguous"
    run hull image inspect 0123456789ab
    assert_failure 1
    assert_output_has "No such image: 0123456789ab:latest"
    run hull image inspect "sha256:$(printf '0%.0s' {1..64})"
    assert_failure 1
}

@test "rmi: untag, delete, and what is printed" {
    one=$(import_one)
    layer=$(hull image inspect --format '{{index .RootFS.Layers 0}}' one:v1)
    hull tag one:v1 one:v2
    run hull rmi one:v1
    assert_success
    assert_output "Untagged: one:v1"
    run hull rmi one:v2
    assert_output "Untagged: one:v2"$'\n'"Deleted: $one"$'\n'"Deleted: $layer"
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,chains} ! -name lock -type f)" ""
    run hull rmi one:v2
    assert_failure 1
    assert_output "hull: No such image: one:v2"
    run hull rmi -f one:v2
    assert_success
}

@test "rmi: by id, several names need force; several arguments go on after a failure" {
    one=$(import_one)
    two=$(import_two)
    hull tag one:v1 other:v1
    run hull rmi "${one:7:12}"
    assert_failure 1
    assert_output_has "(must be forced) - image is referenced in multiple repositories"
    run hull rmi no-such "${one:7:12}" two:v1
    assert_failure 1
    assert_output_has "No such image: no-such:latest"
    assert_output_has "must be forced"
    assert_output_has "Deleted: $two"
    run hull image rm --force "${one:7:12}"
    assert_success
    assert_output_has "Untagged: one:v1"
    assert_output_has "Untagged: other:v1"
    assert_output_has "Deleted: $one"
}

@test "rmi: a layer that another image has stays" {
    import_one one:v1
    hull import -c 'LABEL other=1' "$WORK/one.tar" one:v2
    run hull rmi one:v1
    assert_output_has "Untagged: one:v1"
    assert_equal "$(grep -c Deleted <<<"$output")" 1
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -name layer.tar | wc -l)" 1
    run hull rmi one:v2
    assert_equal "$(grep -c Deleted <<<"$output")" 2
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -name layer.tar | wc -l)" 0
}

@test "history: rows, sizes and the empty layers" {
    make_oci_layout "$WORK/layout" v1 "$WORK/one.tar" "$WORK/two.tar"
    copy_image "oci:$WORK/layout:v1" "oci-archive:$WORK/a.tar:app:v1"
    hull load -q -i "$WORK/a.tar"
    run hull history app:v1
    assert_success
    assert_output_matches '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT'
    assert_output_matches '^<missing> .* 2\.35MB'
    run hull image history --format '{{.Size}}' app:v1
    assert_output "0B"$'\n'"2.35MB"$'\n'"1.2kB"
    run hull history -q --no-trunc app:v1
    assert_equal "${lines[0]}" "$(hull images -q --no-trunc app:v1)"
    assert_equal "${lines[1]}" "<missing>"
}

@test "inspect: several at once, templates, absent ones" {
    one=$(import_one)
    import_two
    run hull image inspect one:v1 two:v1
    assert_json 'length' 2
    run hull image inspect --format '{{.Id}}' one:v1
    assert_output "$one"
    run hull image inspect --format json one:v1
    assert_json .Os linux
    run hull image inspect one:v1 no-such
    assert_failure 1
    assert_output_has "$one"
    assert_output_has "No such image: no-such:latest"
}

@test "a hundred commands at once on one root" {
    import_one
    pids=()
    for i in {1..50}; do
        hull tag one:v1 "t:$i" 3>&- &
        pids+=($!)
        hull images >/dev/null 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    assert_equal "$(hull images -q t | wc -l)" 50
}

@test "rmi: images that containers use" {
    local container

    make_docker_archive "$WORK/a.tar" app:v1
    hull load -q -i "$WORK/a.tar"
    id=$(hull images -q --no-trunc)
    container=$(hull create --name user --network none app:v1 sleep 100)
    run hull rmi app:v1
    assert_failure 1
    assert_output "hull: conflict: unable to remove repository reference \"app:v1\" (must force) - container ${container:0:12} is using its referenced image ${id:7:12}"
    run hull rmi "${id:7:12}"
    assert_failure 1
    assert_output_has "image is being used by stopped container ${container:0:12}"

    hull start user
    run hull rmi -f "${id:7:12}"
    assert_failure 1
    assert_output_has "(cannot be forced) - image is being used by running container ${container:0:12}"
    # Its name can be taken from it all the same.
    run hull rmi -f app:v1
    assert_success
    assert_output "Untagged: app:v1"
    run hull images
    assert_output_matches "^<none> +<none> +${id:7:12} "
    hull exec user cat /etc/image-name

    hull kill user
    hull wait user
    run hull rmi -f "${id:7:12}"
    assert_output "Deleted: $id"
    # The container's layers stay until it goes.
    hull start user
    hull exec user cat /etc/image-name
    hull rm -f user
    hull import "$WORK/one.tar" one:v1
    hull rmi one:v1
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,chains} ! -name lock -type f)" ""
}

@test "rmi: kill -9 at any moment leaves a whole image or none" {
    make_docker_archive "$WORK/a.tar" app:v1
    for delay in 0.001 0.002 0.004 0.006 0.008 0.012; do
        hull load -q -i "$WORK/a.tar" >/dev/null
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            rmi app:v1 >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$delay"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        if [ -n "$(hull images -q)" ]; then
            hull run --rm --network none app:v1 cat /etc/image-name
            hull rmi app:v1 >/dev/null
        fi
    done
    import_one
    hull rmi one:v1
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,chains} ! -name lock -type f)" ""
}
