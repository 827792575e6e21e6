/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the host says: sysfs of PCI functions (drivers, groups, network
 * interfaces) below a root that tests can move, and whether such an interface is
 * in use.
 * Never: decides anything; opens a device; keeps a file open.
 * Read next: pci/list.c.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci and
 * sysfs-kernel-iommu_groups.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host.h"
#include "pci/sysfs.h"

/* Routes of IPv6 that the kernel makes by itself (linux/ipv6_route.h; that
 * header does not go with the C library's): RTF_LOCAL, RTF_CACHE, RTF_ANYCAST,
 * RTF_ADDRCONF. */
#define ROUTE6_AUTOMATIC \
	(0x80000000ul | 0x01000000ul | 0x00100000ul | 0x00040000ul | RTF_REJECT)

static char root[VN_ROOT_MAX] = "/sys";

struct vn_host vn_host = {
	.vfio = "/dev/vfio",
	.proc = "/proc",
	.modprobe = { "/sbin/modprobe", "/usr/sbin/modprobe" },
	.modprobe_ms = 10000,
	.settle_ms = 1000,
	.addresses = getifaddrs,
	.addresses_free = freeifaddrs,
};

const char *vn_sysfs_root(void)
{
	return root;
}

void vn_sysfs_set_root(const char *path)
{
	snprintf(root, sizeof(root), "%s", path);
}

void vn_sysfs_path(char path[VN_PATH_MAX], const char *format, ...)
{
	va_list arguments;
	int used = snprintf(path, VN_PATH_MAX, "%s/", root);

	va_start(arguments, format);
	vsnprintf(path + used, VN_PATH_MAX - (size_t)used, format, arguments);
	va_end(arguments);
}

int vn_sysfs_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int code;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	code = errno;
	close(fd);
	if (length < 0)
		return -code;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int vn_sysfs_write(const char *path, const char *text)
{
	/* O_TRUNC as a shell's ">" does it: attributes do not care. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t length;
	int code;

	if (fd < 0)
		return -errno;
	length = write(fd, text, strlen(text));
	code = errno;
	close(fd);
	if (length < 0)
		return -code;
	return length == (ssize_t)strlen(text) ? 0 : -EIO;
}

int vn_sysfs_link(const char *path, char *name, size_t size)
{
	char target[VN_PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *base;

	name[0] = '\0';
	if (length < 0)
		return -errno;
	target[length] = '\0';
	base = strrchr(target, '/');
	base = base == NULL ? target : base + 1;
	if (strlen(base) >= size)
		return -ENAMETOOLONG;
	memcpy(name, base, strlen(base) + 1);
	return 0;
}

/* Take `least` to `most` hexadecimal digits from the front of `*text`. */
static bool take_hex(const char **text, unsigned int least, unsigned int most,
		     unsigned int *value)
{
	unsigned int digits = 0;

	*value = 0;
	while (digits < most && isxdigit((unsigned char)**text)) {
		char c = (char)tolower((unsigned char)**text);

		*value = *value << 4 |
			 (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
		(*text)++;
		digits++;
	}
	return digits >= least;
}

static bool take(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

int vn_pci_address_parse(const char *text, char address[VN_ADDRESS_MAX])
{
	unsigned int domain = 0, bus, device, function;
	const char *colon = strchr(text, ':');
	const char *rest = text;
	bool good = true;

	/* Two colons: it starts with a domain. */
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		good = take_hex(&rest, 4, 8, &domain) && take(&rest, ':');
	good = good && take_hex(&rest, 2, 2, &bus) && take(&rest, ':') &&
	       take_hex(&rest, 2, 2, &device) && device <= 0x1f &&
	       take(&rest, '.') && take_hex(&rest, 1, 1, &function) &&
	       function <= 7 && *rest == '\0';
	if (!good)
		return vn_error(EINVAL,
				"\"%.40s\" is no PCI address; write it as 0000:00:04.0 or 00:04.0",
				text);
	snprintf(address, VN_ADDRESS_MAX, "%04x:%02x:%02x.%u", domain, bus,
		 device, function);
	return 0;
}

/* Is there such a function? Its path goes to `path`. */
static int find(const char *address, char path[VN_PATH_MAX])
{
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	if (access(path, F_OK) != 0)
		return vn_error(ENODEV,
				"%s: there is no such PCI function (%s is not there)",
				address, path);
	return 0;
}

int vn_sysfs_driver(const char *address, char *driver, size_t size)
{
	char path[VN_PATH_MAX];
	int result = find(address, path);

	driver[0] = '\0';
	if (result < 0)
		return result;
	vn_sysfs_path(path, "bus/pci/devices/%s/driver", address);
	result = vn_sysfs_link(path, driver, size);
	if (result == 0 || result == -ENOENT)
		return 0;
	vn_error_errno(-result, "%s: its driver cannot be read from %s",
		       address, path);
	return -EIO;
}

/* The group that vfio-pci makes up in no-IOMMU mode protects nothing. */
static bool group_is_real(const char *address)
{
	char path[VN_PATH_MAX], name[64];

	vn_sysfs_path(path, "bus/pci/devices/%s/iommu_group/name", address);
	return vn_sysfs_read(path, name, sizeof(name)) < 0 ||
	       strcmp(name, "vfio-noiommu") != 0;
}

int vn_sysfs_group_quiet(const char *address)
{
	char path[VN_PATH_MAX], name[32];
	char *end;
	long group;

	vn_sysfs_path(path, "bus/pci/devices/%s/iommu_group", address);
	if (vn_sysfs_link(path, name, sizeof(name)) < 0)
		return -ENXIO;
	group = strtol(name, &end, 10);
	if (end == name || *end != '\0' || group < 0 || group > 0x7fffffff)
		return -EIO;
	return group_is_real(address) ? (int)group : -EPERM;
}

int vn_sysfs_group(const char *address)
{
	char path[VN_PATH_MAX];
	int group, result = find(address, path);

	if (result < 0)
		return result;
	group = vn_sysfs_group_quiet(address);
	if (group >= 0)
		return group;
	return vn_error(ENXIO,
			group == -EPERM ?
				"%s: it is bound in no-IOMMU mode, which protects nothing and is not supported" :
				"%s: it is in no IOMMU group: there is no IOMMU, or it is off",
			address);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void release(struct dirent **entries, int count)
{
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

/* Bridges to other buses are part of many groups; the kernel does not mind
 * them, whatever their driver. */
static bool is_bridge(const char *member)
{
	char path[VN_PATH_MAX + 8], text[16];
	unsigned long code;

	snprintf(path, sizeof(path), "%s/class", member);
	if (vn_sysfs_read(path, text, sizeof(text)) < 0)
		return false;
	code = strtoul(text, NULL, 16) >> 8;
	return code == 0x0604 || code == 0x0607 || code == 0x0609;
}

/* Does this member keep the group from being viable? Its driver goes to
 * `driver`. */
static bool holds_back(const char *member, char *driver, size_t size)
{
	char path[VN_PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/driver", member);
	if (vn_sysfs_link(path, driver, size) < 0)
		return false; /* unbound */
	return strncmp(driver, "vfio", 4) != 0 &&
	       strcmp(driver, "pci-stub") != 0 && !is_bridge(member);
}

static void append(char *text, size_t size, const char *member,
		   const char *driver)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s is bound to %s",
		 used == 0 ? "" : ", ", member, driver);
}

int vn_sysfs_group_others(int group, const char *except, char *text,
			  size_t size)
{
	char path[VN_PATH_MAX], driver[64];
	struct dirent **entries;
	int culprits = 0;
	int count;

	text[0] = '\0';
	vn_sysfs_path(path, "kernel/iommu_groups/%d/devices", group);
	/* In order, so that the text is the same each time. */
	count = scandir(path, &entries, visible, alphasort);
	if (count < 0)
		return vn_error_errno(errno, "group %d: %s cannot be read",
				      group, path);
	for (int i = 0; i < count; i++) {
		const char *member = entries[i]->d_name;

		vn_sysfs_path(path, "kernel/iommu_groups/%d/devices/%s", group,
			      member);
		if (strcmp(member, except) == 0 ||
		    !holds_back(path, driver, sizeof(driver)))
			continue;
		append(text, size, member, driver);
		culprits++;
	}
	release(entries, count);
	return culprits;
}

int vn_sysfs_group_culprits(int group, char *text, size_t size)
{
	return vn_sysfs_group_others(group, "", text, size);
}

/* First name in a directory, in alphabetical order, that starts with `prefix`.
 */
static bool first_entry(const char *path, const char *prefix, char *name,
			size_t size)
{
	struct dirent **entries;
	int count = scandir(path, &entries, visible, alphasort);
	bool found = false;

	for (int i = 0; i < count && !found; i++) {
		const char *entry = entries[i]->d_name;

		if (strncmp(entry, prefix, strlen(prefix)) != 0 ||
		    strlen(entry) >= size)
			continue;
		memcpy(name, entry, strlen(entry) + 1);
		found = true;
	}
	if (count >= 0)
		release(entries, count);
	return found;
}

void vn_sysfs_interface(const char *address, char *name, size_t size)
{
	char path[VN_PATH_MAX], bus[64];

	name[0] = '\0';
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	/* virtio-pci puts a virtio device between the function and the
	 * interface; other drivers do not. */
	if (first_entry(path, "virtio", bus, sizeof(bus)))
		vn_sysfs_path(path, "bus/pci/devices/%s/%s/net", address, bus);
	else
		vn_sysfs_path(path, "bus/pci/devices/%s/net", address);
	first_entry(path, "", name, size);
}

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

/* A line of /proc/net/route: interface, destination, gateway, flags. */
static bool route4(const char *line, const char *interface)
{
	unsigned long destination, flags;
	char name[IFNAMSIZ];
	in_addr_t network;

	if (sscanf(line, "%15s %lx %*s %lx", name, &destination, &flags) != 3 ||
	    strcmp(name, interface) != 0 || (flags & RTF_UP) == 0)
		return false;
	network = ntohl((in_addr_t)destination);
	return !IN_MULTICAST(network) && network >> 16 != 0xa9fe; /* 169.254 */
}

/* A line of /proc/net/ipv6_route: destination, its length, source, its length,
 * next hop, metric, two counters, flags, interface. */
static bool route6(const char *line, const char *interface)
{
	char destination[33], name[IFNAMSIZ];
	unsigned long flags;

	if (sscanf(line, "%32s %*s %*s %*s %*s %*s %*s %*s %lx %15s",
		   destination, &flags, name) != 3 ||
	    strcmp(name, interface) != 0 || (flags & RTF_UP) == 0 ||
	    (flags & ROUTE6_AUTOMATIC) != 0)
		return false;
	return strncmp(destination, "ff", 2) != 0 &&
	       strncmp(destination, "fe80", 4) != 0;
}

static bool has_route(const char *file, const char *interface,
		      bool (*is_route)(const char *line, const char *interface))
{
	char path[VN_PATH_MAX], line[512];
	bool found = false;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/net/%s", vn_host.proc, file);
	stream = fopen(path, "re");
	if (stream == NULL)
		return false; /* the protocol is not there */
	while (!found && fgets(line, sizeof(line), stream) != NULL)
		found = is_route(line, interface);
	fclose(stream);
	return found;
}

/* A bridge, bond, VLAN or the like on top of it: the addresses are there. */
static bool has_upper(const char *interface, char *name, size_t size)
{
	char path[VN_PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	vn_sysfs_path(path, "class/net/%s", interface);
	directory = opendir(path);
	if (directory == NULL)
		return false;
	while (!found && (entry = readdir(directory)) != NULL) {
		found = strncmp(entry->d_name, "upper_", 6) == 0;
		if (found)
			snprintf(name, size, "%s", entry->d_name + 6);
	}
	closedir(directory);
	return found;
}

bool vn_interface_in_use(const char *interface, char *why, size_t size)
{
	char name[INET6_ADDRSTRLEN];

	why[0] = '\0';
	if (interface[0] == '\0' || !is_up(interface, name, sizeof(name)))
		return false;
	if (name[0] != '\0')
		snprintf(why, size, "has address %s", name);
	else if (has_upper(interface, name, sizeof(name)))
		snprintf(why, size, "carries %s", name);
	else if (has_route("route", interface, route4) ||
		 has_route("ipv6_route", interface, route6))
		snprintf(why, size, "has routes");
	return why[0] != '\0';
}
