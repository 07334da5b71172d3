/*
 * The exit statuses of in.timed and guestclock-set.
 *
 * They avoid ssh's 255 and the shell's 126 and up, so that the host can distinguish a refusal by guestclock-set from a
 * broken connection.
 */
#ifndef GUESTCLOCK_STATUS_H
#define GUESTCLOCK_STATUS_H

enum status {
	STATUS_DONE = 0,	/* done, or nothing needed doing */
	STATUS_REFUSED = 1,	/* refused; nothing changed, except by earlier orders of an exchange */
	STATUS_USAGE = 100,	/* a bad request or a bad option; nothing changed */
	STATUS_SYSTEM = 111	/* the system failed: no capability, no network, no time */
};

#endif
