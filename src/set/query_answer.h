/*
 * What the process that asks may say to the one that sets.
 *
 * Between them stands a struct query_answer (query.h), which comes through a pipe.  The process that sets takes no word
 * of it on trust: the other one has read what a time source sent.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_QUERY_ANSWER_H
#define GUESTCLOCK_QUERY_ANSWER_H

#include <stdbool.h>

#include "set/query.h"

/*
 * Whether ANSWER is one: a known outcome; an offset whose ends are in order and whose width fits into nanoseconds; no
 * negative delay; texts that are ended and printable, since they go to the client.  ERROR and MISSED may be any numbers.
 */
bool query_answer_valid(const struct query_answer *answer);

#endif
