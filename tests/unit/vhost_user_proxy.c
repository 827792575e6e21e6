/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vhost_user_proxy.h"

static struct backend *backend_of(const struct proxy *p)
{
	return (struct backend *)(uintptr_t)p;
}

/* Keep the first thing that the front end did wrong: an assertion is not for this thread. */
static void vhu_expect(struct backend *b, bool right, const char *what)
{
	if (!right && b->violation[0] == '\0')
		snprintf(b->violation, sizeof(b->violation), "%s", what);
}

unsigned int backend_regions(const struct backend *b)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		count += b->proxy.window[i].used;
	return count;
}

/* ---- messages ---- */

static void vhu_unpack(struct proxy_message *m, const uint8_t *header)
{
	m->command = wire_get32(header);
	m->flags = wire_get32(header + 4);
	m->length = wire_get32(header + 8);
}

static void vhu_pack(const struct proxy_message *m, uint8_t *header)
{
	wire_put32(header, m->command);
	wire_put32(header + 4, m->flags);
	wire_put32(header + 8, m->size != 0 ? m->size : (uint32_t)m->length);
}

static bool vhu_has_reply(const struct proxy *p, const struct proxy_message *q)
{
	switch (q->command) {
	case RQ_GET_FEATURES:
	case RQ_GET_PROTOCOL_FEATURES:
	case RQ_GET_QUEUE_NUM:
	case RQ_GET_MAX_MEM_SLOTS:
	case RQ_GET_STATUS:
	case RQ_GET_CONFIG:
	case RQ_GET_INFLIGHT_FD:
	case RQ_GET_VRING_BASE:
		return true;
	default:
		return (q->flags & VHU_NEED_REPLY) && (backend_of(p)->acked_protocol & PF_REPLY_ACK);
	}
}

/* ---- the record of what is in flight ---- */

static int vhu_make_record(struct backend *b, const struct proxy_message *q)
{
	int fd = memfd_create("inflight", MFD_CLOEXEC);

	if (ftruncate(fd, 8192) != 0 || pwrite(fd, &b->inflight_mark, 8, 0) != 8)
		abort();
	b->inflight_queues = wire_get16(q->body + 16);
	b->inflight_size = wire_get16(q->body + 18);
	return fd;
}

/* What came counts as closed with the message. */
static void vhu_get_inflight(struct backend *b, const struct proxy_message *q,
			     struct proxy_message *r)
{
	bool at = b->fault_at == q->command;

	memcpy(r->body, q->body, q->length);
	r->length = q->length;
	r->fds[r->fd_count++] = r->came[r->came_count++] = vhu_make_record(b, q);
	wire_put64(r->body, at && b->fault == FAULT_SHORT_FILE ? 8193 : 8192);
	wire_put64(r->body + 8, at && b->fault == FAULT_OVERFLOW ? UINT64_MAX - 4096 : 0);
}

static void vhu_set_inflight(struct backend *b, const struct proxy_message *q,
			     struct proxy_message *r)
{
	vhu_expect(b, q->came_count == 1 && q->length == 24, "SET_INFLIGHT_FD");
	proxy_note_fd(&b->inflight_fd, q->came_count != 0 ? q->came[0] : -1);
	vhu_expect(b, pread(b->inflight_fd, &b->inflight_mark, 8, 0) == 8,
		   "the record cannot be read");
	wire_put64(r->body, 0);
	r->length = 8;
}

/* ---- requests ---- */

/* The ring that a request is for: a word of 32 bits, and where descriptors may come along the
 * low byte of one of 64. */
static struct backend_queue *vhu_queue(struct backend *b, const struct proxy_message *q)
{
	bool wide = q->command >= RQ_SET_VRING_KICK && q->command <= RQ_SET_VRING_ERR;
	uint64_t index = wide ? wire_get64(q->body) & 0xff : wire_get32(q->body);

	return &b->queue[index % BACKEND_QUEUES];
}

/* The front end's kicks come here first, and the device gets an eventfd of ours. */
static void vhu_take_kick(struct backend *b, struct proxy_message *q)
{
	struct backend_queue *queue = vhu_queue(b, q);

	proxy_note_fd(&queue->kick, q->came_count != 0 ? q->came[0] : -1);
	proxy_note_fd(&queue->device_kick, -1);
	queue->kicked = false;
	if (q->came_count == 0)
		return;
	queue->device_kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->fds[0] = queue->device_kick;
}

static bool vhu_request(struct proxy *p, struct proxy_message *q, struct proxy_message *r)
{
	struct backend *b = backend_of(p);

	r->command = q->command;
	r->flags = VHU_VERSION | VHU_REPLY;
	switch (q->command) {
	case RQ_SET_PROTOCOL_FEATURES:
		b->acked_protocol = wire_get64(q->body);
		wire_put64(q->body, b->acked_protocol & ~(uint64_t)PF_INFLIGHT);
		return true;
	case RQ_SET_VRING_KICK:
		vhu_take_kick(b, q);
		return true;
	case RQ_GET_INFLIGHT_FD:
		vhu_get_inflight(b, q, r);
		return false;
	case RQ_SET_INFLIGHT_FD:
		vhu_set_inflight(b, q, r);
		return false;
	default:
		return true;
	}
}

/* ---- what passes ---- */

static void vhu_drop_queue(struct backend_queue *queue)
{
	proxy_note_fd(&queue->kick, -1);
	proxy_note_fd(&queue->device_kick, -1);
	proxy_note_fd(&queue->call, -1);
	queue->kicked = false;
}

static void vhu_reset_queues(struct backend *b)
{
	for (unsigned int i = 0; i < BACKEND_QUEUES; i++) {
		vhu_drop_queue(&b->queue[i]);
		proxy_note_fd(&b->queue[i].err, -1);
		b->queue[i].enabled = b->queue[i].lost = false;
	}
}

static void vhu_note_region(struct proxy *p, const uint8_t *at, int fd)
{
	const struct proxy_window window = {
		.address = wire_get64(at),
		.size = wire_get64(at + 8),
		.user = wire_get64(at + 16),
		.offset = wire_get64(at + 24),
	};

	proxy_note_window(p, window, fd);
}

/* Nothing is done at a ring until its address comes again, and then a kick. */
static void vhu_table_changed(struct backend *b)
{
	for (unsigned int i = 0; b->drops_rings && i < BACKEND_QUEUES; i++) {
		b->queue[i].lost = true;
		b->queue[i].kicked = false;
	}
}

static void vhu_note_table(struct proxy *p, const struct proxy_message *q)
{
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		proxy_forget_window(&p->window[i]);
	for (unsigned int i = 0; i < q->came_count; i++)
		vhu_note_region(p, q->body + 8 + 32 * i, q->came[i]);
	vhu_table_changed(backend_of(p));
}

static void vhu_note_removal(struct proxy *p, const struct proxy_message *q)
{
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		if (p->window[i].used && p->window[i].address == wire_get64(q->body + 8))
			proxy_forget_window(&p->window[i]);
	vhu_table_changed(backend_of(p));
}

static void vhu_note_address(struct backend *b, const struct proxy_message *q)
{
	vhu_queue(b, q)->lost = false;
	vhu_queue(b, q)->used = wire_get64(q->body + 16);
}

/* Flag and descriptors agree. */
static void vhu_note_ring_fd(struct backend *b, int *noted, const struct proxy_message *q)
{
	vhu_expect(b, q->came_count == ((wire_get64(q->body) & VHU_NO_FD) == 0),
		   "flag and descriptors disagree");
	proxy_note_fd(noted, q->came_count != 0 ? q->came[0] : -1);
}

static void vhu_note(struct backend *b, const struct proxy_message *q)
{
	struct proxy *p = &b->proxy;

	switch (q->command) {
	case RQ_SET_FEATURES:
		b->acked = wire_get64(q->body);
		vhu_expect(b, (b->acked & ~b->features) == 0, "features not offered");
		break;
	case RQ_SET_PROTOCOL_FEATURES:
		vhu_expect(b, (b->acked_protocol & ~b->protocol) == 0,
			   "protocol features not offered");
		break;
	case RQ_SET_MEM_TABLE:
		vhu_note_table(p, q);
		break;
	case RQ_ADD_MEM_REG:
		vhu_expect(b, backend_regions(b) < b->slots, "too many regions");
		vhu_note_region(p, q->body + 8, q->came[0]);
		vhu_table_changed(b);
		break;
	case RQ_REM_MEM_REG:
		vhu_note_removal(p, q);
		break;
	case RQ_SET_VRING_BASE:
		vhu_queue(b, q)->base = wire_get32(q->body + 4);
		break;
	case RQ_SET_VRING_ADDR:
		vhu_note_address(b, q);
		break;
	case RQ_SET_VRING_CALL:
		vhu_note_ring_fd(b, &vhu_queue(b, q)->call, q);
		break;
	case RQ_SET_VRING_ERR:
		vhu_note_ring_fd(b, &vhu_queue(b, q)->err, q);
		break;
	case RQ_SET_VRING_ENABLE:
		vhu_queue(b, q)->enabled = wire_get32(q->body + 4) != 0;
		break;
	case RQ_SET_BACKEND_REQ_FD:
		proxy_note_fd(&b->request_fd, q->came[0]);
		break;
	case RQ_SET_STATUS:
		p->status = (uint8_t)wire_get64(q->body);
		break;
	case RQ_RESET_DEVICE:
		vhu_reset_queues(b);
		break;
	}
}

/* The device's own bytes, but for those that the test has others for. */
static void vhu_change_config(const struct backend *b, const struct proxy_message *q,
			      struct proxy_message *r)
{
	if (wire_get32(q->body + 4) > b->config_size)
		r->length = 0;
	for (unsigned int i = 0; i < BACKEND_CONFIG && VHU_HEADER + i < r->length; i++)
		if (b->config[i] >= 0)
			r->body[VHU_HEADER + i] = (uint8_t)b->config[i];
}

static void vhu_change_reply(struct backend *b, const struct proxy_message *q,
			     struct proxy_message *r)
{
	switch (q->command) {
	case RQ_GET_FEATURES:
		wire_put64(r->body, b->features);
		break;
	case RQ_GET_PROTOCOL_FEATURES:
		wire_put64(r->body, b->protocol);
		break;
	case RQ_GET_QUEUE_NUM:
		wire_put64(r->body, b->queue_num);
		break;
	case RQ_GET_MAX_MEM_SLOTS:
		wire_put64(r->body, b->slots);
		break;
	case RQ_GET_CONFIG:
		vhu_change_config(b, q, r);
		break;
	case RQ_GET_VRING_BASE:
		vhu_queue(b, q)->end = wire_get32(r->body + 4);
		vhu_drop_queue(vhu_queue(b, q));
		break;
	}
}

/* ---- faults ---- */

static void vhu_break_header(enum fault fault, struct proxy_message *r)
{
	switch (fault) {
	case FAULT_REQUEST:
		r->command ^= 64;
		break;
	case FAULT_NO_REPLY:
		r->flags = VHU_VERSION;
		break;
	case FAULT_VERSION:
		r->flags = 2 | VHU_REPLY;
		break;
	case FAULT_SHORT:
		/* Less than an empty one is more than there can be. */
		if (r->length < 4)
			r->size = UINT32_MAX - 3;
		else
			r->length -= 4;
		break;
	case FAULT_LONG:
		r->length += 4;
		break;
	case FAULT_HUGE:
		r->size = 0xfffffff0;
		r->cut = VHU_HEADER;
		break;
	case FAULT_REFUSE:
		wire_put64(r->body, 1);
		break;
	case FAULT_NUMBER:
		r->body[1] ^= 1;
		break;
	default:
		break;
	}
}

static void vhu_break_off(enum fault fault, struct proxy_message *r)
{
	r->hang_up = fault == FAULT_CLOSE || fault == FAULT_MID_HEADER ||
		     fault == FAULT_MID_PAYLOAD;
	r->silent = fault == FAULT_CLOSE || fault == FAULT_SILENT;
	if (fault == FAULT_MID_HEADER)
		r->cut = 5;
	if (fault == FAULT_MID_PAYLOAD)
		r->cut = VHU_HEADER + 3;
}

static void vhu_break_fds(struct backend *b, struct proxy_message *r)
{
	unsigned int count = r->fd_count;

	if (b->fault == FAULT_NO_FD)
		count = 0;
	if (b->fault == FAULT_FD)
		count++;
	if (b->fault == FAULT_MANY_FDS)
		count = 20;
	while (r->fd_count < count)
		r->fds[r->fd_count++] = b->proxy.wake_fd;
	r->fd_count = count;
}

static void vhu_misbehave(struct backend *b, struct proxy_message *r)
{
	if (b->fault == FAULT_SLOW) {
		b->faults_done++;
		usleep(1500 * 1000);
		return;
	}
	if (b->fault == FAULT_NONE || r->command != b->fault_at)
		return;
	b->faults_done++;
	vhu_break_header(b->fault, r);
	vhu_break_off(b->fault, r);
	vhu_break_fds(b, r);
	if (b->fault == FAULT_TWICE)
		proxy_send(&b->proxy, r);
}

static void vhu_served(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	struct backend *b = backend_of(p);

	vhu_note(b, q);
	if (vhu_has_reply(p, q)) {
		vhu_change_reply(b, q, r);
		vhu_misbehave(b, r);
	} else if (b->fault == FAULT_CLOSE && q->command == b->fault_at) {
		r->hang_up = true;
	}
}

static void vhu_ended(struct proxy *p)
{
	struct backend *b = backend_of(p);

	vhu_reset_queues(b);
	proxy_note_fd(&b->request_fd, -1);
	proxy_note_fd(&b->inflight_fd, -1);
	b->acked = b->acked_protocol = 0;
	p->status = 0;
}

/* ---- kicks ---- */

static unsigned int vhu_watch(struct proxy *p, struct pollfd waits[PROXY_WATCHES])
{
	for (unsigned int i = 0; i < BACKEND_QUEUES; i++)
		waits[i] = (struct pollfd){ .fd = backend_of(p)->queue[i].kick, .events = POLLIN };
	return BACKEND_QUEUES;
}

static void vhu_work(struct proxy *p, const struct pollfd waits[PROXY_WATCHES])
{
	struct backend *b = backend_of(p);

	for (unsigned int i = 0; i < BACKEND_QUEUES; i++) {
		struct backend_queue *queue = &b->queue[i];
		eventfd_t count;

		if (waits[i].revents && queue->kick >= 0) {
			eventfd_read(queue->kick, &count);
			queue->kicked |= !queue->lost;
			queue->kicks++;
		}
		if (!queue->kicked || b->paused)
			continue;
		eventfd_write(queue->device_kick, 1);
		queue->kicked = false;
	}
}

const struct proxy_protocol vhu_protocol = {
	.header = VHU_HEADER,
	.unpack = vhu_unpack,
	.pack = vhu_pack,
	.has_reply = vhu_has_reply,
	.request = vhu_request,
	.served = vhu_served,
	.ended = vhu_ended,
	.watch = vhu_watch,
	.work = vhu_work,
};
