/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal that a command runs on: raw mode while a container's terminal is shown on it, its
 * size, and news of a change of size.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

struct terminal_size {
	unsigned short rows, columns;
};

bool terminal_is(int fd);

/*
 * Prints a line that strangers wrote. As with ls(1), it is what it is, but on a terminal it is made
 * printable (see base/utf8.h).
 */
void terminal_print_line(FILE *out, const char *text);

/* 0, or -errno (-ENOTTY). Zero rows and columns mean that nobody has told the terminal. */
int terminal_size_get(int fd, struct terminal_size *ret);
int terminal_size_set(int fd, const struct terminal_size *size);

/*
 * Puts the terminal into raw mode: every byte is passed on, signals come as bytes. It is put back by
 * terminal_restore(), at exit(), and when a signal ends the program (SIGKILL excepted). One
 * terminal per process can be raw at a time; -EBUSY for a second one.
 */
int terminal_raw(int fd);
void terminal_restore(void);

/*
 * A signalfd (O_CLOEXEC, non-blocking) that is readable when the size has changed. Blocks SIGWINCH
 * in the calling thread, so programs executed later must reset their mask. -errno on failure.
 */
int terminal_resize_fd(void);

/* Forgets pending news of that fd; call before reading the size. */
void terminal_resize_read(int fd);
