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

const struct bed_layout bed_layouts[] = {
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

struct bed_layout bed_layout;

int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct pollfd p = { .fd = fd };

		if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL))
			count++;
	}
	return count;
}

int open_model(struct model *model, const struct vionet_open_options *options,
	       struct vionet_device **device)
{
	struct vn_transport *transport;
	int result = vn_transport_over_pci(&model->function, &transport);

	*device = NULL;
	return result ? result : vn_device_open(transport, options, device);
}

static void record(void *context, const uint8_t *data, size_t length)
{
	struct bed *bed = context;

	memcpy(bed->last, data, length);
	bed->last_length = length;
}

struct bed *raise_bed(uint32_t rx_size, uint32_t tx_size,
			     uint32_t buffer_size, uint64_t without)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = rx_size,
		.tx_queue_size = tx_size,
		.rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = buffer_size },
	};
	struct vn_transport *transport;
	struct model *m = model_create(&bed->model);

	m->offered[0] &= ~without;
	m->offered[0] |= bed_layout.offers;
	m->batch = bed_layout.batch;
	m->on_frame = record;
	m->context = bed;
	m->queue_max = 32768;
	assert_int_equal(vn_transport_over_pci(&m->function, &transport), 0);
	assert_int_equal(vn_device_open(transport, NULL, &bed->device), 0);
	if (vionet_device_start(bed->device, &options))
		fail_msg("%s", vionet_error_text());
	bed->rx = vionet_device_rx_queue(bed->device, 0);
	bed->tx = vionet_device_tx_queue(bed->device, 0);
	return bed;
}

void drop_bed(struct bed *bed)
{
	if (bed->model->rings.violations != 0)
		fail_msg("%s", bed->model->rings.violation);
	assert_int_equal(bed->model->faults, 0);
	assert_int_equal(bed->model->unmapped_live, 0);
	assert_int_equal(bed->model->dma_before_master, 0);
	assert_int_equal(vionet_device_close(bed->device), 0);
	assert_null(bed->model);
	free(bed);
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

struct vionet_packet *fresh(struct bed *bed, uint32_t length)
{
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(bed->tx), &packet,
					     1), 1);
	memset(packet->data, 0, length);
	packet->length = length;
	return packet;
}

void expect_broken(struct bed *bed, struct vionet_queue *queue,
			  const char *why)
{
	struct vionet_packet *p;
	uint32_t events;

	assert_int_equal(vionet_queue_check(queue), -EIO);
	if (why)
		assert_text(why);
	if (queue == bed->rx) {
		assert_int_equal(vionet_queue_receive(bed->rx, &p, 1), 0);
		p = fresh(bed, 60);
		bed->model->hold = false;
		assert_int_equal(vionet_queue_transmit(bed->tx, &p, 1), 1);
	} else {
		p = fresh(bed, 60);
		assert_int_equal(vionet_queue_transmit(bed->tx, &p, 1), 0);
		vionet_packet_free(&p, 1);
		assert_int_equal(vionet_queue_drain(bed->tx, 10), -EIO);
	}
	assert_int_equal(vionet_queue_wait(queue, 10, 10), -EIO);
	assert_int_equal(vionet_queue_arm(queue), -EIO);
	assert_int_equal(vionet_device_events(bed->device, &events), 0);
	assert_true(events & VIONET_EVENT_QUEUE_BROKEN);
	assert_int_equal(vionet_device_stop(bed->device), 0);
	assert_int_equal(vionet_device_start(bed->device, NULL), 0);
	assert_int_equal(vionet_device_events(bed->device, &events), 0);
	assert_int_equal(events, 0);
	drop_bed(bed);
}
