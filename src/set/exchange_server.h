/*
 * The guest's side of the exchange (lib/exchange.h): reads the host's orders from standard input and writes the replies
 * to standard output.
 */
#ifndef GUESTCLOCK_EXCHANGE_SERVER_H
#define GUESTCLOCK_EXCHANGE_SERVER_H

#include <stdbool.h>

#include "lib/status.h"
#include "set/guest_clock.h"
#include "set/set_options.h"

/*
 * Answers orders until "bye", the end of standard input, or too many orders to set (step, slew, rate, bound).  Uses no
 * timer.  Still answers "now", but refuses orders to set, without MAY_SET (no CAP_SYS_TIME), with options->dry_run, or
 * if the lock RUN could not be opened.  Returns STATUS_DONE if nothing was refused, otherwise what outcome_order()
 * returned for the last refusal.  Returns STATUS_SYSTEM if standard input or output fails, or syslog no longer takes
 * lines: a session does not go on unlogged.
 */
enum status exchange_serve(const struct set_options *options, struct guest_clock *run, bool may_set);

#endif
