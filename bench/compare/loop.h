/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop that both drivers are measured with, and their command line. Included once, by
 * a program that defines before it:
 *
 *   packet                                 its type of a packet
 *   driver_open(), driver_close()          from nothing to a started device
 *   driver_alloc(packets, n)               n packets of 64 bytes, ready to be sent; all or 0
 *   driver_transmit, driver_receive        one burst of a queue; the measured calls
 *   driver_frame(packet)                   its first byte
 *   driver_free(packets, n)
 *   driver_wait(armed)                     sleep until the receive queue interrupts
 *   driver_kicks()                         notifications so far, or -1 if it does not count
 *
 * Orders come on standard input, a line each; one line of JSON answers:
 *
 *   run DIRECTION BURST MS                 tx, rx, forward; read: as rx, and reads the
 *                                          first 16 bytes of each frame, prefetched
 *   count DIRECTION BURST PACKETS          instructions; receiving includes giving the
 *                                          packets back
 *   latency poll|interrupt ROUNDS          one packet out, one back, in nanoseconds
 */
#ifndef VIONET_BENCH_LOOP_H
#define VIONET_BENCH_LOOP_H

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench/compare/stepping.h"

enum { TX,
       RX,
       FORWARD,
       READ,
       DIRECTIONS };
enum { BURST_MAX = 256, FRAME = 64 };

static const char *const direction_names[] = { "tx", "rx", "forward", "read" };

/* A longer burst was interrupted: 100 us at 2.6 GHz. */
#define INTERRUPTED 260000u

static struct {
	const char *socket;
	bool packed, in_order, event_idx, vectorised, mergeable, interrupts;
	uint32_t size, queues;
	int cpu;
} o = { .size = 256, .queues = 1, .cpu = 0 };

static int driver_open(void);
static void driver_close(void);
static uint32_t driver_alloc(packet **packets, uint32_t count);
static inline uint32_t driver_transmit(uint32_t queue, packet **packets, uint32_t count);
static inline uint32_t driver_receive(uint32_t queue, packet **packets, uint32_t max);
static inline const uint8_t *driver_frame(const packet *p);
static void driver_free(packet **packets, uint32_t count);
static int driver_wait(void);
static int64_t driver_kicks(void);

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Of this process, in KiB. */
static long resident(void)
{
	char line[128];
	long value = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &value) == 1)
			break;
	if (f)
		fclose(f);
	return value;
}

static bool only_receives(int direction)
{
	return direction == RX || direction == READ;
}

/* ---- one burst ---- */

static packet *held[BURST_MAX];
static uint32_t holding; /* packets that are filled and not sent yet */
static uint32_t turn;	 /* queue, in turn */

static void prepare(int direction, uint32_t burst)
{
	if (direction == TX && holding < burst)
		holding += driver_alloc(held + holding, burst - holding);
}

/* What any receiver does: the lines of frames come from the core that wrote them. */
static inline void read_frames(uint32_t n)
{
	uint64_t word;

	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(driver_frame(held[i]));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t at = 0; at < 16; at += sizeof(word)) {
			memcpy(&word, driver_frame(held[i]) + at, sizeof(word));
			__asm__ __volatile__(""
					     :
					     : "r"(word));
		}
}

/* The measured part. */
static inline __attribute__((always_inline)) uint32_t move(int direction, uint32_t burst)
{
	uint32_t n;

	if (direction == TX)
		return driver_transmit(turn, held, holding);
	n = driver_receive(turn, held, burst);
	if (direction == READ)
		read_frames(n);
	if (direction != FORWARD)
		return n;
	holding = n;
	return n ? driver_transmit(turn, held, n) : 0;
}

static void finish(int direction, uint32_t n)
{
	if (only_receives(direction)) {
		driver_free(held, n);
	} else if (direction == FORWARD) {
		driver_free(held + n, holding - n);
		holding = 0;
	} else {
		holding -= n;
		memmove(held, held + n, holding * sizeof(held[0]));
	}
	if (++turn >= o.queues)
		turn = 0;
}

/* Left-over transmitted packets do not count for the other direction. */
static void leave(int direction)
{
	if (direction == TX)
		driver_free(held, holding);
	holding = 0;
}

/* ---- cycles ---- */

/* The median cost of reading the counter twice. */
static uint64_t tsc_overhead(void)
{
	static uint32_t seen[1024];
	uint32_t below = 0, value = 0;

	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 10000; i++) {
		uint64_t from = __rdtsc(), took;

		took = __rdtsc() - from;
		seen[took < 1023 ? took : 1023]++;
	}
	while ((below += seen[value]) < 5000)
		value++;
	return value;
}

static uint32_t spread[1u << 16]; /* full bursts, by cycles */

static double typical(uint64_t bursts, uint32_t burst)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < 1u << 16; i++) {
		seen += spread[i];
		if (bursts && 2 * seen > bursts)
			return (double)i / burst;
	}
	return 0;
}

static void run(int direction, uint32_t burst, uint32_t ms)
{
	uint64_t overhead = tsc_overhead(), cycles = 0, packets = 0, bursts = 0;
	uint64_t full = 0, interrupted = 0, empty = 0, moved = 0, now = 0, begin = 0;
	uint64_t start = nanoseconds(), counting = start + ms * 100000ull;
	uint64_t end = counting + ms * 1000000ull;
	int64_t kicks = driver_kicks();

	memset(spread, 0, sizeof(spread));
	/* The first tenth warms up. */
	for (uint64_t i = 0; (i & 0xff) != 0 || (now = nanoseconds()) < end; i++) {
		uint64_t from, took;
		uint32_t n;

		prepare(direction, burst);
		from = __rdtsc();
		n = move(direction, burst);
		took = __rdtsc() - from;
		finish(direction, n);
		if (now < counting)
			continue;
		if (n == 0) {
			empty++;
			continue;
		}
		if (begin == 0)
			begin = now;
		moved += n;
		if (took > INTERRUPTED) {
			interrupted++;
			continue;
		}
		took = took > overhead ? took - overhead : 0;
		cycles += took;
		packets += n;
		bursts++;
		if (n == burst) {
			full++;
			spread[took < 0xffff ? took : 0xffff]++;
		}
	}
	leave(direction);
	printf("{\"direction\": \"%s\", \"burst\": %u, \"mpps\": %.4f, \"cycles\": %.3f, "
	       "\"typical\": %.3f, \"average_burst\": %.2f, \"bursts\": %llu, "
	       "\"interrupted\": %llu, \"empty\": %llu, \"moved\": %llu, \"kicks\": %lld}\n",
	       direction_names[direction], burst,
	       begin ? (double)moved * 1e3 / (double)(now - begin) : 0,
	       packets ? (double)cycles / (double)packets : 0, typical(full, burst),
	       bursts ? (double)packets / (double)bursts : 0, (unsigned long long)bursts,
	       (unsigned long long)interrupted, (unsigned long long)empty,
	       (unsigned long long)moved,
	       kicks < 0 ? -1ll : (long long)(driver_kicks() - kicks));
}

/* ---- instructions ---- */

/* Full bursts. Both directions include the return of packets to their pool. */
static void count(int direction, uint32_t burst, uint32_t packets)
{
	uint64_t instructions = 0, moved = 0, short_ones = 0, overhead = stepping_open();
	uint32_t warm_up = 2 * o.size;

	/* Stop with a driver that does not move bursts of this size. */
	for (uint64_t total = 0, calls = 0; moved < packets && calls < 1u << 15; calls++) {
		bool counted = total >= warm_up;
		uint32_t n;

		prepare(direction, burst);
		usleep(counted ? 100 : 0); /* the device's time */
		if (!counted) {
			n = move(direction, burst);
			total += n;
			finish(direction, n);
			continue;
		}
		stepping_count = 0;
		stepping_begin();
		n = move(direction, burst);
		if (only_receives(direction))
			driver_free(held, n);
		stepping_end();
		if (n == burst) {
			moved += n;
			instructions += stepping_count - overhead;
		} else {
			short_ones++;
		}
		finish(direction, only_receives(direction) ? 0 : n);
	}
	leave(direction);
	printf("{\"direction\": \"%s\", \"burst\": %u, \"instructions\": %.3f, \"short\": %llu}\n",
	       direction_names[direction], burst,
	       moved ? (double)instructions / (double)moved : 0,
	       (unsigned long long)short_ones);
}

/* ---- latency ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool round_trip(bool sleeps, uint64_t *took)
{
	uint64_t begin, end;

	holding = driver_alloc(held, 1);
	begin = nanoseconds();
	end = begin + 1000000000u;
	if (holding == 0 || driver_transmit(0, held, 1) == 0)
		return false;
	while (driver_receive(0, held, 1) == 0) {
		if (sleeps && driver_wait() < 0)
			return false;
		if (nanoseconds() > end)
			return false;
	}
	*took = nanoseconds() - begin;
	driver_free(held, 1);
	holding = 0;
	return true;
}

static void latency(bool sleeps, uint32_t rounds)
{
	uint64_t *took = calloc(rounds, sizeof(*took));
	uint64_t end = nanoseconds() + 10000000000u;
	uint32_t done = 0;

	while (took && driver_receive(0, held, 1)) /* left from before */
		driver_free(held, 1);
	for (uint32_t i = 0; took && i < rounds / 10; i++)
		if (!round_trip(sleeps, &took[0]))
			break;
	while (took && done < rounds && nanoseconds() < end &&
	       round_trip(sleeps, &took[done]))
		done++;
	if (done)
		qsort(took, done, sizeof(*took), by_value);
	printf("{\"rounds\": %u, \"p50\": %llu, \"p99\": %llu, \"p999\": %llu}\n", done,
	       done ? (unsigned long long)took[done / 2] : 0,
	       done ? (unsigned long long)took[(uint64_t)done * 99 / 100] : 0,
	       done ? (unsigned long long)took[(uint64_t)done * 999 / 1000] : 0);
	free(took);
}

/* ---- commands ---- */

static int direction_of(const char *name)
{
	for (int d = 0; d < DIRECTIONS; d++)
		if (strcmp(name, direction_names[d]) == 0)
			return d;
	return -1;
}

static void obey(const char *line)
{
	char name[16];
	uint32_t burst, amount;
	int direction;

	if (sscanf(line, "latency %15s %u", name, &amount) == 2) {
		latency(strcmp(name, "interrupt") == 0, amount);
	} else if (sscanf(line, "run %15s %u %u", name, &burst, &amount) == 3 &&
		   (direction = direction_of(name)) >= 0 && burst > 0 && burst <= BURST_MAX) {
		run(direction, burst, amount);
	} else if (sscanf(line, "count %15s %u %u", name, &burst, &amount) == 3 &&
		   (direction = direction_of(name)) >= 0 && burst > 0 && burst <= BURST_MAX) {
		count(direction, burst, amount);
	} else {
		printf("{\"error\": \"not understood\"}\n");
	}
	fflush(stdout);
}

/* The open ends with the first packet that the device completed. */
static int first_packet(void)
{
	uint64_t end = nanoseconds() + 1000000000u;

	do {
		holding = driver_alloc(held, 1);
		if (holding && driver_transmit(0, held, 1) == 1) {
			holding = 0;
			return 0;
		}
		driver_free(held, holding);
	} while (nanoseconds() < end);
	return -1;
}

static int serve(void)
{
	uint64_t begin = nanoseconds(), opened;
	char line[128];

	if (driver_open())
		return 1;
	pin(o.cpu);
	if (first_packet()) {
		fprintf(stderr, "bench: the first packet was not taken\n");
		return 1;
	}
	opened = nanoseconds();
	printf("{\"open_ms\": %.3f, \"resident_kib\": %ld, \"tsc_overhead\": %llu}\n",
	       (double)(opened - begin) / 1e6, resident(),
	       (unsigned long long)tsc_overhead());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	driver_close();
	return 0;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "packed", no_argument, NULL, 'p' },
		{ "in-order", no_argument, NULL, 'i' },
		{ "event-idx", no_argument, NULL, 'e' },
		{ "vectorised", no_argument, NULL, 'v' },
		{ "mergeable", no_argument, NULL, 'm' },
		{ "interrupts", no_argument, NULL, 'I' },
		{ "size", required_argument, NULL, 'n' },
		{ "queues", required_argument, NULL, 'q' },
		{ "cpu", required_argument, NULL, 'C' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': o.socket = optarg; break;
		case 'p': o.packed = true; break;
		case 'i': o.in_order = true; break;
		case 'e': o.event_idx = true; break;
		case 'v': o.vectorised = true; break;
		case 'm': o.mergeable = true; break;
		case 'I': o.interrupts = true; break;
		case 'n': o.size = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'q': o.queues = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'C': o.cpu = atoi(optarg); break;
		default: exit(2);
		}
	}
	if (!o.socket || o.size < 2 || o.size > 32768 || o.queues < 1 || o.queues > 16) {
		fprintf(stderr, "bench: --socket is missing, or a number is out of range\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	return serve();
}

#endif
