/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the kernel's network side says of an interface, over rtnetlink: routes of
 * every table, and interfaces that were made on top of it, also in other namespaces.
 * Never: changes anything; waits for a reply for more than a second.
 * Read next: pci/interface.c.
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
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pci/host.h"

#define REPLY_ROOM 65536
#define NAMESPACES_MAX 1024

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

/* Returns 1 if the reply goes on, 0 at its end, or -errno. */
static int see_all(const void *reply, ssize_t length, bool dump, vn_netlink_see *see,
		   void *context)
{
	const struct nlmsghdr *message = reply;
	size_t left = (size_t)length;

	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		const struct nlmsgerr *error = NLMSG_DATA(message);

		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ?
				       -EIO : error->error;
		see(message, context);
	}
	return dump;
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
		length = recv(fd, reply, sizeof(reply), 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length == 0 ? -EIO : -errno;
		result = see_all(reply, length, dump, see, context);
	}
	return result;
}

int vn_netlink_ask(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	const struct timeval second = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int result;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	result = ask(fd, request, see, context);
	close(fd);
	return result == -EAGAIN ? -ETIMEDOUT : result;
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

/* The attribute of a message whose fixed part has `body` bytes; NULL if it is not
 * there, or shorter than `least`. */
static const struct rtattr *find(const struct nlmsghdr *message, size_t body,
				 unsigned int type, size_t least)
{
	const struct rtattr *at = (const struct rtattr *)(const void *)
		((const char *)NLMSG_DATA(message) + NLMSG_ALIGN(body));
	size_t left = message->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(body));

	if (message->nlmsg_len < NLMSG_LENGTH(NLMSG_ALIGN(body)))
		return NULL;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		if ((at->rta_type & NLA_TYPE_MASK) == type &&
		    RTA_PAYLOAD(at) >= least)
			return at;
	return NULL;
}

static int32_t number(const struct rtattr *attribute)
{
	int32_t value = -1;

	if (attribute != NULL)
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

/* An interface's number, 0 if there is none. */
static int index_of(const char *interface)
{
	char path[VN_PATH_MAX];
	unsigned long index;

	vn_sysfs_path(path, "class/net/%s/ifindex", interface);
	return vn_sysfs_number(path, &index) == 0 ? (int)index : 0;
}

/* ---- routes ---- */

struct search {
	int index;	/* of the interface */
	bool found;
	char *why;
	size_t size;
	bool elsewhere; /* what is shown is of another namespace */
	int32_t namespace[NAMESPACES_MAX];
	unsigned int namespaces;
};

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

static void look_for_routes(struct search *search)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct request request;

	for (size_t i = 0; i < 2 && !search->found; i++) {
		begin(&request, RTM_GETROUTE, sizeof(request.route), NLM_F_DUMP);
		request.route.rtm_family = families[i];
		(void)vn_host.netlink(&request.header, see_route, search);
	}
}

static void see_way(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;

	if (message->nlmsg_type == RTM_NEWROUTE &&
	    message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)) &&
	    leads_to(message, search->index))
		search->found = true;
}

bool vn_netlink_leads(const char *address, const char *interface)
{
	struct search search = { .index = index_of(interface) };
	struct request request;
	uint8_t bytes[16];
	unsigned char family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	unsigned char size = family == AF_INET ? 4 : 16;

	if (search.index == 0 || inet_pton(family, address, bytes) != 1)
		return false;
	begin(&request, RTM_GETROUTE, sizeof(request.route), 0);
	request.route.rtm_family = family;
	request.route.rtm_dst_len = (unsigned char)(size * 8);
	add(&request, RTA_DST, bytes, size);
	(void)vn_host.netlink(&request.header, see_way, &search);
	return search.found;
}

/* ---- interfaces on top ---- */

static const char *kind_of(const struct nlmsghdr *message)
{
	const struct rtattr *info = find(message, sizeof(struct ifinfomsg),
					 IFLA_LINKINFO, 4);
	const struct rtattr *kind;
	size_t left;

	if (info == NULL)
		return "";
	kind = RTA_DATA(info);
	left = RTA_PAYLOAD(info);
	for (; RTA_OK(kind, left); kind = RTA_NEXT(kind, left))
		if (kind->rta_type == IFLA_INFO_KIND)
			return RTA_DATA(kind);
	return "";
}

/* Those that are made on another interface and may be moved away from it. Others
 * name a peer: an index that means nothing here. */
static bool rests_on_another(const struct nlmsghdr *message)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap",
					     "vlan" };
	const char *kind = kind_of(message);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(kind, kinds[i], strlen(kinds[i]) + 1) == 0)
			return true;
	return false;
}

static bool has_program(const struct nlmsghdr *message)
{
	const struct rtattr *xdp = find(message, sizeof(struct ifinfomsg), IFLA_XDP, 4);
	const struct rtattr *at;
	size_t left;

	if (xdp == NULL)
		return false;
	at = RTA_DATA(xdp);
	left = RTA_PAYLOAD(xdp);
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		if (at->rta_type == IFLA_XDP_ATTACHED && RTA_PAYLOAD(at) >= 1)
			return *(const uint8_t *)RTA_DATA(at) != XDP_ATTACHED_NONE;
	return false;
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

static void look_for_links(struct search *search, int32_t namespace)
{
	struct request request;

	begin(&request, RTM_GETLINK, sizeof(request.link), NLM_F_DUMP);
	search->elsewhere = namespace >= 0;
	if (search->elsewhere)
		add(&request, IFLA_TARGET_NETNSID, &namespace, sizeof(namespace));
	(void)vn_host.netlink(&request.header, see_link, search);
}

static void see_namespace(const struct nlmsghdr *message, void *context)
{
	const struct rtattr *id = find(message, sizeof(struct rtgenmsg), NETNSA_NSID, 4);
	struct search *search = context;

	if (message->nlmsg_type == RTM_NEWNSID && number(id) >= 0 &&
	    search->namespaces < NAMESPACES_MAX)
		search->namespace[search->namespaces++] = number(id);
}

/* The kernel shows an interface on top that was moved to another namespace there only
 * (a container's macvlan). Those that such a move has made known have numbers. */
static void look_elsewhere(struct search *search)
{
	struct request request;

	begin(&request, RTM_GETNSID, sizeof(request.any), NLM_F_DUMP);
	(void)vn_host.netlink(&request.header, see_namespace, search);
	for (unsigned int i = 0; i < search->namespaces && !search->found; i++)
		look_for_links(search, search->namespace[i]);
}

bool vn_netlink_in_use(const char *interface, bool up, char *why, size_t size)
{
	struct search search = { .index = index_of(interface), .why = why,
				 .size = size };

	why[0] = '\0';
	if (search.index == 0)
		return false;
	look_for_links(&search, -1);
	if (!search.found)
		look_elsewhere(&search);
	if (!search.found && up)
		look_for_routes(&search);
	return search.found;
}
