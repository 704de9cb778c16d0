#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Commands that are killed at some system call, power that goes, disks that fill up. Whatever happens,
# the store verifies, an image that was there is there, and the next command succeeds.
#
# CRASH_STEP: every how many-th call of a kind is taken (1: all of them); CRASH_OFFSET: where to
# begin, by default drawn anew and told.

load lib/fixture

CALLS=openat,openat2,renameat,unlinkat,mkdirat,fsync,fdatasync,pwrite64,write,ftruncate,flock,fcntl,umount2,close
TRACED=$CALLS,rename,renameat2,pwritev,fallocate,copy_file_range,sync,syncfs

setup_file() { setup_file_busybox; }

setup() {
    setup_fixture
    require_root
    require_hull
    require_tool strace python3
    : "${CRASH_STEP:=24}"
    : "${CRASH_OFFSET:=$((RANDOM % CRASH_STEP + 1))}"
    echo "CRASH_STEP=$CRASH_STEP CRASH_OFFSET=$CRASH_OFFSET"
    hull import "$BUSYBOX_TAR" keep:1 >/dev/null
    printf x >"$WORK/x"
    tar -C "$WORK" -cf "$WORK/x.tar" x
    hull import "$WORK/x.tar" gone:1 >/dev/null
    hull save -o "$WORK/gone.tar" gone:1
    let_go
    cp -a "$HULL_TEST_ROOT" "$WORK/before"
}

teardown() {
    teardown_fixture
}

# let_go: no mount is left, as after a reboot.
let_go() {
    unmount_below "$HULL_TEST_RUN_ROOT"
    rm -rf "$HULL_TEST_RUN_ROOT"
    mkdir "$HULL_TEST_RUN_ROOT"
}

start_over() {
    let_go
    rm -rf "$HULL_TEST_ROOT"
    cp -a "$WORK/before" "$HULL_TEST_ROOT"
    [ -z "${PREPARE:-}" ] || hull rmi "$PREPARE" >/dev/null
}

# kill_at N ARG...: hull ARG... is killed at its N-th call; $status is 0 if it got to its end.
kill_at() {
    local n=$1

    shift
    status=0
    strace -f -y -o "$WORK/log" -e trace=$TRACED -e inject=$CALLS:signal=KILL:when="$n" \
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@" \
        >/dev/null 2>"$WORK/err" || status=$?
}

power_cut() {
    python3 "$FIXTURE_DIR/powercut.py" "$WORK/log" "$HULL_TEST_ROOT" "$WORK/reference"
    let_go
}

# crash POWER ARG...: sweeps over the calls of hull ARG..., which can be done again.
crash() {
    local power=$1 n=$CRASH_OFFSET

    shift
    while :; do
        start_over
        [ "$power" = 0 ] || { rm -rf "$WORK/reference" && cp -a "$HULL_TEST_ROOT" "$WORK/reference"; }
        kill_at "$n" "$@"
        ended=$status
        [ "$power" = 0 ] || power_cut
        run hull system check
        assert_success
        grep -qx keep:1 <(hull images --format '{{.Repository}}:{{.Tag}}') ||
            fail "call $n of $*: an image is lost"
        run hull "$@"
        [ "$status" -eq 0 ] || [[ $output == *"No such image"* ]] || fail "call $n of $*: $output"
        run hull system check --repair
        assert_success
        run hull system check
        assert_success
        assert_equal "$(find "$HULL_TEST_ROOT/ingest" -mindepth 1)" ""
        assert_equal "$(find "$HULL_TEST_ROOT/blobs" -name '*tmp*')" ""
        [ "$ended" -ne 0 ] || break
        n=$((n + CRASH_STEP))
    done
}

# several_layers: a registry that has an image of six small layers, $REGISTRY/several:v1.
several_layers() {
    local tars=()

    for i in {1..6}; do
        mkdir "$WORK/files$i"
        echo "$i" >"$WORK/files$i/file$i"
        tar -C "$WORK/files$i" -cf "$WORK/layer$i.tar" .
        tars+=("$WORK/layer$i.tar")
    done
    make_oci_layout "$WORK/several" v1 "${tars[@]}"
    start_registry
    copy_image "oci:$WORK/several:v1" "docker://$REGISTRY/several:v1"
}

@test "killed: pull" {
    several_layers
    crash 0 pull -q "$REGISTRY/several:v1"
}

@test "the power goes: pull" {
    several_layers
    crash 1 pull -q "$REGISTRY/several:v1"
    assert_equal "$(hull image inspect -f '{{len .RootFS.Layers}}' "$REGISTRY/several:v1")" 6
}

@test "killed: load" {
    PREPARE=gone:1 crash 0 load -i "$WORK/gone.tar"
}

@test "killed: import" {
    crash 0 import "$WORK/x.tar" new:1
}

@test "killed: rmi" {
    crash 0 rmi gone:1
}

@test "killed: prune" {
    hull run --name user keep:1 true
    let_go
    rm -rf "$WORK/before"
    cp -a "$HULL_TEST_ROOT" "$WORK/before"
    crash 0 image prune -af
}

@test "killed: commit" {
    hull run --name user keep:1 sh -c 'echo x >/y; rm /etc/group'
    let_go
    rm -rf "$WORK/before"
    cp -a "$HULL_TEST_ROOT" "$WORK/before"
    crash 0 commit user new:1
}

@test "killed: convert" {
    crash 0 image convert --compression estargz gone:1 new:1
}

@test "the power goes: load" {
    PREPARE=gone:1 crash 1 load -i "$WORK/gone.tar"
}

@test "the power goes: load of an archive of several layers" {
    several_layers
    copy_image "oci:$WORK/several:v1" "docker-archive:$WORK/several.tar:several:v1"
    crash 1 load -i "$WORK/several.tar"
}

@test "the power goes: rmi" {
    crash 1 rmi gone:1
}

@test "the power goes: import" {
    crash 1 import "$WORK/x.tar" new:1
}

@test "the disk is full" {
    mkdir "$WORK/small"
    mount -t tmpfs -o size=8m tmpfs "$WORK/small"
    defer umount -l "$WORK/small"
    HULL_TEST_ROOT=$WORK/small
    hull import "$BUSYBOX_TAR" keep:1 >/dev/null
    head -c 20000000 /dev/urandom >"$WORK/large"
    tar -C "$WORK" -cf "$WORK/large.tar" large
    HULL_TEST_ROOT=$WORK/root hull import "$WORK/large.tar" large:1 >/dev/null
    HULL_TEST_ROOT=$WORK/root hull save -o "$WORK/archive.tar" large:1
    for command in import load; do
        if [ $command = import ]; then
            run hull import "$WORK/large.tar" large:1
        else
            run hull load -i "$WORK/archive.tar"
        fi
        assert_failure
        assert_output_has "No space left"
        [ "${#lines[@]}" -eq 1 ]
        hull system check
        assert_equal "$(hull images --format '{{.Repository}}')" keep
        assert_equal "$(ls -A "$HULL_TEST_ROOT/ingest")" ""
    done
    run hull save -o "$WORK/small/out.tar" keep:1
    assert_equal "$(find "$WORK/small" -name 'out.tar.*')" ""
    rm -f "$WORK/small/out.tar"
    hull rmi keep:1 >/dev/null
    HULL_TEST_ROOT=$WORK/root
}

@test "a full disk can be freed" {
    mkdir "$WORK/small"
    mount -t tmpfs -o size=48m tmpfs "$WORK/small"
    defer umount -l "$WORK/small"
    HULL_TEST_ROOT=$WORK/small
    hull import "$BUSYBOX_TAR" keep:1 >/dev/null
    hull create --name one keep:1 true >/dev/null
    hull create --name two keep:1 true >/dev/null
    fill() { head -c 100000000 /dev/zero >"$WORK/small/filler" 2>/dev/null || true; }
    fill
    run hull rm one
    assert_success
    rm "$WORK/small/filler"
    # There is room again, so that is kept back again for the next time.
    hull rm -f nobody 2>/dev/null
    fill
    run hull system prune -af
    assert_success
    rm "$WORK/small/filler"
    assert_equal "$(hull ps -aq; hull images -q)" ""
    hull system check
    HULL_TEST_ROOT=$WORK/root
}

@test "the pages of a layer that images share are in memory once" {
    hull run --name one keep:1 sh -c 'echo 1 >/one'
    hull commit one first >/dev/null
    hull run --name two keep:1 sh -c 'echo 2 >/two'
    hull commit two second >/dev/null
    hull rm one two >/dev/null
    first=$(hull image mount first)
    second=$(hull image mount second)
    defer hull image unmount -a
    [ -d "$HULL_TEST_RUN_ROOT/layers/sha256" ]
    # The same file in the same superblock below both overlays has one set of pages: reading it by one
    # image reads nothing from the disk for the other.
    sync
    python3 - "$first/bin/busybox" "$second/bin/busybox" <<-'END'
	import ctypes, mmap, os, sys

	libc = ctypes.CDLL(None, use_errno=True)

	def resident(path):
	    with open(path, "rb") as f:
	        size = os.fstat(f.fileno()).st_size
	        m = mmap.mmap(f.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
	        pages = (size + 4095) // 4096
	        vector = (ctypes.c_ubyte * pages)()
	        address = ctypes.addressof(ctypes.c_char.from_buffer(m))
	        if libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), vector):
	            sys.exit(os.strerror(ctypes.get_errno()))
	        return sum(v & 1 for v in vector) / pages

	first, second = sys.argv[1:]
	for path in (first, second):
	    with open(path, "rb") as f:
	        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
	before = resident(second)
	with open(first, "rb") as f:
	    f.read()
	after = resident(second)
	print(f"resident in the second image: {before:.0%} before, {after:.0%} after reading the first")
	sys.exit(0 if before < 0.5 and after == 1 else 1)
	END
}
