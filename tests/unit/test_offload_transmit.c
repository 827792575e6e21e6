/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of transmitted packets, on every layout of the ring: checksum offload, what is
 * refused without its feature; and the helpers that prepare packets. Segmentation is in
 * test_offload_segments.c. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/frame_builder.h"

/* proves: NET-13 NET-39 NET-42 NET-47 */
static void transmit_checksum(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct offload_env *env = offload_env_start(features, false);
	struct frame_spec s = { .payload = 100 };
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int start;

		s = (struct frame_spec){ .six = i & 1, .udp = i & 2, .tag = i & 4,
				    .payload = 100, .piece = i & 8 ? 90 : 0 };
		start = 14 + (s.tag ? 4 : 0) + (s.six ? 40 : 20);
		p = frame_packet(env, &s);
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		expect_sent(env, p);
		expect_header(env, H(.flags = 1, .start = start,
				     .offset = s.udp ? 6 : 16,
				     .hdr_len = start + (s.udp ? 8 : 20)));
	}
	/* What another protocol has for a checksum is the device's too. */
	p = frame_packet(env, &(struct frame_spec){ .payload = 100 });
	p->flags = 1;
	p->csum_start = 60;
	p->csum_offset = 2;
	expect_sent(env, p);
	expect_header(env, H(.flags = 1, .start = 60, .offset = 2, .hdr_len = 64));
	offload_env_stop(env);
}

/* Bursts of common packets, offloaded, refused and chained ones: each is as it should
 * be, in order. */
static void transmit_mixed_bursts(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct offload_env *env = offload_env_start(features, false);
	unsigned int sent = 0;

	(void)state;
	env->control->model->paused = true;
	for (unsigned int round = 0; round < 600; round++) {
		struct vionet_packet *p[8];
		unsigned int good = 0, seed = round;

		for (unsigned int i = 0; i < 8; i++) {
			unsigned int what = (unsigned int)rand_r(&seed) % 5;

			p[i] = frame_packet(env, &(struct frame_spec){
				.payload = 200, .piece = what == 4 ? 120 : 0 });
			if (what == 1 || what == 4)
				assert_int_equal(
					vionet_packet_checksum_partial(p[i]), 0);
			if (what == 2)
				p[i]->flags = 0x40;
			good += what != 2;
		}
		for (unsigned int done = 0; done < 8;) {
			done += vionet_queue_transmit(env->tx, p + done, 8 - done);
			model_transmit(env->control->model);
		}
		sent += good;
		assert_int_equal(env->sent_count, sent);
	}
	assert_int_equal(queue_counters(env->tx).packets, sent);
	offload_env_stop(env);
}

/* proves: NET-14 NET-19 NET-21 NET-23 NET-25 NET-29 NET-34 NET-43 NET-53 */
static void not_negotiated(void **state)
{
	const int none[] = { -1 }, csum[] = { CSUM, -1 };
	static const uint8_t kinds[] = { 1, 3, 4, 5, 0x21, 0x44, 0x81, 0x80, 0x20, 2,
					 0xff };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct offload_env *env = offload_env_start(i ? csum : none, false);
		struct vionet_packet *p;

		for (size_t k = 0; k < sizeof(kinds); k++) {
			p = frame_packet(env, &(struct frame_spec){ .payload = 1000,
							.udp = kinds[k] == 5 });
			assert_int_equal(vionet_packet_checksum_partial(p), 0);
			p->gso_type = kinds[k];
			p->gso_size = 500;
			expect_refused(env, p);
		}
		for (unsigned int flag = 4; flag < 256; flag *= 2) {
			p = frame_packet(env, &(struct frame_spec){ .payload = 60 });
			p->flags = (uint8_t)flag;
			expect_refused(env, p);
		}
		p = frame_packet(env, &(struct frame_spec){ .payload = 60 });
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		if (i)
			expect_sent(env, p);
		else
			expect_refused(env, p);
		/* A received packet can be transmitted. */
		p = frame_packet(env, &(struct frame_spec){ .payload = 60 });
		p->flags = 2;
		p->hash_report = 3;
		expect_sent(env, p);
		expect_header(env, H(0));
		offload_env_stop(env);
	}
}

/* The header of a packet without offloads is all zero, whatever the last user left in it,
 * in single and in longer bursts. proves: NET-12 NET-13 NET-43 */
static void each_byte_of_the_header_is_cleared(void **state)
{
	const int basic[] = { -1 }, hash[] = { HASH_REPORT, -1 };
	const int tunnel[] = { EVERY_HOST, HOST_TUNNEL, -1 };
	const struct {
		const int *features;
		uint32_t size;
	} kinds[] = { { basic, 12 }, { hash, 20 }, { tunnel, 24 } };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct offload_env *env = offload_env_start(kinds[k].features, false);
		uint32_t size = env->control->device->header_size;

		assert_int_equal(size, kinds[k].size);
		for (uint32_t i = 0; i < 2 * size; i++) {
			static const uint8_t none[32];
			struct vionet_packet *p[2];
			uint32_t count = 1 + i % 2;

			for (uint32_t j = 0; j < count; j++) {
				p[j] = frame_packet(env, &(struct frame_spec){ .payload = 60 });
				memset(p[j]->data - size, 0, size);
				p[j]->data[(int)(i / 2) - (int)size] = 1;
			}
			assert_int_equal(vionet_queue_transmit(env->tx, p, count),
					 count);
			assert_memory_equal(env->sent, none, size);
			assert_int_equal(env->sent[size], 0x52);
		}
		offload_env_stop(env);
	}
}

/* ---- the helpers ---- */

static unsigned int sum(const uint8_t *at, uint32_t length, unsigned int more)
{
	for (uint32_t i = 0; i < length; i++)
		more += i % 2 ? at[i] : (unsigned int)at[i] << 8;
	while (more >> 16)
		more = (more & 0xffff) + (more >> 16);
	return more;
}

/* proves: NET-40 NET-41 */
static void sums_by_hand(void **state)
{
	const int features[] = { CSUM, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		struct frame_spec s = { .six = i & 1, .udp = i & 2,
				   .payload = i * 3, .piece = i & 4 ? 75 + i : 0 };
		unsigned int start = s.six ? 54 : 34, place = s.udp ? 6 : 16;
		unsigned int length = (s.udp ? 8 : 20) + s.payload, pseudo;
		struct vionet_packet *p = frame_packet(env, &s), *q;
		uint8_t whole[2000];
		uint32_t n = 0;

		pseudo = sum(p->data + (s.six ? 22 : 26), s.six ? 32 : 8,
			     length + (s.udp ? 17 : 6));
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(p->data[start + place] << 8 |
				 p->data[start + place + 1], pseudo);
		assert_int_equal(vionet_packet_checksum_complete(p), 0);
		assert_int_equal(p->flags, 0);
		for (q = p; q; n += q->length, q = q->next)
			memcpy(whole + n, q->data, q->length);
		assert_int_equal(sum(whole + start, length, pseudo), 0xffff);
		vionet_packet_free(&p, 1);
	}
	offload_env_stop(env);
}

/* The helpers leave alone what is not TCP or UDP, or has a wrong length. */
static void helpers_refuse(void **state)
{
	const int features[] = { CSUM, -1 };
	struct offload_env *env = offload_env_start(features, false);
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 11; i++) {
		struct frame_spec s = { .six = i >= 7, .udp = i == 6, .payload = 60 };
		struct vionet_packet *good = frame_packet(env, &s);
		uint8_t before[200];
		int result[2];

		p = frame_packet(env, &s);
		switch (i) {
		case 0: p->data[12] = 0x88; break;
		case 1: p->data[14] = 0x46; p->data[17] = 23; break;
		case 2: p->data[20] = 0x20; break; /* more fragments */
		case 3: p->data[21] = 1; break;
		case 4: p->data[23] = 1; break;
		case 5: p->length--; break;
		case 6: p->data[39]++; break; /* UDP's own length */
		case 7: p->data[20] = 43; break;
		case 8: p->data[19]++; break;
		case 9: p->data[20] = 0; p->data[55] = 255; break;
		case 10: p->length = 50; break;
		}
		memcpy(before, p->data, p->length);
		/* What was found of the last one, on the stack, does not count. */
		result[0] = vionet_packet_checksum_partial(good);
		result[1] = vionet_packet_checksum_partial(p);
		assert_int_equal(result[0], 0);
		assert_int_equal(result[1], -EINVAL);
		vionet_packet_free(&good, 1);
		assert_memory_equal(before, p->data, p->length);
		assert_int_equal(p->flags, 0);
		assert_int_equal(vionet_packet_segment(p, 100), -EINVAL);
		vionet_packet_free(&p, 1);
	}
	p = frame_packet(env, &(struct frame_spec){ .payload = 60 });
	for (uint32_t length = 0; length < 114; length++) {
		p->length = length;
		assert_int_equal(vionet_packet_checksum_partial(p), -EINVAL);
	}
	p->flags = 1;
	p->csum_start = 100;
	p->csum_offset = 12;
	assert_int_equal(vionet_packet_checksum_complete(p), -EINVAL);
	vionet_packet_free(&p, 1);
	offload_env_stop(env);
}

/* Places that are in no header, or behind the frame of 114 bytes. */
static void sums_that_make_no_sense(void **state)
{
	const int features[] = { CSUM, -1 };
	static const struct {
		uint16_t start, offset;
		bool sent;
	} rows[] = { { 13, 16, false }, { 14, 16, true }, { 100, 12, true }, { 100, 13, false }, { 65535, 0, false }, { 34, 65535, false } };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_packet *p = frame_packet(env, &(struct frame_spec){ .payload = 60 });

		p->flags = VIONET_PACKET_NEEDS_CSUM;
		p->csum_start = rows[i].start;
		p->csum_offset = rows[i].offset;
		(rows[i].sent ? expect_sent : expect_refused)(env, p);
	}
	offload_env_stop(env);
}

/* A page without access behind it. The headers say that there is more. */
static void helpers_read_nothing_behind_a_packet(void **state)
{
	const int features[] = { CSUM, -1 };
	static const struct {
		bool six;
		uint8_t next;
		uint32_t length;
	} rows[] = { { false, 6, 16 }, { false, 6, 33 }, { true, 6, 16 }, { true, 6, 53 }, { true, 0, 54 }, { true, 0, 62 } };
	struct offload_env *env = offload_env_start(features, false);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *end = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), whole[200];

	(void)state;
	assert_ptr_not_equal(end, MAP_FAILED);
	end += page;
	assert_int_equal(mprotect(end, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_packet packet = { .length = rows[i].length };

		frame_build(whole, &(struct frame_spec){ .six = rows[i].six, .payload = 60 });
		if (rows[i].six)
			whole[20] = rows[i].next;
		whole[54] = whole[55] = 0;
		packet.data = memcpy(end - rows[i].length, whole, rows[i].length);
		assert_int_equal(vionet_packet_checksum_partial(&packet), -EINVAL);
		assert_int_equal(packet.flags, 0);
	}
	munmap(end - page, 2 * page);
	offload_env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_checksum),
		cmocka_unit_test(transmit_mixed_bursts),
		cmocka_unit_test(not_negotiated),
		cmocka_unit_test(each_byte_of_the_header_is_cleared),
		cmocka_unit_test(sums_by_hand),
		cmocka_unit_test(helpers_refuse),
		cmocka_unit_test(helpers_read_nothing_behind_a_packet),
		cmocka_unit_test(sums_that_make_no_sense),
	};

	return run_for_each_layout(tests);
}
