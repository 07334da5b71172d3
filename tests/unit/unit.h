/* Included by every unit test: cmocka needs these headers first, in this order. */
#ifndef GUESTCLOCK_UNIT_H
#define GUESTCLOCK_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof (array) / sizeof (array)[0])

#endif
