/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unix_socket.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* *ret_dir stays open until the address has been used. */
static int make_address(const char *path, struct sockaddr_un *address, int *ret_dir)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (str_copy(address->sun_path, sizeof(address->sun_path), path) == 0)
		return 0;
	const char *base = path_base(path);
	_cleanup_free_ char *parent = strndup(path, (size_t)(base - path));
	if (!parent)
		return -ENOMEM;
	*ret_dir = open(*parent ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	int n = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
		*ret_dir, base);
	return (size_t)n < sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

int unix_connect(const char *path, int type, int timeout_ms)
{
	struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct sockaddr_un address;
	_cleanup_close_ int dir = -1;
	int r = make_address(path, &address, &dir);

	if (r < 0)
		return r;
	_cleanup_close_ int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (timeout_ms && setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(sock);
}
