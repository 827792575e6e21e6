/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: which transport a device's name asks for.
 * Never: knows what the rest of the name means.
 * Read next: driver/transport/pci.c.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "driver/transport/transport.h"

/* "KIND:REST" is opened with REST; everything else is a PCI address. */
static const struct {
	const char *kind;
	int (*open)(const char *rest, struct vn_transport **transport);
} kinds[] = {
	{ "pci:", vn_transport_open_pci },
	{ "vfio-user:", vn_transport_open_vfio_user },
	{ "vhost-user:", vn_transport_open_vhost_user },
};

/* A domain has up to 8 digits: what is longer before the first colon is a kind. */
#define DOMAIN_DIGITS 8

int vn_transport_open(const char *name, struct vn_transport **transport)
{
	const char *colon = strchr(name, ':');

	*transport = NULL;
	if (strlen(name) >= VIONET_NAME_MAX)
		return vn_error(EINVAL, "device name of %zu characters; at most %d "
				"are possible", strlen(name), VIONET_NAME_MAX - 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].kind);

		if (strncmp(name, kinds[i].kind, length) == 0)
			return kinds[i].open(name + length, transport);
	}
	if (colon && colon - name > DOMAIN_DIGITS &&
	    !memchr(name, '/', (size_t)(colon - name)))
		return vn_error(EINVAL, "'%s': there are no devices of the kind "
				"'%.*s'; name a PCI function such as 0000:00:04.0, or "
				"a socket: vfio-user:PATH, vhost-user:PATH", name,
				(int)(colon - name), name);
	return vn_transport_open_pci(name, transport);
}
