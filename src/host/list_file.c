/* Reads the whole list of guests: see list_file.h. */
#include "host/list_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/guest_list.h"
#include "lib/option_table.h"
#include "lib/sysclock.h"

char *
list_file_read(const char *path, const char **fault)
{
	bool standard = strcmp(path, "-") == 0, whole = false;
	/* O_NONBLOCK: do not wait until another process opens a FIFO. */
	struct pollfd from = { .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
		.events = POLLIN };
	/* The kernel provides only the pages that are written to. */
	char *text = from.fd < 0 ? NULL : malloc(LIST_MOST + 2), *nul = NULL;
	nanoseconds end = sysclock_elapsed() + LIST_WAIT_SECONDS * NS_PER_SECOND;
	size_t used = 0;

	*fault = NULL;
	if (text == NULL)
		*fault = strerror(errno);
	/* If the list has a NUL, read up to it: guest_list_encoding_fault() refuses such a list. */
	while (text != NULL && *fault == NULL && !whole && nul == NULL) {
		nanoseconds left = ns_subtract(end, sysclock_elapsed());
		int ready = poll(&from, 1, standard ? -1 : left > 0 ? (int)(left / NS_PER_MILLISECOND) : 0);
		ssize_t got = ready > 0 ? read(from.fd, text + used, LIST_MOST + 1 - used) : -1;

		if (got > 0) {
			nul = memchr(text + used, '\0', (size_t)got);
			used = nul != NULL ? (size_t)(nul + 1 - text) : used + (size_t)got;
		}
		whole = got == 0;
		if (ready == 0 || (!standard && left <= 0 && !whole))
			*fault = "does not end within " OPTION_NUMBER(LIST_WAIT_SECONDS) " s";
		else if (got < 0 && errno != EINTR && errno != EAGAIN)
			*fault = strerror(errno);
		else if (used > LIST_MOST)
			*fault = "is larger than " OPTION_NUMBER(LIST_MOST_MIB) " MiB";
	}
	if (!standard && from.fd >= 0)
		close(from.fd);
	if (text != NULL && *fault == NULL) {
		text[used] = '\0';
		*fault = guest_list_encoding_fault(text, used);
	}
	if (*fault != NULL) {
		free(text);
		text = NULL;
	}
	return text;
}
