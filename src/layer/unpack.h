/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the tree of a layer as a directory in the form that overlayfs takes as a lower layer.
 * Each directory is made and entered by single components that were just created in a private
 * place, so no link of the layer is ever followed.
 */
#pragma once

#include "base/error.h"
#include "layer/tree.h"

/* Makes dirfd/name from a finished tree; file contents come from the tar. Uses the nodes' numbers. */
int unpack_tree(struct tree *tree, int tar_fd, int dirfd, const char *name, struct hull_error *err);
