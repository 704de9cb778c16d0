/* SPDX-License-Identifier: Apache-2.0 */
/* Within src/cli only: what a template is compiled into. All of it lives in the template's arena. */
#pragma once

#include "base/arena.h"
#include "cli/template.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	TEMPLATE_TEXT_MAX = 64 * 1024,
	TEMPLATE_NESTING_MAX = 64, /* blocks and parentheses */
	TEMPLATE_ARGUMENTS_MAX = 64,
	TEMPLATE_STEPS_MAX = 1 << 22,
};

enum template_operand_kind {
	OPERAND_DOT,	  /* . or .Field.Sub */
	OPERAND_VARIABLE, /* $x or $x.Field */
	OPERAND_LITERAL,
	OPERAND_FUNCTION,
	OPERAND_PIPELINE, /* (pipeline) or (pipeline).Field */
};

struct template_operand {
	enum template_operand_kind kind;
	size_t position;	   /* in the text, for errors */
	const char *name;	   /* of a variable (without $) or function */
	char **fields;		   /* NULL-terminated; NULL = none */
	struct json_value literal; /* OPERAND_LITERAL */
	struct template_pipeline *pipeline;
	struct template_operand *next;
};

struct template_command {
	struct template_operand *operands;
	size_t count;
	struct template_command *next;
};

struct template_pipeline {
	const char *variables[2]; /* declared or assigned, without $ */
	size_t n_variables;
	bool assign; /* "=" instead of ":=" */
	struct template_command *commands;
};

enum template_node_kind {
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_WITH,
	NODE_RANGE,
	NODE_BREAK,
	NODE_CONTINUE
};

struct template_node {
	enum template_node_kind kind;
	size_t position;
	const char *text; /* NODE_TEXT */
	size_t len;
	struct template_pipeline *pipeline;
	struct template_node *body, *otherwise;
	struct template_node *next;
};

struct cli_template {
	struct arena arena;
	const char *text;
	struct template_node *nodes;
};

/* "template: LINE:COLUMN: MESSAGE" for a place in the text. */
int template_fail(const char *text, size_t position, struct hull_error *err, const char *format,
	...) __attribute__((format(printf, 4, 5)));

/*
 * Functions. A call gets its evaluated arguments and makes its result in the arena. `and` and `or`
 * are here too, though execution evaluates their arguments only as far as needed.
 */
struct template_call {
	struct arena *arena;
	const struct json_value *const *args;
	size_t count;
	unsigned int flags; /* TEMPLATE_* */
	const struct json_value *result;
	const char *problem; /* why it failed, in the arena or static */
};

struct template_function {
	const char *name;
	size_t min, max; /* arguments */
	int (*call)(struct template_call *call);
};

const struct template_function *template_function_find(const char *name);

/* Go's idea of an empty value is false. NULL is the absent value. */
bool template_truth(const struct json_value *value);

/* A value as {{print}} shows it. */
void template_print(struct buf *out, const struct json_value *value);

/* A number as Go prints a float64: the fewest digits that mean it. */
void template_print_real(struct buf *out, double number);

/* One character as UTF-8. */
void template_put_code_point(struct buf *out, unsigned long c);

/* Appends as Go's fmt.Sprintf does. */
void template_printf(
	struct buf *out, const char *format, const struct json_value *const *args, size_t count);

/* Makers of values in an arena; NULL if memory is out. */
const struct json_value *template_make_string(struct arena *arena, const char *text, size_t n);
const struct json_value *template_make_integer(struct arena *arena, int64_t number);
const struct json_value *template_make_bool(bool value);

/* "a string", "a list" ... */
const char *template_type_name(const struct json_value *value);

/* The label of that name in `Labels`, "" if there is none. */
const struct json_value *template_label(
	struct arena *arena, const struct json_value *object, const char *name);
