/*
 * A program's options in one table: the parser, the synopsis and --help are made from it.
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

struct arg {
	const char *name;	/* "-i", "--state" */
	const char *value;	/* the name of its value; NULL: it has none */
	const char *text;	/* what it does */
};

/* Every program also has --help (-h) and --version. */
struct program {
	const char *name, *command, *operands;	/* "guestclock", " sync|check", " [guest ...]" */
	const char *purpose;			/* lines above the options in --help */
	const char *more;			/* … and below them */
	const char *libraries;			/* ", libwrap": for --version */
	const struct arg *arg;
	size_t count;
};

struct args {
	const struct program *program;
	int argc;
	char **argv;
	const char *value;	/* of the last option; "" where it has none */
	char letters[2 * ARGS_MOST + 4];
	struct option longs[ARGS_MOST + 3];
};

enum { ARGS_END = -1, ARGS_WRONG = -2, ARGS_HELP = -3, ARGS_VERSION = -4 };

/* argv[0] is skipped.  Options end at the first word that is none. */
void args_start(struct args *args, const struct program *program, int argc, char **argv);

/*
 * Reads the next option.  Returns its index in the table, ARGS_HELP or ARGS_VERSION; ARGS_END at the end, where optind
 * is the index of the next word; or ARGS_WRONG, with one line in COMPLAINT.
 */
int args_next(struct args *args, char complaint[ARGS_COMPLAINT]);

/* COMPLAINT: the option of index AT was given a value other than EXPECTED.  Returns ARGS_WRONG. */
int args_expected(const struct args *args, int at, const char *expected, char complaint[ARGS_COMPLAINT]);

/* COMPLAINT: WHAT ("unexpected argument") with WORD in quotes, and the synopsis. */
void args_complain(const struct program *program, const char *what, const char *word, char complaint[ARGS_COMPLAINT]);

void args_help(const struct program *program, char text[ARGS_HELP_TEXT]);

#endif
