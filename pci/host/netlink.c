/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of rtnetlink and their replies. A reply is waited for a second at most.
 *
 * Source: netlink(7).
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pci/host/netlink.h"

#define REPLY_ROOM 65536
#define TRIES 5 /* of a list that changes while it is read */

/* What an end or an error of the kernel's says; the former has a body where a list
 * could not be completed. */
static int nl_result(const struct nlmsghdr *message)
{
	int32_t code = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(&code, NLMSG_DATA(message), sizeof(code));
	else if (message->nlmsg_type == NLMSG_ERROR)
		code = -EIO;
	return code < 0 ? code : 0;
}

int vn_netlink_show(const void *datagram, size_t left, bool dump, vn_netlink_see *see,
		    void *context)
{
	const char *reply = datagram;
	bool changed = false;

	while (left >= NLMSG_HDRLEN) {
		const struct nlmsghdr *message = (const void *)reply;
		size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);

		if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > left)
			return -EIO;
		changed = changed || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (message->nlmsg_type == NLMSG_DONE ||
		    message->nlmsg_type == NLMSG_ERROR)
			return changed ? -EINTR : nl_result(message);
		see(message, context);
		left = step < left ? left - step : 0;
		reply += step;
	}
	return changed ? -EINTR : dump;
}

static int nl_request(int fd, const struct nlmsghdr *request, vn_netlink_see *see,
		      void *context)
{
	static _Thread_local char reply[REPLY_ROOM]
		__attribute__((aligned(NLMSG_ALIGNTO)));
	bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	ssize_t length = send(fd, request, request->nlmsg_len, 0);
	int result = 1;

	if (length < 0)
		return -errno;
	while (result > 0) {
		/* MSG_TRUNC: the length that it has, not what there was room for. */
		length = recv(fd, reply, sizeof(reply), MSG_TRUNC);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length == 0 ? -EIO : -errno;
		if ((size_t)length > sizeof(reply))
			return -EMSGSIZE;
		result = vn_netlink_show(reply, (size_t)length, dump, see,
					 context);
	}
	return result;
}

static int nl_request_once(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct timeval second = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int result;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	/* Connected, it gets messages of the kernel only. */
	result = connect(fd, (const void *)&kernel, sizeof(kernel)) != 0 ?
			 -errno : nl_request(fd, request, see, context);
	close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}

int vn_netlink_request(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	int result = -EINTR;

	for (int i = 0; i < TRIES && (result == -EINTR || result == -ENOBUFS); i++)
		result = nl_request_once(request, see, context);
	return result;
}
