/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive offloads at run time, and notification coalescing.
 *
 * Source: "Offloads State Configuration", "Notifications Coalescing".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/control.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/state/device.h"
#include "driver/spec/net.h"
#include "driver/control/state.h"

/* ---- offloads ---- */

/* Bits of the mask, and the features behind them: not the same numbers for tunnels
 * ("Setting Offloads State", CVQ-42). */
static const struct {
	uint8_t bit, feature;
} offloads_of[] = {
	{ 1, NET_F_GUEST_CSUM },
	{ 7, NET_F_GUEST_TSO4 },
	{ 8, NET_F_GUEST_TSO6 },
	{ 9, NET_F_GUEST_ECN },
	{ 10, NET_F_GUEST_UFO },
	{ 46, NET_F_GUEST_UDP_TUNNEL_GSO },
	{ 47, NET_F_GUEST_UDP_TUNNEL_GSO_CSUM },
	{ 54, NET_F_GUEST_USO4 },
	{ 55, NET_F_GUEST_USO6 },
};

static uint64_t tuning_negotiated_offloads(const struct vionet_device *device)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(offloads_of) / sizeof(offloads_of[0]); i++)
		if (vionet_feature_test(&device->accepted, offloads_of[i].feature))
			mask |= 1ull << offloads_of[i].bit;
	return mask;
}

static uint64_t tuning_known_offloads(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(offloads_of) / sizeof(offloads_of[0]); i++)
		mask |= 1ull << offloads_of[i].bit;
	return mask;
}

/* Name the first offload that cannot be. */
static int tuning_refuse_offload(struct vionet_device *device, uint64_t wrong)
{
	uint64_t unknown = wrong & ~tuning_known_offloads();
	size_t i = 0;

	if (unknown != 0)
		return vn_error(EINVAL, "%s: unknown offloads 0x%llx", device->name,
				(unsigned long long)unknown);
	while (!(wrong >> offloads_of[i].bit & 1))
		i++;
	return vn_control_need(device, offloads_of[i].feature, "this offload");
}

int vionet_offloads_set(struct vionet_device *device, uint64_t offloads)
{
	uint64_t wrong = offloads & ~tuning_negotiated_offloads(device);
	uint8_t data[8];
	int result = vn_control_need(device, NET_F_CTRL_GUEST_OFFLOADS,
				     "switching offloads");

	if (result)
		return result;
	if (wrong != 0)
		return tuning_refuse_offload(device, wrong);
	vn_put64(data, offloads);
	result = vn_ctrl_state_send(device, vn_ctrl_state_make(CTRL_GUEST_OFFLOADS,
						   CTRL_GUEST_OFFLOADS_SET, data,
						   sizeof(data)), 0,
			      "GUEST_OFFLOADS_SET");
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

int vionet_offloads_read(const struct vionet_device *device, uint64_t *offloads)
{
	const struct vn_ctrl_state *saved = vn_ctrl_state_find(device, CTRL_GUEST_OFFLOADS,
						  CTRL_GUEST_OFFLOADS_SET, NULL,
						  0);

	*offloads = saved ? vn_get64(saved->data) : tuning_negotiated_offloads(device);
	return 0;
}

/* ---- coalescing ---- */

/* What was set for single queues is overridden ("Notifications Coalescing", CVQ-47),
 * also for one that is reset later. */
static void tuning_forget_single(struct vionet_device *device, bool tx)
{
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		uint8_t key[2];

		vn_put16(key, (uint16_t)(2 * i + tx));
		vn_ctrl_state_forget(device, CTRL_NOTF_COAL, CTRL_NOTF_COAL_VQ_SET, key,
			       sizeof(key));
	}
}

static int tuning_take_coalescing(const struct vionet_device *device,
				  const struct vionet_coalescing *given,
				  struct vionet_coalescing *c)
{
	int result = vn_struct_in(c, sizeof(*c), given, "vionet_coalescing");

	if (result == 0 && c->reserved != 0)
		result = vn_error(EINVAL, "`reserved` is %u; it has to be 0", c->reserved);
	return result ? vn_error_prefix(result, "%s: coalescing", device->name) : 0;
}

int vionet_coalescing_set(struct vionet_device *device, bool tx,
			  const struct vionet_coalescing *coalescing)
{
	uint8_t command = tx ? CTRL_NOTF_COAL_TX_SET :
				     CTRL_NOTF_COAL_RX_SET;
	struct vionet_coalescing c;
	uint8_t data[8];
	int result = tuning_take_coalescing(device, coalescing, &c);

	if (result == 0)
		result = vn_control_need(device, NET_F_NOTF_COAL, "coalescing");
	if (result)
		return result;
	vn_put32(vn_put32(data, c.max_packets), c.max_usecs);
	result = vn_ctrl_state_send(device, vn_ctrl_state_make(CTRL_NOTF_COAL, command, data,
						   sizeof(data)), 0,
			      tx ? "COAL_TX_SET" : "COAL_RX_SET");
	if (result == 0)
		tuning_forget_single(device, tx);
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

int vionet_queue_coalescing_set(struct vionet_queue *queue,
				const struct vionet_coalescing *coalescing)
{
	struct vionet_device *device = queue->device;
	struct vionet_coalescing c;
	uint8_t data[12] = { 0 };
	int result = tuning_take_coalescing(device, coalescing, &c);

	if (result == 0)
		result = vn_control_need(device, NET_F_VQ_NOTF_COAL,
					 "coalescing of one queue");
	if (result)
		return result;
	vn_put16(data, (uint16_t)queue->index);
	vn_put32(vn_put32(data + 4, c.max_packets), c.max_usecs);
	result = vn_ctrl_state_send(device, vn_ctrl_state_make(CTRL_NOTF_COAL,
						   CTRL_NOTF_COAL_VQ_SET, data,
						   sizeof(data)), 2,
			      "COAL_VQ_SET");
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

int vionet_queue_coalescing_read(struct vionet_queue *queue,
				 struct vionet_coalescing *coalescing)
{
	struct vionet_device *device = queue->device;
	uint8_t data[4] = { 0 }, reply[8];
	struct vn_command command = {
		.class = CTRL_NOTF_COAL,
		.command = CTRL_NOTF_COAL_VQ_GET,
		.name = "COAL_VQ_GET",
		.data = data,
		.size = sizeof(data),
		.result = reply,
		.result_size = sizeof(reply),
	};
	struct vionet_coalescing c = { 0 };
	int result = vn_struct_check(coalescing, "vionet_coalescing");

	if (result)
		return vn_error_prefix(result, "%s: coalescing", device->name);
	vn_struct_out(coalescing, &c, sizeof(c));
	result = vn_control_need(device, NET_F_VQ_NOTF_COAL, "coalescing of one queue");
	if (result)
		return result;
	vn_put16(data, (uint16_t)queue->index);
	result = vn_control_command(device, &command);
	if (result == 0 && command.result_length < sizeof(reply))
		result = vn_error(EIO, "COAL_VQ_GET: a reply of %u bytes",
				  command.result_length);
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	c.max_packets = vn_get32(reply);
	c.max_usecs = vn_get32(reply + 4);
	vn_struct_out(coalescing, &c, sizeof(c));
	return 0;
}
