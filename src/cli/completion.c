/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts. Each hands the words typed so far to `PROGRAM completion --candidates` and
 * shows what comes back in its shell's way; everything that is known about commands is in the
 * tables. "@" in the texts stands for the program's name.
 */
#include "cli/complete.h"
#include "cli/option.h"

static const char bash_script[] =
	"# bash completion for @\n"
	"_@() {\n"
	"	local word candidate value glue='' prefix='' directive=none\n"
	"	local -a words=()\n"
	"	COMPREPLY=()\n"
	"	# bash makes words of their own of \"=\" and \":\": put them together again\n"
	"	for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
	"		if ((${#words[@]})) && [[ $glue || $word =~ ^[=:]+$ ]]; then\n"
	"			words[-1]+=$word\n"
	"		else\n"
	"			words+=(\"$word\")\n"
	"		fi\n"
	"		[[ $word =~ ^[=:]+$ ]] && glue=1 || glue=''\n"
	"	done\n"
	"	value=${words[-1]-}\n"
	"	[[ $value == --*=* ]] && value=${value#*=}\n"
	"	# only what follows the last colon is replaced\n"
	"	[[ $value == *:* ]] && prefix=${value%\"${value##*:}\"}\n"
	"	while IFS=$'\\t' read -r candidate _; do\n"
	"		case $candidate in\n"
	"		:*) directive=${candidate#:} ;;\n"
	"		\"$value\"*) COMPREPLY+=(\"${candidate#\"$prefix\"}\") ;;\n"
	"		esac\n"
	"	done < <(command \"${COMP_WORDS[0]}\" completion --candidates -- \"${words[@]}\" "
	"2>/dev/null)\n"
	"	case $directive in\n"
	"	file | directory)\n"
	"		compopt -o filenames 2>/dev/null\n"
	"		while IFS= read -r candidate; do\n"
	"			COMPREPLY+=(\"${candidate#\"$prefix\"}\")\n"
	"		done < <(compgen -A \"$directive\" -- \"$value\")\n"
	"		;;\n"
	"	esac\n"
	"}\n"
	"complete -F _@ @\n";

static const char zsh_script[] =
	"#compdef @\n"
	"_@() {\n"
	"	local line directive=none tab=$'\\t'\n"
	"	local -a described\n"
	"	for line in \"${(@f)$(command $words[1] completion --candidates -- "
	"\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
	"		case $line in\n"
	"		:*) directive=${line#:} ;;\n"
	"		*$tab*) described+=(\"${${line%%$tab*}//:/\\\\:}:${line#*$tab}\") ;;\n"
	"		?*) described+=(\"${line//:/\\\\:}\") ;;\n"
	"		esac\n"
	"	done\n"
	"	[[ $words[CURRENT] == --*=* ]] && compset -P '--*='\n"
	"	(( $#described )) && _describe -t values value described\n"
	"	case $directive in\n"
	"	file) _files ;;\n"
	"	directory) _files -/ ;;\n"
	"	esac\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _@ ]; then\n"
	"	_@ \"$@\"\n"
	"else\n"
	"	compdef _@ @\n"
	"fi\n";

static const char fish_script[] =
	"# fish completion for @\n"
	"function __@_candidates\n"
	"	set -l words (commandline -opc)\n"
	"	set -l current (commandline -ct)\n"
	"	set -l prefix (string match -r -- '^--[^=]*=' $current)\n"
	"	for line in (command $words[1] completion --candidates -- $words[2..-1] \"$current\" "
	"2>/dev/null)\n"
	"		switch $line\n"
	"			case ':file'\n"
	"				printf '%s\\n' $prefix(__fish_complete_path (string replace -r -- "
	"'^--[^=]*=' '' \"$current\"))\n"
	"			case ':directory'\n"
	"				printf '%s\\n' $prefix(__fish_complete_directories (string replace -r "
	"-- '^--[^=]*=' '' \"$current\"))\n"
	"			case ':*'\n"
	"			case '*'\n"
	"				printf '%s\\n' \"$prefix$line\"\n"
	"		end\n"
	"	end\n"
	"end\n"
	"complete -c @ -f -a '(__@_candidates)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

int cli_print_completion(
	const struct cli_command *root, const char *shell, FILE *out, struct hull_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		const char *script = scripts[i].script;

		if (!str_eq(scripts[i].shell, shell))
			continue;
		for (const char *p = script; *p; p++) {
			/* "$@", "[@]" and "(@)" are the shell's own. */
			bool own = *p == '@' && p > script && strchr("[$(", p[-1]);

			if (*p == '@' && !own)
				fputs(root->name, out);
			else
				fputc(*p, out);
		}
		return 0;
	}
	return error_set(
		err, HULL_ERROR_INVALID, "no completion for \"%s\": bash, zsh or fish", shell);
}

struct completion_options {
	bool candidates;
};

static int run_completion(
	struct cli_context *context, void *options, int argc, char **argv, struct hull_error *err)
{
	const struct completion_options *o = options;

	if (o->candidates) {
		cli_print_candidates(context, argc, argv, stdout);
		return 0;
	}
	return cli_print_completion(context->root, argv[0], stdout, err);
}

static const struct cli_option completion_options[] = {
	{.name = "candidates",
		.kind = CLI_FLAG,
		.offset = offsetof(struct completion_options, candidates),
		.help = "Print what may stand for the last of the words",
		.flags = CLI_HIDDEN},
};

const struct cli_command cli_completion_command = {
	.name = "completion",
	.arguments = "SHELL",
	.summary = "Print a completion script for bash, zsh or fish",
	.description =
		"Put the output where your shell looks for completions, or evaluate it in the\n"
		"shell's start-up file.",
	.argument_values = "bash zsh fish",
	CLI_OPTIONS(completion_options),
	.options_size = sizeof(struct completion_options),
	.min_args = 1,
	.max_args = -1,
	.flags = CLI_STOP_AT_POSITIONAL,
	.run = run_completion,
};
