/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "json/json.h"

/*
 * The features document of the runtime specification, written from the tables that the parsers
 * use, so that it cannot claim what they do not know.
 */
void runtime_features(struct json_writer *w);
