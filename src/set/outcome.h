/*
 * Messages to the user and to syslog, and the exit status that each of them means.
 *
 * Refusals, also those of a bad request or option, go to LOG_AUTH; failures and sets go to LOG_DAEMON.  A line in
 * syslog names the client's address, its key's fingerprint if sshd exposes it, and the request, made printable.
 */
#ifndef GUESTCLOCK_OUTCOME_H
#define GUESTCLOCK_OUTCOME_H

#include "lib/exchange.h"
#include "lib/filter.h"
#include "lib/status.h"
#include "set/ssh_env.h"

/* Connects to syslog, so that later lines need no new descriptor.  CLIENT, which these lines name, must stay valid. */
void outcome_start(const struct ssh_env *client);

/*
 * Whether syslog took every line so far, as far as send(2) can tell.  True as well if no syslog was there at the start:
 * a guest may have none.
 */
bool outcome_logged(void);

/* Whether a syslog was there at the start. */
bool outcome_has_log(void);

/* Sets the request that later lines name: without quotation marks and runs of blanks.  TEXT may contain any characters. */
void outcome_request(const char *text);

/*
 * Reports one line to syslog and, unless STATUS is STATUS_DONE, to standard error.  Returns STATUS.  Call it by a
 * macro: outcome_refuse() if a limit or access control refuses, outcome_usage() if the request or an option is wrong,
 * outcome_fail() if the system fails, outcome_done() for the log alone.
 */
enum status outcome_report(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define outcome_refuse(...) outcome_report(STATUS_REFUSED, __VA_ARGS__)
#define outcome_usage(...) outcome_report(STATUS_USAGE, __VA_ARGS__)
#define outcome_fail(...) outcome_report(STATUS_SYSTEM, __VA_ARGS__)
#define outcome_done(...) outcome_report(STATUS_DONE, __VA_ARGS__)

/*
 * Logs that an order of an exchange was refused or failed.  Writes nothing to standard error, because the reply
 * notifies the host.  Logs only the first five refusals of a session, because a host could fill the guest's log; NUMBER
 * counts them from 1.  Returns STATUS_SYSTEM for REASON_FAILED, REASON_NO_CAPABILITY, REASON_BUSY and
 * REASON_STALE, and STATUS_REFUSED for every other REASON.
 */
enum status outcome_order(enum exchange_reason reason, const char *text, unsigned number);

/* Logs that the rate PPB, in parts per 10^9, of an earlier request was undone; 0: logs nothing. */
void outcome_rate_undone(int64_t ppb);

/*
 * Logs a system call that failed because the filter in force does not list it: to syslog (LOG_DAEMON), not to standard
 * error.  Does nothing if MISSED is empty.
 */
void outcome_missed(const struct filter_missed *missed);

#endif
