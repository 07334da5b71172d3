/* Parses options by a table: see args.h. */
#include "lib/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static const struct arg common[] = {
	{ "--help", NULL, "print this help; so does -h" },
	{ "--version", NULL, "print the version and how the program was built" },
};
#define COMMON (sizeof common / sizeof common[0])

static const struct arg *
arg_at(const struct program *program, size_t at)
{
	return at < program->count ? &program->arg[at] : &common[at - program->count];
}

static void __attribute__((format(printf, 3, 4)))
append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void
append_synopsis(const struct program *program, char *text, size_t size)
{
	append(text, size, "%s%s", program->name, program->command);
	for (size_t at = 0; at < program->count + COMMON; at++) {
		const struct arg *arg = arg_at(program, at);

		append(text, size, " [%s%s%s]", arg->name, arg->value != NULL ? " " : "", arg->value != NULL ? arg->value : "");
	}
	append(text, size, "%s", program->operands);
}

void
args_help(const struct program *program, char text[ARGS_HELP_TEXT])
{
	text[0] = '\0';
	append(text, ARGS_HELP_TEXT, "usage: %s%s [option ...]%s\n\n%s\n\n", program->name, program->command, program->operands,
	    program->purpose);
	for (size_t at = 0; at < program->count + COMMON; at++) {
		const struct arg *arg = arg_at(program, at);

		append(text, ARGS_HELP_TEXT, "  %-*s %-*s %s\n", (int)strlen(arg->name), arg->name, 20 - (int)strlen(arg->name),
		    arg->value != NULL ? arg->value : "", arg->text);
	}
	append(text, ARGS_HELP_TEXT, "%s\nSee %s(8).\n", program->more, program->name);
}

void
args_complain(const struct program *program, const char *what, const char *word, char complaint[ARGS_COMPLAINT])
{
	char quoted[48];

	format_quoted(word != NULL ? word : "", quoted, sizeof quoted);
	snprintf(complaint, ARGS_COMPLAINT, "%s \"%s\": expected ", what, quoted);
	append_synopsis(program, complaint, ARGS_COMPLAINT);
}

int
args_expected(const struct args *args, int at, const char *expected, char complaint[ARGS_COMPLAINT])
{
	char quoted[48];

	format_quoted(args->value, quoted, sizeof quoted);
	snprintf(complaint, ARGS_COMPLAINT, "%s \"%s\": expected %s", args->program->arg[at].name, quoted, expected);
	return ARGS_WRONG;
}

void
args_start(struct args *args, const struct program *program, int argc, char **argv)
{
	char *letter;
	struct option *option;

	*args = (struct args){ .program = program, .argc = argc, .argv = argv, .letters = "+:h" };
	letter = args->letters + strlen(args->letters);
	option = args->longs;
	for (size_t at = 0; at < program->count + COMMON; at++) {
		const struct arg *arg = arg_at(program, at);

		if (arg->name[1] == '-')
			*option++ = (struct option){ arg->name + 2, arg->value != NULL ? required_argument : no_argument, NULL, (int)at };
		else {
			*letter++ = arg->name[1];
			if (arg->value != NULL)
				*letter++ = ':';
		}
	}
	opterr = 0;
	optind = 0;
}

int
args_next(struct args *args, char complaint[ARGS_COMPLAINT])
{
	const struct program *program = args->program;
	const char *word = args->argv[optind == 0 ? 1 : optind];
	int option = getopt_long(args->argc, args->argv, args->letters, args->longs, NULL);

	args->value = optarg != NULL ? optarg : "";
	if (option == -1)
		return ARGS_END;
	if (option == '?' || option == ':') {
		char letter[3] = { '-', (char)optopt, '\0' };

		/* Name the letter: the word may be a group of letters. */
		args_complain(program, option == ':' ? "no value for" : "unknown option",
		    optopt > ' ' && optopt <= '~' ? letter : word, complaint);
		return ARGS_WRONG;
	}
	if (option == 'h' || option == (int)program->count)
		return ARGS_HELP;
	if (option == (int)program->count + 1)
		return ARGS_VERSION;
	for (size_t at = 0; option > ' ' && at < program->count; at++)
		if (program->arg[at].name[1] == option)
			return (int)at;
	return option;
}
