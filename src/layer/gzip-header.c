/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/gzip-header.h"

#define FLAG_CRC      0x02
#define FLAG_EXTRA    0x04
#define FLAG_NAME     0x08
#define FLAG_COMMENT  0x10
#define FLAG_RESERVED 0xe0

#define METHOD_DEFLATE 8
#define FIXED_SKIPPED  6u /* time, extra flags, operating system */

enum step {
	STEP_MAGIC_1,
	STEP_MAGIC_2,
	STEP_METHOD,
	STEP_FLAGS,
	STEP_FIXED,
	STEP_EXTRA_LENGTH_1,
	STEP_EXTRA_LENGTH_2,
	STEP_EXTRA,
	STEP_NAME,
	STEP_COMMENT,
	STEP_CRC_1,
	STEP_CRC_2,
	STEP_DONE,
};

/* Goes to the first step from `step` on that this header has. */
static enum gzip_header_state enter(struct gzip_header *h, unsigned int step)
{
	if (step == STEP_EXTRA_LENGTH_1 && !(h->flags & FLAG_EXTRA))
		step = STEP_NAME;
	if (step == STEP_EXTRA && h->count == 0)
		step = STEP_NAME;
	if (step == STEP_NAME && !(h->flags & FLAG_NAME))
		step = STEP_COMMENT;
	if (step == STEP_COMMENT && !(h->flags & FLAG_COMMENT))
		step = STEP_CRC_1;
	if (step == STEP_CRC_1 && !(h->flags & FLAG_CRC))
		step = STEP_DONE;
	h->step = step;
	return step == STEP_DONE ? GZIP_HEADER_DONE : GZIP_HEADER_MORE;
}

static enum gzip_header_state expect(struct gzip_header *h, uint8_t byte, uint8_t wanted)
{
	return byte == wanted ? enter(h, h->step + 1) : GZIP_HEADER_BAD;
}

enum gzip_header_state gzip_header_take(struct gzip_header *h, uint8_t byte)
{
	switch (h->step) {
	case STEP_MAGIC_1:
		return expect(h, byte, 0x1f);
	case STEP_MAGIC_2:
		return expect(h, byte, 0x8b);
	case STEP_METHOD:
		return expect(h, byte, METHOD_DEFLATE);
	case STEP_FLAGS:
		h->flags = byte;
		h->count = FIXED_SKIPPED;
		return byte & FLAG_RESERVED ? GZIP_HEADER_BAD : enter(h, STEP_FIXED);
	case STEP_FIXED:
		return --h->count ? GZIP_HEADER_MORE : enter(h, STEP_EXTRA_LENGTH_1);
	case STEP_EXTRA_LENGTH_1:
		h->count = byte;
		return enter(h, STEP_EXTRA_LENGTH_2);
	case STEP_EXTRA_LENGTH_2:
		h->count |= (uint32_t)byte << 8;
		return enter(h, STEP_EXTRA);
	case STEP_EXTRA:
		return --h->count ? GZIP_HEADER_MORE : enter(h, STEP_NAME);
	case STEP_NAME:
	case STEP_COMMENT:
		return byte ? GZIP_HEADER_MORE : enter(h, h->step + 1);
	default:
		return enter(h, h->step + 1);
	}
}
