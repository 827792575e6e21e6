/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What depends on a network interface, by rtnetlink: routes of every table, and interfaces
 * that were made on top of it, also in other namespaces.
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

#include "pci/host/host.h"

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

static void nl_begin(struct request *request, uint16_t type, size_t body, uint16_t flags)
{
	*request = (struct request){ .header = {
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(body), .nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags } };
}

static void nl_add(struct request *request, uint16_t type, const void *value,
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
static const struct rtattr *nl_find_in(const void *stretch, size_t left, unsigned int type,
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
static const struct rtattr *nl_find(const struct nlmsghdr *message, size_t body,
				    unsigned int type, size_t least)
{
	size_t start = NLMSG_LENGTH(NLMSG_ALIGN(body));

	if (message->nlmsg_len < start)
		return NULL;
	return nl_find_in((const char *)message + start, message->nlmsg_len - start, type,
			  least);
}

/* The same inside an attribute that holds others; NULL has none. */
static const struct rtattr *nl_find_inside(const struct rtattr *outer, unsigned int type,
					   size_t least)
{
	return outer == NULL ? NULL : nl_find_in(RTA_DATA(outer), RTA_PAYLOAD(outer), type,
						 least);
}

static int32_t nl_number(const struct rtattr *attribute)
{
	int32_t value = -1;

	if (attribute != NULL)
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

/* An interface's number, 0 if it is gone, or -errno. */
static int nl_index_of(const char *interface)
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
	bool other_namespace; /* what is shown is of another namespace */
	int32_t *namespace;
	unsigned int namespaces;
	int failure; /* of noting one */
};

/* The result of a search: 1 found, 0 not, or -errno where it could not be finished, with
 * `what` was looked at in its text. */
static int nl_searched(const struct search *search, int result, const char *what)
{
	if (search->found)
		return 1;
	if (result < 0)
		snprintf(search->why, search->size, "%s", what);
	return result;
}

/* One of the ways of a route with several. */
static bool nl_one_way_leads(const struct rtattr *ways, int index)
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

static bool nl_leads_to(const struct nlmsghdr *message, int index)
{
	const struct rtattr *out = nl_find(message, sizeof(struct rtmsg), RTA_OIF, 4);
	const struct rtattr *ways = nl_find(message, sizeof(struct rtmsg),
					    RTA_MULTIPATH, 0);

	return nl_number(out) == index || (ways != NULL && nl_one_way_leads(ways, index));
}

/* Link-local addresses and multicast: the kernel makes these routes by itself. */
static bool nl_is_automatic(const struct nlmsghdr *message, const struct rtmsg *route)
{
	const struct rtattr *to = nl_find(message, sizeof(*route), RTA_DST,
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

static void nl_see_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = NLMSG_DATA(message);
	struct search *search = context;

	if (message->nlmsg_type != RTM_NEWROUTE || search->found ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(*route)) ||
	    nl_is_automatic(message, route) || !nl_leads_to(message, search->index))
		return;
	search->found = true;
	if (nl_number(nl_find(message, sizeof(*route), RTA_TABLE, 4)) == RT_TABLE_MAIN)
		snprintf(search->why, search->size, "has routes");
	else
		snprintf(search->why, search->size, "has routes (table %u)",
			 (unsigned int)nl_number(nl_find(message, sizeof(*route), RTA_TABLE,
							 4)));
}

static int nl_look_for_routes(struct search *search)
{
	static const unsigned char families[] = { AF_INET, AF_INET6 };
	struct request request;
	int result = 0;

	for (size_t i = 0; i < 2 && !search->found && result == 0; i++) {
		nl_begin(&request, RTM_GETROUTE, sizeof(request.route), NLM_F_DUMP);
		request.route.rtm_family = families[i];
		result = vn_host.netlink(&request.header, nl_see_route, search);
		if (result == -EOPNOTSUPP || result == -EAFNOSUPPORT)
			result = 0; /* a kernel without IPv6 */
	}
	return nl_searched(search, result, "routes");
}

static void nl_see_way(const struct nlmsghdr *message, void *context)
{
	struct search *search = context;

	if (message->nlmsg_type == RTM_NEWROUTE &&
	    message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)) &&
	    nl_leads_to(message, search->index))
		search->found = true;
}

/* Answers that are one: there is no way to that address, or one to nowhere. */
static bool nl_is_no_way(int result)
{
	return result == -ENETUNREACH || result == -EHOSTUNREACH ||
	       result == -EACCES || result == -EINVAL || result == -EOPNOTSUPP ||
	       result == -EAFNOSUPPORT;
}

int vn_rtnetlink_leads(const char *address, const char *interface)
{
	struct search search = { .index = nl_index_of(interface) };
	struct request request;
	uint8_t bytes[16];
	unsigned char family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	unsigned char size = family == AF_INET ? 4 : 16;
	int result;

	if (search.index <= 0)
		return search.index;
	if (inet_pton(family, address, bytes) != 1)
		return 0;
	nl_begin(&request, RTM_GETROUTE, sizeof(request.route), 0);
	request.route.rtm_family = family;
	request.route.rtm_dst_len = (unsigned char)(size * 8);
	nl_add(&request, RTA_DST, bytes, size);
	result = vn_host.netlink(&request.header, nl_see_way, &search);
	if (search.found)
		return 1;
	return nl_is_no_way(result) ? 0 : result;
}

/* ---- interfaces on top ---- */

/* Those that are made on another interface and may be moved away from it. Others
 * name a peer: an index that means nothing here. */
static bool nl_rests_on_another(const struct nlmsghdr *message)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap",
					     "vlan" };
	const struct rtattr *kind = nl_find_inside(
		nl_find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO, 4),
		IFLA_INFO_KIND, 1);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && kind != NULL; i++)
		if (RTA_PAYLOAD(kind) > strlen(kinds[i]) &&
		    memcmp(RTA_DATA(kind), kinds[i], strlen(kinds[i]) + 1) == 0)
			return true;
	return false;
}

static bool nl_has_program(const struct nlmsghdr *message)
{
	const struct rtattr *attached = nl_find_inside(
		nl_find(message, sizeof(struct ifinfomsg), IFLA_XDP, 4),
		IFLA_XDP_ATTACHED, 1);

	return attached != NULL &&
	       *(const uint8_t *)RTA_DATA(attached) != XDP_ATTACHED_NONE;
}

static void nl_see_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	struct search *search = context;
	const struct rtattr *name;
	bool other;

	if (message->nlmsg_type != RTM_NEWLINK || search->found ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(*link)))
		return;
	if (!search->other_namespace && link->ifi_index == search->index) {
		search->found = nl_has_program(message);
		if (search->found)
			snprintf(search->why, search->size, "has an XDP program");
		return;
	}
	other = nl_find(message, sizeof(*link), IFLA_LINK_NETNSID, 4) != NULL;
	if (nl_number(nl_find(message, sizeof(*link), IFLA_LINK, 4)) != search->index ||
	    other != search->other_namespace ||
	    (other && !nl_rests_on_another(message)))
		return;
	name = nl_find(message, sizeof(*link), IFLA_IFNAME, 1);
	search->found = true;
	snprintf(search->why, search->size, "carries %.*s%s",
		 name ? (int)RTA_PAYLOAD(name) : 0,
		 name ? (const char *)RTA_DATA(name) : "",
		 other ? " in another network namespace" : "");
}

static int nl_look_for_links(struct search *search, int32_t namespace)
{
	struct request request;
	int result;

	nl_begin(&request, RTM_GETLINK, sizeof(request.link), NLM_F_DUMP);
	search->other_namespace = namespace >= 0;
	if (search->other_namespace)
		nl_add(&request, IFLA_TARGET_NETNSID, &namespace, sizeof(namespace));
	result = vn_host.netlink(&request.header, nl_see_link, search);
	/* It has ended meanwhile, or the kernel (before 4.20) cannot look there. */
	if (search->other_namespace && (result == -EINVAL || result == -EOPNOTSUPP))
		result = 0;
	return nl_searched(search, result, search->other_namespace ?
			   "interfaces of another network namespace" : "interfaces");
}

static void nl_see_namespace(const struct nlmsghdr *message, void *context)
{
	int32_t id = nl_number(nl_find(message, sizeof(struct rtgenmsg), NETNSA_NSID, 4));
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
static int nl_look_in_namespaces(struct search *search)
{
	struct request request;
	int result;

	nl_begin(&request, RTM_GETNSID, sizeof(request.any), NLM_F_DUMP);
	result = vn_host.netlink(&request.header, nl_see_namespace, search);
	if (result == -EOPNOTSUPP)
		result = 0; /* a kernel without namespaces */
	if (result == 0)
		result = search->failure;
	result = nl_searched(search, result, "network namespaces");
	for (unsigned int i = 0; i < search->namespaces && result == 0; i++)
		result = nl_look_for_links(search, search->namespace[i]);
	free(search->namespace);
	return result;
}

int vn_rtnetlink_in_use(const char *interface, bool up, char *why, size_t size)
{
	struct search search = { .index = nl_index_of(interface), .why = why,
				 .size = size };
	int result;

	why[0] = '\0';
	if (search.index <= 0)
		return nl_searched(&search, search.index, "its number");
	result = nl_look_for_links(&search, -1);
	if (result == 0)
		result = nl_look_in_namespaces(&search);
	if (result == 0 && up)
		result = nl_look_for_routes(&search);
	return result;
}
