/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which build of a program is running: the linker's hash over all of its contents
 * (ld --build-id). What one build keeps on disk for itself, another can tell from its own.
 */
#pragma once

#include <stdbool.h>

#define BUILD_ID_SIZE 20

/* The id of the running program; shorter ones are followed by zeros. False if it has none. */
bool program_build_id(unsigned char id[BUILD_ID_SIZE]);
