/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates from text to tree, by recursive descent right over the characters: the language has
 * so few tokens that a separate scanner would be longer than what it saves. Spaces separate the
 * words of a command, as in Go: ".a.b" is one operand, ".a .b" are two.
 */
#include "cli/template_tree.h"

#include "base/str.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>

struct parser {
	struct arena *arena;
	const char *text;
	size_t p, len;
	unsigned int nesting;
	unsigned int loops; /* open {{range}} blocks */
	bool trim;	    /* the action just read ended with -}} */
	struct hull_error *err;
};

int template_fail(
	const char *text, size_t position, struct hull_error *err, const char *format, ...)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	size_t line = 1, column = 1;
	va_list ap;

	for (size_t i = 0; i < position && text[i]; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	va_start(ap, format);
	buf_vprintf(&message, format, ap);
	va_end(ap);
	return error_set(
		err, HULL_ERROR_INVALID, "template: %zu:%zu: %s", line, column, buf_str(&message));
}

#define FAIL(parser, ...) template_fail((parser)->text, (parser)->p, (parser)->err, __VA_ARGS__)

static bool at(const struct parser *s, const char *word)
{
	return strncmp(s->text + s->p, word, strlen(word)) == 0;
}

static void skip_space(struct parser *s)
{
	while (s->text[s->p] && isspace((unsigned char)s->text[s->p]))
		s->p++;
}

/* The end of an action, with or without the mark that trims the text after it. */
static bool at_end(const struct parser *s)
{
	return at(s, "}}") || at(s, "-}}");
}

static int end_action(struct parser *s)
{
	skip_space(s);
	s->trim = at(s, "-}}") && s->p > 0 && isspace((unsigned char)s->text[s->p - 1]);
	if (s->trim)
		s->p++;
	if (!s->text[s->p])
		return FAIL(s, "unclosed action");
	if (!at(s, "}}"))
		return FAIL(s, "unexpected \"%c\" in action", s->text[s->p]);
	s->p += 2;
	return 0;
}

static bool is_name_char(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '_' || (c & 0x80) ||
	       (!first && isdigit((unsigned char)c));
}

/* A name at the current place, NULL if there is none (or memory is out). */
static char *read_name(struct parser *s)
{
	size_t start = s->p;

	while (is_name_char(s->text[s->p], s->p == start))
		s->p++;
	return s->p == start ? NULL : arena_strndup(s->arena, s->text + start, s->p - start);
}

static int nest(struct parser *s)
{
	if (++s->nesting > TEMPLATE_NESTING_MAX)
		return FAIL(s, "nested too deeply");
	return 0;
}

/* ".a.b.c" right after an operand. */
static int read_fields(struct parser *s, struct template_operand *operand)
{
	while (s->text[s->p] == '.' && is_name_char(s->text[s->p + 1], true)) {
		s->p++;
		char *name = read_name(s);

		if (!name || arena_strv_append(s->arena, &operand->fields, name) < 0)
			return error_no_memory(s->err);
	}
	return 0;
}

static int set_literal(struct parser *s, struct template_operand *operand,
	enum json_value_type type, const char *text, size_t n)
{
	operand->kind = OPERAND_LITERAL;
	operand->literal.type = type;
	operand->literal.len = n;
	operand->literal.text = arena_strndup(s->arena, text, n);
	return operand->literal.text ? 0 : error_no_memory(s->err);
}

void template_put_code_point(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* \xNN, \uNNNN, \UNNNNNNNN: exactly that many hex digits. */
static int read_hex(struct parser *s, int digits, bool is_byte, struct buf *out)
{
	unsigned long c = 0;

	for (int i = 0; i < digits; i++, s->p++) {
		char digit = s->text[s->p];

		if (!isxdigit((unsigned char)digit))
			return FAIL(s, "malformed escape");
		c = c << 4 |
		    (unsigned long)(isdigit((unsigned char)digit) ? digit - '0'
								  : tolower(digit) - 'a' + 10);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return FAIL(s, "malformed escape");
	if (is_byte)
		buf_putc(out, (char)c);
	else
		template_put_code_point(out, c);
	return 0;
}

static int read_escape(struct parser *s, struct buf *out)
{
	static const char names[] = "abfnrtv\\'\"", values[] = "\a\b\f\n\r\t\v\\'\"";
	char c = s->text[s->p];
	const char *name = c ? strchr(names, c) : NULL;

	if (!c)
		return FAIL(s, "unterminated quoted string");
	s->p++;
	if (name) {
		buf_putc(out, values[name - names]);
		return 0;
	}
	switch (c) {
	case 'x':
		return read_hex(s, 2, true, out);
	case 'u':
		return read_hex(s, 4, false, out);
	case 'U':
		return read_hex(s, 8, false, out);
	default:
		return FAIL(s, "unknown escape \"\\%c\"", c);
	}
}

/* "text" with escapes, or a character in single quotes, which is a number. */
static int read_quoted(struct parser *s, struct template_operand *operand)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(TEMPLATE_TEXT_MAX);
	char quote = s->text[s->p++];

	while (s->text[s->p] != quote) {
		char c = s->text[s->p];

		if (!c || c == '\n')
			return FAIL(s, "unterminated quoted string");
		s->p++;
		if (c != '\\') {
			buf_putc(&text, c);
			continue;
		}
		int r = read_escape(s, &text);
		if (r < 0)
			return r;
	}
	s->p++;
	if (buf_error(&text) < 0)
		return error_no_memory(s->err);
	if (quote == '"')
		return set_literal(s, operand, JSON_TYPE_STRING, buf_str(&text), text.len);
	if (text.len != 1)
		return FAIL(s, "malformed character constant");
	const char *number = arena_printf(s->arena, "%d", (unsigned char)text.data[0]);

	return number ? set_literal(s, operand, JSON_TYPE_NUMBER, number, strlen(number))
		      : error_no_memory(s->err);
}

static int read_raw(struct parser *s, struct template_operand *operand)
{
	const char *start = s->text + s->p + 1, *end = strchr(start, '`');

	if (!end)
		return FAIL(s, "unterminated raw quoted string");
	s->p = (size_t)(end - s->text) + 1;
	return set_literal(s, operand, JSON_TYPE_STRING, start, (size_t)(end - start));
}

static int read_number(struct parser *s, struct template_operand *operand)
{
	const char *start = s->text + s->p;
	char *end;
	char *number;

	errno = 0;
	long long whole = strtoll(start, &end, 0);

	if (*end == '.' || *end == 'e' || *end == 'E') {
		_cleanup_buf_ struct buf text = BUF_INIT;

		template_print_real(&text, strtod(start, &end));
		number = arena_strdup(s->arena, buf_str(&text));
	} else {
		number = arena_printf(s->arena, "%lld", whole);
	}
	if (errno == ERANGE || end == start || is_name_char(*end, false))
		return FAIL(s, "bad number");
	s->p += (size_t)(end - start);
	return number ? set_literal(s, operand, JSON_TYPE_NUMBER, number, strlen(number))
		      : error_no_memory(s->err);
}

static int parse_pipeline(struct parser *s, char closing, struct template_pipeline **ret);

static int read_parenthesis(struct parser *s, struct template_operand *operand)
{
	int r = nest(s);

	if (r < 0)
		return r;
	s->p++;
	operand->kind = OPERAND_PIPELINE;
	r = parse_pipeline(s, ')', &operand->pipeline);
	if (r < 0)
		return r;
	skip_space(s);
	if (s->text[s->p] != ')')
		return FAIL(s, "unclosed left paren");
	s->p++;
	s->nesting--;
	return read_fields(s, operand);
}

static int read_word(struct parser *s, struct template_operand *operand)
{
	const char *name = read_name(s);

	if (!name)
		return error_no_memory(s->err);
	operand->name = name;
	operand->kind = OPERAND_LITERAL;
	if (str_eq(name, "true") || str_eq(name, "false")) {
		operand->literal.type = JSON_TYPE_BOOL;
		operand->literal.boolean = name[0] == 't';
		return 0;
	}
	if (str_eq(name, "nil"))
		return 0;
	operand->kind = OPERAND_FUNCTION;
	if (!template_function_find(name))
		return FAIL(s, "function \"%s\" not defined", name);
	return 0;
}

static int parse_operand(struct parser *s, struct template_operand **ret)
{
	struct template_operand *operand = arena_new(s->arena, struct template_operand);
	char c = s->text[s->p], next = c ? s->text[s->p + 1] : '\0';

	if (!operand)
		return error_no_memory(s->err);
	operand->position = s->p;
	*ret = operand;
	if (c == '.' && !isdigit((unsigned char)next)) {
		operand->kind = OPERAND_DOT;
		if (!is_name_char(next, true))
			s->p++;
		return read_fields(s, operand);
	}
	if (c == '$') {
		s->p++;
		const char *name = read_name(s);

		operand->kind = OPERAND_VARIABLE;
		operand->name = name ? name : "";
		return read_fields(s, operand);
	}
	if (c == '"' || c == '\'')
		return read_quoted(s, operand);
	if (c == '`')
		return read_raw(s, operand);
	if (c == '(')
		return read_parenthesis(s, operand);
	if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && isdigit((unsigned char)next)))
		return read_number(s, operand);
	if (is_name_char(c, true))
		return read_word(s, operand);
	if (!c)
		return FAIL(s, "unclosed action");
	return FAIL(s, "unexpected \"%c\"", c);
}

/* True where a command ends: at "|", at the closing parenthesis, at the end of the action. */
static bool at_command_end(struct parser *s, char closing)
{
	return s->text[s->p] == '|' || (closing && s->text[s->p] == closing) || at_end(s) ||
	       !s->text[s->p];
}

static int parse_command(struct parser *s, char closing, struct template_command **ret)
{
	struct template_command *command = arena_new(s->arena, struct template_command);

	if (!command)
		return error_no_memory(s->err);
	struct template_operand **tail = &command->operands;

	*ret = command;
	for (skip_space(s); !at_command_end(s, closing);) {
		int r = parse_operand(s, tail);

		if (r < 0)
			return r;
		if (++command->count > TEMPLATE_ARGUMENTS_MAX)
			return FAIL(s, "too many arguments");
		tail = &(*tail)->next;

		size_t before = s->p;
		skip_space(s);
		if (before == s->p && !at_command_end(s, closing))
			return FAIL(s, "unexpected \"%c\" after an operand", s->text[s->p]);
	}
	if (!command->count)
		return FAIL(s, "missing value for command");
	return 0;
}

/* "$x :=", "$k, $v :=" or "$x ="; leaves the place unchanged if that is not what comes. */
static int parse_declaration(struct parser *s, struct template_pipeline *pipeline)
{
	size_t start = s->p;

	while (s->text[s->p] == '$' && pipeline->n_variables < 2) {
		s->p++;
		const char *name = read_name(s);

		skip_space(s);
		if (!name)
			break;
		pipeline->variables[pipeline->n_variables++] = name;
		if (at(s, ":=") || (s->text[s->p] == '=')) {
			pipeline->assign = s->text[s->p] == '=';
			s->p += pipeline->assign ? 1 : 2;
			return 0;
		}
		if (s->text[s->p] != ',')
			break;
		s->p++;
		skip_space(s);
	}
	s->p = start;
	pipeline->n_variables = 0;
	return 0;
}

static int parse_pipeline(struct parser *s, char closing, struct template_pipeline **ret)
{
	struct template_pipeline *pipeline = arena_new(s->arena, struct template_pipeline);

	if (!pipeline)
		return error_no_memory(s->err);
	*ret = pipeline;
	skip_space(s);
	int r = closing ? 0 : parse_declaration(s, pipeline);
	struct template_command **tail = &pipeline->commands;

	while (r == 0) {
		r = parse_command(s, closing, tail);
		if (r < 0 || s->text[s->p] != '|')
			break;
		s->p++;
		tail = &(*tail)->next;
	}
	return r;
}

/* How a list of nodes ended. */
enum ending { ENDING_TEXT, ENDING_END, ENDING_ELSE };

static int parse_list(struct parser *s, struct template_node **tail, enum ending *ret_ending);

/* The word that opens an action: consumed if it stands alone. */
static bool take_keyword(struct parser *s, const char *word)
{
	size_t n = strlen(word);

	if (!at(s, word) || is_name_char(s->text[s->p + n], false))
		return false;
	s->p += n;
	return true;
}

/* if, with and range: pipeline, body, and what follows {{else}}. */
static int parse_block(struct parser *s, struct template_node *node)
{
	bool range = node->kind == NODE_RANGE;
	enum ending ending;
	int r = nest(s);

	if (r == 0)
		r = parse_pipeline(s, '\0', &node->pipeline);
	if (r == 0 && node->pipeline->n_variables == 2 && !range)
		r = FAIL(s, "too many declarations");
	if (r == 0)
		r = end_action(s);
	if (r < 0)
		return r;
	s->loops += range;
	r = parse_list(s, &node->body, &ending);
	s->loops -= range;
	if (r < 0)
		return r;
	if (ending == ENDING_ELSE) {
		struct template_node *chained;

		skip_space(s);
		bool else_if = !range && take_keyword(s, node->kind == NODE_IF ? "if" : "with");

		if (else_if) {
			/* {{else if}} shares the {{end}} of the block that it continues. */
			chained = arena_new(s->arena, struct template_node);
			if (!chained)
				return error_no_memory(s->err);
			chained->kind = node->kind;
			chained->position = s->p;
			node->otherwise = chained;
			r = parse_block(s, chained);
			s->nesting--;
			return r;
		}
		r = end_action(s);
		if (r == 0)
			r = parse_list(s, &node->otherwise, &ending);
		if (r == 0 && ending == ENDING_ELSE)
			r = FAIL(s, "unexpected {{else}}");
	}
	if (r == 0 && ending == ENDING_TEXT)
		r = FAIL(s, "unexpected end of the template: missing {{end}}");
	if (r == 0)
		r = end_action(s);
	s->nesting--;
	return r;
}

static int parse_loop_control(struct parser *s, struct template_node *node)
{
	if (!s->loops)
		return FAIL(s, "{{%s}} outside {{range}}",
			node->kind == NODE_BREAK ? "break" : "continue");
	return end_action(s);
}

/* One action after its "{{". *ret_ending is set for {{end}} and {{else}}. */
static int parse_action(struct parser *s, struct template_node *node, enum ending *ret_ending)
{
	static const struct {
		const char *word;
		enum template_node_kind kind;
	} blocks[] = {{"if", NODE_IF}, {"with", NODE_WITH}, {"range", NODE_RANGE}};
	static const char *const absent[] = {"define", "template", "block"};

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!take_keyword(s, blocks[i].word))
			continue;
		node->kind = blocks[i].kind;
		return parse_block(s, node);
	}
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (take_keyword(s, absent[i]))
			return FAIL(s, "{{%s}} is not supported", absent[i]);
	if (take_keyword(s, "end")) {
		*ret_ending = ENDING_END;
		return 0;
	}
	if (take_keyword(s, "else")) {
		*ret_ending = ENDING_ELSE;
		return 0;
	}
	if (take_keyword(s, "break")) {
		node->kind = NODE_BREAK;
		return parse_loop_control(s, node);
	}
	if (take_keyword(s, "continue")) {
		node->kind = NODE_CONTINUE;
		return parse_loop_control(s, node);
	}
	node->kind = NODE_ACTION;
	int r = parse_pipeline(s, '\0', &node->pipeline);
	return r < 0 ? r : end_action(s);
}

/* Comments yield nothing, but their trim marks count. */
static int skip_comment(struct parser *s)
{
	const char *end = strstr(s->text + s->p + 2, "*/");

	if (!end)
		return FAIL(s, "unclosed comment");
	s->p = (size_t)(end - s->text) + 2;
	return end_action(s);
}

/* Text up to the next "{{", cut where trim marks say so. Returns NULL for none. */
static struct template_node *take_text(struct parser *s, const char *stop, bool trim_end)
{
	const char *start = s->text + s->p;

	if (s->trim)
		while (start < stop && isspace((unsigned char)*start))
			start++;
	if (trim_end)
		while (stop > start && isspace((unsigned char)stop[-1]))
			stop--;
	if (start == stop)
		return NULL;
	struct template_node *node = arena_new(s->arena, struct template_node);

	if (node) {
		node->kind = NODE_TEXT;
		node->text = start;
		node->len = (size_t)(stop - start);
	}
	return node;
}

static int parse_list(struct parser *s, struct template_node **tail, enum ending *ret_ending)
{
	*ret_ending = ENDING_TEXT;
	for (;;) {
		const char *open = strstr(s->text + s->p, "{{");
		const char *stop = open ? open : s->text + s->len;
		bool trim_end = open && open[2] == '-' && isspace((unsigned char)open[3]);

		*tail = take_text(s, stop, trim_end);
		if (*tail)
			tail = &(*tail)->next;
		s->p = (size_t)(stop - s->text);
		s->trim = false;
		if (!open)
			return 0;
		s->p += trim_end ? 3 : 2;
		skip_space(s);
		if (at(s, "/*")) {
			int r = skip_comment(s);

			if (r < 0)
				return r;
			continue;
		}
		struct template_node *node = arena_new(s->arena, struct template_node);

		if (!node)
			return error_no_memory(s->err);
		node->position = s->p;
		int r = parse_action(s, node, ret_ending);
		if (r < 0 || *ret_ending != ENDING_TEXT)
			return r;
		*tail = node;
		tail = &node->next;
	}
}

int template_parse(struct cli_template **ret, const char *text, struct hull_error *err)
{
	_cleanup_template_ struct cli_template *t = calloc(1, sizeof(*t));
	enum ending ending;

	if (!t)
		return error_no_memory(err);
	if (strlen(text) > TEMPLATE_TEXT_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "template: longer than %d bytes", TEMPLATE_TEXT_MAX);
	t->text = arena_strdup(&t->arena, text);
	if (!t->text)
		return error_no_memory(err);
	struct parser s = {.arena = &t->arena, .text = t->text, .len = strlen(text), .err = err};
	int r = parse_list(&s, &t->nodes, &ending);

	if (r < 0)
		return r;
	if (ending != ENDING_TEXT)
		return FAIL(&s, "unexpected {{%s}}", ending == ENDING_END ? "end" : "else");
	*ret = TAKE_PTR(t);
	return 0;
}

void template_free(struct cli_template *t)
{
	if (!t)
		return;
	arena_done(&t->arena);
	free(t);
}
