/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/vfio_user_proxy.h"

enum { HEADER = 16 };

/* ---- messages ---- */

static void vfu_unpack(struct proxy_message *m, const uint8_t *header)
{
	m->id = wire_get16(header);
	m->command = wire_get16(header + 2);
	m->length = wire_get32(header + 4) - HEADER;
	m->flags = wire_get32(header + 8);
	m->error = wire_get32(header + 12);
}

static void vfu_pack(const struct proxy_message *m, uint8_t *header)
{
	wire_put16(header, m->id);
	wire_put16(header + 2, (uint16_t)m->command);
	wire_put32(header + 4, m->size != 0 ? m->size : (uint32_t)(HEADER + m->length));
	wire_put32(header + 8, m->flags);
	wire_put32(header + 12, m->error);
}

static bool vfu_has_reply(const struct proxy *p, const struct proxy_message *q)
{
	(void)p;
	return (q->flags & VFU_NO_REPLY) == 0;
}

int vfu_request(struct proxy *p, uint16_t command, uint64_t address, uint64_t count,
		void *data, size_t size)
{
	static __thread struct proxy_message m;
	uint16_t id = 0xa5a5;

	proxy_blank(&m);
	m.id = id;
	m.command = command;
	wire_put64(m.body, address);
	wire_put64(m.body + 8, count);
	m.length = 16 + (command == VFU_DMA_WRITE ? size : 0);
	if (command == VFU_DMA_WRITE && size != 0)
		memcpy(m.body + 16, data, size);
	proxy_send(p, &m);
	if (!proxy_receive(p->protocol, p->fd, &m) || m.id != id || m.command != command ||
	    (m.flags & 0xf) != VFU_REPLY || m.came_count != 0)
		return -1;
	if (m.flags & VFU_ERROR)
		return m.length == 0 && m.error != 0 ? (int)m.error : -1;
	if (m.length != 16 + (command == VFU_DMA_READ ? count : 0) ||
	    wire_get64(m.body) != address || wire_get64(m.body + 8) != count)
		return -1;
	if (command == VFU_DMA_READ)
		memcpy(data, m.body + 16, count);
	return 0;
}

/* ---- what passes ---- */

static void vfu_note_map(struct proxy *p, const struct proxy_message *q)
{
	const struct proxy_window window = {
		.writable = (wire_get32(q->body + 4) & 2) != 0,
		.offset = wire_get64(q->body + 8),
		.address = wire_get64(q->body + 16),
		.size = wire_get64(q->body + 24),
	};

	proxy_note_window(p, window, q->came_count != 0 ? q->came[0] : -1);
}

static void vfu_note_unmap(struct proxy *p, const struct proxy_message *q)
{
	vfu_of(p)->unmapped_live += vfu_of(p)->bus_master;
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		if (p->window[i].used && p->window[i].address == wire_get64(q->body + 8))
			proxy_forget_window(&p->window[i]);
}

/* Eventfds for interrupts, or none for all of a kind. */
static void vfu_note_irqs(struct proxy *p, const struct proxy_message *q)
{
	uint32_t index = wire_get32(q->body + 8), start = wire_get32(q->body + 12);
	uint32_t count = wire_get32(q->body + 16);
	int *irq = vfu_of(p)->irq[index];

	for (uint32_t i = 0; count == 0 && i < 16; i++)
		proxy_note_fd(&irq[i], -1);
	for (uint32_t i = 0; i < count && i < q->came_count && start + i < 16; i++)
		proxy_note_fd(&irq[start + i], q->came[i]);
}

/* The command register is at 4 in configuration space, the status at 20 in the BAR. */
static void vfu_note_write(struct proxy *p, const struct proxy_message *q)
{
	uint64_t offset = wire_get64(q->body);
	uint32_t region = wire_get32(q->body + 8);

	if (region == 7 && offset == 4)
		vfu_of(p)->bus_master = (q->body[16] & 4) != 0;
	else if (region == PROXY_REGION && offset == 20)
		p->status = q->body[16];
	else if (region == PROXY_REGION && offset >= PROXY_NOTIFY)
		vfu_of(p)->doorbells++;
}

static void vfu_note(struct proxy *p, const struct proxy_message *q)
{
	switch (q->command) {
	case VFU_DMA_MAP:
		vfu_note_map(p, q);
		break;
	case VFU_DMA_UNMAP:
		vfu_note_unmap(p, q);
		break;
	case VFU_SET_IRQS:
		vfu_note_irqs(p, q);
		break;
	case VFU_REGION_WRITE:
		vfu_note_write(p, q);
		break;
	}
}

static bool vfu_change_request(struct proxy *p, struct proxy_message *q, struct proxy_message *r)
{
	if (!vfu_of(p)->on_request || vfu_of(p)->on_request(p, q))
		return true;
	r->id = q->id;
	r->command = q->command;
	r->flags = VFU_REPLY;
	memcpy(r->body, q->body, 16);
	r->length = 16;
	return false;
}

static void vfu_served(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	const struct vfu_proxy *v = vfu_of(p);

	if (!(r->flags & VFU_ERROR))
		vfu_note(p, q);
	if (q->command == VFU_VERSION && v->json) {
		strcpy((char *)r->body + 4, v->json);
		r->length = 4 + strlen(v->json) + 1;
	}
	if (q->command == VFU_REGION_INFO && r->fd_count == 1 && v->bar_fd >= 0)
		r->fds[0] = v->bar_fd;
	for (unsigned int i = 0; i < 3 && q->command == VFU_REGION_IO_FDS; i++)
		if (v->doorbell[i] >= 0)
			r->fds[i] = v->doorbell[i];
}

void vfu_refuse_unmap(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	if (q->command != VFU_DMA_UNMAP || p->number == 0)
		return;
	r->flags |= VFU_ERROR;
	r->error = EIO;
	r->length = 0;
}

static void vfu_ended(struct proxy *p)
{
	vfu_of(p)->bus_master = false;
	for (unsigned int kind = 0; kind < 5; kind++)
		for (unsigned int i = 0; i < 16; i++)
			proxy_note_fd(&vfu_of(p)->irq[kind][i], -1);
}

static void vfu_destroy(struct proxy *p)
{
	const struct vfu_proxy *v = vfu_of(p);

	for (int i = 0; i < 3; i++)
		if (v->doorbell[i] >= 0)
			close(v->doorbell[i]);
	if (v->bar_fd >= 0)
		close(v->bar_fd);
}

static const struct proxy_protocol vfio_user = {
	.header = HEADER,
	.unpack = vfu_unpack,
	.pack = vfu_pack,
	.has_reply = vfu_has_reply,
	.request = vfu_change_request,
	.served = vfu_served,
	.ended = vfu_ended,
	.destroy = vfu_destroy,
};

struct proxy *vfu_proxy_create(void)
{
	struct vfu_proxy *v = calloc(1, sizeof(*v));

	proxy_prepare(&v->proxy, &vfio_user);
	v->proxy.fixed[0] = "--queues=1";
	v->proxy.fixed[1] = "--vectors=3";
	v->proxy.options[0] = "--notify=write";
	v->bar_fd = v->doorbell[0] = v->doorbell[1] = v->doorbell[2] = -1;
	memset(v->irq, 0xff, sizeof(v->irq));
	return &v->proxy;
}
