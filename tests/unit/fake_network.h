/* SPDX-License-Identifier: BSD-3-Clause */
/* The interfaces of the fake host. */
#ifndef VIONET_TESTS_FAKE_NETWORK_H
#define VIONET_TESTS_FAKE_NETWORK_H

#include <ifaddrs.h>
#include <linux/netlink.h>

#include "pci/host/host.h"
#include "pci/host/sysfs.h"

int fake_addresses(struct ifaddrs **list);
void fake_addresses_free(struct ifaddrs *list);
int fake_ask(const struct nlmsghdr *request, vn_netlink_see *see, void *context);

/* There is none. */
void fake_network_forget(void);

#endif
