/*
 * Messages to the user and to syslog: one line to each for a refusal or a failure, one to syslog alone for a set.
 *
 * Refusals go to LOG_AUTH, failures and sets to LOG_DAEMON.  A line in syslog names the client's address, its key's
 * fingerprint if sshd exposes it, and the request, made printable.
 */
#ifndef GUESTCLOCK_AUDIT_H
#define GUESTCLOCK_AUDIT_H

#include "lib/filter.h"
#include "lib/status.h"
#include "set/ssh_env.h"

/* Connects to syslog, so that later lines need no new descriptor. */
void audit_start(const struct ssh_env *client);

/* Sets the request that later lines name.  TEXT may contain any characters. */
void audit_request(const char *text);

/* Reports a refusal (STATUS_REFUSED or STATUS_USAGE) to standard error and LOG_AUTH.  Returns STATUS. */
enum status audit_refuse(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reports a failure of the system to standard error and LOG_DAEMON.  Returns STATUS_SYSTEM. */
enum status audit_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Logs a refusal, of which the client is notified in another way, to LOG_AUTH alone. */
void audit_refused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Logs a call that failed because no filter lists it (MISSED may be empty) to LOG_DAEMON alone. */
void audit_missed(const struct filter_missed *missed);

/* Logs what was done to LOG_DAEMON alone. */
void audit_done(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
