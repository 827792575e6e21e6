/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of NETLINK_ROUTE and their replies. */
#ifndef VN_PCI_NETLINK_H
#define VN_PCI_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

struct nlmsghdr;

/* One message of the kernel's reply. */
typedef void vn_netlink_see(const struct nlmsghdr *message, void *context);

/* Send a request and show each message of the reply; again from the start where a list
 * changed while it was read. Returns 0 or -errno (the kernel's, -ETIMEDOUT, -EMSGSIZE,
 * -EIO), without text: something may have been left out then. */
int vn_netlink_request(const struct nlmsghdr *request, vn_netlink_see *see,
		       void *context);

/* Show each message of one datagram of a reply, of a list if `dump`. Returns 1 if the
 * reply goes on, 0 at its end, or -errno: -EINTR for a list that changed meanwhile. */
int vn_netlink_show(const void *datagram, size_t left, bool dump, vn_netlink_see *see,
		    void *context);

#endif
