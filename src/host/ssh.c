/* Running ssh: see ssh.h. */
#include "host/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/guest_list.h"

#define ARGUMENTS 24

void
ssh_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
ssh_close_all(struct ssh *ssh)
{
	ssh_close(&ssh->input);
	ssh_close(&ssh->output);
	ssh_close(&ssh->error);
}

void
ssh_signal(const struct ssh *ssh, int signal)
{
	if (ssh->pid > 0)
		kill(-ssh->pid, signal);
}

bool
ssh_file_fault(const char *config, const char *keyword, char *text, size_t size)
{
	FILE *from = config != NULL ? fopen(config, "re") : NULL;
	char line[512], word[32], path[256];
	bool found = false;

	if (from == NULL)
		return false;
	while (!found && fgets(line, sizeof line, from) != NULL) {
		found = sscanf(line, "%31s %255s", word, path) == 2 && strcasecmp(word, keyword) == 0 && *path == '/' &&
		    strchr(path, '%') == NULL && access(path, R_OK) != 0;
		if (found)
			snprintf(text, size, "%s %s: %s", keyword, path, strerror(errno));
	}
	fclose(from);
	return found;
}

/* Makes ssh's argv.  "--" precedes the destination, so that ssh never parses it as an option. */
static void
make_arguments(const char **argument, const char *config, const struct destination *to)
{
	size_t count = 0;

	argument[count++] = "ssh";
	if (config != NULL) {
		argument[count++] = "-F";
		argument[count++] = config;
	}
	argument[count++] = "-T";
	argument[count++] = "-oBatchMode=yes";
	argument[count++] = "-oClearAllForwardings=yes";
	argument[count++] = "-oEscapeChar=none";
	/* Share no connections: one left open by an earlier run would still work after the key's removal. */
	argument[count++] = "-oControlMaster=no";
	argument[count++] = "-oControlPath=none";
	if (to->port[0] != '\0') {
		argument[count++] = "-p";
		argument[count++] = to->port;
	}
	argument[count++] = "--";
	argument[count++] = to->host;
	argument[count++] = "exchange";
	argument[count] = NULL;
}

static int
spawn(struct ssh *ssh, const char *const *argument, const int child[3])
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	for (int fd = 0; fd < 3 && error == 0; fd++)
		error = posix_spawn_file_actions_adddup2(&actions, child[fd], fd);
	/* This process may have inherited open descriptors from its parent. */
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	sigemptyset(&none);
	sigfillset(&all);
	if (error == 0)
		error = posix_spawnattr_setsigmask(&attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(&attributes, &all);
	/*
	 * Start ssh in a new session, without a controlling terminal.  If root started guestclock, a program in ssh's place
	 * could otherwise push input into root's shell (TIOCSTI).
	 */
	if (error == 0)
		error = posix_spawnattr_setflags(&attributes,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (error == 0)
		error = posix_spawnp(&ssh->pid, "ssh", &actions, &attributes, (char *const *)(uintptr_t)argument, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int
ssh_start(struct ssh *ssh, const char *config, const char *name)
{
	struct destination to = { .host = "" };
	const char *argument[ARGUMENTS];
	int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int error = guest_list_destination(name, &to) == NULL ? 0 : EINVAL;

	*ssh = (struct ssh){ .input = -1, .output = -1, .error = -1 };
	make_arguments(argument, config, &to);
	for (int fd = 0; fd < 3 && error == 0; fd++)
		if (pipe2(pipes[fd], O_CLOEXEC) != 0)
			error = errno;
	/* Only this process's ends become non-blocking: ssh sets the mode of its own ends. */
	for (int fd = 0; fd < 3 && error == 0; fd++)
		if (fcntl(pipes[fd][fd == 0], F_SETFL, O_NONBLOCK) != 0)
			error = errno;
	if (error == 0)
		error = spawn(ssh, argument, (const int[3]){ pipes[0][0], pipes[1][1], pipes[2][1] });
	for (int fd = 0; fd < 3; fd++) {
		ssh_close(&pipes[fd][fd != 0]);
		if (error != 0)
			ssh_close(&pipes[fd][fd == 0]);
	}
	*ssh = (struct ssh){ .pid = error == 0 ? ssh->pid : 0, .input = pipes[0][1], .output = pipes[1][0],
		.error = pipes[2][0] };
	return error;
}
