/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets: sent by the driver, delivered by the device, and taken. */
#ifndef VIONET_TESTS_CONTROL_ENV_TRAFFIC_H
#define VIONET_TESTS_CONTROL_ENV_TRAFFIC_H

#include "tests/unit/control_env.h"

static inline void push(struct control_env *env, unsigned int pair, unsigned int count)
{
	struct vionet_queue *tx = vionet_device_tx_queue(env->device, pair);
	struct vionet_packet *packet;

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx),
						     &packet, 1), 1);
		memset(packet->data, 0, 64);
		packet->length = 64;
		assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	}
}

static inline void deliver(struct control_env *env, unsigned int count)
{
	uint8_t frame[64] = { 0xff };

	for (unsigned int i = 0; i < count; i++) {
		uint8_t data[84] = { 0 };
		size_t room;
		int id;

		/* With HASH_REPORT a header has 20 bytes. */
		data[10] = 1;
		memcpy(data + 20, frame, sizeof(frame));
		id = model_take(env->model, 0, NULL, 0, &room);
		assert_true(id >= 0);
		memcpy(model_at(env->model, env->model->queue[0].element[0].address,
				sizeof(data), true), data, sizeof(data));
		model_used(env->model, 0, (uint32_t)id, sizeof(data), 1);
	}
}

static inline uint32_t take(struct vionet_queue *rx)
{
	struct vionet_packet *packets[64];
	uint32_t count = vionet_queue_receive(rx, packets, 64);

	vionet_packet_free(packets, count);
	return count;
}

#endif
