/*
 * A program's options in one table, which the parser, the synopsis and --help use.
 *
 * Pure: getopt_long(3) and formatting.
 */
#ifndef GUESTCLOCK_OPTION_TABLE_H
#define GUESTCLOCK_OPTION_TABLE_H

#include <getopt.h>
#include <stddef.h>

#define OPTION_MOST 24
#define OPTION_COMPLAINT 512
#define OPTION_HELP_TEXT 3072

/* A macro's number as text: messages and help take bounds and defaults from macros. */
#define OPTION_NUMBER(macro) OPTION_NUMBER_TEXT(macro)
#define OPTION_NUMBER_TEXT(number) #number

struct known_option {
	const char *name;	/* "-i", "--state" */
	const char *value;	/* the name of its value; NULL: takes no value */
	const char *text;	/* its description */
};

/* Every program also has --help (-h) and --version. */
struct program {
	const char *name, *command, *operands;	/* "guestclock", " sync|check", " [guest ...]" */
	const char *purpose;			/* the text above the options in --help */
	const char *more;			/* the text below the options in --help */
	const char *libraries;			/* for --version, such as ", libwrap" */
	const struct known_option *options;
	size_t count;
};

struct option_reader {
	const struct program *program;
	int argc;
	char **argv;
	const char *value;	/* the last option's value; "" if it has none */
	char letters[2 * OPTION_MOST + 4];
	struct option longs[OPTION_MOST + 3];
};

enum { OPTION_END = -1, OPTION_WRONG = -2, OPTION_HELP = -3, OPTION_VERSION = -4 };

/* Starts parsing at argv[1].  The options end at the first word that is no option. */
void option_start(struct option_reader *reader, const struct program *program, int argc, char **argv);

/*
 * Parses the next option.  Returns its index in the table, OPTION_HELP or OPTION_VERSION; OPTION_END after the last
 * option, with the index in argv of the next word in optind; or OPTION_WRONG, with one line in COMPLAINT.
 */
int option_next(struct option_reader *reader, char complaint[OPTION_COMPLAINT]);

/* Writes COMPLAINT: the value of the last option, of index AT, is not as EXPECTED describes.  Returns OPTION_WRONG. */
int option_expected(const struct option_reader *reader, int at, const char *expected, char complaint[OPTION_COMPLAINT]);

/* Writes COMPLAINT: WHAT (such as "unexpected argument"), WORD in quotes, and the synopsis. */
void option_complain(const struct program *program, const char *what, const char *word, char complaint[OPTION_COMPLAINT]);

/* Writes the output of --help into TEXT. */
void option_help(const struct program *program, char text[OPTION_HELP_TEXT]);

#endif
