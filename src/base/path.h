/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as text: no system call is made here. Results are heap strings, NULL if memory is out. */
#pragma once

#include <stdbool.h>

/* "a/b" with exactly one slash between. */
char *path_join(const char *a, const char *b);

/* Lexical clean-up as Go's path.Clean: no double slashes, ".", or inner ".."; "/.." is "/". */
char *path_clean(const char *path);

/* True if any component of path is "..". */
bool path_has_dotdot(const char *path);

/* The part after the last slash. */
const char *path_base(const char *path);
