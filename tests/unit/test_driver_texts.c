/* guest_list, options, record_text: the texts that guestclock reads and stores. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/guest_list.h"
#include "host/options.h"
#include "host/record_text.h"
#include "host/ssh_cause.h"

static void
lists(void **unused)
{
	char text[] = "# guests\n\nweb1\n  root@db.example # the database\r\nssh://root@10.0.0.1:2222\nweb1\n\t\nlast";
	struct guest_list list = { .name = NULL };

	(void)unused;
	assert_true(guest_list_read(&list, text));
	assert_int_equal(list.count, 4);
	assert_int_equal(list.wrongs, 0);
	assert_string_equal(list.name[0], "web1");
	assert_string_equal(list.name[1], "root@db.example");
	assert_string_equal(list.name[2], "ssh://root@10.0.0.1:2222");
	assert_string_equal(list.name[3], "last");
	guest_list_free(&list);
}

/* 200,000 guests, each twice: a search of the whole list for each would take a minute. */
static void
long_lists(void **unused)
{
	const size_t count = 200000, octets = sizeof "guest123456";
	struct guest_list list = { .name = NULL };
	char *text = malloc(2 * count * octets + 1);
	clock_t start = clock();
	size_t used = 0;

	(void)unused;
	assert_non_null(text);
	for (size_t at = 0; at < 2 * count; at++)
		used += (size_t)sprintf(text + used, "guest%06zu\n", at % count);
	assert_true(guest_list_read(&list, text));
	assert_int_equal(list.count, count);
	assert_string_equal(list.name[0], "guest000000");
	assert_string_equal(list.name[count - 1], "guest199999");
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
	guest_list_free(&list);
	free(text);
}

static void
encodings(void **unused)
{
	char text[] = "\xef\xbb\xbfweb1\r\nweb2\r\n";
	struct guest_list list = { .name = NULL };

	(void)unused;
	assert_null(guest_list_encoding_fault(text, sizeof text - 1));
	assert_true(guest_list_read(&list, text));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.name[0], "web1");
	guest_list_free(&list);
	assert_null(guest_list_encoding_fault("", 0));
	assert_null(guest_list_encoding_fault("a", 1));
	assert_non_null(strstr(guest_list_encoding_fault("a", 2), "UTF-16"));
	assert_non_null(strstr(guest_list_encoding_fault("\xff\xfe\x61", 4), "UTF-16"));
	assert_non_null(strstr(guest_list_encoding_fault("\xfe\xff", 3), "UTF-16"));
	assert_non_null(strstr(guest_list_encoding_fault("", 1), "UTF-16"));
	assert_string_equal(guest_list_encoding_fault("web1\n", 6), "has a NUL octet");
}

static void
bad_lists(void **unused)
{
	static const char *const bad[] = { "-oProxyCommand=id", "a b", "a\x01", "a\x7f", "h\xc3\xb6st", "a -oX", "a;id", "$(id)", "`id`",
		"a|b", "a'b", "a\"b", "a\\b", "a*", "a&", "a<b" };
	char longest[GUEST_NAME + 2];

	(void)unused;
	for (size_t at = 0; at < LENGTH(bad); at++) {
		struct guest_list list = { .name = NULL };
		char text[64];

		snprintf(text, sizeof text, "web1\n %s \r\nweb2\n%s # x\n", bad[at], bad[at]);
		assert_true(guest_list_read(&list, text));
		assert_int_equal(list.count, 2);
		assert_int_equal(list.wrongs, 2);
		assert_int_equal(list.wrong[0].number, 2);
		assert_int_equal(list.wrong[1].number, 4);
		assert_string_equal(list.wrong[0].text, bad[at]);
		assert_non_null(list.wrong[1].fault);
		guest_list_free(&list);
	}
	memset(longest, 'a', sizeof longest);
	longest[GUEST_NAME] = '\0';
	assert_null(guest_list_fault(longest));
	longest[GUEST_NAME] = 'a';
	longest[GUEST_NAME + 1] = '\0';
	assert_non_null(guest_list_fault(longest));
	assert_non_null(guest_list_fault(""));
}

static void
destinations(void **unused)
{
	static const struct {
		const char *name, *host, *port;
	} right[] = {
		{ "web1", "web1", "" }, { "root@web1.example", "root@web1.example", "" }, { "a@b.example@web1", "a@b.example@web1", "" },
		{ "a_b+c=d,e-f", "a_b+c=d,e-f", "" }, { "::1", "::1", "" }, { "root@::1", "root@::1", "" },
		{ "fe80::1%eth0.7", "fe80::1%eth0.7", "" }, { "::ffff:192.0.2.1", "::ffff:192.0.2.1", "" },
		{ "ssh://web1", "web1", "" }, { "ssh://root@web1:22", "root@web1", "22" }, { "ssh://10.0.0.1:65535", "10.0.0.1", "65535" },
		{ "ssh://root@[::1]:2222", "root@::1", "2222" }, { "ssh://[fe80::1%eth0]", "fe80::1%eth0", "" },
		{ "vsock/3", "vsock/3", "" }, { "root@vsock/3", "root@vsock/3", "" }, { "vsock-mux/run/vm.socket/3", "vsock-mux/run/vm.socket/3", "" }
	};
	static const char *const wrong[] = {
		"../precious", "/etc/passwd", "a/b", "..", ".", ".state", "root@../x", "vsock/../x", "vsock/.x", "vsock/", "vsock/3/",
		"vsock/3%h", "vsock:/3", "ssh://vsock/../3", "ssh://web1/", "ssh://web1/x", "ssh:/web1", "https://web1",
		"%h", "web%n", "%h@web1", "root@web1%eth0", "fe80::1%", "fe80::1%%", "fe80::1%a%b", "ssh://%72oot@web1", "~root", "~", "web1~",
		"web1:22", "root@web1:22", ":", "a:", "[::1]", "[web1]", "web[1]", "root@[::1]:22", "ssh://::1", "ssh://::1:22", "ssh://[::1",
		"ssh://[::1]x", "ssh://[::1]22", "ssh://[web1]:22", "ssh://[::1]]:22", "ssh://web1:", "ssh://web1:0", "ssh://web1:65536",
		"ssh://web1:022", "ssh://web1:123456", "ssh://web1:ssh", "ssh://web1:-1", "ssh://", "ssh://root@", "ssh://@web1", "ssh://:22",
		"root@", "@web1", "@", "root@-oX", "ssh://-web1", "ssh://-root@web1", "-root@web1", "a:b@web1", "a/b@web1",
		"..@web1", ".@web1", "ssh://..@web1", ".ssh@web1", "..@vsock/3", ".a@b@web1"
	};
	struct destination to;

	(void)unused;
	for (size_t at = 0; at < LENGTH(right); at++) {
		if (guest_list_destination(right[at].name, &to) != NULL)
			fail_msg("%s %s", right[at].name, guest_list_fault(right[at].name));
		assert_string_equal(to.host, right[at].host);
		assert_string_equal(to.port, right[at].port);
	}
	for (size_t at = 0; at < LENGTH(wrong); at++)
		if (guest_list_fault(wrong[at]) == NULL)
			fail_msg("taken: %s", wrong[at]);
}

static int
options_of(struct driver_options *options, const char *line)
{
	static char copy[512];
	char program[] = "guestclock", *argv[20] = { program }, complaint[OPTION_COMPLAINT] = "", *save = NULL;
	int argc = 1, result;

	strcpy(copy, line);
	for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	result = options_parse(argc, argv, options, complaint);
	assert_true((result == OPTION_WRONG) == (complaint[0] != '\0') && strchr(complaint, '\n') == NULL);
	return result;
}

static void
no_words(void **unused)
{
	char complaint[OPTION_COMPLAINT];
	struct driver_options options;

	(void)unused;
	/* Started without any argv[0]. */
	assert_int_equal(options_parse(0, (char *[]){ NULL }, &options, complaint), OPTION_WRONG);
	assert_non_null(strstr(complaint, "no command"));
}

static void
options_read(void **unused)
{
	static const char *const bad[] = { "", "synch", "--json sync", "sync -j 0", "sync -j 1001", "sync -j x", "sync -j",
		"sync -t 0", "sync -t 3601", "sync -t -1", "sync -w x", "sync -c 1e3", "sync --prometheus -x", "sync --state -x",
		"sync --ssh-config -", "sync --bogus", "sync -x", "check -w 2 -c 1", "sync --json=1", "sync -f" };
	struct driver_options options;

	(void)unused;
	assert_int_equal(options_of(&options, "sync"), 2);
	assert_true(options.correct);
	assert_int_equal(options.parallel, 16);
	assert_int_equal(options.deadline, 30 * NS_PER_SECOND);
	assert_int_equal(options_of(&options, "check -w 0.1 -c 2 -j 200 -t 5 --json web1 web2"), 11);
	assert_false(options.correct);
	assert_int_equal(options.warning, NS_PER_SECOND / 10);
	assert_int_equal(options.critical, 2 * NS_PER_SECOND);
	assert_int_equal(options.parallel, 200);
	assert_true(options.json);
	assert_int_equal(options_of(&options, "sync -f - --state d --ssh-config c --prometheus p --require-sync"), 11);
	assert_string_equal(options.list, "-");
	assert_string_equal(options.state, "d");
	assert_true(options.require_sync);
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (options_of(&options, bad[at]) >= 0)
			fail_msg("accepted: %s", bad[at]);
}

static const struct record sample = { .guest = "root@web-1.example", .time = INT64_C(1795419998965454115),
	.last_success = INT64_C(1795419998965454115), .result = CLIENT_DONE, .action = ACTION_STEP,
	.before = { -592310418762379951, 515000, 1030000, INT64_C(1795419998900000000) },
	.after = { -18174, 490000, 980000, INT64_C(1795419998950000000) }, .has_drift = true, .drift_ppb = -740123,
	.reference = { INT64_C(1795419998950000000), -18174, INT64_C(1795419998950000000) },
	.boot = "3b274584-e04e-4b6f-96bd-89cc31b1b0dd" };

static struct rate learnt, learnt_back;

/* Two looks at a guest that runs 740 ppm slow. */
static void
learn(void)
{
	struct rate_sample look = { .host_raw = 9 * NS_PER_SECOND, .host_real = INT64_C(1795419998) * NS_PER_SECOND,
		.guest_raw = 4 * NS_PER_SECOND, .guest_real = INT64_C(1795419997) * NS_PER_SECOND, .bound = 30000, .sets = 3,
		.host_boot = "cd", .guest_boot = sample.boot };
	struct rate_verdict verdict;

	memset(&learnt, 0, sizeof learnt);
	assert_true(rate_look(&learnt, &look, &verdict));
	look.host_raw += 300 * NS_PER_SECOND;
	look.host_real += 300 * NS_PER_SECOND;
	look.guest_raw += 300 * INT64_C(999260000);
	look.guest_real += 300 * INT64_C(999260000);
	assert_true(rate_look(&learnt, &look, &verdict));
	assert_true(verdict.has_rate);
}

static void
states_round_trip(void **unused)
{
	struct record record, back;
	char text[RECORD_TEXT];
	size_t length;

	(void)unused;
	learn();
	/* Copy the octets: an assignment need not copy the padding between members. */
	memcpy(&record, &sample, sizeof record);
	length = record_format(&record, &learnt, text);
	assert_true(record_parse(text, length, &back, &learnt_back));
	assert_memory_equal(&back, &record, sizeof back);
	assert_memory_equal(&learnt_back, &learnt, sizeof learnt);
	/* A state of release 0.1 has nothing of the estimator. */
	memset(&learnt, 0, sizeof learnt);
	length = record_format(&record, &learnt, text);
	assert_null(strstr(text, "rate"));
	assert_true(record_parse(text, length, &back, &learnt_back));
	assert_memory_equal(&learnt_back, &learnt, sizeof learnt);
	memset(&record, 0, sizeof record);
	record.result = CLIENT_FAILED;
	strcpy(record.boot, "-");
	memset(record.text, '~', sizeof record.text - 1);
	memset(record.guest, 'g', GUEST_NAME);
	length = record_format(&record, &learnt, text);
	assert_true(length < RECORD_TEXT);
	assert_true(record_parse(text, length, &back, &learnt_back));
	assert_memory_equal(&back, &record, sizeof back);
}

/* Whether TEXT is a valid state after FROM, which it contains, is replaced by TO. */
static bool
parses_with(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char changed[RECORD_TEXT];
	struct record back;

	assert_non_null(at);
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return record_parse(changed, strlen(changed), &back, &learnt_back);
}

static void
damaged_states(void **unused)
{
	struct record back;
	char text[RECORD_TEXT], damaged[RECORD_TEXT + 1];
	size_t length, taken = 0;

	(void)unused;
	learn();
	length = record_format(&sample, &learnt, text);
	/* A state that is truncated anywhere is invalid, and so is one with trailing octets. */
	for (size_t at = 0; at < length; at++)
		assert_false(record_parse(text, at, &back, &learnt_back));
	memcpy(damaged, text, length);
	damaged[length] = 'x';
	assert_false(record_parse(damaged, length + 1, &back, &learnt_back));
	/* A control octet anywhere makes the state invalid.  A letter may make another valid state, but rarely. */
	for (size_t at = 0; at < length; at++) {
		memcpy(damaged, text, length);
		damaged[at] = '\x01';
		assert_false(record_parse(damaged, length, &back, &learnt_back));
		damaged[at] = 'Q';
		taken += record_parse(damaged, length, &back, &learnt_back);
	}
	assert_true(taken < strlen(sample.guest) + strlen(sample.boot) + strlen(learnt.host_boot) + strlen(learnt.guest_boot) + 2);
	/* Values that record_format() never writes. */
	assert_false(parses_with(text, "boot 3b274584-e04e-4b6f-96bd-89cc31b1b0dd", "boot "));
	assert_false(parses_with(text, "drift-ppb -0.000740123", "drift-ppb +9223372035.999999999"));
	assert_false(parses_with(text, "drift-ppb -0.000740123", "drift-ppb -0.100000001"));
	assert_true(parses_with(text, "drift-ppb -0.000740123", "drift-ppb -0.100000000"));
	assert_true(parses_with(text, "drift-ppb -0.000740123", "drift-ppb none"));
}

static void
log_lines(void **unused)
{
	static const char *const bad[] = { "", "garbage", "2026-11-23T07:46:38.321906376Z", "2026-13-23T07:46:38.321906376Z x",
		"2026-11-23T07:46:38.32190637aZ x", "2026-11-23 07:46:38.321906376Z x" };
	char line[RECORD_LOG_LINE];
	struct record failed = { .guest = "g", .time = 1, .result = CLIENT_FAILED, .text = "no route" };
	nanoseconds time;
	size_t length = record_format_log(&sample, "sync", line);

	(void)unused;
	assert_int_equal(line[length - 1], '\n');
	assert_true(record_log_time(line, length - 1, &time));
	assert_int_equal(time, sample.time);
	assert_non_null(strstr(line, " root@web-1.example sync ok step offset=-592310418.762379951 "));
	record_format_log(&failed, "check", line);
	assert_string_equal(line, "1970-01-01T00:00:00.000000001Z g check failed no route\n");
	for (size_t at = 0; at < LENGTH(bad); at++)
		assert_false(record_log_time(bad[at], strlen(bad[at]), &time));
}

static void
file_names(void **unused)
{
	char name[RECORD_FILE_NAME], longest[GUEST_NAME + 1];

	(void)unused;
	record_file_name("root@web-1.example", name);
	assert_string_equal(name, "root@web-1.example.state");
	record_file_name("../../etc/passwd", name);
	assert_string_equal(name, "%2E.%2F..%2Fetc%2Fpasswd.state");
	record_file_name("ssh://root@[::1]:22", name);
	assert_string_equal(name, "ssh%3A%2F%2Froot@%5B%3A%3A1%5D%3A22.state");
	memset(longest, '/', GUEST_NAME);
	longest[GUEST_NAME] = '\0';
	record_file_name(longest, name);
	/* With the prefix of a new file and the suffix of a damaged one, a file's name has at most 255 octets. */
	assert_true(strlen(name) < 200);
	longest[GUEST_NAME - 1] = 'x';
	{
		char other[RECORD_FILE_NAME];

		record_file_name(longest, other);
		assert_string_not_equal(name, other);
	}
}

static void
ssh_causes(void **unused)
{
	static const char *const lines[][2] = {
		{ "Permissions 0644 for '/etc/guestclock/id_guest' are too open.", "chmod 600" },
		{ "Load key \"/etc/guestclock/id_guest\": Permission denied", "the key file must be" },
		{ "root@web1: Permission denied (publickey,password).", "the guest refuses this key or user" },
		{ "Host key for web1 has changed and you have requested strict checking.", "if the guest was reinstalled" },
		{ "No ED25519 host key is known for web1 and you have requested strict checking.", "compare the guest's host key" },
		{ "Host key verification failed.", "compare the guest's host key" },
		{ "Certificate invalid: not yet valid", "the dates of a certificate" },
		{ "ssh: connect to host web1 port 22: Connection refused", "no sshd listens there" },
		{ "ssh: connect to host web1 port 22: Connection timed out", "the guest is down" },
		{ "ssh: connect to host web1 port 22: No route to host", "the guest is down" },
		{ "ssh: connect to host web1 port 22: Network is unreachable", "the guest is down" },
		{ "ssh: Could not resolve hostname web1: Name or service not known", "correct the guest's name" },
		{ "/etc/guestclock/ssh_config: line 3: Bad configuration option: nosuch", "this ssh does not know" },
		{ "Bad owner or permissions on /etc/guestclock/ssh_config", "this file must belong" },
		{ "kex_exchange_identification: Connection closed by remote host", "sshd (a gateway's, perhaps) turns this host away" },
		{ "kex_exchange_identification: read: Connection reset by peer", "sshd (a gateway's, perhaps) turns this host away" },
		{ "ssh ended with exit status 255 before the exchange was complete", "sshd (a gateway's, perhaps) turns this host away" },
	};
	static const char *const none[] = { "", "@@@@@@@", "This private key will be ignored.", "guestclock-set: refused: x",
		"Connection closed by UNKNOWN port 65535",
		/* What a guest, or somebody in the network, puts behind words of ssh's. */
		"Received disconnect from 192.0.2.1 port 22:2: Host key for web1 has changed and you have requested strict checking.",
		"Received disconnect from 192.0.2.1 port 22:2: Connection refused", "Received disconnect from 192.0.2.1 port 22:2: x@: Permission denied (",
		"Unable to negotiate with 192.0.2.1 port 22: no matching cipher found. Their offer: No x host key is known for",
		"x: Host key for web1 has changed and you have requested", "your Permissions 0644 are too open", "a root@web1: Permission denied (",
		"x Host key verification failed.", "No x y host key is known for web1", "x Load key \"", "a b: line 1: Bad configuration option" };

	(void)unused;
	for (size_t at = 0; at < sizeof lines / sizeof lines[0]; at++) {
		const struct ssh_cause *cause = ssh_cause_find(lines[at][0]);

		assert_non_null(cause);
		assert_memory_equal(cause->cure, lines[at][1], strlen(lines[at][1]));
		assert_true((cause->keyword == NULL) == (cause->file_cure == NULL));
		/* It fits behind ssh's line, with a name of some length in it. */
		assert_true(strlen(lines[at][0]) + 2 + strlen(cause->cure) + 60 < CLIENT_TEXT);
		/* A second try changes nothing about keys and files. */
		assert_int_equal(cause->may_heal, strncmp(lines[at][0], "ssh: ", 5) == 0 || strncmp(cause->cure, "sshd ", 5) == 0);
	}
	for (size_t at = 0; at < sizeof none / sizeof none[0]; at++)
		assert_null(ssh_cause_find(none[at]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(long_lists),
		cmocka_unit_test(encodings),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(destinations),
		cmocka_unit_test(no_words),
		cmocka_unit_test(options_read),
		cmocka_unit_test(states_round_trip),
		cmocka_unit_test(damaged_states),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(file_names),
		cmocka_unit_test(ssh_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
