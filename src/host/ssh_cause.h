/*
 * What ssh's own complaints mean, and what cures them: one table.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSH_CAUSE_H
#define GUESTCLOCK_SSH_CAUSE_H

#include <stdbool.h>

struct ssh_cause {
	const char *complaint;	/* part of ssh's line */
	const char *cure;
	const char *keyword;	/* of ssh_config, for a file whose absence ssh does not report; NULL: none */
	const char *file_cure;	/* the cure when that file cannot be read */
	bool may_heal;		/* a second try may succeed */
};

/* The cause that LINE of ssh's standard error points to, or NULL. */
const struct ssh_cause *ssh_cause_find(const char *line);

#endif
