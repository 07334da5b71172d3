/*
 * The drift of a guest's clock: how much faster it runs than the host's, computed from the measurements of two runs.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_DRIFT_H
#define GUESTCLOCK_DRIFT_H

#include "host/record_text.h"

/* The largest drift either way, in parts per 10^9: 10 %. */
#define DRIFT_MOST INT64_C(100000000)

/*
 * Fills in the drift and the reference of NOW, whose other fields are set, from PREVIOUS (all zero: none).  NOW gets a
 * drift only if both have the same boot id, if the reference is settled and at least a minute old, and if the drift is
 * at most 10 %: if it is larger, somebody has probably set the clock in between.
 */
void drift_follow(const struct record *previous, struct record *now);

#endif
