/*
 * A table of ssh's own error messages, with the cure for the cause of each.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSH_CAUSE_H
#define GUESTCLOCK_SSH_CAUSE_H

#include <stdbool.h>

struct ssh_cause {
	const char *complaint;	/* a part of ssh's message, or of ssh_explain()'s if ssh printed none */
	const char *cure;
	const char *keyword;	/* a keyword of ssh_config(5) that names a file; NULL: none */
	const char *file_cure;	/* the cure if that file cannot be read, which ssh's message does not say */
	bool may_heal;		/* a second try may succeed */
};

/* Returns the first cause in the table whose complaint is a part of LINE, or NULL. */
const struct ssh_cause *ssh_cause_find(const char *line);

#endif
