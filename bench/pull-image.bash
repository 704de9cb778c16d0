# SPDX-License-Identifier: Apache-2.0
#
# Images for bench/pull, of several shapes, kept as the data directory of a registry in a cache:
# making one takes a minute, pulling it some seconds. Real files of this machine's /usr, so that
# sizes and compression are as in life; which ones is decided by a hash of their paths, the same
# each time as long as /usr is the same.

BENCH_CACHE=${HULL_BENCH_CACHE:-$HULL_SOURCE/build-bench-cache}

# usr_files LARGE_BYTES COUNT: paths below /usr (relative to /), sorted: files of 64 KiB to 20 MiB
# until they sum up to LARGE_BYTES, and smaller ones until there are COUNT.
usr_files() {
    find /usr -xdev -type f -readable -size -20M -printf '%s %P\n' 2>/dev/null |
        LC_ALL=C sort -k2 | awk '
        BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
        {
            size = $1; path = substr($0, length($1) + 2); h = 5381
            for (i = 1; i <= length(path); i++)
                h = (h * 33 + code[substr(path, i, 1)]) % 2147483647
            printf "%010d %d usr/%s\n", h, size, path
        }' | LC_ALL=C sort | awk -v large="$1" -v count="$2" '
        {
            size = $2; path = substr($0, length($1) + length($2) + 3)
            if (size >= 65536 ? sum < large : small < count) {
                if (size >= 65536) sum += size; else small++
                print size, path
            }
        }' | LC_ALL=C sort -k2
}

# with_parents: adds the directories above the paths on standard input, as layers of real images
# have them; sorted, without doubles.
with_parents() {
    awk '{
        print
        while (sub(/\/[^\/]*$/, "")) {
            if (seen[$0]++) break
            print
        }
    }' | LC_ALL=C sort -u
}

# split_list LIST N PREFIX: PREFIX-0 ... N-1, consecutive parts of about the same number of bytes.
split_list() {
    awk -v n="$2" -v prefix="$3" '
        NR == FNR { total += $1; next }
        {
            print substr($0, length($1) + 2) > (prefix "-" int(done * n / (total + 1)))
            done += $1
        }' "$1" "$1"
}

# tar_list LIST OUT: the listed paths of / as a layer.
tar_list() {
    with_parents <"$1" | tar --no-recursion --numeric-owner --mtime=@1700000000 --format=posix \
        --pax-option=delete=atime,delete=ctime --hard-dereference --verbatim-files-from \
        -C / -cf "$2" -T -
}

# make_tiny_tar COUNT OUT: a tar of COUNT files of some hundred bytes in 1,000 directories, written
# without making the files.
make_tiny_tar() {
    perl -e '
        sub member {
            my ($name, $type, $mode, $data) = @_;
            my $h = pack("a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12", $name,
                sprintf("%07o", $mode), "0000000", "0000000", sprintf("%011o", length $data),
                "14524770400", "", $type, "", "ustar", "00", "", "", "", "", "");
            substr($h, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $h));
            print $h, $data, "\0" x (-length($data) % 512);
        }
        my $count = shift;
        for my $i (0 .. $count - 1) {
            my $dir = sprintf("tiny/%03d", $i / ($count / 1000));
            member("tiny/", 5, 0755, "") if $i == 0;
            member("$dir/", 5, 0755, "") unless $seen{$dir}++;
            member("$dir/file-$i", 0, 0644, "line $i of a tiny file\n" x ($i * 7919 % 40 + 1));
        }
        print "\0" x 1024;' "$1" >"$2"
}

# make_layers SHAPE DIR: tars DIR/layer-NN.tar of that shape.
make_layers() {
    local shape=$1 dir=$2 layers i

    case $shape in
    usual) # 3 layers, 711 MB, 20,662 files
        usr_files 575000000 19340 >"$dir/list"
        layers=3
        ;;
    many) # 60 small layers
        usr_files 0 6000 >"$dir/list"
        layers=60
        ;;
    large) # one layer of 1 GB
        usr_files 1000000000 2000 >"$dir/list"
        layers=1
        ;;
    tiny) # 100,000 tiny files
        make_tiny_tar 100000 "$dir/layer-00.tar"
        return
        ;;
    *)
        echo "no such shape: $shape" >&2
        return 2
        ;;
    esac
    split_list "$dir/list" "$layers" "$dir/part"
    for ((i = 0; i < layers; i++)); do
        tar_list "$dir/part-$i" "$(printf '%s/layer-%02d.tar' "$dir" "$i")"
    done
}

# cached_image SHAPE: a registry's data directory with bench/SHAPE:1 in it, and a file "facts";
# IMAGE_DATA becomes its path.
cached_image() {
    local shape=$1 dir

    IMAGE_DATA=$BENCH_CACHE/pull-$shape
    [ ! -e "$IMAGE_DATA/facts" ] || return 0
    note "making the image \"$shape\" (kept in $BENCH_CACHE)"
    rm -rf "$IMAGE_DATA"
    mkdir -p "$IMAGE_DATA"
    dir=$(mktemp -d "$WORK/layers.XXXXXX")
    make_layers "$shape" "$dir"
    printf '%d layers, %d MB, %d files\n' "$(ls "$dir"/layer-*.tar | wc -l)" \
        "$(($(cat "$dir"/layer-*.tar | wc -c) / 1000000))" \
        "$(for layer in "$dir"/layer-*.tar; do tar tf "$layer"; done | grep -cv '/$')" \
        >"$dir/facts"
    start_registry --data "$IMAGE_DATA"
    make_oci_layout "$dir/oci" 1 "$dir"/layer-*.tar
    copy_image "oci:$dir/oci:1" "docker://$REGISTRY/bench/$shape:1"
    stop_registry
    mv "$dir/facts" "$IMAGE_DATA/facts"
    rm -rf "$dir"
}

# layer_blobs SHAPE: the compressed layers as files of the registry.
layer_blobs() {
    local digest

    curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        "http://$REGISTRY/v2/bench/$1/manifests/1" | jq -r '.layers[].digest' |
        while read -r digest; do
            digest=${digest#sha256:}
            echo "$IMAGE_DATA/docker/registry/v2/blobs/sha256/${digest:0:2}/$digest/data"
        done
}
