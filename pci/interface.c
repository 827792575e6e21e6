/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: whether somebody would be cut off if a function's driver went away: its network
 * interfaces, wherever they are, what is on top of them, and what a vDPA device of it
 * is used for.
 * Never: changes anything.
 * Read next: pci/bind.c.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pci/host.h"

#define say(text, size, ...) ((void)snprintf(text, size, __VA_ARGS__))

/* ---- addresses ---- */

/* An address that somebody gave it; IPv6 link-local ones come by themselves. */
static bool counts(const struct sockaddr *address, char *text, socklen_t size)
{
	const struct sockaddr_in6 *v6 = (const void *)address;
	const struct sockaddr_in *v4 = (const void *)address;

	if (address == NULL)
		return false;
	if (address->sa_family == AF_INET)
		return inet_ntop(AF_INET, &v4->sin_addr, text, size) != NULL;
	return address->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) &&
	       inet_ntop(AF_INET6, &v6->sin6_addr, text, size) != NULL;
}

/* Is it up? An address of it, if there is one, goes to `text`. */
static bool is_up(const char *interface, char *text, socklen_t size)
{
	struct ifaddrs *list = NULL;
	bool up = false;

	text[0] = '\0';
	if (vn_host.addresses(&list) != 0)
		return true; /* cannot be seen: be careful */
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (strcmp(i->ifa_name, interface) != 0)
			continue;
		up = up || (i->ifa_flags & IFF_UP) != 0;
		if (text[0] == '\0' && !counts(i->ifa_addr, text, size))
			text[0] = '\0';
	}
	vn_host.addresses_free(list);
	return up;
}

/* ---- what is on top ---- */

/* A bridge, bond, VLAN or the like on top of it: the addresses are there. Being part
 * of one counts also while it is down. */
static bool has_upper(const char *interface, char *name, size_t size)
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	bool found;
	int count;

	vn_sysfs_path(path, "class/net/%s/master", interface);
	if (vn_sysfs_link(path, name, size) == 0)
		return true;
	vn_sysfs_path(path, "class/net/%s", interface);
	count = vn_sysfs_names(path, &names);
	found = false;
	for (int i = 0; i < count && !found; i++) {
		found = strncmp(names[i]->d_name, "upper_", 6) == 0;
		if (found)
			say(name, size, "%s", names[i]->d_name + 6);
	}
	vn_sysfs_names_free(names, count);
	return found;
}

/* ---- file systems that come over the network ---- */

static bool is_network_mount(const char *kind)
{
	static const char *const kinds[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "9p",
					     "afs", "glusterfs" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* The server of a line of /proc/mounts: addr=ADDRESS, or what stands before the colon
 * of the source. */
static bool server_of(const char *source, const char *options, char *server,
		      size_t size)
{
	const char *at = strstr(options, ",addr=");
	char *end;

	say(server, size, "%s", at != NULL ? at + 6 : source);
	end = at != NULL ? strchr(server, ',') : strstr(server, ":/");
	if (end != NULL)
		*end = '\0';
	return server[0] != '\0';
}

/* The root file system first: it is the one that nobody gets back. */
static bool carries_mount(const char *interface, char *why, size_t size)
{
	char path[VN_PATH_MAX], line[2048], source[256], place[256], kind[32];
	char options[1024], server[256];
	bool found = false;
	FILE *mounts;

	say(path, sizeof(path), "%s/mounts", vn_host.proc);
	mounts = fopen(path, "re");
	while (mounts != NULL && !found && fgets(line, sizeof(line), mounts) != NULL) {
		if (sscanf(line, "%255s %255s %31s %1023s", source, place, kind,
			   options) != 4 ||
		    !is_network_mount(kind) ||
		    !server_of(source, options, server, sizeof(server)) ||
		    !vn_netlink_leads(server, interface))
			continue;
		found = true;
		say(why, size, "carries the file system %.80s (%s from %.80s)", place, kind,
		    server);
	}
	if (mounts != NULL)
		fclose(mounts);
	return found;
}

static bool carries_disk(const char *interface, char *why, size_t size)
{
	char path[VN_PATH_MAX], address[INET6_ADDRSTRLEN];
	struct dirent **names;
	bool found = false;
	int count;

	vn_sysfs_path(path, "class/iscsi_connection");
	count = vn_sysfs_names(path, &names);
	for (int i = 0; i < count && !found; i++) {
		vn_sysfs_path(path, "class/iscsi_connection/%s/address",
			      names[i]->d_name);
		found = vn_sysfs_read(path, address, sizeof(address)) == 0 &&
			vn_netlink_leads(address, interface);
		if (found)
			say(why, size, "carries a disk (iSCSI from %s)", address);
	}
	vn_sysfs_names_free(names, count);
	return found;
}

/* ---- one interface ---- */

static bool interface_in_use(const char *interface, bool *up, char *why, size_t size)
{
	char name[VN_INTERFACE_MAX];

	*up = is_up(interface, name, sizeof(name));
	if (*up && (carries_mount(interface, why, size) ||
		    carries_disk(interface, why, size)))
		return true;
	if (*up && name[0] != '\0')
		say(why, size, "has address %s", name);
	else if (has_upper(interface, name, sizeof(name)))
		say(why, size, "carries %s", name);
	else
		return vn_netlink_in_use(interface, *up, why, size);
	return true;
}

/* ---- vDPA ---- */

/* vp_vdpa gives the function to others: a process has it open as /dev/vhost-vdpa-N. */
static bool vdpa_in_use(const char *address, char *why, size_t size)
{
	char path[VN_PATH_MAX], node[VN_PATH_MAX], holder[128];
	struct dirent **names;
	bool found = false;
	int count;

	vn_sysfs_path(path, "class/vhost-vdpa");
	count = vn_sysfs_names(path, &names);
	for (int i = 0; i < count && !found; i++) {
		char target[VN_PATH_MAX];

		vn_sysfs_path(path, "class/vhost-vdpa/%s", names[i]->d_name);
		if (realpath(path, target) == NULL || strstr(target, address) == NULL)
			continue;
		say(node, sizeof(node), "%.512s/../%.255s", vn_host.vfio,
		    names[i]->d_name);
		if (realpath(node, target) != NULL)
			found = vn_node_holder(target, holder, sizeof(holder));
		if (found)
			say(why, size, "%s has it open (%s)", holder, target);
	}
	vn_sysfs_names_free(names, count);
	return found;
}

bool vn_function_in_use(const char *address, char *why, size_t size, char *remedy,
			size_t remedy_size)
{
	struct vn_interfaces interfaces;
	char text[256];

	remedy[0] = why[0] = '\0';
	vn_sysfs_interfaces(address, &interfaces);
	if (interfaces.hidden) {
		say(why, size, "its network interface is in another network namespace, a "
		    "container's most likely");
		return true;
	}
	for (unsigned int i = 0; i < interfaces.count; i++) {
		const char *name = interfaces.name[i];
		bool up;

		if (!interface_in_use(name, &up, text, sizeof(text)))
			continue;
		say(why, size, "its network interface %s %s%s", name,
		    up ? "is up and " : "", text);
		if (up)
			say(remedy, remedy_size, "take it down (ip link set %s down)",
			    name);
		return true;
	}
	return vdpa_in_use(address, why, size);
}
