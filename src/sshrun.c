/* Running ssh: see sshrun.h. */
#include "sshrun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS 24

void
sshrun_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
sshrun_close_all(struct sshrun *ssh)
{
	sshrun_close(&ssh->input);
	sshrun_close(&ssh->output);
	sshrun_close(&ssh->error);
	sshrun_close(&ssh->control);
}

bool
sshrun_running(const struct sshrun *ssh)
{
	return ssh->pid > 0 || ssh->control >= 0;
}

void
sshrun_socket_path(const char *directory, const char *destination, char path[SOCKET_PATH])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-";

	path[0] = '\0';
	if (directory == NULL || destination[strspn(destination, plain)] != '\0' || destination[0] == '.' ||
	    strchr(destination, '@') != strrchr(destination, '@'))
		return;
	if (snprintf(path, SOCKET_PATH, "%s/%s", directory, destination) >= SOCKET_PATH)
		path[0] = '\0';
}

/* argv for ssh.  The destination stands behind "--": whatever it looks like, it is no option. */
static void
make_arguments(const char **argument, const char *config, const char *destination, enum sshway way, const char *control_path)
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
	if (way == SSH_FRESH) {
		argument[count++] = "-oControlMaster=no";
		argument[count++] = "-oControlPath=none";
	} else if (control_path[0] != '\0' && strchr(destination, '@') != NULL)
		/* ssh_config's %n is the host alone: two users of one host would share one user's connection. */
		argument[count++] = control_path;
	argument[count++] = "--";
	argument[count++] = destination;
	argument[count++] = "exchange";
	argument[count] = NULL;
}

static int
spawn(struct sshrun *ssh, const char *const *argument, const int child[3])
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, usual;
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
	/* What this process blocks and ignores is its own affair. */
	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGCHLD);
	if (error == 0)
		error = posix_spawnattr_setsigmask(&attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(&attributes, &usual);
	if (error == 0)
		error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (error == 0)
		error = posix_spawnp(&ssh->pid, "ssh", &actions, &attributes, (char *const *)(uintptr_t)argument, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int
sshrun_start(struct sshrun *ssh, const struct sshplace *place, const char *destination, enum sshway way)
{
	char path[SOCKET_PATH], option[SOCKET_PATH + 24] = "";
	const char *argument[ARGUMENTS];
	int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int error = 0;

	*ssh = (struct sshrun){ .control = -1, .input = -1, .output = -1, .error = -1 };
	sshrun_socket_path(place->sockets, destination, path);
	if (path[0] != '\0')
		snprintf(option, sizeof option, "-oControlPath=%s", path);
	make_arguments(argument, place->config, destination, place->alone ? SSH_FRESH : way, option);
	for (int fd = 0; fd < 3 && error == 0; fd++)
		if (pipe2(pipes[fd], O_CLOEXEC) != 0)
			error = errno;
	if (error == 0) {
		ssh->input = pipes[0][1];
		ssh->output = pipes[1][0];
		ssh->error = pipes[2][0];
		/* Our ends alone: ssh makes its own as it likes them. */
		for (int fd = 0; fd < 3 && error == 0; fd++)
			if (fcntl(pipes[fd][fd == 0], F_SETFL, O_NONBLOCK) != 0)
				error = errno;
	}
	if (error == 0 && way == SSH_KEPT && path[0] != '\0')
		ssh->control = mux_open(path, "exchange", (const int[3]){ pipes[0][0], pipes[1][1], pipes[2][1] });
	if (error == 0 && ssh->control < 0)
		error = spawn(ssh, argument, (const int[3]){ pipes[0][0], pipes[1][1], pipes[2][1] });
	for (int fd = 0; fd < 3; fd++) {
		sshrun_close(&pipes[fd][fd != 0]);
		if (error != 0)
			sshrun_close(&pipes[fd][fd == 0]);
	}
	if (error != 0)
		*ssh = (struct sshrun){ .control = -1, .input = -1, .output = -1, .error = -1 };
	return error;
}
