/*
 * guestclock-set: the forced command that sets a guest's clock.  See guestclock-set(8).
 *
 * Identifies the client, parses its request and checks whether it is allowed; perform.c performs it.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/filter.h"
#include "lib/show_tables.h"
#include "lib/startup.h"
#include "set/hangup.h"
#include "set/lookup_process.h"
#include "set/outcome.h"
#include "set/perform.h"
#include "set/policy.h"
#include "set/privilege.h"
#include "set/request.h"
#include "set/set_options.h"
#include "set/ssh_env.h"

/*
 * Returns the text of the request.  That is, if the command line has WORDS, these, joined by spaces in LINE, as ssh
 * does; otherwise the client's request or, if that is blank, the default if there is one.  Sets *ADMINISTRATORS: whether
 * the guest's administrator wrote the text (in the forced command, or by hand); then it may name any time source.
 */
static const char *
request_text(const struct ssh_env *client, const struct set_options *options, char *const *words, char line[REQUEST_OCTETS + 2],
    bool *administrators)
{
	size_t size = REQUEST_OCTETS + 2, used = 0;
	bool defaulted = client->command[strspn(client->command, " ")] == '\0' && options->default_request != NULL;

	*administrators = *words != NULL || defaulted;
	if (*words == NULL)
		return defaulted ? options->default_request : client->command;
	for (; *words != NULL && used < size - 1; words++)
		used += (size_t)snprintf(line + used, size - used, "%s%s", used > 0 ? " " : "", *words);
	return line;
}

static enum status
parse_request(const char *text, struct request *request)
{
	char copy[REQUEST_OCTETS + 1], complaint[REQUEST_COMPLAINT];
	const char *words[REQUEST_WORDS];
	int count = request_split(text, copy, words, complaint);

	if (count == 0)
		return outcome_usage("empty request, and the forced command names no --default: expected " REQUEST_NAMES);
	if (count < 0 || !request_parse(words, count, if_nametoindex, request, complaint))
		return outcome_usage("%s", complaint);
	return STATUS_DONE;
}

static enum status
check_request(const struct request *request, const struct set_options *options, const struct ssh_env *client,
    bool administrators)
{
	enum source_verdict verdict;

	if ((options->allowed & REQUEST_BIT(request->kind)) == 0)
		return outcome_refuse("%s is not among the requests that --allow names", request_kind_name(request->kind));
	if (request->kind != REQUEST_RDATE)
		return STATUS_DONE;
	if (request->rdate.address.any.sa_family == AF_INET6 &&
	    request->rdate.address.v6.sin6_scope_id == PEER_NO_INTERFACE)
		return outcome_usage("time source %.80s: there is no such network interface", request->rdate.host);
	verdict = administrators ? SOURCE_ALLOWED :
	    policy_judge_source(&request->rdate, options, if_nametoindex, &client->peer);
	if (verdict == SOURCE_ALLOWED)
		return STATUS_DONE;
	if (verdict == SOURCE_OTHER_PORT)
		return outcome_refuse("time source %.80s: port %u is not allowed; in the forced command, --host NAME:PORT "
		    "allows a port, and --any-port every port where --host names none", request->rdate.host,
		    (unsigned)request->rdate.port);
	if (options->hosts > 0)
		return outcome_refuse("time source %.80s is not among those that --host names", request->rdate.host);
	return outcome_refuse("time source %.80s is not the ssh client's own address, %s, and no --host "
	    "names it", request->rdate.host, client->address);
}

/* For the administrator, by hand: refuses if an ssh client sent a request. */
static enum status
explain_tables(const struct ssh_env *client, char *const *words)
{
	char complaint[OPTION_COMPLAINT];
	enum status status;

	if (client->command[0] != '\0')
		return outcome_usage("--check-tables in a forced command: expected it by hand, without a request of an ssh "
		    "client");
	status = show_tables_print(words, complaint);
	if (status == STATUS_USAGE)
		return outcome_usage("%s", complaint);
	return status == STATUS_SYSTEM ? outcome_fail("cannot write to standard output: %s", strerror(errno)) : status;
}

static enum status
run(int argc, char **argv)
{
	static char output[4096];
	struct set_options options = set_options_default();
	struct ssh_env client;
	struct hangup hangup;
	struct request request = { .kind = 0 };
	struct filter_missed missed;
	char complaint[OPTION_COMPLAINT], line[REQUEST_OCTETS + 2];
	const char *text;
	bool administrators, identified;
	enum status status;
	int words, error;

	startup_close_from(STDERR_FILENO + 1);
	if (!startup_descriptors())
		return outcome_fail("cannot open /dev/null in place of a closed standard input, output or error: %s", strerror(errno));
	/* A write beyond a file size limit must fail: SIGXFSZ could kill this process before it reports a set. */
	signal(SIGXFSZ, SIG_IGN);
	if (!startup_lookups())
		return outcome_fail("cannot restrict name lookup to /etc/hosts and DNS: %s", strerror(errno));
	/*
	 * SIGPIPE: a client that has gone must not end this process before it logs.  SIGCHLD: if it were inherited as
	 * ignored, the kernel would reap this process's children, and it could not wait for them.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	error = privilege_enclose();
	/* Give stdio a buffer: to allocate one, it calls fstat(3), which the filter denies with some C libraries. */
	setvbuf(stdout, output, _IOFBF, sizeof output);
	hangup_start(&hangup);
	identified = ssh_env_read(&client);
	tzset();
	outcome_start(&client);
	outcome_request(client.command);
	if (error != 0)
		return outcome_fail("cannot forbid core files, tracing and new privileges: %s", strerror(error));
	if (!identified)
		return outcome_usage("SSH_CONNECTION is missing or not \"address port address port\": expected it as sshd sets "
		    "it, beside SSH_ORIGINAL_COMMAND (sudo keeps what env_keep names)");
	words = set_options_parse(argc, argv, &options, complaint);
	if (words == OPTION_WRONG)
		return outcome_usage("%s", complaint);
	if (words < 0)
		return startup_inform(&set_options_program, words) ? STATUS_DONE :
		    outcome_fail("cannot write to standard output: %s", strerror(errno));
	if (options.no_filter)
		filter_disable();
	access_start("guestclock-set", options.strict_access);
	access_stay(NULL);
	access_look_up_by(lookup_process);
	if (options.check_tables)
		return explain_tables(&client, argv + words);
	access_tables_changed();
	if (client.by_ssh && !access_allows(&client.peer, -1))
		return outcome_refuse("hosts.allow and hosts.deny do not let %s in", client.address);
	if (argv[words] != NULL && client.command[0] != '\0')
		return outcome_usage("the command line has a request (\"%.32s\") and the ssh client another: "
		    "expected one", argv[words]);
	text = request_text(&client, &options, argv + words, line, &administrators);
	outcome_request(text);
	status = parse_request(text, &request);
	if (status == STATUS_DONE)
		status = check_request(&request, &options, &client, administrators);
	if (status == STATUS_DONE)
		status = perform_request(&request, &options, &hangup);
	while (filter_next_missed(&missed))
		outcome_missed(&missed);
	return status;
}

int
main(int argc, char **argv)
{
	return (int)run(argc, argv);
}
