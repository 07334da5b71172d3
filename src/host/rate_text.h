/*
 * The state of the rate's estimator as text: lines that a guest's state file can hold.
 *
 * Pure.  Each line consists of a name and whole numbers, in the order of the members of struct rate.
 */
#ifndef GUESTCLOCK_RATE_TEXT_H
#define GUESTCLOCK_RATE_TEXT_H

#include "host/rate.h"

#define RATE_TEXT 4096		/* room for a state */

/* Writes the state into TEXT.  Returns the length: 0 if there was no look. */
size_t rate_format(const struct rate *rate, char text[RATE_TEXT]);

/*
 * Parses LENGTH octets, which begin where rate_format() began, into RATE.  No octets are no look.  Returns false, with
 * RATE all zero, if anything is wrong: also numbers that no looks lead to and that could overflow.
 */
bool rate_parse(const char *text, size_t length, struct rate *rate);

#endif
