/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the kernel's network side says of an interface, over rtnetlink: routes of
 * every table, and interfaces that were made on top of it, also in other namespaces.
 * Never: changes anything; waits for a reply for more than a second.
 * Read next: pci/host/interface.c.
 *
 * Source: rtnetlink(7), linux/rtnetlink.h, linux/if_link.h, linux/net_namespace.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pci/host/host.h"

#define REPLY_ROOM 65536
#define TRIES 5 /* of a list that changes while it is read */

/* A request of each kind, with room for one attribute. */
struct request {
	struct nlmsghdr header;
	union {
		struct rtmsg route;
		struct ifinfomsg link;
		struct rtgenmsg any;
		char room[64];
	};
};

/* ---- asking ---- */

/* What an end or an error of the kernel's says; the former has a body where a list
 * could not be completed. */
static int verdict(const struct nlmsghdr *message)
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
			return changed ? -EINTR : verdict(message);
		see(message, context);
		left = step < left ? left - step : 0;
		reply += step;
	}
	return changed ? -EINTR : dump;
}

static int ask(int fd, const struct nlmsghdr *request, vn_netlink_see *see,
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

static int ask_once(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct timeval second = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int result;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	/* Connected, it hears the kernel only. */
	result = connect(fd, (const void *)&kernel, sizeof(kernel)) != 0 ?
			 -errno : ask(fd, request, see, context);
	close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
}

int vn_netlink_ask(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	int result = -EINTR;

	for (int i = 0; i < TRIES && (result == -EINTR || result == -ENOBUFS); i++)
		result = ask_once(request, see, context);
	return result;
}

static void begin(struct request *request, uint16_t type, size_t body, uint16_t flags)
{
	*request = (struct request){ .header = {
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(body), .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags } };
}

static void add(struct request *request, uint16_t type, const void *value,
		size_t size)
{
	struct rtattr attribute = { .rta_type = type,
				    .rta_len = (uint16_t)RTA_LENGTH(size) };
	char *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);

	memcpy(at, &attribute, sizeof(attribute));
	memcpy(at + RTA_LENGTH(0), value, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) +
				    (uint32_t)RTA_LENGTH(size);
}

/* The attribute of that type in a stretch of them; NULL if it is not there, or shorter
 * than `least`. */
static const struct rtattr *find_in(const void *stretch, size_t left, unsigned int type,
				    size_t least)
{
	const struct rtattr *at = stretch;

	while (RTA_OK(at, left)) {
		size_t step = RTA_ALIGN((size_t)at->rta_len);

		if ((at->rta_type & NLA_TYPE_MASK) == type && RTA_PAYLOAD(at) >= least)
			return at;
		left = step < left ? left - step : 0;
		at = (const void *)((const char *)at + step);
	}
	return NULL;
}

/* The same of a message whose fixed part has `body` bytes. */
static const struct rtattr *find(const struct nlmsghdr *message, size_t body,
				 unsigned int type, size_t least)
{
	size_t start = NLMSG_LENGTH(NLMSG_ALIGN(body));

	if (message->nlmsg_len < start)
		return NULL;
	return find_in((const char *)message + start, message->nlmsg_len - start, type,
		       least);
}

/* The same inside an attribute that holds others; NULL has none. */
static const struct rtattr *find_inside(const struct rtattr *outer, unsigned int type,
					size_t least)
{
	return outer == NULL ? NULL : find_in(RTA_DATA(outer), RTA_PAYLOAD(outer), type,
					      least);
}

static int32_t number(const struct rtattr *attribute)
{
	int32_t value = -1;

	if (attribute != NULL)
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

/* An interface's number, 0 if it is gone, or -errno. */
static int index_of(const char *interface)
{
	char path[VN_PATH_MAX];
	unsigned long index;
	int result;

	vn_sysfs_path(path, "class/net/%s/ifindex", interface);
	result = vn_sysfs_number(path, &index);
	return result == 0 ? (int)index : result == -ENOENT ? 0 : result;
}

/* ---- routes ---- */

struct search {
	int index;	/* of the interface */
	bool found;
	char *why;
	size_t size;
	bool elsewhere; /* what is shown is of another namespace */
	int32_t *namespace;
	unsigned int namespaces;
	int failure; /* of noting one */
};

/* The result of a search: 1 found, 0 not, or -errno where it could not be finished, with
 * `what` was looked at in its text. */
static int searched(const struct search *search, int result, const char *what)
{
	if (search->found)
		return 1;
	if (result < 0)
		snprintf(search->why, search->size, "%s", what);
	return result;
}

/* One of the ways of a route with several. */
static bool one_way_leads(const struct rtattr *ways, int index)
{
	const struct rtnexthop *way = RTA_DATA(ways);
	size_t left = RTA_PAYLOAD(ways);

	while (left >= sizeof(*way) && way->rtnh_len >= sizeof(*way) &&
	       way->rtnh_len <= left) {
		size_t step = NLMSG_ALIGN((size_t)way->rtnh_len);

		if (way->rtnh_ifindex == index)
			return true;
		left = step < left ? left - step : 0;
		way = RTNH_NEXT(way);
	}
	return false;
}

static bool leads_to(const struct nlmsghdr *message, int index)
{
	const struct rtattr *out = find(message, sizeof(struct rtmsg), RTA_OIF, 4);
	const struct rtattr *ways = find(message, sizeof(struct rtmsg),
					 RTA_MULTIPATH, 0);

	return number(out) == index || (ways != NULL && one_way_leads(ways, index));
}

/* Link-local addresses and multicast: nobody made these routes for a purpose. */
static bool is_automatic(const struct nlmsghdr *message, const struct rtmsg *route)
{
	const struct rtattr *to = find(message, sizeof(*route), RTA_DST,
				       route->rtm_family == AF_INET ? 4 : 16);
	const uint8_t *address = to != NULL ? RTA_DATA(to) : NULL;

	if (route->rtm_type != RTN_UNICAST || route->rtm_protocol == RTPROT_KERNEL ||
	    route->rtm_protocol == RTPROT_RA || (route->rtm_flags & RTM_F_CLONED))
		return true;
	if (address == NULL || route->rtm_dst_len < 8)
		return false;
	if (route->rtm_family == AF_INET)
		return (address[0] == 169 && address[1] == 254) ||
		       (address[0] & 0xf0) == 224;
	return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

static void see_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = NLMSG_DATA(message);
	struct search *search = context;

	if (message->nlmsg_type != RTM_NEWROUTE || search->found ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(*route)) ||
	    is_automatic(message, route) || !leads_to(message, search->index))
		return;
	search->found = true;
	if (number(find(message, sizeof(*route), RTA_TABLE, 4)) == RT_TABLE_MAIN)
		snprintf(search->why, search->size, "has routes");
	else
		snprintf(search->why, search->size, "has routes (table %u)",
			 (unsigned int)number(find(message, sizeof(*route), RTA_TABLE,
						   4)));
}

static int look_for_routes(struct search *search)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct request request;
	int result = 0;

	for (size_t i = 0; i < 2 && !search->found && result == 0; i++) {
		begin(&request, RTM_GETROUTE, sizeof(request.route), NLM_F_DUMP);
		request.route.rtm_family = families[i];
		result = vn_host.netlink(&request.header, see_route, search);
		if (result == -EOPNOTSUPP || result == -EAFNOSUPPORT)
			result = 0; /* a kernel without IPv6 */
	}
	return searched(search, result, "routes");
}

static void see_way(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;

	if (message->nlmsg_type == RTM_NEWROUTE &&
	    message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)) &&
	    leads_to(message, search->index))
		search->found = true;
}

/* Answers that are one: there is no way to that address, or one to nowhere. */
static bool is_no_way(int result)
{
	return result == -ENETUNREACH || result == -EHOSTUNREACH ||
	       result == -EACCES || result == -EINVAL || result == -EOPNOTSUPP ||
	       result == -EAFNOSUPPORT;
}

int vn_netlink_leads(const char *address, const char *interface)
{
	struct search search = { .index = index_of(interface) };
	struct request request;
	uint8_t bytes[16];
	unsigned char family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	unsigned char size = family == AF_INET ? 4 : 16;
	int result;

	if (search.index <= 0)
		return search.index;
	if (inet_pton(family, address, bytes) != 1)
		return 0;
	begin(&request, RTM_GETROUTE, sizeof(request.route), 0);
	request.route.rtm_family = family;
	request.route.rtm_dst_len = (unsigned char)(size * 8);
	add(&request, RTA_DST, bytes, size);
	result = vn_host.netlink(&request.header, see_way, &search);
	if (search.found)
		return 1;
	return is_no_way(result) ? 0 : result;
}

/* ---- interfaces on top ---- */

/* Those that are made on another interface and may be moved away from it. Others
 * name a peer: an index that means nothing here. */
static bool rests_on_another(const struct nlmsghdr *message)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap",
					     "vlan" };
	const struct rtattr *kind = find_inside(
		find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO, 4),
		IFLA_INFO_KIND, 1);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && kind != NULL; i++)
		if (RTA_PAYLOAD(kind) > strlen(kinds[i]) &&
		    memcmp(RTA_DATA(kind), kinds[i], strlen(kinds[i]) + 1) == 0)
			return true;
	return false;
}

static bool has_program(const struct nlmsghdr *message)
{
	const struct rtattr *attached = find_inside(
		find(message, sizeof(struct ifinfomsg), IFLA_XDP, 4),
		IFLA_XDP_ATTACHED, 1);

	return attached != NULL &&
	       *(const uint8_t *)RTA_DATA(attached) != XDP_ATTACHED_NONE;
}

static void see_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	struct search *search = context;
	const struct rtattr *name;
	bool foreign;

	if (message->nlmsg_type != RTM_NEWLINK || search->found ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(*link)))
		return;
	if (!search->elsewhere && link->ifi_index == search->index) {
		search->found = has_program(message);
		if (search->found)
			snprintf(search->why, search->size, "has an XDP program");
		return;
	}
	foreign = find(message, sizeof(*link), IFLA_LINK_NETNSID, 4) != NULL;
	if (number(find(message, sizeof(*link), IFLA_LINK, 4)) != search->index ||
	    foreign != search->elsewhere || (foreign && !rests_on_another(message)))
		return;
	name = find(message, sizeof(*link), IFLA_IFNAME, 1);
	search->found = true;
	snprintf(search->why, search->size, "carries %.*s%s",
		 name ? (int)RTA_PAYLOAD(name) : 0,
		 name ? (const char *)RTA_DATA(name) : "",
		 foreign ? " in another network namespace" : "");
}

static int look_for_links(struct search *search, int32_t namespace)
{
	struct request request;
	int result;

	begin(&request, RTM_GETLINK, sizeof(request.link), NLM_F_DUMP);
	search->elsewhere = namespace >= 0;
	if (search->elsewhere)
		add(&request, IFLA_TARGET_NETNSID, &namespace, sizeof(namespace));
	result = vn_host.netlink(&request.header, see_link, search);
	/* It has ended meanwhile, or the kernel (before 4.20) cannot look there. */
	if (search->elsewhere && (result == -EINVAL || result == -EOPNOTSUPP))
		result = 0;
	return searched(search, result, search->elsewhere ?
			"interfaces of another network namespace" : "interfaces");
}

static void see_namespace(const struct nlmsghdr *message, void *context)
{
	int32_t id = number(find(message, sizeof(struct rtgenmsg), NETNSA_NSID, 4));
	struct search *search = context;
	int32_t *room;

	if (message->nlmsg_type != RTM_NEWNSID || id < 0 || search->failure != 0)
		return;
	room = reallocarray(search->namespace, search->namespaces + 1, sizeof(*room));
	if (room == NULL) {
		search->failure = -ENOMEM;
		return;
	}
	search->namespace = room;
	room[search->namespaces++] = id;
}

/* The kernel shows an interface on top that was moved to another namespace there only
 * (a container's macvlan). Those that such a move has made known have numbers. */
static int look_elsewhere(struct search *search)
{
	struct request request;
	int result;

	begin(&request, RTM_GETNSID, sizeof(request.any), NLM_F_DUMP);
	result = vn_host.netlink(&request.header, see_namespace, search);
	if (result == -EOPNOTSUPP)
		result = 0; /* a kernel without namespaces */
	if (result == 0)
		result = search->failure;
	result = searched(search, result, "network namespaces");
	for (unsigned int i = 0; i < search->namespaces && result == 0; i++)
		result = look_for_links(search, search->namespace[i]);
	free(search->namespace);
	return result;
}

int vn_netlink_in_use(const char *interface, bool up, char *why, size_t size)
{
	struct search search = { .index = index_of(interface), .why = why,
				 .size = size };
	int result;

	why[0] = '\0';
	if (search.index <= 0)
		return searched(&search, search.index, "its number");
	result = look_for_links(&search, -1);
	if (result == 0)
		result = look_elsewhere(&search);
	if (result == 0 && up)
		result = look_for_routes(&search);
	return result;
}
