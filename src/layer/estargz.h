/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a layer as eStargz (containerd/stargz-snapshotter, docs/estargz.md): a gzip layer that every
 * reader takes as such, in which each file begins a gzip member of its own, and whose last members
 * are a table of contents and a footer that leads to it. Readers that know it fetch single files.
 */
#pragma once

#include "base/error.h"
#include "oci/digest.h"

#define ESTARGZ_ANNOTATION_TOC	"containerd.io/snapshot/stargz/toc.digest"
#define ESTARGZ_ANNOTATION_SIZE "io.containers.estargz.uncompressed-size"

struct estargz_result {
	struct digest toc;  /* of the table of contents */
	uint64_t tar_bytes; /* of the tar in it, which is not the one that was read */
};

/*
 * From the raw tar tar_fd to sink(). No file is preferred: the layer says that nothing need be
 * fetched ahead. HULL_ERROR_UNSUPPORTED for a sparse file, which the table cannot describe. level as
 * of compressor_new().
 */
int estargz_write(int tar_fd, int level,
	int (*sink)(void *arg, const void *data, size_t n, struct hull_error *err), void *arg,
	const volatile int *canceled, struct estargz_result *ret, struct hull_error *err);
