/*
 * Where an ssh_config(5) keeps the sockets of its masters.
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSHCONFIG_H
#define GUESTCLOCK_SSHCONFIG_H

#include <stdbool.h>
#include <stddef.h>

/* The longest directory that leaves room for a name and ssh's suffix in a socket's path. */
#define SSHCONFIG_DIRECTORY 64

/*
 * The directory of the sockets, where TEXT has one ControlPath, of the form /DIRECTORY/%n in which ssh has nothing to
 * expand or to unquote: then the path of a master is known without asking ssh.  False in every other case.
 */
bool sshconfig_socket_directory(const char *text, char directory[SSHCONFIG_DIRECTORY]);

#endif
