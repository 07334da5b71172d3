/*
 * Parsing and formatting numbers, times and text from outside.
 *
 * Pure: no locale, no floating point, no system call.
 *
 * A parser accepts the whole string, without spaces or a sign, or returns false and sets nothing.
 */
#ifndef GUESTCLOCK_TEXT_H
#define GUESTCLOCK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nstime.h"

/* A whole number from MIN to MAX (0 <= MIN), at most ten digits. */
bool parse_whole(const char *text, int64_t min, int64_t max, int64_t *value);

/* Seconds: one to ten digits, optionally a point and one to nine more digits.  VALUE is in nanoseconds, at most MAX. */
bool parse_seconds(const char *text, nanoseconds max, nanoseconds *value);

/*
 * A date in UTC: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (RFC 3339, no fractions, no leap second), years 1970 to 2261.
 * SECONDS are Unix seconds (rfc868.h).
 */
bool parse_date(const char *text, int64_t *seconds);

/* The ending of a noun after a number: "1 guest", "2 guests". */
#define PLURAL(count) ((count) == 1 ? "" : "s")

/* Room for the longest output of each formatter, with the final NUL. */
#define SECONDS_TEXT 24
#define DATE_TEXT 64

/* "+12.345678901" or "-0.000000001": always a sign and nine decimals. */
void format_seconds(nanoseconds value, char text[SECONDS_TEXT]);

/* A rate of PPB parts per 10^9 as "+740.031", in parts per million. */
void format_rate(int64_t ppb, char text[SECONDS_TEXT]);

/* "2036-02-07T06:28:16.000000000Z" */
void format_date(nanoseconds time, char text[DATE_TEXT]);

/*
 * Copies text from outside for a message: at most SIZE - 1 octets.  Replaces every octet that is not printable ASCII by
 * "?", and several spaces in a row by one: on a terminal they could move a forged message to the start of a line.  If
 * the text is cut, it ends in "...", between two words if possible.  SIZE is at least 8.
 */
void format_quoted(const char *from, char *text, size_t size);

/* Whether TEXT ends with a NUL within SIZE octets, and has only printable ASCII before it. */
bool text_is_printable(const char *text, size_t size);

#endif
