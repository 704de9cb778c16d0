/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a compiled template over a value. What is made on the way lives in an arena that ends
 * with the execution. A count of steps bounds it: loops within loops over a large document would
 * otherwise run for as long as their author likes.
 */
#include "cli/template_tree.h"

#include "base/str.h"

#include <ctype.h>

/* A variable; an inner block's are above its parent's on the stack. */
struct variable {
	const char *name;
	const struct json_value *value;
};

struct execution {
	const struct cli_template *template;
	const struct json_value *root;
	struct arena arena;
	struct buf *out;
	unsigned int flags;
	size_t steps;
	struct variable *variables;
	size_t n_variables, variables_size;
	struct hull_error *err;
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

#define FAIL(x, position, ...) template_fail((x)->template->text, (position), (x)->err, __VA_ARGS__)

static int evaluate_pipeline(struct execution *x, const struct template_pipeline *pipeline,
	const struct json_value *dot, const struct json_value **ret);

static int push_variable(struct execution *x, const char *name, const struct json_value *value)
{
	if (x->n_variables == x->variables_size) {
		size_t size = x->variables_size ? x->variables_size * 2 : 8;
		struct variable *grown = reallocarray(x->variables, size, sizeof(*grown));

		if (!grown)
			return error_no_memory(x->err);
		x->variables = grown;
		x->variables_size = size;
	}
	x->variables[x->n_variables++] = (struct variable){name, value};
	return 0;
}

static struct variable *find_variable(struct execution *x, const char *name)
{
	for (size_t i = x->n_variables; i > 0; i--)
		if (strcmp(x->variables[i - 1].name, name) == 0)
			return &x->variables[i - 1];
	return NULL;
}

static int step(struct execution *x, size_t position)
{
	if (++x->steps > TEMPLATE_STEPS_MAX)
		return FAIL(x, position, "the template takes too many steps");
	return 0;
}

/* value.field.field...; an absent field is NULL. */
static int walk_fields(struct execution *x, const struct template_operand *operand, char **fields,
	const struct json_value **value)
{
	strv_foreach (field, fields) {
		const struct json_value *from = *value;

		if (from && from->type != JSON_TYPE_OBJECT && from->type != JSON_TYPE_NULL)
			return FAIL(x, operand->position, "can't evaluate field %s in %s", *field,
				template_type_name(from));
		*value = json_value_get(from, *field);
		if (!*value && from && (x->flags & TEMPLATE_STRICT))
			return FAIL(x, operand->position, "can't evaluate field %s", *field);
		if (!*value && from == x->root && (x->flags & TEMPLATE_STRICT_ROOT))
			return FAIL(
				x, operand->position, "map has no entry for key \"%s\"", *field);
	}
	return 0;
}

static int call_function(struct execution *x, const struct template_operand *operand,
	const struct json_value *const *args, size_t count, const struct json_value **ret)
{
	const struct template_function *function = template_function_find(operand->name);
	struct template_call call = {
		.arena = &x->arena, .args = args, .count = count, .flags = x->flags};

	if (count < function->min || count > function->max)
		return FAIL(x, operand->position, "wrong number of arguments for %s: %zu",
			operand->name, count);
	if (function->call(&call) < 0)
		return FAIL(
			x, operand->position, "error calling %s: %s", operand->name, call.problem);
	*ret = call.result;
	return 0;
}

static int evaluate_operand(struct execution *x, const struct template_operand *operand,
	const struct json_value *dot, const struct json_value **ret)
{
	const struct variable *variable;
	int r = step(x, operand->position);

	if (r < 0)
		return r;
	switch (operand->kind) {
	case OPERAND_DOT:
		*ret = dot;
		break;
	case OPERAND_VARIABLE:
		variable = find_variable(x, operand->name);
		if (!variable)
			return FAIL(
				x, operand->position, "undefined variable \"$%s\"", operand->name);
		*ret = variable->value;
		break;
	case OPERAND_LITERAL:
		*ret = &operand->literal;
		return 0;
	case OPERAND_FUNCTION:
		return call_function(x, operand, NULL, 0, ret);
	case OPERAND_PIPELINE:
		r = evaluate_pipeline(x, operand->pipeline, dot, ret);
		break;
	}
	return r < 0 ? r : walk_fields(x, operand, operand->fields, ret);
}

/* `and` and `or` stop at the argument that decides. */
static int evaluate_logic(struct execution *x, const struct template_command *command,
	const struct json_value *dot, const struct json_value **ret)
{
	bool until = str_eq(command->operands->name, "or");

	for (const struct template_operand *o = command->operands->next; o; o = o->next) {
		int r = evaluate_operand(x, o, dot, ret);

		if (r < 0 || template_truth(*ret) == until)
			return r;
	}
	return 0;
}

/* ".Label name", the one method that values have. */
static int call_method(struct execution *x, const struct template_operand *operand,
	const struct json_value *dot, const struct json_value *const *args, size_t count,
	const struct json_value **ret)
{
	size_t last = strv_length(operand->fields);
	struct template_operand receiver = *operand;
	char **fields = NULL;

	if (!last || !str_eq(operand->fields[last - 1], "Label") || count != 1 ||
		!json_value_string(args[0]))
		return FAIL(x, operand->position, "%s takes no arguments",
			last ? operand->fields[last - 1] : "this value");
	for (size_t i = 0; i + 1 < last; i++)
		if (arena_strv_append(&x->arena, &fields, operand->fields[i]) < 0)
			return error_no_memory(x->err);
	if (x->flags & TEMPLATE_HEADER) {
		/* Docker's title for a label: its last part, without punctuation. */
		const char *dot_at = strrchr(args[0]->text, '.');
		char *title = arena_strdup(&x->arena, dot_at ? dot_at + 1 : args[0]->text);

		for (char *p = title; p && *p; p++)
			*p = *p == '-' || *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
		*ret = title ? template_make_string(&x->arena, title, strlen(title)) : NULL;
		return *ret ? 0 : error_no_memory(x->err);
	}
	receiver.fields = fields;
	const struct json_value *object = NULL;
	int r = evaluate_operand(x, &receiver, dot, &object);

	if (r < 0)
		return r;
	*ret = template_label(&x->arena, object, args[0]->text);
	return *ret ? 0 : error_no_memory(x->err);
}

/* One command; `piped` (if has_piped) becomes its last argument. */
static int evaluate_command(struct execution *x, const struct template_command *command,
	const struct json_value *dot, bool has_piped, const struct json_value *piped,
	const struct json_value **ret)
{
	const struct template_operand *head = command->operands;
	const struct json_value *args[TEMPLATE_ARGUMENTS_MAX + 1];
	size_t count = 0;

	if (head->kind == OPERAND_FUNCTION && !has_piped && command->count > 1 &&
		(str_eq(head->name, "and") || str_eq(head->name, "or")))
		return evaluate_logic(x, command, dot, ret);
	for (const struct template_operand *o = head->next; o; o = o->next) {
		args[count] = NULL;
		int r = evaluate_operand(x, o, dot, &args[count++]);

		if (r < 0)
			return r;
	}
	if (has_piped)
		args[count++] = piped;
	if (head->kind == OPERAND_FUNCTION) {
		int r = step(x, head->position);

		return r < 0 ? r : call_function(x, head, args, count, ret);
	}
	if (!count)
		return evaluate_operand(x, head, dot, ret);
	if (head->kind == OPERAND_LITERAL)
		return FAIL(x, head->position, "can't give argument to non-function");
	return call_method(x, head, dot, args, count, ret);
}

/* The value of a pipeline. Variables are the caller's business. */
static int evaluate_pipeline(struct execution *x, const struct template_pipeline *pipeline,
	const struct json_value *dot, const struct json_value **ret)
{
	const struct json_value *value = NULL;
	bool piped = false;

	for (const struct template_command *c = pipeline->commands; c; c = c->next) {
		int r = evaluate_command(x, c, dot, piped, value, &value);

		if (r < 0)
			return r;
		piped = true;
	}
	*ret = value;
	return 0;
}

static int bind_variable(struct execution *x, const struct template_node *node,
	const struct template_pipeline *pipeline, const char *name, const struct json_value *value)
{
	if (!pipeline->assign)
		return push_variable(x, name, value);
	struct variable *variable = find_variable(x, name);

	if (!variable)
		return FAIL(x, node->position, "undefined variable \"$%s\"", name);
	variable->value = value;
	return 0;
}

static int execute_list(struct execution *x, const struct template_node *node,
	const struct json_value *dot, enum flow *flow);

static int execute_action(
	struct execution *x, const struct template_node *node, const struct json_value *dot)
{
	const struct template_pipeline *pipeline = node->pipeline;
	const struct json_value *value;
	int r = evaluate_pipeline(x, pipeline, dot, &value);

	if (r < 0)
		return r;
	if (pipeline->n_variables)
		return bind_variable(x, node, pipeline, pipeline->variables[0], value);
	template_print(x->out, value);
	return 0;
}

static int execute_if(struct execution *x, const struct template_node *node,
	const struct json_value *dot, enum flow *flow)
{
	const struct template_pipeline *pipeline = node->pipeline;
	size_t mark = x->n_variables;
	const struct json_value *value;
	int r = evaluate_pipeline(x, pipeline, dot, &value);

	if (r == 0 && pipeline->n_variables)
		r = bind_variable(x, node, pipeline, pipeline->variables[0], value);
	if (r < 0)
		return r;
	bool truth = template_truth(value);

	if (truth && node->kind == NODE_WITH)
		dot = value;
	r = execute_list(x, truth ? node->body : node->otherwise, dot, flow);
	x->n_variables = mark;
	return r;
}

static int execute_round(struct execution *x, const struct template_node *node,
	const struct json_value *key, const struct json_value *element, enum flow *flow)
{
	const struct template_pipeline *pipeline = node->pipeline;
	size_t n = pipeline->n_variables, mark = x->n_variables;
	int r = step(x, node->position);

	if (r == 0 && n == 2)
		r = bind_variable(x, node, pipeline, pipeline->variables[0], key);
	if (r == 0 && n)
		r = bind_variable(x, node, pipeline, pipeline->variables[n - 1], element);
	if (r == 0)
		r = execute_list(x, node->body, element, flow);
	x->n_variables = mark;
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	const struct json_value *const *p = a, *const *q = b;

	return strcmp((*p)->key, (*q)->key);
}

/* The members of a map in the order of their keys. */
static const struct json_value **sort_members(struct execution *x, const struct json_value *map)
{
	const struct json_value **members = arena_array(&x->arena, map->count, sizeof(*members));

	for (size_t i = 0; members && i < map->count; i++)
		members[i] = &map->items[i];
	if (members)
		qsort(members, map->count, sizeof(*members), compare_keys);
	return members;
}

/* Lists in their order, maps sorted, a number n from 0 to n - 1. */
static int execute_rounds(struct execution *x, const struct template_node *node,
	const struct json_value *over, size_t count, enum flow *flow)
{
	const struct json_value **members = NULL;
	int r = 0;

	if (over->type == JSON_TYPE_OBJECT && !(members = sort_members(x, over)))
		return error_no_memory(x->err);
	for (size_t i = 0; r == 0 && i < count && *flow != FLOW_BREAK; i++) {
		const struct json_value *key =
			members ? template_make_string(
					  &x->arena, members[i]->key, strlen(members[i]->key))
				: template_make_integer(&x->arena, (int64_t)i);
		const struct json_value *element = members			   ? members[i]
						   : over->type == JSON_TYPE_ARRAY ? &over->items[i]
										   : key;

		if (!key)
			return error_no_memory(x->err);
		*flow = FLOW_ON;
		r = execute_round(x, node, key, element, flow);
	}
	*flow = FLOW_ON;
	return r;
}

static int execute_range(struct execution *x, const struct template_node *node,
	const struct json_value *dot, enum flow *flow)
{
	const struct json_value *over;
	size_t count = 0;
	int64_t number;
	int r = evaluate_pipeline(x, node->pipeline, dot, &over);

	if (r < 0)
		return r;
	if (over && (over->type == JSON_TYPE_ARRAY || over->type == JSON_TYPE_OBJECT))
		count = over->count;
	else if (json_value_i64(over, &number))
		count = number > 0 ? (size_t)number : 0;
	else if (over && over->type != JSON_TYPE_NULL)
		return FAIL(
			x, node->position, "range can't iterate over %s", template_type_name(over));
	if (!count)
		return execute_list(x, node->otherwise, dot, flow);
	return execute_rounds(x, node, over, count, flow);
}

static int execute_node(struct execution *x, const struct template_node *node,
	const struct json_value *dot, enum flow *flow)
{
	switch (node->kind) {
	case NODE_TEXT:
		buf_append(x->out, node->text, node->len);
		return 0;
	case NODE_ACTION:
		return execute_action(x, node, dot);
	case NODE_IF:
	case NODE_WITH:
		return execute_if(x, node, dot, flow);
	case NODE_RANGE:
		return execute_range(x, node, dot, flow);
	case NODE_BREAK:
		*flow = FLOW_BREAK;
		return 0;
	case NODE_CONTINUE:
		*flow = FLOW_CONTINUE;
		return 0;
	}
	return 0;
}

static int execute_list(struct execution *x, const struct template_node *node,
	const struct json_value *dot, enum flow *flow)
{
	for (; node && *flow == FLOW_ON; node = node->next) {
		int r = step(x, node->position);

		if (r == 0)
			r = execute_node(x, node, dot, flow);
		if (r == 0 && buf_error(x->out) < 0)
			r = error_errno(x->err, buf_error(x->out), "template: output");
		if (r < 0)
			return r;
	}
	return 0;
}

int template_execute(const struct cli_template *t, const struct json_value *dot, unsigned int flags,
	struct buf *out, struct hull_error *err)
{
	struct execution x = {.template = t, .root = dot, .out = out, .flags = flags, .err = err};
	enum flow flow = FLOW_ON;
	int r = push_variable(&x, "", dot);

	if (r == 0)
		r = execute_list(&x, t->nodes, dot, &flow);
	free(x.variables);
	arena_done(&x.arena);
	return r;
}
