/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user back end whose rings are Linux's vringh, compiled for user space: it sends every frame back. The
 * oldest form of the protocol, one front end, one queue pair, split rings.
 *
 *   vringh-backend SOCKET
 *
 * Built by tests/ports/fetch-root vringh, from Debian's source of the kernel. At its end it prints how many frames
 * it has sent back. Exit status: 0 when the front end has gone; 1 on anything else.
 */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/kernel.h>
#include <linux/err.h>
#include <linux/virtio.h>
#include <linux/vringh.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_config.h>
#include <linux/uaccess.h>

/* What the kernel's test library wants to be told: all memory is the user's. */
void *__user_addr_min, *__user_addr_max = (void *)-1ul;
void *__kmalloc_fake, *__kfree_ignore_start, *__kfree_ignore_end;

/* vhost-user.rst, "Front-end message types" */
enum {
	GET_FEATURES = 1,
	SET_FEATURES,
	SET_OWNER,
	RESET_OWNER,
	SET_MEM_TABLE,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR,
	SET_VRING_BASE,
	GET_VRING_BASE,
	SET_VRING_KICK,
	SET_VRING_CALL,
	SET_VRING_ERR,
};

#define FEATURES (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX)
#define REPLY (1u << 2 | 1u)
#define NO_FD (1u << 8)
#define REGIONS 8
#define HEADER 12 /* of virtio-net, with num_buffers */

struct message {
	u32 request, flags, size;
	union {
		u64 number;
		struct {
			u32 index, value;
		} state;
		struct {
			u32 index, flags;
			u64 desc, used, avail, log;
		} address;
		struct {
			u32 count, padding;
			struct {
				u64 guest, size, user, offset;
			} region[REGIONS];
		} memory;
	};
} __attribute__((packed));

static struct region {
	u64 guest, size, user;
	char *here;
} regions[REGIONS];
static unsigned int region_count;

static struct queue {
	struct vringh ring;
	unsigned int size, base;
	u64 desc, used, avail;
	int kick, call;
	bool running;
} queues[2] = { { .kick = -1, .call = -1 }, { .kick = -1, .call = -1 } };

static u64 features;
static unsigned long returned;

static void map_memory(const struct message *m, const int *fds, unsigned int count)
{
	if (m->memory.count > REGIONS || m->memory.count != count)
		errx(1, "%u regions with %u descriptors", m->memory.count, count);
	for (unsigned int i = 0; i < region_count; i++)
		munmap(regions[i].here, regions[i].size);
	region_count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct region *r = &regions[i];

		r->guest = m->memory.region[i].guest;
		r->size = m->memory.region[i].size;
		r->user = m->memory.region[i].user;
		r->here = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], m->memory.region[i].offset);
		if (r->here == MAP_FAILED)
			err(1, "region %u", i);
		close(fds[i]);
	}
}

static void *user_to_here(u64 user)
{
	for (unsigned int i = 0; i < region_count; i++)
		if (user - regions[i].user < regions[i].size)
			return regions[i].here + (user - regions[i].user);
	errx(1, "address 0x%llx of a ring is in no region", (unsigned long long)user);
}

/* vringh asks: where is the driver's memory? */
static bool range_of(struct vringh *ring, u64 address, struct vringh_range *range)
{
	for (unsigned int i = 0; i < region_count; i++) {
		if (address - regions[i].guest >= regions[i].size)
			continue;
		range->start = regions[i].guest;
		range->end_incl = regions[i].guest + regions[i].size - 1;
		range->offset = (u64)regions[i].here - regions[i].guest;
		return true;
	}
	return false;
}

static void start_queue(struct queue *q)
{
	if (vringh_init_user(&q->ring, features, q->size, true, user_to_here(q->desc), user_to_here(q->avail),
			     user_to_here(q->used)) != 0)
		errx(1, "vringh takes no ring of %u entries", q->size);
	q->ring.last_avail_idx = q->ring.last_used_idx = q->base;
	q->running = true;
}

static void receive(int fd, struct message *m, int *fds, unsigned int *count)
{
	char control[CMSG_SPACE(REGIONS * sizeof(int))] = { 0 };
	struct iovec head = { m, 12 };
	struct msghdr message = { .msg_iov = &head, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(fd, &message, MSG_WAITALL);

	if (got == 0) {
		printf("returned %lu\n", returned);
		exit(0);
	}
	*count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	if (got != 12 || m->size > sizeof(*m) - 12 ||
	    (m->size != 0 && recv(fd, (char *)m + 12, m->size, MSG_WAITALL) != m->size))
		errx(1, "a broken message");
}

static void reply(int fd, struct message *m, u32 size)
{
	m->flags = REPLY;
	m->size = size;
	if (send(fd, m, 12 + size, MSG_NOSIGNAL) != 12 + size)
		err(1, "reply");
}

/* Kick and call: the queue's new descriptor, or none. */
static void take_fd(const struct message *m, int *where, const int *fds, unsigned int count)
{
	if (*where >= 0)
		close(*where);
	*where = m->number & NO_FD || count == 0 ? -1 : fds[0];
}

static void serve(int fd)
{
	int fds[REGIONS];
	unsigned int count;
	struct message m = { 0 };
	struct queue *q;

	receive(fd, &m, fds, &count);
	q = &queues[m.number & 1]; /* the index is always first */
	switch (m.request) {
	case GET_FEATURES:
		m.number = FEATURES;
		reply(fd, &m, 8);
		break;
	case SET_FEATURES:
		features = m.number;
		break;
	case SET_OWNER:
	case RESET_OWNER:
	case SET_VRING_ERR:
		if (count != 0)
			close(fds[0]);
		break;
	case SET_MEM_TABLE:
		map_memory(&m, fds, count);
		/* Rings that run lie where their region is now. */
		for (int i = 0; i < 2; i++)
			if (queues[i].running) {
				queues[i].base = queues[i].ring.last_avail_idx;
				start_queue(&queues[i]);
			}
		break;
	case SET_VRING_NUM:
		q->size = m.state.value;
		break;
	case SET_VRING_ADDR:
		q->desc = m.address.desc;
		q->used = m.address.used;
		q->avail = m.address.avail;
		break;
	case SET_VRING_BASE:
		q->base = m.state.value;
		break;
	case GET_VRING_BASE:
		q->running = false;
		m.state.value = q->ring.last_avail_idx;
		reply(fd, &m, 8);
		break;
	case SET_VRING_KICK:
		take_fd(&m, &q->kick, fds, count);
		start_queue(q);
		break;
	case SET_VRING_CALL:
		take_fd(&m, &q->call, fds, count);
		break;
	default:
		errx(1, "request %u is not in the oldest protocol", m.request);
	}
}

static void complete(struct queue *q, u16 head, u32 size)
{
	u64 one = 1;

	if (vringh_complete_user(&q->ring, head, size) != 0)
		errx(1, "vringh cannot complete");
	if (vringh_need_notify_user(&q->ring) > 0 && q->call >= 0 && write(q->call, &one, 8) != 8)
		err(1, "call");
}

/* The next buffer; 0: none. */
static int next(struct queue *q, struct vringh_iov *read, struct vringh_iov *written, u16 *head)
{
	int got;

	if (!q->running)
		return 0;
	got = vringh_getdesc_user(&q->ring, read, written, range_of, head);
	if (got < 0)
		errx(1, "vringh refuses a buffer: %d", got);
	return got;
}

static ssize_t size; /* of a frame that waits for a buffer */

/* One frame from the transmit queue into a buffer of the receive queue; false: it has to wait for a kick. */
static bool turn_round(void)
{
	static char frame[65536];
	struct vringh_iov read, written;
	struct iovec pieces[256];
	u16 head;

	if (size == 0) {
		vringh_iov_init(&read, pieces, 256);
		if (next(&queues[1], &read, NULL, &head) == 0)
			return false;
		size = vringh_iov_pull_user(&read, frame, sizeof(frame));
		if (size <= HEADER)
			errx(1, "a frame of %zd bytes with its header", size);
		complete(&queues[1], head, 0);
		memset(frame, 0, HEADER);
		frame[10] = 1; /* num_buffers */
	}
	vringh_iov_init(&written, pieces, 256);
	if (next(&queues[0], NULL, &written, &head) == 0)
		return false;
	if (vringh_iov_push_user(&written, frame, size) != size)
		errx(1, "a buffer is smaller than the frame");
	complete(&queues[0], head, size);
	size = 0;
	returned++;
	return true;
}

/* Until there is nothing to do, and a kick comes for the next. */
static void work(void)
{
	bool more;

	do {
		while (turn_round())
			;
		more = false;
		for (int i = 0; i < 2; i++)
			if (queues[i].running && !vringh_notify_enable_user(&queues[i].ring))
				more |= (i == 0) == (size != 0); /* it is what we wait for */
	} while (more);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	u64 kicks;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		errx(2, "usage: vringh-backend SOCKET");
	strcpy(address.sun_path, argv[1]);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 1) != 0)
		err(1, "%s", argv[1]);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		err(1, "accept");
	for (;;) {
		struct pollfd waits[3] = { { fd, POLLIN }, { queues[0].kick, POLLIN }, { queues[1].kick, POLLIN } };

		if (poll(waits, 3, -1) < 0)
			err(1, "poll");
		for (int i = 1; i < 3; i++)
			if (waits[i].revents != 0 && read(waits[i].fd, &kicks, 8) != 8)
				err(1, "kick");
		if (waits[0].revents != 0)
			serve(fd);
		work();
	}
}
