/* The reply, and log lines: see reply.h. */
#include "timed/reply.h"

#include <syslog.h>

#include "lib/access.h"
#include "lib/filter.h"
#include "lib/nstime.h"
#include "lib/sysclock.h"
#include "lib/text.h"
#include "lib/version.h"

struct reply_options reply_options;

bool
reply_time(uint8_t octets[RFC868_OCTETS], bool (*may_log)(void))
{
	int64_t seconds = seconds_floor(sysclock_now());
	struct sysclock_state state;
	const char *fault = NULL;

	if (seconds < RELEASE_SECONDS)
		fault = "the clock reads before " RELEASE_DATE ", when this program was released";
	else if (reply_options.require_sync && (sysclock_state(&state) != 0 || !state.synchronised))
		fault = "the kernel does not report that its clock is synchronised (-s)";
	if (fault != NULL && (may_log == NULL || may_log()))
		syslog(LOG_ERR, "no time to give: %s", fault);
	rfc868_encode(seconds, octets);
	return fault == NULL;
}

void
reply_log_refusal(const union peer *peer, const char *transport)
{
	char text[PEER_TEXT];

	peer_format(peer, text);
	syslog(access_severity(), "refused connect from %s (%s)", text, transport);
}

void
reply_log(const union peer *peer, const char *transport)
{
	char text[PEER_TEXT];

	if (!reply_options.log_answers)
		return;
	peer_format(peer, text);
	syslog(LOG_INFO, "answered %s (%s)", text, transport);
}

void
reply_log_missed(void)
{
	struct filter_missed missed;

	while (filter_next_missed(&missed))
		syslog(LOG_WARNING, FILTER_MISSED_FORMAT, missed.call, missed.times, PLURAL(missed.times));
}
