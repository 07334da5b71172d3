/*
 * The version, and the release date from which the earliest plausible time and the era are derived.
 *
 * RELEASE_SECONDS: seconds since 1970-01-01 UTC at the start of the month of the newest release in NEWS.md.  No correct
 * clock reads less: an earlier time comes from a broken clock (in.timed) or is a lie (guestclock-set).
 * RELEASE_SECONDS is a constant in the source, not the time of the build, so that builds are reproducible.
 */
#ifndef GUESTCLOCK_VERSION_H
#define GUESTCLOCK_VERSION_H

#define GUESTCLOCK_VERSION "0.1.1"
#define RELEASE_DATE "2026-11-01"
#define RELEASE_SECONDS INT64_C(1793491200)

#endif
