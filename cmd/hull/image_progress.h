/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what image operations report, in Docker's words and places. */
#pragma once

#include "cli/progress.h"
#include "image/image.h"

struct image_display;

/* Lines go to `out`. quiet shows nothing; *ret is NULL then, which all functions accept. */
int image_display_new(struct image_display **ret, FILE *out, bool quiet, struct hull_error *err);

/* Paints the last state. */
void image_display_free(struct image_display *display);

/* What to give to the operation. */
struct image_progress image_display_progress(struct image_display *display);

DEFINE_CLEANUP(struct image_display *, image_display_freep, image_display_free)
#define _cleanup_image_display_ _cleanup_(image_display_freep)
