# SPDX-License-Identifier: Apache-2.0
#
# Images between hull and other engines, by archives and by a registry, both ways: dockerd, whose
# archives have another form than hull's, and podman.

load lib

setup_file() {
    peer_setup dockerd docker containerd podman docker-registry
    peer_start dockerd.log dockerd --data-root "$PEER/data" --exec-root "$PEER/exec" \
        --pidfile "$PEER/pid" -H "unix://$PEER/socket" --bridge none --iptables=false
    peer_wait docker -H "unix://$PEER/socket" version
    docker -H "unix://$PEER/socket" load -q -i "$PEER/busybox.tar" >&2
    mkdir "$PEER/context"
    cat >"$PEER/context/Dockerfile" <<-END
	FROM busybox
	RUN echo one >/file; ln -s file /link; mkdir -p /dir/sub; touch /gone /dir/sub/hidden
	RUN rm /gone; rm -r /dir/sub; mkdir /dir/sub; chown 7:8 /file; chmod 4711 /file
	ENV A=b
	CMD ["cat", "/link"]
	END
    DOCKER_BUILDKIT=0 docker -H "unix://$PEER/socket" build -q --network none -t app:v1 \
        "$PEER/context" >&2
}

teardown_file() { peer_teardown; }

setup() {
    setup_fixture
}

teardown() {
    docker_ rmi -f "$(docker_ images -q --filter reference='*/app')" >/dev/null 2>&1 || true
    teardown_fixture
}

docker_() {
    docker -H "unix://$PEER/socket" "$@"
}

podman_() {
    podman --root "$WORK/podman" --runroot "$WORK/podman.run" --storage-driver vfs "$@"
}

# whole_in_hull NAME: the image that docker built, as hull has it.
whole_in_hull() {
    assert_equal "$(hull images -q --no-trunc "$1")" "$(docker_ images -q --no-trunc app:v1)"
    assert_equal "$(hull run --rm "$1")" one
    # shellcheck disable=SC2016 # for the container's shell
    assert_equal "$(hull run --rm "$1" sh -c 'stat -c "%a %u:%g" /file; ls -A /dir/sub; ls /gone 2>&1; echo $A')" \
        $'4711 7:8\nls: /gone: No such file or directory\nb'
    assert_equal "$(hull history -q --no-trunc "$1" | sed -n 1p)" "$(docker_ images -q --no-trunc app:v1)"
}

@test "images: docker save, hull load: from a file, from a pipe, compressed" {
    docker_ save app:v1 busybox -o "$WORK/saved.tar"
    run hull load -i "$WORK/saved.tar"
    assert_success
    assert_equal "$(sort <<<"$output")" $'Loaded image: app:v1\nLoaded image: busybox:latest'
    whole_in_hull app:v1
    hull rmi app:v1 busybox >/dev/null
    run hull load < <(docker_ save app:v1)
    assert_success
    assert_output "Loaded image: app:v1"
    whole_in_hull app:v1
    hull rmi app:v1 >/dev/null
    gzip "$WORK/saved.tar"
    hull load -q <"$WORK/saved.tar.gz"
    whole_in_hull app:v1
}

@test "images: hull save, docker load and podman load, in every form" {
    id=$(docker_ images -q --no-trunc app:v1)
    docker_ save app:v1 | hull load -q
    hull save -o "$WORK/saved.tar" app:v1
    docker_ rmi app:v1 >/dev/null
    run docker_ load -i "$WORK/saved.tar"
    assert_success
    assert_output "Loaded image: app:v1"
    assert_equal "$(docker_ images -q --no-trunc app:v1)" "$id"
    for options in "" "--compression gzip" "--format oci-archive" \
        "--format oci-archive --compression zstd"; do
        rm -f "$WORK/saved.tar"
        # shellcheck disable=SC2086 # options
        hull save $options -o "$WORK/saved.tar" app:v1
        podman_ load -q -i "$WORK/saved.tar"
        assert_equal "sha256:$(podman_ images -q --no-trunc | sed 's/^sha256://')" "$id"
        podman_ rmi -af >/dev/null
    done
}

@test "images: hull push, docker pull and podman pull" {
    start_registry
    docker_ save app:v1 | hull load -q
    hull tag app:v1 "$REGISTRY/team/app"
    digest=$(hull push "$REGISTRY/team/app" | sed -n 's/^latest: digest: \([^ ]*\) size: .*/\1/p')
    run docker_ pull "$REGISTRY/team/app"
    assert_success
    assert_output_has "Digest: $digest"
    assert_equal "$(docker_ images -q --no-trunc "$REGISTRY/team/app")" "$(hull images -q --no-trunc app:v1)"
    for form in gzip zstd none; do
        hull push -q --compression $form "$REGISTRY/team/app"
        podman_ pull -q --tls-verify=false "$REGISTRY/team/app" >"$WORK/id"
        assert_equal "sha256:$(cat "$WORK/id")" "$(hull images -q --no-trunc app:v1)"
        podman_ rmi -af >/dev/null
    done
}

@test "images: docker push and podman push, hull pull" {
    start_registry
    docker_ tag app:v1 "$REGISTRY/team/app:docker"
    docker_ push -q "$REGISTRY/team/app:docker"
    hull pull -q "$REGISTRY/team/app:docker"
    whole_in_hull "$REGISTRY/team/app:docker"
    podman_ pull -q --tls-verify=false "$REGISTRY/team/app:docker" >/dev/null
    podman_ push -q --tls-verify=false "$REGISTRY/team/app:docker" "docker://$REGISTRY/team/app:podman"
    hull rmi "$REGISTRY/team/app:docker" >/dev/null
    hull pull -q "$REGISTRY/team/app:podman"
    whole_in_hull "$REGISTRY/team/app:podman"
}
