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
enum status serve(const struct service *service);

/* Four octets to FD, a pipe, terminal or file: there is no client to check. */
enum status serve_output(const struct service *service, int fd);

/* One connection ("stream nowait"), from PEER: checks access, answers, waits up to 2 s for the client to close. */
enum status serve_connection(const struct service *service, int fd, union peer *peer);

/* A listening socket ("stream wait"): accepts and answers until idle or until the superserver is gone. */
enum status serve_listener(const struct service *service, int fd);

/* A datagram socket ("dgram wait"): answers until idle or until the superserver is gone. */
enum status serve_datagrams(const struct service *service, int fd);

#endif
