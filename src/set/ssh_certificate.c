/* OpenSSH certificates: see ssh_certificate.h. */
#include "set/ssh_certificate.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char suffix[] = "-cert-v01@openssh.com";

/* The types of keys, and of how many strings each consists after its type. */
static const struct {
	const char *before;	/* the certificate's type begins with this, and suffix follows */
	const char *type;	/* the key's own type */
	int strings;
} types[] = {
	{ "ssh-ed25519", "ssh-ed25519", 1 },
	{ "ssh-rsa", "ssh-rsa", 2 },
	{ "ssh-dss", "ssh-dss", 4 },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", 2 },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", 2 },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", 2 },
	{ "sk-ssh-ed25519", "sk-ssh-ed25519@openssh.com", 2 },
	{ "sk-ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com", 3 },
};

struct cursor {
	const unsigned char *at;
	size_t left;
	bool good;
};

static const unsigned char *
take(struct cursor *cursor, size_t length)
{
	const unsigned char *taken = cursor->at;

	cursor->good = cursor->good && length <= cursor->left;
	if (!cursor->good)
		return taken;
	cursor->at += length;
	cursor->left -= length;
	return taken;
}

static const unsigned char *
take_string(struct cursor *cursor, size_t *length)
{
	const unsigned char *octets = take(cursor, 4);

	*length = 0;
	if (cursor->good)
		*length = (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
	return take(cursor, *length);
}

enum ssh_certificate_kind
ssh_certificate_parse(const unsigned char *blob, size_t length,
    struct ssh_certificate *certificate)
{
	struct cursor cursor = { blob, length, true };
	struct ssh_certificate parsed = { .key = NULL };
	size_t size, at = 0, prefix;
	const unsigned char *type = take_string(&cursor, &size);

	if (!cursor.good || size == 0)
		return SSH_DAMAGED;
	prefix = size < sizeof suffix - 1 ? 0 : size - (sizeof suffix - 1);
	if (prefix == 0 || memcmp(type + prefix, suffix, sizeof suffix - 1) != 0)
		return SSH_PLAIN_KEY;
	while (at < sizeof types / sizeof types[0] &&
	    (strlen(types[at].before) != prefix || memcmp(types[at].before, type, prefix) != 0))
		at++;
	if (at == sizeof types / sizeof types[0])
		return SSH_DAMAGED;
	snprintf(parsed.type, sizeof parsed.type, "%s", types[at].type);
	take_string(&cursor, &size);	/* the nonce */
	parsed.key = cursor.at;
	for (int string = 0; string < types[at].strings; string++)
		take_string(&cursor, &size);
	parsed.key_length = (size_t)(cursor.at - parsed.key);
	take(&cursor, 8 + 4);		/* the serial number, and whether it is a user's or a host's */
	parsed.id = take_string(&cursor, &parsed.id_length);
	take_string(&cursor, &size);	/* principals */
	take(&cursor, 8 + 8);		/* valid from, and until */
	for (int string = 0; string < 3; string++)
		take_string(&cursor, &size);	/* critical options, extensions, reserved */
	parsed.ca = take_string(&cursor, &parsed.ca_length);
	if (!cursor.good)
		return SSH_DAMAGED;
	*certificate = parsed;
	return SSH_CERTIFICATE;
}
