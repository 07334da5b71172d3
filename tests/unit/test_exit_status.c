/* exit_status: the table of exit_status.h. */
#include "unit.h"

#include "host/exit_status.h"

static void
runs(void **unused)
{
	static const struct {
		enum run_end end;
		size_t guests[PLUGIN_STATUSES];		/* ok, warning, critical, unknown */
		int sync, check;
	} ends[] = {
		{ RUN_USAGE, { 0 }, SYNC_USAGE, PLUGIN_UNKNOWN },
		{ RUN_FAILED, { 0 }, SYNC_FAILED, PLUGIN_UNKNOWN },
		{ RUN_FAILED, { 3, 0, 0, 0 }, SYNC_FAILED, PLUGIN_UNKNOWN },
		{ RUN_UNSAVED, { 3, 0, 0, 0 }, SYNC_FAILED, PLUGIN_OK },
		{ RUN_UNSAVED, { 0, 1, 0, 0 }, SYNC_FAILED, PLUGIN_WARNING },
		{ RUN_ENDED, { 3, 0, 0, 0 }, SYNC_DONE, PLUGIN_OK },
		{ RUN_ENDED, { 3, 1, 0, 0 }, SYNC_DONE, PLUGIN_WARNING },
		{ RUN_ENDED, { 3, 1, 1, 0 }, SYNC_DONE, PLUGIN_CRITICAL },
		{ RUN_ENDED, { 3, 1, 0, 1 }, SYNC_FAILED, PLUGIN_UNKNOWN },
		{ RUN_ENDED, { 3, 1, 1, 1 }, SYNC_FAILED, PLUGIN_CRITICAL },
	};

	(void)unused;
	for (size_t at = 0; at < LENGTH(ends); at++) {
		assert_int_equal(exit_status(true, ends[at].end, ends[at].guests), ends[at].sync);
		assert_int_equal(exit_status(false, ends[at].end, ends[at].guests), ends[at].check);
	}
	assert_int_equal(exit_status(true, RUN_USAGE, NULL), SYNC_USAGE);
	assert_int_equal(exit_status(false, RUN_FAILED, NULL), PLUGIN_UNKNOWN);
}

static void
guests(void **unused)
{
	const struct driver_options options = { .warning = 500, .critical = 5000 };
	struct record record = { .result = CLIENT_DONE, .before = { .offset = 9000 }, .after = { .offset = -500 } };

	(void)unused;
	assert_int_equal(exit_status_guest(&record, &options), PLUGIN_OK);
	record.after.offset = -501;
	assert_int_equal(exit_status_guest(&record, &options), PLUGIN_WARNING);
	record.after.offset = 5001;
	assert_int_equal(exit_status_guest(&record, &options), PLUGIN_CRITICAL);
	record.after.offset = INT64_MIN;
	assert_int_equal(exit_status_guest(&record, &options), PLUGIN_CRITICAL);
	record.result = CLIENT_REFUSED;
	assert_int_equal(exit_status_guest(&record, &options), PLUGIN_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
