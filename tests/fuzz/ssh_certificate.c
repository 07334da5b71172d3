/* ssh_certificate: the octets of a public key or a certificate. */
#include "fuzz.h"

#include "set/ssh_certificate.h"

static void
check_inside(const unsigned char *part, size_t length, const unsigned char *blob, size_t size)
{
	REQUIRE(part >= blob && part <= blob + size && length <= size - (size_t)(part - blob));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *blob = (unsigned char *)fuzz_octets(data, size);
	struct ssh_certificate certificate = { .key = NULL }, cut;
	enum ssh_certificate_kind kind = ssh_certificate_parse(blob, size, &certificate);

	REQUIRE(size > 4 || kind == SSH_DAMAGED);
	REQUIRE((kind == SSH_CERTIFICATE) == (certificate.key != NULL));
	if (kind == SSH_CERTIFICATE) {
		check_inside(certificate.key, certificate.key_length, blob, size);
		check_inside(certificate.id, certificate.id_length, blob, size);
		check_inside(certificate.ca, certificate.ca_length, blob, size);
		REQUIRE(certificate.key < certificate.id && certificate.id < certificate.ca);
		REQUIRE(certificate.type[0] != '\0' && strlen(certificate.type) < sizeof certificate.type);
		REQUIRE(strstr(certificate.type, "-cert-") == NULL);
		/* The CA's key is the last part that is read: whatever is cut before its end is missed. */
		size = (size_t)(certificate.ca + certificate.ca_length - blob);
		REQUIRE(ssh_certificate_parse(blob, size, &cut) == SSH_CERTIFICATE);
		REQUIRE(ssh_certificate_parse(blob, size - 1, &cut) == SSH_DAMAGED);
	}
	free(blob);
	return 0;
}
