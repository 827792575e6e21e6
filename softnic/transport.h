/* SPDX-License-Identifier: BSD-3-Clause */
/* The seam to what drivers speak: how one comes, is served and goes. vfio_user/, vhost_user/ and
 * vduse/ are behind it; all use what is common of struct server. */
#ifndef SOFTNIC_TRANSPORT_H
#define SOFTNIC_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

struct device;

struct transport {
	const char *name;
	/* The driver's accesses to registers are seen; the steps of status are its own. */
	bool registers, steps;
	int (*open)(struct device *device); /* 0 or -errno, printed */
	void (*close)(struct device *device);
	/* A line: where drivers find the device. NULL: at the socket. */
	void (*say_ready)(const struct device *device);
	/* Someone connects. NULL: nobody does. */
	void (*accept)(struct device *device);
	/* Serve what has come. False: the driver has gone. */
	bool (*serve)(struct device *device);
	void (*hang_up)(struct device *device, const char *why); /* NULL: not possible */
	/* Interrupt through this vector. NULL: with the eventfd that the driver gave for it. */
	void (*interrupt)(struct device *device, unsigned int vector);
	/* The configuration changed, or a reset is needed: tell the driver. */
	void (*interrupt_config)(struct device *device);
	/* In each poll iteration: what waits for no descriptor. Nanoseconds until it must be
	 * called again, -1: nothing is due. NULL: there is no such thing. */
	int64_t (*poll)(struct device *device);
};

extern const struct transport vfio_user_transport, vhost_user_transport, vduse_transport;

#endif
