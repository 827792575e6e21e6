/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests about the device as a whole: features, status, configuration, reset. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "softnic/fault/lost.h"
#include "softnic/net/net.h"
#include "softnic/vhost_user/internal.h"

#define BIT(n) (UINT64_C(1) << (n))

/* The record of what is in flight is not among them: this device has nothing in flight
 * between two poll iterations, so the used index says all. */
#define PROTOCOL_ALL                                                          \
	(BIT(PROTOCOL_MQ) | BIT(PROTOCOL_REPLY_ACK) | BIT(PROTOCOL_NET_MTU) | \
	 BIT(PROTOCOL_BACKEND_REQ) | BIT(PROTOCOL_CONFIG) |                   \
	 BIT(PROTOCOL_RESET_DEVICE) | BIT(PROTOCOL_CONFIGURE_MEM_SLOTS) |     \
	 BIT(PROTOCOL_STATUS))

static uint64_t setup_number_of(const struct vhost_call *call)
{
	uint64_t value;

	memcpy(&value, call->data, sizeof(value));
	return value;
}

int vhost_set_owner(struct device *device, struct vhost_call *call)
{
	(void)device;
	(void)call;
	return 0;
}

/* ---- features ---- */

int vhost_get_features(struct device *device, struct vhost_call *call)
{
	struct features offered;

	offer_features(device, &offered);
	return vhost_reply_number(call, offered.word[0] | BIT(FEATURE_PROTOCOL_FEATURES));
}

static bool setup_any_ring_runs(const struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled)
			return true;
	return false;
}

/* Accepting a set is what a driver begins with: where one ended is not always said. */
static int setup_accept_features(struct device *device, const struct vhost_call *call,
				 const struct features *wanted)
{
	net_reset(device);
	registers_of(device)->wanted = *wanted;
	memset(&device->accepted, 0, sizeof(device->accepted));
	device->vhost_user->refused = !status_negotiate(device);
	if (!device->vhost_user->refused)
		return 0;
	return vhost_refuse(device, call,
			    "0x%" PRIx64 " is not acceptable: not offered, or without VERSION_1",
			    wanted->word[0]);
}

int vhost_set_features(struct device *device, struct vhost_call *call)
{
	const uint64_t not_the_device =
		BIT(FEATURE_LOG_ALL) | BIT(FEATURE_PROTOCOL_FEATURES);
	uint64_t value = setup_number_of(call);
	struct features wanted = { .word = { value & ~not_the_device } };
	uint64_t change = wanted.word[0] ^ device->accepted.word[0];

	if (value & BIT(FEATURE_LOG_ALL))
		return vhost_refuse(device, call, "LOG_ALL was not offered");
	device->vhost_user->protocol_used = value & BIT(FEATURE_PROTOCOL_FEATURES);
	if (!setup_any_ring_runs(device))
		return setup_accept_features(device, call, &wanted);
	if (change == 0)
		return 0;
	violation(device, "GEN-13", "features 0x%" PRIx64 " change while a ring runs", change);
	return -1;
}

int vhost_get_protocol_features(struct device *device, struct vhost_call *call)
{
	(void)device;
	return vhost_reply_number(call, PROTOCOL_ALL);
}

int vhost_set_protocol_features(struct device *device, struct vhost_call *call)
{
	uint64_t value = setup_number_of(call);

	if (value & ~PROTOCOL_ALL)
		return vhost_refuse(device, call, "0x%" PRIx64 " was not offered",
				    value & ~PROTOCOL_ALL);
	device->vhost_user->protocol = value;
	return 0;
}

/* Pairs, for a network device. */
int vhost_get_queue_num(struct device *device, struct vhost_call *call)
{
	return vhost_reply_number(call, device->options->queue_pairs);
}

int vhost_set_mtu(struct device *device, struct vhost_call *call)
{
	uint64_t value = setup_number_of(call);

	if (value < 68 || value > 65535)
		return vhost_refuse(device, call, "%" PRIu64 " is no MTU, it is 68 to 65535",
				    value);
	device->mtu = (uint16_t)value;
	return 0;
}

/* ---- our own requests ---- */

int vhost_set_backend_fd(struct device *device, struct vhost_call *call)
{
	struct vhost_user *v = device->vhost_user;
	int fd = vhost_take_fd(call);
	struct stat file;

	if (fd < 0)
		return vhost_refuse(device, call, "%u descriptors, it has one", call->fd_count);
	if (fstat(fd, &file) < 0 || !S_ISSOCK(file.st_mode)) {
		close(fd);
		return vhost_refuse(device, call, "the descriptor is no socket");
	}
	if (v->backend >= 0)
		close(v->backend);
	v->backend = fd;
	return 0;
}

/* ---- configuration ---- */

/* No bytes at all are the protocol's way to say no. */
int vhost_get_config(struct device *device, struct vhost_call *call)
{
	struct config_space space = { 0 };

	memcpy(&space, call->data, CONFIG_HEAD);
	if (space.size > CONFIG_MAX || space.offset > CONFIG_MAX - space.size ||
	    call->header.size < CONFIG_HEAD + space.size)
		return vhost_refuse(device, call, "%u bytes at %u, in a message of %u",
				    space.size, space.offset, call->header.size);
	trace(device, "READ config %u %u", space.offset, space.size);
	if ((uint64_t)space.offset + space.size > net_config_size(device))
		return 0;
	offer_config(device, space.offset, space.byte, space.size);
	memcpy(call->reply, &space, CONFIG_HEAD + space.size);
	call->reply_size = CONFIG_HEAD + space.size;
	return 0;
}

/* The front end's: whether a driver wrote there, it does not say. */
int vhost_set_config(struct device *device, struct vhost_call *call)
{
	struct config_space space = { 0 };

	memcpy(&space, call->data, CONFIG_HEAD);
	return vhost_refuse(device, call, "offset %u; the configuration of a network device is "
					  "read-only (NET-02)",
			    space.offset);
}

/* ---- status and reset ---- */

int vhost_reset_device(struct device *device, struct vhost_call *call)
{
	(void)call;
	vhost_rings_forget(device, false);
	device_reset(device, "front end");
	return 0;
}

/* The front end's word: its steps are not a driver's, and are not held against one. */
int vhost_set_status(struct device *device, struct vhost_call *call)
{
	uint64_t value = setup_number_of(call);
	uint8_t old = device->status;

	if (value > UINT8_MAX)
		return vhost_refuse(device, call, "0x%" PRIx64 " is no status", value);
	trace(device, "WRITE status 0x%02x", (unsigned int)value);
	if (value == 0)
		return vhost_reset_device(device, call);
	if (device->vhost_user->refused)
		value &= ~(uint64_t)ST_FEATURES_OK;
	device->status = (uint8_t)(value | (old & ST_NEEDS_RESET));
	if ((value & ST_DRIVER_OK) && !(old & ST_DRIVER_OK))
		fault_driver_ok(device);
	vhost_rings_update(device);
	return 0;
}

int vhost_get_status(struct device *device, struct vhost_call *call)
{
	return vhost_reply_number(call, device->status);
}
