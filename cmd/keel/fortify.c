/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What distributions' archives of json-c and libseccomp want of libc beyond the standard: the
 * checking twins of functions, which glibc has and musl has not (Linux Standard Base, "Interfaces
 * for libc"). All that these archives exchange with libc is numbers and pointers, so they work with
 * either.
 */
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
