/*
 * ssh_env: SSH_CONNECTION on the first line, SSH_ORIGINAL_COMMAND on the second, then the content of SSH_USER_AUTH's
 * file.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "set/ssh_env.h"

#define BASE64 LETTERS_AND_DIGITS "+/"

static void
check_key(const char *key)
{
	const char *id = strstr(key, " id \""), *ca = id != NULL ? strstr(id, "\" ca ") : NULL;
	char print[7 + 43 + 1];

	if (key[0] == '\0')
		return;
	/* It goes into the log unchanged: one line, in which the key id has no quotes. */
	REQUIRE(fuzz_is_line(key, SSH_ENV_KEY_TEXT));
	REQUIRE(strlen(key) >= 7 + 43 && (id == NULL ? key[7 + 43] == '\0' : id == key + 7 + 43));
	REQUIRE(id == NULL || (ca != NULL && strchr(id + 5, '"') == ca && strlen(ca) == 5 + 7 + 43));
	for (int at = 0; at < (id == NULL ? 1 : 2); at++) {
		snprintf(print, sizeof print, "%s", at == 0 ? key : ca + 5);
		REQUIRE(strncmp(print, "SHA256:", 7) == 0 && strlen(print) == 7 + 43 && fuzz_consists_of(print + 7, BASE64));
	}
}

static void
check_connection(const char *connection)
{
	char address[PEER_TEXT];
	union peer peer;
	size_t spaces = 0;

	if (!ssh_env_parse_connection(connection, NULL, address, &peer))
		return;
	for (const char *at = connection; *at != '\0'; at++)
		spaces += *at == ' ';
	REQUIRE(spaces == 3 && fuzz_is_line(address, sizeof address) && strchr(address, ' ') == NULL);
	REQUIRE(strcmp(address, "unknown") != 0);
	REQUIRE(peer.any.sa_family == AF_INET || peer.any.sa_family == AF_INET6 || strcmp(address, "UNKNOWN") == 0);
	REQUIRE(peer_port(&peer) == 0);
}

/* The environment is as sshd sets it, and must be cleared afterwards. */
static void
identify(const char *connection, const char *command, const char *info, bool by_ssh)
{
	extern char **environ;
	static int file = -1;
	char path[64], *variables[8], **mine = environ, *connection_is = NULL, *command_is = NULL;
	size_t count = 0;
	struct ssh_env client;
	char address[PEER_TEXT];
	union peer peer;
	bool identified;

	if (file < 0)
		file = memfd_create("auth-info", MFD_CLOEXEC);
	REQUIRE(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, info, strlen(info), 0) == (ssize_t)strlen(info));
	snprintf(path, sizeof path, "SSH_USER_AUTH=/proc/self/fd/%d", file);
	REQUIRE(asprintf(&connection_is, "SSH_CONNECTION=%s", connection) > 0);
	REQUIRE(asprintf(&command_is, "SSH_ORIGINAL_COMMAND=%s", command) > 0);
	if (by_ssh)
		variables[count++] = connection_is;
	variables[count++] = command_is;
	variables[count++] = path;
	variables[count++] = (char[]){ "LD_PRELOAD=none" };
	variables[count] = NULL;
	environ = variables;
	identified = ssh_env_read(&client);
	REQUIRE(getenv("SSH_CONNECTION") == NULL && getenv("SSH_USER_AUTH") == NULL && getenv("LD_PRELOAD") == NULL);
	environ = mine;
	REQUIRE(strcmp(client.command, command) == 0 && client.by_ssh);
	/* Without SSH_CONNECTION, SSH_ORIGINAL_COMMAND has no client. */
	REQUIRE(identified == (by_ssh && ssh_env_parse_connection(connection, NULL, address, &peer)));
	/* It goes into the log unchanged. */
	REQUIRE(fuzz_is_line(client.address, sizeof client.address));
	check_key(client.key);
	REQUIRE(identified || strcmp(client.address, "unknown") == 0);
	free(connection_is);
	free(command_is);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *command, *info = NULL, key[SSH_ENV_KEY_TEXT];

	command = fuzz_next_line(text);
	if (command != NULL)
		info = fuzz_next_line(command);
	check_connection(text);
	ssh_env_key_fingerprint(info != NULL ? info : "", key);
	check_key(key);
	identify(text, command != NULL ? command : "", info != NULL ? info : "", size % 8 != 0);
	free(text);
	return 0;
}
