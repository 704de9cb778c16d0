/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/filter.h"
#include "oci/runtime_spec.h"

/*
 * The prologue of a filter: ENOSYS for system calls that are newer than the profile. Returns the
 * number of instructions written to code, 0 if the profile needs none.
 */
size_t filter_stub(const struct oci_seccomp *profile, uint32_t default_action,
	struct sock_filter *code, size_t max);
