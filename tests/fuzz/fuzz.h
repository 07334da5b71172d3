/*
 * What every fuzz target includes.
 *
 * A target is one function that libFuzzer calls with octets of its choice: it hands them to a parser and says what must
 * hold of whatever comes out.  REQUIRE ends the process where something does not, which the fuzzer takes for a find.
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

/* SIZE octets that end where their memory ends, so that whoever reads on is caught.  To be freed. */
static inline char *
fuzz_octets(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	REQUIRE(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The same as a string: up to the first NUL, and with one.  To be freed. */
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

/* Takes the first line off TEXT: cuts it there and returns what follows, or NULL where it was the last. */
static inline char *
fuzz_next_line(char *text)
{
	char *end = strchr(text, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	return end + 1;
}

/* Cuts TEXT into words at its newlines, so that words may be empty or have blanks.  Their number; the next is NULL. */
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

/* One printable line of less than SIZE octets. */
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
