/* SPDX-License-Identifier: BSD-3-Clause */
/* The software device as a vhost-user back end, with a front end that sends anything in any order. */
#include <endian.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/world.h"

const char *const fuzz_words[] = { "\x08\x00", "\x09\x01", "\x0f\x08", "\x28\x03", "\x1f", "\xff\xff", "\x0b\x02", NULL };

enum { SET_FEATURES = 2,
       SET_OWNER = 3,
       SET_MEM_TABLE = 5,
       SET_VRING_NUM = 8,
       SET_VRING_ADDR = 9,
       SET_VRING_BASE = 10,
       SET_VRING_KICK = 12,
       SET_VRING_CALL = 13,
       SET_PROTOCOL_FEATURES = 16,
       SET_VRING_ENABLE = 18,
       SET_STATUS = 39 };

#define PROTOCOL_FEATURES 30
#define USER 0x700000000000ull /* where the front end itself has its memory */

static void msg_begin(unsigned int request, unsigned int flags)
{
	hostile_message.size = 0;
	hostile_put(request, 4);
	hostile_put(flags, 4);
	hostile_put(0, 4);
}

static void msg_send(const int *fds, unsigned int count)
{
	uint32_t size = htole32((uint32_t)hostile_message.size - 12);

	memcpy(hostile_message.bytes + 8, &size, sizeof(size));
	hostile_send(hostile_message.bytes, hostile_message.size, fds, count);
}

/* ---- right ones ---- */

static void do_word(unsigned int request, uint64_t value)
{
	msg_begin(request, 1);
	hostile_put(value, 8);
	msg_send(NULL, 0);
}

static void do_vring(unsigned int request, unsigned int q, unsigned int value)
{
	msg_begin(request, 1);
	hostile_put(q, 4);
	hostile_put(value, 4);
	msg_send(NULL, 0);
}

static void do_table(unsigned int regions)
{
	const int fds[8] = { hostile.memory, hostile.memory, hostile.memory, hostile.memory, hostile.memory, hostile.memory, hostile.memory, hostile.memory };

	msg_begin(SET_MEM_TABLE, 1);
	hostile_put(regions, 4);
	hostile_put(0, 4);
	for (unsigned int i = 0; i < regions; i++) {
		uint64_t size = HOSTILE_MEMORY / regions & ~0xfffull, at = size * i;

		hostile_put(HOSTILE_IOVA + at, 8);
		hostile_put(size, 8);
		hostile_put(USER + at, 8);
		hostile_put(at, 8);
	}
	msg_send(fds, regions);
}

static void do_queue(unsigned int q)
{
	uint64_t at = USER + HOSTILE_RING(q);

	do_vring(SET_VRING_NUM, q, HOSTILE_SIZE);
	do_vring(SET_VRING_BASE, q, hostile.features[4] & 4 ? 0x80008000u : 0);
	msg_begin(SET_VRING_ADDR, 1);
	hostile_put(q, 4);
	hostile_put(0, 4);
	hostile_put(at, 8);
	hostile_put(at + 0x2000, 8);
	hostile_put(at + 0x1000, 8);
	hostile_put(0, 8);
	msg_send(NULL, 0);
	msg_begin(SET_VRING_CALL, 1);
	hostile_put(q, 8);
	msg_send(&hostile.event[0], 1);
	msg_begin(SET_VRING_KICK, 1);
	hostile_put(q, 8);
	msg_send(&hostile.event[q], 1);
	do_vring(SET_VRING_ENABLE, q, 1);
}

static void do_begin(unsigned int queues)
{
	uint64_t features;

	memcpy(&features, hostile.features, sizeof(features));
	features |= htole64(1ull << PROTOCOL_FEATURES);
	do_word(SET_PROTOCOL_FEATURES, 0x1a229 & ~(uint64_t)fuzz_take8());
	msg_begin(SET_OWNER, 1);
	msg_send(NULL, 0);
	do_word(SET_FEATURES, le64toh(features));
	for (unsigned int q = 0; q < queues; q++)
		do_queue(q);
	do_word(SET_STATUS, 15);
}

/* ---- anything ---- */

static void do_any(unsigned int what)
{
	unsigned int request = fuzz_take8(), fds = fuzz_take8();
	size_t size = fuzz_take8();

	msg_begin(request % 44, 1 | (what & 0x10 ? 8 : 0) | (what & 0x20 ? fuzz_take8() : 0));
	hostile_message.size += fuzz_take_bytes(hostile_message.bytes + hostile_message.size, size);
	if (what & 0x40) { /* its size is another one */
		(void)fuzz_take_bytes(hostile_message.bytes + 8, 1 + (fds >> 6));
		hostile_send(hostile_message.bytes, hostile_message.size, hostile.event, fds % 6);
		return;
	}
	msg_send(fds & 0x20 ? &hostile.memory : hostile.event, fds & 0x20 ? 1 : fds % 6);
}

static void step(unsigned int what)
{
	unsigned int more = what >> 4;

	switch (what & 7) {
	case 0:
	case 1:
		do_table(1 + (more & 1));
		do_begin(1 + more % HOSTILE_QUEUES);
		break;
	case 2:
		do_table(more & 7);
		break;
	case 3:
		do_queue(more % HOSTILE_QUEUES);
		break;
	case 4:
		do_vring(SET_VRING_NUM + (more & 3), fuzz_take8() & 7, fuzz_take16());
		break;
	case 5:
		do_vring(SET_VRING_ENABLE, more & 7, more >> 3);
		break;
	default:
		do_any(what);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	hostile_run(bytes, size, &vhost_user_transport, "--vhost-user", step);
	return 0;
}
