/*
 * The guest's side of the exchange: answers the host's lines on standard input and output (lib/exchange.h).
 */
#ifndef GUESTCLOCK_EXCHANGE_SERVER_H
#define GUESTCLOCK_EXCHANGE_SERVER_H

#include <stdbool.h>

#include "lib/status.h"
#include "set/clock_lock.h"
#include "set/limits.h"

/*
 * Answers until "bye" or the end of standard input; uses no timer.  Without MAY_SET (no CAP_SYS_TIME), or with
 * limits->dry_run, orders to set are refused and measuring goes on.  STATUS_DONE, or STATUS_REFUSED when an order was
 * refused by a limit, or STATUS_SYSTEM when one failed or the host could not be answered.
 */
enum status exchange_serve(const struct limits *limits, struct clock_lock *run, bool may_set);

#endif
