#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `hull run` gives a process, option by option.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

@test "a command's output and status come through" {
    run hull run --rm busybox sh -c 'echo out; exit 7'
    assert_failure 7
    assert_output out
    run hull run --rm busybox true
    assert_success
    run hull ps -aq
    assert_output ""
}

@test "stdout and stderr stay apart" {
    hull run --rm busybox sh -c 'echo out; echo err >&2' >"$WORK/out" 2>"$WORK/err"
    assert_equal "$(cat "$WORK/out")" out
    assert_equal "$(cat "$WORK/err")" err
}

@test "a signal's end is 128 and the signal" {
    # PID 1 ignores what it does not handle; a child does not.
    run hull run --rm busybox sh -c 'sh -c "kill -TERM \$\$"; exit $?'
    assert_failure 143
}

@test "errors have Docker's exit codes" {
    run -127 hull run --rm busybox /no/such/command
    assert_failure 127
    assert_output_has "/no/such/command"
    run hull run --rm busybox /etc/passwd
    assert_failure 126
    assert_output_has "ermission denied"
    run hull run --rm no-such-image-here-xyz:1 --pull=never true
    assert_failure 125
    run hull run --no-such-flag busybox
    assert_failure 125
    assert_output_has "unknown flag: --no-such-flag"
    run hull run --rm --pull never nothing/here true
    assert_failure 125
    assert_output_has "No such image: nothing/here"
    [ "${#lines[@]}" -eq 1 ]
}

@test "stdin reaches the process with -i, and only then" {
    assert_equal "$(echo hello | hull run --rm -i busybox cat)" hello
    assert_equal "$(echo hello | hull run --rm busybox cat)" ""
    head -c 3000000 /dev/urandom >"$WORK/data"
    hull run --rm -i busybox cat <"$WORK/data" >"$WORK/copy"
    cmp "$WORK/data" "$WORK/copy"
}

@test "the container sees itself and nothing of the host" {
    run hull run --rm busybox ps -o pid,args
    assert_success
    assert_equal "${#lines[@]}" 2
    assert_output_matches '^ *1 ps'
    run hull run --rm busybox cat /proc/net/dev
    assert_output_matches '^ *lo:'
    [ "$(grep -c : <<<"$output")" -eq 1 ]
    run hull run --rm busybox sh -c 'ip addr show lo'
    assert_output_has 127.0.0.1
    run hull run --rm busybox sh -c 'grep -c . /proc/self/cgroup; cut -d: -f3 /proc/self/cgroup | sort -u'
    assert_output_matches '^/$'
    run hull run --rm busybox sh -c 'ls -A /sys/class/net'
    assert_output lo
}

@test "namespaces are new ones" {
    for ns in mnt pid uts ipc net cgroup; do
        assert_not_equal "$(hull run --rm busybox readlink /proc/self/ns/$ns)" \
            "$(readlink /proc/self/ns/$ns)"
    done
    assert_equal "$(hull run --rm --network host busybox readlink /proc/self/ns/net)" \
        "$(readlink /proc/self/ns/net)"
    assert_equal "$(hull run --rm --pid host busybox readlink /proc/self/ns/pid)" \
        "$(readlink /proc/self/ns/pid)"
}

@test "mounts, devices and masks are Docker's" {
    run hull run --rm busybox sh -c 'mount'
    assert_output_has " on /proc type proc"
    assert_output_matches ' on /sys type sysfs \(ro,'
    assert_output_has " on /dev/pts type devpts"
    assert_output_has " on /dev/shm type tmpfs"
    assert_output_has " on /dev/mqueue type mqueue"
    run hull run --rm busybox sh -c 'echo x > /proc/sys/kernel/hostname'
    assert_failure
    assert_output_has "ead-only"
    run hull run --rm busybox sh -c 'wc -c < /proc/interrupts; ls -A /sys/firmware'
    assert_output_matches '^0$'
    run hull run --rm busybox sh -c 'cd /dev && ls -d null zero full random urandom tty ptmx pts shm mqueue fd stdin stdout stderr'
    assert_success
    run hull run --rm busybox sh -c 'echo lost > /dev/null && head -c 4 /dev/zero | od -An -tx1'
    assert_output_has "00 00 00 00"
}

@test "environment: the image's, the user's, a file's" {
    export FROM_HERE=yes
    printf '# comment\nFILE_VAR=from file\nFROM_HERE\n' >"$WORK/env"
    run hull run --rm -e A=1 -e FROM_HERE --env-file "$WORK/env" busybox env
    assert_output_has "A=1"
    assert_output_has "FROM_HERE=yes"
    assert_output_has "FILE_VAR=from file"
    assert_output_matches '^PATH=/usr/local/sbin'
    assert_output_matches '^HOSTNAME=[0-9a-f]{12}$'
    assert_output_matches '^HOME=/root$'
}

@test "working directory, hostname, user and groups" {
    assert_equal "$(hull run --rm -w /tmp busybox pwd)" /tmp
    assert_equal "$(hull run --rm -w /made/for/it busybox pwd)" /made/for/it
    assert_equal "$(hull run --rm --hostname box busybox hostname)" box
    run hull run --rm --hostname box busybox cat /etc/hosts /etc/hostname
    assert_output_has localhost
    assert_output_matches '^box$'
    assert_equal "$(hull run --rm -u app busybox id)" \
        "uid=1000(app) gid=1000(app) groups=50(staff),1000(app)"
    assert_equal "$(hull run --rm -u 1000:50 busybox id)" "uid=1000(app) gid=50(staff) groups=50(staff)"
    assert_equal "$(hull run --rm -u 4242 busybox id -u)" 4242
    run hull run --rm -u nobody-here busybox true
    assert_failure 125
    assert_output_has "nobody-here"
}

@test "a user that is not root has no capabilities" {
    run hull run --rm -u 1000 busybox grep Cap /proc/self/status
    assert_output_matches '^CapEff:.0+$'
    assert_output_matches '^CapPrm:.0+$'
    assert_output_matches '^CapInh:.0+$'
    assert_output_matches '^CapAmb:.0+$'
}

@test "capabilities: default, added, dropped, privileged" {
    run hull run --rm busybox grep CapEff /proc/self/status
    assert_output_has 00000000a80425fb
    run hull run --rm --cap-drop ALL busybox grep CapEff /proc/self/status
    assert_output_has 0000000000000000
    run hull run --rm --cap-drop all --cap-add net_admin busybox grep CapEff /proc/self/status
    assert_output_has 0000000000001000
    run hull run --rm --privileged busybox sh -c 'mount -t tmpfs x /tmp && echo mounted'
    assert_output mounted
    run hull run --rm --cap-add BOGUS busybox true
    assert_failure 125
    assert_output_has BOGUS
}

@test "seccomp filters, and can be turned off" {
    run hull run --rm busybox grep Seccomp: /proc/self/status
    assert_output_matches 'Seccomp:.2'
    run hull run --rm --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
    assert_output_matches 'Seccomp:.0'
    run hull run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
    assert_output_matches 'NoNewPrivs:.1'
}

@test "limits are in the kernel's own files" {
    local id root=/sys/fs/cgroup

    id=$(hull run -d -m 50M --cpus 0.5 --cpu-shares 512 --pids-limit 33 --cpuset-cpus 0 busybox sleep 100)
    if [ -e "$root/hull-$id/memory.max" ]; then # v2
        assert_equal "$(cat "$root/hull-$id/memory.max")" 52428800
        assert_equal "$(cat "$root/hull-$id/cpu.max")" "50000 100000"
        assert_equal "$(cat "$root/hull-$id/pids.max")" 33
        assert_equal "$(cat "$root/hull-$id/cpuset.cpus")" 0
        assert_equal "$(wc -l <"$root/hull-$id/cgroup.procs")" 1
    else
        assert_equal "$(cat "$root/memory/hull-$id/memory.limit_in_bytes")" 52428800
        assert_equal "$(cat "$root/cpu/hull-$id/cpu.cfs_quota_us")" 50000
        assert_equal "$(cat "$root/cpu/hull-$id/cpu.shares")" 512
        assert_equal "$(cat "$root/pids/hull-$id/pids.max")" 33
        assert_equal "$(cat "$root/cpuset/hull-$id/cpuset.cpus")" 0
    fi
    run hull run --rm -m 1M busybox true
    assert_failure 125
    assert_output_has "6MB"
}

@test "-m without --memory-swap limits swap to the same again, where the kernel counts it" {
    local id root file

    id=$(hull run -d -m 50M busybox sleep 60)
    root=/sys/fs/cgroup/memory/hull-$id
    [ -e "$root" ] || root=/sys/fs/cgroup/hull-$id
    assert_exists "$root"
    file=$root/memory.memsw.limit_in_bytes
    if [ -e "$file" ]; then
        assert_equal "$(cat "$file")" 104857600
    elif [ -e "$root/memory.swap.max" ]; then
        file=$root/memory.swap.max
        assert_equal "$(cat "$file")" 52428800
    fi
    if [ -e "$file" ]; then
        assert_equal "$(hull inspect --format '{{.HostConfig.MemorySwap}}' "$id")" 104857600
    else
        assert_equal "$(hull inspect --format '{{.HostConfig.MemorySwap}}' "$id")" 0
    fi
    hull run --rm -m 50M --memory-swap -1 busybox true
    hull create --name chosen -m 50M --memory-swap 60M busybox true
    assert_equal "$(hull inspect --format '{{.HostConfig.MemorySwap}}' chosen)" 62914560
    hull create --name unlimited busybox true
    assert_equal "$(hull inspect --format '{{.HostConfig.MemorySwap}}' unlimited)" 0
}

@test "-a shows the streams it names" {
    local both='echo to-out; echo to-err >&2'

    run --separate-stderr hull run --rm -a stdout busybox sh -c "$both"
    assert_success
    assert_equal "$output" to-out
    # shellcheck disable=SC2154 # set by run
    assert_equal "$stderr" ""
    run --separate-stderr hull run --rm -a STDERR busybox sh -c "$both"
    assert_equal "$output" ""
    assert_equal "$stderr" to-err
    run --separate-stderr hull run --rm -a stdout -a stderr busybox sh -c "$both"
    assert_equal "$output" to-out
    assert_equal "$stderr" to-err
    run hull run --name fed -i -a stdin busybox cat <<<word
    assert_success
    assert_equal "$output" "$(container_id fed)"
    assert_equal "$(hull logs fed)" word
    # -i without "-a stdin": the container's stdin is not the user's.
    run hull run --rm -a stdout busybox cat <<<word
    assert_output ""
    run hull run --rm -a sideways busybox true
    assert_failure 125
    assert_output_has "valid streams are STDIN, STDOUT and STDERR"
}

@test "a process over its memory limit is killed, and said to be" {
    # shellcheck disable=SC2016
    run hull run --name eater -m 16M busybox sh -c 'a=x; while :; do a=$a$a; done'
    assert_failure 137
    assert_equal "$(hull inspect --format '{{.State.OOMKilled}}' eater)" true
}

@test "binds, read-only binds, tmpfs, read-only root" {
    mkdir "$WORK/shared"
    echo before >"$WORK/shared/file"
    run hull run --rm -v "$WORK/shared:/data" busybox sh -c 'cat /data/file; echo after > /data/new'
    assert_output before
    assert_equal "$(cat "$WORK/shared/new")" after
    run hull run --rm -v "$WORK/shared:/data:ro" busybox sh -c 'echo x > /data/file'
    assert_failure
    assert_output_has "ead-only"
    run hull run --rm --tmpfs /scratch:size=1m,mode=700 busybox sh -c 'mount | grep scratch; stat -c %a /scratch'
    assert_output_has "size=1024k"
    assert_output_matches '^700$'
    run hull run --rm --read-only busybox sh -c 'echo x > /file'
    assert_failure
    assert_output_has "ead-only"
    run hull run --rm --mount type=bind,source="$WORK/not-there",target=/x busybox true
    assert_failure 125
    assert_output_has "$WORK/not-there"
    run hull run --rm -v "$WORK/shared:/etc/passwd" busybox true
    assert_failure 125
    assert_output_has "/etc/passwd: mount a directory on a file: Not a directory"
    run hull run --rm -v "$WORK/shared/new:/etc" busybox true
    assert_failure 125
    assert_output_has "/etc: mount a file on a directory: Not a directory"
}

@test "a volume on /etc has the container's hosts, name and resolver all the same" {
    mkdir "$WORK/etc"
    echo mine >"$WORK/etc/mine"
    run hull run --rm --hostname box -v "$WORK/etc:/etc" busybox sh -c \
        'cat /etc/mine /etc/hostname; grep -q localhost /etc/hosts && test -e /etc/resolv.conf && echo there'
    assert_success
    assert_output "$(printf '%s\n' mine box there)"
    run hull run --rm --hostname box --tmpfs /etc busybox sh -c 'cat /etc/hostname'
    assert_output box
    # The user's own file is the last word.
    run hull run --rm -v "$WORK/etc/mine:/etc/hostname" -v "$WORK/etc:/etc" busybox cat /etc/hostname
    assert_output mine
}

@test "directories that the image says hold data are there" {
    make_busybox_tar "$WORK/root.tar"
    hull import -c 'VOLUME ["/data/deep", "/tmp"]' -c 'CMD ["sh"]' "$WORK/root.tar" holder >/dev/null
    run hull run --rm holder sh -c 'echo x >/data/deep/file && cat /data/deep/file'
    assert_output x
    run hull create --name ch holder
    assert_success
    assert_equal "$(hull inspect -f '{{json .Config.Volumes}}' ch)" '{"/data/deep":{},"/tmp":{}}'
}

@test "a long environment, many labels and many arguments take no time to speak of" {
    local words

    seq -f 'NAME_%.0f=value' 100000 | head -c 1000000 >"$WORK/env"
    printf '\nNAME_7=last\n' >>"$WORK/env"
    mapfile -t words < <(seq 100000)
    # Compared pair by pair each of these would take longer than that.
    run timeout 20 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" create \
        --network none --env-file "$WORK/env" --label-file "$WORK/env" --name many busybox "${words[@]}"
    assert_success
    hull inspect many >"$WORK/json"
    assert_equal "$(jq -r '.[0].Config.Env[] | select(startswith("NAME_7="))' "$WORK/json")" NAME_7=last
    assert_equal "$(jq -r '.[0].Config.Labels.NAME_7' "$WORK/json")" last
    assert_equal "$(jq '.[0].Config.Cmd | length' "$WORK/json")" 100000
}

@test "what is recorded of containers is root's alone" {
    hull create --name secret -e PASSWORD=hunter2 busybox true >/dev/null
    run stat -c %a "$HULL_TEST_ROOT"/hull.db*
    assert_equal "$(sort -u <<<"$output")" 600
    chmod 644 "$HULL_TEST_ROOT"/hull.db*
    hull ps >/dev/null
    run stat -c %a "$HULL_TEST_ROOT"/hull.db*
    assert_equal "$(sort -u <<<"$output")" 600
}

@test "a write stays in its container, a removed file comes back in the next" {
    hull run --name one busybox sh -c 'echo mine > /etc/image-name; rm /etc/group; mkdir /new'
    upper=$(hull inspect --format '{{.GraphDriver.Data.UpperDir}}' one)
    assert_equal "$(cat "$upper/etc/image-name")" mine
    assert_equal "$(stat -c '%F %t:%T' "$upper/etc/group")" "character special file 0:0"
    # What the test did, and the targets of the mounts on /etc/hosts, hostname and resolv.conf.
    assert_equal "$(find "$upper" -mindepth 1 ! -size 0 -o -mindepth 1 -type c | wc -l)" 4
    run hull run --rm busybox sh -c 'cat /etc/image-name; grep -c . /etc/group; ls -d /new'
    assert_output_has hull-test-image
    assert_output_has "No such file"
}

@test "entrypoint and command" {
    hull import -c 'ENTRYPOINT ["/bin/echo","entry"]' -c 'CMD ["cmd"]' "$BUSYBOX_TAR" echoer >/dev/null
    assert_equal "$(hull run --rm echoer)" "entry cmd"
    assert_equal "$(hull run --rm echoer other words)" "entry other words"
    assert_equal "$(hull run --rm --entrypoint /bin/hostname --hostname h echoer)" h
    run hull run --rm --entrypoint "" echoer /bin/echo plain
    assert_output plain
}

@test "--init reaps and forwards" {
    run hull run --rm --init busybox ps -o pid,comm
    assert_output_matches '^ *1 .*init'
    run hull run --rm --init busybox sh -c 'exit 9'
    assert_failure 9
}

@test "labels, names, cid file" {
    hull run -d --name it --label a=b --label c --cidfile "$WORK/cid" busybox sleep 100 >"$WORK/id"
    assert_equal "$(cat "$WORK/cid")" "$(cat "$WORK/id")"
    assert_equal "$(hull inspect --format '{{.Config.Labels.a}}' it)" b
    run hull run --name it busybox true
    assert_failure 125
    assert_output_has 'The container name "/it" is already in use by container "'
    run hull run --name 'bad/name' busybox true
    assert_failure 125
    run hull run --cidfile "$WORK/cid" busybox true
    assert_failure 125
    assert_output_has "$WORK/cid"
}

@test "no file descriptor of ours is open in the container" {
    # 0, 1, 2 and the directory that ls reads.
    assert_equal "$(hull run --rm busybox ls /proc/self/fd | paste -sd,)" 0,1,2,3
}

@test "both layer stores run the same image" {
    for store in erofs dir; do
        mkdir "$WORK/$store" "$WORK/$store-run"
        one() { "$HULL_BIN" --root "$WORK/$store" --run-root "$WORK/$store-run" --layer-store $store "$@"; }
        one import "$BUSYBOX_TAR" busybox >/dev/null || { [ $store = erofs ] && continue; }
        run one run --rm --network none busybox cat /etc/image-name
        assert_output hull-test-image
        one rmi busybox >/dev/null
    done
}

@test "many containers at once" {
    local i pids=()
    for i in 1 2 3 4 5 6 7 8 9 10; do
        hull run --rm busybox echo "number $i" >"$WORK/out.$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    assert_equal "$(cat "$WORK"/out.* | sort -V | paste -sd,)" \
        "$(printf 'number %d\n' 1 2 3 4 5 6 7 8 9 10 | paste -sd,)"
}

@test "a hundred watch one container" {
    local i pids=()

    hull run -d --name cw busybox sh -c 'while ! test -e /tmp/go; do sleep 0.1; done; echo word' >/dev/null
    for ((i = 0; i < 100; i++)); do
        hull attach --no-stdin cw >"$WORK/out.$i" 2>&1 3>&- &
        pids+=($!)
    done
    # The monitor lets them in one by one, in the order in which they came.
    sleep 1
    hull exec cw touch /tmp/go
    for i in "${!pids[@]}"; do
        wait "${pids[i]}" || fail "attach $i: status $?: $(cat "$WORK/out.$i")"
    done
    assert_equal "$(cat "$WORK"/out.* | sort | uniq -c | tr -s ' ')" " 100 word"
}

@test "what cannot work is refused before anything runs" {
    run hull run --cidfile "$WORK/not/there" busybox true
    assert_failure 125
    assert_output_has "--cidfile $WORK/not/there"
    run hull run --uts host --hostname other busybox true
    assert_failure 125
    assert_output_has "conflicting options: hostname and the UTS mode"
    assert_equal "$(hull ps -aq)" ""
}

@test "what a container has mounts on is not made among its own files" {
    local id

    hull run --name plain busybox cat /etc/hosts /etc/hostname /etc/resolv.conf >/dev/null
    id=$(container_id plain)
    assert_equal "$(ls -A "$HULL_TEST_ROOT/containers/$id/upper")" ""
    assert_equal "$(hull diff plain)" ""
    # Still its own are the files that it has in such a directory.
    hull run --name own busybox sh -c 'echo x >/etc/own; ls /etc/hosts'
    assert_equal "$(hull diff own)" "$(printf 'C /etc\nA /etc/own')"
    run hull start -a own
    assert_success
}
