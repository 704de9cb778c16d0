# SPDX-License-Identifier: Apache-2.0
#
# Images, made by umoci and skopeo rather than by us, so that what hull reads was written by
# somebody else. All of them start from an OCI layout; the other forms are copies of it.

# tar_files DIR OUT [MEMBER...]: a tar of DIR's content (or the named members), the same bytes each
# time: sorted, owned as in DIR, one fixed date.
tar_files() {
    local dir=$1 out=$2

    shift 2
    [ $# -gt 0 ] || set -- .
    tar --sort=name --numeric-owner --mtime=@1700000000 --format=posix \
        --pax-option=delete=atime,delete=ctime --xattrs -C "$dir" -cf "$out" "$@"
}

# make_busybox_tar OUT: the busybox rootfs as one uncompressed layer.
make_busybox_tar() {
    local rootfs

    rootfs=$(mktemp -d "$WORK/rootfs.XXXXXX")
    chmod 755 "$rootfs"
    make_busybox_rootfs "$rootfs"
    tar_files "$rootfs" "$1"
    rm -rf "$rootfs"
}

# make_oci_layout LAYOUT [TAG] [LAYER_TAR...]: an image (tag default: latest) of these layers, of
# the busybox layer if there are none, with command /bin/sh and a PATH. Adds to an existing layout.
# More of the image configuration: umoci config --image LAYOUT:TAG OPTIONS, see umoci-config(1).
make_oci_layout() {
    local layout=$1 tag=${2:-latest} layer

    require_tool umoci
    shift $(($# < 2 ? $# : 2))
    if [ $# -eq 0 ]; then
        make_busybox_tar "$WORK/busybox-layer.tar"
        set -- "$WORK/busybox-layer.tar"
    fi
    [ -d "$layout" ] || umoci init --layout "$layout"
    umoci new --image "$layout:$tag"
    for layer; do
        umoci raw add-layer --image "$layout:$tag" "$layer"
    done
    umoci config --image "$layout:$tag" --config.cmd /bin/sh \
        --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    rm -f "$WORK/busybox-layer.tar"
}

# copy_image SOURCE DESTINATION: skopeo's transports (oci:, oci-archive:, docker-archive:,
# docker://...). No signature policy, plain HTTP for loopback registries.
copy_image() {
    require_tool skopeo
    skopeo copy --quiet --insecure-policy --src-tls-verify=false --dest-tls-verify=false \
        "$1" "$2"
}

# make_oci_archive OUT [NAME:TAG] [LAYER_TAR...]
make_oci_archive() {
    local out=$1 name=${2:-busybox:latest} layout

    shift $(($# < 2 ? $# : 2))
    layout=$(mktemp -d "$WORK/layout.XXXXXX")
    make_oci_layout "$layout/oci" "${name##*:}" "$@"
    copy_image "oci:$layout/oci:${name##*:}" "oci-archive:$out:$name"
    rm -rf "$layout"
}

# make_docker_archive OUT [NAME:TAG] [LAYER_TAR...]: what `docker save` would write.
make_docker_archive() {
    local out=$1 name=${2:-busybox:latest} layout

    shift $(($# < 2 ? $# : 2))
    layout=$(mktemp -d "$WORK/layout.XXXXXX")
    make_oci_layout "$layout/oci" "${name##*:}" "$@"
    copy_image "oci:$layout/oci:${name##*:}" "docker-archive:$out:$name"
    rm -rf "$layout"
}

# push_image NAME:TAG [LAYER_TAR...]: puts an image into the registry of start_registry.
push_image() {
    local name=$1 layout

    shift
    layout=$(mktemp -d "$WORK/layout.XXXXXX")
    make_oci_layout "$layout/oci" "${name##*:}" "$@"
    copy_image "oci:$layout/oci:${name##*:}" "docker://$REGISTRY/$name"
    rm -rf "$layout"
}
