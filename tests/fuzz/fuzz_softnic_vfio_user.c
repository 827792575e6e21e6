/* SPDX-License-Identifier: BSD-3-Clause */
/* The software device as a vfio-user server, with a client that sends anything in any order. */
#include <endian.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/world.h"

const char *const fuzz_words[] = { "\x08\x00", "\x0a\x04", "\x0e", "\x01\x01", "\x28\x03", "\x1f", "\xff\xff", "\x0f", NULL };

enum { VERSION = 1,
       DMA_MAP = 2,
       DMA_UNMAP = 3,
       SET_IRQS = 8,
       REGION_READ = 9,
       REGION_WRITE = 10 };
enum { BAR = 4,
       CONFIG_REGION = 7,
       NOTIFY = 0x4000 };

static void msg_begin(unsigned int command)
{
	hostile_message.size = 0;
	hostile_put(1, 2);
	hostile_put(command, 2);
	hostile_put(0, 4);
	hostile_put(0, 4);
	hostile_put(0, 4);
}

static void msg_send(const int *fds, unsigned int count)
{
	uint32_t size = htole32((uint32_t)hostile_message.size);

	memcpy(hostile_message.bytes + 4, &size, sizeof(size));
	hostile_send(hostile_message.bytes, hostile_message.size, fds, count);
}

/* ---- right ones ---- */

static void do_version(void)
{
	static const char text[] = "{\"capabilities\":{\"max_msg_fds\":8}}";

	msg_begin(VERSION);
	hostile_put(1u << 16, 4);
	memcpy(hostile_message.bytes + hostile_message.size, text, sizeof(text));
	hostile_message.size += sizeof(text);
	msg_send(NULL, 0);
}

static void do_map(uint64_t offset, uint64_t iova, uint64_t size, unsigned int flags, bool with_file)
{
	msg_begin(DMA_MAP);
	hostile_put(32, 4);
	hostile_put(flags, 4);
	hostile_put(offset, 8);
	hostile_put(iova, 8);
	hostile_put(size, 8);
	msg_send(&hostile.memory, with_file);
}

static void do_write(unsigned int region, uint64_t offset, uint64_t value, unsigned int size)
{
	msg_begin(REGION_WRITE);
	hostile_put(offset, 8);
	hostile_put(region, 4);
	hostile_put(size, 4);
	hostile_put(value, size & 15);
	msg_send(NULL, 0);
}

static void do_read(unsigned int region, uint64_t offset, unsigned int size)
{
	msg_begin(REGION_READ);
	hostile_put(offset, 8);
	hostile_put(region, 4);
	hostile_put(size, 4);
	msg_send(NULL, 0);
}

static void do_irqs(unsigned int index, unsigned int start, unsigned int count, unsigned int flags, unsigned int fds)
{
	msg_begin(SET_IRQS);
	hostile_put(20, 4);
	hostile_put(flags, 4);
	hostile_put(index, 4);
	hostile_put(start, 4);
	hostile_put(count, 4);
	msg_send(hostile.event, fds % (HOSTILE_QUEUES + 1));
}

static void do_queue(unsigned int q)
{
	uint64_t at = HOSTILE_IOVA + HOSTILE_RING(q);

	do_write(BAR, 22, q, 2);
	do_write(BAR, 24, HOSTILE_SIZE, 2);
	do_write(BAR, 26, 1, 2);
	do_write(BAR, 32, at, 8);
	do_write(BAR, 40, at + 0x1000, 8);
	do_write(BAR, 48, at + 0x2000, 8);
	do_write(BAR, 28, 1, 2);
}

/* As a driver does it. */
static void do_begin(unsigned int queues)
{
	uint32_t word;

	do_write(CONFIG_REGION, 4, 6, 2);
	for (unsigned int status = 0; status < 4; status = status * 2 + 1)
		do_write(BAR, 20, status, 1);
	for (unsigned int i = 0; i < 4; i++) {
		memcpy(&word, hostile.features + 4 * i, sizeof(word));
		do_write(BAR, 8, i, 4);
		do_write(BAR, 12, word, 4);
	}
	do_write(BAR, 20, 11, 1);
	for (unsigned int q = 0; q < queues; q++)
		do_queue(q);
	do_write(BAR, 20, 15, 1);
}

/* ---- anything ---- */

static void do_any(void)
{
	static const uint8_t commands[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 0 };
	unsigned int what = fuzz_take8(), fds = fuzz_take8();
	size_t size = fuzz_take8();

	msg_begin(what & 0x80 ? fuzz_take16() : commands[what % sizeof(commands)]);
	hostile_message.size += fuzz_take_bytes(hostile_message.bytes + hostile_message.size, size);
	if (what & 0x40) { /* its size is another one */
		(void)fuzz_take_bytes(hostile_message.bytes + 4, 1 + (fds >> 6));
		hostile_send(hostile_message.bytes, hostile_message.size, hostile.event, fds % 6);
		return;
	}
	msg_send(fds & 0x20 ? &hostile.memory : hostile.event, fds & 0x20 ? 1 : fds % 6);
}

static void do_register(unsigned int what)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	unsigned int region = what & 0x10 ? CONFIG_REGION : BAR, size = sizes[what >> 5 & 3];
	uint64_t offset = fuzz_take8();

	if (what & 0x80)
		offset |= (uint64_t)fuzz_take8() << 8;
	if (fuzz_take8() & 1)
		do_read(region, offset, size);
	else
		do_write(region, offset, fuzz_take64(), size);
}

static void step(unsigned int what)
{
	switch (what & 7) {
	case 0:
		do_version();
		do_map(0, HOSTILE_IOVA, HOSTILE_MEMORY, 3, true);
		do_begin(1 + (what >> 4) % HOSTILE_QUEUES);
		break;
	case 1:
		do_begin(1 + (what >> 4) % HOSTILE_QUEUES);
		break;
	case 2:
		do_map((uint64_t)fuzz_take8() << 12, (uint64_t)fuzz_take16() << 12, (uint64_t)fuzz_take8() << 12, what >> 4 & 3, (what & 0x40) != 0);
		break;
	case 3:
		do_write(BAR, NOTIFY + 4 * (uint64_t)(what >> 4 & 7), what >> 4 & 7, 2);
		break;
	case 4:
		do_irqs(fuzz_take8() & 7, fuzz_take8() & 3, fuzz_take8() & 15, fuzz_take8(), what >> 4);
		break;
	case 5:
	case 6:
		do_register(what);
		break;
	default:
		do_any();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	hostile_run(bytes, size, &vfio_user_transport, NULL, step);
	return 0;
}
