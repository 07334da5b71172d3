/* Wait mode: see wait_mode.h. */
#include "timed/wait_mode.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <syslog.h>

#include "lib/access.h"
#include "timed/acl_cache.h"
#include "timed/log_limit.h"
#include "timed/parent.h"
#include "timed/reply.h"
#include "timed/sandbox.h"

static struct {
	const struct service *service;
	uint32_t tick;		/* the last tick seen */
	uint32_t idle;		/* ticks without a request */
	bool confined;
	struct ratelimit refusals;
	struct verdict_table verdicts;
} state;

/* As long as no rule wants a program started, none can be.  False when privileges cannot be given up. */
static bool
confined_as_may_be(void)
{
	if (!state.confined && !access_may_run())
		state.confined = confine();
	return state.confined || access_may_run();
}

bool
waiting_must_leave(void)
{
	/* What a rule now wants, the process can do that the superserver starts anew. */
	return (state.confined && access_may_run()) || (superserver_in_doubt() && state.tick >= state.service->idle_seconds);
}

enum status
waiting_start(const struct service *service)
{
	uint64_t seed = 0;
	const void *random = (const void *)getauxval(AT_RANDOM);
	int error = superserver_follow();

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
	state.service = service;
	verdict_start(&state.verdicts, seed);
	access_stay(waiting_may_log);
	access_tables_changed();
	return confined_as_may_be() ? STATUS_DONE : STATUS_SYSTEM;
}

bool
waiting_tick(void)
{
	uint32_t passed = superserver_ticks() - state.tick;
	uint64_t held;

	state.tick += passed;
	state.idle += passed;
	if (access_tables_changed()) {
		verdict_forget_all(&state.verdicts);
		if (!confined_as_may_be())
			return false;
	}
	service_log_missed();
	held = ratelimit_tick(&state.refusals);
	if (held > 0)
		syslog(LOG_WARNING, "%llu more lines such as refusals were not logged", (unsigned long long)held);
	return !waiting_must_leave() && state.idle < state.service->idle_seconds;
}

bool
waiting_ticked(void)
{
	return superserver_ticks() != state.tick;
}

uint32_t
waiting_now(void)
{
	return state.tick;
}

void
waiting_busy(void)
{
	state.idle = 0;
}

bool
waiting_may_log(void)
{
	return ratelimit_allows(&state.refusals);
}

bool
waiting_allows(const union peer *peer, int fd, const char *transport)
{
	enum verdict verdict = verdict_find(&state.verdicts, peer, state.tick);

	if (verdict == VERDICT_UNKNOWN) {
		verdict = access_allows(peer, fd) ? VERDICT_ALLOWED : VERDICT_DENIED;
		if (access_may_cache())
			verdict_keep(&state.verdicts, peer, state.tick, verdict);
	}
	if (verdict == VERDICT_DENIED && waiting_may_log())
		service_log_refusal(peer, transport);
	return verdict == VERDICT_ALLOWED;
}

bool
waiting_time(int64_t *seconds)
{
	return service_time(state.service, seconds, false) || service_time(state.service, seconds, waiting_may_log());
}

enum trouble
waiting_trouble(int error)
{
	switch (error) {
	case EINTR:
	/* accept(2): errors already pending on the new connection are passed on and mean "try again". */
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
		return TROUBLE_EMPTY;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return TROUBLE_PASSING;
	default:
		return TROUBLE_FATAL;
	}
}

void
waiting_pause(void)
{
	if (!waiting_ticked())
		poll(NULL, 0, 100);
}

void
waiting_readable(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	if (!waiting_ticked())
		poll(&readable, 1, 1000);
}
