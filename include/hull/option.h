/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optional numbers: a value and whether it was given at all. OCI documents tell an absent limit
 * from a limit of zero, and so do all structs of the public headers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hull_opt_bool {
	bool set;
	bool value;
};

struct hull_opt_i64 {
	bool set;
	int64_t value;
};

struct hull_opt_u64 {
	bool set;
	uint64_t value;
};

struct hull_opt_u32 {
	bool set;
	uint32_t value;
};
