/*
 * The version, and the release date that floors and eras are counted from.
 *
 * RELEASE_SECONDS: seconds since 1970-01-01 UTC at the start of the month of the release that NEWS.md heads.  No
 * correct clock reads less, so a time before it is a broken clock's (in.timed) or a lie (guestclock-set).  It is a
 * constant of the source and not the time of the build, so that builds are reproducible.
 */
#ifndef GUESTCLOCK_VERSION_H
#define GUESTCLOCK_VERSION_H

#define GUESTCLOCK_VERSION "0.1.1"
#define RELEASE_DATE "2026-11-01"
#define RELEASE_SECONDS INT64_C(1793491200)

#endif
