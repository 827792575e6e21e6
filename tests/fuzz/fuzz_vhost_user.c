/* SPDX-License-Identifier: BSD-3-Clause */
/* A vhost-user back end that has fuzz_dev's queues, and answers as the input says: right, wrong, in pieces, late, never. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/wire.h"
#include "tests/fuzz/world.h"

#define CALL_LIMIT 60000000000ull

const char *const fuzz_words[] = { "\x01\x00\x00\x00\x05", "\x08\x00\x00\x00", "\x0c\x40", "\x0f", "\xff\xff", "\x05\xff\xff", ",read-only", ",wait=30", NULL };

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	SET_BACKEND_REQ_FD = 21,
	GET_CONFIG = 24,
	GET_INFLIGHT_FD = 31,
	RESET_DEVICE = 34,
	GET_MAX_MEM_SLOTS = 36,
	ADD_MEM_REG = 37,
	REM_MEM_REG = 38,
	SET_STATUS = 39,
	GET_STATUS = 40,
	REPLY = 4,
	NEED_REPLY = 8,
};

struct head {
	uint32_t request, flags, size;
};

static struct {
	struct head head;
	uint8_t bytes[1024];
	int fd; /* -1: none */
	bool wanted;
} reply;

static struct {
	unsigned int manner;
	unsigned int protocol; /* features of it */
	int channel;	       /* the back end's own; -1: none */
	uint64_t user[DEVICE_REGIONS], size[DEVICE_REGIONS], iova[DEVICE_REGIONS];
	unsigned int regions;
	struct {
		uint16_t size;
		uint64_t desc, avail, used;
		uint32_t base;
		bool kicked, on;
	} ring[DEVICE_QUEUES];
	int inflight;
} back = { .channel = -1, .inflight = -1 };

static void vb_answer(const void *bytes, uint32_t size)
{
	memcpy(reply.bytes, bytes, size);
	reply.head.size = size;
	reply.wanted = true;
}

static void vb_answer64(uint64_t value)
{
	vb_answer(&value, sizeof(value));
}

/* ---- memory ---- */

/* guest address, size, user address, offset */
static void vb_region_add(const uint8_t *r)
{
	uint64_t offset = fuzz_wire_get64(r + 24), size = fuzz_wire_get64(r + 8);

	if (back.regions == DEVICE_REGIONS || offset > FUZZ_ARENA || size > FUZZ_ARENA - offset)
		return;
	back.user[back.regions] = fuzz_wire_get64(r + 16);
	back.iova[back.regions] = fuzz_wire_get64(r);
	back.size[back.regions] = size;
	fuzz_dev.region[back.regions++] = (struct fuzz_region){
		.iova = fuzz_wire_get64(r),
		.size = size,
		.as_device = fuzz_arena_as_device(offset),
		.writable = true,
	};
}

static void vb_region_remove(const uint8_t *r)
{
	for (unsigned int i = 0; i < back.regions; i++)
		if (back.iova[i] == fuzz_wire_get64(r)) {
			back.regions--;
			back.user[i] = back.user[back.regions];
			back.iova[i] = back.iova[back.regions];
			back.size[i] = back.size[back.regions];
			fuzz_dev.region[i] = fuzz_dev.region[back.regions];
			fuzz_dev.region[back.regions].size = 0;
			return;
		}
}

static void vb_table(const uint8_t *table, size_t size)
{
	uint32_t count = fuzz_wire_get32(table);

	FUZZ_CHECK(count <= 8 && size == 8 + 32 * count);
	memset(fuzz_dev.region, 0, sizeof(fuzz_dev.region));
	back.regions = 0;
	for (uint32_t i = 0; i < count; i++)
		vb_region_add(table + 8 + 32 * i);
}

/* What the device calls it. */
static uint64_t vb_address(uint64_t user)
{
	for (unsigned int i = 0; i < back.regions; i++)
		if (user >= back.user[i] && user - back.user[i] < back.size[i])
			return back.iova[i] + (user - back.user[i]);
	FUZZ_CHECK(!fuzz_dev.correct);
	return 0;
}

/* ---- rings ---- */

/* Where a ring goes on: of packed ones, both positions with their wrap counters. */
static void vb_position(struct model_queue *q, uint32_t base)
{
	bool packed = fuzz_device_accepted(&fuzz_dev, 34);

	if (packed && base == 0)
		return;
	q->seen = (uint16_t)(packed ? base & 0x7fff : base);
	q->put = (uint16_t)(packed ? base >> 16 & 0x7fff : base);
	q->seen_wrap = !packed || (base & 0x8000) != 0;
	q->put_wrap = !packed || (base >> 31) != 0;
	if (packed && (q->seen >= q->size || q->put >= q->size))
		q->seen = q->put = 0;
}

static void vb_enable(unsigned int index)
{
	struct vn_transport *t = &fuzz_dev.transport;
	struct vn_ring_areas areas = {
		.descriptor.iova = back.ring[index].desc,
		.driver.iova = back.ring[index].avail,
		.device.iova = back.ring[index].used,
	};
	struct vn_doorbell bell;
	int vector = -1;

	/* Without protocol features there is nothing to enable. */
	if (!back.ring[index].kicked || !(back.ring[index].on || back.manner & 4)) {
		fuzz_dev.queue[index].enabled = 0;
		return;
	}
	if (fuzz_dev.queue[index].size != 0)
		fuzz_dev.queue[index].enabled = 1;
	if (fuzz_dev.queue[index].enabled || back.ring[index].size == 0 || back.ring[index].size > fuzz_dev.queue_max[index] ||
	    areas.descriptor.iova == 0)
		return;
	/* Status is not always said, nor are features set before the first ring. */
	fuzz_dev.status |= 0xf;
	(void)t->ops->queue_setup(t, index, back.ring[index].size, &vector, &areas, &bell);
	vb_position(&fuzz_dev.queue[index], back.ring[index].base);
	(void)t->ops->queue_enable(t, index);
}

static void vb_ring(uint32_t request, const uint8_t *bytes)
{
	uint32_t index = fuzz_wire_get32(bytes) & 0xff;

	if (index >= DEVICE_QUEUES)
		return;
	switch (request) {
	case SET_VRING_NUM:
		back.ring[index].size = (uint16_t)fuzz_wire_get32(bytes + 4);
		break;
	case SET_VRING_BASE:
		back.ring[index].base = fuzz_wire_get32(bytes + 4);
		break;
	case SET_VRING_ADDR:
		back.ring[index].desc = vb_address(fuzz_wire_get64(bytes + 8));
		back.ring[index].used = vb_address(fuzz_wire_get64(bytes + 16));
		back.ring[index].avail = vb_address(fuzz_wire_get64(bytes + 24));
		break;
	case SET_VRING_ENABLE:
		back.ring[index].on = fuzz_wire_get32(bytes + 4) != 0;
		vb_enable(index);
		break;
	default: /* kick */
		back.ring[index].kicked = true;
		vb_enable(index);
	}
}

static void vb_stop(const uint8_t *bytes)
{
	uint32_t state[2] = { fuzz_wire_get32(bytes), 0 };

	if (state[0] < DEVICE_QUEUES) {
		/* What it has, it gives back first. */
		fuzz_device_complete(&fuzz_dev, state[0], 64, 0);
		state[1] = fuzz_dev.queue[state[0]].seen;
		if (fuzz_device_accepted(&fuzz_dev, 34))
			state[1] = (state[1] | (fuzz_dev.queue[state[0]].seen_wrap ? 0x8000u : 0)) * 0x10001u;
		back.ring[state[0]].kicked = false;
		/* One that does not stop says that it has. */
		if (fuzz_dev.transport.ops->queue_reset(&fuzz_dev.transport, state[0], 0))
			fuzz_dev.correct = false;
	}
	vb_answer(state, sizeof(state));
}

/* ---- right answers ---- */

static void vb_config(const uint8_t *bytes, size_t size)
{
	uint32_t wanted = fuzz_wire_get32(bytes + 4);

	FUZZ_CHECK(size == 12 + wanted && wanted <= 256);
	if (wanted > DEVICE_CONFIG || (back.manner & 8 && wanted > 12)) {
		vb_answer("", 0);
		return;
	}
	vb_answer(bytes, (uint32_t)size);
	memcpy(reply.bytes + 12, fuzz_dev.config, wanted);
}

static void vb_inflight(void)
{
	struct {
		uint64_t size, offset;
		uint16_t queues, entries;
		uint32_t tail;
	} what = { .size = 4096 };

	if (back.inflight < 0) {
		back.inflight = memfd_create("inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		FUZZ_CHECK(back.inflight >= 0 && ftruncate(back.inflight, 4096) == 0);
	}
	vb_answer(&what, sizeof(what));
	reply.fd = back.inflight;
}

static void vb_features(const uint8_t *bytes)
{
	struct vionet_features accepted = { .word = { fuzz_wire_get64(bytes) & ~(1ull << 30) } };

	if (!fuzz_dev.correct)
		accepted.word[0] &= fuzz_dev.offered[0];
	(void)fuzz_dev.transport.ops->features_write(&fuzz_dev.transport, &accepted);
}

static void vb_reset(void)
{
	uint64_t accepted = fuzz_dev.accepted[0];

	(void)fuzz_dev.transport.ops->status_write(&fuzz_dev.transport, 0);
	if (fuzz_dev.status != 0)
		fuzz_dev.correct = false;
	memset(&back.ring, 0, sizeof(back.ring));
	fuzz_dev.accepted[0] = accepted;
}

static void vb_obey(uint32_t request, const uint8_t *bytes, size_t size)
{
	switch (request) {
	case GET_FEATURES:
		vb_answer64(fuzz_dev.offered[0] | (back.manner & 4 ? 0 : 1ull << 30));
		break;
	case GET_PROTOCOL_FEATURES:
		vb_answer64(back.protocol);
		break;
	case SET_FEATURES:
		vb_features(bytes);
		break;
	case SET_MEM_TABLE:
		vb_table(bytes, size);
		break;
	case ADD_MEM_REG:
		vb_region_add(bytes + 8);
		break;
	case REM_MEM_REG:
		vb_region_remove(bytes + 8);
		break;
	case SET_VRING_NUM:
	case SET_VRING_BASE:
	case SET_VRING_ADDR:
	case SET_VRING_ENABLE:
	case SET_VRING_KICK:
		vb_ring(request, bytes);
		break;
	case GET_VRING_BASE:
		vb_stop(bytes);
		break;
	case GET_QUEUE_NUM:
		vb_answer64(fuzz_app.pairs);
		break;
	case SET_BACKEND_REQ_FD:
		if (back.channel >= 0)
			close(back.channel);
		back.channel = fuzz_wire_take_fd();
		break;
	case GET_CONFIG:
		vb_config(bytes, size);
		break;
	case GET_INFLIGHT_FD:
		vb_inflight();
		break;
	case RESET_DEVICE:
		vb_reset();
		break;
	case GET_MAX_MEM_SLOTS:
		vb_answer64(32);
		break;
	case SET_STATUS:
		if (fuzz_wire_get64(bytes) == 0)
			vb_reset();
		else
			(void)fuzz_dev.transport.ops->status_write(&fuzz_dev.transport, (uint8_t)fuzz_wire_get64(bytes));
		break;
	case GET_STATUS:
		vb_answer64(fuzz_dev.status);
		break;
	default:
		break;
	}
}

/* ---- other answers ---- */

/* A message on the channel of the back end's own requests. */
static void vb_request(void)
{
	uint8_t bytes[12 + 64] = { 0 };
	struct head head = { 2, 1, 0 };
	unsigned int what = fuzz_take8();
	size_t size = sizeof(head);

	if (back.channel < 0)
		return;
	if (what & 1)
		head.request = fuzz_take8();
	if (what & 2)
		head.flags = fuzz_take8();
	if (what & 4)
		head.size = fuzz_take16();
	memcpy(bytes, &head, sizeof(head));
	if (what & 8)
		size += fuzz_take_bytes(bytes + sizeof(head), head.size < 64 ? head.size : 64);
	(void)!send(back.channel, bytes, what & 16 ? fuzz_take8() % size : size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Returns whether there is a reply. */
static bool vb_distort(unsigned int what)
{
	static const int some[] = { 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2 };

	fuzz_dev.correct = false;
	switch (what & 15) {
	case 0:
		reply.head.request = fuzz_take8();
		break;
	case 1:
		reply.head.flags = fuzz_take8();
		break;
	case 2:
		reply.head.size = fuzz_take16() % sizeof(reply.bytes);
		break;
	case 3:
		fuzz_wire_send(&reply.head, sizeof(reply.head), some, 1 + fuzz_take8() % 12);
		fuzz_wire_send(reply.bytes, reply.head.size, NULL, 0);
		return false;
	case 4:
	case 5:
	case 6:
		(void)fuzz_take_bytes(reply.bytes + (what & 0x10 ? 8 : 0), 1 + (what & 7));
		break;
	case 7:
		(void)fuzz_take_bytes(reply.bytes, reply.head.size < 64 ? reply.head.size : 64);
		break;
	case 8:
		return false;
	case 9:
		fuzz_wire_hang_up();
		return false;
	case 10:
	case 11:
		vb_request();
		break;
	case 12:
		fuzz_pass(1000000ull * (fuzz_take16() % 3000));
		break;
	case 13:
		reply.wanted = true;
		break;
	case 14:
		fuzz_wire_send(&reply.head, sizeof(reply.head), NULL, 0);
		return false;
	default:
		reply.fd = 0;
	}
	return true;
}

static void vb_peer(void)
{
	const uint8_t *bytes;
	struct head head;
	size_t size;

	for (;;) {
		unsigned int what = 0;
		int fd;

		bytes = fuzz_wire_sent(&size);
		if (size < sizeof(head))
			return;
		memcpy(&head, bytes, sizeof(head));
		if (size < sizeof(head) + head.size)
			return;
		FUZZ_CHECK((head.flags & ~8u) == 1);
		reply.head = (struct head){ head.request, 1 | REPLY, 0 };
		reply.fd = -1;
		reply.wanted = false;
		vb_obey(head.request, bytes + sizeof(head), head.size);
		if (!reply.wanted && head.flags & NEED_REPLY)
			vb_answer64(0);
		if ((back.manner & 1) != 0)
			what = fuzz_take8();
		if ((what < 0xc0 || vb_distort(what)) && reply.wanted) {
			fuzz_wire_send(&reply.head, sizeof(reply.head), &reply.fd, reply.fd >= 0);
			fuzz_wire_send(reply.bytes, reply.head.size, NULL, 0);
		}
		fd = fuzz_wire_take_fd();
		if (fd >= 0)
			close(fd);
		fuzz_wire_take(sizeof(head) + head.size);
	}
}

static void vb_meanwhile(void)
{
}

static int vb_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	static const char prefix[] = "vhost-user:/x";
	char name[200] = "vhost-user:/x";
	unsigned int which = fuzz_take8();

	fuzz_device_ops(&fuzz_dev, 0);
	fuzz_arena_pages(FUZZ_PAGE);
	if (back.channel >= 0)
		close(back.channel);
	memset(&back.ring, 0, sizeof(back.ring));
	back.channel = -1;
	back.regions = 0;
	back.manner = fuzz_take8();
	back.protocol = 0;
	for (unsigned int i = 0; i < 8; i++) {
		static const uint8_t bits[] = { 0, 3, 5, 9, 12, 13, 15, 16 };

		back.protocol |= (which >> i & 1) << bits[i];
	}
	/* No control queue, and what needs one or a doorbell. */
	fuzz_dev.offered[0] &= ~(1ull << 17 | 1ull << 30);
	fuzz_dev.offered[1] = 0;
	fuzz_wire_begin((back.manner & 2) != 0);
	fuzz_wire_peer = vb_peer;
	fuzz_meanwhile = vb_meanwhile;
	/* A name of the input's choice, of any kind of device but a PCI function: those are looked for on this machine. */
	if (back.manner & 0x20 && fuzz_take_bytes(name + sizeof(prefix) - 1, fuzz_take8() % (sizeof(name) - sizeof(prefix))) != 0 &&
	    !strstr(name, "server"))
		return vionet_device_open(name, options, device);
	return vionet_device_open(back.manner & 0x10 ? "vhost-user:/fuzz,read-only" : "vhost-user:/fuzz", options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_checks_options = true;
	fuzz_sessions(bytes, size, CALL_LIMIT, vb_open);
	return 0;
}
