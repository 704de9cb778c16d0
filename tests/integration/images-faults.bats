# SPDX-License-Identifier: Apache-2.0
#
# Pull from a registry that misbehaves: see lib/faulty-registry.py for what each name does.

load lib/fixture
load lib/faulty

setup() {
    setup_fixture
    require_root
    require_hull
    make_oci_layout "$WORK/layout" v1
    start_faulty_registry "$WORK/layout"
    LAYER=$(jq -r '.layers[0].digest' "$WORK/layout/blobs/sha256/$(jq -r \
        '.manifests[0].digest | ltrimstr("sha256:")' "$WORK/layout/index.json")")
}

teardown() {
    teardown_fixture
}

# refused FAULT TEXT: the pull fails with that text in its one line, and nothing is left.
refused() {
    run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        pull -q "$FAULTY/$1/app:v1"
    assert_failure 1
    assert_equal "${#lines[@]}" 1
    assert_output_has "$2"
    assert_equal "$(hull images -aq)" ""
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,ingest} ! -name lock -type f)" ""
    assert_equal "$(find "$HULL_TEST_ROOT/layers" -type f)" ""
}

# accepted FAULT: the pull copes.
accepted() {
    run hull pull -q "$FAULTY/$1/app:v1"
    assert_success
    assert_equal "$(hull image inspect --format '{{json .RootFS.Layers}}' "$FAULTY/$1/app:v1" |
        jq length)" 1
    hull rmi "$FAULTY/$1/app:v1" >/dev/null
}

@test "the registry itself is sound" {
    accepted ok
}

@test "resume: a body that breaks off goes on by Range" {
    accepted truncate
    assert_equal "$(faulty_requests "/blobs/$LAYER bytes=")" 3
}

@test "resume: a server that ignores Range" {
    accepted truncate-no-range
    assert_equal "$(faulty_requests "/blobs/$LAYER bytes=")" 2
}

@test "resume: another range than the one asked for is refused" {
    refused truncate-wrong-range "another range"
}

@test "resume: it ends when nothing comes any more" {
    refused truncate-always "transfer closed"
    (($(faulty_requests "/blobs/$LAYER ") <= 10))
}

@test "digests: of a layer, a manifest by digest, and what the registry announces" {
    refused wrong-digest "digest"
    refused corrupt "layer"
    refused wrong-announcement "does not have the digest"
    digest=$(jq -r '.manifests[0].digest' "$WORK/layout/index.json")
    run hull pull -q "$FAULTY/wrong-manifest/app@$digest"
    assert_failure 1
    assert_output_has "wrong digest"
}

@test "sizes: an endless body, one byte too many, a huge manifest" {
    refused endless "sends more than"
    refused longer "sends more than"
    /usr/bin/time -f %M -o "$WORK/rss" "$HULL_BIN" --root "$HULL_TEST_ROOT" \
        --run-root "$HULL_TEST_RUN_ROOT" pull -q "$FAULTY/huge-manifest/app:v1" 2>"$WORK/err" ||
        true
    grep "larger than allowed" "$WORK/err"
    # Kilobytes: the document was not taken into memory.
    (($(tail -n 1 "$WORK/rss") < 65536))
    refused huge-header "larger than allowed"
}

@test "documents: duplicate keys, two things at once, another type, deep, no JSON, schema 1" {
    refused duplicate-keys "schemaVersion"
    refused confused "index and a manifest at once"
    refused wrong-type "does not match its media type"
    refused deep "manifest"
    refused not-json "manifest"
    refused schema1 "schema version 1"
    refused traversal "invalid digest"
}

@test "temporary errors are tried again, others are told" {
    accepted error-500
    accepted too-many
    accepted too-many-date
    refused error-500-always "status 500"
    refused denied "pull access denied for $FAULTY/denied/app"
    refused redirect-loop "too many redirects"
    # What commands a terminal is not passed on to it.
    refused terminal "terminal?[2j: a?[2J?]0;title????31m ü"
}

@test "tokens: anonymous, and a new one when it expires in mid-pull" {
    accepted bearer
    assert_equal "$(faulty_requests 'GET /token')" 1
    accepted bearer-expires
    (($(faulty_requests 'GET /token') > 2))
    refused bearer-refused "pull access denied"
    refused basic "pull access denied"
}

@test "redirects: another host gets no Authorization" {
    accepted redirect
    assert_equal "$(faulty_requests '^main GET /v2/redirect/app/blobs/.* Bearer:token')" 2
    (($(faulty_requests '^other GET /elsewhere/') >= 1))
    assert_equal "$(faulty_requests '^other GET /elsewhere/.* Bearer')" 0
}

@test "foreign layers come from their URLs, by HTTP only, and these see no Authorization" {
    accepted foreign
    (($(faulty_requests '^main GET /v2/foreign/app/blobs/.* Bearer:token') > 0))
    assert_equal "$(faulty_requests '^other GET /elsewhere/.* -$')" 1
    assert_equal "$(faulty_requests '^other GET /elsewhere/')" 1
}

@test "ctrl-C ends a pull at once and leaves nothing" {
    "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        pull "$FAULTY/hang/app:v1" >"$WORK/out" 2>&1 3>&- &
    pid=$!
    wait_until 10 faulty_seen "/blobs/$LAYER"
    sleep 0.2
    start=${EPOCHREALTIME/./}
    # A background job of a script ignores SIGINT from birth; SIGTERM is handled the same way.
    kill -TERM $pid
    ! wait $pid || false
    ((${EPOCHREALTIME/./} - start < 10000000))
    grep canceled "$WORK/out"
    assert_equal "$(find "$HULL_TEST_ROOT"/{blobs,layers,ingest} ! -name lock -type f)" ""
    hull pull -q "$FAULTY/ok/app:v1"
}

faulty_seen() {
    (($(faulty_requests "$1") > 0))
}

@test "lengths and types that are not true" {
    accepted length-long
    accepted length-short
    accepted lying-type
}

@test "a trickle that would never end is a stall" {
    run timeout 60 "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" \
        pull -q --stall-timeout 1s "$FAULTY/trickle/app:v1"
    assert_failure 1
    assert_output_has "slow"
}

# slow_layout: a registry with a layer that is worth several connections.
slow_layout() {
    stop_process "$FAULTY_PID"
    rm -r "$WORK/layout"
    head -c 17000000 /dev/urandom >"$WORK/x"
    tar_files "$WORK" "$WORK/layer" x
    make_oci_layout "$WORK/layout" v1 "$WORK/layer"
    start_faulty_registry "$WORK/layout"
    LAYER=$(jq -r '.layers[0].digest' "$WORK/layout/blobs/sha256/$(jq -r \
        '.manifests[0].digest | ltrimstr("sha256:")' "$WORK/layout/index.json")")
}

@test "slow connections: several at once, in order, whichever of them breaks or ignores Range" {
    slow_layout
    for fault in slow slow-flaky; do
        accepted "$fault"
        (($(faulty_requests "/v2/$fault/app/blobs/$LAYER bytes=[0-9]+-[0-9]+ ") > 5))
    done
    accepted slow-no-range
    assert_equal "$(faulty_requests "/v2/slow-no-range/app/blobs/$LAYER ")" 1
}

@test "what the registry warns of is told once" {
    run hull pull "$FAULTY/warning/app:v1"
    assert_success
    assert_equal "$(grep -cFx 'Warning from the registry: ends "soon"' <<<"$output")" 1
}
