/* SPDX-License-Identifier: Apache-2.0 */
/* What `inspect` and `ps` tell about a container, in Docker's shapes. */
#pragma once

#include "engine/container.h"
#include "json/json.h"

/* The object of `docker inspect`; with sizes, SizeRw and SizeRootFs too, for which files are counted. */
int inspect_container(struct engine *engine, const struct container *c, bool size,
	struct json_writer *w, struct hull_error *err);

/*
 * One row of `docker ps` as an object: ID, Image, Command, CreatedAt, RunningFor, Status, ... With
 * sizes, Size too.
 */
int inspect_ps_row(struct engine *engine, const struct container *c, bool no_trunc, bool size,
	struct json_writer *w, struct hull_error *err);

/* "Up 3 minutes", "Exited (0) 2 hours ago", "Created". Heap; NULL if memory is out. */
char *inspect_status(const struct container *c);

/* Argument vector as `ps` shows it: joined by spaces. Heap. */
char *inspect_command(const struct container *c);
