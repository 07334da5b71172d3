/* The answer from the asking process: see query_answer.h. */
#include "set/query_answer.h"

#include "lib/text.h"

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
	    text_is_printable(answer->source, sizeof answer->source) && text_is_printable(answer->text, sizeof answer->text);
}
