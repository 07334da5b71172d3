/* ssh_env, query_answer, guest_clock: input from sshd, from the asking process and from the lock file. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "set/guest_clock.h"
#include "set/query_answer.h"
#include "set/ssh_env.h"

static unsigned
interface_number(const char *name)
{
	return strcmp(name, "eth0") == 0 ? 2 : 0;
}

static void
connections(void **unused)
{
	static const char *const bad[] = { "", " ", "10.0.0.1", "10.0.0.1 1 10.0.0.2", "10.0.0.1 1 10.0.0.2 22 x",
		"10.0.0.1  1 10.0.0.2 22", "host 1 10.0.0.2 22", " 10.0.0.1 1 10.0.0.2 22", "10.0.0.1 1 10.0.0.2 22 ",
		"1111111111111111111111111111111111111111111111111111111111111111111111 1 2 3" };
	char address[PEER_TEXT];
	union peer peer;

	(void)unused;
	assert_true(ssh_env_parse_connection("10.0.0.1 50000 10.0.0.2 22", interface_number, address, &peer));
	assert_string_equal(address, "10.0.0.1");
	assert_true(ssh_env_parse_connection("fe80::1%eth0 50000 fe80::2%eth0 22", interface_number, address, &peer));
	assert_string_equal(address, "fe80::1%2");
	assert_true(ssh_env_parse_connection("fe80::1%gone 50000 fe80::2%gone 22", interface_number, address, &peer));
	assert_string_equal(address, "fe80::1%gone");
	assert_true(ssh_env_parse_connection("::ffff:10.0.0.1 1 ::1 22", interface_number, address, &peer));
	assert_string_equal(address, "10.0.0.1");
	assert_int_equal(peer.any.sa_family, AF_INET);
	assert_true(ssh_env_parse_connection("UNKNOWN 65535 UNKNOWN 65535", interface_number, address, &peer));
	assert_int_equal(peer.any.sa_family, AF_UNSPEC);
	assert_false(ssh_env_parse_connection("UNKNOWN 22 UNKNOWN 22", interface_number, address, &peer));
	for (size_t at = 0; at < LENGTH(bad); at++)
		if (ssh_env_parse_connection(bad[at], interface_number, address, &peer))
			fail_msg("accepted: %s", bad[at]);
}

/* Reads an environment of these strings, which ssh_env_read() overwrites. */
static bool
read_environment(struct ssh_env *client, const char *first, const char *second)
{
	extern char **environ;
	char **mine = environ, copies[2][80], *variables[] = { copies[0], copies[1], NULL };
	bool identified;

	snprintf(copies[0], sizeof copies[0], "%s", first);
	snprintf(copies[1], sizeof copies[1], "%s", second);
	environ = variables;
	identified = ssh_env_read(client);
	environ = mine;
	return identified;
}

static void
environments(void **unused)
{
	static const char connection[] = "SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22", command[] = "SSH_ORIGINAL_COMMAND=status";
	struct ssh_env client;

	(void)unused;
	assert_true(read_environment(&client, connection, command));
	assert_true(client.by_ssh);
	assert_string_equal(client.address, "10.0.0.1");
	assert_true(read_environment(&client, connection, "A=1"));
	assert_true(client.by_ssh);
	assert_true(read_environment(&client, "TZ=UTC", "A=1"));
	assert_false(client.by_ssh);
	assert_string_equal(client.address, "this machine");
	assert_false(read_environment(&client, "TZ=UTC", command));
	assert_false(read_environment(&client, "SSH_ORIGINAL_COMMAND=", "SSH_CLIENT=10.0.0.1 1 22"));
	assert_true(client.by_ssh);
	assert_string_equal(client.address, "unknown");
}

static void
fingerprints(void **unused)
{
	/* A key of the octets 0 to 31; the expected fingerprint is from ssh-keygen -l. */
	static const char info[] = "password\npublickey ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n";
	/* By ssh-keygen -s ca -I 'host a' -n root; the fingerprints are those of ssh-keygen -L. */
	static const char certificate[] = "publickey ssh-ed25519-cert-v01@openssh.com "
	    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIL4/4bb3XpPt+hAm25Lt95g65HyBwIuYO/SooqGEe37/AAAA"
	    "IFbmW7am7HiQiGBc9h7Nnxbof2V9Sm3cr8YzUKkooQpBAAAAAAAAAAAAAAABAAAABmhvc3QgYQAAAAgAAAAEcm9vdAAAAABrCEQo"
	    "AAAAAH3VmKgAAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1hZ2VudC1mb3J3YXJkaW5nAAAA"
	    "AAAAABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQtcHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAA"
	    "AAAAMwAAAAtzc2gtZWQyNTUxOQAAACCuo3WeEGby3bCPlVZSAH6Knf8DCPsyLV56xTIVUJh2IQAAAFMAAAALc3NoLWVkMjU1MTkA"
	    "AABAbhy23pgv3u5NTr3zDuqZVteg6h4RTFgxtKlWTz/iroMaZ1ABytPK0a133OuAu1W6/szYe2P90OQOApfLXMtyBw==" "\n";
	static const char fields[] = "SHA256:yKS2n0JxQxP3j/56R378ZcG62EPB2hEwmACsU9IqyOI id \"host a\" ca "
	    "SHA256:pyTiJSiAMZfu94UQ1ls75XgMardo3YSV3S0yScfl3rI";
	static const char *const bad[] = { "", "publickey", "publickey ssh-ed25519", "publickey ssh-ed25519 ",
		"publickey ssh-ed25519 !!!\n", "publickey ssh-ed25519 AAAA\n", "xpublickey ssh-ed25519 AAAA\n" };
	char key[SSH_ENV_KEY_TEXT];

	(void)unused;
	ssh_env_key_fingerprint(info, key);
	assert_string_equal(key, "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
	ssh_env_key_fingerprint(certificate, key);
	assert_string_equal(key, fields);
	/* Cut anywhere before the CA's signature, it has no fingerprint. */
	for (size_t length = 0; length < sizeof certificate - 130; length++) {
		char cut[sizeof certificate];

		memcpy(cut, certificate, length);
		cut[length] = '\0';
		ssh_env_key_fingerprint(cut, key);
		assert_string_equal(key, "");
	}
	for (size_t at = 0; at < LENGTH(bad); at++) {
		ssh_env_key_fingerprint(bad[at], key);
		assert_string_equal(key, "");
	}
}

static void
answers(void **unused)
{
	struct query_answer good = { .outcome = QUERY_ANSWERED, .offset = { -1, 1 } }, bad;

	(void)unused;
	assert_true(query_answer_valid(&good));
	bad = good;
	bad.outcome = QUERY_OUTCOMES;
	assert_false(query_answer_valid(&bad));
	bad = good;
	bad.offset.low = 2;
	assert_false(query_answer_valid(&bad));
	bad = good;
	bad.delay = -1;
	assert_false(query_answer_valid(&bad));
	bad = good;
	memset(bad.source, 'a', sizeof bad.source);
	assert_false(query_answer_valid(&bad));
	bad = good;
	memset(bad.text, 'a', sizeof bad.text);
	assert_false(query_answer_valid(&bad));
	/* Strings that go to the client and into the log must be printable. */
	bad = good;
	strcpy(bad.source, "127.0.0.1\n");
	assert_false(query_answer_valid(&bad));
	bad = good;
	strcpy(bad.text, "\x1b[2J");
	assert_false(query_answer_valid(&bad));
	/* The bound is half the width and must fit into a signed number. */
	bad = good;
	bad.offset = (struct interval){ INT64_MIN, INT64_MAX };
	assert_false(query_answer_valid(&bad));
	bad.offset = (struct interval){ -1, INT64_MAX };
	assert_false(query_answer_valid(&bad));
	bad.offset = (struct interval){ 0, INT64_MAX };
	assert_true(query_answer_valid(&bad));
}

static void
whose_synchronisation(void **unused)
{
	struct guest_clock run = { .has_bound = true, .bound = 500091, .bound_before = 700000 };
	struct sysclock_state kernel = { .synchronised = true, .maxerror = 500591000, .esterror = 500091000 };

	(void)unused;
	assert_false(guest_clock_other_service(&run, &kernel));
	kernel.esterror = 1000;
	assert_true(guest_clock_other_service(&run, &kernel));
	/* A request was killed after recording the bound and before setting it in the kernel. */
	kernel.esterror = 700000000;
	kernel.maxerror = 700100000;
	assert_false(guest_clock_other_service(&run, &kernel));
	kernel.esterror = 500091000;
	kernel.maxerror = 1000;
	assert_true(guest_clock_other_service(&run, &kernel));
	kernel.maxerror = 500591000;
	run.has_bound = false;
	assert_true(guest_clock_other_service(&run, &kernel));
	kernel.synchronised = false;
	assert_false(guest_clock_other_service(&run, &kernel));
}

/* What is in a lock file that could not be read is unknown: keep it.  The descriptor takes no output in any case. */
static void
unread_file(void **unused)
{
	struct guest_clock run = { .fd = open("/dev/null", O_RDONLY), .directory = "/run/guestclock", .read_error = EIO };

	(void)unused;
	assert_int_equal(guest_clock_record_bound(&run, 1000), EIO);
	assert_string_equal(guest_clock_set_complaint(&run, EIO), "cannot record it in /run/guestclock/lock, which must come first: "
	    "Input/output error; free space there, or let this program read and write there");
	close(run.fd);
}

/* Nor has it a number: a pipe can be locked, and not be read from a position. */
static void
unread_number(void **unused)
{
	struct guest_clock run = { .directory = "/run/guestclock" };
	int ends[2];

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	run.fd = ends[0];
	assert_int_equal(guest_clock_lock(&run, NULL, &(int64_t){ 0 }), ESPIPE);
	assert_int_equal(guest_clock_lock(&run, NULL, NULL), 0);
	assert_int_equal(run.read_error, ESPIPE);
	guest_clock_unlock(&run);
	guest_clock_admit_signals(&run);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections),
		cmocka_unit_test(environments),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(answers),
		cmocka_unit_test(whose_synchronisation),
		cmocka_unit_test(unread_file),
		cmocka_unit_test(unread_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
