/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The host that a registry's address on the command line means: "https://host:5000/v1/" is
 * "host:5000", nothing and all names of Docker Hub are "docker.io". Heap, NULL if memory is out.
 */
char *login_host(const char *address);
