/* Keeping what is known about a guest: see record.h. */
#include "host/record.h"

#include <stdio.h>
#include <string.h>

#include "host/drift.h"

const char *const record_result_names[] = { "unfinished", "ok", "refused", "failed" };

void
record_fail(struct record *record, enum client_result result, const char *text, nanoseconds now)
{
	/* Keep the data of the last success: drift_follow() needs them after the next success. */
	record->time = now;
	record->result = result;
	record->has_drift = record->looked = false;
	record->drift_ppb = 0;
	snprintf(record->text, sizeof record->text, "%s", text);
	memset(&record->verdict, 0, sizeof record->verdict);
}

void
record_take(struct record *record, const struct exchange_client *client, nanoseconds now)
{
	struct record previous = *record;

	record_fail(record, client->result, client->text, now);
	if (client->result != CLIENT_DONE)
		return;
	record->looked = client->looked;
	if (record->looked)
		record->verdict = client->verdict;
	record->last_success = now;
	record->action = client->action;
	record->before = client->before;
	record->after = client->after;
	memcpy(record->boot, client->greeting.boot, sizeof record->boot);
	drift_follow(&previous, record);
}
