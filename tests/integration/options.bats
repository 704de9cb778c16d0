#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Values of options that are taken, and those that are refused, as Docker's users know them.

load lib/fixture

setup_file() { setup_file_busybox; }
setup() { setup_container; }
teardown() { teardown_container; }

# refused MESSAGE OPTION...: create says so, with 125 and in one line, and makes nothing.
refused() {
    local message=$1
    shift

    run hull create "$@" busybox true
    assert_failure 125
    assert_output_has "$message"
    assert_equal "$(hull ps -aq)" ""
}

@test "what hull does anyway may be asked for, anything else is refused" {
    hull run --rm --restart=no --restart= --log-driver json-file --userns host --isolation default \
        --no-healthcheck --disable-content-trust --dns-opt ndots:3 busybox true
    hull -l info --log-level=debug ps
    refused 'invalid argument "always" for "--restart" flag' --restart always
    refused 'invalid argument "syslog" for "--log-driver" flag' --log-driver=syslog
    refused 'invalid argument "auto" for "--userns" flag' --userns auto
    refused 'invalid argument "hyperv" for "--isolation" flag' --isolation hyperv
    refused 'invalid argument "false" for "--disable-content-trust" flag' \
        --disable-content-trust=false
    run hull -l loud ps
    assert_failure 125
    assert_output_has 'invalid argument "loud" for "-l, --log-level" flag'
}

@test "names, hosts, domains" {
    hull create --name /slash busybox true >/dev/null
    assert_equal "$(hull inspect -f '{{.Name}}' slash)" /slash
    hull rm slash
    for name in / //two a/b; do
        refused "Invalid container name" --name "$name"
    done
    refused "invalid hostname" -h $'a\n6.6.6.6 evil'
    refused "invalid hostname" -h "a b"
    refused "invalid hostname" -h "$(printf 'x%.0s' {1..65})"
    refused "invalid domainname" --domainname $'a\n6.6.6.6 evil'
    run hull run --rm -h a_b.c --domainname d.e busybox hostname
    assert_output a_b.c
}

@test "limits that cannot be are refused when the container is made" {
    refused "Minimum memory limit allowed is 6MB" -m 5m
    refused "Minimum memory reservation allowed is 6MB" --memory-reservation 1m
    refused "Minimum memory limit can not be less than memory reservation limit" \
        -m 64m --memory-reservation 128m
    refused "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s" --cpu-period 10
    refused "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s" \
        --cpu-period 1000001
    refused "CPU cfs quota can not be less than 1ms (i.e. 1000)" --cpu-quota 999
    refused "Range of CPUs is from 0.01 to" --cpus 0.001
    refused "Range of CPUs is from 0.01 to" --cpus 8000
    refused "Requested CPUs are not available - requested 0-8191, available: " \
        --cpuset-cpus 0-8191
    refused "invalid value x" --cpuset-mems x
    hull run --rm --cpus 0.01 --cpuset-cpus 0 -m 64m --memory-reservation 64m busybox true
}

@test "security options are looked at when the container is made" {
    for option in foo=bar foo no-new-privileges=maybe systempaths=x; do
        refused "invalid --security-opt: \"$option\"" --security-opt "$option"
    done
    refused /nosuch --security-opt seccomp=/nosuch
    echo '{' >"$WORK/broken.json"
    refused broken.json --security-opt "seccomp=$WORK/broken.json"
    run hull run --rm --security-opt no-new-privileges --security-opt no-new-privileges=false \
        busybox grep NoNewPrivs /proc/self/status
    assert_output_matches 'NoNewPrivs:.0$'
}

@test "--device of a directory gives the device nodes in it" {
    mkdir -p "$WORK/devices/below"
    mknod "$WORK/devices/nil" c 1 3
    mknod -m 640 "$WORK/devices/below/rnd" c 1 9
    echo text >"$WORK/devices/file"
    run hull run --rm --device "$WORK/devices:/dev/mine:r" busybox sh -c '
        find /dev/mine -type c -o -type f | sort; stat -c "%a %t %T" /dev/mine/below/rnd
        head -c 3 /dev/mine/below/rnd | wc -c'
    assert_success
    assert_output "$(printf '%s\n' /dev/mine/below/rnd /dev/mine/nil '640 1 9' 3)"
    mkdir "$WORK/none"
    for path in "$WORK/none" "$WORK/devices/file"; do
        run hull run --rm --device "$path:/dev/mine" busybox true
        assert_failure 125
        assert_output_has "not a device node"
    done
}

@test "--cidfile names a container that could not be started" {
    run -127 hull run --cidfile "$WORK/id" --name unborn busybox /no/such/command
    assert_equal "$(cat "$WORK/id")" "$(container_id unborn)"
    hull rm "$(cat "$WORK/id")"
}

@test "--stop-timeout -1 waits for ever" {
    hull run -d --name slow --stop-timeout -1 busybox \
        sh -c 'trap "sleep 1; exit 3" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
    wait_until 10 log_has slow ready
    assert_equal "$(hull inspect -f '{{.Config.StopTimeout}}' slow)" -1
    hull stop slow
    assert_equal "$(hull wait slow)" 3
    # It is kept in an image made of it, and what inherits it has it.
    hull commit slow lasting >/dev/null
    hull create --name heir lasting >/dev/null
    assert_equal "$(hull inspect -f '{{.Config.StopTimeout}}' heir)" -1
}

@test "logs --since and --until take a date" {
    hull run --name told busybox echo told >/dev/null
    for since in 2020-01-01 2020-01-01T00:00 2020-01-01T00:00:00.5 2020-01-01Z 1577836800.5 1h; do
        assert_equal "$(hull logs --since "$since" told)" told
        assert_equal "$(hull logs --until "$since" told)" ""
    done
    run hull logs --since 2020-13-01 told
    assert_failure 1
    assert_output_has 'invalid value for "since"'
}
