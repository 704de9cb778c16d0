/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes and device rules of a spec. */
#pragma once

#include "engine/config.h"
#include "oci/runtime_spec.h"

/*
 * Fills spec->linux->devices and resources->devices: the default rules, --device entries, or for a
 * privileged container all device nodes of the host.
 */
int device_add(struct oci_spec *spec, const struct container_config *config, struct arena *arena,
	struct hull_error *err);
