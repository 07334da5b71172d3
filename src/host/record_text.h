/*
 * What is remembered of a guest, as text: its state file and its lines in the log.
 *
 * Pure.  A state is lines of "name value" in a fixed order, the first the format's version and the last "end", so that
 * a file cut short is told from a whole one.  A log line begins with its time.
 */
#ifndef GUESTCLOCK_RECORD_TEXT_H
#define GUESTCLOCK_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/dialog.h"
#include "host/guest_list.h"

#define RECORD_TEXT 1536	/* room for a state */
#define RECORD_LOG_LINE 1024	/* room for a log line */
#define RECORD_FILE_NAME (3 * GUEST_NAME + 16)

struct record {
	char guest[GUEST_NAME + 1];
	nanoseconds time;		/* the host's clock at the end of the last run */
	nanoseconds last_success;	/* … of the last that succeeded; 0: none */
	enum dialog_result result;
	enum dialog_action action;
	struct measurement before, after;	/* of the last success; after a slew: what there is still to slew */
	bool has_drift;
	int64_t drift_ppb;		/* measured since the reference; positive: the guest runs fast */
	struct reference {
		nanoseconds time;	/* the host's clock at the last correction, or at the first measurement; 0: none */
		nanoseconds left;	/* the offset that it left, once a slew has worked itself off */
		nanoseconds settled;	/* when that is */
	} reference;
	char boot[EXCHANGE_BOOT];	/* the boot that the reference is of */
	char text[DIALOG_TEXT];		/* why it failed or was refused; empty otherwise */
};

/* Writes the state; returns its length. */
size_t record_format(const struct record *record, char text[RECORD_TEXT]);

/* Reads a state of LENGTH octets.  False when it is not one, whole and in every value. */
bool record_parse(const char *text, size_t length, struct record *record);

/* The line for the log, with its LF.  CORRECT: sync, not check.  Returns its length. */
size_t record_format_log(const struct record *record, bool correct, char line[RECORD_LOG_LINE]);

/* The time that a log line of LENGTH octets begins with.  False when it does not. */
bool record_log_time(const char *line, size_t length, nanoseconds *time);

/*
 * The name of a guest's state file: letters, digits and "@_-" stay, "." too but not in front; the rest is
 * %XX; a long name is cut and ends in a hash of the whole.
 */
void record_file_name(const char *guest, char name[RECORD_FILE_NAME]);

/*
 * Fills drift and reference of NOW, whose other fields are there, from PREVIOUS (all zero: none).  There is a drift where
 * both are of one boot, the reference is settled and a minute or more old, and nobody is likely to have set the clock in
 * between (drift below 10 %).
 */
void record_follow(const struct record *previous, struct record *now);

const char *record_result_name(enum dialog_result result);

#endif
