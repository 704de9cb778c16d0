# SPDX-License-Identifier: Apache-2.0
#
# Root file systems and bundles. The content is Debian's static busybox, a few files of /etc, and
# /bin/probe (see probe/) when it is built: enough for every test, made in some ten milliseconds.

# busybox_path: a static busybox, or a skipped test.
busybox_path() {
    local path

    for path in "${BUSYBOX_BIN:-}" /bin/busybox /usr/bin/busybox; do
        if [ -x "$path" ] && ! LC_ALL=C ldd "$path" >/dev/null 2>&1; then
            echo "$path"
            return 0
        fi
    done
    skip "no static busybox (package busybox-static)"
}

# make_busybox_rootfs DIR: users root (0), daemon (1), app (1000, also in group staff), nobody.
make_busybox_rootfs() {
    local dir=$1 busybox

    busybox=$(busybox_path)
    mkdir -p "$dir"/{bin,dev,etc,home/app,proc,root,run,sbin,sys,tmp,usr/bin,var/tmp}
    chmod 1777 "$dir/tmp" "$dir/var/tmp"
    chmod 700 "$dir/root"
    chown 1000:1000 "$dir/home/app" 2>/dev/null || true
    cp "$busybox" "$dir/bin/busybox"
    "$busybox" --list |
        (cd "$dir/bin" && perl -lne 'symlink "busybox", $_ unless $_ eq "busybox"')
    [ ! -x "$PROBE_BIN" ] || cp "$PROBE_BIN" "$dir/bin/probe"
    cat >"$dir/etc/passwd" <<-'END'
	root:x:0:0:root:/root:/bin/sh
	daemon:x:1:1:daemon:/usr/sbin:/bin/false
	app:x:1000:1000:an application:/home/app:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/bin/false
	END
    cat >"$dir/etc/group" <<-'END'
	root:x:0:
	daemon:x:1:
	tty:x:5:
	staff:x:50:app
	app:x:1000:
	nogroup:x:65534:
	END
    echo 'hull-test-image' >"$dir/etc/image-name"
}

# make_bundle DIR [JQ_FILTER]: a bundle with a busybox rootfs and the default configuration, edited
# by the jq program: make_bundle b '.process.args = ["id"]'.
make_bundle() {
    mkdir -p "$1"
    make_busybox_rootfs "$1/rootfs"
    make_config "$1" "${2:-.}"
}

# make_config DIR [JQ_FILTER]: writes DIR/config.json alone. The cgroup path carries the test's id,
# so that left-over cgroups can be told from those of other tests.
make_config() {
    jq --arg cgroup "/hull-${TEST_ID:-$$}" \
        ".linux.cgroupsPath = \$cgroup | (${2:-.})" "$FIXTURE_DIR/config.json" >"$1/config.json"
}

# edit_config DIR JQ_FILTER: changes an existing DIR/config.json.
edit_config() {
    jq "$2" "$1/config.json" >"$1/config.json.new"
    mv "$1/config.json.new" "$1/config.json"
}

# notify_program FILE: says that it is ready, tries to name another process, and sleeps.
notify_program() {
    cat >"$WORK/notify.c" <<-'END'
	#include <stdlib.h>
	#include <string.h>
	#include <sys/socket.h>
	#include <sys/un.h>
	#include <unistd.h>
	int main(void)
	{
		static const char text[] = "STATUS=up\nREADY=1\nMAINPID=1";
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		int s = socket(AF_UNIX, SOCK_DGRAM, 0);
		strcpy(a.sun_path, getenv("NOTIFY_SOCKET"));
		sendto(s, text, strlen(text), 0, (void *)&a, sizeof(a));
		sleep(1000);
	}
	END
    cc -static -o "$1" "$WORK/notify.c"
}
