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
 * Serves file descriptor 0 with the function below that fits its type.  If descriptor 0 is a pipe, terminal, file or
 * Unix-domain socket, writes the time, four octets, to standard output.
 */
enum status serve(void);

/* Serves one connection, from PEER ("stream nowait"): checks access, replies, waits up to 2 s until PEER closes it. */
enum status stream_connection(int fd, union peer *peer);

/* Serves a listening socket ("stream wait") until no request came for the idle time (-i) or wait_mode_must_leave(). */
enum status stream_listener(int fd);

/* Serves a datagram socket ("dgram wait") until no request came for the idle time (-i) or wait_mode_must_leave(). */
enum status dgram_serve(int fd);

#endif
