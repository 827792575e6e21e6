/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of received packets, on every layout of the ring: what is taken, what is
 * dropped, what is ignored. f14 to f23 are faults of the software device's list. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/offload_env.h"

/* Deliver a frame of `length` bytes with this header; returns the packet, or NULL if it
 * was dropped. `piece`: in buffers of that many bytes. */
static struct vionet_packet *deliver(struct offload_env *env, const struct header *h,
				     size_t length, size_t piece)
{
	static const uint8_t frame[65589];
	uint8_t *at = env->control->model->rx_header;
	struct vionet_packet *packet = NULL;

	at[0] = (uint8_t)h->flags;
	at[1] = (uint8_t)h->gso_type;
	le16_put(at + 2, h->hdr_len);
	le16_put(at + 4, h->gso_size);
	le16_put(at + 6, h->start);
	le16_put(at + 8, h->offset);
	le16_put(at + 12, h->hash);
	le16_put(at + 14, h->hash >> 16);
	le16_put(at + 16, h->report);
	le16_put(at + 20, h->outer);
	le16_put(at + 22, h->inner);
	assert_true(model_deliver(env->control->model, frame, length, piece, -1) != 0);
	(void)vionet_queue_receive(env->rx, &packet, 1);
	return packet;
}

/* The packet arrives with these fields. */
static void expect(struct offload_env *env, const struct header *h, size_t length,
		   const struct header *want)
{
	struct vionet_packet *p = deliver(env, h, length, 0);

	assert_non_null(p);
	assert_int_equal(p->total_length, length);
	assert_int_equal(p->flags, want->flags);
	assert_int_equal(p->gso_type, want->gso_type);
	assert_int_equal(p->hdr_len, want->hdr_len);
	assert_int_equal(p->gso_size, want->gso_size);
	assert_int_equal(p->csum_start, want->start);
	assert_int_equal(p->csum_offset, want->offset);
	assert_int_equal(p->outer_th_offset, want->outer);
	assert_int_equal(p->inner_nh_offset, want->inner);
	assert_int_equal(p->hash_value, want->hash);
	assert_int_equal(p->hash_report, want->report);
	vionet_packet_free(&p, 1);
}

/* The packet is dropped and counted; the next one arrives. */
static void expect_drop(struct offload_env *env, const struct header *h, size_t length)
{
	uint64_t before = queue_counters(env->rx).dropped_metadata;

	assert_null(deliver(env, h, length, 0));
	assert_int_equal(queue_counters(env->rx).dropped_metadata, before + 1);
	expect(env, &(struct header){ 0 }, 60, &(struct header){ 0 });
}

#define LARGE .flags = 1, .gso_type = 1, .gso_size = 1460, .start = 34, .offset = 16

/* proves: NET-14 NET-65 NET-68 NET-76 */
static void needs_csum_and_data_valid(void **state)
{
	const int features[] = { GUEST_CSUM, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	expect(env, H(.flags = 1, .start = 34, .offset = 6), 60,
	       H(.flags = 1, .start = 34, .offset = 6));
	expect(env, H(.flags = 2, .start = 9, .offset = 9, .hdr_len = 7,
		      .gso_size = 8), 60, H(.flags = 2));
	expect(env, H(.start = 9, .offset = 9), 60, H(0));
	assert_int_equal(queue_counters(env->rx).dropped_metadata, 0);
	offload_env_stop(env);
}

/* F14 proves: NET-62 */
static void f14_unknown_kinds(void **state)
{
	const int large[] = { EVERY_GUEST, -1 }, small[] = { GUEST_CSUM, -1 };
	struct offload_env *env = offload_env_start(large, false);
	static const unsigned int kinds[] = { 2, 6, 31, 0x80, 0xff, 0x0f, 0x82 };

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		expect_drop(env, H(.flags = 1, .gso_type = kinds[i],
				   .gso_size = 1460, .start = 34, .offset = 16), 3000);
	offload_env_stop(env);
	env = offload_env_start(small, false);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		expect(env, H(.flags = 1, .gso_type = kinds[i], .gso_size = 1460,
			      .start = 34, .offset = 16), 100,
		       H(.flags = 1, .start = 34, .offset = 16));
	assert_int_equal(queue_counters(env->rx).ignored_metadata, 7);
	offload_env_stop(env);
}

static void f15_kind_not_negotiated(void **state)
{
	const int features[] = { GUEST_CSUM, GUEST_TSO4, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	expect(env, H(LARGE), 3000, H(LARGE));
	expect(env, H(.flags = 1, .gso_type = 4, .gso_size = 1440, .start = 54,
		      .offset = 16), 3000,
	       H(.flags = 1, .start = 54, .offset = 16));
	expect(env, H(.flags = 1, .gso_type = 0x21, .gso_size = 1440, .start = 84,
		      .offset = 16), 3000,
	       H(.flags = 1, .start = 84, .offset = 16));
	assert_int_equal(queue_counters(env->rx).ignored_metadata, 2);
	/* ECN was not negotiated: the bit is cleared, the packet arrives. */
	expect(env, H(.flags = 1, .gso_type = 0x81, .gso_size = 1460, .start = 34,
		      .offset = 16), 3000, H(LARGE));
	offload_env_stop(env);
}

static void f16_gso_size(void **state)
{
	const int features[] = { EVERY_GUEST, -1 };
	static const unsigned int sizes[] = { 0, 1, 65535 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		expect_drop(env, H(.flags = 1, .gso_type = 4, .gso_size = sizes[i],
				   .start = 54, .offset = 16), 3000);
	offload_env_stop(env);
}

static void f17_checksum_outside(void **state)
{
	const int features[] = { GUEST_CSUM, -1 };
	static const unsigned int places[][2] = {
		{ 34, 65 }, { 99, 0 }, { 65535, 65535 }, { 65535, 1 }, { 0, 6 },
		{ 13, 6 }, { 34, 65535 }, { 1 << 15, 1 << 15 },
	};
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		expect_drop(env, H(.flags = 1, .start = places[i][0],
				   .offset = places[i][1]), 100);
	expect(env, H(.flags = 1, .start = 34, .offset = 64), 100,
	       H(.flags = 1, .start = 34, .offset = 64));
	offload_env_stop(env);
}

static void f18_not_negotiated(void **state)
{
	const int nothing[] = { -1 }, hash[] = { HASH_REPORT, -1 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct offload_env *env = offload_env_start(i ? hash : nothing, true);

		expect(env, H(.flags = 0xff, .start = 60000, .offset = 60000,
			      .hdr_len = 9, .gso_size = 9), 60, H(0));
		expect(env, H(.flags = 0xff, .gso_type = 0xff, .start = 60000), 60,
		       H(0));
		/* Fields that are not read are not counted. */
		assert_int_equal(queue_counters(env->rx).ignored_metadata, i);
		offload_env_stop(env);
	}
}

/* proves: NET-66 NET-67 */
static void f19_hdr_len(void **state)
{
	const int features[] = { EVERY_GUEST, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	expect(env, H(LARGE, .hdr_len = 54), 3000, H(LARGE, .hdr_len = 54));
	expect(env, H(LARGE, .hdr_len = 0), 3000, H(LARGE));
	expect(env, H(LARGE, .hdr_len = 65535), 3000, H(LARGE));
	offload_env_stop(env);
}

/* proves: NET-62 */
static void f20_both_and_unknown_flags(void **state)
{
	const int features[] = { GUEST_CSUM, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	expect(env, H(.flags = 3, .start = 34, .offset = 6), 60,
	       H(.flags = 1, .start = 34, .offset = 6));
	expect(env, H(.flags = 0xf0), 60, H(0));
	expect(env, H(.flags = 0xf2), 60, H(.flags = 2));
	offload_env_stop(env);
}

/* proves: NET-65 NET-77 */
static void f21_coalescing(void **state)
{
	const int without[] = { EVERY_GUEST, -1 };
	const int with[] = { EVERY_GUEST, CSUM, HOST_TSO4, RSC_EXT, -1 };
	struct offload_env *env = offload_env_start(without, false);

	(void)state;
	expect(env, H(.flags = 6, .start = 4, .offset = 2), 60, H(.flags = 2));
	offload_env_stop(env);
	env = offload_env_start(with, false);
	expect(env, H(.flags = 5, .gso_type = 1, .gso_size = 1460, .start = 4,
		      .offset = 60000), 3000,
	       H(.flags = 5, .gso_type = 1, .gso_size = 1460, .start = 4,
		 .offset = 60000));
	expect(env, H(.flags = 6, .gso_type = 4, .gso_size = 1460, .start = 4), 3000,
	       H(.flags = 6, .gso_type = 4, .gso_size = 1460, .start = 4));
	/* RSC_INFO without segmentation, and together with NEEDS_CSUM. */
	expect_drop(env, H(.flags = 4, .start = 4), 60);
	expect_drop(env, H(.flags = 5, .gso_type = 5, .gso_size = 1000, .start = 34,
			   .offset = 6), 3000);
	offload_env_stop(env);
}

#define TUNNEL .gso_size = 1000, .start = 84, .offset = 16, .outer = 34, .inner = 64

/* proves: NET-60 NET-69 NET-70 NET-71 NET-72 NET-75 */
static void f22_tunnels(void **state)
{
	const int features[] = { EVERY_GUEST, GUEST_TUNNEL, GUEST_TUNNEL_CSUM, -1 };
	const int coalesced[] = { EVERY_GUEST, GUEST_TUNNEL, CSUM, HOST_TSO4, RSC_EXT,
				  -1 };
	struct offload_env *env = offload_env_start(features, false);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	vionet_device_info(env->control->device, &info);
	assert_int_equal(info.header_size, 24);
	expect(env, H(.flags = 1, .gso_type = 0x21, TUNNEL), 3000,
	       H(.flags = 1, .gso_type = 0x21, TUNNEL));
	expect(env, H(.flags = 9, .gso_type = 0xc4, TUNNEL), 3000,
	       H(.flags = 9, .gso_type = 0xc4, TUNNEL));
	expect(env, H(.flags = 10), 60, H(.flags = 10)); /* NET-75 */
	expect(env, H(.flags = 8), 60, H(0));
	expect(env, H(LARGE, .outer = 77, .inner = 88), 3000, H(LARGE));

	expect_drop(env, H(.flags = 1, .gso_type = 0x61, TUNNEL), 3000);
	expect_drop(env, H(.flags = 0, .gso_type = 0x21, TUNNEL), 3000);
	expect_drop(env, H(.flags = 3, .gso_type = 0x21, TUNNEL), 3000);
	expect_drop(env, H(.flags = 1, .gso_type = 0x20, TUNNEL), 3000);
	expect_drop(env, H(.flags = 1, .gso_type = 0x23, TUNNEL), 3000);
	expect_drop(env, H(.flags = 9, .start = 34, .offset = 6), 60);
	offload_env_stop(env);
	/* RSC_INFO on a tunnel: the fields would be both counts and offsets. */
	env = offload_env_start(coalesced, false);
	expect_drop(env, H(.flags = 5, .gso_type = 0x21, TUNNEL), 3000);
	offload_env_stop(env);
}

/* Header offsets of a tunnel in an impossible order. */
static void tunnel_offsets(void **state)
{
	const int features[] = { EVERY_GUEST, GUEST_TUNNEL, -1 };
	static const unsigned int wrong[][3] = {
		{ 0, 64, 84 }, { 33, 64, 84 }, { 34, 41, 84 }, { 34, 64, 83 },
		{ 64, 34, 84 }, { 65535, 64, 84 }, { 34, 65535, 84 },
		{ 34, 65535, 65535 },
	};
	struct offload_env *env = offload_env_start(features, true);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_drop(env, H(.flags = 1, .gso_type = 0x24, .gso_size = 1000,
				   .offset = 16, .outer = wrong[i][0],
				   .inner = wrong[i][1], .start = wrong[i][2]), 1900);
	offload_env_stop(env);
}

/* proves: NET-60 NET-79 */
static void f23_hashes(void **state)
{
	const int features[] = { HASH_REPORT, GUEST_CSUM, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	for (unsigned int report = 1; report <= 9; report++)
		expect(env, H(.hash = 0x89abcdef, .report = report), 60,
		       H(.hash = 0x89abcdef, .report = report));
	expect(env, H(.hash = 0x89abcdef), 60, H(0));
	expect(env, H(.hash = 0x89abcdef, .report = 10), 60, H(0));
	expect(env, H(.hash = 0x89abcdef, .report = 255), 60, H(0));
	expect(env, H(.hash = 0x89abcdef, .report = 65535, .flags = 2), 60,
	       H(.flags = 2));
	offload_env_stop(env);
}

/* proves: NET-73 */
static void several_buffers(void **state)
{
	const int features[] = { EVERY_GUEST, HASH_REPORT, -1 };
	struct offload_env *env = offload_env_start(features, true);
	struct vionet_packet *p;

	(void)state;
	p = deliver(env, H(LARGE, .hdr_len = 54, .hash = 7, .report = 2), 9000, 1500);
	assert_non_null(p);
	assert_int_equal(p->segments, 7);
	assert_int_equal(p->total_length, 9000);
	assert_int_equal(p->gso_size, 1460);
	assert_int_equal(p->hdr_len, 54);
	assert_int_equal(p->hash_value, 7);
	vionet_packet_free(&p, 1);
	/* The checksum's place is in the fourth buffer, then behind the last. */
	p = deliver(env, H(.flags = 1, .start = 34, .offset = 5000), 6000, 1500);
	assert_non_null(p);
	vionet_packet_free(&p, 1);
	assert_null(deliver(env, H(.flags = 1, .start = 34, .offset = 5965), 6000,
			    1500));
	assert_null(deliver(env, H(.flags = 1, .gso_type = 0xff, .gso_size = 1460,
				  .start = 34, .offset = 16), 6000, 1500));
	assert_int_equal(queue_counters(env->rx).dropped_metadata, 2);
	expect(env, H(0), 60, H(0));
	offload_env_stop(env);
}

/* proves: NET-57 NET-58 NET-07 */
static void buffers_hold_the_longest(void **state)
{
	const int features[] = { GUEST_CSUM, GUEST_TSO6, -1 };
	struct vionet_start_options small = { .struct_size = sizeof(small),
					      .rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = 65588 } };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	assert_true(env->control->model->queue[0].size == 16);
	expect(env, H(.flags = 1, .gso_type = 4, .gso_size = 1440, .start = 54,
		      .offset = 16), 65589,
	       H(.flags = 1, .gso_type = 4, .gso_size = 1440, .start = 54,
		 .offset = 16));
	assert_int_equal(vionet_device_stop(env->control->device), 0);
	assert_int_equal(vionet_device_start(env->control->device, &small), -EINVAL);
	assert_text("65589");
	offload_env_stop(env);
}

/* All header values, with every feature set: only what was negotiated is reported, and
 * nothing crashes. */
static void any_header(void **state)
{
	static const int sets[][12] = {
		{ GUEST_CSUM, -1 },
		{ HASH_REPORT, -1 },
		{ EVERY_GUEST, -1 },
		{ EVERY_GUEST, GUEST_TUNNEL, HASH_REPORT, -1 },
		{ EVERY_GUEST, GUEST_TUNNEL, GUEST_TUNNEL_CSUM, -1 },
	};
	unsigned int seed = 1;

	(void)state;
	for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
		struct offload_env *env = offload_env_start(sets[s], true);

		for (unsigned int i = 0; i < ROUNDS(20000); i++) {
			struct header h;
			struct vionet_packet *p;
			unsigned int *field = (unsigned int *)&h;

			for (size_t f = 0; f < sizeof(h) / sizeof(*field); f++) {
				unsigned int mask = rand_r(&seed) % 2 ? 0xffff : 0x7f;

				field[f] = (unsigned int)rand_r(&seed) & mask;
			}
			p = deliver(env, &h, 14 + (unsigned int)rand_r(&seed) % 1500,
				    rand_r(&seed) % 4 ? 0 : 300);
			if (!p)
				continue;
			assert_int_equal(p->flags & 0xf0, 0);
			if ((p->flags & 5) == 1)
				assert_true((uint32_t)p->csum_start +
					    p->csum_offset + 2 <= p->total_length);
			if (p->gso_type != 0)
				assert_true(s >= 2 && p->gso_size > 1);
			assert_true(p->hash_report <= 9);
			assert_int_equal(vionet_packet_checksum_complete(p), 0);
			vionet_packet_free(&p, 1);
		}
		assert_int_equal(vionet_queue_check(env->rx), 0);
		offload_env_stop(env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_csum_and_data_valid),
		cmocka_unit_test(f14_unknown_kinds),
		cmocka_unit_test(f15_kind_not_negotiated),
		cmocka_unit_test(f16_gso_size),
		cmocka_unit_test(f17_checksum_outside),
		cmocka_unit_test(f18_not_negotiated),
		cmocka_unit_test(f19_hdr_len),
		cmocka_unit_test(f20_both_and_unknown_flags),
		cmocka_unit_test(f21_coalescing),
		cmocka_unit_test(f22_tunnels),
		cmocka_unit_test(tunnel_offsets),
		cmocka_unit_test(f23_hashes),
		cmocka_unit_test(several_buffers),
		cmocka_unit_test(buffers_hold_the_longest),
		cmocka_unit_test(any_header),
	};

	return run_for_each_layout(tests);
}
