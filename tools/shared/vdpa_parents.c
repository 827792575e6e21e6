/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: linux/vdpa.h, Documentation/userspace-api/netlink/intro.rst. */
#include "tools/shared/vdpa_parents.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLASS_NET (1u << 1) /* by virtio's device id */
#define REPLY_ROOM 32768
#define ANSWER_MS 1000

struct request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	struct nlattr attribute; /* of the request for the family: its name */
	char name[8];
};

/* The value of an attribute, and how long it is; NULL: it is not there. */
static const void *parents_attribute(const char *from, size_t size, unsigned int kind, size_t *length)
{
	struct nlattr attribute;

	while (size >= sizeof(attribute)) {
		size_t step;

		memcpy(&attribute, from, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > size)
			return NULL;
		*length = attribute.nla_len - sizeof(attribute);
		if ((attribute.nla_type & NLA_TYPE_MASK) == kind)
			return from + sizeof(attribute);
		step = (attribute.nla_len + NLA_ALIGNTO - 1u) & ~(NLA_ALIGNTO - 1u);
		from += step < size ? step : size;
		size -= step < size ? step : size;
	}
	return NULL;
}

static bool parents_number(const char *from, size_t size, unsigned int kind, void *value, size_t width)
{
	size_t length = 0;
	const void *found = parents_attribute(from, size, kind, &length);

	if (found == NULL || length != width)
		return false;
	memcpy(value, found, width);
	return true;
}

static void parents_text(const char *from, size_t size, unsigned int kind, char *to, size_t room)
{
	size_t length = 0;
	const char *found = parents_attribute(from, size, kind, &length);

	snprintf(to, room, "%.*s", found != NULL ? (int)length : 0, found != NULL ? found : "");
}

bool vdpa_parents_take(const void *message, size_t size, struct vdpa_parent *parent)
{
	const size_t head = NLMSG_HDRLEN + GENL_HDRLEN;
	const char *from = (const char *)message + head;
	char bus[48], name[64];
	uint64_t classes = 0;

	*parent = (struct vdpa_parent){ .queues = 0 };
	if (size < head)
		return false;
	size -= head;
	parents_text(from, size, VDPA_ATTR_MGMTDEV_BUS_NAME, bus, sizeof(bus));
	parents_text(from, size, VDPA_ATTR_MGMTDEV_DEV_NAME, name, sizeof(name));
	(void)parents_number(from, size, VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES, &classes, sizeof(classes));
	(void)parents_number(from, size, VDPA_ATTR_DEV_MGMTDEV_MAX_VQS, &parent->queues,
			     sizeof(parent->queues));
	snprintf(parent->name, sizeof(parent->name), "%s%s%s", bus, bus[0] != '\0' ? "/" : "", name);
	return name[0] != '\0' && (classes & CLASS_NET) != 0;
}

/* ---- the kernel ---- */

/* Each message of a reply, until it ends. `see` returns false when it has enough. */
static void parents_ask(int fd, const struct request *request,
			bool (*see)(const struct nlmsghdr *message, void *context), void *context)
{
	static char reply[REPLY_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	if (send(fd, request, request->header.nlmsg_len, MSG_DONTWAIT) < 0)
		return;
	while (poll(&wait, 1, ANSWER_MS) == 1) {
		ssize_t length = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
		size_t left = length > 0 ? (size_t)length : 0;
		const char *at = reply;

		if (left == 0)
			return;
		while (left >= NLMSG_HDRLEN) {
			const struct nlmsghdr *message = (const void *)at;
			size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);

			if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > left ||
			    message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR ||
			    !see(message, context))
				return;
			at += step < left ? step : left;
			left -= step < left ? step : left;
		}
	}
}

static bool parents_see_family(const struct nlmsghdr *message, void *context)
{
	const size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	if (message->nlmsg_len > head)
		(void)parents_number((const char *)message + head, message->nlmsg_len - head,
				     CTRL_ATTR_FAMILY_ID, context, sizeof(uint16_t));
	return false;
}

struct parents {
	struct vdpa_parent *list;
	size_t count, room;
};

static bool parents_see(const struct nlmsghdr *message, void *context)
{
	struct parents *parents = context;
	struct vdpa_parent found;

	if (vdpa_parents_take(message, message->nlmsg_len, &found) && parents->count < parents->room)
		parents->list[parents->count++] = found;
	return true;
}

static void parents_read(int fd, struct parents *parents)
{
	const struct request family = {
		.header = { .nlmsg_len = sizeof(family), .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST },
		.generic = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
		.attribute = { .nla_len = sizeof(struct nlattr) + sizeof(VDPA_GENL_NAME),
			       .nla_type = CTRL_ATTR_FAMILY_NAME },
		.name = VDPA_GENL_NAME,
	};
	struct request list = {
		.header = { .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.generic = { .cmd = VDPA_CMD_MGMTDEV_GET, .version = VDPA_GENL_VERSION },
	};

	parents_ask(fd, &family, parents_see_family, &list.header.nlmsg_type);
	if (list.header.nlmsg_type != 0)
		parents_ask(fd, &list, parents_see, parents);
}

size_t vdpa_parents_read(struct vdpa_parent *list, size_t room)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct parents parents = { .list = list, .room = room };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);

	if (fd < 0)
		return 0;
	/* Connected, it gets messages of the kernel only. */
	if (connect(fd, (const void *)&kernel, sizeof(kernel)) == 0)
		parents_read(fd, &parents);
	close(fd);
	return parents.count;
}
