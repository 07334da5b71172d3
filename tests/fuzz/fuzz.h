/*
 * Included by every fuzz target.
 *
 * A target is one function that libFuzzer calls with octets of its choice.  It passes them to a parser and checks what
 * must be true of every result.  REQUIRE aborts the process if something is not true, which the fuzzer reports as a
 * finding.
 */
#ifndef GUESTCLOCK_FUZZ_H
#define GUESTCLOCK_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof (array) / sizeof (array)[0])
#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

/*
 * Copies SIZE octets into memory of exactly that size, so that the sanitizer detects reading beyond it.  The caller
 * frees it.
 */
static inline char *
fuzz_octets(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	REQUIRE(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The same as a string: up to the first NUL, and ended by one.  The caller frees it. */
static inline char *
fuzz_text(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size);
	char *copy = malloc(length + 1);

	REQUIRE(copy != NULL);
	if (length > 0)
		memcpy(copy, data, length);
	copy[length] = '\0';
	return copy;
}

/* Cuts TEXT at the end of its first line.  Returns the rest, or NULL if that line was the last. */
static inline char *
fuzz_next_line(char *text)
{
	char *end = strchr(text, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	return end + 1;
}

/*
 * Cuts TEXT at its newlines into words, which may be empty or contain blanks.  Returns their number; a NULL follows
 * them.
 */
static inline int
fuzz_words(char *text, char **words, int most)
{
	int count = 0;

	for (char *next; text != NULL && count < most - 1; text = next) {
		next = fuzz_next_line(text);
		words[count++] = text;
	}
	words[count] = NULL;
	return count;
}

static inline bool
fuzz_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Whether TEXT is one printable line, not empty and shorter than SIZE octets. */
static inline bool
fuzz_is_line(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length > 0 && length < size && fuzz_printable(text);
}

static inline bool
fuzz_consists_of(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

#endif
