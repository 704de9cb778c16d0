/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of the metadata database, as a list of migrations. */
#pragma once

#include <stddef.h>

/* SQL that leads from version i to version i + 1. Never edited once released; only appended to. */
extern const char *const metadata_migrations[];
extern const size_t metadata_schema_version;
