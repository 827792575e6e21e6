/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam to what drivers speak: how one comes, is served and goes. vfio_user/ and vhost_user/
 * are behind it; both use what is common of struct server. */
#ifndef SOFTNIC_TRANSPORT_H
#define SOFTNIC_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

struct device;

struct transport {
	int (*open)(struct device *device); /* 0 or -errno, printed */
	void (*close)(struct device *device);
	/* Someone connects. */
	void (*accept)(struct device *device);
	/* Serve what has come. False: the driver has gone. */
	bool (*serve)(struct device *device);
	void (*hang_up)(struct device *device, const char *why);
	/* The configuration changed, or a reset is needed: tell the driver. */
	void (*interrupt_config)(struct device *device);
	/* In each poll iteration: what waits for no descriptor. Nanoseconds until it must be
	 * called again, -1: nothing is due. NULL: there is no such thing. */
	int64_t (*turn)(struct device *device);
};

extern const struct transport vfio_user_transport, vhost_user_transport;

#endif
