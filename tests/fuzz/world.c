/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/fuzz/hooks.h"
#include "tests/fuzz/world.h"

#define READS_MAX 1000000u
#define TICK 1000u /* what a look at the clock takes */

uint64_t vn_now(void);
uint64_t vn_now_coarse(void);
void vn_sleep(uint64_t nanoseconds);

static struct {
	const uint8_t *at, *end;
	uint64_t now;
	uint64_t began, limit;
	unsigned int reads;
	struct {
		unsigned int after, count, kind;
	} lie;
	bool lied;
	bool inside; /* fuzz_meanwhile */
	unsigned int aside;
} world;

void (*fuzz_meanwhile)(void);
int (*fuzz_ready)(int fd, short events);
int (*fuzz_poll)(struct pollfd *fds, unsigned long count);

void fuzz_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}

void fuzz_world_begin(const uint8_t *bytes, size_t size)
{
	memset(&world, 0, sizeof(world));
	world.at = bytes;
	world.end = bytes + size;
	world.now = 1000000000;
	world.limit = UINT64_MAX;
	fuzz_meanwhile = NULL;
}

/* ---- the input ---- */

bool fuzz_more(void)
{
	return world.at < world.end;
}

uint8_t fuzz_take8(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

size_t fuzz_take_bytes(void *to, size_t room)
{
	size_t left = (size_t)(world.end - world.at);

	if (left < room)
		room = left;
	if (room != 0)
		memcpy(to, world.at, room);
	world.at += room;
	return room;
}

uint16_t fuzz_take16(void)
{
	uint16_t value = 0;

	fuzz_take_bytes(&value, sizeof(value));
	return le16toh(value);
}

uint32_t fuzz_take32(void)
{
	uint32_t value = 0;

	fuzz_take_bytes(&value, sizeof(value));
	return le32toh(value);
}

uint64_t fuzz_take64(void)
{
	uint64_t value = 0;

	fuzz_take_bytes(&value, sizeof(value));
	return le64toh(value);
}

uint32_t fuzz_take_below(uint32_t limit)
{
	return (limit > 256 ? fuzz_take16() : fuzz_take8()) % limit;
}

/* ---- time ---- */

void fuzz_pass(uint64_t nanoseconds)
{
	world.now += nanoseconds;
	FUZZ_CHECK(world.now - world.began <= world.limit);
	if (!fuzz_meanwhile || world.inside)
		return;
	world.inside = true;
	fuzz_meanwhile();
	world.inside = false;
}

uint64_t vn_now(void)
{
	fuzz_pass(TICK);
	return world.now;
}

uint64_t vn_now_coarse(void)
{
	return vn_now();
}

void vn_sleep(uint64_t nanoseconds)
{
	fuzz_pass(nanoseconds);
}

void fuzz_call_begin(uint64_t limit)
{
	world.began = world.now;
	world.limit = limit;
	world.reads = 0;
}

void fuzz_call_end(void)
{
	FUZZ_CHECK(world.now - world.began <= world.limit);
	world.limit = UINT64_MAX;
}

bool fuzz_in_call(void)
{
	return world.limit != UINT64_MAX && !world.inside && world.aside == 0;
}

void fuzz_aside_begin(void)
{
	world.aside++;
}

void fuzz_aside_end(void)
{
	world.aside--;
}

/* What waits for descriptors looks once; if there is nothing, that time is over. The linker gives the driver these
 * (--wrap). */
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);

static int world_ready(struct pollfd *fds, nfds_t count)
{
	const struct timespec none = { 0, 0 };
	int ready = 0;

	for (nfds_t i = 0; fuzz_ready && i < count; i++) {
		int events = fuzz_ready(fds[i].fd, fds[i].events);

		if (events < 0)
			return __real_ppoll(fds, count, &none, NULL);
		fds[i].revents = (short)events;
		ready += events != 0;
	}
	return fuzz_ready ? ready : __real_ppoll(fds, count, &none, NULL);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	int ready;

	(void)mask;
	fuzz_pass(TICK);
	if (fuzz_poll)
		return fuzz_poll(fds, count);
	ready = world_ready(fds, count);
	if (ready == 0 && timeout)
		fuzz_pass((uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec);
	FUZZ_CHECK(ready != 0 || timeout); /* for ever */
	return ready;
}

/* ---- words of a device ---- */

void fuzz_lie(unsigned int after, unsigned int count, unsigned int kind)
{
	world.lie.after = after;
	world.lie.count = count;
	world.lie.kind = kind;
}

bool fuzz_has_lied(void)
{
	return world.lied;
}

static uint64_t world_lie(uint64_t value, unsigned int bytes)
{
	uint64_t other = 0;

	world.lie.count--;
	world.lied = true;
	switch (world.lie.kind & 7) {
	case 0:
		return value ^ 1ull << fuzz_take8() % (8 * bytes);
	case 1:
		return value + fuzz_take8();
	case 2:
		return value - fuzz_take8();
	case 3:
		return UINT64_MAX;
	case 4:
		return 0;
	case 5:
		return value ^ (uint64_t)fuzz_take16() << 8 * (bytes > 2 ? fuzz_take8() % (bytes - 1) : 0);
	default:
		fuzz_take_bytes(&other, bytes);
		return le64toh(other);
	}
}

uint64_t fuzz_device_value(uint64_t value, unsigned int bytes)
{
	FUZZ_CHECK(++world.reads < READS_MAX);
	if (world.lie.count == 0)
		return value;
	if (world.lie.after != 0) {
		world.lie.after--;
		return value;
	}
	return world_lie(value, bytes);
}
