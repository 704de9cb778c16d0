# SPDX-License-Identifier: Apache-2.0
#
# Debian's docker-registry on a loopback port of its own, with its data in the workspace.

# shellcheck disable=SC2034 # variables for the tests

# start_registry [--auth USER:PASSWORD] [--tls] [--client-ca FILE] [--token REALM] [--data DIR]: sets
# REGISTRY (127.0.0.1:PORT), REGISTRY_PID, REGISTRY_LOG, REGISTRY_DATA; with --tls also REGISTRY_CA,
# the certificate to trust. --client-ca demands client certificates, --token tokens that are signed
# by $WORK/token.pem (see token_key).
# Ended by teardown_fixture, or earlier by stop_registry. May be called again for a second one.
start_registry() {
    local user='' tls='' data='' client='' token='' dir port try

    require_tool docker-registry
    while [ $# -gt 0 ]; do
        case $1 in
        --auth) user=$2 && shift ;;
        --tls) tls=1 ;;
        --client-ca) client=$2 && shift ;;
        --token) token=$2 && shift ;;
        --data) data=$2 && shift ;;
        *) echo "start_registry: unknown option $1" >&2 && return 1 ;;
        esac
        shift
    done
    dir=$(mktemp -d "$WORK/registry.XXXXXX")
    REGISTRY_DATA=${data:-$dir/data}
    REGISTRY_LOG=$dir/log
    REGISTRY_CA=
    [ -z "$user" ] || registry_password_file "$user" >"$dir/htpasswd"
    [ -z "$tls" ] || registry_certificate "$dir"
    # Another process may take the port between the look and the bind: then the next one.
    for ((try = 0; try < 5; try++)); do
        port=$(free_port) || return 1
        registry_config "$dir" "$port" "$user" "$tls" "$client" "$token" >"$dir/config.yml"
        docker-registry serve "$dir/config.yml" >"$REGISTRY_LOG" 2>&1 3>&- &
        REGISTRY_PID=$!
        defer stop_process "$REGISTRY_PID"
        REGISTRY=127.0.0.1:$port
        if wait_until 10 registry_ready_or_gone "$port" && kill -0 "$REGISTRY_PID" 2>/dev/null; then
            return 0
        fi
        stop_process "$REGISTRY_PID"
    done
    echo "docker-registry did not start:" >&2
    cat "$REGISTRY_LOG" >&2
    return 1
}

stop_registry() {
    stop_process "$REGISTRY_PID"
}

registry_ready_or_gone() {
    tcp_open "$1" || process_gone "$REGISTRY_PID"
}

registry_config() {
    local dir=$1 port=$2 user=$3 tls=$4 client=$5 token=$6

    cat <<-END
	version: 0.1
	log: {level: info, accesslog: {disabled: false}}
	storage:
	  filesystem: {rootdirectory: $REGISTRY_DATA}
	  delete: {enabled: true}
	http:
	  addr: 127.0.0.1:$port
	END
    [ -z "$tls" ] || echo "  tls: {certificate: $dir/cert.pem, key: $dir/key.pem${client:+, clientcas: [$client]}}"
    [ -z "$user" ] || echo "auth: {htpasswd: {realm: hull-test, path: $dir/htpasswd}}"
    [ -z "$token" ] || echo "auth: {token: {realm: $token, service: hull-test, issuer: hull-test," \
        "rootcertbundle: $WORK/token.pem}}"
}

# token_key: makes $WORK/token.key and $WORK/token.pem, what tokens are signed with.
token_key() {
    require_tool openssl
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hull-test \
        -keyout "$WORK/token.key" -out "$WORK/token.pem" 2>/dev/null
}

# shellcheck disable=SC2034 # used by the tests
# start_token_server: sets TOKEN_REALM and TOKEN_LOG; see token-server.py.
start_token_server() {
    local port

    require_tool python3
    token_key
    TOKEN_LOG=$WORK/token.log
    mkfifo "$WORK/token.port"
    python3 "$FIXTURE_DIR/token-server.py" "$WORK/token.key" "$WORK/token.pem" hull-test \
        >"$WORK/token.port" 2>"$TOKEN_LOG" 3>&- &
    defer stop_process $!
    read -r port <"$WORK/token.port"
    rm "$WORK/token.port"
    TOKEN_REALM=http://127.0.0.1:$port/token
}

# registry_password_file USER:PASSWORD: a bcrypt line, the only kind that the registry reads.
registry_password_file() {
    perl -e 'my ($user, $password) = split /:/, $ARGV[0], 2;
        print "$user:", crypt($password, "\$2y\$05\$" . "hullhullhullhullhullhu"), "\n"' "$1"
}

# registry_certificate DIR: a self-signed certificate for 127.0.0.1, localhost and registry.test.
registry_certificate() {
    require_tool openssl
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext 'subjectAltName = IP:127.0.0.1, DNS:localhost, DNS:registry.test' \
        -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
    REGISTRY_CA=$1/cert.pem
}
