/* Access control through libwrap: see access.h. */
#include "lib/access.h"

#include <errno.h>
#include <resolv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#define INET6 1			/* as in Debian's build of libwrap: changes struct host_info in tcpd.h */
#include <tcpd.h>

#include "lib/acl_file.h"
#include "lib/startup.h"
#include "lib/sysclock.h"

/* libwrap needs these (hosts_access(3)); a rule's severity option sets them. */
int allow_severity = LOG_INFO;
int deny_severity = LOG_WARNING;

/*
 * Debian 12's libwrap.a calls this function of NIS if a rule names a netgroup.  The program is linked without NIS: this
 * replacement reports that there is no NIS domain.  libwrap then names no domain to innetgr(3), so that the entries of
 * a netgroup match whatever domain they have.
 */
int yp_get_default_domain(char **domain);

int
yp_get_default_domain(char **domain)
{
	*domain = NULL;
	return 1;		/* YPERR_BADARGS; any value except 0 is an error */
}

/*
 * The next two variables, tcpd_warn() and tcpd_jump() replace those of libwrap's diag.c.  After a warning that libwrap
 * did not understand a rule, its verdict does not count.  In wait mode messages are limited: a client with many
 * addresses must not fill the log.
 */
struct tcpd_context tcpd_context;	/* the table and line that libwrap reads */
jmp_buf tcpd_buf;			/* hosts_access(3) continues here after tcpd_jump() */

static bool (*may_log)(void);	/* the limit of wait mode; NULL: no limit */

/* The rule that libwrap reads instead of the tables: see access_match(). */
static const char *only_rule;
static bool passed;		/* libwrap did not find the client in only_rule */

static bool
log_allowed(void)
{
	return only_rule == NULL && (may_log == NULL || may_log());
}

static void
log_complaint(const char *what, const char *text)
{
	char place[512] = "";

	if (!log_allowed())
		return;
	if (tcpd_context.file != NULL)
		snprintf(place, sizeof place, "%.400s, line %d: ", tcpd_context.file, tcpd_context.line);
	syslog(LOG_ERR, "%s: %s%s", what, place, text);
}

/*
 * Whether a warning with this FORMAT means that libwrap did not understand a rule.  All do, with two exceptions.  In
 * the first, setsockopt(2) failed, perhaps because there is no connection.  In the second, which has two warnings, the
 * last line has no newline: acl_parse() accepted that line, so it is blank or a comment.
 */
static bool
warning_matters(const char *format)
{
	static const char *const harmless[] = { "setsockopt ", "missing newline ", "all the subsequent rules " };

	for (size_t at = 0; at < sizeof harmless / sizeof harmless[0]; at++)
		if (strncmp(format, harmless[at], strlen(harmless[at])) == 0)
			return false;
	return true;
}

static const char unreadable[] =
    "libwrap could not read or understand all of hosts.allow, hosts.deny and the lists that they name";
static const char *unread;	/* why libwrap's verdict does not hold and the client is denied; NULL: it holds */
static struct access_name *finding;	/* not NULL: libwrap's warnings are about the client's name, not about a table */

void __attribute__((format(printf, 1, 2)))
tcpd_warn(char *format, ...)
{
	char text[BUFSIZ];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (finding != NULL) {
		snprintf(finding->warning, sizeof finding->warning, "%.*s", (int)sizeof finding->warning - 1, text);
		return;
	}
	unread = warning_matters(format) ? unreadable : unread;
	log_complaint("warning", text);
}

void __attribute__((format(printf, 1, 2)))
tcpd_jump(char *format, ...)
{
	char text[BUFSIZ];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	log_complaint("error", text);
	longjmp(tcpd_buf, AC_ERROR);
}

/* Lookups may take half of the time, and so much of the time to come. */
#define LOOKUP_ADVANCE NS_PER_SECOND

/*
 * Seconds from the start of a lookup until cut_connection() shuts down its TCP connection to a name server.  From then
 * on, cut_connection() runs each second until the lookup ends: the lookup may have opened another connection.
 */
#define LOOKUP_CONNECTION 5

/*
 * For each name server, two tries of one second each (the C library's default: of five seconds each).  If the
 * superserver or sshd set RES_OPTIONS in the environment, that applies instead.
 */
#define LOOKUP_PATIENCE "timeout:1 attempts:2"

static const char *daemon_name;
static bool strict;
static nanoseconds lookups_balanced;	/* when the lookups so far will have taken half of the time */
static bool lookup_put_off;		/* a rule needed the client's name, and no lookup was started or completed */
static struct host_info *asked;	/* the host whose name is looked up */
static bool (*look_up)(struct access_name *found);
static bool can_cut;			/* the handler that shuts down connections to name servers is installed */

/*
 * Handles SIGVTALRM: ends a lookup over TCP.  The C library repeats a query over TCP if the reply was too long for UDP,
 * and has no time limit for that.  After a shutdown of the connection it treats the name server as failed.  Every call
 * here is async-signal-safe (signal-safety(7)).
 */
static void
cut_connection(int signal)
{
	int error = errno;

	(void)signal;
	if (_res._vcsock >= 0)
		shutdown(_res._vcsock, SHUT_RDWR);
	errno = error;
}

/* Logs a note on a pattern, each once. */
static void
log_note(const char *path, const struct acl_note *note)
{
	static uint32_t logged[64];		/* hashes of the notes (FNV-1a); a process logs no more than these */
	static size_t count;
	uint32_t hash = 2166136261;
	char text[1024];

	snprintf(text, sizeof text, "%.400s, line %lu: %s: %s", path, note->line, note->word, note->what);
	for (const char *at = text; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619;
	for (size_t at = 0; at < count; at++)
		if (logged[at] == hash)
			return;
	if (count == sizeof logged / sizeof logged[0] || !log_allowed())
		return;
	logged[count++] = hash;
	syslog(LOG_WARNING, "%s", text);
}

void
access_start(const char *name, bool strict_access)
{
	/* No SA_RESTART: the signal must end connect(2).  Not SIGALRM: timed/wait_mode.c uses it. */
	static const struct sigaction cut = { .sa_handler = cut_connection };

	daemon_name = name;
	strict = strict_access;
	look_up = access_look_up;
	/* Install the handler now: after filter_enter(), sigaction(2) fails. */
	can_cut = sigaction(SIGVTALRM, &cut, NULL) == 0;
	acl_file_report(log_note, NULL);
}

void
access_look_up_by(bool (*instead)(struct access_name *found))
{
	look_up = instead;
}

void
access_stay(bool (*log_allows)(void))
{
	resident = 1;
	may_log = log_allows;
}

/* The last complaint, which this process repeats at most once a minute.  A repair of the tables clears it. */
static char complained[512];
static nanoseconds complain_after;

static void
complain(const char *text, const char *whom)
{
	nanoseconds now = sysclock_elapsed();

	if ((strcmp(text, complained) == 0 && now < complain_after) || !log_allowed())
		return;
	snprintf(complained, sizeof complained, "%s", text);
	complain_after = now + 60 * NS_PER_SECOND;
	syslog(LOG_WARNING, "%s: %s is denied", text, whom);
}

/*
 * Danger: libwrap treats a read error in a table, or in a list of clients that a table names, as the end of the file,
 * and a file that it cannot open as empty.  It would then allow clients that the unread part denies.  So the Makefile
 * replaces fopen and fclose by these two functions in the copy of libwrap.a that it links.  A table may be missing.  A
 * list may not: acl_file_look() found it, so it was removed in between, and counts as unread.
 */
FILE *access_fopen(const char *path, const char *mode);
int access_fclose(FILE *file);

FILE *
access_fopen(const char *path, const char *mode)
{
	bool table = strcmp(path, hosts_allow_table) == 0 || strcmp(path, hosts_deny_table) == 0;
	FILE *file;

	if (table && only_rule != NULL && strcmp(path, hosts_deny_table) == 0) {
		passed = true;
		errno = ENOENT;
		return NULL;
	}
	if (table && only_rule != NULL)
		file = fmemopen((void *)(uintptr_t)only_rule, strlen(only_rule), "r");
	else
		file = fopen(path, mode);
	if (file == NULL && !(table && (errno == ENOENT || errno == ENOTDIR)))
		unread = unreadable;
	return file;
}

int
access_fclose(FILE *file)
{
	unread = ferror(file) ? unreadable : unread;
	return fclose(file);
}

/* sock_hostname(), with a time limit for its TCP connections to name servers. */
static void
look_up_in_time(void)
{
	static const struct itimerspec end = { .it_value = { .tv_sec = LOOKUP_CONNECTION }, .it_interval = { .tv_sec = 1 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM };
	timer_t timer;

	/* Without the timer only lookups over TCP have no time limit. */
	if (!can_cut || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
		sock_hostname(asked);
		return;
	}
	timer_settime(timer, 0, &end, NULL);
	sock_hostname(asked);
	timer_delete(timer);
}

bool
access_look_up(struct access_name *found)
{
	_Static_assert(sizeof found->name == sizeof asked->name, "libwrap's longest name");

	found->warning[0] = '\0';
	setenv("RES_OPTIONS", LOOKUP_PATIENCE, 0);
	finding = found;
	look_up_in_time();
	finding = NULL;
	memcpy(found->name, asked->name, sizeof found->name);
	return true;
}

/* startup_lookups(), just before a lookup: at every start of in.timed it would cost more than most verdicts. */
static bool
restrict_lookups(void)
{
	static char why[128];

	if (startup_lookups())
		return true;
	snprintf(why, sizeof why, "cannot restrict name lookup to /etc/hosts and DNS: %s", strerror(errno));
	unread = why;
	return false;
}

/*
 * libwrap calls this when it comes to a rule that needs the client's name.
 * While this waits for a name server, the process serves no client.  A dead name server, or a client whose name is slow
 * to look up, or many of them, must not block the process all the time.  A client that needs a lookup in the time that
 * is kept free is denied, and access_may_cache() then returns false.
 */
static void
look_up_name(struct host_info *host)
{
	nanoseconds start = sysclock_elapsed(), took, pause;
	struct access_name found;

	if (start < lookups_balanced - LOOKUP_ADVANCE) {
		lookup_put_off = true;
		return;
	}
	if (!restrict_lookups())
		return;
	asked = host;
	if (look_up(&found)) {
		memcpy(host->name, found.name, sizeof host->name);
		if (found.warning[0] != '\0')
			log_complaint("warning", found.warning);
	} else
		lookup_put_off = true;
	took = sysclock_elapsed() - start;
	lookups_balanced = (lookups_balanced > start ? lookups_balanced : start) + 2 * took;
	pause = lookups_balanced - LOOKUP_ADVANCE - start - took;
	if (pause > 0 && log_allowed())
		syslog(LOG_WARNING, may_log != NULL ? "looking up the name of %s took %lld ms: for %lld ms from now on, clients "
		    "whose name a rule needs are denied" : "looking up the name of %s took %lld ms", eval_hostaddr(host),
		    (long long)(took / NS_PER_MILLISECOND), (long long)(pause / NS_PER_MILLISECOND));
}

/* Whether libwrap allows PEER.  The answer holds unless this sets unread or lookup_put_off. */
static bool
ask_libwrap(const union peer *peer, int fd)
{
	/* libwrap needs a pointer to non-const, and may use it until hosts_access(3) returns. */
	static union peer client;
	static char name[STRING_LENGTH];	/* the client's, as looked up for the last rule: look it up once */
	struct request_info request;
	char address[PEER_TEXT];
	bool allowed;

	client = *peer;
	/*
	 * Pass the address as text, too, so that libwrap need not call the C library for it.  Remove the address's scope
	 * (its interface): the patterns in rules have none, and DNS has none.
	 */
	if (client.any.sa_family == AF_INET6)
		client.v6.sin6_scope_id = 0;
	peer_format(&client, address);
	/* After tcpd_jump() the context of the last query is still set. */
	memset(&tcpd_context, 0, sizeof tcpd_context);
	unread = NULL;
	if (client.any.sa_family == AF_INET || client.any.sa_family == AF_INET6) {
		request_init(&request, RQ_DAEMON, daemon_name, RQ_FILE, fd, RQ_CLIENT_SIN, &client.any,
		    RQ_CLIENT_ADDR, address, 0);
		sock_methods(&request);
		request.hostname = look_up_name;
		if (only_rule != NULL)
			request_set(&request, RQ_CLIENT_NAME, name, 0);
	} else {
		request_init(&request, RQ_DAEMON, daemon_name, RQ_FILE, fd, RQ_CLIENT_NAME, unknown, RQ_CLIENT_ADDR, unknown, 0);
		/* libwrap has a name for this client and does not call look_up_name(), but it may search a netgroup for it. */
		restrict_lookups();
	}
	allowed = hosts_access(&request) != 0;
	/* Danger: after a rule's option linger, close(2) would wait for the client, and no other client would be served. */
	if (fd >= 0 && may_log != NULL)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 0 }, sizeof(struct linger));
	if (only_rule != NULL)
		memcpy(name, request.client->name, sizeof name);
	return allowed;
}

bool
access_allows(const union peer *peer, int fd)
{
	const char *fault = acl_file_fault();
	bool allowed;

	allow_severity = LOG_INFO;
	deny_severity = LOG_WARNING;
	lookup_put_off = false;
	if (fault != NULL) {
		complain(fault, "everybody");
		return false;
	}
	allowed = ask_libwrap(peer, fd);
	if (unread != NULL) {
		acl_file_distrust();
		complain(unread, "the client");
	}
	return allowed && unread == NULL && !lookup_put_off;
}

enum access_match
access_match(const union peer *peer, const char *rule)
{
	only_rule = rule;
	passed = lookup_put_off = false;
	ask_libwrap(peer, -1);
	only_rule = NULL;
	return unread != NULL || lookup_put_off ? ACCESS_UNDECIDED : passed ? ACCESS_PASSES : ACCESS_MATCHES;
}

int
access_severity(void)
{
	return deny_severity;
}

bool
access_tables_changed(void)
{
	bool faulty = acl_file_fault() != NULL;
	bool changed = acl_file_look(daemon_name, hosts_allow_table, hosts_deny_table, strict);

	if (faulty && acl_file_fault() == NULL)
		complained[0] = '\0';
	/* A rule's options user and group look up users and groups, perhaps before look_up_name() is called. */
	if (changed && access_may_run())
		startup_lookups();
	return changed;
}

const char *
access_tables_fault(acl_file_note *note, acl_file_rule *rule)
{
	acl_file_report(note, rule);
	acl_file_distrust();
	acl_file_look(daemon_name, hosts_allow_table, hosts_deny_table, strict);
	return acl_file_fault();
}

bool
access_may_cache(void)
{
	return acl_file_effect() == ACL_PLAIN && !lookup_put_off;
}

bool
access_may_run(void)
{
	return acl_file_effect() == ACL_RUN;
}
