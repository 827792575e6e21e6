/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user back end that copies nothing: the rings of bench/ring/device_ring.c behind a
 * socket, the same for both drivers. One connection, then it ends.
 *
 *   bench_backend SOCKET LAYOUT [QUEUES [mergeable]]
 *
 * LAYOUT is split, split-in-order, packed or packed-in-order, with -event-idx behind it if
 * EVENT_IDX is to be offered.
 *
 * Orders come on standard input: tx, rx, forward, echo: what its thread on CPU 1 does from
 * now on ("ok" answers); tracked N: as rx, each frame written, with a signature of pktgen's, of
 * N tracks in turn; loop: what is sent comes back, copied; count: buffers moved so far, and the
 * time; stop: nothing (how many buffers it has moved since, and in how many
 * turns that moved some); probe: nanoseconds of a cache line's round trip between
 * CPU 0 and 1; bare: Mpps of two cores with a ring of 64-byte payloads and nothing else, and
 * how much of its core the worse off of the two had.
 *
 * Source: "Vhost-user Protocol", docs/interop/vhost-user.rst of QEMU. It trusts its front
 * end: a measuring instrument, not a device to expose.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench/compare/bare.h"
#include "bench/compare/frames.h"
#include "bench/ring/device_ring.h"

enum { QUEUES_MAX = 32, REGIONS_MAX = 8 };

enum request {
	GET_FEATURES = 1, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 5, SET_VRING_NUM = 8,
	SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL,
	SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM,
	SET_VRING_ENABLE,
};

enum { REPLY = 4, NEED_REPLY = 8, NO_FD = 0x100 };

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct { uint32_t index, num; } state;
		struct { uint32_t index, flags; uint64_t desc, used, avail, log; } address;
		struct {
			uint32_t count, padding;
			struct { uint64_t guest, size, user, offset; } region[REGIONS_MAX];
		} table;
	} body;
} __attribute__((packed));

enum mode {
	STOP,
	SINK,
	SOURCE,
	BOTH,
	ECHO,
	TRACKED,
	LOOP,
};

static struct queue {
	struct device_ring ring;
	int call;
	bool ready;
	uint64_t desc, used, avail;
} queues[QUEUES_MAX];

static struct {
	uint64_t guest, size, user;
	uint8_t *here;
} regions[REGIONS_MAX];
static uint32_t region_count;

static uint32_t queue_count = 2;
static uint64_t layout_features;
static enum mode mode;
static bool idle;
static uint64_t turns, moved; /* of the thread; read while it is idle */
static sem_t wake; /* an idle back end uses no processor time */

/* ---- rings ---- */

static uint8_t *from_guest(uint64_t address)
{
	for (uint32_t i = 0; i < region_count; i++)
		if (address - regions[i].guest < regions[i].size)
			return regions[i].here + (address - regions[i].guest);
	fprintf(stderr, "backend: address %#llx is in no region\n",
		(unsigned long long)address);
	exit(1);
}

static uint8_t *from_user(uint64_t address)
{
	for (uint32_t i = 0; i < region_count; i++)
		if (address - regions[i].user < regions[i].size)
			return regions[i].here + (address - regions[i].user);
	fprintf(stderr, "backend: ring at %#llx is in no region\n",
		(unsigned long long)address);
	exit(1);
}

static void *translate(void *context, uint64_t address)
{
	(void)context;
	return from_guest(address);
}

/* Does the driver want an interrupt? Not checked with EVENT_IDX: drivers that have it
 * poll. */
static void interrupt(struct queue *q)
{
	const struct device_ring *b = &q->ring;
	uint64_t one = 1;
	uint16_t flags;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = __atomic_load_n((uint16_t *)(b->driver + (b->packed ? 2 : 0)),
				__ATOMIC_RELAXED);
	if (flags != 1 && q->call >= 0 && write(q->call, &one, sizeof(one)) < 0)
		perror("backend: call");
}

static uint32_t echo(struct queue *rx, struct queue *tx)
{
	uint32_t n = device_ring_sink(&tx->ring, 32);

	if (n != 0 && device_ring_source(&rx->ring, n) != 0)
		interrupt(rx);
	return n;
}

static uint32_t serve_pair(struct queue *rx, struct queue *tx, enum mode now)
{
	uint32_t done = 0;

	if (!__atomic_load_n(&rx->ready, __ATOMIC_ACQUIRE) ||
	    !__atomic_load_n(&tx->ready, __ATOMIC_ACQUIRE))
		return 0;
	if (now == ECHO)
		return echo(rx, tx);
	if (now == LOOP)
		return frames_loop(&rx->ring, &tx->ring);
	if (now == SINK || now == BOTH)
		done += device_ring_sink(&tx->ring, 32);
	if (now == SOURCE || now == BOTH || now == TRACKED)
		done += device_ring_source(&rx->ring, 32);
	return done;
}

static void *ring_thread(void *unused)
{
	(void)unused;
	pin_to(1);
	for (;;) {
		enum mode now = __atomic_load_n(&mode, __ATOMIC_ACQUIRE);
		uint32_t done = 0;

		__atomic_store_n(&idle, now == STOP, __ATOMIC_RELEASE);
		if (now == STOP) {
			sem_wait(&wake);
			continue;
		}
		for (uint32_t i = 0; i + 1 < queue_count; i += 2)
			done += serve_pair(&queues[i], &queues[i + 1], now);
		if (done == 0)
			__builtin_ia32_pause();
		turns += done != 0;
		__atomic_store_n(&moved, moved + done, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What happens to the bytes of frames. */
static void touch(struct queue *q)
{
	enum touch plain = layout_features >> 15 & 1 ? TOUCH_HEADER : TOUCH_NOTHING;

	q->ring.touch = frames_written ? TOUCH_FRAME : plain;
	q->ring.frame = frames_written;
	q->ring.length = frames_written ? 60 : 64;
}

/* The thread is idle. */
static void choose_frames(enum mode wanted)
{
	frames_written = NULL;
	if (wanted == TRACKED)
		frames_written = frames_track;
	else if (wanted == LOOP)
		frames_written = frames_copy;
	for (uint32_t i = 0; i < queue_count; i++)
		touch(&queues[i]);
}

static void set_mode(enum mode wanted)
{
	if (wanted != STOP)
		choose_frames(wanted);
	__atomic_store_n(&mode, wanted, __ATOMIC_RELEASE);
	if (wanted != STOP)
		sem_post(&wake);
	while (__atomic_load_n(&idle, __ATOMIC_ACQUIRE) != (wanted == STOP))
		usleep(50);
}

/* ---- the protocol ---- */

static void map_regions(const struct message *m, const int *fds)
{
	region_count = 0;
	for (uint32_t i = 0; i < m->body.table.count && i < REGIONS_MAX; i++) {
		size_t length = m->body.table.region[i].size + m->body.table.region[i].offset;
		uint8_t *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);

		if (at == MAP_FAILED) /* what the device may only read */
			at = mmap(NULL, length, PROT_READ, MAP_SHARED, fds[i], 0);
		if (at == MAP_FAILED) {
			perror("backend: mmap");
			exit(1);
		}
		regions[region_count].guest = m->body.table.region[i].guest;
		regions[region_count].user = m->body.table.region[i].user;
		regions[region_count].size = m->body.table.region[i].size;
		regions[region_count++].here = at + m->body.table.region[i].offset;
	}
	/* Rings do not move: earlier mappings are never removed. */
}

static void enable(struct queue *q, bool on)
{
	if (!on || q->ready) {
		__atomic_store_n(&q->ready, on && q->ready, __ATOMIC_RELEASE);
		return;
	}
	q->ring.packed = (layout_features >> 34 & 1) != 0;
	touch(q);
	q->ring.translate = translate;
	q->ring.desc = from_user(q->desc);
	q->ring.driver = from_user(q->avail);
	q->ring.device = from_user(q->used);
	device_ring_open(&q->ring);
	__atomic_store_n(&q->ready, true, __ATOMIC_RELEASE);
}

static uint64_t answer(struct message *m, const int *fds, bool *reply)
{
	struct queue *q = &queues[m->body.state.index % QUEUES_MAX];
	struct queue *named = &queues[m->body.u64 & (QUEUES_MAX - 1)];

	*reply = true;
	switch (m->request) {
	case GET_FEATURES:
		return 1ull << 32 | 1ull << 30 | layout_features |
		       (queue_count > 2 ? 1ull << 22 | 1ull << 17 : 0);
	case GET_PROTOCOL_FEATURES: return 1u << 3 | 1u << 0; /* REPLY_ACK, MQ */
	case GET_QUEUE_NUM: return queue_count / 2;
	case GET_VRING_BASE:
		__atomic_store_n(&q->ready, false, __ATOMIC_RELEASE);
		return m->body.state.index;
	default: break;
	}
	*reply = (m->flags & NEED_REPLY) != 0;
	switch (m->request) {
	case SET_MEM_TABLE: map_regions(m, fds); break;
	case SET_VRING_NUM: q->ring.size = (uint16_t)m->body.state.num; break;
	case SET_VRING_ADDR:
		q->desc = m->body.address.desc;
		q->used = m->body.address.used;
		q->avail = m->body.address.avail;
		break;
	case SET_VRING_CALL:
		named->call = m->body.u64 & NO_FD ? -1 : fds[0];
		break;
	case SET_VRING_ENABLE: enable(q, m->body.state.num != 0); break;
	default: break;
	}
	return 0;
}

static bool receive(int fd, struct message *m, int *fds)
{
	char control[CMSG_SPACE(REGIONS_MAX * sizeof(int))];
	struct iovec part = { .iov_base = m, .iov_len = 12 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control) };

	memset(m, 0, sizeof(*m));
	if (recvmsg(fd, &header, MSG_WAITALL) != 12 || m->size > sizeof(m->body))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return m->size == 0 || recv(fd, &m->body, m->size, MSG_WAITALL) == (ssize_t)m->size;
}

static bool serve_message(int fd)
{
	struct message m;
	int fds[REGIONS_MAX];
	uint64_t value;
	bool reply;

	memset(fds, 0xff, sizeof(fds));
	if (!receive(fd, &m, fds))
		return false;
	value = answer(&m, fds, &reply);
	if (!reply)
		return true;
	m.flags = 1 | REPLY;
	m.size = sizeof(value);
	m.body.u64 = value;
	return send(fd, &m, 12 + sizeof(value), MSG_NOSIGNAL) > 0;
}

/* ---- commands ---- */

static void obey(char *line)
{
	static const char *const names[] = { "stop\n", "tx\n", "rx\n", "forward\n", "echo\n",
					     "tracked\n", "loop\n" };
	struct timespec now;
	double mpps, cpu;

	if (sscanf(line, "tracked %u", &frames_tracks) == 1 && frames_tracks > 0)
		snprintf(line, sizeof("tracked\n"), "tracked\n");
	for (unsigned int i = SINK; i <= LOOP; i++)
		if (strcmp(line, names[i]) == 0) {
			turns = moved = 0; /* the thread is idle */
			set_mode((enum mode)i);
			printf("\"ok\"\n");
		}
	if (strcmp(line, names[STOP]) == 0) {
		set_mode(STOP);
		printf("{\"moved\": %llu, \"turns\": %llu}\n", (unsigned long long)moved,
		       (unsigned long long)turns);
	}
	if (strcmp(line, "count\n") == 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		printf("{\"moved\": %llu, \"seconds\": %.9f}\n",
		       (unsigned long long)__atomic_load_n(&moved, __ATOMIC_RELAXED),
		       (double)now.tv_sec + (double)now.tv_nsec / 1e9);
	}
	if (strcmp(line, "probe\n") == 0)
		printf("%.1f\n", probe_line());
	if (strcmp(line, "bare\n") == 0) {
		mpps = measure_bare(300, &cpu);
		printf("{\"mpps\": %.2f, \"cpu\": %.3f}\n", mpps, cpu);
	}
	fflush(stdout);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1)) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void parse(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: bench_backend SOCKET LAYOUT [QUEUES [mergeable]]\n");
		exit(2);
	}
	layout_features = strncmp(argv[2], "packed", 6) == 0 ? 1ull << 34 : 0;
	if (strstr(argv[2], "in-order"))
		layout_features |= 1ull << 35;
	if (strstr(argv[2], "event-idx"))
		layout_features |= 1ull << 29;
	if (argc > 3)
		queue_count = 2 * (uint32_t)strtoul(argv[3], NULL, 10);
	if (argc > 4)
		layout_features |= 1ull << 15;
	if (queue_count < 2 || queue_count > QUEUES_MAX)
		exit(2);
}

int main(int argc, char **argv)
{
	struct pollfd ready[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
	int listening, fd = -1;
	pthread_t thread;
	char line[64];

	parse(argc, argv);
	for (int i = 0; i < QUEUES_MAX; i++)
		queues[i].call = -1;
	sem_init(&wake, 0, 0);
	listening = listen_at(argv[1]);
	setvbuf(stdin, NULL, _IONBF, 0);
	pthread_create(&thread, NULL, ring_thread, NULL);
	ready[1].fd = listening;
	while (poll(ready, 2, -1) > 0) {
		if (ready[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				break;
			obey(line);
		}
		if (ready[1].revents && fd < 0)
			ready[1].fd = fd = accept(listening, NULL, NULL);
		else if (ready[1].revents && !serve_message(fd))
			break;
	}
	unlink(argv[1]);
	return 0;
}
