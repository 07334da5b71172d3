/* Access control through libwrap: see access.h. */
#include "lib/access.h"

#include <errno.h>
#include <resolv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#define INET6 1			/* Debian's libwrap is built so; tcpd.h declares sockaddr for it */
#include <tcpd.h>

#include "lib/acl_file.h"
#include "lib/startup.h"
#include "lib/sysclock.h"

/* libwrap reads and writes these; its severity option sets them. */
int allow_severity = LOG_INFO;
int deny_severity = LOG_WARNING;

/*
 * libwrap.a asks NIS for its domain when a rule names a netgroup.  There is no NIS here: the answer is that there
 * is no domain, and the netgroup matches nobody.
 */
int yp_get_default_domain(char **domain);

int
yp_get_default_domain(char **domain)
{
	*domain = NULL;
	return 1;		/* YPERR_BADARGS; anything but 0 */
}

/*
 * libwrap's diag.c, written anew: whoever sends from many addresses must not fill the log with what libwrap has to say
 * of each.
 */
struct tcpd_context tcpd_context;	/* the table and line that libwrap is at */
jmp_buf tcpd_buf;			/* where hosts_access(3) waits for the end of what cannot go on */

static bool (*may_log)(void);

static bool
log_allowed(void)
{
	return may_log == NULL || may_log();
}

static void __attribute__((format(printf, 3, 0)))
log_complaint(int priority, const char *what, const char *format, va_list arguments)
{
	int error = errno;
	char place[512] = "", text[BUFSIZ];

	if (!log_allowed())
		return;
	if (tcpd_context.file != NULL)
		snprintf(place, sizeof place, "%.400s, line %d: ", tcpd_context.file, tcpd_context.line);
	errno = error;		/* for %m */
	vsnprintf(text, sizeof text, format, arguments);
	syslog(priority, "%s: %s%s", what, place, text);
}

/*
 * What libwrap warns of while it looks for a rule, it has not understood.  These warnings are of something else: an
 * option that has no socket to act on, a netgroup (which matches nobody), and a last line without a newline, which
 * acl_parse.h has found to be blank or a comment.
 */
static bool
warning_matters(const char *format)
{
	static const char *const harmless[] = { "setsockopt ", "netgroup ", "missing newline ", "all the subsequent rules " };

	for (size_t at = 0; at < sizeof harmless / sizeof harmless[0]; at++)
		if (strncmp(format, harmless[at], strlen(harmless[at])) == 0)
			return false;
	return true;
}

static bool unread;		/* libwrap has not read or understood a table to its end */
static bool looking_up;		/* warnings are of the client's name */

void __attribute__((format(printf, 1, 2)))
tcpd_warn(char *format, ...)
{
	va_list arguments;

	unread = unread || (!looking_up && warning_matters(format));
	va_start(arguments, format);
	log_complaint(LOG_ERR, "warning", format, arguments);
	va_end(arguments);
}

void __attribute__((format(printf, 1, 2)))
tcpd_jump(char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_complaint(LOG_ERR, "error", format, arguments);
	va_end(arguments);
	longjmp(tcpd_buf, AC_ERROR);
}

/* A lookup that takes longer than this is slow: as long as it took, no other is begun. */
#define LOOKUP_SLOW (NS_PER_SECOND / 4)

/* A connection to a name server is cut off after so many seconds; later ones of the same lookup after one more. */
#define LOOKUP_CONNECTION 5

/* Two tries of a second for each server, instead of two of five.  What the administrator gave the superserver stands. */
#define LOOKUP_PATIENCE "timeout:1 attempts:2"

static const char *daemon_name;
static bool strict;
static nanoseconds no_lookup_before;
static bool lookup_put_off;
static bool can_cut;			/* connections to name servers */

/*
 * The C library has no time limit for name servers over TCP, which it asks when an answer was too long for UDP.  It takes
 * a connection that is shut down for a server that failed.  Every call here is allowed in a signal handler.
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

void
access_start(const char *name, bool strict_access)
{
	/* No SA_RESTART: connect(2) is to fail.  SIGALRM belongs to timed/parent.c. */
	static const struct sigaction cut = { .sa_handler = cut_connection };

	daemon_name = name;
	strict = strict_access;
	/* Not when a lookup begins: no filter allows that. */
	can_cut = sigaction(SIGVTALRM, &cut, NULL) == 0;
}

void
access_stay(bool (*log_allows)(void))
{
	resident = 1;
	may_log = log_allows;
}

/* A complaint about the tables is logged once, and again when a minute has passed. */
static char complained[512];
static nanoseconds complain_after;

static void
complain(const char *text)
{
	nanoseconds now = sysclock_elapsed();

	if ((strcmp(text, complained) == 0 && now < complain_after) || !log_allowed())
		return;
	snprintf(complained, sizeof complained, "%s", text);
	complain_after = now + 60 * NS_PER_SECOND;
	syslog(LOG_WARNING, "%s: everybody is denied", text);
}

/* Whether the tables are fit to be asked: what is wrong goes to syslog. */
static bool
tables_usable(void)
{
	const char *fault = acl_file_fault();

	if (fault != NULL) {
		complain(fault);
		return false;
	}
	if (strict && acl_file_missing()) {
		char text[sizeof complained];

		snprintf(text, sizeof text, "neither %.200s nor %.200s is there (--strict-access)", hosts_allow_table, hosts_deny_table);
		complain(text);
		return false;
	}
	return true;
}

/*
 * libwrap takes a table, or a list of clients that a table names, for ended where reading it fails, and takes one that
 * cannot be opened for empty: who is denied in what it has not read would be let in.  In the copy of it that is linked
 * its fopen and fclose are these (see Makefile).  The last look found all of them: a list that is missing now was removed
 * since.
 */
FILE *access_fopen(const char *path, const char *mode);
int access_fclose(FILE *file);

FILE *
access_fopen(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);
	bool table = strcmp(path, hosts_allow_table) == 0 || strcmp(path, hosts_deny_table) == 0;

	if (file == NULL && !(table && (errno == ENOENT || errno == ENOTDIR)))
		unread = true;
	return file;
}

int
access_fclose(FILE *file)
{
	unread = unread || ferror(file);
	return fclose(file);
}

/* sock_hostname(), with an end to each connection to a name server. */
static void
look_up_in_time(struct host_info *host)
{
	static const struct itimerspec end = { .it_value = { .tv_sec = LOOKUP_CONNECTION }, .it_interval = { .tv_sec = 1 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM };
	timer_t timer;

	/* Without a timer, lookups over UDP end all the same. */
	if (!can_cut || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
		sock_hostname(host);
		return;
	}
	timer_settime(timer, 0, &end, NULL);
	sock_hostname(host);
	timer_delete(timer);
}

/*
 * Looks up the name of a client, where a rule has names.  Setting that up costs more than most verdicts do.
 *
 * While this waits for a name server, nobody is served.  So that a server that is dead, or a client whose name takes
 * its time, cannot take all of it, at most half of the time goes into slow lookups: a client that would need one in the
 * other half has no verdict then.
 */
static void
look_up_name(struct host_info *host)
{
	nanoseconds start = sysclock_elapsed(), took;

	if (start < no_lookup_before) {
		lookup_put_off = true;
		return;
	}
	if (!startup_lookups()) {
		unread = true;
		return;
	}
	setenv("RES_OPTIONS", LOOKUP_PATIENCE, 0);
	looking_up = true;
	look_up_in_time(host);
	looking_up = false;
	took = sysclock_elapsed() - start;
	if (took < LOOKUP_SLOW)
		return;
	no_lookup_before = start + 2 * took;
	if (log_allowed())
		syslog(LOG_WARNING, "looking up the name of %s took %lld ms: for as long, who needs that is denied",
		    eval_hostaddr(host), (long long)(took / NS_PER_MILLISECOND));
}

bool
access_allows(const union peer *peer, int fd)
{
	/* libwrap takes a writable pointer and may keep it until it has answered. */
	static union peer client;
	struct request_info request;
	char address[PEER_TEXT];
	bool allowed;

	client = *peer;
	/*
	 * libwrap gets the address as text, so that it need not ask the C library for that, and without its scope: patterns and
	 * name servers do not know interfaces.
	 */
	if (client.any.sa_family == AF_INET6)
		client.v6.sin6_scope_id = 0;
	peer_format(&client, address);
	allow_severity = LOG_INFO;
	deny_severity = LOG_WARNING;
	lookup_put_off = false;
	/* What the last question may have jumped away from. */
	memset(&tcpd_context, 0, sizeof tcpd_context);
	if (!tables_usable())
		return false;
	if (client.any.sa_family == AF_INET || client.any.sa_family == AF_INET6) {
		request_init(&request, RQ_DAEMON, daemon_name, RQ_FILE, fd, RQ_CLIENT_SIN, &client.any,
		    RQ_CLIENT_ADDR, address, 0);
		sock_methods(&request);
		request.hostname = look_up_name;
	} else
		request_init(&request, RQ_DAEMON, daemon_name, RQ_FILE, fd, RQ_CLIENT_NAME, unknown, RQ_CLIENT_ADDR, unknown, 0);
	unread = false;
	allowed = hosts_access(&request) != 0;
	if (unread) {
		acl_file_distrust();
		complain("a table, or a list that it names, could not be read and understood to its end");
	}
	return allowed && !unread && !lookup_put_off;
}

int
access_severity(void)
{
	return deny_severity;
}

bool
access_tables_changed(void)
{
	bool changed = acl_file_look(daemon_name, hosts_allow_table, hosts_deny_table);

	if (acl_file_fault() == NULL)
		complained[0] = '\0';
	/* Its user and group options look up names too. */
	if (changed && access_may_run())
		startup_lookups();
	return changed;
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
