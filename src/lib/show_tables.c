/* Shows what the tables mean: see show_tables.h. */
#include "lib/show_tables.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/access.h"
#include "lib/peer.h"
#include "lib/text.h"

static const char *const means[] = {
	[ACL_ALLOWS] = "allows", [ACL_DENIES] = "denies", [ACL_ASKS] = "asks a program (aclexec)",
	[ACL_TWISTS] = "replaces this program (twist; a process for many clients, and guestclock-set, deny)"
};

static struct {
	const char *address;	/* the client's, as text; NULL: no client */
	union peer client;
	char by[512];		/* the file and line of the rule that decides; empty: none yet */
	enum acl_verdict verdict;
	unsigned rules;
} check;

static void
print_note(const char *path, const struct acl_note *note)
{
	printf("%s, line %lu: warning: %s: %s\n", path, note->line, note->word, note->what);
}

static void
print_rule(const char *path, bool deny, const struct acl_rule *rule)
{
	enum acl_verdict verdict = rule->verdict != ACL_BY_TABLE ? rule->verdict : deny ? ACL_DENIES : ACL_ALLOWS;
	enum access_match match;
	char place[512], shown[256], lists[ACL_LINE_ROOM + 1];

	check.rules++;
	format_quoted(rule->text, shown, sizeof shown);
	snprintf(place, sizeof place, "%.400s, line %lu", path, rule->line);
	if (check.address == NULL) {
		printf("%s: %s: %s\n", place, means[verdict], shown);
		return;
	}
	/* The blank: a backslash before the newline would continue the line. */
	snprintf(lists, sizeof lists, "%.*s%s\n", (int)rule->lists, rule->text, rule->text[rule->lists] == ':' ? " " : "");
	match = access_match(&check.client, lists);
	if (match == ACCESS_UNDECIDED)
		verdict = ACL_DENIES;
	if (match == ACCESS_PASSES)
		printf("%s: does not match: %s\n", place, shown);
	else if (check.by[0] != '\0')
		printf("%s: matches, but an earlier rule decides: %s\n", place, shown);
	else {
		printf("%s: %s, and %s: %s\n", place, match == ACCESS_MATCHES ? "matches" : "cannot be decided", means[verdict],
		    shown);
		memcpy(check.by, place, sizeof check.by);
		check.verdict = verdict;
	}
}

enum status
show_tables_print(char *const *words, char complaint[OPTION_COMPLAINT])
{
	const char *fault;
	char quoted[48];

	check.address = words[0];
	if (words[0] != NULL && (words[1] != NULL || (!peer_parse(words[0], if_nametoindex, &check.client) &&
	    strcmp(words[0], "unknown") != 0))) {
		format_quoted(words[words[1] != NULL], quoted, sizeof quoted);
		snprintf(complaint, OPTION_COMPLAINT, "--check-tables, then \"%s\": expected one IPv4 or IPv6 address without a "
		    "port, or \"unknown\" for a client without an address, or nothing", quoted);
		return STATUS_USAGE;
	}
	fault = access_tables_fault(print_note, print_rule);
	if (fault != NULL)
		printf("%s: everybody is denied\n", fault);
	else if (check.address == NULL)
		printf("%u rule%s for this daemon; clients that none matches are allowed\n", check.rules, PLURAL(check.rules));
	else if (check.by[0] == '\0')
		printf("%s is allowed: no rule matches\n", check.address);
	else
		printf("%s is %s %s\n", check.address, check.verdict == ACL_ALLOWS ? "allowed by" :
		    check.verdict == ACL_DENIES ? "denied by" : "handled by the program of", check.by);
	if (fflush(stdout) != 0 || ferror(stdout))
		return STATUS_SYSTEM;
	return fault != NULL || (check.by[0] != '\0' && check.verdict == ACL_DENIES) ? STATUS_REFUSED : STATUS_DONE;
}
