/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "tests/unit/faults.h"

int take_buffer(struct bed *bed, unsigned int index)
{
	uint8_t scratch[2100];
	size_t length;

	return model_take(bed->model, index, scratch, sizeof(scratch), &length);
}

/* A bed with `count` packets sent and, if `taken`, taken by the device. */
struct bed *raise_sent(unsigned int count, bool taken, int *ids)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_packet *p[16];

	bed->model->hold = true;
	for (unsigned int i = 0; i < count; i++)
		p[i] = fresh(bed, 60);
	assert_int_equal(vionet_queue_transmit(bed->tx, p, count), count);
	for (unsigned int i = 0; i < count && taken; i++)
		ids[i] = take_buffer(bed, 1);
	return bed;
}

/* The transmit queue looks at what the device completed, and is broken. */
void expect_broken_transmit(struct bed *bed, const char *why)
{
	vionet_queue_reclaim(bed->tx);
	expect_broken(bed, bed->tx, why);
}

void expect_broken_receive(uint32_t id, uint16_t advance, const char *why)
{
	struct bed *bed = raise_bed(16, 0, 0, 0);
	struct vionet_packet *p[4];

	model_used(bed->model, 0, id, 100, advance);
	assert_int_equal(vionet_queue_receive(bed->rx, p, 4), 0);
	expect_broken(bed, bed->rx, why);
}

struct model_map *map_at(struct bed *bed, uint64_t iova)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (bed->model->map[i].used && bed->model->map[i].iova <= iova &&
		    iova - bed->model->map[i].iova < bed->model->map[i].size)
			return &bed->model->map[i];
	fail();
	return NULL;
}

/* ---- faults of any ring ---- */

/* Notifications are sent by the rule; now and then also against it. */
void d16_no_notify_for_ever(void **state)
{
	struct bed *bed = raise_bed(0, 0, 0, 0);
	struct vionet_packet *p = fresh(bed, 60);
	unsigned int before;

	(void)state;
	bed->model->hold = true;
	model_used_flags(bed->model, 1, 1);
	before = bed->model->doorbells;
	assert_int_equal(vionet_queue_transmit(bed->tx, &p, 1), 1);
	assert_int_equal(bed->model->doorbells, before);
	bed->model->hold = false;
	assert_int_equal(vionet_queue_drain(bed->tx, 60000), 0);
	assert_int_equal(bed->model->doorbells, before + 1);
	drop_bed(bed);
}

void d19_never_completes(void **state)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[17];

	(void)state;
	bed->model->hold = true;
	for (unsigned int i = 0; i < 17; i++)
		p[i] = fresh(bed, 60);
	assert_int_equal(vionet_queue_transmit(bed->tx, p, 17), 16);
	assert_int_equal(vionet_queue_transmit(bed->tx, p + 16, 1), 0);
	assert_int_equal(vionet_queue_wait(bed->rx, 0, 5), 0);
	assert_int_equal(vionet_queue_drain(bed->tx, 5), -ETIMEDOUT);
	vionet_queue_stats(bed->tx, &stats);
	assert_int_equal(stats.full, 2);
	assert_int_equal(stats.in_flight, 16);
	vionet_packet_free(p + 16, 1);
	drop_bed(bed);
}

/* The queue breaks while it is being drained: that is no success. */
void drain_of_a_breaking_queue_fails(void **state)
{
	int id;
	struct bed *bed = raise_sent(1, true, &id);

	(void)state;
	model_used(bed->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	model_used(bed->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_drain(bed->tx, 100), -EIO);
	if (!bed_is_packed())
		assert_text("jumped by 1 with 0 buffers");
	drop_bed(bed);
}

/* While room is made for a packet of three pieces the queue breaks, after one buffer that
 * came back properly: nothing more is given to the device. */
void breaks_while_room_is_made(void **state)
{
	int ids[14];
	struct bed *bed;
	struct vionet_packet *p[3];
	unsigned int before;

	(void)state;
	/* In a table it would need no room; in order the first bad one ends all. */
	if (bed_layout.offers & 1ull << 28 || bed_in_order())
		return;
	bed = raise_sent(14, true, ids);
	before = bed->model->doorbells;
	for (unsigned int i = 0; i < 3; i++) {
		p[i] = fresh(bed, 60);
		if (i != 0)
			p[i - 1]->next = p[i];
	}
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, 99, 0, 1);
	assert_int_equal(vionet_queue_transmit(bed->tx, p, 1), 0);
	assert_int_equal(vionet_queue_check(bed->tx), -EIO);
	assert_int_equal(bed->model->doorbells, before);
	vionet_packet_free(p, 1);
	drop_bed(bed);
}
