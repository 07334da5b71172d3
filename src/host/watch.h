/*
 * How watch keeps guests right: their sessions, readings, losses and returns, as a state machine.
 *
 * Each guest has one session in use.  In it an exchange (exchange_client.h) begins again every interval: a reading, or,
 * every four minutes, a whole series of samples, after which the guest's kernel gets the bound again.  A guest that does
 * not answer for a second is silent.  Its session stays, because after a pause it answers first; beside it, tries begin
 * a new session.  The first session to answer is used; a silent one ends when another has measured.
 *
 * Each session ends within a stated time, so that a key that the guest has removed stops working.  Before that a try
 * replaces it.  At most WATCH_TRIES tries of a guest await their greeting at a time, and at most so many in all as the
 * caller says: sshd, for example on a gateway, closes new connections when too many are not yet authenticated
 * (sshd_config(5), MaxStartups).  Guests that fell silent a short time ago come first.
 *
 * Pure: the caller passes the time, which is sysclock_elapsed(), and its functions start, signal and write to the ssh
 * processes.  A link is one ssh; its number is the caller's.
 */
#ifndef GUESTCLOCK_WATCH_H
#define GUESTCLOCK_WATCH_H

#include "host/exchange_client.h"

#define WATCH_TRIES 4
#define WATCH_SILENT NS_PER_SECOND		/* an order without an answer for so long; 4 round trips if longer */
#define WATCH_SESSION_SECONDS 900		/* no session is older */
#define WATCH_SERIES (240 * NS_PER_SECOND)	/* from one series to the next */
#define WATCH_NONE SIZE_MAX

enum watch_news {
	WATCH_READ,		/* a reading showed nothing new */
	WATCH_MEASURED,		/* a series of samples, and what sync does after it; client has the result */
	WATCH_REFUSED,		/* the guest refused an order: text is its reason */
	WATCH_FAILED		/* the guest is lost, or answered wrongly: text says how */
};

struct watch_guest {
	char *name;
	struct exchange_client client;	/* of the session in use; its rate and greeting outlast the session */
	size_t use;			/* the link of the session in use, or WATCH_NONE */
	size_t spare;			/* the link of a silent session that the one in use replaces, or WATCH_NONE */
	bool spare_answers;
	bool measured;			/* in the session in use */
	struct exchange_greeting spare_greeting;
	int tries;			/* links that await their greeting */
	bool talking;			/* an exchange is under way in the session in use */
	nanoseconds asked;		/* when the order without an answer was sent; only if talking */
	bool silent;			/* the session in use does not answer, or there is none */
	nanoseconds failing_since;	/* since when no exchange has succeeded; 0: the last one has */
	nanoseconds next_exchange, next_series, next_try;
	nanoseconds renew, end;		/* when to replace, and when to end, the session in use */
	nanoseconds delay;		/* the usual round-trip delay */
	nanoseconds greeting_time;	/* from the start of a try to its greeting, as a rule; 0: not known */
	nanoseconds last_try;		/* when the last try began */
	bool failed;			/* it failed, and no series has succeeded since */
	bool removed;			/* only its links are left */
	char text[CLIENT_TEXT];		/* why the last try or session ended */
};

struct watch_link {
	enum { LINK_FREE, LINK_TRY, LINK_USE, LINK_SPARE, LINK_LEAVING } role;
	size_t guest;			/* index into watch.guest */
	nanoseconds begun;
	nanoseconds end;		/* of a try, without a greeting */
};

struct watch_calls {
	/* Starts ssh for the guest.  Returns the link, or WATCH_NONE if it could not be started now. */
	size_t (*start)(void *context, size_t guest);
	bool (*send)(void *context, size_t link, const struct exchange_order *order);
	/* Ends the ssh: FRIENDLY with "bye", else with a signal. */
	void (*leave)(void *context, size_t link, bool friendly);
	/* Gets what is new about a guest: a failure once, until a series succeeds.  Its client is over, except after a failure. */
	void (*news)(void *context, size_t guest, enum watch_news news, const char *text);
	void *context;
};

struct watch {
	const struct watch_calls *calls;
	struct client_task task;
	nanoseconds interval;		/* between readings */
	nanoseconds patience;		/* a guest that is silent for so long is lost */
	size_t parallel;		/* the most tries that await their greeting, in all */
	struct watch_guest **guest;	/* NULL: a free place */
	size_t guests;
	struct watch_link *link;
	size_t links;
	size_t awaiting;		/* tries */
	size_t turn;			/* the guest that had the last try */
	nanoseconds next_start;		/* no try begins earlier */
	bool held;			/* the host's clock is not to be believed: nothing new begins */
	bool stopping;
	nanoseconds due;		/* watch_tick() has nothing to do earlier */
};

/* Makes room for LINKS links.  Returns false if memory runs out. */
bool watch_room(struct watch *watch, size_t links);

/* Adds a guest, with what is known of its rate.  Returns its index, or WATCH_NONE if memory runs out. */
size_t watch_add(struct watch *watch, const char *name, const struct rate *rate);

/* Ends a guest's sessions; its place becomes free when they have ended. */
void watch_remove(struct watch *watch, size_t guest);

/* Does what is due at NOW.  Returns when to call again at the latest, at most INT64_MAX. */
nanoseconds watch_tick(struct watch *watch, nanoseconds now);

/* A line from a link: see struct ssh_loop_calls. */
void watch_line(struct watch *watch, size_t link, const char *line, size_t length, bool more,
    const struct clock_reading *sent, const struct clock_reading *received);

/* The ssh of a link has ended.  TEXT: why.  PERMANENT: another try will not help for now. */
void watch_ended(struct watch *watch, size_t link, const char *text, bool permanent, nanoseconds now);

/* Holds all guests while the host's clock is not to be believed, or measures all of them at once. */
void watch_hold(struct watch *watch, bool held, nanoseconds now);
void watch_measure_all(struct watch *watch, nanoseconds now);

/* Ends all sessions.  Returns true when there is none left. */
bool watch_stop(struct watch *watch);

void watch_free(struct watch *watch);

#endif
