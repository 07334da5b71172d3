/*
 * What all ways of answering share: whether there is a time to give, and what the log says.
 */
#ifndef GUESTCLOCK_ANSWER_H
#define GUESTCLOCK_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "peer.h"
#include "serve.h"

/*
 * The second to tell, in SECONDS (since 1970): false when there is no time to give (RFC 868: then close without sending
 * anything).  With MAY_LOG the reason goes to syslog.
 */
bool answer_time(const struct service *service, int64_t *seconds, bool may_log);

/* A line in syslog; TRANSPORT is "tcp" or "udp". */
void answer_log_refusal(const union peer *peer, const char *transport);
void answer_log(const union peer *peer, const char *transport);

#endif
