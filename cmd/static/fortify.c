/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What distributions' archives of json-c, libseccomp, SQLite and zstd want of libc beyond the
 * standard: the checking twins of functions, which glibc has and musl has not (Linux Standard Base,
 * "Interfaces for libc"), and a name for large files. What these archives exchange with libc are
 * numbers, pointers and structures of the kernel, so they work with either; the locks of threads,
 * of which SQLite keeps some in its own memory, are not larger in musl.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __snprintf_chk(char *out, size_t n, int flag, size_t size, const char *format, ...);
int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap);
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list ap);
int __vsnprintf_chk(char *out, size_t n, int flag, size_t size, const char *format, va_list ap);
void __vsyslog_chk(int priority, int flag, const char *format, va_list ap);
char *__strcat_chk(char *out, const char *text, size_t size);
void *__memcpy_chk(void *out, const void *in, size_t n, size_t size);
void *__memset_chk(void *out, int byte, size_t n, size_t size);
int fcntl64(int fd, int command, ...);

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int r = vfprintf(file, format, ap);
	va_end(ap);
	return r;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list ap)
{
	return vfprintf(file, format, ap);
}

int __vsnprintf_chk(char *out, size_t n, int flag, size_t size, const char *format, va_list ap)
{
	if (n > size)
		abort();
	return vsnprintf(out, n, format, ap);
}

int __snprintf_chk(char *out, size_t n, int flag, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	int r = __vsnprintf_chk(out, n, flag, size, format, ap);
	va_end(ap);
	return r;
}

int __vasprintf_chk(char **ret, int flag, const char *format, va_list ap)
{
	return vasprintf(ret, format, ap);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	vsyslog(priority, format, ap);
}

char *__strcat_chk(char *out, const char *text, size_t size)
{
	size_t length = strlen(out), more = strlen(text);

	if (more >= size - length)
		abort();
	memcpy(out + length, text, more + 1);
	return out;
}

void *__memcpy_chk(void *out, const void *in, size_t n, size_t size)
{
	if (n > size)
		abort();
	return memcpy(out, in, n);
}

void *__memset_chk(void *out, int byte, size_t n, size_t size)
{
	if (n > size)
		abort();
	return memset(out, byte, n);
}

int fcntl64(int fd, int command, ...)
{
	va_list ap;

	va_start(ap, command);
	void *argument = va_arg(ap, void *);
	va_end(ap);
	return fcntl(fd, command, argument);
}
