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

#include "host/record.h"
#include "host/rate_text.h"

#define RECORD_TEXT (1536 + RATE_TEXT)	/* room for a state */
#define RECORD_LOG_LINE 1024	/* room for a log line */
#define RECORD_FILE_NAME (3 * GUEST_NAME + 16)

/* Writes the state into TEXT.  Returns its length. */
size_t record_format(const struct record *record, const struct rate *rate, char text[RECORD_TEXT]);

/* Parses a state of LENGTH octets into RECORD and RATE.  Returns false, with both unusable, if it has any fault. */
bool record_parse(const char *text, size_t length, struct record *record, struct rate *rate);

/* Writes the line for the log, with its LF, into LINE.  COMMAND is sync, watch or check.  Returns its length. */
size_t record_format_log(const struct record *record, const char *command, char line[RECORD_LOG_LINE]);

/* Parses the time at the start of a log line of LENGTH octets.  Returns false if the line begins with no time. */
bool record_log_time(const char *line, size_t length, nanoseconds *time);

/*
 * Writes the name of a guest's state file into NAME.  Letters, digits, "@_-" and, except at the start, "." are kept;
 * every other octet becomes %XX.  A long name is cut, and a hash of the guest's whole name follows.  Every name ends in
 * ".state".
 */
void record_file_name(const char *guest, char name[RECORD_FILE_NAME]);

#endif
