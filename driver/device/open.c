/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Source: "Device Initialization", "Device Reset", "Device Cleanup".
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/notice.h"
#include "driver/control/command.h"
#include "driver/control/state.h"
#include "driver/device/negotiate.h"
#include "driver/device/open.h"
#include "driver/device/reset.h"
#include "driver/memory/memory.h"
#include "driver/net/pool.h"
#include "driver/queue/quarantine.h"

/* Every option that there is. */
#define OPEN_FLAGS                                                  \
	((unsigned int)(VIONET_OPEN_ASSUME_IOMMU |                  \
			VIONET_OPEN_NO_HUGEPAGES |                  \
			VIONET_OPEN_WRITABLE_RINGS |                \
			VIONET_OPEN_STRICT))

#define CONTROL_TIMEOUT_MAX_MS 60000u
#define RESET_TIMEOUT_MAX_MS 600000u
#define REPLY_TIMEOUT_MAX_MS 600000u

const char *vionet_version(void)
{
	return VIONET_VERSION;
}

uint32_t vionet_version_number(void)
{
	return VIONET_VERSION_NUMBER;
}

static int open_check_queues(const struct vionet_device *device)
{
	uint16_t size = 0;
	int result = 0;

	for (unsigned int i = 0; i < 2 && result == 0; i++) {
		result = device->transport->ops->queue_max(device->transport, i,
							   &size);
		if (result == 0 && size == 0)
			return vn_error(EIO, "the device has no %s queue 0; it is "
					"broken", i ? "transmit" : "receive");
	}
	return result;
}

static void open_take_options(struct vionet_device *device,
			      const struct vionet_open_options *options)
{
	unsigned int control = options->control_timeout_ms;
	unsigned int reset = options->reset_timeout_ms;

	device->flags = options->flags;
	device->avoid = options->avoid;
	device->need = options->need;
	device->want = options->want;
	device->control_timeout = (control ? control : VN_CONTROL_TIMEOUT_MS) * VN_MS;
	device->progress = options->progress;
	device->progress_context = options->progress_context;
	device->reset_timeout = (reset ? reset : VN_RESET_TIMEOUT_MS) * VN_MS;
	device->reply_timeout_ms = options->reply_timeout_ms;
	device->read_back.strict = (options->flags & VIONET_OPEN_STRICT) != 0;
}

/* A transport whose table is not whole may not even have that. */
static void open_close_transport(struct vn_transport *transport)
{
	if (transport->ops->close)
		(void)transport->ops->close(transport);
}

/* From a transport whose table is whole to a device that is ready to start. */
static int open_bring_up(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	int result = 0;

	if (vn_transport_can(transport, VN_CAN_READ_BACK))
		result = transport->ops->read_back(transport, &device->read_back);
	if (result == 0)
		result = vn_device_negotiate(device);
	if (result)
		return result;
	result = open_check_queues(device);
	if (result)
		vn_device_fail(device, result);
	return result;
}

int vn_device_open(struct vn_transport *transport,
		   const struct vionet_open_options *options,
		   struct vionet_device **device)
{
	static const struct vionet_open_options defaults;
	struct vionet_device *d = calloc(1, sizeof(*d));
	int result;

	*device = NULL;
	if (!d) {
		open_close_transport(transport);
		return vn_error(ENOMEM, "no memory");
	}
	d->transport = transport;
	d->quiesced = true;
	open_take_options(d, options ? options : &defaults);
	snprintf(d->name, sizeof(d->name), "%s", transport->name);
	result = vn_transport_check(transport->ops);
	if (result == 0)
		result = open_bring_up(d);
	if (result) {
		struct vn_error_kept why;

		vn_error_prefix(result, "%s", d->name);
		vn_error_keep(&why);
		open_close_transport(transport);
		free(d);
		return vn_error_restore(result, &why);
	}
	d->opened = true;
	vn_log(VIONET_LOG_INFO, "%s: opened over %s", d->name, transport->kind);
	*device = d;
	return 0;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool open_is_uuid(const char *text)
{
	for (unsigned int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return text[36] == '\0';
}

static int open_check_options(const char *name, const struct vionet_open_options *o)
{
	if ((o->flags & ~OPEN_FLAGS) != 0)
		return vn_error(EINVAL, "%.*s: open: unknown flags 0x%x",
				VIONET_NAME_MAX, name, o->flags & ~OPEN_FLAGS);
	if (o->iommu > VIONET_IOMMU_NONE)
		return vn_error(EINVAL, "%.*s: open: there is no kind of IOMMU with the number "
					"%u",
				VIONET_NAME_MAX, name, o->iommu);
	if (o->vf_token && !open_is_uuid(o->vf_token))
		return vn_error(EINVAL, "%.*s: open: the VF token '%.40s' is no UUID, such as "
					"83d7e1bf-6c4a-4b5f-9d0e-2f6a5c1b8e34",
				VIONET_NAME_MAX, name, o->vf_token);
	if (o->control_timeout_ms > CONTROL_TIMEOUT_MAX_MS)
		return vn_error(EINVAL, "%.*s: open: %u ms for a control command; "
				"at most %u are possible", VIONET_NAME_MAX, name,
				o->control_timeout_ms, CONTROL_TIMEOUT_MAX_MS);
	if (o->reset_timeout_ms > RESET_TIMEOUT_MAX_MS)
		return vn_error(EINVAL, "%.*s: open: %u ms for a reset; at most %u are "
				"possible", VIONET_NAME_MAX, name,
				o->reset_timeout_ms, RESET_TIMEOUT_MAX_MS);
	if (o->reply_timeout_ms > REPLY_TIMEOUT_MAX_MS)
		return vn_error(EINVAL, "%.*s: open: %u ms for replies; at most %u are possible",
				VIONET_NAME_MAX, name, o->reply_timeout_ms,
				REPLY_TIMEOUT_MAX_MS);
	return 0;
}

static int open_device(const char *name, const struct vionet_device_fds *fds,
		       const struct vionet_open_options *options, struct vionet_device **device)
{
	struct vionet_open_options o = { .struct_size = sizeof(o) };
	struct vn_transport *transport;
	struct vn_transport_options how;
	int result = 0;

	*device = NULL;
	if (options)
		result = vn_struct_in(&o, sizeof(o), options, "vionet_open_options");
	if (result)
		return vn_error_prefix(result, "%.*s: open", VIONET_NAME_MAX, name);
	result = open_check_options(name, &o);
	if (result)
		return result;
	if (fds && o.iommu != VIONET_IOMMU_AUTO)
		return vn_error(EINVAL, "%.*s: open: the descriptors say by what it is opened; leave the "
					"kind of IOMMU out",
				VIONET_NAME_MAX, name);
	vn_notice_to(o.notice, o.notice_context);
	how = (struct vn_transport_options){ (enum vionet_iommu)o.iommu, fds, o.vf_token,
					     o.reply_timeout_ms };
	result = vn_transport_open(name, &how, &transport);
	vn_notice_to(NULL, NULL);
	return result ? result : vn_device_open(transport, &o, device);
}

int vionet_device_open(const char *name,
		       const struct vionet_open_options *options,
		       struct vionet_device **device)
{
	return open_device(name, NULL, options, device);
}

/* Those that belong together, and none twice. */
static int open_check_fds(const struct vionet_device_fds *fds)
{
	static const char *const names[] = { "device", "iommufd", "group", "container" };
	const int32_t number[] = { fds->device, fds->iommufd, fds->group, fds->container };
	uint32_t given = fds->given;

	if (given != (VIONET_FD_DEVICE | VIONET_FD_IOMMUFD) &&
	    given != (VIONET_FD_GROUP | VIONET_FD_CONTAINER) &&
	    given != (VIONET_FD_DEVICE | VIONET_FD_CONTAINER))
		return vn_error(EINVAL, "descriptors: device and iommufd are wanted, group and "
					"container, or device and container");
	for (unsigned int i = 0; i < 4; i++) {
		if ((given & 1u << i) == 0)
			continue;
		if (number[i] < 0)
			return vn_error(EINVAL, "descriptors: %d for the %s is none", number[i],
					names[i]);
		for (unsigned int j = 0; j < i; j++)
			if ((given & 1u << j) != 0 && number[i] == number[j])
				return vn_error(EINVAL, "descriptors: %d is given for the %s and "
							"for the %s",
						number[i], names[j], names[i]);
	}
	return 0;
}

int vionet_device_open_fds(const char *name, const struct vionet_device_fds *fds,
			   const struct vionet_open_options *options, struct vionet_device **device)
{
	struct vionet_device_fds own;
	int result = vn_struct_in(&own, sizeof(own), fds, "vionet_device_fds");

	*device = NULL;
	if (result == 0)
		result = open_check_fds(&own);
	if (result)
		return vn_error_prefix(result, "%.*s: open", VIONET_NAME_MAX, name);
	return open_device(name, &own, options, device);
}

int vionet_device_close(struct vionet_device *device)
{
	struct vn_error_kept why;
	int result, closed;

	if (!device)
		return 0;
	result = vionet_device_stop(device);
	if (result == 0 && !device->gone && device->negotiated)
		result = vn_device_reset(device);
	vn_error_keep(&why);
	/* From here on the kernel keeps the device from our memory. */
	closed = device->transport->ops->close(device->transport);
	if (result == 0) {
		result = closed;
		vn_error_keep(&why);
	}
	device->quiesced = false;
	vn_quarantine_release(device);
	vn_shares_end(device);
	vn_pools_hand_over(device);
	while (device->pools)
		vn_pool_destroy_forced(device->pools);
	vn_device_memory_abandon(device);
	vn_ctrl_state_free(device);
	free(device);
	return vn_error_restore(result, &why);
}
