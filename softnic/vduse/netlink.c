/* SPDX-License-Identifier: BSD-3-Clause */
/* The two requests of generic netlink that it takes to remove a vDPA device. */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softnic/vduse/internal.h"

/* A multiple of four, as each of them begins at one. */
#define ATTRIBUTE_HEAD sizeof(struct nlattr)
#define MESSAGE_HEAD ((size_t)NLMSG_HDRLEN + (size_t)GENL_HDRLEN)

struct exchange {
	int fd;
	size_t size;
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} message;
};

static void netlink_begin(struct exchange *x, uint16_t family, uint8_t command)
{
	const struct genlmsghdr head = { .cmd = command, .version = 1 };

	memset(&x->message, 0, sizeof(x->message));
	x->message.header = (struct nlmsghdr){ .nlmsg_type = family,
					       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	memcpy(x->message.bytes + NLMSG_HDRLEN, &head, sizeof(head));
	x->size = MESSAGE_HEAD;
}

static void netlink_add(struct exchange *x, uint16_t type, const char *text)
{
	struct nlattr attribute = { .nla_len = (uint16_t)(ATTRIBUTE_HEAD + strlen(text) + 1),
				    .nla_type = type };

	memcpy(x->message.bytes + x->size, &attribute, sizeof(attribute));
	memcpy(x->message.bytes + x->size + ATTRIBUTE_HEAD, text, strlen(text) + 1);
	x->size += (attribute.nla_len + 3u) & ~(size_t)3;
}

/* Send it, and read the first message that comes back. 0 or -errno, also the kernel's own. */
static int netlink_exchange(struct exchange *x)
{
	struct nlmsgerr error;
	ssize_t got;

	x->message.header.nlmsg_len = (uint32_t)x->size;
	if (send(x->fd, x->message.bytes, x->size, 0) < 0)
		return -errno;
	got = recv(x->fd, x->message.bytes, sizeof(x->message.bytes), MSG_DONTWAIT);
	if (got < (ssize_t)MESSAGE_HEAD)
		return got < 0 ? -errno : -EPROTO;
	x->size = (size_t)got;
	if (x->message.header.nlmsg_type != NLMSG_ERROR)
		return 0;
	memcpy(&error, x->message.bytes + NLMSG_HDRLEN, sizeof(error.error));
	return error.error;
}

/* Its number among the attributes of the reply; 0: it is missing. */
static uint16_t netlink_family(const struct exchange *x)
{
	size_t at = MESSAGE_HEAD;
	uint16_t family = 0;

	while (at + ATTRIBUTE_HEAD + sizeof(family) <= x->size) {
		struct nlattr attribute;

		memcpy(&attribute, x->message.bytes + at, sizeof(attribute));
		if (attribute.nla_len < ATTRIBUTE_HEAD)
			break;
		if (attribute.nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&family, x->message.bytes + at + ATTRIBUTE_HEAD, sizeof(family));
		at += (attribute.nla_len + 3u) & ~(size_t)3;
	}
	return family;
}

static int netlink_remove(struct exchange *x, const char *name)
{
	uint16_t family;
	int result;

	netlink_begin(x, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	netlink_add(x, CTRL_ATTR_FAMILY_NAME, VDPA_GENL_NAME);
	result = netlink_exchange(x);
	if (result < 0)
		return result;
	family = netlink_family(x);
	if (family == 0)
		return -ENOENT;
	/* The acknowledgement of the first one. */
	(void)recv(x->fd, x->message.bytes, sizeof(x->message.bytes), MSG_DONTWAIT);
	netlink_begin(x, family, VDPA_CMD_DEV_DEL);
	netlink_add(x, VDPA_ATTR_DEV_NAME, name);
	return netlink_exchange(x);
}

/* vDPA devices are there in the machine's own network namespace alone. */
static void netlink_leave_namespace(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	(void)setns(fd, CLONE_NEWNET);
	close(fd);
}

int vduse_netlink_remove(const char *name)
{
	struct exchange x;
	int result;

	netlink_leave_namespace();
	x.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (x.fd < 0)
		return -errno;
	result = netlink_remove(&x, name);
	close(x.fd);
	return result;
}
