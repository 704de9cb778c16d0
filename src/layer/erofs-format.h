/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the EROFS on-disk format that we write (Linux, Documentation/filesystems/erofs.rst),
 * in the order of its bytes; all numbers are little-endian.
 */
#pragma once

#include <stdint.h>

#define EROFS_MAGIC	      0xE0F5E1E2u
#define EROFS_SUPER_OFFSET    1024u
#define EROFS_BLOCK_BITS      9u
#define EROFS_BLOCK	      (1u << EROFS_BLOCK_BITS)
#define EROFS_SLOT	      32u /* inodes stand on multiples of it and are numbered by it */
#define EROFS_COMPAT_MTIME    0x2u
#define EROFS_INCOMPAT_CHUNKS 0x4u
#define EROFS_INCOMPAT_DEVICE 0x8u
#define EROFS_DEVICE_SLOT     128u

struct erofs_super {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t extra_slots;
	uint16_t root_nid;
	uint64_t inodes;
	uint64_t epoch;
	uint32_t epoch_ns;
	uint32_t blocks;
	uint32_t meta_block;
	uint32_t xattr_block;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint16_t compression;
	uint16_t extra_devices;
	uint16_t device_slot; /* in units of EROFS_DEVICE_SLOT */
	uint8_t dir_block_bits;
	uint8_t xattr_prefixes;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t xattr_filter;
	uint8_t reserved[23];
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_super) == 128, "the superblock");

struct erofs_device {
	uint8_t tag[64];
	uint32_t blocks;
	uint32_t unified_start;
	uint8_t reserved[56];
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_device) == EROFS_DEVICE_SLOT, "a device slot");

/* i_format: bit 0 is set in extended inodes, the layout stands above it. */
#define EROFS_EXTENDED	    1u
#define EROFS_LAYOUT_FLAT   (0u << 1)
#define EROFS_LAYOUT_INLINE (2u << 1)
#define EROFS_LAYOUT_CHUNKS (4u << 1)

struct erofs_inode {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t where; /* start block, device number or chunk format */
	uint32_t number;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_ns;
	uint32_t nlink;
	uint8_t reserved2[16];
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_inode) == 64, "an extended inode");

struct erofs_dirent {
	uint64_t nid;
	uint16_t name_offset;
	uint8_t type;
	uint8_t reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_dirent) == 12, "a directory entry");

#define EROFS_CHUNK_INDEXES  0x20u
#define EROFS_CHUNK_BITS_MAX 31u
#define EROFS_HOLE	     UINT32_MAX

struct erofs_chunk {
	uint16_t block_high;
	uint16_t device; /* 0 this file, 1 the tar */
	uint32_t block;
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_chunk) == 8, "a chunk index");

#define EROFS_XATTR_HEADER 12u

struct erofs_xattr_header {
	uint32_t filter;
	uint8_t shared;
	uint8_t reserved[7];
} __attribute__((packed));

struct erofs_xattr_entry {
	uint8_t name_length;
	uint8_t index;
	uint16_t value_size;
} __attribute__((packed));
