# SPDX-License-Identifier: Apache-2.0
#
# Networks and containers that are made, connected, published, removed and pruned by many processes at
# once, of which some are killed at any moment. What they report is not looked at: only that nothing
# of it all is left when everything has been removed.

bats_require_minimum_version 1.5.0

load lib/fixture
load lib/network

setup_file() { setup_network_file; }
teardown_file() { teardown_network_file; }
setup() { setup_network_test; }
teardown() { teardown_network_test; }

# choose WORD...: one of them, in CHOICE.
choose() {
    shift $((RANDOM % $#))
    CHOICE=$1
}

# one_command: what is done next, in COMMAND. Few names, so that they meet.
one_command() {
    local network container

    choose one two three
    network=$CHOICE
    choose aa bb cc dd
    container=$CHOICE
    choose create create remove prune run run run port connect connect disconnect stop rm rm
    case $CHOICE in
    create) COMMAND=(network create "$network") ;;
    remove) COMMAND=(network rm "$network") ;;
    prune) COMMAND=(network prune -f) ;;
    run) COMMAND=(run -d --name "$container" --network "$network" -p 80 busybox sleep 1000) ;;
    port) COMMAND=(run -d --name "$container" -p 8080:80 -p 8080:80/udp busybox sleep 1000) ;;
    connect) COMMAND=(network connect "$network" "$container") ;;
    disconnect) COMMAND=(network disconnect "$network" "$container") ;;
    stop) COMMAND=(stop -t 0 "$container") ;;
    rm) COMMAND=(rm -f "$container") ;;
    esac
}

# work SEED END: what was done goes to $WORK/done, one line a command: its name, its exit status.
work() {
    local command status wait

    RANDOM=$1
    while [ "$EPOCHSECONDS" -lt "$2" ]; do
        one_command
        command="${COMMAND[0]} ${COMMAND[1]}"
        wait=60
        # One of four does not come far.
        ((RANDOM % 4)) || printf -v wait '0.%03d' $((RANDOM % 150 + 1))
        status=0
        timeout -s KILL "$wait" nsenter --net="/proc/$HOST_NS/ns/net" "$HULL_BIN" \
            --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "${COMMAND[@]}" \
            </dev/null >/dev/null 2>&1 3>&- || status=$?
        echo "$command $status" >>"$WORK/done"
    done
}

# Who was killed has left things to the next command that looks.
everything_goes() {
    local ids

    ids=$(hull ps -aq)
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$ids" ] || hull rm -f $ids >/dev/null
    hull network prune -f >/dev/null
    [ -z "$(hull ps -aq)" ] && [ -z "$(hull network ls -q -f type=custom)" ]
}

nothing_is_left() {
    [ -z "$(links_of_ours)" ] && [ -z "$(on_host nft list tables)" ] &&
        [ -z "$(find "$HULL_TEST_RUN_ROOT/networks" -type f 2>/dev/null)" ]
}

@test "all at once, and killed at any moment: nothing is left" {
    local i seed=${STRESS_SEED:-$RANDOM} end pids=() word

    echo "STRESS_SEED=$seed"
    end=$((EPOCHSECONDS + ${STRESS_SECONDS:-8}))
    for ((i = 0; i < 6; i++)); do
        work $((seed + i)) $end 2>/dev/null & # the shell tells of everybody who was killed
        pids+=($!)
    done
    wait "${pids[@]}"
    wait_until 20 everything_goes
    wait_until 10 nothing_is_left || {
        on_host ip -br link
        on_host nft list ruleset
        find "$HULL_TEST_RUN_ROOT/networks"
        return 1
    }
    # It has done something: each command has succeeded, failed and been killed.
    for word in "network create 0" "network rm 0" "run -d 0" "network connect 0" "rm -f 0" \
        "network create 1" "run -d 125" "run -d 137"; do
        grep -qx "$word" "$WORK/done" || fail "never: $word"
    done
    # And what was used hardest can be used.
    hull network create one >/dev/null
    start_server web --network one -p 8080:80
    run fetch_as on_remote http://192.0.2.1:8080/
    assert_success
}
