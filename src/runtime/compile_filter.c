/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the seccomp filter before it is compiled: who is notified, and crun's wishes. */
#include "runtime/op.h"
#include "runtime/filter.h"
#include "base/base64.h"
#include "base/str.h"

#include <linux/seccomp.h>

#ifndef BPF_MAXINSNS
#define BPF_MAXINSNS 4096
#endif

static int find_agent(struct plan *plan, struct hull_error *err)
{
	struct oci_seccomp *profile;
	int r = filter_listener(&plan->arena, plan->seccomp, &profile, err);

	if (r < 0 || !profile)
		return r;
	plan->listener_path = !str_empty(profile->listener_path)
				      ? profile->listener_path
				      : oci_spec_annotation(plan->spec, OCI_ANNOTATION_RECEIVER);
	plan->listener_metadata = profile->listener_metadata;
	if (str_empty(plan->listener_path))
		return error_set(err, HULL_ERROR_INVALID,
			"linux.seccomp.listenerPath: missing for SCMP_ACT_NOTIFY");
	if (plan->listener_path[0] != '/')
		return error_set(err, HULL_ERROR_INVALID,
			"linux.seccomp.listenerPath: must be an absolute path");
	return 0;
}

/* A filter that somebody else has compiled, in the place of the profile's. */
static int take_compiled(struct plan *plan, struct hull_error *err)
{
	const char *text = oci_spec_annotation(plan->spec, OCI_ANNOTATION_BPF_DATA);
	_cleanup_buf_ struct buf code = BUF_INIT_MAX(BPF_MAXINSNS * sizeof(struct sock_filter));

	if (str_empty(text))
		return 0;
	int r = base64_decode(text, &code);
	if (r < 0 || code.len == 0 || code.len % sizeof(struct sock_filter))
		return error_set(err, HULL_ERROR_INVALID,
			"annotations: " OCI_ANNOTATION_BPF_DATA ": not the base64 of a filter");
	plan->filter_code = arena_memdup(&plan->arena, code.data, code.len);
	plan->filter_size = code.len;
	return plan->filter_code ? 0 : error_no_memory(err);
}

int compile_filter(struct plan *plan, struct hull_error *err)
{
	if (!plan->seccomp)
		return 0;
	int r = take_compiled(plan, err);
	if (r == 0 && !plan->filter_code)
		r = find_agent(plan, err);
	if (r < 0)
		return r;
	struct op *op = plan_add(plan, OP_COMPILE_FILTER, false, err);
	if (!op)
		return -ENOMEM;
	op->flags = oci_spec_annotation(plan->spec, OCI_ANNOTATION_FAIL_UNKNOWN_SYSCALL) != NULL;
	return 0;
}

/* The child loads the filter; if it notifies, the caller sees to its agent at the same time. */
int compile_filter_load(struct plan *plan, struct hull_error *err)
{
	struct op *op = plan_add(plan, OP_FILTER, true, err);

	if (!op)
		return -ENOMEM;
	op->flags = plan->listener_path != NULL;
	if (!plan->listener_path)
		return 0;
	int r = compile_receive(plan, false, MESSAGE_LISTENER, err);
	if (r < 0)
		return r;
	op = plan_add(plan, OP_SEND_LISTENER, false, err);
	if (!op)
		return -ENOMEM;
	op->path = plan->listener_path;
	return compile_send(plan, false, MESSAGE_AGENT, err);
}
