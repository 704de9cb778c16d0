# SPDX-License-Identifier: Apache-2.0
#
# Which registry is asked, how and as whom: settings of Docker, containerd and Podman, logins,
# certificates, tokens, proxies.

# shellcheck disable=SC2030,SC2031 # each test is a shell of its own

load lib/fixture
load lib/faulty

setup() {
    setup_fixture
    require_root
    require_hull
    CONFIG=$WORK/config
    mkdir -p "$CONFIG/certs.d"
    export DOCKER_CONFIG=$CONFIG CONTAINERS_REGISTRIES_CONF=/dev/null
    unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR
}

teardown() {
    teardown_fixture
}

# hull_there ARG...: hull where registry.test is an address of this machine; to us, it may be anybody's.
hull_there() {
    require_tool unshare
    echo "127.0.0.1 localhost registry.test mirror.test" >"$WORK/hosts"
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount sh -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' - \
        "$WORK/hosts" "$HULL_BIN" --root "$HULL_TEST_ROOT" --run-root "$HULL_TEST_RUN_ROOT" "$@"
}

# one_image NAME: the layout of a small image into a registry on loopback.
one_image() {
    [ -d "$WORK/layout" ] || make_oci_layout "$WORK/layout" v1
    copy_image "oci:$WORK/layout:v1" "docker://$1"
}

requests() {
    grep -c "$1" "$REGISTRY_LOG" || true
}

@test "certs.d: an authority, a client's certificate, and what is missing" {
    require_tool openssl
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=client -keyout "$WORK/client.key" -out "$WORK/client.pem" 2>/dev/null
    start_registry --tls --client-ca "$WORK/client.pem"
    port=${REGISTRY##*:}
    make_oci_layout "$WORK/layout" v1
    hull load -qi <(tar -C "$WORK/layout" -c .) >/dev/null
    name=registry.test:$port/app:v1
    hull tag "$(hull images -q)" "$name"
    run hull_there push -q "$name"
    assert_failure 1
    assert_output_has "certificate"
    certs=$CONFIG/certs.d/registry.test:$port
    mkdir "$certs"
    cp "$REGISTRY_CA" "$certs/ca.crt"
    run hull_there push -q "$name"
    assert_failure 1
    cp "$WORK/client.pem" "$certs/client.cert"
    run hull_there push -q "$name"
    assert_failure 1
    assert_output_has "missing key $certs/client.key for client certificate $certs/client.cert"
    cp "$WORK/client.key" "$certs/client.key"
    hull_there push -q "$name"
    # The same as containerd has it.
    rm -r "$certs"
    certs=$CONFIG/certs.d/registry.test_${port}_
    mkdir "$certs"
    cp "$REGISTRY_CA" "$certs/authority.pem"
    printf '%s\n' "ca = 'authority.pem'" "client = [['$WORK/client.pem', '$WORK/client.key']]" \
        >"$certs/hosts.toml"
    hull rmi "$name" >/dev/null
    hull_there pull -q "$name"
    echo "ca = 5" >"$certs/hosts.toml"
    run hull_there pull -q "$name"
    assert_failure 1
    assert_output "hull: $certs/hosts.toml: line 1: ca must be an array of strings"
}

@test "hosts.toml: mirrors first, in their order, then the server; what each may be asked" {
    start_registry
    one_image "$REGISTRY/app:v1"
    hosts=$CONFIG/certs.d/registry.test
    mkdir "$hosts"
    dead=127.0.0.1:$(free_port)
    cat >"$hosts/hosts.toml" <<-END
	server = "https://registry.test"
	[host."http://$dead"]
	[host."http://$REGISTRY"]
	  capabilities = ["pull", "resolve"]
	  header = { x-hull-test = "yes" }
	END
    hull_there pull -q registry.test/app:v1
    (($(requests 'GET /v2/app/manifests/v1?ns=registry.test') > 0))
    # A mirror that resolves nothing is asked for content alone.
    sed -i 's/, "resolve"//' "$hosts/hosts.toml"
    hull rmi -f "$(hull images -q)" >/dev/null
    run hull_there pull -q registry.test/app:v1
    assert_failure 1
    assert_output_has registry.test
    digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/app:v1")
    hull_there pull -q "registry.test/app@$digest"
    # A path before the API, and one that is the whole of it.
    cat >"$hosts/hosts.toml" <<-END
	[host."http://$REGISTRY/v2"]
	  override_path = true
	END
    hull rmi -f "$(hull images -q)" >/dev/null
    hull_there pull -q registry.test/app:v1
    # _default is for everybody else.
    mv "$hosts" "$CONFIG/certs.d/_default"
    hull rmi -f "$(hull images -q)" >/dev/null
    hull_there pull -q mirror.test/app:v1
    # A push passes mirrors over, unless they are for it.
    run hull_there push mirror.test/app:v1
    assert_failure 1
    echo 'capabilities = ["push"]' >>"$CONFIG/certs.d/_default/hosts.toml"
    hull tag mirror.test/app:v1 mirror.test/app:v2
    hull_there push -q mirror.test/app:v2
    curl -sf "http://$REGISTRY/v2/app/tags/list" | grep v2
}

@test "a mirror that fails in the middle of a layer is left for the next one" {
    head -c 4000000 /dev/urandom >"$WORK/x"
    tar_files "$WORK" "$WORK/layer" x
    make_oci_layout "$WORK/layout" v1 "$WORK/layer"
    start_faulty_registry "$WORK/layout"
    export CONTAINERS_REGISTRIES_CONF=$WORK/registries.conf
    cat >"$CONTAINERS_REGISTRIES_CONF" <<-END
	[[registry]]
	prefix = "$FAULTY/ok"
	location = "$FAULTY/ok"
	[[registry.mirror]]
	location = "$FAULTY/truncate-always"
	END
    run hull pull -q "$FAULTY/ok/app:v1"
    assert_success
    assert_output "$FAULTY/ok/app:v1"
    (($(faulty_requests "GET /v2/truncate-always/app/manifests/v1 ") == 1))
    # The rest alone was asked for.
    (($(faulty_requests "GET /v2/ok/app/blobs/[^ ]* bytes=[1-9]") == 1))
}

@test "registries.conf: other names, mirrors, insecure and blocked registries" {
    start_registry
    one_image "$REGISTRY/inner/app:v1"
    export CONTAINERS_REGISTRIES_CONF=$WORK/registries.conf
    cat >"$CONTAINERS_REGISTRIES_CONF" <<-END
	unqualified-search-registries = ["registry.test"]
	[[registry]]
	prefix = "registry.test/team"
	location = "$REGISTRY/inner"
	[[registry]]
	location = "registry.test"
	blocked = true
	[[registry]]
	prefix = "mirror.test"
	location = "registry.test:1"
	insecure = true
	  [[registry.mirror]]
	  location = "$REGISTRY/inner"
	END
    run hull pull -q registry.test/team/app:v1
    assert_success
    assert_output registry.test/team/app:v1
    run hull pull -q registry.test/other/app:v1
    assert_failure 1
    assert_output "hull: registry registry.test is blocked by registries.conf"
    hull pull -q mirror.test/app:v1
    echo '[[registry' >"$CONTAINERS_REGISTRIES_CONF"
    run hull pull -q mirror.test/app:v1
    assert_failure 1
    assert_output "hull: $WORK/registries.conf: line 1: expected ']' at the end of a header"
}

@test "--insecure-registry: by name and by network" {
    start_registry
    port=${REGISTRY##*:}
    one_image "$REGISTRY/app:v1"
    run hull_there pull -q "registry.test:$port/app:v1"
    assert_failure 1
    hull_there --insecure-registry "registry.test:$port" pull -q "registry.test:$port/app:v1"
    hull_there --insecure-registry 127.0.0.0/8 pull -q "mirror.test:$port/app:v1"
    run hull_there --insecure-registry 192.0.2.0/24 pull -q "registry.test:$port/app:v1"
    assert_failure 1
    hull_there pull -q --plain-http "registry.test:$port" "registry.test:$port/app:v1"
}

@test "login: checked, kept for docker and podman to read, forgotten" {
    start_registry --auth user:secret
    run hull login -u user --password-stdin "$REGISTRY" <<<wrong
    assert_failure 1
    assert_output_has "unauthorized: incorrect username or password"
    [ ! -e "$CONFIG/config.json" ]
    echo '{"psFormat":"x","auths":{"other.example":{"auth":"YTpi"}}}' >"$CONFIG/config.json"
    run hull login -u user --password-stdin "https://$REGISTRY/v1/" <<<secret
    assert_success
    assert_output_has "Login Succeeded"
    assert_output_has "WARNING! Your credentials are stored unencrypted in '$CONFIG/config.json'."
    assert_equal "$(stat -c %a "$CONFIG/config.json")" 600
    assert_equal "$(jq -c . "$CONFIG/config.json")" \
        "{\"psFormat\":\"x\",\"auths\":{\"other.example\":{\"auth\":\"YTpi\"},\"$REGISTRY\":{\"auth\":\"$(printf user:secret | base64)\"}}}"
    # skopeo reads it, hull pushes and pulls with it.
    make_oci_layout "$WORK/layout" v1
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --authfile "$CONFIG/config.json" \
        "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v1"
    hull pull -q "$REGISTRY/app:v1"
    hull tag "$REGISTRY/app:v1" "$REGISTRY/new:v1"
    hull push -q "$REGISTRY/new:v1"
    run hull login "$REGISTRY"
    assert_success
    assert_output_has "Authenticating with existing credentials..."
    run hull logout "$REGISTRY"
    assert_output "Removing login credentials for $REGISTRY"
    run hull logout "$REGISTRY"
    assert_output "Not logged in to $REGISTRY"
    assert_equal "$(jq -c .auths "$CONFIG/config.json")" '{"other.example":{"auth":"YTpi"}}'
    run hull push -q "$REGISTRY/new:v1"
    assert_failure 1
    assert_output_has "push access denied for $REGISTRY/new"
    run hull login "$REGISTRY" </dev/null
    assert_failure 1
    assert_output_has "non TTY device"
    run hull login --password-stdin "$REGISTRY" </dev/null
    assert_failure 1
    assert_output_has "Must provide --username with --password-stdin"
    run hull login -u user -p secret "$REGISTRY"
    assert_success
    assert_output_has "Using --password via the CLI is insecure"
    run hull login -u user --password-stdin "127.0.0.1:$(free_port)" <<<secret
    assert_failure 1
}

@test "login: many at once, some of them killed, and none is lost" {
    start_registry --auth user:secret
    mkdir "$WORK/elsewhere"
    ln -s "$WORK/elsewhere/logins" "$CONFIG/config.json"
    jq -n '{psFormat: "x", auths: ([range(24) | {"old-\(.)": {auth: "YTpi"}}] | add)} | .auths.keep = {auth: "YTpi"}' \
        >"$CONFIG/config.json"
    local pids=() hosts=("$REGISTRY" "localhost:${REGISTRY##*:}")
    for i in {0..23}; do
        hull logout "old-$i" &
        pids+=($!)
        if [ $((i % 12)) = 5 ]; then
            hull login -u user --password-stdin "${hosts[i / 12]}" <<<secret &
            pids+=($!)
        elif [ $((i % 4)) = 0 ]; then
            # Whoever dies does not keep the others waiting.
            "$HULL_BIN" login -u user --password-stdin "$REGISTRY" <<<secret &
            sleep "0.0$i"
            kill -9 $! || true
        fi
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
    hull login -u user --password-stdin "$REGISTRY" <<<secret
    assert_equal "$(jq -c '[.psFormat, (.auths | keys | sort)]' "$CONFIG/config.json")" \
        "[\"x\",[\"${hosts[0]}\",\"keep\",\"${hosts[1]}\"]]"
    assert_equal "$(readlink "$CONFIG/config.json")" "$WORK/elsewhere/logins"
    assert_equal "$(stat -c %a "$WORK/elsewhere/logins")" 600
    assert_equal "$(ls -A "$WORK/elsewhere")" logins
}

# make_helper: docker-credential-test keeps logins in files below $WORK/kept.
make_helper() {
    mkdir -p "$WORK/bin" "$WORK/kept"
    cat >"$WORK/bin/docker-credential-test" <<-'END'
	#!/bin/bash
	kept=${0%/*}/../kept
	input=$(cat)
	case $1 in
	store) file=$kept/$(jq -r .ServerURL <<<"$input" | tr / _) && echo "$input" >"$file" ;;
	get | erase)
	    file=$kept/$(tr / _ <<<"$input")
	    [ -e "$file" ] || { echo "credentials not found in native keychain" && exit 1; }
	    case $1 in get) cat "$file" ;; *) rm "$file" ;; esac ;;
	esac
	END
    cat >"$WORK/bin/docker-credential-broken" <<-'END'
	#!/bin/sh
	echo the key ring is locked
	exit 3
	END
    chmod 755 "$WORK/bin"/*
    PATH=$WORK/bin:$PATH
}

@test "login: with credential helpers, for all hosts or for one" {
    make_helper
    start_registry --auth user:secret
    echo '{"credsStore":"test"}' >"$CONFIG/config.json"
    run hull login -u user --password-stdin "$REGISTRY" <<<secret
    assert_success
    assert_output "Login Succeeded"
    assert_equal "$(jq -c . "$CONFIG/config.json")" \
        "{\"credsStore\":\"test\",\"auths\":{\"$REGISTRY\":{}}}"
    assert_equal "$(jq -r .Secret "$WORK/kept/$REGISTRY")" secret
    make_oci_layout "$WORK/layout" v1
    skopeo copy --quiet --insecure-policy --dest-tls-verify=false --dest-creds user:secret \
        "oci:$WORK/layout:v1" "docker://$REGISTRY/app:v1"
    hull pull -q "$REGISTRY/app:v1"
    hull logout "$REGISTRY"
    [ ! -e "$WORK/kept/$REGISTRY" ]
    run hull pull -q "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "pull access denied"
    echo "{\"credHelpers\":{\"$REGISTRY\":\"broken\"}}" >"$CONFIG/config.json"
    run hull pull -q "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has 'credential helper docker-credential-broken: "get" failed with status 3: the key ring is locked'
    echo "{\"credHelpers\":{\"$REGISTRY\":\"none\"}}" >"$CONFIG/config.json"
    run hull pull -q "$REGISTRY/app:v1"
    assert_failure 1
    assert_output_has "docker-credential-none: No such file or directory"
    echo "{\"credHelpers\":{\"other.example\":\"broken\"}}" >"$CONFIG/config.json"
    hull login -u user --password-stdin "$REGISTRY" <<<secret
    hull pull -q "$REGISTRY/app:v1"
}

@test "tokens: anonymous pulls, pushes and mounts with a login, tokens that live for seconds" {
    start_token_server
    start_registry --token "$TOKEN_REALM"
    head -c 300000 /dev/urandom >"$WORK/x"
    tar_files "$WORK" "$WORK/layer" x
    make_oci_layout "$WORK/layout" v1 "$WORK/layer"
    hull load -qi <(tar -C "$WORK/layout" -c .) >/dev/null
    hull tag "$(hull images -q)" "$REGISTRY/team/app:v1"
    run hull push -q "$REGISTRY/team/app:v1"
    assert_failure 1
    assert_output_has "push access denied"
    run hull login -u user --password-stdin "$REGISTRY" <<<wrong
    assert_failure 1
    hull login -u user --password-stdin "$REGISTRY" <<<secret
    hull push -q "$REGISTRY/team/app:v1"
    hull tag "$REGISTRY/team/app:v1" "$REGISTRY/other/app:v1"
    run hull push "$REGISTRY/other/app:v1"
    assert_success
    assert_output_has "Mounted from team/app"
    # The registry names them in an order that changes from one answer to the next.
    target=scope=repository:other/app:pull,push source=scope=repository:team/app:pull
    grep -E "$target&$source([&\" ]|$)|$source&$target" "$TOKEN_LOG"
    hull logout "$REGISTRY"
    hull rmi -f "$(hull images -q | sort -u)" >/dev/null
    hull pull -q "$REGISTRY/other/app:v1"
}

@test "tokens: an identity token goes by POST, a registry token as it is" {
    make_oci_layout "$WORK/layout" v1
    start_faulty_registry "$WORK/layout"
    echo "{\"auths\":{\"$FAULTY\":{\"identitytoken\":\"identity\"}}}" >"$CONFIG/config.json"
    hull pull -q "$FAULTY/bearer/app:v1"
    assert_equal "$(faulty_requests '^other POST /token - -$')" 1
    echo "{\"auths\":{\"$FAULTY\":{\"identitytoken\":\"stolen\"}}}" >"$CONFIG/config.json"
    run hull pull -q "$FAULTY/bearer/app:v1"
    assert_failure 1
    assert_output_has "the token server refused (status 401)"
    echo "{\"auths\":{\"$FAULTY\":{\"registrytoken\":\"token-7\"}}}" >"$CONFIG/config.json"
    hull pull -q "$FAULTY/bearer/app:v1"
    (($(faulty_requests 'Bearer:token-7$') > 0))
}

@test "tokens: a token server that moved gets questions without a login alone" {
    make_oci_layout "$WORK/layout" v1
    start_faulty_registry "$WORK/layout"
    hull pull -q "$FAULTY/bearer-redirect/app:v1"
    (($(faulty_requests '^main GET /token[?]') > 0))
    hull rmi "$FAULTY/bearer-redirect/app:v1" >/dev/null
    echo "{\"auths\":{\"$FAULTY\":{\"identitytoken\":\"identity\"}}}" >"$CONFIG/config.json"
    run hull pull -q "$FAULTY/bearer-redirect/app:v1"
    assert_failure 1
    assert_output_has "redirects a login to another host"
    assert_equal "$(faulty_requests '^main POST /token')" 0
    # A password is for the host that asked; the one it points to gets none.
    echo "{\"auths\":{\"$FAULTY\":{\"auth\":\"$(printf user:secret | base64)\"}}}" >"$CONFIG/config.json"
    hull pull -q "$FAULTY/bearer-redirect/app:v1"
    (($(faulty_requests '^other GET /token-moved.* Basic:') == 1))
    assert_equal "$(faulty_requests '^main GET /token.* Basic:')" 0
}

@test "proxies: by the environment, and not for what NO_PROXY names" {
    make_oci_layout "$WORK/layout" v1
    start_faulty_registry "$WORK/layout"
    name=registry.test/ok/app:v1
    run env HTTP_PROXY="http://$FAULTY" "$HULL_BIN" --root "$HULL_TEST_ROOT" \
        --run-root "$HULL_TEST_RUN_ROOT" pull -q --plain-http registry.test "$name"
    assert_success
    (($(faulty_requests 'GET http://registry.test/v2/ok/app/manifests/v1 ') == 1))
    http_proxy=http://$FAULTY NO_PROXY=.test run hull_there pull -q --plain-http registry.test "$name"
    assert_failure 1
    ALL_PROXY=http://$FAULTY hull pull -q --plain-http registry.test "$name"
    # What is on this machine needs no proxy.
    HTTP_PROXY=http://192.0.2.1:1 hull pull -q "$FAULTY/ok/app:v1"
}
