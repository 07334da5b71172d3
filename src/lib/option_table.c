/* Parses options by a table: see option_table.h. */
#include "lib/option_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static const struct known_option common[] = {
	{ "--help", NULL, "print this help; so does -h" },
	{ "--version", NULL, "print the version and how the program was built" },
};
#define COMMON (sizeof common / sizeof common[0])

static const struct known_option *
option_at(const struct program *program, size_t at)
{
	return at < program->count ? &program->options[at] : &common[at - program->count];
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
		const struct known_option *known = option_at(program, at);

		append(text, size, " [%s%s%s]", known->name, known->value != NULL ? " " : "", known->value != NULL ? known->value : "");
	}
	append(text, size, "%s", program->operands);
}

void
option_help(const struct program *program, char text[OPTION_HELP_TEXT])
{
	text[0] = '\0';
	append(text, OPTION_HELP_TEXT, "usage: %s%s [option ...]%s\n\n%s\n\n", program->name, program->command, program->operands,
	    program->purpose);
	for (size_t at = 0; at < program->count + COMMON; at++) {
		const struct known_option *known = option_at(program, at);

		append(text, OPTION_HELP_TEXT, "  %-*s %-*s %s\n", (int)strlen(known->name), known->name, 20 - (int)strlen(known->name),
		    known->value != NULL ? known->value : "", known->text);
	}
	append(text, OPTION_HELP_TEXT, "%s\nSee %s(8).\n", program->more, program->name);
}

void
option_complain(const struct program *program, const char *what, const char *word, char complaint[OPTION_COMPLAINT])
{
	char quoted[48];

	format_quoted(word != NULL ? word : "", quoted, sizeof quoted);
	snprintf(complaint, OPTION_COMPLAINT, "%s \"%s\": expected ", what, quoted);
	append_synopsis(program, complaint, OPTION_COMPLAINT);
}

int
option_expected(const struct option_reader *reader, int at, const char *expected, char complaint[OPTION_COMPLAINT])
{
	char quoted[48];

	format_quoted(reader->value, quoted, sizeof quoted);
	snprintf(complaint, OPTION_COMPLAINT, "%s \"%s\": expected %s", reader->program->options[at].name, quoted, expected);
	return OPTION_WRONG;
}

void
option_start(struct option_reader *reader, const struct program *program, int argc, char **argv)
{
	char *letter;
	struct option *option;

	*reader = (struct option_reader){ .program = program, .argc = argc, .argv = argv, .letters = "+:h" };
	letter = reader->letters + strlen(reader->letters);
	option = reader->longs;
	for (size_t at = 0; at < program->count + COMMON; at++) {
		const struct known_option *known = option_at(program, at);

		if (known->name[1] == '-')
			*option++ = (struct option){ known->name + 2, known->value != NULL ? required_argument : no_argument, NULL, (int)at };
		else {
			*letter++ = known->name[1];
			if (known->value != NULL)
				*letter++ = ':';
		}
	}
	opterr = 0;
	optind = 0;
}

int
option_next(struct option_reader *reader, char complaint[OPTION_COMPLAINT])
{
	const struct program *program = reader->program;
	int at = optind == 0 ? 1 : optind;
	/* Before Linux 5.18 a program may be started without any words: then the environment is behind argv's NULL. */
	const char *word = at < reader->argc ? reader->argv[at] : NULL;
	int option = getopt_long(reader->argc, reader->argv, reader->letters, reader->longs, NULL);

	reader->value = optarg != NULL ? optarg : "";
	if (option == -1)
		return OPTION_END;
	if (option == '?' || option == ':') {
		char letter[3] = { '-', (char)optopt, '\0' };

		/* Name the letter: the word may be a group of letters. */
		option_complain(program, option == ':' ? "no value for" : "unknown option",
		    optopt > ' ' && optopt <= '~' ? letter : word, complaint);
		return OPTION_WRONG;
	}
	if (option == 'h' || option == (int)program->count)
		return OPTION_HELP;
	if (option == (int)program->count + 1)
		return OPTION_VERSION;
	for (size_t index = 0; option > ' ' && index < program->count; index++)
		if (program->options[index].name[1] == option)
			return (int)index;
	return option;
}
