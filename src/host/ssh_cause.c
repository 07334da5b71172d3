/* The table of ssh's error messages: see ssh_cause.h. */
#include "host/ssh_cause.h"

#include <stddef.h>
#include <string.h>

#define ADD_HOST_KEY "compare the guest's host key with the guest itself, then add it to /etc/guestclock/known_hosts or " \
    "your UserKnownHostsFile (ssh-keyscan prints it)"
#define TURNED_AWAY "sshd (a gateway's, perhaps) turns this host away: too many connections at once (MaxStartups: lower -j) or " \
    "failed logins (PerSourcePenalties: wait a minute)"
#define DOWN "the guest is down, or its network or a firewall blocks ssh"

/*
 * What tells about keys and files must stand where ssh writes it: at the start of a line, which only ssh or the guest
 * itself can write, and no other machine.  What tells about the network may stand anywhere.
 */
static const struct ssh_cause causes[] = {
	{ "Permissions ~ are too open", "chmod 600 the key file", NULL, NULL, false },
	{ "Load key \"", "the key file must be a private key that the user who runs guestclock can read", NULL, NULL, false },
	{ "*@*: Permission denied (", "the guest refuses this key or user: check User in ssh_config, and on the guest the key's line and the modes "
	    "of authorized_keys, and PermitRootLogin", "IdentityFile",
	    "make it with ssh-keygen -t ed25519, or let the user who runs guestclock read it", false },
	{ "Host key for * has changed and you have requested", "if the guest was reinstalled, remove its old key (ssh-keygen -R GUEST -f "
	    "the UserKnownHostsFile) and add the new one; if not, somebody may be intercepting the connection", NULL, NULL, false },
	{ "No * host key is known for", ADD_HOST_KEY, "UserKnownHostsFile",
	    "make it with the guests' host keys, or let the user who runs guestclock read it", false },
	{ "Host key verification failed", ADD_HOST_KEY, NULL, NULL, false },
	{ "Certificate invalid", "the dates of a certificate and a clock disagree: use a plain key, or a certificate without dates (no -V)", NULL,
	    NULL, false },
	{ "~Connection refused", "no sshd listens there: start it, or correct HostName and Port in ssh_config", NULL, NULL, true },
	{ "~timed out", DOWN, NULL, NULL, true },
	{ "~No route to host", DOWN, NULL, NULL, true },
	{ "~Network is unreachable", DOWN, NULL, NULL, true },
	{ "~Connection closed by remote host", TURNED_AWAY, NULL, NULL, true },
	{ "~Connection reset by peer", TURNED_AWAY, NULL, NULL, true },
	{ "ssh ended with exit status 255 before", TURNED_AWAY, NULL, NULL, true },
	{ "ssh: Could not resolve hostname", "correct the guest's name, or set HostName in ssh_config", NULL, NULL, true },
	{ "*: line *: Bad configuration option", "this ssh does not know the option: remove it from ssh_config", NULL, NULL, false },
	{ "Bad owner or permissions on", "this file must belong to root or the user who runs guestclock, and only its owner may write to it",
	    NULL, NULL, false },
};

/* Whether LINE begins as PATTERN, in which * stands for octets other than a blank, and ~ for any octets. */
static bool
begins(const char *line, const char *pattern)
{
	for (; *pattern != '*' && *pattern != '~'; line++, pattern++) {
		if (*pattern == '\0')
			return true;
		if (*line != *pattern)
			return false;
	}
	while (!begins(line, pattern + 1)) {
		if (*line == '\0' || (*pattern == '*' && *line == ' '))
			return false;
		line++;
	}
	return true;
}

bool
ssh_cause_quotes(const char *line)
{
	return begins(line, "Received disconnect from ") || begins(line, "Unable to negotiate with ");
}

const struct ssh_cause *
ssh_cause_find(const char *line)
{
	if (ssh_cause_quotes(line))
		return NULL;
	for (size_t at = 0; at < sizeof causes / sizeof causes[0]; at++)
		if (begins(line, causes[at].complaint))
			return &causes[at];
	return NULL;
}
