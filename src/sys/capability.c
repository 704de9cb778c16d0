/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/capability.h"
#include "base/fd.h"
#include "base/str.h"

#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int capability_parse(const char *name)
{
	const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(names[i] + 4, bare) == 0)
			return (int)i;
	}
	return -EINVAL;
}

const char *capability_name(int capability)
{
	return (size_t)capability < ARRAY_SIZE(names) ? names[capability] : NULL;
}

int capability_last(void)
{
	/* PR_CAPBSET_READ fails past the last one: no need to read /proc. */
	int low = 0, high = 63;

	while (low < high) {
		int middle = (low + high + 1) / 2;
		if (prctl(PR_CAPBSET_READ, middle, 0, 0, 0) >= 0)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

int capability_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &header, d) < 0)
		return -errno;
	*ret_effective = d[0].effective | (uint64_t)d[1].effective << 32;
	*ret_permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	*ret_inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

int capability_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, d) < 0 ? -errno : 0;
}

int capability_bound(uint64_t keep, int last)
{
	for (int i = 0; i <= last; i++) {
		if (keep & UINT64_C(1) << i)
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

int capability_set_ambient(uint64_t set, int last, int *ret_failed)
{
	*ret_failed = -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (int i = 0; i <= last; i++) {
		if (!(set & UINT64_C(1) << i))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0) {
			*ret_failed = i;
			return -errno;
		}
	}
	return 0;
}
