/* The process that looks up the client's name: see lookup_process.h. */
#include "set/lookup_process.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "lib/filter.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "set/child.h"
#include "set/outcome.h"

/* Longer than any lookup takes (access_allows()). */
#define LOOKUP_LIMIT (60 * NS_PER_SECOND)

struct lookup_answer {
	int32_t error;				/* errno value of a failure to give up privileges */
	struct access_name found;
	struct filter_missed missed[FILTER_MISSED];	/* for the log, which that process cannot reach */
};

static void
look_up(const void *task, int error, void *result)
{
	struct lookup_answer *answer = result;
	struct access_name found;

	(void)task;
	answer->error = error;
	if (error == 0 && access_look_up(&found)) {
		/* The reader of the answer takes printable ASCII only.  A name in /etc/hosts may have other octets. */
		format_quoted(found.name, answer->found.name, sizeof answer->found.name);
		format_quoted(found.warning, answer->found.warning, sizeof answer->found.warning);
	}
	filter_all_missed(answer->missed);
}

static bool
is_valid(const struct access_name *found)
{
	return found->name[0] != '\0' && text_is_printable(found->name, sizeof found->name) &&
	    text_is_printable(found->warning, sizeof found->warning);
}

bool
lookup_process(struct access_name *found)
{
	static struct lookup_answer answer;
	/* Standard input is for the request. */
	struct hangup output = { .input_open = false };
	struct child child;
	const char *why = "its process ended without a valid answer";
	int error = child_start(&child, look_up, NULL, &answer, sizeof answer);

	if (error == 0) {
		switch (child_wait(&child, &output, sysclock_elapsed() + LOOKUP_LIMIT, &answer, sizeof answer)) {
		case CHILD_ANSWERED:
			error = answer.error;
			if (error != 0 || !is_valid(&answer.found))
				break;
			for (int at = 0; at < FILTER_MISSED; at++)
				outcome_missed(&answer.missed[at]);
			*found = answer.found;
			return true;
		case CHILD_LATE:
			why = "it took more than a minute";
			break;
		case CHILD_CLIENT_GONE:
			why = "the client disconnected";
			break;
		case CHILD_UNREADABLE:
			error = errno;
			break;
		case CHILD_ENDED:
			break;
		}
	}
	syslog(LOG_ERR, "cannot look up the client's name, so it is denied: %s", error != 0 ? strerror(error) : why);
	return false;
}
