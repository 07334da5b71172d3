/*
 * The drift of a guest's clock: how much faster it runs than the host's, computed from the measurements of two runs.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_DRIFT_H
#define GUESTCLOCK_DRIFT_H

#include "host/record.h"

/* The largest drift that a record can have, fast or slow, in parts per 10^9: 10 %. */
#define DRIFT_MOST INT64_C(100000000)

/*
 * Fills in the drift and the reference of NOW.  The caller has set its other fields, from a success.  PREVIOUS is the
 * guest's last record, or all zero if there is none.  NOW gets a drift only if both records have the same, known boot
 * id, if the correction at PREVIOUS's reference is complete, if that reference is at least a minute old, and if the
 * drift is at most DRIFT_MOST: if it is larger, somebody has probably set the clock in between.
 */
void drift_follow(const struct record *previous, struct record *now);

#endif
