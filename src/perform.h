/*
 * Doing what was asked: each request from its parsed form to its exit status.
 */
#ifndef GUESTCLOCK_PERFORM_H
#define GUESTCLOCK_PERFORM_H

#include "limits.h"
#include "request.h"
#include "session.h"
#include "status.h"

enum status perform_request(const struct request *request, const struct limits *limits, struct session *session);

#endif
