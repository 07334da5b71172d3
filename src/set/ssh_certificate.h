/*
 * The parts of an OpenSSH certificate that the log needs (OpenSSH's PROTOCOL.certkeys; data types: RFC 4251, section 5).
 *
 * Pure.
 */
#ifndef GUESTCLOCK_SSH_CERTIFICATE_H
#define GUESTCLOCK_SSH_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#define SSH_CERTIFICATE_TYPE 64

/* The pointers point into the certificate. */
struct ssh_certificate {
	char type[SSH_CERTIFICATE_TYPE];	/* of the certified key: "ssh-ed25519" */
	const unsigned char *key;		/* the certified key, without its type: one or more strings */
	size_t key_length;
	const unsigned char *id;		/* the key id, which the CA chose; any octets */
	size_t id_length;
	const unsigned char *ca;		/* the CA's whole public key */
	size_t ca_length;
};

enum ssh_certificate_kind { SSH_CERTIFICATE, SSH_PLAIN_KEY, SSH_DAMAGED };

/*
 * Parses the LENGTH octets at BLOB, a public key or a certificate.  Fills CERTIFICATE only for SSH_CERTIFICATE.
 * SSH_DAMAGED: it has no type, or it is a certificate that is damaged or for a key of an unknown type.
 */
enum ssh_certificate_kind ssh_certificate_parse(const unsigned char *blob, size_t length,
    struct ssh_certificate *certificate);

#endif
