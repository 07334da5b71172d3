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

#include "lib/text.h"
#include "set/ssh_certificate.h"

/* A certificate for an RSA key of 16,384 bits, by a CA with such a key, has 8,800 octets in base64. */
#define AUTH_INFO_ROOM 16384

/* The longest key id that is logged whole. */
#define KEY_ID_MOST 64

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

/* Appends to TEXT the fingerprint of a key whose octets are in two parts. */
static void
append_fingerprint(char text[SSH_ENV_KEY_TEXT], const unsigned char *first, size_t first_length,
    const unsigned char *second, size_t second_length)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	size_t used = strlen(text);
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, first, first_length);
	SHA256Update(&context, second, second_length);
	SHA256Final(digest, &context);
	used += (size_t)snprintf(text + used, SSH_ENV_KEY_TEXT - used, "SHA256:");
	/* There is room: it cannot fail.  ssh-keygen prints it without padding. */
	b64_ntop(digest, sizeof digest, text + used, SSH_ENV_KEY_TEXT - used);
	text[used + strcspn(text + used, "=")] = '\0';
}

static void
append_certificate(char text[SSH_ENV_KEY_TEXT], const struct ssh_certificate *certificate)
{
	unsigned char type[4 + SSH_CERTIFICATE_TYPE] = { 0 };
	size_t length = strlen(certificate->type);
	char id[KEY_ID_MOST + 2], quoted[KEY_ID_MOST + 1];
	size_t size = certificate->id_length < sizeof id ? certificate->id_length : sizeof id - 1;

	type[3] = (unsigned char)length;
	memcpy(type + 4, certificate->type, length);
	append_fingerprint(text, type, 4 + length, certificate->key, certificate->key_length);
	/* Who asks the CA for a certificate may choose the key id: it must not end its quotes. */
	for (size_t at = 0; at < size; at++)
		id[at] = certificate->id[at] == '"' || certificate->id[at] == '\0' ? '?' : (char)certificate->id[at];
	id[size] = '\0';
	format_quoted(id, quoted, sizeof quoted);
	snprintf(text + strlen(text), SSH_ENV_KEY_TEXT - strlen(text), " id \"%s\" ca ", quoted);
	append_fingerprint(text, certificate->ca, certificate->ca_length, certificate->ca, 0);
}

void
ssh_env_key_fingerprint(const char *auth_info, char key[SSH_ENV_KEY_TEXT])
{
	static const char publickey[] = "publickey ";
	char encoded[AUTH_INFO_ROOM];
	unsigned char blob[AUTH_INFO_ROOM];
	const char *line = auth_info, *key_text;
	struct ssh_certificate certificate;
	enum ssh_certificate_kind kind;
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
	kind = decoded <= 0 ? SSH_DAMAGED : ssh_certificate_parse(blob, (size_t)decoded, &certificate);
	if (kind == SSH_PLAIN_KEY)
		append_fingerprint(key, blob, (size_t)decoded, blob, 0);
	else if (kind == SSH_CERTIFICATE)
		append_certificate(key, &certificate);
}

static void
read_key(const char *path, char key[SSH_ENV_KEY_TEXT])
{
	char info[AUTH_INFO_ROOM];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = fd < 0 ? -1 : read(fd, info, sizeof info - 1);

	if (fd >= 0)
		close(fd);
	/* If the file is longer, a line may be cut. */
	info[got > 0 && got < (ssize_t)sizeof info - 1 ? got : 0] = '\0';
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
