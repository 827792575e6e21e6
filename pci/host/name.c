/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses of PCI functions, and what to say of a name that is none but something that
 * the caller may well have meant: a network interface, a path to a socket. Such a name is
 * not taken for a device.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host/host.h"
#include "pci/host/name.h"

/* Take `least` to `most` hexadecimal digits from the front of `*text`. */
static bool name_take_hex(const char **text, unsigned int least, unsigned int most,
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

static bool name_take(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

bool vn_pci_address_read(const char *text, char address[VN_ADDRESS_MAX])
{
	unsigned int domain = 0, bus, device, function;
	const char *colon = strchr(text, ':');
	const char *rest = text;
	bool good = true;

	/* Two colons: it starts with a domain. */
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		good = name_take_hex(&rest, 4, 8, &domain) && name_take(&rest, ':');
	good = good && name_take_hex(&rest, 2, 2, &bus) && name_take(&rest, ':') &&
	       name_take_hex(&rest, 2, 2, &device) && device <= 0x1f &&
	       name_take(&rest, '.') && name_take_hex(&rest, 1, 1, &function) &&
	       function <= 7 && *rest == '\0';
	if (good)
		snprintf(address, VN_ADDRESS_MAX, "%04x:%02x:%02x.%u", domain, bus,
			 device, function);
	return good;
}

/* The last part of a path such as ".../0000:00:04.0/virtio1" that is an address. */
static bool name_last_address(char *path, char address[VN_ADDRESS_MAX])
{
	char *slash;

	while ((slash = strrchr(path, '/')) != NULL) {
		if (vn_pci_address_read(slash + 1, address))
			return true;
		*slash = '\0';
	}
	return false;
}

/* The PCI function behind a network interface, "" if there is none. Returns whether
 * there is such an interface. */
static bool name_find_interface(const char *name, char address[VN_ADDRESS_MAX])
{
	char path[VN_PATH_MAX], found[PATH_MAX];

	address[0] = '\0';
	if (name[0] == '\0' || name[0] == '.' || strlen(name) >= IFNAMSIZ ||
	    strchr(name, '/') != NULL)
		return false;
	vn_sysfs_path(path, "class/net/%s", name);
	if (access(path, F_OK) != 0)
		return false;
	vn_sysfs_path(path, "class/net/%s/device", name);
	if (realpath(path, found) == NULL || !name_last_address(found, address))
		address[0] = '\0';
	return true;
}

/* -EINVAL, with a text that knows network interfaces and sockets. */
static int name_refuse(const char *name)
{
	char address[VN_ADDRESS_MAX];
	struct stat file;

	if (name_find_interface(name, address))
		return address[0] != '\0' ?
			vn_error(EINVAL, "\"%s\" is a network interface, of function %s; "
				 "name that", name, address) :
			vn_error(EINVAL, "\"%s\" is a network interface, and no PCI "
				 "function is behind it", name);
	if (stat(name, &file) == 0 && S_ISSOCK(file.st_mode))
		return vn_error(EINVAL, "\"%.108s\" is a socket; say what it speaks: "
				"vfio-user:%.108s or vhost-user:%.108s", name, name,
				name);
	if (strchr(name, '/') != NULL)
		return vn_error(EINVAL, "\"%.108s\" is no PCI address; for a socket write "
				"vfio-user:PATH or vhost-user:PATH", name);
	return vn_error(EINVAL, "\"%.40s\" is no PCI address; write it as 0000:00:04.0 or "
			"00:04.0, a socket as vfio-user:PATH or vhost-user:PATH", name);
}

int vn_pci_address_parse(const char *text, char address[VN_ADDRESS_MAX])
{
	return vn_pci_address_read(text, address) ? 0 : name_refuse(text);
}
