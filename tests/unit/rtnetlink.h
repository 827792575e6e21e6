/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds rtnetlink messages as the kernel sends them, for the fake host. */
#ifndef VIONET_TESTS_RTNETLINK_H
#define VIONET_TESTS_RTNETLINK_H

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* One message. */
struct sent {
	_Alignas(8) uint8_t bytes[512];
	uint32_t size;
};

static inline void put_attribute(struct sent *m, unsigned int type, const void *value,
				 size_t size)
{
	struct rtattr attribute = { .rta_type = (uint16_t)type,
				    .rta_len = (uint16_t)(4 + size) };

	memcpy(m->bytes + m->size, &attribute, 4);
	memcpy(m->bytes + m->size + 4, value, size);
	m->size += (uint32_t)((4 + size + 3) & ~(size_t)3);
	memcpy(m->bytes, &m->size, 4);
}

static inline void put_number(struct sent *m, unsigned int type, uint32_t value)
{
	put_attribute(m, type, &value, sizeof(value));
}

static inline void put_head(struct sent *m, unsigned int type, const void *body,
			    size_t size)
{
	struct nlmsghdr head = { .nlmsg_type = (uint16_t)type };

	memset(m, 0, sizeof(*m));
	m->size = (uint32_t)(sizeof(head) + ((size + 3) & ~(size_t)3));
	head.nlmsg_len = m->size;
	memcpy(m->bytes, &head, sizeof(head));
	memcpy(m->bytes + sizeof(head), body, size);
}

/* `to`: "192.0.2.0/24", NULL: the default; `out`: interface, 0: none named. */
static inline struct sent route(int family, const char *to, unsigned int prefix,
				unsigned int out, unsigned int table,
				unsigned int protocol, unsigned int type)
{
	struct rtmsg body = { .rtm_family = (uint8_t)family,
			      .rtm_dst_len = (uint8_t)prefix,
			      .rtm_table = (uint8_t)(table < 256 ? table : 252),
			      .rtm_protocol = (uint8_t)protocol,
			      .rtm_type = (uint8_t)type };
	uint8_t address[16];
	struct sent m;

	put_head(&m, RTM_NEWROUTE, &body, sizeof(body));
	put_number(&m, RTA_TABLE, table);
	if (to != NULL && inet_pton(family, to, address) == 1)
		put_attribute(&m, RTA_DST, address, family == AF_INET ? 4 : 16);
	if (out != 0)
		put_number(&m, RTA_OIF, out);
	return m;
}

/* An interface; `on`: the one that it is made on; `space`: where that is, -1: here. */
static inline struct sent interface_message(unsigned int index, const char *name,
					    const char *kind, unsigned int on, int space)
{
	struct ifinfomsg body = { .ifi_index = (int)index };
	uint8_t info[64] = { 0 };
	struct sent m;
	size_t length = strlen(kind) + 1;
	uint16_t head[2] = { (uint16_t)(4 + length), IFLA_INFO_KIND };

	put_head(&m, RTM_NEWLINK, &body, sizeof(body));
	put_attribute(&m, IFLA_IFNAME, name, strlen(name) + 1);
	memcpy(info, head, 4);
	memcpy(info + 4, kind, length);
	if (length > 1)
		put_attribute(&m, IFLA_LINKINFO, info, 4 + length);
	if (on != 0)
		put_number(&m, IFLA_LINK, on);
	if (space >= 0)
		put_number(&m, IFLA_LINK_NETNSID, (uint32_t)space);
	return m;
}

#endif
