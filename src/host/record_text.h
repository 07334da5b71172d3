/*
 * The stored data of a guest as text: its state file and its lines in the log.
 *
 * Pure.  A state consists of lines "name value" in a fixed order.  The first line has the format's version.  The last
 * is "end", so that a truncated file is recognised.  A log line begins with its time.
 */
#ifndef GUESTCLOCK_RECORD_TEXT_H
#define GUESTCLOCK_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/exchange_client.h"
#include "host/guest_list.h"

#define RECORD_TEXT 1536	/* room for a state */
#define RECORD_LOG_LINE 1024	/* room for a log line */
#define RECORD_FILE_NAME (3 * GUEST_NAME + 16)

struct record {
	char guest[GUEST_NAME + 1];
	nanoseconds time;		/* the host's clock at the end of the last run */
	nanoseconds last_success;	/* the same for the last successful run; 0: none */
	enum client_result result;
	enum client_action action;
	struct measurement before, after;	/* of the last success; offset after a slew: still to be slewed */
	bool has_drift;
	int64_t drift_ppb;		/* since the reference, parts per 10^9; positive: the guest runs fast */
	struct reference {
		nanoseconds time;	/* by the host's clock: the last correction in the guest's boot, or else its first success; 0: none */
		nanoseconds left;	/* the offset at that time; for a slew, at its end */
		nanoseconds settled;	/* the host's clock when the correction is complete */
	} reference;
	char boot[EXCHANGE_BOOT];	/* the guest's boot id at the last success */
	char text[CLIENT_TEXT];		/* the reason for a failure or refusal; otherwise empty */
};

/* Writes the state into TEXT.  Returns its length. */
size_t record_format(const struct record *record, char text[RECORD_TEXT]);

/* Parses a state of LENGTH octets.  Returns false if it is incomplete or any value is invalid. */
bool record_parse(const char *text, size_t length, struct record *record);

/* Writes the line for the log, with its LF, into LINE.  CORRECT: sync; false: check.  Returns its length. */
size_t record_format_log(const struct record *record, bool correct, char line[RECORD_LOG_LINE]);

/* Parses the time at the start of a log line of LENGTH octets.  Returns false if there is none. */
bool record_log_time(const char *line, size_t length, nanoseconds *time);

/*
 * Writes the name of a guest's state file into NAME.  Letters, digits, "@_-" and, except at the start, "." are kept;
 * every other octet becomes %XX.  A long name is cut, and a hash of the guest's whole name follows.  Every name ends in
 * ".state".
 */
void record_file_name(const char *guest, char name[RECORD_FILE_NAME]);

/* The word for each enum client_result. */
extern const char *const record_result_names[];

#endif
