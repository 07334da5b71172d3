/*
 * Performs a parsed request.
 */
#ifndef GUESTCLOCK_PERFORM_H
#define GUESTCLOCK_PERFORM_H

#include "lib/status.h"
#include "set/hangup.h"
#include "set/limits.h"
#include "set/request.h"

/* Performs REQUEST within LIMITS.  Returns the program's exit status; has reported and logged every failure. */
enum status perform_request(const struct request *request, const struct limits *limits, struct hangup *hangup);

#endif
