/*
 * The stored data of a guest as text: its state file and its lines in the log.
 *
 * Pure.  A state consists of lines in a fixed order, each of a name and its values.  The first line has the format's
 * version.  The last is "end", so that a truncated file is recognised; the estimator's lines stand before it
 * (rate_text.h), unless there was no look.  A log line begins with its time.
 */
#ifndef GUESTCLOCK_RECORD_TEXT_H
#define GUESTCLOCK_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/exchange_client.h"
#include "host/guest_list.h"
#include "host/rate_text.h"

#define RECORD_TEXT (1536 + RATE_TEXT)	/* room for a state */
#define RECORD_LOG_LINE 1024	/* room for a log line */
#define RECORD_FILE_NAME (3 * GUEST_NAME + 16)

struct record {
	char guest[GUEST_NAME + 1];
	nanoseconds time;		/* the host's clock when the guest's last session ended */
	nanoseconds last_success;	/* the same for its last successful session; 0: none */
	enum client_result result;	/* of the last session */
	enum client_action action;	/* of the last success, as are before and after */
	struct measurement before, after;	/* after a slew, after.offset is what the slew still has to remove */
	bool has_drift;			/* false: this session failed, or the drift cannot be computed */
	int64_t drift_ppb;		/* since the reference, parts per 10^9; positive: the guest runs fast */
	struct reference {
		nanoseconds time;	/* host's clock: the last correction in the guest's boot, else the first success; 0: none */
		nanoseconds left;	/* the offset at that time; after a slew 0, the offset at its end */
		nanoseconds settled;	/* host's clock: when the correction is complete; without a slew, the same as time */
	} reference;
	char boot[EXCHANGE_BOOT];	/* the guest's boot id at the last success; "-": unknown */
	char text[CLIENT_TEXT];		/* the reason for a failure or refusal; otherwise empty */
	/* Not in the state file: */
	bool looked;			/* this session has a verdict of the estimator ... */
	struct rate_verdict verdict;	/* ... here; otherwise it is all zero */
};

/* Writes the state into TEXT.  Returns its length. */
size_t record_format(const struct record *record, const struct rate *rate, char text[RECORD_TEXT]);

/* Parses a state of LENGTH octets into RECORD and RATE.  Returns false, with both unusable, if it has any fault. */
bool record_parse(const char *text, size_t length, struct record *record, struct rate *rate);

/* Writes the line for the log, with its LF, into LINE.  CORRECT: sync; false: check.  Returns its length. */
size_t record_format_log(const struct record *record, bool correct, char line[RECORD_LOG_LINE]);

/* Parses the time at the start of a log line of LENGTH octets.  Returns false if the line begins with no time. */
bool record_log_time(const char *line, size_t length, nanoseconds *time);

/*
 * Writes the name of a guest's state file into NAME.  Letters, digits, "@_-" and, except at the start, "." are kept;
 * every other octet becomes %XX.  A long name is cut, and a hash of the guest's whole name follows.  Every name ends in
 * ".state".
 */
void record_file_name(const char *guest, char name[RECORD_FILE_NAME]);

/* The words for the members of enum client_result, which are the index. */
extern const char *const record_result_names[];

#endif
