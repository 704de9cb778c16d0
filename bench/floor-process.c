/* SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT_CAPABILITIES (1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE)

int set_hostname(struct start *s)
{
	s->subject = "sethostname";
	return sethostname("floor", 5);
}

int loopback_up(struct start *s)
{
	struct ifreq request = {.ifr_name = "lo"};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	s->subject = "lo";
	request.ifr_flags = IFF_UP;
	r = ioctl(sock, SIOCSIFFLAGS, &request);
	close(sock);
	return r;
}

int keyring_join(struct start *s)
{
	s->subject = "keyctl";
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "floor") < 0 ? -1 : 0;
}

int credentials_drop(struct start *s)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{KEPT_CAPABILITIES, KEPT_CAPABILITIES, 0}};
	struct rlimit files = {1024, 1024};

	s->subject = "limits";
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -1;
	setsid();
	s->subject = "bounding set";
	for (unsigned long i = 0; i < 64; i++) {
		if (i < 32 && (KEPT_CAPABILITIES >> i & 1))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* past the kernel's last capability */
				break;
			return -1;
		}
	}
	s->subject = "ids";
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -1;
	s->subject = "capset";
	if (syscall(SYS_capset, &header, data) < 0)
		return -1;
	s->subject = "no_new_privs";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
