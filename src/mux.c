/* A session over a master's connection: see mux.h. */
#include "mux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* PROTOCOL.mux. */
#define MUX_VERSION 4
#define MUX_HELLO 0x00000001U
#define MUX_NEW_SESSION 0x10000002U
#define MUX_DENIED 0x80000002U
#define MUX_FAILURE 0x80000003U
#define MUX_EXIT 0x80000004U
#define NO_ESCAPE 0xffffffffU

#define COMMAND_MOST 255
/* The 32-bit words of a new session: type, number, reserved, four flags, escape character, and two strings' lengths. */
#define WORDS 10

static unsigned char *
put_u32(unsigned char *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof value);
	return at + sizeof value;
}

static unsigned char *
put_octets(unsigned char *at, const char *octets, size_t length)
{
	at = put_u32(at, (uint32_t)length);
	memcpy(at, octets, length);
	return at + length;
}

static bool
send_all(int fd, const unsigned char *from, const unsigned char *end)
{
	return send(fd, from, (size_t)(end - from), MSG_NOSIGNAL) == end - from;
}

static bool
send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	char octet = 0;
	struct iovec piece = { &octet, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof control.room };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_len = CMSG_LEN(sizeof fd);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

int
mux_open(const char *path, const char *command, const int child[3])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	unsigned char message[512], *at;
	struct ucred master;
	socklen_t length = sizeof master;
	size_t command_length = strlen(command);
	int fd;

	if (strlen(path) >= sizeof address.sun_path || command_length > COMMAND_MOST)
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &master, &length) != 0 || master.uid != geteuid())
		goto fail;
	/*
	 * The master takes these one by one as it comes to them; nothing waits for its answers.  A socket without room, as
	 * where many are asked at once, is as good as none.
	 */
	at = put_u32(put_u32(put_u32(message, 8), MUX_HELLO), MUX_VERSION);
	at = put_u32(put_u32(at, (uint32_t)(4 * WORDS + command_length)), MUX_NEW_SESSION);
	at = put_octets(put_u32(at, 0), "", 0);		/* the request's number; a reserved string */
	for (int flag = 0; flag < 4; flag++)	/* terminal, X11, agent, subsystem */
		at = put_u32(at, 0);
	at = put_octets(put_octets(put_u32(at, NO_ESCAPE), "", 0), command, command_length);	/* no terminal type */
	if (!send_all(fd, message, at))
		goto fail;
	for (int each = 0; each < 3; each++)
		if (!send_descriptor(fd, child[each]))
			goto fail;
	return fd;
fail:
	close(fd);
	return -1;
}

enum mux_event
mux_read(struct mux *mux, int fd, int *status)
{
	for (;;) {
		uint32_t word[3] = { 0, 0, 0 };
		size_t need = mux->held < 4 ? 4 : mux->length + 4;
		ssize_t got = read(fd, mux->room + mux->held, need - mux->held);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return MUX_NOTHING;
		if (got <= 0)
			return MUX_LOST;
		mux->held += (size_t)got;
		if (mux->held < 4)
			continue;
		memcpy(word, mux->room, 4);
		mux->length = ntohl(word[0]);
		if (mux->length < 4 || mux->length > sizeof mux->room - 4)
			return MUX_LOST;
		if (mux->held < mux->length + 4)
			continue;
		memcpy(word, mux->room + 4, mux->length < 12 ? 4 : 12);
		mux->held = 0;
		if (ntohl(word[0]) == MUX_EXIT && mux->length >= 12) {
			*status = (int)(ntohl(word[2]) & 0xff);
			return MUX_EXITED;
		}
		if (ntohl(word[0]) == MUX_DENIED || ntohl(word[0]) == MUX_FAILURE)
			return MUX_LOST;
	}
}
