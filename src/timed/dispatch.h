/*
 * Serves RFC 868 on a socket that a superserver passed.
 *
 * Functions return an exit status (lib/status.h) and log errors to syslog.
 */
#ifndef GUESTCLOCK_DISPATCH_H
#define GUESTCLOCK_DISPATCH_H

#include "lib/status.h"
#include "timed/reply.h"

/*
 * Serves file descriptor 0 with the function below that fits its type.  If it is a pipe, terminal, file or Unix-domain
 * socket, writes the time, four octets, to standard output.
 */
enum status serve(void);

/* Serves one connection, from PEER ("stream nowait"): checks access, replies, waits up to 2 s for its close. */
enum status stream_connection(int fd, union peer *peer);

/* Serves a listening socket ("stream wait") until it is idle or the superserver ends. */
enum status stream_listener(int fd);

/* Serves a datagram socket ("dgram wait") until it is idle or the superserver ends. */
enum status dgram_serve(int fd);

#endif
