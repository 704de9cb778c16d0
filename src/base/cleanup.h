/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope. A variable declared with a cleanup attribute is released when its scope
 * ends, whichever way it ends; TAKE_PTR and TAKE_FD hand its content over and disarm it. Every
 * such variable is initialised where it is declared. No function of this project cleans up by goto.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                               \
	({                                        \
		__typeof__(p) *_take_p = &(p);    \
		__typeof__(p) _take_v = *_take_p; \
		*_take_p = NULL;                  \
		_take_v;                          \
	})

#define TAKE_FD(fd)                      \
	({                               \
		int *_take_fd = &(fd);   \
		int _take_v = *_take_fd; \
		*_take_fd = -1;          \
		_take_v;                 \
	})

/* Defines NAME for use as _cleanup_(NAME) on variables of type TYPE, released with FUNC(value). */
#define DEFINE_CLEANUP(type, name, func) \
	static inline void name(type *p) \
	{                                \
		func(*p);                \
	}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

/* One close, no retry on EINTR (on Linux the fd is gone then), errno kept. */
static inline void cleanup_closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		*fd = -1;
		errno = saved;
	}
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_free_	   _cleanup_(cleanup_freep)
#define _cleanup_close_	   _cleanup_(cleanup_closep)
#define _cleanup_fclose_   _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)
