/* Reads the whole list of guests from a file, a FIFO or standard input; guest_list.h parses it. */
#ifndef GUESTCLOCK_LIST_FILE_H
#define GUESTCLOCK_LIST_FILE_H

#include <stddef.h>

/* The most octets of a list, and how long a file with a list, such as a FIFO, may take until its end. */
#define LIST_MOST_MIB 16
#define LIST_MOST ((size_t)LIST_MOST_MIB << 20)
#define LIST_WAIT_SECONDS 10

/*
 * Reads the list at PATH; "-" is standard input, whose end it awaits however long that takes.  Returns the text, ended
 * with a NUL, in memory that the caller may free().  Returns NULL if the file cannot be read, there is no memory, the
 * list exceeds one of the limits above, or guest_list_encoding_fault() finds a fault.  *FAULT is then that fault, for a
 * message that begins with the list's name; otherwise NULL.
 */
char *list_file_read(const char *path, const char **fault);

#endif
