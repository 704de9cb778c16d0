/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which extended attributes of a tar get into a layer. overlayfs reads its own from trusted.overlay
 * and user.overlay: from an outsider they could redirect a name to another lower file, so they are
 * dropped. security.selinux and the integrity labels are the policy of a host, not of an image.
 */
#include "base/str.h"
#include "layer/tree-internal.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#define ACL_VERSION 2u

enum { KEEP, DROP, KEEP_FILE_OR_DIR, KEEP_ACL, KEEP_DEFAULT_ACL };

static const struct {
	const char *prefix;
	int verdict;
} rules[] = {
	{"trusted.overlay.", DROP},
	{"user.overlay.", DROP},
	{"security.selinux", DROP},
	{"security.ima", DROP},
	{"security.evm", DROP},
	{"security.", KEEP},
	{"trusted.", KEEP},
	{"user.", KEEP_FILE_OR_DIR}, /* the kernel has them on nothing else */
	{"system.posix_acl_access", KEEP_ACL},
	{"system.posix_acl_default", KEEP_DEFAULT_ACL},
};

static int verdict_on(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const char *rest = str_after(name, rules[i].prefix);
		bool whole = !str_ends_with(rules[i].prefix, ".");
		if (rest && whole == !*rest)
			return rules[i].verdict;
	}
	return DROP;
}

struct acl_entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

/* Tags in the order they must stand in; the shift is where the entry's bits are in a mode. */
static const struct acl_tag {
	uint16_t tag;
	bool many;
	int shift; /* -1: not in the mode */
} acl_tags[] = {
	{0x01, false, 6}, /* owner */
	{0x02, true, -1}, /* named user */
	{0x04, false, 3}, /* owning group */
	{0x08, true, -1}, /* named group */
	{0x10, false, 3}, /* mask, which the mode shows instead of the owning group */
	{0x20, false, 0}, /* others */
};

#define ACL_MASK 0x10

/*
 * Reads a list in the form of getxattr(2), a version and entries, as strictly as the kernel's
 * setxattr(2). Sets the permission bits of *mode; minimal tells that nothing but these is in it.
 */
static int acl_read(const void *value, size_t size, uint32_t *mode, bool *ret_minimal)
{
	const unsigned char *p = value;
	unsigned int seen = 0, at = 0;
	uint32_t version, bits = *mode & ~0777u;

	if (size < 4 || (size - 4) % sizeof(struct acl_entry) != 0)
		return -EINVAL;
	memcpy(&version, p, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return -EINVAL;
	for (size_t i = 4; i < size; i += sizeof(struct acl_entry)) {
		struct acl_entry e;
		memcpy(&e, p + i, sizeof(e));
		while (at < ARRAY_SIZE(acl_tags) && acl_tags[at].tag != le16toh(e.tag))
			at++;
		if (at == ARRAY_SIZE(acl_tags) || le16toh(e.permissions) > 7)
			return -EINVAL;
		seen |= acl_tags[at].tag;
		if (acl_tags[at].tag == ACL_MASK)
			bits &= ~070u;
		if (acl_tags[at].shift >= 0)
			bits |= (uint32_t)le16toh(e.permissions) << acl_tags[at].shift;
		at += !acl_tags[at].many;
	}
	/* Owner, group and others must be there, and a mask where somebody is named. */
	if ((seen & 0x25) != 0x25 || (seen & 0x0a && !(seen & ACL_MASK)))
		return -EINVAL;
	*mode = bits;
	*ret_minimal = !(seen & ~0x25u);
	return 0;
}

/*
 * An access list and the mode say the same twice. The list wins, as if setxattr(2) had been called
 * after chmod(2), and one that says no more than the mode is not kept.
 */
static int merge_acl(const struct tar_member *m, const struct tar_xattr *x, struct tree_node *node,
	bool *ret_keep, struct hull_error *err)
{
	bool minimal;
	uint32_t mode = node->mode;
	char shown[256];

	if (acl_read(x->value, x->size, &mode, &minimal) < 0)
		return error_set(err, HULL_ERROR_INVALID,
			"layer: %s: malformed access control list", tree_show_name(m->name, shown));
	if (!str_ends_with(x->name, "default")) {
		node->mode = mode;
		*ret_keep = !minimal;
	}
	return 0;
}

static int wanted(const struct tar_member *m, const struct tar_xattr *x, struct tree_node *node,
	bool *ret, struct hull_error *err)
{
	int verdict = verdict_on(x->name);

	*ret = verdict == KEEP ||
	       (verdict == KEEP_FILE_OR_DIR && (m->type == TAR_FILE || m->type == TAR_DIRECTORY)) ||
	       (verdict == KEEP_ACL && m->type != TAR_SYMLINK) ||
	       (verdict == KEEP_DEFAULT_ACL && m->type == TAR_DIRECTORY);
	if (*ret && (verdict == KEEP_ACL || verdict == KEEP_DEFAULT_ACL))
		return merge_acl(m, x, node, ret, err);
	return 0;
}

int tree_copy_xattrs(struct tree *tree, const struct tar_member *m, struct tree_node *node,
	struct hull_error *err)
{
	struct tree_xattr *copies = NULL;
	uint32_t n = 0;

	for (size_t i = 0; i < m->n_xattrs; i++) {
		const struct tar_xattr *x = &m->xattrs[i];
		bool keep;
		int r = wanted(m, x, node, &keep, err);
		if (r < 0)
			return r;
		if (!keep)
			continue;
		if (!copies)
			copies = tree_alloc(tree, (m->n_xattrs - i) * sizeof(*copies), err);
		size_t length = strlen(x->name) + 1;
		char *text = copies ? tree_alloc(tree, length + x->size, err) : NULL;
		if (!text)
			return -ENOMEM;
		memcpy(text, x->name, length);
		if (x->size)
			memcpy(text + length, x->value, x->size);
		copies[n++] = (struct tree_xattr){text, text + length, x->size};
	}
	node->xattrs = copies;
	node->n_xattrs = n;
	return 0;
}
