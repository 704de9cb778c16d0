/* SPDX-License-Identifier: Apache-2.0 */
/* What `image inspect` and `image history` show, in Docker's shape. */
#include "image/store.h"

#include "base/clock.h"
#include "base/str.h"

static void write_strings(struct json_writer *w, const char *key, char *const *v, bool null)
{
	json_key(w, key);
	if (!v && null) {
		json_null(w);
		return;
	}
	json_begin_array(w);
	strv_foreach (s, v)
		json_string(w, *s);
	json_end_array(w);
}

/* A map whose values say nothing: {"80/tcp":{}}. */
static void write_keys(struct json_writer *w, const char *key, char *const *v)
{
	json_key(w, key);
	if (!v) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	strv_foreach (s, v) {
		json_key(w, *s);
		json_begin_object(w);
		json_end_object(w);
	}
	json_end_object(w);
}

static void write_labels(struct json_writer *w, const struct oci_image_config *c)
{
	json_key(w, "Labels");
	if (!c->labels) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	for (size_t i = 0; i < c->n_labels; i++) {
		json_key(w, c->labels[i].key);
		json_string(w, c->labels[i].value);
	}
	json_end_object(w);
}

static void write_config(struct json_writer *w, const struct oci_image_config *c)
{
	json_begin_object(w);
	json_member_text(w, "User", c->user);
	if (c->exposed_ports)
		write_keys(w, "ExposedPorts", c->exposed_ports);
	write_strings(w, "Env", c->env, true);
	write_strings(w, "Cmd", c->cmd, true);
	if (c->healthcheck) {
		json_key(w, "Healthcheck");
		json_struct(w, &oci_healthcheck_table, c->healthcheck);
	}
	if (c->args_escaped) {
		json_key(w, "ArgsEscaped");
		json_boolean(w, true);
	}
	write_keys(w, "Volumes", c->volumes);
	json_member_text(w, "WorkingDir", c->working_dir);
	write_strings(w, "Entrypoint", c->entrypoint, true);
	write_strings(w, "OnBuild", c->on_build, true);
	write_labels(w, c);
	if (c->stop_signal)
		json_member_text(w, "StopSignal", c->stop_signal);
	if (c->stop_timeout.set) {
		json_key(w, "StopTimeout");
		json_i64(w, c->stop_timeout.value);
	}
	if (c->shell)
		write_strings(w, "Shell", c->shell, false);
	json_end_object(w);
}

static void write_store(struct json_writer *w, struct image_store *store)
{
	json_key(w, "GraphDriver");
	json_begin_object(w);
	json_key(w, "Data");
	json_null(w);
	json_member_text(w, "Name", layer_store_kind_name(layer_store_get_kind(store->layers)));
	json_end_object(w);
}

int image_inspect_json(struct image_store *store, const struct image *image, struct json_writer *w,
	struct hull_error *err)
{
	char tagged[CLOCK_TEXT_SIZE] = "0001-01-01T00:00:00Z";

	if (image->tagged_ns)
		clock_format_rfc3339(image->tagged_ns, tagged);
	json_begin_object(w);
	json_member_text(w, "Id", image->id_text);
	write_strings(w, "RepoTags", image->repo_tags, false);
	write_strings(w, "RepoDigests", image->repo_digests, false);
	json_member_text(w, "Parent", image->parent);
	json_member_text(w, "Comment", image->config.comment);
	json_member_text(w, "Created", image->config.created);
	json_member_text(w, "DockerVersion", image->config.docker_version);
	json_member_text(w, "Author", image->config.author);
	json_key(w, "Config");
	write_config(w, &image->config.config);
	json_member_text(w, "Architecture", image->config.architecture);
	if (image->config.variant)
		json_member_text(w, "Variant", image->config.variant);
	json_member_text(w, "Os", image->config.os);
	if (image->config.os_version)
		json_member_text(w, "OsVersion", image->config.os_version);
	json_key(w, "Size");
	json_i64(w, image->size);
	write_store(w, store);
	json_key(w, "RootFS");
	json_begin_object(w);
	json_member_text(w, "Type", image->config.rootfs.type);
	write_strings(w, "Layers", image->config.rootfs.diff_ids, false);
	json_end_object(w);
	json_key(w, "Metadata");
	json_begin_object(w);
	json_member_text(w, "LastTagTime", tagged);
	json_end_object(w);
	json_end_object(w);
	return buf_error(w->out) < 0 ? error_no_memory(err) : 0;
}

int image_history(struct image_store *store, const struct image *image,
	struct image_history_row **ret, size_t *ret_count, struct hull_error *err)
{
	size_t n = image->config.n_history, layer = 0;
	struct image_history_row *rows = calloc(n ? n : 1, sizeof(*rows));

	if (!rows)
		return error_no_memory(err);
	/* Entries are oldest first, rows newest first; each entry that is not empty has a layer. */
	for (size_t i = 0; i < n; i++) {
		const struct oci_history *entry = &image->config.history[i];
		struct image_history_row *row = &rows[n - 1 - i];

		row->created_by = entry->created_by ? entry->created_by : "";
		row->comment = entry->comment ? entry->comment : "";
		if (entry->created)
			clock_parse_rfc3339(entry->created, &row->created_ns);
		if (!entry->empty_layer && layer < image->n_layers)
			row->size = image->layers[layer++].content_size;
	}
	if (n)
		snprintf(rows[0].id, sizeof(rows[0].id), "%s", image->id_text);
	*ret = rows;
	*ret_count = n;
	return 0;
}
