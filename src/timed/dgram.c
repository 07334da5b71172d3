/* Replies to datagrams: see dispatch.h. */
#include "timed/dispatch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/peer.h"
#include "lib/rfc868.h"
#include "timed/loop_guard.h"
#include "timed/reply.h"
#include "timed/wait_mode.h"

/* The most requests that one recvmmsg(2) receives, and the most replies that one sendmmsg(2) sends. */
#define BATCH 32

/* Room for one control message, IP_PKTINFO or IPV6_PKTINFO, which is the larger. */
union pktinfo_room {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* The requests of one batch, and the headers of the replies to them. */
static struct {
	struct mmsghdr question[BATCH];
	struct iovec room[BATCH];
	uint8_t content[BATCH][LOOP_GUARD_OCTETS + 1];	/* never read; room for an octet too many, which msg_len shows */
	union peer asker[BATCH];		/* the client's address from the kernel: the reply's destination */
	union pktinfo_room asked[BATCH];	/* the request's destination: the reply's source address */
	struct mmsghdr answer[BATCH];
	union peer client[BATCH];		/* the client's address after peer_unmap(), for each entry of answer */
} batch;

static void
ask_for_destinations(int fd)
{
	int on = 1;

	/* On an IPv6 socket IPV6_RECVPKTINFO also covers IPv4: the destination of a datagram is then v4-mapped. */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) != 0)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

static int
receive_batch(int fd, int flags)
{
	for (unsigned at = 0; at < BATCH; at++) {
		batch.room[at] = (struct iovec){ .iov_base = batch.content[at], .iov_len = LOOP_GUARD_OCTETS + 1 };
		batch.question[at].msg_hdr = (struct msghdr){ .msg_name = &batch.asker[at],
			.msg_namelen = sizeof batch.asker[at], .msg_iov = &batch.room[at], .msg_iovlen = 1,
			.msg_control = &batch.asked[at], .msg_controllen = sizeof batch.asked[at] };
	}
	return recvmmsg(fd, batch.question, BATCH, flags, NULL);
}

/*
 * PACKET is the control message of a request, of LENGTH octets.  Changes it into one for the reply, which sets the
 * reply's source address to the request's destination.  Returns the new length, or 0 if the kernel must choose the
 * source.  The length is CMSG_LEN, not CMSG_SPACE: with the padding the kernel would have to allocate memory.
 */
static size_t
answer_from_asked(union pktinfo_room *packet, size_t length)
{
	if (length < sizeof packet->header)
		return 0;
	if (packet->header.cmsg_level == IPPROTO_IP && packet->header.cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(&packet->header), sizeof info);
		/*
		 * ipi_spec_dst is 0 in the datagram that started this process, because it arrived before
		 * setsockopt(IP_PKTINFO).  ipi_addr, the datagram's destination, is valid even then.
		 */
		if (info.ipi_spec_dst.s_addr == 0)
			info.ipi_spec_dst = info.ipi_addr;
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(&packet->header), &info, sizeof info);
		return CMSG_LEN(sizeof info);
	}
	if (packet->header.cmsg_level == IPPROTO_IPV6 && packet->header.cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(&packet->header), sizeof info);
		if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
			return 0;
		/* Only a link-local address needs its interface; for any other address, routing chooses one. */
		if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
			info.ipi6_ifindex = 0;
			memcpy(CMSG_DATA(&packet->header), &info, sizeof info);
		}
		return CMSG_LEN(sizeof info);
	}
	return 0;
}

/*
 * Sends a reply again after sendmmsg(2) failed with ERROR; the kernel now chooses the source address.  Returns whether
 * the reply was sent: false without another try if the source address cannot be the cause of ERROR.
 */
static bool
send_from_any(int fd, struct msghdr *answer, int error)
{
	if (answer->msg_controllen == 0 ||
	    (error != EINVAL && error != EADDRNOTAVAIL && error != ENETUNREACH && error != ENODEV))
		return false;
	/* The request was a broadcast, or the address was just removed: another source address is better than none. */
	answer->msg_control = NULL;
	answer->msg_controllen = 0;
	return sendmsg(fd, answer, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
send_batch(int fd, unsigned count)
{
	for (unsigned at = 0; at < count;) {
		int sent = sendmmsg(fd, &batch.answer[at], count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		bool good = true;

		if (sent < 0 && errno == EINTR)
			continue;
		/* An error is that of the first reply. */
		if (sent <= 0) {
			sent = 1;
			good = send_from_any(fd, &batch.answer[at].msg_hdr, errno);
		}
		for (unsigned end = at + (unsigned)sent; at < end; at++)
			if (good)
				reply_log(&batch.client[at], "udp");
	}
}

static void
answer_batch(int fd, unsigned questions)
{
	static uint8_t octets[RFC868_OCTETS];
	static struct iovec content = { .iov_base = octets, .iov_len = sizeof octets };
	unsigned answers = 0;

	for (unsigned at = 0; at < questions; at++) {
		struct msghdr *question = &batch.question[at].msg_hdr;
		union peer *client = &batch.client[answers];

		client->v6 = batch.asker[at].v6;
		peer_unmap(client);
		if (!loop_guard_may_reply(client, batch.question[at].msg_len) ||
		    !wait_mode_allows(client, -1, "udp"))
			continue;
		batch.answer[answers].msg_hdr = (struct msghdr){ .msg_name = question->msg_name,
			.msg_namelen = question->msg_namelen, .msg_iov = &content, .msg_iovlen = 1,
			.msg_control = question->msg_control,
			.msg_controllen = answer_from_asked(question->msg_control, question->msg_controllen) };
		if (batch.answer[answers].msg_hdr.msg_controllen == 0)
			batch.answer[answers].msg_hdr.msg_control = NULL;
		answers++;
	}
	/* Read the clock last: wait_mode_allows() may have waited for a name server. */
	if (answers > 0 && reply_time(octets, wait_mode_may_log))
		send_batch(fd, answers);
}

enum status
dgram_serve(int fd)
{
	enum status status = wait_mode_start();
	bool leaving = false;

	ask_for_destinations(fd);
	while (status == STATUS_DONE) {
		int got;

		if (wait_mode_ticked() && !wait_mode_tick()) {
			if (leaving)
				break;
			leaving = true;
		}
		/* Exit when no request waits, or a tick later: a superserver may discard it before the next process runs. */
		got = receive_batch(fd, leaving ? MSG_DONTWAIT : MSG_WAITFORONE);
		if (got > 0) {
			wait_mode_busy();
			leaving = leaving && wait_mode_must_leave();
			answer_batch(fd, (unsigned)got);
			continue;
		}
		if (leaving && errno == EAGAIN)
			break;
		if (wait_mode_trouble(fd, "receive datagrams") == TROUBLE_FATAL)
			status = STATUS_SYSTEM;
	}
	return status;
}
