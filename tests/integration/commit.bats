#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What containers have changed: diff, export, commit.

load lib/fixture
load lib/tree

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

# change_everything NAME: a container that has made, changed and removed all kinds of files.
change_everything() {
    require_tool setfattr
    hull run --name "$1" --cap-add MKNOD busybox sh -c '
        echo new >/new && ln /new /etc/hard && ln -s new /sym && mkfifo /pipe &&
        mknod /null c 1 3 && echo more >>/etc/group && rm /etc/passwd &&
        rm -r /home && mkdir /home && echo x >/home/x && rm -r /var &&
        mkdir -p /deep/er && touch "/deep/er/$(printf "\303\244 b")" && chown 1000:1001 /deep &&
        chmod 4755 /new && chmod 700 /tmp && touch -d @1000000000 /deep/er'
    setfattr -n user.mark -v here "$HULL_TEST_ROOT/containers/$(container_id "$1")/upper/new"
}

@test "diff: added, changed and deleted, and not what mounting needed" {
    change_everything c1
    run hull diff c1
    assert_success
    assert_output "A /deep
A /deep/er
A /deep/er/ä b
C /etc
C /etc/group
A /etc/hard
D /etc/passwd
C /home
D /home/app
A /home/x
A /new
A /null
A /pipe
A /sym
C /tmp
D /var"
    hull create --name untouched busybox true >/dev/null
    hull start -a untouched
    run hull diff untouched
    assert_output ""
    run hull diff nothing-here
    assert_failure
    assert_output "hull: No such container: nothing-here"
}

@test "diff: mount points in an image that has none of them" {
    mkdir -p "$WORK/tiny/bin"
    cp "$(busybox_path)" "$WORK/tiny/bin/sh"
    tar -C "$WORK/tiny" -cf - bin | hull import - tiny >/dev/null
    hull run --name c1 tiny sh -c 'echo x >/x'
    run hull diff c1
    assert_output "A /x"
    run hull commit c1 made
    assert_success
    run tar -tf "$(layer_of made 1)"
    assert_output x
    hull run --name c2 tiny sh -c ':'
    hull commit c2 empty >/dev/null
    assert_equal "$(hull image inspect --format '{{len .RootFS.Layers}}' empty)" 1
    run hull history --format '{{.Size}}' empty
    assert_equal "${lines[0]}" 0B
}

# list_below DIR: the tree but for DIR itself, which no archive holds, and for what is mounted on.
list_below() {
    list_tree "$1" 2>/dev/null | grep -vE $'^(\t|etc/(hosts|hostname|resolv.conf)\t)'
}

# layer_of IMAGE N: the tar of its layer.
layer_of() {
    local id

    id=$(hull image inspect --format "{{index .RootFS.Layers $2}}" "$1")
    echo "$HULL_TEST_ROOT/layers/sha256/${id#sha256:}/layer.tar"
}

@test "export: running, paused, stopped and created containers, exactly" {
    change_everything c1
    hull export -o "$WORK/stopped.tar" c1
    assert_equal "$(stat -c %a "$WORK/stopped.tar")" 600
    hull start c1 >/dev/null
    hull run -d --name up busybox sh -c 'echo up >/up; rm /etc/passwd; exec sleep 1000' >/dev/null
    wait_until 5 test -e "$HULL_TEST_ROOT/containers/$(container_id up)/upper/up"
    hull export up >"$WORK/up.tar"
    hull pause up >/dev/null
    hull export up | cmp - "$WORK/up.tar"
    hull unpause up >/dev/null
    hull create --name made busybox true >/dev/null
    hull export made >"$WORK/made.tar"
    mkdir "$WORK"/{up,stopped,made}
    for name in up stopped made; do
        tar --xattrs --xattrs-include='*' --numeric-owner -C "$WORK/$name" -xpf "$WORK/$name.tar"
    done
    assert_equal "$(cat "$WORK/up/up")" up
    assert_not_exists "$WORK/up/etc/passwd"
    # No /proc, no device, nothing of what is mounted.
    assert_equal "$(find "$WORK"/up/{proc,dev,sys} -mindepth 1)" ""
    assert_not_exists "$WORK/stopped/var"
    assert_equal "$(stat -c '%a %h' "$WORK/stopped/new")" "4755 2"
    assert_equal "$(getfattr --only-values -n user.mark "$WORK/stopped/new")" here
    assert_equal "$(stat -c %u:%g "$WORK/stopped/deep")" 1000:1001
    assert_equal "$(stat -c %Y "$WORK/stopped/deep/er")" 1000000000
    # A container that changed nothing is its image.
    image=$(hull image mount busybox)
    defer hull image unmount -a
    diff <(list_below "$image") <(list_below "$WORK/made")
}

@test "commit: the image is what the container was" {
    change_everything c1
    run hull commit -a "A. U. Thor <a@b.c>" -m "a message" -c 'CMD ["cat", "/home/x"]' \
        -c 'ENV FOO=bar' -c 'LABEL l=1' c1 example.com/made:v1
    assert_success
    assert_equal "$output" "$(hull images -q --no-trunc example.com/made:v1)"
    assert_equal "$(hull run --rm example.com/made:v1)" x
    assert_equal "$(hull run --rm example.com/made:v1 sh -c 'echo $FOO')" bar
    mkdir "$WORK/container"
    hull export c1 | tar -C "$WORK/container" --xattrs --xattrs-include='*' -xpf -
    image=$(hull image mount example.com/made:v1)
    defer hull image unmount -a
    diff <(list_below "$WORK/container") <(list_below "$image")
    run hull image inspect example.com/made:v1
    assert_json '.[0].Author' "A. U. Thor <a@b.c>"
    assert_json '.[0].Comment' "a message"
    assert_json '.[0].Parent' "$(hull images -q --no-trunc busybox)"
    assert_json '.[0].Config.Labels' '{"l":"1"}'
    run hull history --format '{{.Comment}}' example.com/made:v1
    assert_equal "${lines[0]}" "a message"
    # No whiteout or attribute of overlayfs got into the layer.
    run tar --xattrs -tvvf "$(layer_of example.com/made:v1 1)"
    assert_output_lacks overlay
    assert_output_has ".wh.passwd"
    assert_output_has "home/.wh..wh..opq"
}

@test "commit: a running container is paused meanwhile, and runs on" {
    hull run -d --name c1 busybox sh -c 'while :; do echo >>/lines; done' >/dev/null
    growing=$HULL_TEST_ROOT/containers/$(container_id c1)/upper/lines
    wait_until 5 test -e "$growing"
    hull commit c1 a >/dev/null
    hull commit --pause=false c1 b >/dev/null
    hull commit --no-pause c1 c >/dev/null
    container_state_is c1 running
    before=$(stat -c %s "$growing")
    sleep 0.2
    [ "$(stat -c %s "$growing")" -gt "$before" ]
    hull pause c1 >/dev/null
    hull commit c1 d >/dev/null
    container_state_is c1 paused
    # What cannot be is told before anything is frozen.
    hull unpause c1 >/dev/null
    run hull commit -c 'NONSENSE x' c1
    assert_failure
    container_state_is c1 running
}

# Lines that a container c1 appends to a file in its upper directory come, or do not come any more.
lines_grow() {
    local before

    before=$(stat -c %s "$growing")
    sleep 0.05
    [ "$(stat -c %s "$growing")" -gt "$before" ]
}

@test "commit: whoever kills it at whatever moment leaves a container that runs" {
    hull run -d --name c1 busybox sh -c 'dd if=/dev/urandom of=/big bs=1M count=24 2>/dev/null
        while :; do echo >>/lines; usleep 1000; done' >/dev/null
    growing=$HULL_TEST_ROOT/containers/$(container_id c1)/upper/lines
    wait_until 10 test -e "$growing"
    frozen=0
    for i in {1..24}; do
        "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" commit c1 a >/dev/null &
        commit=$!
        sleep "$(printf '0.%03d' $((i * 4)))"
        if kill -STOP "$commit" 2>/dev/null; then
            lines_grow || frozen=$((frozen + 1))
        fi
        kill -9 "$commit" 2>/dev/null || true
        wait "$commit" || true
        wait_until 5 lines_grow
        container_state_is c1 running
    done
    # The test is worth something only if it met some that had frozen it.
    [ "$frozen" -ge 1 ]
    hull commit c1 b >/dev/null
    lines_grow
    hull pause c1 >/dev/null
    hull unpause c1 >/dev/null
    lines_grow
}

@test "commit: pause, unpause, exec, stop and other commits meanwhile" {
    hull run -d --name c1 busybox sh -c 'dd if=/dev/urandom of=/big bs=1M count=24 2>/dev/null
        while :; do echo >>/lines; usleep 1000; done' >/dev/null
    growing=$HULL_TEST_ROOT/containers/$(container_id c1)/upper/lines
    wait_until 10 test -e "$growing"
    # Whose pause came while a commit had it frozen has a paused container afterwards.
    for i in 1 2 3; do
        hull commit c1 a >/dev/null &
        commit=$!
        sleep "0.0$((i * 3))"
        hull pause c1 >/dev/null
        wait "$commit"
        container_state_is c1 paused
        sleep 0.1
        run ! lines_grow
        hull unpause c1 >/dev/null
        lines_grow
    done
    # A command inside waits, and other commits wait for each other.
    for i in 1 2 3; do
        hull commit c1 "b$i" >/dev/null &
        pids[i]=$!
    done
    sleep 0.05
    assert_equal "$(hull exec c1 echo inside)" inside
    wait "${pids[1]}" && wait "${pids[2]}" && wait "${pids[3]}"
    lines_grow
    # One that ends is no obstacle.
    hull commit c1 c >/dev/null &
    commit=$!
    sleep 0.05
    hull rm -f c1 >/dev/null
    wait "$commit" || true
}

@test "commit: a chain of images, and one whose image was removed" {
    hull run --name c1 busybox sh -c 'echo 1 >/one'
    hull commit c1 s1 >/dev/null
    hull run --name c2 s1 sh -c 'rm /one; echo 2 >/two'
    hull rmi -f s1 >/dev/null
    hull commit c2 s2 >/dev/null
    assert_equal "$(hull run --rm s2 ls / | grep -c '^one$\|^two$')" 1
    run hull run --rm s2 cat /two
    assert_output 2
    hull rm c1 c2 >/dev/null
    hull system check
}

@test "commit: a name that no layer can hold is refused" {
    hull run --name c1 busybox touch /etc/.wh.group
    run hull commit c1 made
    assert_failure
    assert_output_has "/etc/.wh.group: a layer cannot hold a name that begins with .wh."
    assert_equal "$(hull images -q made)" ""
}
