#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A root as a whole: facts, disk usage, prune, check and repair.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

# layer_dir IMAGE: where its lowest layer is.
layer_dir() {
    local id

    id=$(hull image inspect --format '{{index .RootFS.Layers 0}}' "$1")
    echo "$HULL_TEST_ROOT/layers/sha256/${id#sha256:}"
}

# damage FILE: one byte in the middle is another one.
damage() {
    local at=$(($(stat -c %s "$1") / 2))

    printf '\x%02x' $((0x$(xxd -s $at -l 1 -p "$1") ^ 0xff)) |
        dd of="$1" bs=1 seek=$at conv=notrunc status=none
}

@test "info and version tell facts, also to templates" {
    run hull info --format '{{.KernelVersion}} {{.NCPU}} {{.Images}} {{.Containers}} {{.DockerRootDir}}'
    assert_output "$(uname -r) $(nproc) 1 0 $HULL_TEST_ROOT"
    run hull system info
    assert_success
    assert_output_has "Storage Driver: "
    assert_output_has "Kernel Version: $(uname -r)"
    run hull info --format json
    assert_json_true '.CgroupVersion == "1" or .CgroupVersion == "2"'
    run hull version
    assert_output_has "Client:"
    run hull version --format '{{.Server.Version}}'
    assert_output "$("$HULL_BIN" --version | sed 's/.* version //')"
}

@test "system df: shared layers count once, containers by what they changed" {
    hull run --name c1 busybox sh -c 'head -c 1000000 /dev/zero >/file'
    hull commit c1 made >/dev/null
    base=$(hull image inspect --format '{{.Size}}' busybox)
    run hull system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
    assert_output "Images 2 1"$'\n'"Containers 1 0"$'\n'"Local Volumes 0 0"$'\n'"Build Cache 0 0"
    run hull system df --format json
    assert_equal "$(jq -r 'select(.Type == "Containers").Reclaimable' <<<"$output")" "1MB (100%)"
    run hull system df -v
    assert_output_matches '^made .* 1MB +0 *$'
    [ "$(hull image inspect --format '{{.Size}}' made)" -eq $((base + 1000000)) ]
    # The image without a container is one layer of its own.
    run hull system df --format '{{.Reclaimable}}'
    assert_output_matches '^1MB \('
}

@test "image prune: dangling, all, filters, and the question" {
    hull run --name c1 busybox sh -c ':>/a'
    hull commit -c 'LABEL keep=1' c1 labelled >/dev/null
    hull commit c1 >/dev/null
    hull commit c1 old >/dev/null
    run hull image prune <<<n
    assert_failure 1
    assert_output_has "WARNING! This will remove all dangling images."
    assert_output_has "image prune has been cancelled"
    assert_equal "$(hull images -aq | wc -l)" 4
    run hull image prune <<<y
    assert_success
    assert_output_matches '^deleted: sha256:'
    assert_output_matches '^Total reclaimed space: '
    assert_equal "$(hull images -q | wc -l)" 3
    run hull image prune -af --filter until=1h
    assert_output "Total reclaimed space: 0B"
    run hull image prune -af --filter 'label!=keep'
    assert_output_has "untagged: old:latest"
    assert_output_lacks "untagged: labelled"
    # The container's image stays whatever is asked for.
    run hull image prune -af --filter label=keep=1
    assert_output_has "untagged: labelled:latest"
    assert_equal "$(hull images --format '{{.Repository}}')" busybox
    run hull image prune --filter nonsense=1
    assert_failure
    assert_output "hull: invalid filter 'nonsense=1'"
}

@test "container prune and system prune leave what runs" {
    hull run -d --name up busybox sleep 1000 >/dev/null
    hull run --name down busybox sh -c 'echo 12345 >/f'
    hull create --name made --label l=1 busybox true >/dev/null
    run hull container prune -f --filter label=l
    assert_equal "$(hull ps -a --format '{{.Names}}' | sort | xargs)" "down up"
    run hull system prune <<<""
    assert_failure 1
    assert_output_has "  - all stopped containers"
    run hull system prune -f
    assert_success
    assert_output_has "Deleted Containers:"
    assert_output_has "Total reclaimed space: 6B"
    assert_equal "$(hull ps -a --format '{{.Names}}')" up
    run hull system prune -af
    assert_equal "$(hull images --format '{{.Repository}}')" busybox
    hull rm -f up >/dev/null
    hull system prune -af >/dev/null
    assert_equal "$(hull images -aq)" ""
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,ingest,chains} -type f ! -name lock)" ""
}

@test "check: metadata of a layer is made again" {
    require_tool xxd
    hull run --name c1 busybox sh -c 'echo x >/x'
    run hull system check
    assert_success
    assert_output_has "no problems"
    dir=$(layer_dir busybox)
    [ -e "$dir/layer.erofs" ] || skip "layers are unpacked here"
    for part in layer.erofs info; do
        cp "$dir/$part" "$WORK/$part"
        damage "$dir/$part"
        run hull system check -q
        assert_failure 1
        assert_output "layer sha256:${dir##*/}: $part is damaged"
        run hull system check --repair
        assert_failure 1
        assert_output_has "1 problem, 1 repaired"
        cmp "$dir/$part" "$WORK/$part"
        hull system check
    done
    run hull run --rm busybox true
    assert_success
}

@test "check: what cannot be saved goes, the rest stays" {
    require_tool xxd
    hull run --name c1 busybox sh -c 'echo x >/x'
    hull commit c1 made >/dev/null
    hull rm c1 >/dev/null
    tar -C "$WORK" -cf - --files-from /dev/null | hull import - lone >/dev/null
    made=$(hull image inspect --format '{{index .RootFS.Layers 1}}' made)
    damage "$HULL_TEST_ROOT/layers/sha256/${made#sha256:}/layer.tar"
    run hull system check
    assert_failure 1
    assert_output_has "layer $made: layer.tar does not have the layer's digest"
    assert_equal "$(hull images -q | wc -l)" 3
    run hull system check --repair
    assert_failure 1
    assert_output_has "removed image made:latest"
    assert_equal "$(ls "$HULL_TEST_ROOT/quarantine")" "$made"
    hull system check
    assert_equal "$(hull images --format '{{.Repository}}' | sort | xargs)" "busybox lone"
    # A configuration that is gone, and rows that lead nowhere.
    id=$(hull images -q --no-trunc lone)
    rm "$HULL_TEST_ROOT/blobs/sha256/${id#sha256:}"
    run hull system check
    assert_failure 1
    assert_output_has "image $id: configuration: "
    run hull system check --repair
    assert_output_has "removed image lone:latest"
    rm -r "$(layer_dir busybox)"
    run hull system check
    assert_failure 1
    assert_output_has "is missing"
    hull system check --repair || true
    run hull system check
    assert_success
    assert_equal "$(hull images -aq)" ""
}

@test "check: a container that has lost its files" {
    hull run --name c1 busybox true
    hull run --name c2 busybox true
    rm -r "$HULL_TEST_ROOT/containers/$(container_id c1)"
    run hull system check
    assert_failure 1
    assert_output_matches '^container c1 \([0-9a-f]{12}\): .*No such file or directory'
    run hull system check --repair
    assert_failure 1
    assert_output_has "1 problem, 1 repaired"
    hull system check
    assert_equal "$(hull ps -a --format '{{.Names}}')" c2
}

@test "image mount: known, busy, gone" {
    run hull image mount busybox
    assert_success
    at=$output
    [ -x "$at/bin/busybox" ]
    run touch "$at/x"
    assert_failure
    assert_equal "$(hull image mount busybox)" "$at"
    mkdir "$WORK/here"
    assert_equal "$(hull image mount busybox "$WORK/here")" "$WORK/here"
    assert_equal "$(hull image mount --format '{{.Path}}' | sort)" "$(printf '%s\n' "$at" "$WORK/here" | sort)"
    run hull rmi -f busybox
    assert_failure
    assert_output_has "image is mounted at"
    run bash -c "cd '$WORK/here' && exec '$HULL_BIN' --root '$HULL_TEST_ROOT' --run-root '$HULL_TEST_RUN_ROOT' image unmount '$WORK/here'"
    assert_failure
    assert_output_has "busy"
    # Somebody else's umount is noticed.
    umount "$WORK/here"
    assert_equal "$(hull image mount --format '{{.Path}}')" "$at"
    hull image unmount busybox >/dev/null
    assert_equal "$(hull image mount --format '{{.Path}}')" ""
    assert_not_exists "$at"
    run hull image unmount busybox
    assert_failure
    hull rmi busybox >/dev/null
}

@test "rmi: a large image is out of sight at once and off the disk soon after" {
    head -c 100000000 /dev/urandom >"$WORK/large"
    tar -C "$WORK" -cf - large | hull import - large >/dev/null
    rm "$WORK/large"
    hull rmi large >"$WORK/out"
    grep -q ^Deleted: "$WORK/out"
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -size +10M)" ""
    wait_until 10 ingest_is_empty
    # Whoever dies while deleting leaves it to the next.
    mkdir -p "$HULL_TEST_ROOT/ingest/0123456789abcdef/0"
    echo x >"$HULL_TEST_ROOT/ingest/0123456789abcdef/0/layer.tar"
    tar -C "$WORK" -cf - out | hull import - other >/dev/null
    ingest_is_empty
}

ingest_is_empty() {
    [ -z "$(ls -A "$HULL_TEST_ROOT/ingest")" ]
}
