/*
 * Doing what was asked: each request from its parsed form to its exit status.
 */
#ifndef GUESTCLOCK_PERFORM_H
#define GUESTCLOCK_PERFORM_H

#include "lib/status.h"
#include "set/limits.h"
#include "set/request.h"
#include "set/session.h"

enum status perform_request(const struct request *request, const struct limits *limits, struct session *session);

#endif
