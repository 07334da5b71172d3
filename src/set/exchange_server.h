/*
 * The guest's side of the exchange (lib/exchange.h): reads the host's orders from standard input and writes the replies
 * to standard output.
 */
#ifndef GUESTCLOCK_EXCHANGE_SERVER_H
#define GUESTCLOCK_EXCHANGE_SERVER_H

#include <stdbool.h>

#include "lib/status.h"
#include "set/clock_lock.h"
#include "set/set_options.h"

/*
 * Answers orders until "bye", the end of standard input, or too many orders to set.  Uses no timer.  Without MAY_SET
 * (no CAP_SYS_TIME), or with options->dry_run, refuses orders to set and still answers measurements.  Returns
 * STATUS_DONE if nothing was refused, otherwise outcome_order() of the last refusal.  Returns STATUS_SYSTEM if standard
 * input or output fails.
 */
enum status exchange_serve(const struct set_options *options, struct clock_lock *run, bool may_set);

#endif
