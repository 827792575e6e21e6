/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What depends on a function's kernel driver: its network
 * interfaces, wherever they are, what is on top of them, and what a vDPA device of it is
 * used for. Never changes anything.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pci/host/host.h"

#define say(text, size, ...) ((void)snprintf(text, size, __VA_ARGS__))

/*
 * All that look return 1: in use, `why` says by whom; 0: not; or -errno: it cannot be
 * found out, `why` is what could not be read. What cannot be seen is not free.
 */
static int netif_unknown(int result, char *why, size_t size, const char *what)
{
	say(why, size, "%.240s", what);
	return result;
}

/* ---- addresses ---- */

/* An address that was set by hand or DHCP; IPv6 link-local ones come by themselves. */
static bool netif_counts(const struct sockaddr *address, char *text, socklen_t size)
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

/* Is it up? 1, 0, or -errno. An address of it, if there is one, goes to `text`. */
static int netif_is_up(const char *interface, char *text, socklen_t size)
{
	struct ifaddrs *list = NULL;
	bool up = false;

	text[0] = '\0';
	if (vn_host.addresses(&list) != 0)
		return -errno;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (strcmp(i->ifa_name, interface) != 0)
			continue;
		up = up || (i->ifa_flags & IFF_UP) != 0;
		if (text[0] == '\0' && !netif_counts(i->ifa_addr, text, size))
			text[0] = '\0';
	}
	vn_host.addresses_free(list);
	return up;
}

/* ---- what is on top ---- */

/* What to do about it, where that takes nothing from another user. */
struct remedy {
	char *text;
	size_t size;
};

/* A bridge, bond, VLAN or the like on top of it: the addresses are there. Being part
 * of one counts also while it is down. */
static int netif_has_upper(const char *interface, char *why, size_t size,
			   const struct remedy *remedy)
{
	char path[VN_PATH_MAX], name[VN_INTERFACE_MAX];
	struct dirent **names;
	bool found;
	int count, result;

	vn_sysfs_path(path, "class/net/%s/master", interface);
	result = vn_sysfs_link(path, name, sizeof(name));
	if (result == 0) {
		say(why, size, "carries %s", name);
		say(remedy->text, remedy->size,
		    "take it out (ip link set %s nomaster)", interface);
		return 1;
	}
	vn_sysfs_path(path, "class/net/%s", interface);
	count = result == -ENOENT ? vn_sysfs_names(path, &names) : result;
	if (count < 0)
		return netif_unknown(count, why, size, path);
	found = false;
	for (int i = 0; i < count && !found; i++) {
		found = strncmp(names[i]->d_name, "upper_", 6) == 0;
		if (found)
			say(why, size, "carries %s", names[i]->d_name + 6);
	}
	vn_sysfs_names_free(names, count);
	return found;
}

/* ---- file systems that come over the network ---- */

static bool netif_is_network_mount(const char *kind)
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
static bool netif_server_of(const char *source, const char *options, char *server,
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

static int netif_line_carries(char *line, const char *interface, char *why, size_t size)
{
	char *rest, server[256];
	const char *source = strtok_r(line, " ", &rest);
	const char *place = strtok_r(NULL, " ", &rest);
	const char *kind = strtok_r(NULL, " ", &rest);
	const char *options = strtok_r(NULL, " ", &rest);
	int result;

	if (options == NULL || !netif_is_network_mount(kind) ||
	    !netif_server_of(source, options, server, sizeof(server)))
		return 0;
	result = vn_rtnetlink_leads(server, interface);
	if (result < 0)
		return netif_unknown(result, why, size, "routes");
	if (result > 0)
		say(why, size, "carries the file system %.80s (%s from %.80s)", place,
		    kind, server);
	return result;
}

/* `look` at each line of a file in /proc, until it finds something or cannot tell. */
static int netif_lines(const char *file, int (*look)(char *line, const char *of, char *why, size_t size),
		       const char *of, char *why, size_t size)
{
	char path[VN_PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *lines;
	int result = 0;

	say(path, sizeof(path), "%s/%s", vn_host.proc, file);
	lines = fopen(path, "re");
	if (lines == NULL)
		return netif_unknown(-errno, why, size, path);
	errno = 0;
	while (result == 0 && getline(&line, &room, lines) >= 0)
		result = look(line, of, why, size);
	if (result == 0 && !feof(lines))
		result = netif_unknown(errno != 0 ? -errno : -EIO, why, size, path);
	free(line);
	fclose(lines);
	return result;
}

/* The root file system first: without it the machine is lost. */
static int netif_carries_mount(const char *interface, char *why, size_t size)
{
	return netif_lines("mounts", netif_line_carries, interface, why, size);
}

static int netif_connection_carries(const char *name, const char *interface, char *why,
				    size_t size)
{
	char path[VN_PATH_MAX], address[INET6_ADDRSTRLEN];
	int result;

	vn_sysfs_path(path, "class/iscsi_connection/%s/address", name);
	result = vn_sysfs_read(path, address, sizeof(address));
	if (result == -ENOENT || result == -ENOTCONN)
		return 0; /* it has just ended, or is not made yet */
	if (result == 0)
		result = vn_rtnetlink_leads(address, interface);
	if (result < 0)
		return netif_unknown(result, why, size, path);
	if (result > 0)
		say(why, size, "carries a disk (iSCSI from %s)", address);
	return result;
}

/* `look` at each name in the folder, until it finds something or cannot tell. */
static int netif_look(const char *folder,
		      int (*look)(const char *name, const char *of, char *why, size_t size),
		      const char *of, char *why, size_t size)
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count, result = 0;

	vn_sysfs_path(path, "%s", folder);
	count = vn_sysfs_names(path, &names);
	if (count < 0)
		return count == -ENOENT ? 0 : netif_unknown(count, why, size, path);
	for (int i = 0; i < count && result == 0; i++)
		result = look(names[i]->d_name, of, why, size);
	vn_sysfs_names_free(names, count);
	return result;
}

static int netif_carries_disk(const char *interface, char *why, size_t size)
{
	return netif_look("class/iscsi_connection", netif_connection_carries, interface, why, size);
}

/* ---- programs that capture ---- */

#define ALL_FRAMES 3 /* ETH_P_ALL: daemons that every host has, of LLDP for one, ask for a kind of frame */

/* A packet socket of all frames, by its line of /proc/net/packet. */
static int netif_line_captures(char *line, const char *index, char *why, size_t size)
{
	char on[16], node[64], user[128];
	unsigned int protocol;
	unsigned long inode;

	if (sscanf(line, "%*s %*d %*d %x %15s %*d %*u %*u %lu", &protocol, on, &inode) != 3 ||
	    protocol != ALL_FRAMES || strcmp(on, index) != 0)
		return 0;
	say(node, sizeof(node), "socket:[%lu]", inode);
	if (vn_node_user(node, user, sizeof(user)) <= 0)
		say(user, sizeof(user), "a process that cannot be seen from here");
	say(why, size, "%s captures on it", user);
	return 1;
}

static int netif_is_captured(const char *interface, char *why, size_t size)
{
	char path[VN_PATH_MAX], index[16];
	int result;

	vn_sysfs_path(path, "class/net/%s/ifindex", interface);
	result = vn_sysfs_read(path, index, sizeof(index));
	if (result < 0)
		return result == -ENOENT ? 0 : netif_unknown(result, why, size, path);
	result = netif_lines("net/packet", netif_line_captures, index, why, size);
	return result == -ENOENT ? 0 : result; /* a kernel without them */
}

/* ---- one interface ---- */

/* To take it down helps against addresses, routes and captures, and nothing else. */
static int netif_in_use(const char *interface, bool *up, char *why, size_t size,
			const struct remedy *remedy)
{
	char address[INET6_ADDRSTRLEN];
	int result = netif_is_up(interface, address, sizeof(address));
	bool down_helps = false;

	*up = result > 0;
	if (result < 0)
		return netif_unknown(result, why, size, "network addresses");
	result = *up ? netif_carries_mount(interface, why, size) : 0;
	if (result == 0 && *up)
		result = netif_carries_disk(interface, why, size);
	/* What has an address is in use, whatever else could not be read. */
	if (result <= 0 && address[0] != '\0' && *up) {
		say(why, size, "has address %s", address);
		down_helps = true;
		result = 1;
	}
	if (result == 0)
		result = netif_has_upper(interface, why, size, remedy);
	if (result == 0) {
		result = vn_rtnetlink_in_use(interface, *up, why, size);
		down_helps = result > 0 && strncmp(why, "has routes", 10) == 0;
	}
	if (result == 0 && *up) {
		result = netif_is_captured(interface, why, size);
		down_helps = result > 0;
	}
	if (down_helps)
		say(remedy->text, remedy->size, "take it down (ip link set %s down)",
		    interface);
	return result;
}

/* ---- vDPA ---- */

/* If this is a node that vhost_vdpa made, or a UIO driver: does a process have it open? */
static int netif_node_held(const char *name, const char *of, char *why, size_t size)
{
	char node[VN_PATH_MAX], target[PATH_MAX], user[128];
	int result;

	(void)of;
	if (strncmp(name, "vhost-vdpa-", 11) != 0 && strncmp(name, "uio", 3) != 0)
		return 0;
	say(node, sizeof(node), "%.512s/../%.255s", vn_host.vfio, name);
	if (realpath(node, target) == NULL)
		return errno == ENOENT ? 0 : netif_unknown(-errno, why, size, node);
	result = vn_node_user(target, user, sizeof(user));
	if (result < 0)
		return netif_unknown(result, why, size, vn_host.proc);
	if (result == 0)
		return 0;
	say(why, size, "%s has it open (%.160s)", user, target);
	return 1;
}

/* The node lies in the device's folder: vhost_vdpa has no class. */
static int netif_vdpa_held(const char *device, char *why, size_t size)
{
	char folder[VN_PATH_MAX];

	say(folder, sizeof(folder), "bus/vdpa/devices/%.255s", device);
	return netif_look(folder, netif_node_held, device, why, size);
}

/* Does a vDPA device lie below this function? */
static int netif_vdpa_uses(const char *device, const char *address, char *why, size_t size)
{
	char path[VN_PATH_MAX], target[PATH_MAX];

	vn_sysfs_path(path, "bus/vdpa/devices/%.255s", device);
	if (realpath(path, target) == NULL)
		return errno == ENOENT ? 0 : netif_unknown(-errno, why, size, path);
	return strstr(target, address) != NULL ? netif_vdpa_held(device, why, size) : 0;
}

/* vp_vdpa, or a vendor's driver, gives the function to others. */
static int netif_vdpa_in_use(const char *address, char *why, size_t size)
{
	return netif_look("bus/vdpa/devices", netif_vdpa_uses, address, why, size);
}

/* uio_pci_generic, or igb_uio, gives it to a process that drives it: DPDK's. */
static int netif_uio_in_use(const char *address, char *why, size_t size)
{
	char folder[VN_PATH_MAX];

	say(folder, sizeof(folder), "bus/pci/devices/%.255s/uio", address);
	return netif_look(folder, netif_node_held, address, why, size);
}

/* ---- all of it ---- */

static int netif_each_in_use(const struct vn_interfaces *interfaces, char *why,
			     size_t size, const struct remedy *remedy)
{
	char text[256];

	for (unsigned int i = 0; i < interfaces->count; i++) {
		const char *name = interfaces->name[i];
		bool up;
		int result = netif_in_use(name, &up, text, sizeof(text), remedy);

		if (result < 0)
			return netif_unknown(result, why, size, text);
		if (result == 0)
			continue;
		say(why, size, "its network interface %s %s%s", name,
		    up ? "is up and " : "", text);
		return 1;
	}
	return 0;
}

static int netif_all_in_use(const struct vn_interfaces *interfaces, char *why, size_t size,
			    const struct remedy *remedy)
{
	int result;

	if (interfaces->hidden) {
		say(why, size, "its network interface is in another network namespace, a "
			       "container's most likely");
		return 1;
	}
	result = netif_each_in_use(interfaces, why, size, remedy);
	if (result == 0 && interfaces->failure < 0)
		return netif_unknown(interfaces->failure, why, size,
				     "its network interfaces");
	return result;
}

int vn_function_in_use(const char *address, char *why, size_t size, char *remedy,
		       size_t remedy_size)
{
	const struct remedy cure = { remedy, remedy_size };
	struct vn_interfaces interfaces;
	int result;

	remedy[0] = why[0] = '\0';
	vn_sysfs_interfaces(address, &interfaces);
	result = netif_all_in_use(&interfaces, why, size, &cure);
	if (result == 0)
		result = netif_vdpa_in_use(address, why, size);
	return result != 0 ? result : netif_uio_in_use(address, why, size);
}

int vn_vdpa_in_use(const char *name, char *why, size_t size, char *remedy, size_t remedy_size)
{
	const struct remedy cure = { remedy, remedy_size };
	struct vn_interfaces interfaces;
	int result;

	remedy[0] = why[0] = '\0';
	vn_sysfs_vdpa_interfaces(name, &interfaces);
	result = netif_all_in_use(&interfaces, why, size, &cure);
	return result != 0 ? result : netif_vdpa_held(name, why, size);
}
