/* The client and its request: see ssh_env.h. */
#include "set/ssh_env.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTH_INFO_ROOM 4096

bool
ssh_env_parse_connection(const char *connection, peer_interface *number_of, char address[PEER_TEXT], union peer *peer)
{
	size_t length = strcspn(connection, " ");
	int words = 1;

	if (length == 0 || length >= PEER_TEXT)
		return false;
	memcpy(address, connection, length);
	address[length] = '\0';
	for (const char *at = connection + length; *at == ' '; words++) {
		size_t word = strcspn(++at, " ");

		if (word == 0)
			return false;
		at += word;
	}
	if (strcmp(connection, "UNKNOWN 65535 UNKNOWN 65535") == 0) {
		memset(peer, 0, sizeof *peer);
		return true;
	}
	if (words != 4 || !peer_parse(address, number_of, peer))
		return false;
	if (peer->any.sa_family != AF_INET6 || peer->v6.sin6_scope_id != PEER_NO_INTERFACE)
		peer_format(peer, address);
	return true;
}

void
ssh_env_key_fingerprint(const char *auth_info, char key[SSH_ENV_KEY_TEXT])
{
	static const char publickey[] = "publickey ";
	char encoded[AUTH_INFO_ROOM];
	unsigned char blob[AUTH_INFO_ROOM], digest[SHA256_DIGEST_LENGTH];
	const char *line = auth_info, *key_text;
	SHA2_CTX context;
	size_t length;
	int decoded;

	key[0] = '\0';
	while (strncmp(line, publickey, sizeof publickey - 1) != 0) {
		line = strchr(line, '\n');
		if (line == NULL)
			return;
		line++;
	}
	key_text = strchr(line + sizeof publickey - 1, ' ');
	length = key_text != NULL ? strcspn(++key_text, " \n") : 0;
	if (length == 0 || length >= sizeof encoded)
		return;
	memcpy(encoded, key_text, length);
	encoded[length] = '\0';
	decoded = b64_pton(encoded, blob, sizeof blob);
	if (decoded <= 0)
		return;
	SHA256Init(&context);
	SHA256Update(&context, blob, (size_t)decoded);
	SHA256Final(digest, &context);
	strcpy(key, "SHA256:");
	if (b64_ntop(digest, sizeof digest, key + 7, SSH_ENV_KEY_TEXT - 7) < 0)
		key[0] = '\0';
	/* ssh-keygen prints it without padding. */
	key[strcspn(key, "=")] = '\0';
}

static void
read_key(const char *path, char key[SSH_ENV_KEY_TEXT])
{
	char info[AUTH_INFO_ROOM];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, info, sizeof info - 1);

	if (fd >= 0)
		close(fd);
	info[got > 0 ? got : 0] = '\0';
	ssh_env_key_fingerprint(info, key);
}

/* clearenv(3) leaves the strings where execve(2) put them, readable in /proc/PID/environ: overwrite those not USED. */
static void
wipe_environment(const char *const used[], size_t count)
{
	for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
		size_t length = strlen(*variable);
		bool keep = false;

		for (size_t at = 0; at < count && !keep; at++)
			keep = used[at] != NULL && used[at] > *variable && used[at] <= *variable + length;
		if (!keep)
			memset(*variable, '\0', length);
	}
	clearenv();
}

bool
ssh_env_read(struct ssh_env *client)
{
	const char *connection = getenv("SSH_CONNECTION");
	const char *command = getenv("SSH_ORIGINAL_COMMAND");
	const char *auth_info = getenv("SSH_USER_AUTH");
	const char *zone = getenv("TZ");

	memset(client, 0, sizeof *client);
	client->by_ssh = connection != NULL || command != NULL;
	strcpy(client->address, client->by_ssh ? "unknown" : "this machine");
	wipe_environment((const char *const[]){ connection, command, auth_info, client->by_ssh ? NULL : zone }, 4);
	/* An absolute TZ names the one file that localtime(3) may look for.  A local user's own TZ is kept. */
	setenv("TZ", zone != NULL && !client->by_ssh ? zone : ":/etc/localtime", 1);
	client->command = command != NULL ? command : "";
	if (!client->by_ssh)
		return true;
	if (auth_info != NULL)
		read_key(auth_info, client->key);
	if (connection != NULL && ssh_env_parse_connection(connection, if_nametoindex, client->address, &client->peer))
		return true;
	/* Text that is not an address must not get into the log. */
	strcpy(client->address, "unknown");
	return false;
}
