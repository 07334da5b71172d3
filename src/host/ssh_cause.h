/*
 * The causes of ssh's own error messages and their cures: one table.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSH_CAUSE_H
#define GUESTCLOCK_SSH_CAUSE_H

#include <stdbool.h>

struct ssh_cause {
	const char *complaint;	/* a part of ssh's message */
	const char *cure;
	const char *keyword;	/* of ssh_config, for a file that ssh does not report as missing; NULL: none */
	const char *file_cure;	/* the cure if that file cannot be read */
	bool may_heal;		/* a second try may succeed */
};

/* Returns the cause that matches LINE of ssh's standard error, or NULL. */
const struct ssh_cause *ssh_cause_find(const char *line);

#endif
