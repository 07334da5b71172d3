/* Running ssh: see ssh_process.h. */
#include "host/ssh_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/guest_list.h"
#include "host/ssh_cause.h"

#define ARGUMENTS 24
/* The most octets that are read from one ssh's standard error. */
#define ERROR_OCTETS 65536
/* ssh's own exit status if ssh itself fails.  Every other status is that of the forced command. */
#define SSH_FAILED 255

void
ssh_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
ssh_signal(const struct ssh *ssh, int signal)
{
	if (ssh->pid > 0)
		kill(-ssh->pid, signal);
}

/* Makes ssh's argv.  "--" precedes the destination, so that ssh never parses it as an option. */
static void
make_arguments(const char **argument, const char *config, const struct destination *to)
{
	static const char *const fixed[] = {
		/* No terminal.  Whatever ssh_config says, the guest gets no agent (a), X display (x) or Kerberos ticket (k). */
		"-Taxk", "-oBatchMode=yes", "-oClearAllForwardings=yes", "-oEscapeChar=none", "-oPermitLocalCommand=no",
		/* A guest adds no host key to known_hosts: that key would stay after the removal of the guest's stolen one. */
		"-oUpdateHostKeys=no",
		/* Share no connections: one that an earlier run left open would work even after the guest removed this host's key. */
		"-oControlMaster=no", "-oControlPath=none",
		/* guestclock itself ends a session that lasts too long.  A paused guest answers first in the one that is open. */
		"-oServerAliveInterval=0", "-oTCPKeepAlive=no" };
	size_t count = 0;

	argument[count++] = "ssh";
	if (config != NULL) {
		argument[count++] = "-F";
		argument[count++] = config;
	}
	memcpy(argument + count, fixed, sizeof fixed);
	count += sizeof fixed / sizeof *fixed;
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
	int error = 0;

	/* Functions on attributes do not fail with these arguments; functions on actions fail if memory runs out. */
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	/*
	 * Start ssh in a new session, without a controlling terminal.  If root started guestclock, a program in ssh's place
	 * could otherwise push input into root's shell (TIOCSTI).
	 */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	for (int fd = 0; fd < 3 && error == 0; fd++)
		error = posix_spawn_file_actions_adddup2(&actions, child[fd], fd);
	/* ssh must not get descriptors that this process inherited from its parent. */
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
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

/* Handles the end of a line of standard error. */
static void
end_line(struct ssh *ssh)
{
	ssh->line_ended = ssh->held > 0;
	ssh->last[ssh->held] = '\0';
	if (ssh->first_found)
		return;
	/* ssh prints more general lines after the first one that it has for a cause. */
	ssh->cause = ssh_cause_find(ssh->last);
	ssh->first_found = ssh->cause != NULL || ssh_cause_quotes(ssh->last);
	if (ssh->first_found)
		memcpy(ssh->first, ssh->last, sizeof ssh->first);
}

void
ssh_read_error(struct ssh *ssh)
{
	char room[1024];

	while (ssh->error >= 0) {
		ssize_t got = read(ssh->error, room, sizeof room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got > 0)
			ssh->read += (size_t)got;
		if (got <= 0 || ssh->read > ERROR_OCTETS) {
			ssh_close(&ssh->error);
			return;
		}
		for (ssize_t at = 0; at < got; at++) {
			if (room[at] == '\n' || room[at] == '\r') {
				end_line(ssh);
				continue;
			}
			if (ssh->line_ended)
				ssh->held = 0;
			ssh->line_ended = false;
			if (ssh->held < sizeof ssh->last - 1)
				ssh->last[ssh->held++] = room[at] != '\0' ? room[at] : '?';
		}
	}
}

static bool
failed(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED;
}

void
ssh_ended(struct ssh *ssh, int status)
{
	ssh_read_error(ssh);
	end_line(ssh);
	/* If ssh itself did not fail, another program may have printed the line in which the cause was found. */
	if (!failed(status))
		ssh->cause = NULL;
	ssh_close(&ssh->input);
	ssh_close(&ssh->output);
	ssh_close(&ssh->error);
}

bool
ssh_may_heal(const struct ssh *ssh, int status)
{
	return failed(status) && (ssh->cause == NULL || ssh->cause->may_heal);
}

/*
 * Whether the ssh configuration CONFIG (a path; NULL: none) has a line "KEYWORD PATH" with a PATH that this process
 * cannot read.  Only an absolute PATH without % counts.  If there is one, TEXT becomes "KEYWORD PATH: reason".
 */
static bool
file_fault(const char *config, const char *keyword, char *text, size_t size)
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

void
ssh_explain(struct ssh *ssh, const char *config, int status, char *text, size_t size)
{
	const struct ssh_cause *cause = ssh->cause;
	char fault[SSH_LINE], silent[80];
	size_t length = strlen(ssh->first);

	/* Remove the full stop of ssh's message: a colon follows. */
	if (length > 0 && ssh->first[length - 1] == '.')
		ssh->first[length - 1] = '\0';
	if (cause != NULL && cause->keyword != NULL && file_fault(config, cause->keyword, fault, sizeof fault))
		snprintf(text, size, "%s: %s; %s", ssh->first, fault, cause->file_cure);
	else if (cause != NULL)
		snprintf(text, size, "%s: %s", ssh->first, cause->cure);
	else if (ssh->held > 0)
		/* 127: ssh's loader, or a shell of the guest's. */
		snprintf(text, size, "%s says: %s", WIFEXITED(status) && !failed(status) && WEXITSTATUS(status) != 127 ?
		    "the guest" : "ssh or the guest",
		    failed(status) && ssh->first_found ? ssh->first : ssh->last);
	else if (WIFSIGNALED(status))
		snprintf(text, size, "ssh was ended by signal %d", WTERMSIG(status));
	else {
		snprintf(silent, sizeof silent, "ssh ended with exit status %d before the exchange was complete", WEXITSTATUS(status));
		cause = ssh_cause_find(silent);
		snprintf(text, size, "%s%s%s", silent, cause != NULL ? ": " : "", cause != NULL ? cause->cure : "");
	}
}
