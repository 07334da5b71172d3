/*
 * A table of ssh's own error messages, with the cure for the cause of each.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSH_CAUSE_H
#define GUESTCLOCK_SSH_CAUSE_H

#include <stdbool.h>

struct ssh_cause {
	const char *complaint;	/* how ssh's message begins, or ssh_explain()'s if ssh printed none: a pattern */
	const char *cure;
	const char *keyword;	/* a keyword of ssh_config(5) that names a file; NULL: none */
	const char *file_cure;	/* the cure if that file cannot be read, which ssh's message does not say */
	bool may_heal;		/* a second try may succeed */
};

/*
 * Returns the first cause in the table with whose complaint LINE begins; NULL if there is none, or if LINE quotes the
 * other side.
 */
const struct ssh_cause *ssh_cause_find(const char *line);

/*
 * Whether in LINE ssh quotes the other side, be it sshd or somebody in the network before any key is checked.  The quoted
 * text may have line ends: no line after LINE is surely one of ssh's.
 */
bool ssh_cause_quotes(const char *line);

#endif
