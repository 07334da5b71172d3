/*
 * The client and its request, from the environment that sshd gives a forced command (sshd(8), ssh(1) ENVIRONMENT).
 */
#ifndef GUESTCLOCK_SSH_ENV_H
#define GUESTCLOCK_SSH_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/peer.h"

#define SSH_ENV_KEY_TEXT 192

struct ssh_env {
	bool by_ssh;			/* SSH_CONNECTION or SSH_ORIGINAL_COMMAND is set */
	union peer peer;		/* the ssh client's address, if by_ssh */
	char address[PEER_TEXT];	/* the same as text; "UNKNOWN" or "unknown" without one; "this machine" without ssh */
	const char *command;		/* SSH_ORIGINAL_COMMAND; "" if unset */
	char key[SSH_ENV_KEY_TEXT];	/* the key used, if sshd exposes it, else empty: see below */
};

/*
 * Reads the environment into CLIENT and clears it.  Sets TZ: to a local user's own value, or to /etc/localtime.  Returns
 * false if SSH_CONNECTION is not "address port address port", or is not set although SSH_ORIGINAL_COMMAND is: a program
 * in between, such as sudo, has removed it, and nobody could tell which client this is.
 */
bool ssh_env_read(struct ssh_env *client);

/*
 * Parses CONNECTION, the value of SSH_CONNECTION: its first address becomes PEER and, as text, ADDRESS.  Without a
 * network (a vsock, a pipe) sshd writes "UNKNOWN 65535 UNKNOWN 65535": this gives a peer of family AF_UNSPEC, which
 * hosts.allow knows as UNKNOWN.  NUMBER_OF translates an interface's name for peer_parse(): ADDRESS then has its
 * number, as in in.timed's log, or the name if there is no such interface.  Pure.
 */
bool ssh_env_parse_connection(const char *connection, peer_interface *number_of, char address[PEER_TEXT],
    union peer *peer);

/*
 * Writes into KEY the key of the first "publickey TYPE BASE64" line in AUTH_INFO: its fingerprint as ssh-keygen -l prints
 * it, "SHA256:…".  For a certificate, the fingerprint of the certified key, the key id and the CA: "SHA256:… id "…" ca
 * SHA256:…".  AUTH_INFO is the text of the file that sshd writes with ExposeAuthInfo.  Without such a line, or if it is
 * damaged, KEY is empty.  Pure.
 */
void ssh_env_key_fingerprint(const char *auth_info, char key[SSH_ENV_KEY_TEXT]);

#endif
