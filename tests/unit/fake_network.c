/* SPDX-License-Identifier: BSD-3-Clause */
/* What the fake host's kernel reports of its interfaces: getifaddrs and rtnetlink. */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_network.h"
#include "tests/unit/fake_sysfs.h"

static struct ifaddrs interface[2];
static char interface_name[32];
static struct sockaddr_storage interface_address;
static bool interface_there;

void fake_network_forget(void)
{
	interface_there = false;
}

void fake_interface(const char *name, bool up, const char *address)
{
	struct sockaddr_in *v4 = (void *)&interface_address;
	struct sockaddr_in6 *v6 = (void *)&interface_address;

	memset(interface, 0, sizeof(interface));
	memset(&interface_address, 0, sizeof(interface_address));
	snprintf(interface_name, sizeof(interface_name), "%s", name);
	interface_there = true;
	interface[0].ifa_name = interface_name;
	interface[0].ifa_flags = up ? IFF_UP : 0;
	if (address == NULL)
		return;
	interface[0].ifa_next = &interface[1];
	interface[1] = interface[0];
	interface[1].ifa_next = NULL;
	interface[1].ifa_addr = (void *)&interface_address;
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return;
	}
	assert_int_equal(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
	v6->sin6_family = AF_INET6;
}

int fake_addresses(struct ifaddrs **list)
{
	*list = interface_there ? interface : NULL;
	return 0;
}

void fake_addresses_free(struct ifaddrs *list)
{
	(void)list;
}

static const struct fake_reply *replies;
static size_t reply_count;

void fake_netlink(const struct fake_reply *given, size_t count)
{
	replies = given;
	reply_count = count;
}

/* The namespace that a request for links names, or -1. */
static int asked_space(const struct nlmsghdr *request)
{
	const size_t start = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	struct rtattr attribute;
	int space;

	if (request->nlmsg_len < start + RTA_LENGTH(4))
		return -1;
	memcpy(&attribute, (const char *)request + start, sizeof(attribute));
	assert_int_equal(attribute.rta_type, IFLA_TARGET_NETNSID);
	memcpy(&space, (const char *)request + start + RTA_LENGTH(0), 4);
	return space;
}

int fake_ask(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	const struct rtgenmsg *any = NLMSG_DATA(request);
	int result = 0;

	for (size_t i = 0; i < reply_count; i++) {
		const struct nlmsghdr *message = replies[i].bytes;
		size_t left = replies[i].size;

		if (replies[i].type != request->nlmsg_type)
			continue;
		if (request->nlmsg_type == RTM_GETROUTE &&
		    replies[i].family != any->rtgen_family)
			continue;
		if (request->nlmsg_type == RTM_GETLINK &&
		    replies[i].space != asked_space(request))
			continue;
		for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
			see(message, context);
		result = replies[i].result;
	}
	return result;
}
