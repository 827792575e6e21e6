/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what to say of a name that is no PCI address but something that the caller
 * may well have meant: a network interface, a path to a socket.
 * Never: takes such a name for a device by itself.
 * Read next: pci/host/sysfs.c.
 */
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
#include "pci/host/sysfs.h"

/* The last part of a path such as ".../0000:00:04.0/virtio1" that is an address. */
static bool last_address(char *path, char address[VN_ADDRESS_MAX])
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
static bool find_interface(const char *name, char address[VN_ADDRESS_MAX])
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
	if (realpath(path, found) == NULL || !last_address(found, address))
		address[0] = '\0';
	return true;
}

int vn_pci_name_refuse(const char *name)
{
	char address[VN_ADDRESS_MAX];
	struct stat file;

	if (find_interface(name, address))
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
