/* Wait mode: see wait_mode.h. */
#include "timed/wait_mode.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <syslog.h>

#include "lib/access.h"
#include "lib/text.h"
#include "timed/acl_cache.h"
#include "timed/log_limit.h"
#include "timed/parent.h"
#include "timed/reply.h"
#include "timed/sandbox.h"

static struct {
	uint32_t tick;		/* the last tick seen */
	uint32_t idle;		/* ticks without a request */
	bool confined;
	struct log_limit refusals;
	struct acl_cache verdicts;
} state;

/* Enters the sandbox, unless a rule may start a program.  False if the sandbox failed. */
static bool
confined_as_may_be(void)
{
	if (!state.confined && !access_may_run())
		state.confined = sandbox_enter();
	return state.confined || access_may_run();
}

bool
wait_mode_must_leave(void)
{
	/* The sandbox cannot be left: if a rule may now start a program, the superserver's next process must do it. */
	return (state.confined && access_may_run()) || (parent_in_doubt() && state.tick >= reply_options.idle_seconds);
}

enum status
wait_mode_start(void)
{
	uint64_t seed = 0;
	const void *random = (const void *)getauxval(AT_RANDOM);
	int error = parent_follow();

	if (error == ESRCH) {
		syslog(LOG_NOTICE, "the superserver is gone: leaving");
		return STATUS_SYSTEM;
	}
	if (error != 0) {
		errno = error;
		syslog(LOG_ERR, "cannot follow the superserver: %m");
		return STATUS_SYSTEM;
	}
	if (random != NULL)
		memcpy(&seed, random, sizeof seed);
	acl_cache_start(&state.verdicts, seed);
	access_stay(wait_mode_may_log);
	access_tables_changed();
	return confined_as_may_be() ? STATUS_DONE : STATUS_SYSTEM;
}

bool
wait_mode_tick(void)
{
	uint32_t passed = parent_ticks() - state.tick;
	uint64_t held;

	state.tick += passed;
	state.idle += passed;
	if (access_tables_changed()) {
		acl_cache_forget_all(&state.verdicts);
		if (!confined_as_may_be())
			return false;
	}
	reply_log_missed();
	held = log_limit_tick(&state.refusals);
	if (held > 0)
		syslog(LOG_WARNING, "%llu more line%s not logged, such as refusals", (unsigned long long)held, PLURAL(held));
	return !wait_mode_must_leave() && state.idle < reply_options.idle_seconds;
}

bool
wait_mode_ticked(void)
{
	return parent_ticks() != state.tick;
}

uint32_t
wait_mode_now(void)
{
	return state.tick;
}

void
wait_mode_busy(void)
{
	state.idle = 0;
}

bool
wait_mode_may_log(void)
{
	return log_limit_allows(&state.refusals);
}

bool
wait_mode_allows(const union peer *peer, int fd, const char *transport)
{
	enum acl_cache_verdict verdict = acl_cache_find(&state.verdicts, peer, state.tick);

	if (verdict == ACL_CACHE_UNKNOWN) {
		verdict = access_allows(peer, fd) ? ACL_CACHE_ALLOWED : ACL_CACHE_DENIED;
		if (access_may_cache())
			acl_cache_keep(&state.verdicts, peer, state.tick, verdict);
	}
	if (verdict == ACL_CACHE_DENIED && wait_mode_may_log())
		reply_log_refusal(peer, transport);
	return verdict == ACL_CACHE_ALLOWED;
}

enum trouble
wait_mode_trouble(int fd, const char *what)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	switch (errno) {
	case EINTR:
	/* accept(2) returns errors that are pending on the new connection: call it again. */
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ECONNREFUSED:
	case EPERM:
		return TROUBLE_NONE;
	case EAGAIN:
		if (!wait_mode_ticked())
			poll(&readable, 1, 1000);
		return TROUBLE_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (wait_mode_may_log())
			syslog(LOG_ERR, "cannot %s: %m", what);
		/* Do not spin. */
		if (!wait_mode_ticked())
			poll(NULL, 0, 100);
		return TROUBLE_PASSING;
	default:
		syslog(LOG_ERR, "cannot %s: %m", what);
		return TROUBLE_FATAL;
	}
}
