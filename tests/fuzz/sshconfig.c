/* sshconfig: an ssh_config. */
#include "fuzz.h"

#include "sshconfig.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), directory[SSHCONFIG_DIRECTORY], again[SSHCONFIG_DIRECTORY];
	char plain[SSHCONFIG_DIRECTORY + 32];

	memset(directory, 'x', sizeof directory);
	if (sshconfig_socket_directory(text, directory)) {
		REQUIRE(fuzz_is_line(directory, sizeof directory));
		REQUIRE(directory[0] == '/' && strstr(text, directory) != NULL);
		/* ssh takes it as it stands: nothing to expand or to unquote. */
		REQUIRE(strpbrk(directory, " %$\"'\\") == NULL);
		snprintf(plain, sizeof plain, "Host *\n\tControlPath %s/%%n\n", directory);
		REQUIRE(sshconfig_socket_directory(plain, again) && strcmp(directory, again) == 0);
	}
	free(text);
	return 0;
}
