/* The exit status of a run: see exit_status.h. */
#include "host/exit_status.h"

enum plugin_status
exit_status_guest(const struct record *record, const struct driver_options *options)
{
	nanoseconds offset = ns_magnitude(record->after.offset);

	if (record->result != CLIENT_DONE)
		return PLUGIN_UNKNOWN;
	return offset > options->critical ? PLUGIN_CRITICAL : offset > options->warning ? PLUGIN_WARNING : PLUGIN_OK;
}

enum plugin_status
exit_status_worst(const size_t guests[PLUGIN_STATUSES])
{
	/* A clock known to be far wrong is worse than one that could not be measured, which may be right. */
	if (guests[PLUGIN_CRITICAL] > 0)
		return PLUGIN_CRITICAL;
	if (guests[PLUGIN_UNKNOWN] > 0)
		return PLUGIN_UNKNOWN;
	return guests[PLUGIN_WARNING] > 0 ? PLUGIN_WARNING : PLUGIN_OK;
}

int
exit_status(bool correct, enum run_end end, const size_t guests[PLUGIN_STATUSES])
{
	if (end == RUN_USAGE)
		return correct ? (int)SYNC_USAGE : (int)PLUGIN_UNKNOWN;
	if (end == RUN_FAILED)
		return correct ? (int)SYNC_FAILED : (int)PLUGIN_UNKNOWN;
	if (!correct)
		return (int)exit_status_worst(guests);
	return end == RUN_UNSAVED || guests[PLUGIN_UNKNOWN] > 0 ? SYNC_FAILED : SYNC_DONE;
}
