/*
 * Answering RFC 868 on a socket that a superserver passed.
 *
 * Functions return an exit status (lib/status.h); what went wrong is in syslog.
 */
#ifndef GUESTCLOCK_DISPATCH_H
#define GUESTCLOCK_DISPATCH_H

#include "lib/status.h"
#include "timed/reply.h"

/* Looks at file descriptor 0 and serves what it finds there, by one of those below. */
enum status serve(const struct reply_options *service);

/* Four octets to FD, a pipe, terminal or file: there is no client to check. */
enum status dispatch_output(const struct reply_options *service, int fd);

/* One connection ("stream nowait"), from PEER: checks access, answers, waits up to 2 s for the client to close. */
enum status stream_connection(const struct reply_options *service, int fd, union peer *peer);

/* A listening socket ("stream wait"): accepts and answers until idle or until the superserver is gone. */
enum status stream_listener(const struct reply_options *service, int fd);

/* A datagram socket ("dgram wait"): answers until idle or until the superserver is gone. */
enum status dgram_serve(const struct reply_options *service, int fd);

#endif
