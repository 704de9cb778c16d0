/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/tar-pax.h"

#include <string.h>

void tar_map_done(struct tar_map *map)
{
	free(map->extents);
	memset(map, 0, sizeof(*map));
}

int tar_map_add(struct tar_map *map, uint64_t offset, uint64_t size, struct hull_error *err)
{
	if (map->n >= TAR_EXTENTS_MAX)
		return error_set(err, HULL_ERROR_LIMIT,
			"tar: a sparse file has more than %zu extents", TAR_EXTENTS_MAX);
	if (map->n == map->size) {
		size_t room = map->size ? map->size * 2 : 16;
		struct tar_extent *extents = realloc(map->extents, room * sizeof(*extents));
		if (!extents)
			return error_no_memory(err);
		map->extents = extents;
		map->size = room;
	}
	map->extents[map->n++] = (struct tar_extent){offset, size};
	return 0;
}

int tar_map_check(
	struct tar_map *map, uint64_t file_size, uint64_t data_size, struct hull_error *err)
{
	uint64_t end = 0, sum = 0;
	size_t kept = 0;

	for (size_t i = 0; i < map->n; i++) {
		struct tar_extent e = map->extents[i];
		if (e.offset < end || e.offset > file_size || e.size > file_size - e.offset)
			return error_set(err, HULL_ERROR_INVALID,
				"tar: the map of a sparse file is out of order or past its size");
		end = e.offset + e.size;
		sum += e.size;
		if (e.size > 0)
			map->extents[kept++] = e;
	}
	map->n = kept;
	if (sum != data_size)
		return error_set(err, HULL_ERROR_INVALID,
			"tar: the map of a sparse file covers %llu bytes, the archive has %llu",
			(unsigned long long)sum, (unsigned long long)data_size);
	return 0;
}
