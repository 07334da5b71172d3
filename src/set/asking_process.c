/* The process that talks to the time source: see asking_process.h. */
#include "set/asking_process.h"

#include <errno.h>
#include <string.h>

#include "lib/filter.h"
#include "lib/sysclock.h"
#include "set/outcome.h"
#include "set/privilege.h"
#include "set/query_answer.h"

/* How much longer than the request's timeout the calling process waits: a name lookup or a busy machine can need it. */
#define PATIENCE NS_PER_SECOND

struct task {
	const struct rdate_request *request;
	int64_t pivot;
};

static void
ask(const void *task, int error, void *result)
{
	static struct query client;
	const struct task *mine = task;
	struct query_answer *answer = result;

	if (error == 0) {
		query_open(&client, mine->request, mine->pivot, answer);
		error = privilege_limit(true);
	}
	if (error == 0)
		error = filter_enter(FILTER_ASKER);
	if (error != 0) {
		answer->outcome = QUERY_FAILED;
		answer->error = error;
	} else if (answer->outcome == QUERY_ANSWERED)
		query_ask(&client, answer);
	filter_all_missed(answer->missed);
}

int
asking_process_start(struct child *asker, const struct rdate_request *request, int64_t pivot)
{
	static struct query_answer answer;
	struct task task = { request, pivot };

	return child_start(asker, ask, &task, &answer, sizeof answer);
}

enum status
asking_process_wait(struct child *asker, const struct rdate_request *request, struct hangup *hangup,
    struct query_answer *answer)
{
	nanoseconds end = sysclock_elapsed() + request->timeout + PATIENCE;

	switch (child_wait(asker, hangup, end, answer, sizeof *answer)) {
	case CHILD_ANSWERED:
		if (query_answer_valid(answer))
			return STATUS_DONE;
		break;
	case CHILD_LATE:
		/* A resolver that hangs does not observe the request's timeout: report it here instead. */
		memset(answer, 0, sizeof *answer);
		answer->outcome = QUERY_TIMEOUT;
		return STATUS_DONE;
	case CHILD_CLIENT_GONE:
		return outcome_fail("the ssh client disconnected before %s answered", request->host);
	case CHILD_UNREADABLE:
		return outcome_fail("cannot read from the process that asks %s: %s", request->host, strerror(errno));
	case CHILD_ENDED:
		break;
	}
	return outcome_fail("the process that asks %s ended without a valid answer", request->host);
}
