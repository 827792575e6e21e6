/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/env.h"

#define INDIRECT (1ull << 28)
#define EVENT (1ull << 29)
#define PACKED (1ull << 34)
#define ORDER (1ull << 35)
#define DATA (1ull << 38)
#define CONFIG_DATA (1ull << 39)

const struct env_layout env_layouts[] = {
	{ "split", 0, 0 },
	{ "split event", EVENT | CONFIG_DATA, 0 },
	{ "split indirect", INDIRECT | DATA, 0 },
	{ "split in order", ORDER, 0 },
	{ "split in order, all", ORDER | INDIRECT | EVENT | DATA, 0 },
	{ "split in order, batches", ORDER | EVENT, 5 },
	{ "packed", PACKED, 0 },
	{ "packed event", PACKED | EVENT | CONFIG_DATA | DATA, 0 },
	{ "packed indirect", PACKED | INDIRECT | DATA, 0 },
	{ "packed in order", PACKED | ORDER, 0 },
	{ "packed in order, all", PACKED | ORDER | INDIRECT | EVENT | DATA, 0 },
	{ "packed in order, batches", PACKED | ORDER | EVENT, 5 },
	{ NULL, 0, 0 },
};

struct env_layout env_layout;

int open_model(struct model *model, const struct vionet_open_options *options,
	       struct vionet_device **device)
{
	struct vn_transport *transport;
	int result = vn_transport_over_pci(&model->function, &transport);

	*device = NULL;
	return result ? result : vn_device_open(transport, options, device);
}

static void env_record(void *context, const uint8_t *data, size_t length)
{
	struct env *env = context;

	memcpy(env->last, data, length);
	env->last_length = length;
}

struct env *env_start(uint32_t rx_size, uint32_t tx_size,
			     uint32_t buffer_size, uint64_t without)
{
	struct env *env = calloc(1, sizeof(*env));
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = rx_size,
		.tx_queue_size = tx_size,
		.rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = buffer_size },
	};
	struct vn_transport *transport;
	struct model *m = model_create(&env->model);

	m->offered[0] &= ~without;
	m->offered[0] |= env_layout.offers;
	m->batch = env_layout.batch;
	m->on_frame = env_record;
	m->context = env;
	m->queue_max = 32768;
	assert_int_equal(vn_transport_over_pci(&m->function, &transport), 0);
	assert_int_equal(vn_device_open(transport, NULL, &env->device), 0);
	if (vionet_device_start(env->device, &options))
		fail_msg("%s", vionet_error_text());
	env->rx = vionet_device_rx_queue(env->device, 0);
	env->tx = vionet_device_tx_queue(env->device, 0);
	return env;
}

void env_stop(struct env *env)
{
	if (env->model->rings.violations != 0)
		fail_msg("%s", env->model->rings.violation);
	assert_int_equal(env->model->faults, 0);
	assert_int_equal(env->model->unmapped_live, 0);
	assert_int_equal(env->model->dma_before_master, 0);
	assert_int_equal(vionet_device_close(env->device), 0);
	assert_null(env->model);
	free(env);
}

uint32_t receive_one(struct vionet_queue *rx, struct vionet_packet **packet)
{
	static unsigned int turn;
	struct vionet_packet *several[8];
	uint32_t got = vionet_queue_receive(rx, several, turn++ % 2 == 0 ? 1 : 8);

	assert_true(got <= 1);
	if (got == 1)
		*packet = several[0];
	return got;
}

struct vionet_packet *fresh(struct env *env, uint32_t length)
{
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(env->tx), &packet,
					     1), 1);
	memset(packet->data, 0, length);
	packet->length = length;
	return packet;
}

void expect_broken(struct env *env, struct vionet_queue *queue,
			  const char *why)
{
	struct vionet_packet *p;
	uint32_t events;

	assert_int_equal(vionet_queue_check(queue), -EIO);
	if (why)
		assert_text(why);
	if (queue == env->rx) {
		assert_int_equal(vionet_queue_receive(env->rx, &p, 1), 0);
		p = fresh(env, 60);
		env->model->paused = false;
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	} else {
		p = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 0);
		vionet_packet_free(&p, 1);
		assert_int_equal(vionet_queue_drain(env->tx, 10), -EIO);
	}
	assert_int_equal(vionet_queue_wait(queue, 10, 10), -EIO);
	assert_int_equal(vionet_queue_arm(queue), -EIO);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_true(events & VIONET_EVENT_QUEUE_BROKEN);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, 0);
	env_stop(env);
}
