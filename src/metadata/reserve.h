/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the disk for those who make room. */
#pragma once

/*
 * To be called before something is removed from the root, whose directory that is: if the disk is
 * full, one MiB that was kept back is free from then on. If there is plenty, it is kept back (again).
 */
void metadata_make_room(const char *root);
