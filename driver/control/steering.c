/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Device operation in multiqueue mode". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/steering.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/state/device.h"
#include "driver/spec/net.h"
#include "driver/control/steering.h"
#include "driver/control/state.h"

/* The key that Toeplitz hashes are usually verified with: it is the same
 * everywhere, so that a flow can be predicted. */
static const uint8_t default_key[RSS_KEY_MIN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb3, 0xa5, 0x3b, 0xeb, 0xf1, 0x7c,
};

/* ---- which transmit queues may be used ---- */

/* Transmit queues from `pairs` on take nothing ("Automatic receive steering in
 * multiqueue mode", CVQ-20); none does while the device is suspended ("Device Suspend",
 * GEN-34). */
static void steering_limit_transmit(struct vionet_device *device, unsigned int pairs)
{
	for (unsigned int i = 0; i < device->queue_pairs; i++)
		vn_queue_pause(&device->tx[i], device->suspended || i >= pairs);
}

/* Which transmit queues may be used after an order for `pairs` of them. If it is not
 * known whether it was obeyed, neither those above nor those below. */
static void steering_set_pairs(struct vionet_device *device, unsigned int pairs,
			       int result)
{
	unsigned int before = device->active_pairs;
	unsigned int now = pairs < before ? pairs : before;

	if (result == 0)
		now = pairs;
	else if (result != -ETIMEDOUT && result != -EIO)
		now = before;
	steering_limit_transmit(device, now);
	device->active_pairs = now;
}

/*
 * Send an order after which `pairs` transmit queues may be used. Those above stop
 * before it is given ("Automatic receive steering in multiqueue mode", CVQ-20), those
 * below start after it was obeyed ("Automatic receive steering in multiqueue mode",
 * CVQ-19).
 */
static int steering_order_pairs(struct vionet_device *device,
				struct vn_ctrl_state *saved, const char *name,
				unsigned int pairs)
{
	unsigned int before = device->active_pairs;
	int result;

	steering_limit_transmit(device, pairs < before ? pairs : before);
	result = vn_ctrl_state_send(device, saved, 0, name);
	steering_set_pairs(device, pairs, result);
	return result;
}

/* The same by the transport's own means. */
static int steering_use_pairs(struct vionet_device *device, unsigned int pairs)
{
	struct vn_transport *transport = device->transport;
	unsigned int before = device->active_pairs;
	int result;

	steering_limit_transmit(device, pairs < before ? pairs : before);
	result = transport->ops->pairs_use(transport, pairs);
	/* Several messages: which were obeyed is not known if one was not. */
	steering_set_pairs(device, pairs, result ? -EIO : 0);
	return result;
}

/* ---- RSS ---- */

static int steering_check_types(const struct vionet_device *device, uint32_t *types)
{
	uint32_t supported = device->config.hash_types;

	if (*types == 0)
		*types = supported;
	else if (*types == VIONET_HASH_NONE)
		*types = 0;
	if ((*types & ~supported) == 0)
		return 0;
	return vn_error(EINVAL, "hash types 0x%x: the device supports 0x%x", *types,
			supported);
}

static int steering_check_key(const struct vionet_device *device, const uint8_t **key,
			      uint32_t *size)
{
	if (!*key) {
		*key = default_key;
		*size = sizeof(default_key);
	}
	if (*size <= device->config.rss_key_max)
		return 0;
	return vn_error(EINVAL, "a hash key of %u bytes; the device takes %u", *size,
			device->config.rss_key_max);
}

static int steering_check_table(const struct vionet_device *device,
				const struct vionet_rss *rss)
{
	uint32_t size = rss->table_size;

	if (size == 0 || (size & (size - 1)) != 0 ||
	    size > device->config.rss_table_max)
		return vn_error(EINVAL, "a table of %u entries; a power of two is "
				"needed, and the device takes up to %u", size,
				device->config.rss_table_max);
	for (uint32_t i = 0; rss->table && i < size; i++)
		if (rss->table[i] >= device->queue_pairs)
			return vn_error(EINVAL, "entry %u of the table names pair "
					"%u; %u pairs are set up", i,
					rss->table[i], device->queue_pairs);
	if (rss->unclassified >= device->queue_pairs)
		return vn_error(EINVAL, "unclassified packets for pair %u; %u pairs "
				"are set up", rss->unclassified,
				device->queue_pairs);
	if (rss->tx_queues == 0 || rss->tx_queues > device->queue_pairs)
		return vn_error(EINVAL, "%u pairs for transmission; %u pairs are set "
				"up", rss->tx_queues, device->queue_pairs);
	return 0;
}

/* Fill in what was left out, over the first `pairs`, and check the rest. */
static int steering_complete_rss(const struct vionet_device *device, unsigned int pairs,
				 const struct vionet_rss *given, struct vionet_rss *rss)
{
	int result = vn_struct_in(rss, sizeof(*rss), given, "vionet_rss");

	if (result == 0 && rss->reserved != 0)
		result = vn_error(EINVAL, "`reserved` is %u; it has to be 0",
				  rss->reserved);
	if (result)
		return result;
	if (!rss->table && rss->table_size == 0) {
		rss->table_size = RSS_TABLE_MIN;
		while (rss->table_size < pairs)
			rss->table_size *= 2;
	}
	if (rss->tx_queues == 0)
		rss->tx_queues = (uint16_t)pairs;
	result = steering_check_types(device, &rss->hash_types);
	if (result == 0)
		result = steering_check_key(device, &rss->key, &rss->key_size);
	return result ? result : steering_check_table(device, rss);
}

static void steering_put_rss(uint8_t *at, const struct vionet_rss *rss,
			     unsigned int pairs)
{
	at = vn_put32(at, rss->hash_types);
	at = vn_put16(at, (uint16_t)(rss->table_size - 1));
	at = vn_put16(at, rss->unclassified);
	for (uint32_t i = 0; i < rss->table_size; i++)
		at = vn_put16(at, rss->table ? rss->table[i] :
					       (uint16_t)(i % pairs));
	at = vn_put16(at, rss->tx_queues);
	*at++ = (uint8_t)rss->key_size;
	memcpy(at, rss->key, rss->key_size);
}

/* Saved state with the payload of RSS_CONFIG after `front` bytes. */
static struct vn_ctrl_state *steering_make_rss(const struct vionet_rss *rss,
					       unsigned int pairs, uint8_t class,
					       uint8_t command, uint32_t front)
{
	uint32_t size = front + 11 + 2 * rss->table_size + rss->key_size;
	uint8_t *data = calloc(1, size);
	struct vn_ctrl_state *saved;

	if (!data) {
		vn_error(ENOMEM, "no memory for an RSS table");
		return NULL;
	}
	steering_put_rss(data + front, rss, pairs);
	saved = vn_ctrl_state_make(class, command, data, size);
	free(data);
	return saved;
}

/* RSS over the first `pairs`. */
static int steering_order_rss(struct vionet_device *device, unsigned int pairs,
			      const struct vionet_rss *given)
{
	struct vionet_rss rss;
	int result = steering_complete_rss(device, pairs, given, &rss);

	if (result)
		return result;
	return steering_order_pairs(device, steering_make_rss(&rss, pairs, CTRL_MQ,
							      CTRL_MQ_RSS_CONFIG, 0),
				    "RSS_CONFIG", rss.tx_queues);
}

static int steering_check_started(const struct vionet_device *device, const char *what)
{
	if (device->started)
		return 0;
	return vn_error(ENETDOWN, "%s: %s: the device is not started", device->name,
			what);
}

int vionet_rss_set(struct vionet_device *device, const struct vionet_rss *rss)
{
	int result = vn_control_need(device, NET_F_RSS, "RSS");

	if (result == 0)
		result = steering_check_started(device, "RSS");
	if (result)
		return result;
	result = steering_order_rss(device, device->queue_pairs, rss);
	return result ? vn_error_prefix(result, "%s: RSS", device->name) : 0;
}

/* ---- pairs ---- */

static int steering_order_mq(struct vionet_device *device, unsigned int pairs)
{
	char name[32];
	uint8_t data[2];

	vn_put16(data, (uint16_t)pairs);
	snprintf(name, sizeof(name), "VQ_PAIRS_SET %u", pairs);
	return steering_order_pairs(device,
				    vn_ctrl_state_make(CTRL_MQ, CTRL_MQ_VQ_PAIRS_SET,
						       data, sizeof(data)),
				    name, pairs);
}

int vn_steering_begin(struct vionet_device *device, unsigned int pairs)
{
	static const struct vionet_rss evenly = { .struct_size = sizeof(evenly) };

	if (vn_transport_can(device->transport, VN_CAN_PAIRS))
		return steering_use_pairs(device, pairs);
	if (vionet_feature_test(&device->accepted, NET_F_MQ))
		return steering_order_mq(device, pairs);
	return steering_order_rss(device, pairs, &evenly);
}

static bool steering_has_context(const struct vionet_device *device)
{
	return vn_ctrl_state_find(device, CTRL_RSS_CONTEXT, CTRL_RSS_CONTEXT_ADD, NULL,
			    0) != NULL;
}

int vionet_queue_pairs_set(struct vionet_device *device, unsigned int pairs)
{
	int result = steering_check_started(device, "queue pairs");

	if (result)
		return result;
	if (!vn_transport_can(device->transport, VN_CAN_PAIRS) &&
	    !vionet_feature_test(&device->accepted, NET_F_RSS)) {
		result = vn_control_need(device, NET_F_MQ, "several queue pairs");
		if (result)
			return result;
	}
	if (pairs == 0 || pairs > device->queue_pairs)
		return vn_error(EINVAL, "%s: %u queue pairs; 1 to %u are set up, "
				"queue_pairs of the start options says how many",
				device->name, pairs, device->queue_pairs);
	/* Without a command nothing else would notice, and rings be kicked ("Device
	 * Suspend", GEN-35). */
	if (device->suspended)
		return vn_error(ENETDOWN, "%s: %u queue pairs: the device is "
				"suspended; resume it first", device->name, pairs);
	if (steering_has_context(device))
		return vn_error(EBUSY, "%s: the number of pairs stays while there "
				"are RSS contexts; delete them first",
				device->name);
	result = vn_steering_begin(device, pairs);
	return result ? vn_error_prefix(result, "%s: %u queue pairs", device->name,
					pairs) : 0;
}

int vionet_steering_limits(const struct vionet_device *device,
			   struct vionet_steering_limits *limits)
{
	const struct vn_net_config *config = &device->config;
	bool rss = vionet_feature_test(&device->accepted, NET_F_RSS);
	bool hash = rss || vionet_feature_test(&device->accepted,
					       NET_F_HASH_REPORT);
	int result = vn_struct_check(limits, "vionet_steering_limits");
	const struct vionet_steering_limits l = {
		.queue_pairs = config->device_pairs > VIONET_QUEUE_PAIRS_MAX ?
				       VIONET_QUEUE_PAIRS_MAX :
				       config->device_pairs,
		.table_entries = rss ? config->rss_table_max : 0,
		.key_size = hash ? config->rss_key_max : 0,
		.hash_types = hash ? config->hash_types : 0,
		.tunnel_types = vionet_feature_test(&device->accepted,
						    NET_F_HASH_TUNNEL) ?
					config->tunnel_types : 0,
	};

	if (result)
		return vn_error_prefix(result, "%s", device->name);
	vn_struct_out(limits, &l, sizeof(l));
	return 0;
}

/* ---- hashes ---- */

int vionet_hash_set(struct vionet_device *device, uint32_t hash_types,
		    const uint8_t *key, uint32_t key_size)
{
	/* hash_types, four reserved words of 16 bits, length, key ("Hash calculation",
	 * CVQ-24). */
	uint8_t data[4 + 8 + 1 + 255] = { 0 };
	int result = vn_control_need(device, NET_F_HASH_REPORT, "hash reports");

	if (result)
		return result;
	if (vionet_feature_test(&device->accepted, NET_F_RSS))
		return vn_error(ENOTSUP, "%s: hash reports: RSS was accepted, and "
				"the hashes that it steers by are reported; set those, or "
				"avoid RSS", device->name);
	result = steering_check_types(device, &hash_types);
	if (result == 0)
		result = steering_check_key(device, &key, &key_size);
	if (result)
		return vn_error_prefix(result, "%s: hash reports", device->name);
	vn_put32(data, hash_types);
	data[12] = (uint8_t)key_size;
	memcpy(data + 13, key, key_size);
	result = vn_ctrl_state_send(device, vn_ctrl_state_make(CTRL_MQ, CTRL_MQ_HASH_CONFIG,
						   data, 13 + key_size), 0,
			      "HASH_CONFIG");
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

int vionet_hash_tunnels_set(struct vionet_device *device, uint32_t tunnel_types)
{
	uint32_t supported = device->config.tunnel_types;
	uint8_t data[4];
	int result = vn_control_need(device, NET_F_HASH_TUNNEL,
				     "hashes of inner headers");

	if (result)
		return result;
	if ((tunnel_types & ~supported) != 0)
		return vn_error(EINVAL, "%s: tunnel types 0x%x: the device supports "
				"0x%x", device->name, tunnel_types, supported);
	vn_put32(data, tunnel_types);
	result = vn_ctrl_state_send(device, vn_ctrl_state_make(CTRL_HASH_TUNNEL,
						   CTRL_HASH_TUNNEL_SET, data,
						   sizeof(data)), 0,
			      "HASH_TUNNEL_SET");
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

/* ---- RSS contexts ---- */

/* The id comes first, and six bytes that are reserved. */
#define CONTEXT_FRONT 8u

int vn_rss_context_query(struct vionet_device *device, uint16_t *contexts)
{
	uint8_t reply[2] = { 0 };
	struct vn_command command = {
		.class = CTRL_RSS_CONTEXT,
		.command = CTRL_RSS_CONTEXT_CAP_GET,
		.name = "CAP_GET of RSS contexts",
		.result = reply,
		.result_size = sizeof(reply),
	};
	int result = vn_control_command(device, &command);

	*contexts = 0;
	if (result == 0 && command.result_length < sizeof(reply))
		result = vn_error(EIO, "%s: a reply of %u bytes", command.name,
				  command.result_length);
	if (result == 0)
		*contexts = vn_get16(reply);
	return result;
}

int vionet_rss_context_limit(struct vionet_device *device, uint16_t *contexts)
{
	int result = vn_control_need(device, NET_F_RSS_CONTEXT, "RSS contexts");

	*contexts = 0;
	if (result)
		return result;
	result = vn_rss_context_query(device, contexts);
	return result ? vn_error_prefix(result, "%s", device->name) : 0;
}

/* May there be such a context, and is there one? */
static int steering_check_context(struct vionet_device *device, uint16_t id,
				  bool exists)
{
	uint16_t limit = 0;
	uint8_t key[2];
	bool found;
	int result = vionet_rss_context_limit(device, &limit);

	if (result)
		return result;
	if (id == 0 || id > limit)
		return vn_error(EINVAL, "%s: RSS context %u; the device has 1 to %u",
				device->name, id, limit);
	vn_put16(key, id);
	found = vn_ctrl_state_find(device, CTRL_RSS_CONTEXT, CTRL_RSS_CONTEXT_ADD, key,
			     sizeof(key)) != NULL;
	if (found == exists)
		return 0;
	return vn_error(exists ? ENOENT : EEXIST, "%s: there is %s RSS context %u",
			device->name, exists ? "no" : "already an", id);
}

/* Add or modify; either way it is an addition that is remembered. */
static int steering_order_context(struct vionet_device *device, uint16_t id,
				  const struct vionet_rss *given, bool modify)
{
	struct vionet_rss rss;
	struct vn_ctrl_state *saved;
	struct vn_command command = {
		.class = CTRL_RSS_CONTEXT,
		.command = modify ? CTRL_RSS_CONTEXT_MOD : CTRL_RSS_CONTEXT_ADD,
		.name = modify ? "RSS context MOD" : "RSS context ADD",
	};
	int result = steering_check_started(device, "RSS contexts");

	if (result == 0)
		result = steering_check_context(device, id, modify);
	if (result)
		return result;
	result = steering_complete_rss(device, device->queue_pairs, given, &rss);
	if (result)
		return vn_error_prefix(result, "%s: RSS context %u", device->name,
				       id);
	saved = steering_make_rss(&rss, device->queue_pairs, CTRL_RSS_CONTEXT,
			CTRL_RSS_CONTEXT_ADD, CONTEXT_FRONT);
	if (!saved)
		return -ENOMEM;
	vn_put16(saved->data, id);
	command.data = saved->data;
	command.size = saved->size;
	result = vn_control_command(device, &command);
	if (result) {
		free(saved);
		return vn_error_prefix(result, "%s", device->name);
	}
	vn_ctrl_state_save(device, saved, 2);
	return 0;
}

int vionet_rss_context_add(struct vionet_device *device, uint16_t id,
			   const struct vionet_rss *rss)
{
	int result = vn_control_need(device, NET_F_RSS_CONTEXT, "RSS contexts");

	return result ? result : steering_order_context(device, id, rss, false);
}

int vionet_rss_context_modify(struct vionet_device *device, uint16_t id,
			      const struct vionet_rss *rss)
{
	int result = vn_control_need(device, NET_F_RSS_CONTEXT, "RSS contexts");

	return result ? result : steering_order_context(device, id, rss, true);
}

int vionet_rss_context_delete(struct vionet_device *device, uint16_t id)
{
	uint8_t data[2];
	struct vn_command command = {
		.class = CTRL_RSS_CONTEXT,
		.command = CTRL_RSS_CONTEXT_DEL,
		.name = "RSS context DEL",
		.data = data,
		.size = sizeof(data),
	};
	int result = vn_control_need(device, NET_F_RSS_CONTEXT, "RSS contexts");

	if (result == 0)
		result = steering_check_context(device, id, true);
	if (result)
		return result;
	vn_put16(data, id);
	result = vn_control_command(device, &command);
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	vn_ctrl_state_forget(device, CTRL_RSS_CONTEXT, CTRL_RSS_CONTEXT_ADD, data,
		       sizeof(data));
	return 0;
}
