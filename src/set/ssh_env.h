/*
 * The client and its request, from the environment that sshd gives a forced command (sshd(8), ssh(1) ENVIRONMENT).
 */
#ifndef GUESTCLOCK_SSH_ENV_H
#define GUESTCLOCK_SSH_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/peer.h"

#define SSH_ENV_KEY_TEXT 64

struct ssh_env {
	bool by_ssh;			/* SSH_CONNECTION is set */
	union peer peer;		/* the ssh client's address, if by_ssh */
	char address[PEER_TEXT];	/* the same as text, or "this machine" */
	const char *command;		/* SSH_ORIGINAL_COMMAND; "" if unset */
	char key[SSH_ENV_KEY_TEXT];	/* "SHA256:…" of the key used, if sshd exposes it, else empty */
};

/*
 * Reads the environment into CLIENT and clears it, except TZ.  Returns false if SSH_CONNECTION is set and is not
 * "address port address port".
 */
bool ssh_env_read(struct ssh_env *client);

/*
 * Parses the first address of SSH_CONNECTION.  Without a network (a vsock, a pipe) sshd writes "UNKNOWN 65535 UNKNOWN
 * 65535": this gives a peer of family AF_UNSPEC, which hosts.allow knows as UNKNOWN.  NUMBER_OF: as for peer_parse().
 * ADDRESS has an interface's number, as in.timed's log does, or its name if there is no such interface.  Pure.
 */
bool ssh_env_parse_connection(const char *connection, peer_interface *number_of, char address[PEER_TEXT],
    union peer *peer);

/*
 * The fingerprint of the first "publickey TYPE BASE64" line of the file that sshd writes with ExposeAuthInfo, as
 * ssh-keygen -l prints it.  Empty if there is none.  Pure.
 */
void ssh_env_key_fingerprint(const char *auth_info, char key[SSH_ENV_KEY_TEXT]);

#endif
