/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/name.h"
#include "base/str.h"

#include <sys/random.h>

static const char *const qualities[] = {"able", "amber", "ample", "balmy", "bold", "brave",
	"breezy", "bright", "brisk", "calm", "candid", "clever", "cobalt", "coral", "crisp",
	"daring", "deft", "eager", "early", "fair", "fleet", "fluent", "fond", "frank", "free",
	"fresh", "gentle", "glad", "golden", "hardy", "hearty", "honest", "humble", "jolly", "keen",
	"kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild", "modest", "neat",
	"nimble", "noble", "patient", "placid", "plucky", "polite", "prime", "proud", "quick",
	"quiet", "rapid", "ready", "robust", "salty", "serene", "sharp", "silver", "snug", "sober",
	"solid", "spry", "stable", "steady", "stout", "sunny", "swift", "tidy", "trim", "trusty",
	"upbeat", "vivid", "warm", "wise", "witty", "zesty"};

static const char *const things[] = {"albatross", "anchor", "bark", "barge", "bay", "beacon",
	"berth", "bollard", "boom", "bosun", "bow", "breeze", "brig", "buoy", "cabin", "canal",
	"canoe", "capstan", "cape", "chart", "clipper", "coast", "compass", "cove", "crew",
	"current", "cutter", "deck", "delta", "dinghy", "dock", "dolphin", "ensign", "ferry",
	"fjord", "fleet", "frigate", "galley", "gannet", "gull", "halyard", "harbour", "hatch",
	"helm", "heron", "island", "jetty", "jib", "kayak", "ketch", "knot", "lagoon", "lantern",
	"lighthouse", "lock", "lugger", "mast", "mooring", "narwhal", "oar", "otter", "packet",
	"pelican", "pier", "pilot", "porpoise", "port", "puffin", "quay", "raft", "reef", "rigging",
	"rudder", "sail", "schooner", "seal", "sextant", "shoal", "sloop", "spar", "strait", "tern",
	"tide", "tiller", "trawler", "tug", "wharf", "yawl"};

int name_random_id(char id[CONTAINER_ID_LENGTH + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[CONTAINER_ID_LENGTH / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		id[2 * i] = hex[bytes[i] >> 4];
		id[2 * i + 1] = hex[bytes[i] & 15];
	}
	id[CONTAINER_ID_LENGTH] = '\0';
	return 0;
}

char *name_random(unsigned int attempt)
{
	uint32_t random[2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return NULL;
	const char *quality = qualities[random[0] % ARRAY_SIZE(qualities)];
	const char *thing = things[random[1] % ARRAY_SIZE(things)];
	return attempt ? str_printf("%s_%s%u", quality, thing, attempt)
		       : str_printf("%s_%s", quality, thing);
}
