# SPDX-License-Identifier: Apache-2.0
#
# The layer store from outside: what GNU tar writes comes out of both kinds of store as GNU tar
# itself unpacks it, layers stack by the rules of the image specification, and neither hostile
# archives nor killed processes leave a mark.

load lib/fixture
load lib/tree

LAYER_TOOL=${LAYER_TOOL:-$HULL_BUILD/tests/integration/lib/layer-tool/layer-tool}

setup() {
    require_root
    setup_fixture
    mkdir "$WORK/erofs" "$WORK/dir" "$WORK/gnu" "$WORK/src"
}

teardown() {
    teardown_fixture
}

# store KIND COMMAND...: runs layer-tool on the store of that kind.
store() {
    local kind=$1
    shift
    "$LAYER_TOOL" "$WORK/$kind" "$WORK/run-$kind" "$kind" "$@"
}

# ingest KIND FILE: prints the diff id.
ingest() {
    store "$1" ingest "$2" | head -1
}

# layer_root KIND DIFF-ID: where the bare layer can be looked at.
layer_root() {
    local path=${2/://}

    store "$1" mount "$2" || return 1
    case $1 in
    erofs) echo "$WORK/run-erofs/layers/$path" ;;
    dir) echo "$WORK/dir/layers/$path/tree" ;;
    esac
}

# assert_same_trees DIR DIR
assert_same_trees() {
    list_tree "$1" >"$WORK/list-a"
    list_tree "$2" >"$WORK/list-b"
    [ -s "$WORK/list-a" ] || return 1
    diff -u "$WORK/list-a" "$WORK/list-b"
}

# assert_all_agree TAR [TAR-OPTION...]: both stores hold what GNU tar unpacks.
assert_all_agree() {
    local tar=$1 id
    shift
    rm -rf "$WORK/gnu"
    mkdir "$WORK/gnu"
    tar -C "$WORK/gnu" -xpf "$tar" --same-owner --xattrs --xattrs-include='*' "$@"
    id=$(ingest erofs "$tar")
    assert_equal "$id" "$(ingest dir "$tar")"
    assert_equal "$id" "sha256:$(sha256sum <"$tar" | cut -d' ' -f1)"
    assert_same_trees "$WORK/gnu" "$(layer_root erofs "$id")"
    assert_same_trees "$WORK/gnu" "$(layer_root dir "$id")"
    store erofs tar "$id" | cmp - "$tar"
    store dir tar "$id" | cmp - "$tar"
}

# make_nasty DIR: a bit of everything that a file system can hold.
make_nasty() {
    local i long

    long=$(printf 'n%.0s' {1..255})
    (
        cd "$1" || exit 1
        mkdir -p empty bin 'sp ace/new
line' "$long"
        echo content >bin/program
        chmod 4755 bin/program
        ln bin/program bin/second-name
        ln bin/program "$long/third-name"
        ln -s program bin/link
        ln -s /absolute/target absolute
        ln -s ../../../../outside climbing
        ln -s "$(printf 't%.0s' {1..300})" middling
        ln -s "$(printf 't%.0s' {1..3000})" long-link
        ln bin/link hard-link-to-symlink
        : >zero
        : >"$long/$long"
        : >-dash
        : >'!bang'
        : >.hidden
        : >'back\slash'
        printf 'x%.0s' {1..511} >size-511
        printf 'x%.0s' {1..512} >size-512
        printf 'x%.0s' {1..513} >size-513
        head -c 1048577 /dev/urandom >size-1M1
        mknod null c 1 3
        mknod block b 250 70000
        mkfifo fifo
        chmod 600 null
        chown 4000000000:3000000000 block fifo
        chown -h 12345:54321 bin/link
        chown 1000:1000 empty
        chmod 1777 empty
        touch -h -d '1901-12-15 00:00:01.5 UTC' zero
        touch -h -d '1969-12-31 23:59:59.999999999 UTC' bin/link
        touch -h -d '2400-01-01 00:00:00.123456789 UTC' -- -dash
        setfattr -n user.text -v value bin/program
        setfattr -n user.empty bin/program
        setfattr -n user.binary -v 0x00ff00 bin
        setfattr -n trusted.mine -v secret bin
        setfattr -n user.large -v "$(printf 'v%.0s' {1..2000})" size-513
        setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 zero
        setfattr -n system.posix_acl_access -v \
            0x0200000001000700ffffffff0200040039300000040005 fifo 2>/dev/null || true
        mkdir many
        for i in {1..3000}; do
            printf -v long '%*s' $((i % 60)) ''
            echo "$i" >"many/$i-${long// /m}"
        done
        mkdir -p "$(printf 'deep/%.0s' {1..90})"
        touch -d '2001-02-03 04:05:06.789 UTC' bin .
    )
}

@test "layers: a nasty tree in PAX format is the same in both stores and unpacked by GNU tar" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" --format=pax --xattrs --xattrs-include='*' -cf "$WORK/layer.tar" .
    assert_all_agree "$WORK/layer.tar"
}

@test "layers: so it is in GNU format" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" --format=gnu -cf "$WORK/layer.tar" .
    assert_all_agree "$WORK/layer.tar"
}

@test "layers: ustar and v7 archives" {
    mkdir -p "$WORK/src/$(printf 'd%.0s' {1..90})/sub"
    echo 1 >"$WORK/src/$(printf 'd%.0s' {1..90})/sub/$(printf 'f%.0s' {1..60})"
    ln -s target "$WORK/src/link"
    tar -C "$WORK/src" --format=ustar -cf "$WORK/ustar.tar" .
    assert_all_agree "$WORK/ustar.tar"
    rm -rf "${WORK:?}/src"
    mkdir -p "$WORK/src/dir"
    echo old >"$WORK/src/dir/file"
    ln "$WORK/src/dir/file" "$WORK/src/hard"
    tar -C "$WORK/src" --format=v7 -cf "$WORK/v7.tar" .
    assert_all_agree "$WORK/v7.tar"
}

@test "layers: sparse files in the GNU form and the three PAX forms" {
    truncate -s 10M "$WORK/src/hole"
    printf start >"$WORK/src/start"
    truncate -s 3M "$WORK/src/start"
    truncate -s 1234567 "$WORK/src/end"
    printf end >>"$WORK/src/end"
    truncate -s 300G "$WORK/src/huge"
    for offset in 1 77 1000 99999; do
        printf data | dd of="$WORK/src/huge" bs=4096 seek=$offset conv=notrunc status=none
    done
    for offset in $(seq 0 3 200); do
        head -c 5000 /dev/urandom |
            dd of="$WORK/src/many" bs=4096 seek="$offset" conv=notrunc status=none
    done
    truncate -s 50G "$WORK/src/larger-than-its-data"
    for form in "--format=gnu" "--format=pax --sparse-version=0.0" \
        "--format=pax --sparse-version=0.1" "--format=pax --sparse-version=1.0"; do
        # shellcheck disable=SC2086
        tar -C "$WORK/src" $form -S --exclude=huge --exclude=larger-than-its-data \
            -cf "$WORK/layer.tar" .
        assert_all_agree "$WORK/layer.tar"
        # Hashing 300 GB of zeros takes too long: the places that hold data are enough.
        # shellcheck disable=SC2086
        tar -C "$WORK/src" $form -S -cf "$WORK/layer.tar" huge larger-than-its-data
        for kind in erofs dir; do
            root=$(layer_root $kind "$(ingest $kind "$WORK/layer.tar")")
            assert_equal "$(stat -c %s "$root/huge")" $((300 << 30))
            assert_equal "$(stat -c %s "$root/larger-than-its-data")" $((50 << 30))
            for offset in 0 1 2 76 77 1000 99999 100000; do
                cmp -n 8192 -i $((offset * 4096)) "$WORK/src/huge" "$root/huge"
            done
        done
    done
}

@test "layers: gzip of several members, zstd of several frames, zeros behind the end" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" -cf "$WORK/layer.tar" .
    id=sha256:$(sha256sum <"$WORK/layer.tar" | cut -d' ' -f1)
    split -b 700000 "$WORK/layer.tar" "$WORK/part."
    for part in "$WORK"/part.*; do
        gzip -c "$part" >>"$WORK/layer.gz"
        zstd -qc "$part" >>"$WORK/layer.zst"
    done
    head -c 1000 /dev/zero | cat "$WORK/layer.gz" - >"$WORK/padded.gz"
    for file in layer.gz layer.zst padded.gz; do
        assert_equal "$(ingest erofs "$WORK/$file")" "$id"
        store erofs tar "$id" | cmp - "$WORK/layer.tar"
        store erofs remove "$id"
    done
    assert_equal "$(store erofs list)" ""
}

@test "layers: a cut-off, damaged or wrong blob leaves nothing behind" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" -czf "$WORK/layer.gz" .
    head -c 500000 "$WORK/layer.gz" >"$WORK/short.gz"
    run store erofs ingest "$WORK/short.gz"
    assert_failure
    assert_output_has "cut off"
    { head -c 300000 "$WORK/layer.gz"; head -c 1000 /dev/urandom; tail -c +301001 "$WORK/layer.gz"; } \
        >"$WORK/damaged.gz"
    run store erofs ingest "$WORK/damaged.gz"
    assert_failure
    assert_output_has "gzip"
    wrong=sha256:$(printf '0%.0s' {1..64})
    run store erofs ingest "$WORK/layer.gz" "$wrong"
    assert_failure
    assert_output_has "not $wrong"
    run store erofs ingest "$WORK/layer.gz" - "$wrong"
    assert_failure
    assert_output_has "not $wrong"
    assert_equal "$(store erofs list)" ""
    assert_equal "$(ls "$WORK/erofs/ingest")" ""
    blob=sha256:$(sha256sum <"$WORK/layer.gz" | cut -d' ' -f1)
    diff=sha256:$(zcat "$WORK/layer.gz" | sha256sum | cut -d' ' -f1)
    run store erofs ingest "$WORK/layer.gz" "$blob" "$diff"
    assert_success
    assert_equal "$(store erofs has "$diff")" yes
}

@test "layers: several processes bring in one layer at once, a killed one is cleaned up after" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" -czf "$WORK/layer.gz" .
    for i in 1 2 3 4; do
        ingest erofs "$WORK/layer.gz" >"$WORK/id-$i" 3>&- &
        pids[i]=$!
    done
    for i in 1 2 3 4; do
        wait "${pids[i]}"
        assert_equal "$(cat "$WORK/id-$i")" "$(cat "$WORK/id-1")"
    done
    assert_equal "$(ls "$WORK/erofs/ingest")" ""

    mkfifo "$WORK/stream"
    "$LAYER_TOOL" "$WORK/erofs" "$WORK/run-erofs" erofs ingest "$WORK/stream" 3>&- &
    pid=$!
    exec 8>"$WORK/stream"
    head -c 300000 "$WORK/layer.gz" >&8
    wait_until 5 sh -c 'ls "$0" | grep -q .' "$WORK/erofs/ingest"
    kill -9 $pid
    wait $pid || true
    exec 8>&-
    assert_not_equal "$(ls "$WORK/erofs/ingest")" ""
    store erofs clean
    assert_equal "$(ls "$WORK/erofs/ingest")" ""
}

# make_layer NAME: a tar of $WORK/src with its members' directories listed; prints nothing.
make_layer() {
    tar -C "$WORK/src" --xattrs --xattrs-include='*' -cf "$WORK/$1.tar" .
    rm -rf "$WORK/src"
    mkdir "$WORK/src"
}

# stack_of KIND NAME...: mounts the layers, lowest first, on $WORK/root-KIND with an upper directory.
stack_of() {
    local kind=$1 ids=() name
    shift
    for name; do
        ids+=("$(ingest "$kind" "$WORK/$name.tar")")
    done
    mkdir -p "$WORK/root-$kind" "$WORK/up-$kind" "$WORK/work-$kind"
    store "$kind" upper "$WORK/up-$kind" "${ids[@]}"
    store "$kind" stack "$WORK/root-$kind" "$WORK/up-$kind" "$WORK/work-$kind" "${ids[@]}"
}

@test "layers: whiteouts, opaque directories and replacements by the rules" {
    cd "$WORK/src"
    mkdir -p kept opaque replaced-by-file dir-again/old
    echo 1 | tee kept/stays kept/goes opaque/below file-to-dir dir-again/old/x replaced-by-file/x >/dev/null
    cd - >/dev/null
    make_layer one
    cd "$WORK/src"
    mkdir -p kept opaque file-to-dir dir-again
    : >kept/.wh.goes
    : >opaque/.wh..wh..opq
    echo 2 | tee opaque/new file-to-dir/inside dir-again/new replaced-by-file kept/.wh.never >/dev/null
    : >.wh.dir-again
    cd - >/dev/null
    make_layer two
    for kind in erofs dir; do
        stack_of $kind one two
        assert_equal "$(cd "$WORK/root-$kind" && find . -mindepth 1 | LC_ALL=C sort | xargs)" \
            "./dir-again ./dir-again/new ./file-to-dir ./file-to-dir/inside ./kept ./kept/stays ./opaque ./opaque/new ./replaced-by-file"
        assert_equal "$(cat "$WORK/root-$kind/replaced-by-file")" 2
        echo written >"$WORK/root-$kind/kept/stays"
        rm -r "$WORK/root-$kind/opaque"
        assert_equal "$(cat "$WORK/root-$kind/kept/stays")" written
    done
    assert_same_trees "$(layer_root erofs "$(ingest erofs "$WORK/two.tar")")" \
        "$(layer_root dir "$(ingest dir "$WORK/two.tar")")"
}

@test "layers: whiteouts with nothing below them do not show" {
    mkdir "$WORK/src/dir"
    : >"$WORK/src/dir/.wh.gone"
    : >"$WORK/src/.wh.also"
    echo 1 >"$WORK/src/dir/file"
    make_layer one
    for kind in erofs dir; do
        stack_of $kind one
        assert_equal "$(cd "$WORK/root-$kind" && find . -mindepth 1 | LC_ALL=C sort | xargs)" "./dir ./dir/file"
    done
}

@test "layers: an opaque root hides all layers below" {
    echo 1 >"$WORK/src/lower"
    make_layer one
    echo 2 >"$WORK/src/upper"
    : >"$WORK/src/.wh..wh..opq"
    make_layer two
    for kind in erofs dir; do
        stack_of $kind one two
        assert_equal "$(ls "$WORK/root-$kind")" upper
    done
}

@test "layers: directories that a layer does not describe look as below" {
    mkdir -p "$WORK/src/opt/app/data"
    chmod 2750 "$WORK/src/opt"
    chown 12:34 "$WORK/src/opt/app"
    setfattr -n user.mark -v below "$WORK/src/opt/app"
    chmod 700 "$WORK/src"
    touch -d '2001-01-01 UTC' "$WORK/src/opt/app/data" "$WORK/src/opt/app" "$WORK/src/opt"
    make_layer one
    chmod 755 "$WORK/src"
    mkdir -p "$WORK/src/opt/app/data" "$WORK/src/etc"
    echo 2 | tee "$WORK/src/opt/app/data/file" >"$WORK/src/etc/file"
    tar -C "$WORK/src" -cf "$WORK/two.tar" --no-recursion opt/app/data/file etc/file
    for kind in erofs dir; do
        stack_of $kind one two
        root=$WORK/root-$kind
        assert_equal "$(stat -c '%a %u:%g' "$root")" "700 0:0"
        assert_equal "$(stat -c '%a %u:%g %Y' "$root/opt")" "2750 0:0 978307200"
        assert_equal "$(stat -c '%a %u:%g %Y' "$root/opt/app")" "755 12:34 978307200"
        assert_equal "$(stat -c '%a %u:%g %Y' "$root/opt/app/data")" "755 0:0 978307200"
        assert_equal "$(getfattr --only-values -n user.mark "$root/opt/app" 2>/dev/null)" below
        assert_equal "$(stat -c '%a %u:%g' "$root/etc")" "755 0:0"
        assert_equal "$(cat "$root/opt/app/data/file")" 2
        assert_equal "$(ls "$WORK/$kind/chains/sha256" | wc -l)" 1
        umount "$root"
        store $kind remove "$(ingest $kind "$WORK/one.tar")"
        assert_equal "$(ls "$WORK/$kind/chains/sha256")" ""
    done
}

@test "layers: an opaque directory that its layer does not describe looks as below, a new one does not" {
    mkdir -p "$WORK/src/opaque" "$WORK/src/replaced"
    chmod 2750 "$WORK/src/opaque" "$WORK/src/replaced"
    chmod 711 "$WORK/src"
    touch "$WORK/src/opaque/old" "$WORK/src/replaced/old"
    make_layer one
    mkdir -p "$WORK/src/opaque" "$WORK/src/replaced"
    touch "$WORK/src/opaque/.wh..wh..opq" "$WORK/src/.wh.replaced" "$WORK/src/replaced/new"
    tar -C "$WORK/src" -cf "$WORK/two.tar" opaque/.wh..wh..opq .wh.replaced replaced/new
    touch "$WORK/src/.wh..wh..opq" "$WORK/src/alone"
    tar -C "$WORK/src" -cf "$WORK/three.tar" .wh..wh..opq alone
    for kind in erofs dir; do
        root=$WORK/root-$kind
        stack_of $kind one two
        assert_equal "$(stat -c %a "$root/opaque") $(ls "$root/opaque")" "2750 "
        assert_equal "$(stat -c %a "$root/replaced") $(ls "$root/replaced")" "755 new"
        umount "$root"
        rm -r "$WORK/up-$kind" "$WORK/work-$kind"
        stack_of $kind one three
        assert_equal "$(stat -c %a "$root") $(ls "$root")" "711 alone"
    done
}

@test "layers: an image has a layer twice" {
    echo 1 >"$WORK/src/file"
    make_layer one
    echo 2 >"$WORK/src/file"
    : >"$WORK/src/.wh.other"
    make_layer two
    for kind in erofs dir; do
        stack_of $kind one two one
        assert_equal "$(cat "$WORK/root-$kind/file")" 1
        umount "$WORK/root-$kind"
        rm -r "$WORK/up-$kind" "$WORK/work-$kind"
        stack_of $kind two one two two
        assert_equal "$(cat "$WORK/root-$kind/file")" 2
    done
}

@test "layers: hostile names and links stay inside" {
    echo untouched >"$WORK/marker"
    chmod 640 "$WORK/marker"
    cd "$WORK/src"
    ln -s "$WORK" out
    mkdir real
    echo evil >payload
    tar -cf "$WORK/link.tar" out
    tar --transform 's,^payload,out/marker,' -rf "$WORK/link.tar" payload
    tar -P --transform 's,^payload,/absolute/name,' -rf "$WORK/link.tar" payload
    tar -P --transform 's,^payload,real/../inner,' -rf "$WORK/link.tar" payload
    tar -P --transform 's,^payload,../escape,' -cf "$WORK/escape.tar" payload
    tar -P --transform 's,^payload,real/../../escape,' -cf "$WORK/escape2.tar" payload
    ln payload second
    tar -P --transform 's,^payload,../../../../../../../etc/passwd,R' -cf "$WORK/escape3.tar" payload second
    ln -s / slash
    tar -P --transform 's,^slash,./,' -cf "$WORK/rootlink.tar" slash
    cd - >/dev/null
    for kind in erofs dir; do
        for bad in escape escape2 escape3 rootlink; do
            run store $kind ingest "$WORK/$bad.tar"
            assert_failure
            assert_output_matches "^invalid: "
        done
        root=$(layer_root $kind "$(ingest $kind "$WORK/link.tar")")
        assert_equal "$(cat "$root$WORK/marker")" evil
        assert_equal "$(cat "$root/absolute/name")" evil
        assert_equal "$(cat "$root/inner")" evil
        assert_equal "$(cat "$WORK/marker") $(stat -c %a "$WORK/marker")" "untouched 640"
        assert_not_exists "$WORK/escape"
        assert_not_exists "$WORK/$kind/escape"
    done
}

@test "layers: 150 layers on one another" {
    for i in $(seq 150); do
        echo "$i" >"$WORK/src/last"
        echo "$i" >"$WORK/src/file-$i"
        make_layer "$i"
    done
    for kind in erofs dir; do
        # shellcheck disable=SC2046
        stack_of $kind $(seq 150)
        assert_equal "$(cat "$WORK/root-$kind/last")" 150
        assert_equal "$(find "$WORK/root-$kind" -name 'file-*' | wc -l)" 150
    done
}

@test "layers: no layers at all, and a single one read-only" {
    echo 1 >"$WORK/src/file"
    make_layer one
    for kind in erofs dir; do
        stack_of $kind
        assert_equal "$(ls -A "$WORK/root-$kind")" ""
        umount "$WORK/root-$kind"
        store $kind stack "$WORK/root-$kind" - - "$(ingest $kind "$WORK/one.tar")"
        assert_equal "$(cat "$WORK/root-$kind/file")" 1
        run touch "$WORK/root-$kind/new"
        assert_failure
        umount "$WORK/root-$kind"
        store $kind stack "$WORK/root-$kind" - -
        assert_equal "$(ls -A "$WORK/root-$kind")" ""
    done
}

@test "layers: an empty layer and the empty blob" {
    : >"$WORK/nothing.tar"
    head -c 10240 /dev/zero >"$WORK/empty.tar"
    for kind in erofs dir; do
        stack_of $kind nothing empty
        assert_equal "$(ls -A "$WORK/root-$kind")" ""
    done
}

# layer_mounts: how many shared mounts of layers there are.
layer_mounts() {
    awk -v dir="$WORK/run-erofs/layers/" 'index($2, dir) == 1 { n++ } END { print n + 0 }' /proc/mounts
}

@test "layers: mounts are shared, released, and made again after a reboot" {
    echo 1 >"$WORK/src/file"
    make_layer one
    stack_of erofs one
    id=$(store erofs list)
    assert_equal "$(layer_mounts)" 1
    store erofs release
    assert_equal "$(layer_mounts)" 0
    assert_equal "$(cat "$WORK/root-erofs/file")" 1
    rm -rf "$WORK/run-erofs"
    root=$(layer_root erofs "$id")
    assert_equal "$(cat "$root/file")" 1
    umount "$WORK/root-erofs"
    store erofs remove "$id"
    assert_equal "$(layer_mounts)" 0
    assert_equal "$(store erofs has "$id")" no
    store erofs remove "$id"
}

# cached FILE: bytes of it in the page cache.
cached() {
    fincore --bytes --noheadings --output RES "$1" | xargs
}

@test "layers: two images with a common layer share its pages" {
    local size=$((8 << 20))

    head -c $size /dev/urandom >"$WORK/src/file"
    make_layer common
    echo 1 >"$WORK/src/other"
    make_layer one
    echo 2 >"$WORK/src/other"
    make_layer two
    common=$(ingest erofs "$WORK/common.tar")
    for image in one two; do
        mkdir "$WORK/$image"
        store erofs stack "$WORK/$image" - - "$common" "$(ingest erofs "$WORK/$image.tar")"
    done
    tar=$WORK/erofs/layers/${common/://}/layer.tar
    dd if="$tar" iflag=nocache count=0 status=none # what writing it has left there
    assert_equal "$(cached "$WORK/two/file")" 0
    cat "$WORK/one/file" >/dev/null
    assert_equal "$(cached "$WORK/two/file")" $size
    # Where the kernel reads the tar directly (6.13), its pages are not cached a second time.
    if grep -q " $WORK/run-erofs/layers/.*directio" /proc/mounts; then
        [ "$(cached "$tar")" -lt $((size / 4)) ]
    fi
}

@test "layers: a store of the other kind uses the layers that are there" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" --format=pax --xattrs --xattrs-include='*' -cf "$WORK/layer.tar" .
    id=$(ingest dir "$WORK/layer.tar")
    assert_equal "$("$LAYER_TOOL" "$WORK/dir" "$WORK/run-erofs" erofs has "$id")" yes
    "$LAYER_TOOL" "$WORK/dir" "$WORK/run-erofs" erofs mount "$id"
    assert_same_trees "$WORK/run-erofs/layers/${id/://}" "$WORK/dir/layers/${id/://}/tree"
}

@test "layers: a directory store may discard the tar" {
    echo 1 >"$WORK/src/file"
    make_layer one
    id=$(DISCARD_TAR=1 ingest dir "$WORK/one.tar")
    assert_equal "$(store dir has "$id")" yes
    run store dir tar "$id"
    assert_failure
    assert_output_has "not kept"
    assert_equal "$(cat "$(layer_root dir "$id")/file")" 1
}

@test "layers: a bomb of zeros takes no disk space" {
    mkdir "$WORK/src/big"
    truncate -s 300M "$WORK/src/big/zeros"
    tar -C "$WORK/src" -cf - . | gzip -1 >"$WORK/bomb.gz"
    id=$(ingest erofs "$WORK/bomb.gz")
    disk=$(store erofs info "$id" | sed 's/.*disk \([0-9]*\).*/\1/')
    [ "$disk" -lt 1000000 ]
}

@test "layers: the same tar gives the same metadata" {
    make_nasty "$WORK/src"
    tar -C "$WORK/src" -cf "$WORK/layer.tar" .
    id=$(ingest erofs "$WORK/layer.tar")
    file=$WORK/erofs/layers/${id/://}/layer.erofs
    cp "$file" "$WORK/first"
    store erofs remove "$id"
    ingest erofs "$WORK/layer.tar"
    cmp "$WORK/first" "$file"
}
