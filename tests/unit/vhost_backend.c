/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/vhost_backend_parts.h"
#include "tests/unit/stopwatch.h"

/* ---- requests ---- */

static struct backend_queue *queue_of(struct backend *b, uint32_t index)
{
	if (index < BACKEND_QUEUES)
		return &b->queue[index];
	backend_violation(b, "a queue that is not there", index);
	return &b->queue[BACKEND_QUEUES - 1];
}

static void set_fd(struct backend *b, struct wire_message *m, int *to)
{
	bool none = (m->u64 & 0x100) != 0;

	if (m->fds != !none)
		backend_violation(b, "flag and descriptors disagree", m->u64);
	backend_drop_fd(b, *to);
	*to = m->fds ? m->fd[0] : -1;
	m->fds = 0;
}

static bool get_inflight(struct backend *b, struct wire_message *m)
{
	uint64_t mark = b->inflight_mark;
	int fd = memfd_create("inflight", MFD_CLOEXEC);
	bool goes_on;

	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(pwrite(fd, &mark, sizeof(mark), 0), sizeof(mark));
	b->inflight_queues = m->inflight.queues;
	b->inflight_size = m->inflight.queue_size;
	m->inflight.size = 8192;
	m->inflight.offset = 0;
	if (b->fault_at == m->header.request && b->fault == FAULT_SHORT_FILE)
		m->inflight.size = 8193;
	if (b->fault_at == m->header.request && b->fault == FAULT_OVERFLOW)
		m->inflight.offset = UINT64_MAX - 4096;
	goes_on = backend_reply(b, m, fd);
	close(fd);
	return goes_on;
}

static void set_inflight(struct backend *b, struct wire_message *m)
{
	if (m->fds != 1 || m->header.size != 24) {
		backend_violation(b, "SET_INFLIGHT_FD", m->header.size);
		return;
	}
	backend_drop_fd(b, b->inflight_fd);
	b->inflight_fd = m->fd[0];
	m->fds = 0;
	if (pread(b->inflight_fd, &b->inflight_mark, 8, 0) != 8)
		backend_violation(b, "the record cannot be read", 0);
}

static bool get_config(struct backend *b, struct wire_message *m)
{
	uint32_t size = m->config.size;

	if (m->header.size != 12 + size || m->config.offset != 0)
		backend_violation(b, "GET_CONFIG", m->header.size);
	if (size > b->config_size)
		m->header.size = 0;
	else
		memcpy(m->config.bytes, b->config, size);
	return backend_reply(b, m, -1);
}

static void set_size(struct backend *b, uint32_t index, uint32_t size)
{
	if (size == 0 || size > 32768)
		backend_violation(b, "queue size", size);
	queue_of(b, index)->ring.size = (uint16_t)size;
}

static void set_address(struct backend *b, struct wire_message *m)
{
	struct backend_queue *q = queue_of(b, m->address.index);

	q->lost = false;
	q->ring.desc = m->address.desc;
	q->ring.avail = m->address.avail;
	q->ring.used = m->address.used;
	if (!backend_translate(b, q->ring.desc, 16, true) ||
	    !backend_translate(b, q->ring.used, 4, true) ||
	    !backend_translate(b, q->ring.avail, 4, true) || q->ring.desc % 16 ||
	    q->ring.used % 4 || q->ring.avail % 2)
		backend_violation(b, "ring addresses", q->ring.desc);
}

/* Nothing is done at a ring until its address comes again, and then a kick. */
static void forget_rings(struct backend *b)
{
	for (unsigned int i = 0; b->drops_rings && i < BACKEND_QUEUES; i++) {
		b->queue[i].lost = true;
		b->queue[i].kicked = false;
	}
}

static void set_table(struct backend *b, struct wire_message *m)
{
	if (m->table.count > 8 || m->fds != m->table.count ||
	    m->header.size != 8 + 32 * m->table.count)
		backend_violation(b, "SET_MEM_TABLE", m->table.count);
	backend_forget_regions(b);
	forget_rings(b);
	for (unsigned int i = 0; i < m->table.count && i < m->fds; i++)
		backend_add_region(b, &m->table.region[i], m->fd[i]);
	m->fds = 0;
}

static void add_one(struct backend *b, struct wire_message *m)
{
	if (m->fds != 1 || m->header.size != 40 || b->regions >= b->slots ||
	    b->regions >= BACKEND_REGIONS) {
		backend_violation(b, "ADD_MEM_REG", b->regions);
		return;
	}
	backend_add_region(b, &m->single.region, m->fd[0]);
	m->fds = 0;
	forget_rings(b);
}

static void remove_one(struct backend *b, struct wire_message *m)
{
	backend_remove_region(b, &m->single.region);
	forget_rings(b);
}

/* Give a ring back. */
static bool get_base(struct backend *b, struct wire_message *m)
{
	struct backend_queue *q = queue_of(b, m->state.index);

	m->state.num = q->ring.count ? model_ring_base(&b->rings, &q->ring) : q->base;
	backend_ring_stop(q);
	backend_drop_fd(b, q->kick);
	backend_drop_fd(b, q->call);
	q->kick = q->call = -1;
	return backend_reply(b, m, -1);
}

static const struct backend_queue no_queue = { .kick = -1, .call = -1, .err = -1 };

static void reset_queues(struct backend *b)
{
	for (unsigned int i = 0; i < BACKEND_QUEUES; i++) {
		backend_drop_fd(b, b->queue[i].kick);
		backend_drop_fd(b, b->queue[i].call);
		backend_drop_fd(b, b->queue[i].err);
		model_ring_reset(&b->queue[i].ring);
		b->queue[i] = no_queue;
	}
}

static bool reply_u64(struct backend *b, struct wire_message *m, uint64_t value)
{
	m->header.size = 8;
	m->u64 = value;
	return backend_reply(b, m, -1);
}

/* Requests without a reply of their own. */
static void handle_set(struct backend *b, struct wire_message *m)
{
	switch (m->header.request) {
	case RQ_SET_FEATURES:
		b->acked = m->u64;
		if (m->u64 & ~b->features)
			backend_violation(b, "features not offered", m->u64);
		break;
	case RQ_SET_PROTOCOL_FEATURES:
		b->acked_protocol = m->u64;
		if (m->u64 & ~b->protocol)
			backend_violation(b, "protocol features not offered", m->u64);
		break;
	case RQ_SET_MEM_TABLE: set_table(b, m); break;
	case RQ_ADD_MEM_REG: add_one(b, m); break;
	case RQ_REM_MEM_REG: remove_one(b, m); break;
	case RQ_SET_VRING_NUM: set_size(b, m->state.index, m->state.num); break;
	case RQ_SET_VRING_BASE:
		queue_of(b, m->state.index)->base = m->state.num;
		break;
	case RQ_SET_VRING_ADDR: set_address(b, m); break;
	case RQ_SET_VRING_KICK: set_fd(b, m, &queue_of(b, m->u64 & 0xff)->kick); break;
	case RQ_SET_VRING_CALL: set_fd(b, m, &queue_of(b, m->u64 & 0xff)->call); break;
	case RQ_SET_VRING_ERR: set_fd(b, m, &queue_of(b, m->u64 & 0xff)->err); break;
	case RQ_SET_VRING_ENABLE:
		queue_of(b, m->state.index)->enabled = m->state.num != 0;
		break;
	case RQ_SET_BACKEND_REQ_FD:
		if (m->fds != 1)
			backend_violation(b, "SET_BACKEND_REQ_FD", m->fds);
		backend_drop_fd(b, b->request_fd);
		b->request_fd = m->fds ? m->fd[0] : -1;
		m->fds = 0;
		break;
	case RQ_SET_INFLIGHT_FD: set_inflight(b, m); break;
	case RQ_SET_STATUS: b->status = (uint8_t)m->u64; break;
	case RQ_RESET_DEVICE: reset_queues(b); break;
	case RQ_SET_OWNER: break;
	default: backend_violation(b, "unknown request", m->header.request); break;
	}
}

/* Bytes that a request has; -1: its own handler looks at that. */
static int size_of(uint32_t request)
{
	switch (request) {
	case RQ_SET_FEATURES: case RQ_SET_PROTOCOL_FEATURES: case RQ_SET_STATUS:
	case RQ_SET_VRING_NUM: case RQ_SET_VRING_BASE: case RQ_GET_VRING_BASE:
	case RQ_SET_VRING_KICK: case RQ_SET_VRING_CALL: case RQ_SET_VRING_ERR:
	case RQ_SET_VRING_ENABLE:
		return 8;
	case RQ_SET_VRING_ADDR: case RQ_ADD_MEM_REG: case RQ_REM_MEM_REG:
		return 40;
	case RQ_SET_MEM_TABLE: case RQ_GET_CONFIG: case RQ_GET_INFLIGHT_FD:
	case RQ_SET_INFLIGHT_FD:
		return -1;
	default:
		return 0;
	}
}

/* One request; false: the session is over. */
static bool handle(struct backend *b, struct wire_message *m)
{
	bool acknowledge = (b->acked_protocol & PF_REPLY_ACK) &&
			   (m->header.flags & 8);

	if ((m->header.flags & ~8u) != 1 || m->header.request >= RQ_COUNT) {
		backend_violation(b, "flags or request", m->header.flags);
		return false;
	}
	if (size_of(m->header.request) >= 0 &&
	    m->header.size != (uint32_t)size_of(m->header.request))
		backend_violation(b, "size of a request", m->header.request);
	b->count[m->header.request]++;
	switch (m->header.request) {
	case RQ_GET_FEATURES: return reply_u64(b, m, b->features);
	case RQ_GET_PROTOCOL_FEATURES: return reply_u64(b, m, b->protocol);
	case RQ_GET_QUEUE_NUM: return reply_u64(b, m, b->queue_num);
	case RQ_GET_MAX_MEM_SLOTS: return reply_u64(b, m, b->slots);
	case RQ_GET_STATUS: return reply_u64(b, m, b->status);
	case RQ_GET_CONFIG: return get_config(b, m);
	case RQ_GET_INFLIGHT_FD: return get_inflight(b, m);
	case RQ_GET_VRING_BASE: return get_base(b, m);
	default: break;
	}
	handle_set(b, m);
	return acknowledge ? reply_u64(b, m, 0) :
			     b->fault != FAULT_CLOSE ||
				     m->header.request != b->fault_at;
}

/* ---- the thread ---- */

static void end_session(struct backend *b)
{
	reset_queues(b);
	backend_forget_regions(b);
	backend_drop_fd(b, b->request_fd);
	backend_drop_fd(b, b->inflight_fd);
	b->request_fd = b->inflight_fd = -1;
	close(b->fd);
	b->fd = -1;
	b->status = 0;
	b->acked = b->acked_protocol = 0;
	b->hang_up = false;
}

static bool serve_request(struct backend *b)
{
	struct wire_message m = { .fds = 0 };
	bool goes_on = backend_receive(b, b->fd, &m);

	if (goes_on)
		goes_on = handle(b, &m);
	for (unsigned int i = 0; i < m.fds; i++)
		backend_drop_fd(b, m.fd[i]);
	return goes_on;
}

/* Sleep until there is something to do; the lock is not held meanwhile. */
static void wait_for_work(struct backend *b, struct pollfd waits[2 + BACKEND_QUEUES])
{
	waits[0] = (struct pollfd){ .fd = b->wake, .events = POLLIN };
	waits[1] = (struct pollfd){ .fd = b->fd >= 0 ? b->fd : b->listening,
				    .events = POLLIN };
	for (int i = 0; i < BACKEND_QUEUES; i++)
		waits[2 + i] = (struct pollfd){ .fd = b->queue[i].kick,
						.events = POLLIN };
	pthread_mutex_unlock(&b->lock);
	poll(waits, 2 + BACKEND_QUEUES, b->connects && waits[1].fd < 0 ? 10 : 1000);
	pthread_mutex_lock(&b->lock);
}

static void backend_connect(struct backend *b, bool pending)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (b->connects) {
		b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		snprintf(to.sun_path, sizeof(to.sun_path), "%s", b->path);
		if (connect(b->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
			close(b->fd);
			b->fd = -1;
		}
	} else if (pending) {
		b->fd = accept4(b->listening, NULL, NULL, SOCK_CLOEXEC);
	}
	b->sessions += b->fd >= 0;
}

static void *run(void *context)
{
	struct backend *b = context;
	struct pollfd waits[2 + BACKEND_QUEUES];
	eventfd_t count;

	pthread_mutex_lock(&b->lock);
	while (!b->stop) {
		wait_for_work(b, waits);
		if (waits[0].revents)
			eventfd_read(b->wake, &count);
		if (b->fd < 0) {
			backend_connect(b, waits[1].revents != 0);
			continue;
		}
		for (int i = 0; i < BACKEND_QUEUES; i++)
			if (waits[2 + i].revents && b->queue[i].kick >= 0) {
				eventfd_read(b->queue[i].kick, &count);
				b->queue[i].kicked |= !b->queue[i].lost;
				b->queue[i].kicks++;
			}
		if (b->hang_up || (waits[1].revents && !serve_request(b)))
			end_session(b);
		else
			backend_echo(b);
	}
	if (b->fd >= 0)
		end_session(b);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void wake_up(struct backend *b)
{
	eventfd_write(b->wake, 1);
}

struct backend *backend_create(bool connects)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct backend *b = calloc(1, sizeof(*b));
	static unsigned int number;
	pthread_mutexattr_t checked;

	/* An assertion that fails leaves it locked; backend_destroy goes on all the same. */
	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&b->lock, &checked);
	pthread_mutexattr_destroy(&checked);
	snprintf(b->path, sizeof(b->path), "/tmp/vionet-test-%d-%u",
		 (int)getpid(), number++);
	b->connects = connects;
	b->listening = b->fd = b->request_fd = b->inflight_fd = -1;
	b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* MAC, MTU, MRG_RXBUF, STATUS, VERSION_1, and the protocol's own bit. */
	b->features = 1ull << 5 | 1ull << 3 | 1ull << 15 | 1ull << 16 |
		      1ull << 30 | 1ull << 32;
	b->protocol = PF_ALL;
	b->queue_num = 2;
	b->slots = BACKEND_REGIONS;
	b->config_size = 12;
	memcpy(b->config, "\x02\x11\x22\x33\x44\x55\x01\x00\x01\x00\xdc\x05", 12);
	b->inflight_mark = 0x1122334455667788;
	for (unsigned int i = 0; i < BACKEND_QUEUES; i++)
		b->queue[i] = no_queue;
	backend_rings_open(b);
	if (!connects) {
		b->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		snprintf(at.sun_path, sizeof(at.sun_path), "%s", b->path);
		unlink(b->path);
		assert_int_equal(bind(b->listening, (struct sockaddr *)&at,
				      sizeof(at)), 0);
		assert_int_equal(listen(b->listening, 4), 0);
	}
	assert_int_equal(pthread_create(&b->thread, NULL, run, b), 0);
	return b;
}

void backend_destroy(struct backend *b)
{
	LOCKED(b, b->stop = true);
	wake_up(b);
	pthread_join(b->thread, NULL);
	assert_string_equal(b->violation, "");
	assert_string_equal(b->rings.violation, "");
	assert_int_equal(b->bad_addresses, 0);
	assert_int_equal(b->fds_open, 0);
	if (b->listening >= 0) {
		close(b->listening);
		unlink(b->path);
	}
	close(b->wake);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void backend_hang_up(struct backend *b)
{
	bool done = false;

	LOCKED(b, b->hang_up = b->fd >= 0);
	for (wake_up(b); !done; usleep(1000))
		LOCKED(b, done = !b->hang_up);
}

void backend_request(struct backend *b, uint32_t request, bool need_reply,
		     bool with_fd)
{
	struct wire_message m = { .header = { request, 1u | (need_reply ? 8u : 0), 0 } };

	LOCKED(b, backend_send_bytes(b->request_fd, &m, sizeof(m.header), b->wake,
			     with_fd));
}

void backend_send_byte(struct backend *b, uint32_t request, unsigned int byte)
{
	struct wire_header header = { request, 1 | 8, 4 };
	uint8_t bytes[sizeof(header) + 4] = { 0 };

	memcpy(bytes, &header, sizeof(header));
	LOCKED(b, assert_int_equal(write(b->request_fd, bytes + byte, 1), 1));
}

bool backend_replied(struct backend *b, uint64_t *value)
{
	struct pollfd waits = { .events = POLLIN };
	struct wire_message m;
	bool whole;

	LOCKED(b, waits.fd = b->request_fd);
	if (poll(&waits, 1, (int)TEST_TIMEOUT_S * 1000) != 1)
		return false;
	LOCKED(b, whole = backend_receive(b, waits.fd, &m));
	*value = m.u64;
	return whole && m.header.flags == (1 | 4) && m.header.size == 8 &&
	       m.fds == 0;
}

void backend_ring_error(struct backend *b, unsigned int queue)
{
	LOCKED(b, eventfd_write(b->queue[queue].err, 1));
}
