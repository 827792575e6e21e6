/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs in the driver: cycles against a device on another core that
 * copies nothing, and instructions, counted one by one.
 *
 *   bench_ring [--cycles | --instructions | --bare] [options]
 *
 *   --cycles         time stamp counter cycles a packet: the median burst, and the mean of
 *                    all that moved packets; median of the runs (default)
 *   --instructions   user instructions a packet, counted by single-stepping
 *   --addresses      as --instructions, and the address of each on standard output: what
 *                    bench/steps makes a table of
 *   --bare           two cores, a ring of 64-byte payloads and nothing else
 *   --layout NAME    split, split-in-order, packed, packed-in-order; default: all
 *   --direction D    tx, rx, forward; default: all
 *   --size N         entries of the queues; default 256
 *   --burst N        packets a call; default 32
 *   --mergeable      negotiate MRG_RXBUF; the device then writes headers
 *   --offloads       negotiate CSUM, HOST_TSO4 and GUEST_CSUM; no packet asks for anything
 *   --touch          the device writes header and frame
 *   --event          negotiate EVENT_IDX
 *   --near           cycles with the device's turns in the driver's thread: no line of
 *                    memory goes from one core to another
 *   --runs N         default 5         --ms N   of each run; default 300
 */
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/ring/transport.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#define NOW() __rdtsc()
#define MARK() __asm__ __volatile__("int3")
#else
#error "the benchmark counts x86-64 cycles"
#endif

#define BURST_MAX 256u

static const struct layout {
	const char *name;
	uint64_t features;
} layouts[] = {
	{ "split", 0 },
	{ "split-in-order", 1ull << 35 },
	{ "packed", 1ull << 34 },
	{ "packed-in-order", 1ull << 34 | 1ull << 35 },
};

static const char *const directions[] = { "tx", "rx", "forward" };
enum direction { TX, RX, FORWARD };

static struct {
	const char *layout, *direction;
	uint32_t size, burst;
	unsigned int runs, ms;
	bool mergeable, offloads, touch, event, near, instructions, addresses,
		bare;
} o = { .size = 256, .burst = 32, .runs = 5, .ms = 300 };

/* ---- the two sides ---- */

struct work {
	struct bench_device d;
	enum direction direction;
	bool stop;
};

static uint32_t device_once(struct work *w, uint32_t max)
{
	uint32_t done = 0;

	if (w->direction != RX)
		done += device_ring_sink(&w->d.queue[1], max);
	if (w->direction != TX)
		done += device_ring_source(&w->d.queue[0], max);
	return done;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void *device_thread(void *argument)
{
	struct work *w = argument;

	pin(1);
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		if (device_once(w, 32) == 0)
			__asm__ __volatile__("pause");
	return NULL;
}

static void start_work(struct work *w, const struct layout *layout,
		       enum direction direction)
{
	uint64_t features = layout->features | (o.event ? 1ull << 29 : 0) |
			    (o.mergeable ? 1ull << 15 : 0) |
			    (o.offloads ? 1ull | 1ull << 11 | 1ull << 1 : 0);
	enum touch touch = o.touch ? TOUCH_FRAME :
			   o.mergeable ? TOUCH_HEADER : TOUCH_NOTHING;

	w->direction = direction;
	w->stop = false;
	bench_device_start(&w->d, features, o.size, 2 * o.size + 4 * o.burst,
			   touch, 64);
}

/* ---- one burst of the driver ---- */

struct burst {
	struct vionet_packet *packet[BURST_MAX];
	uint32_t held; /* packets that are filled and not sent yet */
};

static void prepare(struct work *w, struct burst *b)
{
	uint32_t got;

	if (w->direction != TX)
		return;
	got = vionet_packet_alloc(vionet_queue_pool(w->d.tx),
				  b->packet + b->held, o.burst - b->held);
	for (uint32_t i = 0; i < got; i++)
		b->packet[b->held + i]->length = 64;
	b->held += got;
}

/* The measured part. Returns the packets that moved. */
static inline uint32_t move(struct work *w, struct burst *b)
{
	uint32_t n;

	switch (w->direction) {
	case TX:
		n = vionet_queue_transmit(w->d.tx, b->packet, b->held);
		break;
	case RX:
		n = vionet_queue_receive(w->d.rx, b->packet, o.burst);
		break;
	default:
		n = vionet_queue_receive(w->d.rx, b->packet, o.burst);
		b->held = n;
		if (n != 0)
			n = vionet_queue_transmit(w->d.tx, b->packet, n);
		break;
	}
	return n;
}

static void finish(struct work *w, struct burst *b, uint32_t n)
{
	if (w->direction == RX) {
		vionet_packet_free(b->packet, n);
		return;
	}
	b->held -= n;
	if (w->direction == FORWARD) {
		vionet_packet_free(b->packet + n, b->held);
		b->held = 0;
	} else {
		memmove(b->packet, b->packet + n, b->held * sizeof(b->packet[0]));
	}
}

/* ---- cycles ---- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct figures {
	double cycles, typical, mpps, average;
	uint64_t kicks;
};

/* Cycles of each full burst: their median is the cost of a burst without interruptions. */
static uint32_t spread[1u << 16];

static double typical(uint64_t bursts)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < 1u << 16; i++) {
		seen += spread[i];
		if (2 * seen > bursts)
			return (double)i / o.burst;
	}
	return 0;
}

static struct figures run_once(const struct layout *layout,
			       enum direction direction)
{
	static struct work w;
	static struct burst b;
	uint64_t cycles = 0, packets = 0, bursts = 0, full = 0;
	struct vionet_queue_stats rx = { .struct_size = sizeof(rx) },
		tx = { .struct_size = sizeof(tx) };
	double begin, elapsed = 0;
	pthread_t thread;

	memset(&b, 0, sizeof(b));
	memset(spread, 0, sizeof(spread));
	start_work(&w, layout, direction);
	pin(0);
	if (!o.near)
		pthread_create(&thread, NULL, device_thread, &w);
	begin = seconds();
	for (uint64_t turn = 0; (turn & 0xfff) != 0 ||
	     (elapsed = seconds() - begin) < o.ms / 1e3; turn++) {
		uint64_t from, to;
		uint32_t n;

		prepare(&w, &b);
		if (o.near)
			device_once(&w, o.burst);
		from = NOW();
		n = move(&w, &b);
		to = NOW();
		if (n == 0)
			continue;
		cycles += to - from;
		packets += n;
		bursts++;
		if (n == o.burst) {
			full++;
			spread[to - from < 0xffff ? to - from : 0xffff]++;
		}
		finish(&w, &b, n);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
	if (!o.near)
		pthread_join(thread, NULL);
	vionet_queue_stats(w.d.rx, &rx);
	vionet_queue_stats(w.d.tx, &tx);
	if (vionet_queue_check(w.d.rx) || vionet_queue_check(w.d.tx)) {
		fprintf(stderr, "bench: %s\n", vionet_error_text());
		exit(1);
	}
	bench_device_stop(&w.d);
	return (struct figures){
		.cycles = packets ? (double)cycles / (double)packets : 0,
		.typical = typical(full),
		.mpps = (double)packets / elapsed / 1e6,
		.average = bursts ? (double)packets / (double)bursts : 0,
		.kicks = rx.kicks + tx.kicks,
	};
}

static int by_cycles(const void *a, const void *b)
{
	double x = ((const struct figures *)a)->typical;
	double y = ((const struct figures *)b)->typical;

	return (x > y) - (x < y);
}

static void measure_cycles(const struct layout *layout, enum direction direction)
{
	struct figures f[64], m;

	for (unsigned int i = 0; i < o.runs; i++)
		f[i] = run_once(layout, direction);
	qsort(f, o.runs, sizeof(f[0]), by_cycles);
	m = f[o.runs / 2];
	printf("%-16s %-8s %5u %4u  %6.1f (%.1f to %.1f)  mean %6.1f  "
	       "%5.1f Mpps  %4.1f a burst  %llu kicks\n", layout->name,
	       directions[direction], o.size, o.burst, m.typical, f[0].typical,
	       f[o.runs - 1].typical, m.cycles, m.mpps, m.average,
	       (unsigned long long)m.kicks);
	fflush(stdout);
}

/* ---- instructions ---- */

#define WARM_UP 64u
#define COUNTED 16u

/* Device and driver take turns in one thread; each burst is between two marks. */
static void turns(const struct layout *layout, enum direction direction)
{
	static struct work w;
	static struct burst b;

	start_work(&w, layout, direction);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	for (uint32_t turn = 0; turn < WARM_UP + COUNTED; turn++) {
		uint32_t n;

		prepare(&w, &b);
		if (direction != TX)
			device_ring_source(&w.d.queue[0], o.burst);
		if (turn >= WARM_UP)
			MARK();
		n = move(&w, &b);
		if (turn >= WARM_UP)
			MARK();
		if (n != o.burst)
			_exit(1);
		if (direction != RX)
			device_ring_sink(&w.d.queue[1], o.burst);
		finish(&w, &b, n);
	}
	_exit(0);
}

/* The load address of the child, for addr2line. */
static void print_address(pid_t child)
{
	extern const char __executable_start[]; /* of the linker */
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, child, NULL, &registers) == 0)
		printf("%llx\n", registers.rip -
		       (unsigned long long)(uintptr_t)__executable_start);
}

static void measure_instructions(const struct layout *layout,
				 enum direction direction)
{
	uint64_t steps = 0, marks = 0;
	int status;
	pid_t child = fork();

	if (child == 0)
		turns(layout, direction);
	/* int3 stops with the instruction behind it next. */
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		bool inside;

		if (WSTOPSIG(status) != SIGTRAP) {
			ptrace(PTRACE_CONT, child, NULL, WSTOPSIG(status));
			continue;
		}
		inside = marks++ % 2 == 0;
		while (inside) {
			siginfo_t info;

			if (o.addresses)
				print_address(child);
			ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
			if (waitpid(child, &status, 0) != child ||
			    !WIFSTOPPED(status))
				return;
			ptrace(PTRACE_GETSIGINFO, child, NULL, &info);
			if (info.si_code == SI_KERNEL) { /* int3 */
				marks++;
				break;
			}
			steps++;
		}
		ptrace(PTRACE_CONT, child, NULL, NULL);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		printf("%-16s %-8s failed\n", layout->name, directions[direction]);
	else
		printf("%-16s %-8s %5u %4u  %7.1f instructions a packet\n",
		       layout->name, directions[direction], o.size, o.burst,
		       (double)steps / COUNTED / o.burst);
	fflush(stdout);
}

/* ---- the bare ring ---- */

static struct {
	struct { _Alignas(128) uint64_t head; };
	struct { _Alignas(128) uint64_t tail; };
	struct { _Alignas(128) uint64_t word[8]; } slot[256];
	bool stop;
} bare;

static void *bare_consumer(void *argument)
{
	uint64_t tail = 0, sum = 0;

	pin(1);
	while (!__atomic_load_n(&bare.stop, __ATOMIC_RELAXED)) {
		uint64_t head = __atomic_load_n(&bare.head, __ATOMIC_ACQUIRE);

		if (head == tail)
			continue;
		for (; tail != head; tail++)
			for (unsigned int i = 0; i < 8; i++)
				sum += bare.slot[tail % 256].word[i];
		__atomic_store_n(&bare.tail, tail, __ATOMIC_RELEASE);
	}
	*(volatile uint64_t *)argument = sum;
	return NULL;
}

static void measure_bare(void)
{
	for (unsigned int r = 0; r < o.runs; r++) {
		uint64_t head = 0, tail = 0, sink, turn = 0;
		double begin, elapsed = 0;
		pthread_t thread;

		memset(&bare, 0, sizeof(bare));
		pin(0);
		pthread_create(&thread, NULL, bare_consumer, &sink);
		begin = seconds();
		while ((++turn & 0xfff) != 0 ||
		       (elapsed = seconds() - begin) < o.ms / 1e3) {
			if (256 - (head - tail) < 32) {
				tail = __atomic_load_n(&bare.tail, __ATOMIC_ACQUIRE);
				continue;
			}
			for (unsigned int k = 0; k < 32; k++, head++)
				for (unsigned int i = 0; i < 8; i++)
					bare.slot[head % 256].word[i] = head;
			__atomic_store_n(&bare.head, head, __ATOMIC_RELEASE);
		}
		__atomic_store_n(&bare.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		printf("bare ring: %.1f Mpps\n", (double)head / elapsed / 1e6);
	}
}

/* ---- the command line ---- */

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cycles", no_argument, NULL, 'c' },
		{ "instructions", no_argument, NULL, 'i' },
		{ "addresses", no_argument, NULL, 'a' },
		{ "bare", no_argument, NULL, 'b' },
		{ "layout", required_argument, NULL, 'l' },
		{ "direction", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ "burst", required_argument, NULL, 'n' },
		{ "mergeable", no_argument, NULL, 'm' },
		{ "offloads", no_argument, NULL, 'o' },
		{ "touch", no_argument, NULL, 't' },
		{ "event", no_argument, NULL, 'e' },
		{ "near", no_argument, NULL, 'N' },
		{ "runs", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'M' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (option) {
		case 'c': break;
		case 'i': o.instructions = true; break;
		case 'a': o.instructions = o.addresses = true; break;
		case 'b': o.bare = true; break;
		case 'l': o.layout = optarg; break;
		case 'd': o.direction = optarg; break;
		case 's': o.size = (uint32_t)number; break;
		case 'n': o.burst = (uint32_t)number; break;
		case 'm': o.mergeable = true; break;
		case 'o': o.offloads = true; break;
		case 't': o.touch = true; break;
		case 'e': o.event = true; break;
		case 'N': o.near = true; break;
		case 'r': o.runs = (unsigned int)number; break;
		case 'M': o.ms = (unsigned int)number; break;
		default: exit(2);
		}
	}
	if (o.burst == 0 || o.burst > BURST_MAX || o.runs == 0 || o.runs > 64 ||
	    o.size < 2 || o.size > 32768) {
		fprintf(stderr, "bench_ring: a number is out of range\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (o.bare) {
		measure_bare();
		return 0;
	}
	for (size_t l = 0; l < sizeof(layouts) / sizeof(layouts[0]); l++) {
		if (o.layout && strcmp(o.layout, layouts[l].name) != 0)
			continue;
		for (unsigned int d = TX; d <= FORWARD; d++) {
			if (o.direction && strcmp(o.direction, directions[d]) != 0)
				continue;
			if (o.instructions)
				measure_instructions(&layouts[l], d);
			else
				measure_cycles(&layouts[l], d);
		}
	}
	return 0;
}
