/*
 * A program's options in one table, which the parser, the synopsis and --help use.
 *
 * Pure: getopt_long(3) and formatting.
 */
#ifndef GUESTCLOCK_ARGS_H
#define GUESTCLOCK_ARGS_H

#include <getopt.h>
#include <stddef.h>

#define ARGS_MOST 24
#define ARGS_COMPLAINT 512
#define ARGS_HELP_TEXT 3072

/* A macro's number as text, so that a bound or default stands once. */
#define ARGS_NUMBER(macro) ARGS_NUMBER_TEXT(macro)
#define ARGS_NUMBER_TEXT(number) #number

struct arg {
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
	const struct arg *arg;
	size_t count;
};

struct args {
	const struct program *program;
	int argc;
	char **argv;
	const char *value;	/* the last option's value; "" if it has none */
	char letters[2 * ARGS_MOST + 4];
	struct option longs[ARGS_MOST + 3];
};

enum { ARGS_END = -1, ARGS_WRONG = -2, ARGS_HELP = -3, ARGS_VERSION = -4 };

/* Starts parsing at argv[1].  The options end at the first word that is no option. */
void args_start(struct args *args, const struct program *program, int argc, char **argv);

/*
 * Parses the next option.  Returns its index in the table, ARGS_HELP or ARGS_VERSION; ARGS_END after the last option,
 * with the index of the next word in optind; or ARGS_WRONG, with one line in COMPLAINT.
 */
int args_next(struct args *args, char complaint[ARGS_COMPLAINT]);

/* Writes COMPLAINT: the last option, of index AT, has a value other than EXPECTED.  Returns ARGS_WRONG. */
int args_expected(const struct args *args, int at, const char *expected, char complaint[ARGS_COMPLAINT]);

/* Writes COMPLAINT: WHAT (such as "unexpected argument"), WORD in quotes, and the synopsis. */
void args_complain(const struct program *program, const char *what, const char *word, char complaint[ARGS_COMPLAINT]);

/* Writes the output of --help into TEXT. */
void args_help(const struct program *program, char text[ARGS_HELP_TEXT]);

#endif
