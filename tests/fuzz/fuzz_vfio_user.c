/* SPDX-License-Identifier: BSD-3-Clause */
/* A vfio-user server that has the function of registers.h, and answers as the input says: right, wrong, in pieces, late,
 * never; and with commands of its own between. */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/registers.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/wire.h"
#include "tests/fuzz/world.h"

#define CALL_LIMIT 60000000000ull

const char *const fuzz_words[] = { "{\"capabilities\":{", "\"max_msg_fds\":8", "\"max_data_xfer_size\":", "\"pgsizes\":4096", "}}",
				   "\x08\x00\x10", "\x09\x50\x10\x01", "\x0f", "\xff\xff", NULL };

enum {
	VERSION = 1,
	DMA_MAP = 2,
	DMA_UNMAP = 3,
	GET_INFO = 4,
	GET_REGION_INFO = 5,
	GET_REGION_IO_FDS = 6,
	GET_IRQ_INFO = 7,
	SET_IRQS = 8,
	REGION_READ = 9,
	REGION_WRITE = 10,
	DMA_READ = 11,
	DMA_WRITE = 12,
	RESET = 13,
	FEATURE = 16,
	MIG_READ = 17,
	MIG_WRITE = 18,
	REPLY = 1,
	ERROR = 0x20,
};

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

/* A reply as it goes out. */
static struct {
	struct header head;
	uint8_t bytes[1u << 20 | 64];
	size_t size; /* of the bytes */
	int fd;	     /* -1: none */
} reply;

static struct {
	unsigned int manner; /* 0: right; else each answer is as the input says */
	unsigned int has;    /* what the function offers */
	bool any_version;    /* its first reply is the input's */
	int bar;	     /* a file for its BAR; -1: none */
} server;

static void srv_put32(uint32_t value)
{
	memcpy(reply.bytes + reply.size, &value, sizeof(value));
	reply.size += sizeof(value);
}

static void srv_put64(uint64_t value)
{
	memcpy(reply.bytes + reply.size, &value, sizeof(value));
	reply.size += sizeof(value);
}

static void srv_error(uint32_t code)
{
	reply.head.flags |= ERROR;
	reply.head.error = code;
	reply.size = 0;
}

/* ---- right answers ---- */

static void srv_version(void)
{
	static const char usual[] = "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,\"pgsizes\":4096}}";
	char text[128] = { 0 };
	size_t size;

	srv_put32(1u << 16); /* 0.1 */
	if (server.any_version) {
		size = fuzz_take_bytes(text, fuzz_take8() % 127);
		memcpy(reply.bytes + reply.size, text, size + 1);
		reply.size += size + 1;
	} else {
		memcpy(reply.bytes + reply.size, usual, sizeof(usual));
		reply.size += sizeof(usual);
	}
}

static void srv_region_info(const uint8_t *request)
{
	uint32_t index = fuzz_wire_get32(request + 8);
	uint64_t size = index == FUZZ_CONFIG_REGION ? 256 : index == FUZZ_BAR ? FUZZ_BAR_SIZE
									      : 0;
	bool maps = index == FUZZ_BAR && server.bar >= 0, more = maps && server.has & 8;

	srv_put32(maps ? 32 + 16 + (more ? 32 : 16) : 32);
	srv_put32(size != 0 ? 3u | (maps ? 4u | 8u : 0) : 0);
	srv_put32(index);
	srv_put32(maps ? 32 : 0);
	srv_put64(size);
	srv_put64(0);
	if (!maps)
		return;
	/* The doorbells alone, or all. */
	srv_put32(VFIO_REGION_INFO_CAP_SPARSE_MMAP | 1u << 16);
	srv_put32(0);
	srv_put32(more ? 2 : 1);
	srv_put32(0);
	srv_put64(server.has & 2 ? 0x3000 : 0);
	srv_put64(server.has & 2 ? 0x1000 : FUZZ_BAR_SIZE);
	if (more) {
		srv_put64((uint64_t)(fuzz_take8() & 63) << 8);
		srv_put64((uint64_t)(fuzz_take8() & 31) << 8);
	}
	reply.fd = server.bar;
}

static void srv_io_fds(const uint8_t *request)
{
	if (!(server.has & 4)) {
		srv_error(ENOTSUP);
		return;
	}
	srv_put32(16 + 40 * DEVICE_QUEUES);
	srv_put32(0);
	srv_put32(fuzz_wire_get32(request + 8));
	srv_put32(DEVICE_QUEUES);
	for (unsigned int i = 0; i < DEVICE_QUEUES; i++) {
		srv_put64(0x3000 + 4 * i);
		srv_put64(2);
		srv_put32(0);
		srv_put32(0);
		srv_put32(0);
		srv_put32(0);
		srv_put64(0);
	}
	reply.fd = fuzz_dev.vector_fd[0];
}

static void srv_irq_info(const uint8_t *request)
{
	uint32_t index = fuzz_wire_get32(request + 8);

	srv_put32(16);
	srv_put32(index == VFIO_PCI_MSIX_IRQ_INDEX || index >= VFIO_PCI_ERR_IRQ_INDEX ? 1 : 0);
	srv_put32(index);
	srv_put32(index == VFIO_PCI_MSIX_IRQ_INDEX ? server.has >> 4 & 7 : index >= VFIO_PCI_ERR_IRQ_INDEX ? server.has >> 3 & 1
													   : 0);
}

static void srv_region_access(const uint8_t *request, size_t size, bool write)
{
	uint64_t offset = fuzz_wire_get64(request);
	uint32_t region = fuzz_wire_get32(request + 8), count = fuzz_wire_get32(request + 12);

	if (count > 4096 || (write && size - 16 != count)) {
		FUZZ_CHECK(server.manner != 0);
		srv_error(EINVAL);
		return;
	}
	memcpy(reply.bytes, request, 16);
	reply.size = 16;
	if (write) {
		(void)fuzz_registers_write(region, offset, request + 16, count);
	} else {
		(void)fuzz_registers_read(region, offset, reply.bytes + 16, count);
		reply.size += count;
	}
}

static void srv_dma_map(const uint8_t *request)
{
	struct vn_memory memory = { .fd = 0, .offset = fuzz_wire_get64(request + 8), .size = fuzz_wire_get64(request + 24) };
	struct fuzz_region *r = fuzz_dev.region;

	while (r < fuzz_dev.region + DEVICE_REGIONS && r->size != 0)
		r++;
	if (r == fuzz_dev.region + DEVICE_REGIONS || memory.offset > FUZZ_ARENA || memory.size > FUZZ_ARENA - memory.offset) {
		srv_error(ENOMEM);
		return;
	}
	*r = (struct fuzz_region){
		.iova = fuzz_wire_get64(request + 16),
		.size = memory.size,
		.as_device = fuzz_arena_as_device(memory.offset),
		.writable = (fuzz_wire_get32(request + 4) & 2) != 0,
	};
}

static void srv_dma_unmap(const uint8_t *request)
{
	uint64_t iova = fuzz_wire_get64(request + 8);

	for (unsigned int i = 0; i < DEVICE_REGIONS; i++)
		if (fuzz_dev.region[i].size != 0 && fuzz_dev.region[i].iova == iova)
			fuzz_dev.region[i].size = 0;
	memcpy(reply.bytes, request, 24);
	reply.size = 24;
}

static void srv_feature(const uint8_t *request, size_t size)
{
	if (!(server.has & 0x40)) {
		srv_error(ENOTSUP);
		return;
	}
	memcpy(reply.bytes, request, size < 64 ? size : 64);
	reply.size = size < 64 ? size : 64;
	if (fuzz_wire_get32(request + 4) & 1u << 16)
		srv_put64(1);
}

static void srv_answer(uint16_t command, const uint8_t *request, size_t size)
{
	switch (command) {
	case VERSION:
		srv_version();
		break;
	case DMA_MAP:
		srv_dma_map(request);
		break;
	case DMA_UNMAP:
		srv_dma_unmap(request);
		break;
	case GET_INFO:
		srv_put32(16);
		srv_put32(VFIO_DEVICE_FLAGS_PCI | (server.has & 1 ? VFIO_DEVICE_FLAGS_RESET : 0));
		srv_put32(9);
		srv_put32(5);
		break;
	case GET_REGION_INFO:
		srv_region_info(request);
		break;
	case GET_REGION_IO_FDS:
		srv_io_fds(request);
		break;
	case GET_IRQ_INFO:
		srv_irq_info(request);
		break;
	case REGION_READ:
	case REGION_WRITE:
		srv_region_access(request, size, command == REGION_WRITE);
		break;
	case RESET:
		(void)fuzz_dev.transport.ops->reset(&fuzz_dev.transport);
		break;
	case FEATURE:
		srv_feature(request, size);
		break;
	case MIG_READ:
		srv_put32(8);
		srv_put32(server.has & 8 && fuzz_more() ? fuzz_take8() : 0);
		memset(reply.bytes + 8, 0x5a, 256);
		reply.size += fuzz_wire_get32(reply.bytes + 4);
		break;
	default:
		break; /* a header will do */
	}
}

/* ---- other answers ---- */

/* A command of ours: an access to memory of the driver, or anything. */
static void srv_command(void)
{
	static uint8_t bytes[16 + 16 + 64];
	unsigned int what = fuzz_take8();
	struct header head = { .id = fuzz_take8(), .command = what & 1 ? DMA_READ : DMA_WRITE };
	struct fuzz_region *r = &fuzz_dev.region[fuzz_take8() % DEVICE_REGIONS];
	uint64_t address = r->iova + (what & 2 ? fuzz_take16() : 0), count = what & 4 ? fuzz_take32() : fuzz_take8() & 63;
	size_t size = 32 + (what & 1 ? 0 : 64);

	if (!(what & 1) && !(what & 4))
		size = 32 + count;
	head.size = (uint32_t)size + (what & 8 ? fuzz_take8() : 0);
	head.flags = what & 0x10 ? fuzz_take8() : 0;
	if (what & 0x20)
		head.command = fuzz_take8();
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + 16, &address, 8);
	memcpy(bytes + 24, &count, 8);
	fuzz_wire_send(bytes, what & 0x40 ? fuzz_take8() % size : size, NULL, 0);
}

/* The reply is not as it should be. Returns whether there is one. */
static bool srv_distort(unsigned int what)
{
	static const int none[] = { 0, 1, 2, 3 };

	fuzz_dev.correct = false;
	switch (what & 15) {
	case 0:
		reply.head.id ^= 1;
		break;
	case 1:
		reply.head.command = fuzz_take8();
		break;
	case 2:
		srv_error(fuzz_take8());
		break;
	case 3:
		reply.head.flags ^= 1u << (fuzz_take8() & 7);
		break;
	case 4:
		reply.size -= reply.size != 0 ? 1 + fuzz_take8() % reply.size : 0;
		break;
	case 5:
		reply.size += 1 + fuzz_take8();
		break;
	case 6:
	case 7:
		if (reply.size != 0)
			reply.bytes[fuzz_take16() % reply.size] = fuzz_take8();
		break;
	case 8:
		return false;
	case 9:
	case 10:
		srv_command();
		break;
	case 11:
		fuzz_wire_hang_up();
		return false;
	case 12:
		fuzz_wire_send(&reply.head, sizeof(reply.head), none, 1 + (what >> 6));
		return false;
	case 13:
		reply.head.size += fuzz_take16();
		break;
	case 14:
		(void)fuzz_take_bytes(reply.bytes, reply.size < 32 ? reply.size : 32);
		break;
	default:
		fuzz_pass(1000000ull * fuzz_take8());
		if (what & 0x10)
			srv_command();
	}
	return true;
}

static void srv_send(void)
{
	uint32_t extra = reply.head.size; /* that it is wrong by */

	reply.head.size = (uint32_t)(sizeof(reply.head) + reply.size) + extra;
	fuzz_wire_send(&reply.head, sizeof(reply.head), &reply.fd, reply.fd >= 0);
	fuzz_wire_send(reply.bytes, reply.size, NULL, 0);
}

static void srv_peer(void)
{
	const uint8_t *bytes;
	struct header head;
	size_t size;

	for (;;) {
		unsigned int what = 0;
		int fd;

		bytes = fuzz_wire_sent(&size);
		if (size < sizeof(head))
			return;
		memcpy(&head, bytes, sizeof(head));
		FUZZ_CHECK(head.size >= sizeof(head));
		if (size < head.size)
			return;
		if ((head.flags & 15) == 0) {
			reply.head = (struct header){ .id = head.id, .command = head.command, .flags = REPLY };
			reply.size = 0;
			reply.fd = -1;
			srv_answer(head.command, bytes + sizeof(head), head.size - sizeof(head));
			if (server.manner != 0)
				what = fuzz_take8();
			if (what < 0xc0 || srv_distort(what))
				srv_send();
		}
		fd = fuzz_wire_take_fd();
		if (fd >= 0)
			close(fd);
		fuzz_wire_take(head.size);
	}
}

static void srv_meanwhile(void)
{
	fuzz_device_serve(&fuzz_dev);
}

/* A file for the BAR, once. */
static int srv_bar(void)
{
	static int file = -1;

	if (file < 0) {
		file = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		FUZZ_CHECK(file >= 0 && ftruncate(file, FUZZ_BAR_SIZE) == 0);
	}
	return file;
}

static int srv_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	static const char *const names[] = { "vfio-user:/fuzz", "vfio-user:/fuzz,server", "vfio-user:/fuzz,read-only", "vfio-user:/fuzz,wait=1",
					     "vfio-user:/fuzz,else", "vfio-user:", "vfio-user:/a,b,wait=" };
	unsigned int how = fuzz_take8();

	fuzz_device_ops(&fuzz_dev, 0);
	fuzz_arena_pages(FUZZ_PAGE);
	server.manner = how & 1;
	server.has = fuzz_take8();
	server.any_version = server.has & 0x80 && how & 8;
	server.bar = how & 4 ? srv_bar() : -1;
	/* Registers that a client can write to itself are no device's. */
	if (how & 4 && (server.has & 10) != 2)
		fuzz_dev.correct = false;
	fuzz_registers_begin();
	fuzz_wire_begin((how & 2) != 0);
	fuzz_wire_peer = srv_peer;
	fuzz_meanwhile = srv_meanwhile;
	return vionet_device_open((how & 0x50) == 0x50 ? names[fuzz_take8() % (sizeof(names) / sizeof(names[0]))] : names[0], options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_checks_options = true;
	fuzz_sessions(bytes, size, CALL_LIMIT, srv_open);
	return 0;
}
