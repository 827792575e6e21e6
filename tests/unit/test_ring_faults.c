/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that breaks the rules of the ring: one test for each way, and what has to
 * come of it: the queue is broken and says so, or nothing happens. d..: split rings,
 * e..: packed rings; each with every option that a ring may have.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/bed.h"

static int take(struct bed *bed, unsigned int index)
{
	uint8_t scratch[2100];
	size_t length;

	return model_take(bed->model, index, scratch, sizeof(scratch), &length);
}

/* A bed with `count` packets sent and, if `taken`, taken by the device. */
static struct bed *sent(unsigned int count, bool taken, int *ids)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_packet *p[16];

	bed->model->hold = true;
	for (unsigned int i = 0; i < count; i++)
		p[i] = fresh(bed, 60);
	assert_int_equal(vionet_queue_transmit(bed->tx, p, count), count);
	for (unsigned int i = 0; i < count && taken; i++)
		ids[i] = take(bed, 1);
	return bed;
}

/* The transmit queue looks at what the device completed, and is broken. */
static void expect_broken_transmit(struct bed *bed, const char *why)
{
	vionet_queue_reclaim(bed->tx);
	expect_broken(bed, bed->tx, why);
}

static void expect_broken_receive(uint32_t id, uint16_t advance, const char *why)
{
	struct bed *bed = raise_bed(16, 0, 0, 0);
	struct vionet_packet *p[4];

	model_used(bed->model, 0, id, 100, advance);
	assert_int_equal(vionet_queue_receive(bed->rx, p, 4), 0);
	expect_broken(bed, bed->rx, why);
}

static struct model_map *map_of(struct bed *bed, uint64_t iova)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (bed->model->map[i].used && bed->model->map[i].iova <= iova &&
		    iova - bed->model->map[i].iova < bed->model->map[i].size)
			return &bed->model->map[i];
	fail();
	return NULL;
}

/* ---- split ---- */

/* proves: SPLIT-24 */
static void d01_id_out_of_range(void **state)
{
	(void)state;
	expect_broken_receive(16, 1, "used id 16 is out of range");
	expect_broken_receive(0xffffffff, 1, "out of range");
}

/* proves: SPLIT-24 */
static void d02_upper_half_of_the_id_counts(void **state)
{
	(void)state;
	expect_broken_receive(0x10005, 1, "used id 65541 is out of range");
	expect_broken_receive(0x10000, 1, "used id 65536 is out of range");
}

static void d03_id_of_a_free_slot(void **state)
{
	struct bed *bed = sent(3, false, NULL);

	(void)state;
	model_used(bed->model, 1, 9, 0, 1);
	expect_broken_transmit(bed, bed_in_order() ? "out of order" :
						     "not outstanding");
}

/* Only the head of a chain can be completed. */
static void d04_id_of_the_middle_of_a_chain(void **state)
{
	struct bed *bed = raise_bed(0, 16, 0, 0);
	struct vionet_packet *first = fresh(bed, 20);
	int id;

	(void)state;
	first->next = fresh(bed, 20);
	bed->model->hold = true;
	assert_int_equal(vionet_queue_transmit(bed->tx, &first, 1), 1);
	id = take(bed, 1);
	/* Two segments, two elements: the header shares the first one's. */
	assert_int_equal(bed->model->queue[1].length, 52);
	assert_int_equal(bed->model->queue[1].elements, 2);
	model_used(bed->model, 1, (uint32_t)(id + 15) % 16, 0, 1);
	expect_broken_transmit(bed, NULL);
}

static void d05_same_id_twice(void **state)
{
	struct bed *bed = raise_bed(16, 0, 0, 1ull << 15);
	struct vionet_packet *p[4];
	int id = take(bed, 0);

	(void)state;
	model_used(bed->model, 0, (uint32_t)id, 72, 1);
	model_used(bed->model, 0, (uint32_t)id, 72, 1);
	assert_int_equal(vionet_queue_receive(bed->rx, p, 4), 1);
	vionet_packet_free(p, 1);
	expect_broken(bed, bed->rx, bed_in_order() ? "out of order" :
						     "not outstanding");
}

/* The same id after it was posted again is no breach. */
static void d05_same_id_after_posting_again(void **state)
{
	struct bed *bed = raise_bed(2, 0, 0, 1ull << 15);
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		model_used(bed->model, 0, (uint32_t)take(bed, 0), 72, 1);
		assert_int_equal(vionet_queue_receive(bed->rx, &p, 1), 1);
		vionet_packet_free(&p, 1);
	}
	assert_int_equal(vionet_queue_check(bed->rx), 0);
	drop_bed(bed);
}

static void d06_index_jumps_too_far(void **state)
{
	struct bed *bed;

	(void)state;
	expect_broken_receive(3, 17, "jumped by 17");
	bed = sent(3, false, NULL);
	model_used(bed->model, 1, 0, 0, 4);
	expect_broken_transmit(bed, "jumped by 4 with 3 buffers");
}

static void d07_index_goes_back(void **state)
{
	(void)state;
	expect_broken_receive(3, 0xffff, "jumped by 65535");
}

static void d08_index_far_ahead(void **state)
{
	(void)state;
	expect_broken_receive(3, 0x8000, "jumped by 32768");
	expect_broken_receive(0, 0xfffe, "jumped by 65534");
}

/* The index moves, the entries are what a lap ago left there: zeroes. */
static void d09_stale_entries(void **state)
{
	struct bed *bed = sent(3, true, (int[3]){ 0 });

	(void)state;
	model_used(bed->model, 1, 0, 0, 3);
	expect_broken_transmit(bed, bed_in_order() ? "out of order" :
						     "not outstanding");
}

/* The same, one buffer ahead of what was written: found at the next look. */
static void d10_index_before_the_entry(void **state)
{
	int ids[3];
	struct bed *bed = sent(3, true, ids);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 2);
	expect_broken_transmit(bed, NULL);
}

/* An entry that is rewritten after it was read decides nothing any more. */
static void d11_entry_rewritten_later(void **state)
{
	int ids[2];
	struct bed *bed = sent(2, true, ids);
	uint8_t *used;

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	used = model_at(bed->model, bed->model->queue[1].used, 20, true);
	memset(used + 4, 0xff, 8);
	model_used(bed->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* An index that flips gives one answer a look, and each look ends. */
static void d12_index_flips(void **state)
{
	int ids[2];
	struct bed *bed = sent(2, true, ids);
	uint8_t *used = model_at(bed->model, bed->model->queue[1].used, 4, true);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	used[2] = 0;
	assert_int_equal(vionet_queue_reclaim(bed->tx), 2);
	used[2] = 1;
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	used[2] = 0; /* back by one */
	vionet_queue_reclaim(bed->tx);
	expect_broken(bed, bed->tx, "jumped by 65535");
}

/* A device that scribbles over what it should only read changes nothing. That it
 * cannot is the IOMMU's doing; here the memory is written behind its back. */
static void d13_descriptors_scribbled_over(void **state)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_packet *p[4];
	struct model_map *map = map_of(bed, bed->model->queue[1].desc);
	int id[4];

	(void)state;
	bed->model->hold = true;
	assert_false(map->writable);
	assert_ptr_equal(map, map_of(bed, bed->model->queue[1].avail));
	for (unsigned int i = 0; i < 4; i++) {
		p[i] = fresh(bed, 30);
		p[i]->next = fresh(bed, 30);
	}
	assert_int_equal(vionet_queue_transmit(bed->tx, p, 4), 4);
	for (unsigned int i = 0; i < 4; i++)
		id[i] = take(bed, 1);
	memset(map->ours, 0xff, map->size);
	for (unsigned int i = 0; i < 4; i++)
		model_used(bed->model, 1, (uint32_t)id[i], 0xffffffff, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* proves: GEN-39 */
static void d14_completed_out_of_order(void **state)
{
	int ids[3];
	struct bed *bed = sent(3, true, ids);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[1], 0, 1);
	if (bed_in_order()) {
		expect_broken_transmit(bed, "out of order");
		return;
	}
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, (uint32_t)ids[2], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* A batch may end with any of the buffers that the index has passed, and no other.
 * proves: SPLIT-25 SPLIT-26 RSVD-15 */
static void d15_batch_outside_the_window(void **state)
{
	int ids[8];
	struct bed *bed = sent(8, true, ids);

	(void)state;
	if (!bed_in_order()) {
		/* Without IN_ORDER there is no batch: the others are still out. */
		model_used(bed->model, 1, (uint32_t)ids[4], 0, 1);
		assert_int_equal(vionet_queue_reclaim(bed->tx), 7);
		drop_bed(bed);
		return;
	}
	model_used_batch(bed->model, 1, 5, 0);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 3);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	model_used(bed->model, 1, (uint32_t)ids[7], 0, 2);
	expect_broken_transmit(bed, "out of order");
}

/* Notifications are sent by the rule; now and then also against it. */
static void d16_no_notify_for_ever(void **state)
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
	assert_int_equal(vionet_queue_drain(bed->tx, 1000), 0);
	assert_int_equal(bed->model->doorbells, before + 1);
	drop_bed(bed);
}

/* Whatever the event index says: at most one notification a burst. */
static void d17_event_index_nonsense(void **state)
{
	struct bed *bed = raise_bed(0, 16, 0, 0);
	struct model_queue *q = &bed->model->queue[1];

	(void)state;
	bed->model->rude = true;
	for (unsigned int i = 0; i < 5000; i++) {
		uint8_t *used = model_at(bed->model, q->used,
					 6u + 8u * q->size, true);
		struct vionet_packet *p[3];
		unsigned int before = bed->model->doorbells;

		used[4 + 8 * q->size] = (uint8_t)(i * 7);
		used[5 + 8 * q->size] = (uint8_t)(i * 13);
		for (unsigned int k = 0; k < 3; k++)
			p[k] = fresh(bed, 60);
		assert_int_equal(vionet_queue_transmit(bed->tx, p, 3), 3);
		assert_true(bed->model->doorbells - before <= 1);
		model_transmit(bed->model);
		assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	}
	drop_bed(bed);
}

/* Behind the used ring lies nothing of ours. */
static void d18_writes_past_the_used_ring(void **state)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct model_queue *q = &bed->model->queue[1];
	struct model_map *map = map_of(bed, q->used);
	size_t end = (size_t)(q->used - map->iova) + 6 + 8u * q->size;
	struct vionet_packet *p;

	(void)state;
	assert_ptr_not_equal(map, map_of(bed, q->desc));
	assert_ptr_not_equal(map, map_of(bed, bed->model->queue[0].used));
	for (size_t i = end; i < map->size; i++)
		assert_int_equal(map->ours[i], 0);
	memset(map->ours + end, 0xff, map->size - end);
	for (unsigned int i = 0; i < 100; i++) {
		p = fresh(bed, 60);
		assert_int_equal(vionet_queue_transmit(bed->tx, &p, 1), 1);
		assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	}
	/* And we wrote nothing there. */
	for (size_t i = end; i < map->size; i++)
		assert_int_equal(map->ours[i], 0xff);
	drop_bed(bed);
}

static void never_completes(void **state)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_queue_stats stats;
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

/* 2^16 completions between two looks are more than can be outstanding. */
static void d20_a_whole_lap_between_two_looks(void **state)
{
	int ids[16];
	struct bed *bed = sent(16, true, ids);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 0);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 16);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* The queue breaks while it is being drained: that is no success. */
static void drain_of_a_breaking_queue_fails(void **state)
{
	int id;
	struct bed *bed = sent(1, true, &id);

	(void)state;
	model_used(bed->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	model_used(bed->model, 1, (uint32_t)id, 0, 1);
	assert_int_equal(vionet_queue_drain(bed->tx, 100), -EIO);
	if (!bed_is_packed())
		assert_text("jumped by 1 with 0 buffers");
	drop_bed(bed);
}

/* ---- packed ---- */

/* The next used descriptor, as the device sees it. */
static uint8_t *used_descriptor(struct bed *bed, unsigned int index)
{
	struct model_queue *q = &bed->model->queue[index];

	return model_at(bed->model, q->desc + 16u * q->put, 16, true);
}

/* proves: PACKED-40 */
static void e01_id_out_of_range(void **state)
{
	(void)state;
	expect_broken_receive(16, 1, "used id 16 is out of range");
	expect_broken_receive(0xffff, 1, "used id 65535 is out of range");
}

static void e02_id_not_outstanding(void **state)
{
	int ids[3];
	struct bed *bed = sent(3, true, ids);

	(void)state;
	model_used(bed->model, 1, 9, 0, 1);
	expect_broken_transmit(bed, bed_in_order() ? "out of order" :
						     "not outstanding");
	bed = sent(3, true, ids);
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	expect_broken_transmit(bed, NULL);
}

/* proves: PACKED-05 */
static void e03_wrong_wrap_counter(void **state)
{
	int ids[3];
	struct bed *bed = sent(3, true, ids);

	(void)state;
	bed->model->queue[1].put_wrap = false;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 3);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* A descriptor that was never given to the device comes back. */
static void e04_one_lap_early(void **state)
{
	int ids[1];
	struct bed *bed = sent(1, true, ids);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, 1, 0, 1);
	expect_broken_transmit(bed, NULL);
}

static void e05_flags_flip_back(void **state)
{
	int ids[2];
	struct bed *bed = sent(2, true, ids);
	uint8_t *first = used_descriptor(bed, 1);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	first[14] = 0x80;
	first[15] = 0x00;
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	model_used(bed->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* A chain of three, and a single one behind it. */
static struct bed *chained(int *ids)
{
	struct bed *bed = raise_bed(16, 16, 0, 0);
	struct vionet_packet *p[2];

	p[0] = fresh(bed, 20);
	p[0]->next = fresh(bed, 20);
	p[0]->next->next = fresh(bed, 20);
	p[1] = fresh(bed, 60);
	bed->model->hold = true;
	assert_int_equal(vionet_queue_transmit(bed->tx, p, 2), 2);
	ids[0] = take(bed, 1);
	ids[1] = take(bed, 1);
	return bed;
}

/* A used descriptor for each one of the chain: the second does not lie where the next
 * one is expected, and is not looked at; the real one is found.
 * proves: PACKED-06 PACKED-11 */
static void e06_all_of_a_chain_written(void **state)
{
	int ids[2];
	struct bed *bed = chained(ids);
	unsigned int count = bed->model->queue[1].count[ids[0]];
	uint8_t *d = used_descriptor(bed, 1);

	(void)state;
	assert_int_equal(count, bed_layout.offers >> 28 & 1 ? 1 : 3);
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	for (unsigned int i = 1; i < count; i++)
		memcpy(d + 16 * i, d, 16);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	model_used(bed->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* The device believes that a chain was shorter: what it writes there is not seen. */
static void e07_skips_another_length(void **state)
{
	int ids[2];
	struct bed *bed = chained(ids);
	unsigned int count = bed->model->queue[1].count[ids[0]];

	(void)state;
	bed->model->queue[1].count[ids[0]] = (uint16_t)(count + 1);
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 1);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* proves: PACKED-08 */
static void e08_address_and_length_changed(void **state)
{
	int ids[2];
	struct bed *bed = chained(ids);

	(void)state;
	memset(used_descriptor(bed, 1), 0xff, 12);
	model_used(bed->model, 1, (uint32_t)ids[0], 0xffffffff, 1);
	model_used(bed->model, 1, (uint32_t)ids[1], 0x80000000, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* What the device may not say about notifications counts as a wish for them.
 * proves: PACKED-16 */
static void e09_event_suppression_nonsense(void **state)
{
	static const uint32_t nonsense[] = {
		0x00030000, 0x00027fff, 0x0002ffff, 0xfffc0000, 0xffff8010,
	};
	struct bed *bed = raise_bed(0, 16, 0, 0);

	(void)state;
	bed->model->rude = true;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		unsigned int before = bed->model->doorbells;
		struct vionet_packet *p = fresh(bed, 60);

		memcpy(model_at(bed->model, bed->model->queue[1].used, 4, true),
		       &nonsense[i], 4);
		assert_int_equal(vionet_queue_transmit(bed->tx, &p, 1), 1);
		assert_int_equal(bed->model->doorbells, before + 1);
	}
	drop_bed(bed);
}

static void e10_all_used_at_once_with_id_0(void **state)
{
	struct bed *bed = sent(5, true, (int[5]){ 0 });
	struct vionet_queue_stats stats;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		model_used(bed->model, 1, 0, 0, 1);
	vionet_queue_reclaim(bed->tx);
	vionet_queue_stats(bed->tx, &stats);
	assert_int_equal(stats.completed, 1);
	expect_broken_transmit(bed, NULL);
}

/* Flags, and id and length as we wrote them. */
static void e11_flags_before_the_id(void **state)
{
	int ids[3];
	struct bed *bed = sent(3, true, ids);

	(void)state;
	model_used(bed->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(bed->model, 1, 0, 0, 1); /* the id of a lap ago */
	expect_broken_transmit(bed, NULL);
}

/* proves: PACKED-12 */
static void e12_other_flags_mean_nothing(void **state)
{
	static const unsigned int bits[] = { 0x1, 0x4, 0x5, 0x7f7f, 0x2 };
	struct bed *bed = sent(5, true, (int[5]){ 0 });

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		model_used_bits(bed->model, 1, i, 77, 1, bits[i]);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	drop_bed(bed);
}

/* Without WRITE nothing was written, whatever the length says.
 * proves: PACKED-07 PACKED-08 */
static void length_without_write_is_none(void **state)
{
	struct bed *bed = raise_bed(16, 0, 0, 1ull << 15);
	struct vionet_queue_stats stats;
	struct vionet_packet *p[2];

	(void)state;
	model_used_bits(bed->model, 0, (uint32_t)take(bed, 0), 72, 1, 0);
	model_used_bits(bed->model, 0, (uint32_t)take(bed, 0), 72, 1, 7);
	assert_int_equal(vionet_queue_receive(bed->rx, p, 2), 1);
	vionet_queue_stats(bed->rx, &stats);
	assert_int_equal(stats.dropped_short, 1);
	vionet_packet_free(p, 1);
	drop_bed(bed);
}

/* As d14 and d15. proves: PACKED-15 RSVD-15 */
static void batches_and_order(void **state)
{
	int ids[8];
	struct bed *bed = sent(8, true, ids);

	(void)state;
	if (!bed_in_order()) {
		for (unsigned int i = 0; i < 8; i++)
			model_used(bed->model, 1, (uint32_t)ids[(i * 3) % 8], 0, 1);
		assert_int_equal(vionet_queue_reclaim(bed->tx), 0);
		drop_bed(bed);
		return;
	}
	model_used_batch(bed->model, 1, 5, 0);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 3);
	model_used(bed->model, 1, (uint32_t)ids[5], 0, 1);
	assert_int_equal(vionet_queue_reclaim(bed->tx), 2);
	assert_int_equal(vionet_queue_check(bed->tx), 0);
	model_used(bed->model, 1, 8, 0, 1); /* sent to nobody yet */
	expect_broken_transmit(bed, "out of order");
}

int main(void)
{
	const struct CMUnitTest split[] = {
		cmocka_unit_test(d01_id_out_of_range),
		cmocka_unit_test(d02_upper_half_of_the_id_counts),
		cmocka_unit_test(d03_id_of_a_free_slot),
		cmocka_unit_test(d04_id_of_the_middle_of_a_chain),
		cmocka_unit_test(d05_same_id_twice),
		cmocka_unit_test(d05_same_id_after_posting_again),
		cmocka_unit_test(d06_index_jumps_too_far),
		cmocka_unit_test(d07_index_goes_back),
		cmocka_unit_test(d08_index_far_ahead),
		cmocka_unit_test(d09_stale_entries),
		cmocka_unit_test(d10_index_before_the_entry),
		cmocka_unit_test(d11_entry_rewritten_later),
		cmocka_unit_test(d12_index_flips),
		cmocka_unit_test(d13_descriptors_scribbled_over),
		cmocka_unit_test(d14_completed_out_of_order),
		cmocka_unit_test(d15_batch_outside_the_window),
		cmocka_unit_test(d16_no_notify_for_ever),
		cmocka_unit_test(d17_event_index_nonsense),
		cmocka_unit_test(d18_writes_past_the_used_ring),
		cmocka_unit_test(never_completes), /* D19 */
		cmocka_unit_test(d20_a_whole_lap_between_two_looks),
		cmocka_unit_test(drain_of_a_breaking_queue_fails),
	};
	const struct CMUnitTest packed[] = {
		cmocka_unit_test(e01_id_out_of_range),
		cmocka_unit_test(e02_id_not_outstanding),
		cmocka_unit_test(e03_wrong_wrap_counter),
		cmocka_unit_test(e04_one_lap_early),
		cmocka_unit_test(e05_flags_flip_back),
		cmocka_unit_test(e06_all_of_a_chain_written),
		cmocka_unit_test(e07_skips_another_length),
		cmocka_unit_test(e08_address_and_length_changed),
		cmocka_unit_test(e09_event_suppression_nonsense),
		cmocka_unit_test(e10_all_used_at_once_with_id_0),
		cmocka_unit_test(e11_flags_before_the_id),
		cmocka_unit_test(e12_other_flags_mean_nothing),
		cmocka_unit_test(length_without_write_is_none),
		cmocka_unit_test(batches_and_order),
		cmocka_unit_test(d16_no_notify_for_ever),
		cmocka_unit_test(never_completes),
		cmocka_unit_test(drain_of_a_breaking_queue_fails),
	};

	return run_for_layouts(split, true, false) +
	       run_for_layouts(packed, false, true);
}
