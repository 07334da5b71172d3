/*
 * One line to the user and one to syslog for each refusal, and one to syslog for each set.
 *
 * Refusals go to LOG_AUTH, sets to LOG_DAEMON.  A line names the client's address, its key's fingerprint where
 * sshd exposes it, and the request, made printable.
 */
#ifndef GUESTCLOCK_AUDIT_H
#define GUESTCLOCK_AUDIT_H

#include "lib/filter.h"
#include "lib/status.h"
#include "set/ssh_env.h"

/* Connects to syslog: after this nothing needs to be opened for a line. */
void audit_start(const struct ssh_env *client);

/* What the lines say was asked.  TEXT may hold anything. */
void audit_request(const char *text);

/* A refusal (STATUS_REFUSED or STATUS_USAGE): to standard error and LOG_AUTH.  Returns STATUS. */
enum status audit_refuse(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A failure of the system: to standard error and LOG_DAEMON.  Returns STATUS_SYSTEM. */
enum status audit_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A refusal of which the client hears otherwise: to LOG_AUTH alone. */
void audit_refused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A call that failed because no filter lists it (MISSED may be empty): to LOG_DAEMON alone. */
void audit_missed(const struct filter_missed *missed);

/* What was done: to LOG_DAEMON alone. */
void audit_done(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
