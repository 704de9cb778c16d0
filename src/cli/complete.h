/* SPDX-License-Identifier: Apache-2.0 */
/* Within src/cli only: the candidates behind the completion scripts (see complete.c). */
#pragma once

#include "cli/option.h"

/* Prints what may stand for the last of the words (without the program's name). */
void cli_print_candidates(struct cli_context *context, int argc, char **argv, FILE *out);
