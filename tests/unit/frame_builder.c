/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/frame_builder.h"

uint32_t frame_build(uint8_t *at, const struct frame_spec *s)
{
	uint32_t head = s->udp ? 8 : 20, n = 14;
	uint32_t length = head + s->payload;

	memset(at, 0, 100);
	memcpy(at, "\x52\x54\0\xaa\xbb\xcc\x52\x54\0\1\2\3", 12);
	if (s->tag) {
		memcpy(at + 12, "\x81\0\0\7", 4);
		n = 18;
	}
	memcpy(at + n - 2, s->six ? "\x86\xdd" : "\x08\0", 2);
	if (s->six) {
		at[n] = 0x60;
		at[n + 4] = (uint8_t)(length >> 8);
		at[n + 5] = (uint8_t)length;
		at[n + 6] = s->udp ? 17 : 6;
		at[n + 8] = at[n + 24] = 0xfd;
		at[n + 23] = 1;
		at[n + 39] = 2;
		n += 40;
	} else {
		at[n] = 0x45;
		at[n + 2] = (uint8_t)((length + 20) >> 8);
		at[n + 3] = (uint8_t)(length + 20);
		at[n + 9] = s->udp ? 17 : 6;
		memcpy(at + n + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
		n += 20;
	}
	at[n] = at[n + 2] = 0x12;
	if (s->udp) {
		at[n + 4] = (uint8_t)(length >> 8);
		at[n + 5] = (uint8_t)length;
	} else {
		at[n + 12] = 0x50;
		at[n + 13] = s->cwr ? 0x90 : 0x10;
	}
	n += head;
	for (uint32_t i = 0; i < s->payload; i++)
		at[n + i] = (uint8_t)(i * 7 + (i >> 8));
	return n + s->payload;
}

struct vionet_packet *frame_packet(struct offload_env *env, const struct frame_spec *s)
{
	static uint8_t frame[70000];
	struct vionet_packet *first = NULL, **link = &first, *p;
	uint32_t length = frame_build(frame, s), piece = s->piece ? s->piece : length;

	for (uint32_t done = 0; done < length; done += p->length) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(env->tx), &p, 1),
				 1);
		p->length = length - done < piece ? length - done : piece;
		memcpy(p->data, frame + done, p->length);
		*link = p;
		link = &p->next;
	}
	return first;
}

void expect_sent(struct offload_env *env, struct vionet_packet *p)
{
	unsigned int before = env->sent_count;
	uint64_t invalid = queue_counters(env->tx).invalid;

	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	assert_int_equal(queue_counters(env->tx).invalid, invalid);
	assert_int_equal(env->sent_count, before + 1);
	assert_int_equal(le16_get(env->sent + 10), 0); /* num_buffers */
}

void expect_refused(struct offload_env *env, struct vionet_packet *p)
{
	unsigned int before = env->sent_count;
	uint64_t invalid = queue_counters(env->tx).invalid;
	uint32_t left;

	(void)vionet_queue_reclaim(env->tx);
	left = vionet_pool_available(p->pool);
	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	assert_int_equal(queue_counters(env->tx).invalid, invalid + 1);
	assert_int_equal(env->sent_count, before);
	assert_true(vionet_pool_available(vionet_queue_pool(env->tx)) > left);
}

void expect_header(const struct offload_env *env, const struct header *want)
{
	const uint8_t *at = env->sent;

	assert_int_equal(at[0], want->flags);
	assert_int_equal(at[1], want->gso_type);
	assert_int_equal(le16_get(at + 2), want->hdr_len);
	assert_int_equal(le16_get(at + 4), want->gso_size);
	assert_int_equal(le16_get(at + 6), want->start);
	assert_int_equal(le16_get(at + 8), want->offset);
}
