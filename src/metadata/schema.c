/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata/schema.h"

#include "base/cleanup.h"

/*
 * Times are nanoseconds since 1970. Digests are "sha256:hex" texts. Documents that are only ever
 * read whole (a container's configuration) are JSON texts; what is searched or changed alone has a
 * column of its own.
 */
static const char initial[] =
	/* An image is its config: id is the config's digest, Docker's IMAGE ID. */
	"CREATE TABLE image ("
	"  id TEXT PRIMARY KEY,"
	"  manifest_digest TEXT NOT NULL,"
	"  manifest_type TEXT NOT NULL,"
	"  config_type TEXT NOT NULL,"
	"  size INTEGER NOT NULL," /* uncompressed layers and config, bytes */
	"  os TEXT NOT NULL,"
	"  architecture TEXT NOT NULL,"
	"  variant TEXT,"
	"  created INTEGER,"
	"  added INTEGER NOT NULL,"
	"  parent TEXT" /* the image it was made from here */
	") WITHOUT ROWID;"

	"CREATE TABLE image_layer ("
	"  image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"
	"  position INTEGER NOT NULL," /* 0 = lowest */
	"  diff_id TEXT NOT NULL,"
	"  blob_digest TEXT," /* NULL also if a manifest names one that was never looked at */
	"  blob_size INTEGER,"
	"  media_type TEXT,"
	"  content_size INTEGER NOT NULL," /* bytes of its files */
	"  PRIMARY KEY (image_id, position)"
	") WITHOUT ROWID;"
	"CREATE INDEX image_layer_diff_id ON image_layer(diff_id);"
	"CREATE INDEX image_layer_blob ON image_layer(blob_digest);"

	/* Full names: docker.io/library/busybox:latest, or docker.io/library/busybox@sha256:... */
	"CREATE TABLE image_name ("
	"  name TEXT PRIMARY KEY,"
	"  image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"
	"  added INTEGER NOT NULL"
	") WITHOUT ROWID;"
	"CREATE INDEX image_name_image ON image_name(image_id);"

	"CREATE TABLE container ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  image_id TEXT NOT NULL,"
	"  image_name TEXT NOT NULL," /* as the user typed it */
	"  config TEXT NOT NULL,"     /* JSON, fixed at creation */
	"  created INTEGER NOT NULL,"
	"  state TEXT NOT NULL," /* created, running, paused, restarting, removing, exited, dead */
	"  pid INTEGER NOT NULL DEFAULT 0,"
	"  started INTEGER NOT NULL DEFAULT 0,"
	"  finished INTEGER NOT NULL DEFAULT 0,"
	"  exit_code INTEGER NOT NULL DEFAULT 0,"
	"  oom_killed INTEGER NOT NULL DEFAULT 0,"
	"  error TEXT NOT NULL DEFAULT '',"
	"  run INTEGER NOT NULL DEFAULT 0" /* counts starts; a stale record of an older run is ignored */
	") WITHOUT ROWID;"
	/* Found by id, name and in whole: more indexes would be more pages to write at every start. */

	/* The layers below a container, whatever becomes of its image's row. */
	"CREATE TABLE container_layer ("
	"  container_id TEXT NOT NULL REFERENCES container(id) ON DELETE CASCADE,"
	"  position INTEGER NOT NULL," /* 0 = lowest */
	"  diff_id TEXT NOT NULL,"
	"  PRIMARY KEY (container_id, position)"
	") WITHOUT ROWID;"
	"CREATE INDEX container_layer_diff_id ON container_layer(diff_id);";

static const char networks[] =
	/* "bridge", "host" and "none" have rows only once they are used. */
	"CREATE TABLE network ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  config TEXT NOT NULL," /* JSON, as it was asked for */
	"  created INTEGER NOT NULL,"
	"  link TEXT NOT NULL" /* the bridge on the host, or the parent; "" = none */
	") WITHOUT ROWID;"

	/* One row for each address family of a network. */
	"CREATE TABLE network_pool ("
	"  network_id TEXT NOT NULL REFERENCES network(id) ON DELETE CASCADE,"
	"  family INTEGER NOT NULL," /* 4 or 6 */
	"  subnet TEXT NOT NULL,"
	"  range TEXT NOT NULL," /* where addresses are given from */
	"  gateway TEXT NOT NULL,"
	"  last BLOB," /* given last: the next one comes after it */
	"  PRIMARY KEY (network_id, family)"
	") WITHOUT ROWID;"

	/* From create to removal; what stands below the lease is there while the container runs. A
	 * network may be removed under the endpoints of stopped containers. */
	"CREATE TABLE network_endpoint ("
	"  container_id TEXT NOT NULL REFERENCES container(id) ON DELETE CASCADE,"
	"  network_id TEXT NOT NULL,"
	"  network_name TEXT NOT NULL,"
	"  position INTEGER NOT NULL," /* order of attachment */
	"  config TEXT NOT NULL,"      /* JSON */
	"  id TEXT,"		       /* the lease's; NULL = there is none */
	"  address4 BLOB,"
	"  address6 BLOB,"
	"  mac BLOB,"
	"  host_link TEXT,"
	"  link TEXT,"
	"  gateway INTEGER NOT NULL DEFAULT 0," /* 1: of IPv4, 2: of IPv6; 4: unfinished */
	"  PRIMARY KEY (container_id, network_id)"
	") WITHOUT ROWID;"
	/* An address is given once, whoever asks. */
	"CREATE UNIQUE INDEX network_endpoint_address4 ON network_endpoint(network_id, address4)"
	"  WHERE address4 IS NOT NULL;"
	"CREATE UNIQUE INDEX network_endpoint_address6 ON network_endpoint(network_id, address6)"
	"  WHERE address6 IS NOT NULL;"

	/* Ports that are published now. */
	"CREATE TABLE network_binding ("
	"  container_id TEXT NOT NULL REFERENCES container(id) ON DELETE CASCADE,"
	"  position INTEGER NOT NULL,"
	"  protocol INTEGER NOT NULL,"
	"  host_ip TEXT NOT NULL,"
	"  host_port INTEGER NOT NULL," /* the first of count */
	"  container_port INTEGER NOT NULL,"
	"  count INTEGER NOT NULL,"
	"  PRIMARY KEY (container_id, position)"
	") WITHOUT ROWID;";

/* In which forms a layer is known and where: what a push asks a registry for. */
static const char layer_blobs[] = "CREATE TABLE layer_blob ("
				  "  diff_id TEXT NOT NULL,"
				  "  digest TEXT NOT NULL,"
				  "  repository TEXT NOT NULL," /* docker.io/library/busybox */
				  "  size INTEGER NOT NULL,"
				  "  media_type TEXT NOT NULL,"
				  "  added INTEGER NOT NULL,"
				  "  PRIMARY KEY (diff_id, digest, repository)"
				  ") WITHOUT ROWID;";

const char *const metadata_migrations[] = {initial, networks, layer_blobs};
const size_t metadata_schema_version = ARRAY_SIZE(metadata_migrations);
