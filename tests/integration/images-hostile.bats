# SPDX-License-Identifier: Apache-2.0
#
# Images that were made to do harm, each as the vulnerability of an engine that it once was. What the
# archives themselves may do is in images-load.bats, what registries do in images-faults.bats, and
# single layers are in layers.bats.

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

# member_tar OUT TYPE NAME [LINK]: a tar of a directory, that member, and a file in what it names.
member_tar() {
    require_tool python3
    python3 - "$@" <<'END'
import io, sys, tarfile
out, kind, name, link = (sys.argv + [""])[1:5]
types = {"file": tarfile.REGTYPE, "link": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE,
         "fifo": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE, "directory": tarfile.DIRTYPE}
with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:
    for member, member_type in (("sub", "directory"), (name, kind), ("sub/file", "file")):
        info = tarfile.TarInfo(member)
        info.type = types[member_type]
        info.mode = 0o755
        if member is name:
            info.linkname = link
        data = b"evil" if member_type == "file" else b""
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
END
}

@test "hostile: a root that is no directory (CVE-2021-29136)" {
    for name in . ./ / sub/.. ./sub/../; do
        for kind in file fifo device "link /etc" "link .." "hardlink /etc/passwd" "hardlink sub"; do
            # shellcheck disable=SC2086 # kind and target
            set -- $kind
            member_tar "$WORK/bad.tar" "$1" "$name" "${2:-}"
            run hull import "$WORK/bad.tar" bad
            assert_failure 1
            assert_equal "${#lines[@]}" 1
        done
    done
    assert_nothing_kept
    # The directory itself may be in a layer by all its names.
    for name in . ./ sub/..; do
        member_tar "$WORK/good.tar" directory "$name"
        run hull import "$WORK/good.tar" good
        assert_success
    done
}

@test "hostile: links of a layer and what the layers above put below them (CVE-2020-10696, -27833, 2021-32760)" {
    echo untouched >"$WORK/marker"
    chmod 640 "$WORK/marker"
    mkdir -p "$WORK/one/keep" "$WORK/two"/{slash,up,chain,in,marker} "$WORK/three"
    ln -s / "$WORK/one/slash"
    ln -s ../../../../../../../.. "$WORK/one/up"
    ln -s slash "$WORK/one/second"
    ln -s second "$WORK/one/chain"
    ln -s "$WORK" "$WORK/one/in"
    ln -s "$WORK/marker" "$WORK/one/file"
    for dir in slash up chain in; do
        echo evil >"$WORK/two/$dir/marker"
    done
    rmdir "$WORK/two/marker"
    tar_files "$WORK/one" "$WORK/one.tar"
    tar_files "$WORK/two" "$WORK/two.tar"
    # Here the same names are members below the links, without a directory that replaces them.
    echo evil >"$WORK/payload"
    tar -C "$WORK" --transform "s,^payload,in/marker," -cf "$WORK/three.tar" payload
    tar -C "$WORK" --transform "s,^payload,chain$WORK/marker," -rf "$WORK/three.tar" payload
    chmod 4777 "$WORK/payload"
    tar -C "$WORK" --transform "s,^payload,file," -rf "$WORK/three.tar" payload
    for upper in two three; do
        rm -f "$WORK/image.tar"
        make_docker_archive "$WORK/image.tar" "app:$upper" "$WORK/one.tar" "$WORK/$upper.tar"
        hull load -q -i "$WORK/image.tar"
        root=$(hull image mount "app:$upper")
        defer hull image unmount "app:$upper"
        assert_equal "$(cat "$root/in/marker")" evil
        assert_equal "$(cat "$WORK/marker") $(stat -c %a "$WORK/marker")" "untouched 640"
        assert_not_exists /marker
    done
}

@test "hostile: a broken layer in any compression does not stand in the way of a good one (CVE-2021-20291)" {
    make_busybox_tar "$WORK/root.tar"
    for tool in gzip xz zstd bzip2; do
        require_tool $tool
        $tool -c "$WORK/root.tar" >"$WORK/good"
        size=$(stat -c %s "$WORK/good")
        head -c $((size / 2)) "$WORK/good" >"$WORK/short"
        { head -c $((size / 2)) "$WORK/good" && head -c 4096 /dev/urandom &&
            tail -c +$((size / 2 + 4097)) "$WORK/good"; } >"$WORK/damaged"
        for bad in short damaged; do
            run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
                import "$WORK/$bad" app
            assert_failure 1
            assert_equal "${#lines[@]}" 1
            assert_nothing_kept
        done
        run hull import "$WORK/good" app
        assert_success
        hull rmi app >/dev/null
    done
}

# user_image USER [DIR]: an image "user" that says it runs as that user, with DIR's files over it.
user_image() {
    [ -e "$WORK/root.tar" ] || make_busybox_tar "$WORK/root.tar"
    [ -z "${2:-}" ] || tar_files "$2" "$WORK/more.tar"
    rm -rf "$WORK/layout"
    make_oci_layout "$WORK/layout" v1 "$WORK/root.tar" ${2:+"$WORK/more.tar"}
    [ -z "$1" ] || umoci config --image "$WORK/layout:v1" --config.user "$1"
    hull load -q -i "$WORK/layout" >"$WORK/loaded"
    hull tag "$(hull images -q | sed -n 1p)" user
}

@test "hostile: a user that is no id is not root (CVE-2024-40635)" {
    for user in 2147483648 4294967295 4294967296 18446744073709551616 -1 0x0 1:4294967296 1:-1; do
        user_image "$user"
        run hull run --rm user id -u
        assert_failure
        assert_output_lacks $'\n0'
        [ "$output" != 0 ]
        run hull run --rm -u "$user" user id -u
        assert_failure
        hull rmi -f user >/dev/null
    done
}

@test "hostile: files of the image that are read here (CVE-2024-9341, -9676)" {
    echo "app:x:4242:4242::/:/bin/sh" >"$WORK/passwd"
    mkdir -p "$WORK/files/etc"
    for target in /dev/zero /proc/self/environ "/proc/1/root$WORK/passwd" "$WORK/passwd" \
        "../../../../../..$WORK/passwd"; do
        ln -sf "$target" "$WORK/files/etc/passwd"
        ln -sf "$target" "$WORK/files/etc/group"
        user_image app "$WORK/files"
        run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            run --rm --network none user id -u
        assert_failure
        assert_output_lacks 4242
        # Numbers need no file.
        run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
            run --rm --network none -u 7 user stat -c %u /proc/self/status
        assert_success
        assert_output 7
        hull rmi -f user >/dev/null
    done
    rm "$WORK/files/etc/passwd" "$WORK/files/etc/group"
    mkfifo "$WORK/files/etc/passwd"
    user_image app "$WORK/files"
    run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        run --rm --network none user id -u
    assert_failure 125
    assert_output_has "not a regular file"
}

# terminal_archive OUT: an archive of an image "evil" whose texts are commands to a terminal.
terminal_archive() {
    require_tool python3
    [ -e "$WORK/root.tar" ] || make_busybox_tar "$WORK/root.tar"
    python3 - "$WORK/root.tar" "$1" <<'END'
import hashlib, io, json, sys, tarfile
layer = open(sys.argv[1], "rb").read()
text = "a\x1b[2J\r\n\tb\x9b31m\xfc\x7f"
config = {"architecture": "amd64", "os": "linux", "author": text, "comment": text,
          "config": {"Cmd": ["sh", "-c", "sleep 1000", text], "Env": ["PATH=/bin", "E=" + text],
                     "Labels": {"k" + text: text}},
          "history": [{"created_by": text, "comment": text}],
          "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
files = {"config.json": json.dumps(config).encode(), "layer.tar": layer, "manifest.json": json.dumps(
    [{"Config": "config.json", "RepoTags": ["evil:latest"], "Layers": ["layer.tar"]}]).encode()}
with tarfile.open(sys.argv[2], "w") as tar:
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
END
}

# lacks_commands FILE: nothing in it but printable characters, lines and valid UTF-8.
lacks_commands() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null
    run ! env LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$1"
}

@test "hostile: texts that command a terminal" {
    require_tool script iconv
    terminal_archive "$WORK/evil.tar"
    hull load -q -i "$WORK/evil.tar" >/dev/null
    shown=$'a?[2J???b?31m\xc3\xbc?'
    text=$'a\e[2J\r\n\tb\xc2\x9b31m\xc3\xbc\x7f'
    hull run -d --name c1 evil >/dev/null
    hull exec c1 touch $'/new\e[2J\n\xff' "/$text"
    hull() { "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@"; }
    export -f hull
    export HULL_BIN HULL_TEST_ROOT HULL_TEST_RUN_ROOT

    # Tables are for people, wherever they go.
    hull history --no-trunc evil >"$WORK/out"
    assert_equal "$(wc -l <"$WORK/out")" 2
    assert_equal "$(grep -cF "$shown" "$WORK/out")" 1
    lacks_commands "$WORK/out"
    hull ps --no-trunc --format 'table {{.Command}}\t{{.Labels}}' >"$WORK/out"
    assert_equal "$(grep -cF "k$shown=$shown" "$WORK/out")" 1
    lacks_commands "$WORK/out"
    # Plans are, too, and JSON has escapes.
    for command in "explain run evil" "image inspect evil" "inspect c1"; do
        # shellcheck disable=SC2086
        hull $command >"$WORK/out"
        lacks_commands "$WORK/out"
    done

    # Everything else is exact for programs, and shown to people.
    assert_equal "$(hull image inspect -f '{{.Comment}}|{{range .Config.Labels}}{{.}}{{end}}' evil)" \
        "$text|$text"
    assert_equal "$(hull image inspect -f '{{json .Comment}}' evil | jq -r .)" "$text"
    assert_equal "$(hull diff c1 | LC_ALL=C sort | head -c 100)" "$(printf 'A /%s\nA /new\e[2J\n\xff' "$text" |
        LC_ALL=C sort)"
    for command in "image inspect -f {{.Comment}}{{.Config.Labels}} evil" "diff c1" "history evil" \
        "history --format {{.CreatedBy}} evil" "ps --no-trunc --format {{.Labels}}" "top c1"; do
        # shellcheck disable=SC2086
        on_terminal hull $command | sed 's/\r$//' >"$WORK/out"
        [ -s "$WORK/out" ]
        lacks_commands "$WORK/out"
    done
}
