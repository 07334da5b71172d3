/* The answer from the asking process: see query_answer.h. */
#include "set/query_answer.h"

#include <stddef.h>

static bool
text_valid(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && text[at] >= ' ' && text[at] <= '~')
		at++;
	return at < size && text[at] == '\0';
}

static bool
offset_valid(struct interval offset)
{
	/* The error bound, half the width rounded up, and the width itself must fit into nanoseconds. */
	return offset.low <= offset.high && (uint64_t)offset.high - (uint64_t)offset.low <= INT64_MAX;
}

bool
query_answer_valid(const struct query_answer *answer)
{
	return answer->outcome < QUERY_OUTCOMES && offset_valid(answer->offset) && answer->delay >= 0 &&
	    text_valid(answer->source, sizeof answer->source) && text_valid(answer->text, sizeof answer->text);
}
