/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of memory that a vfio-user server may reach. Never trusts an address or a
 * length of the server's, or takes its word for a mapping that it did not release.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/order.h"
#include "pci/function.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/memory.h"

/* Linux 5.1; before, it is refused as unknown. */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* The protocol has no ranges. Ours are given out from the bottom, so this is only a
 * bound that every server's arithmetic can hold. */
#define IOVA_LAST ((1ull << 48) - 1)

struct vn_vfu_window {
	uint64_t iova;
	uint64_t size;
	uint8_t *address;
	bool writable;
	bool quarantined; /* the server did not unmap it: the address is lost */
};

/* ---- sharing ---- */

/*
 * The descriptor to send. Not the memory's own if it has to be closed afterwards.
 *
 * A server may access memory by messages, but few do, and nothing says which: one that
 * does not would find nothing at an address without a file, frame after frame. So there
 * has to be one. It is sealed first: a server that could shrink it would take pages from
 * under us, a SIGBUS for the thread that touches them. What the device has only to read is
 * sealed against writing too: no process can map the file writable any more, whatever
 * descriptor it has (our own mapping stays), and is sent through a descriptor opened
 * for reading. That alone keeps no process of the same user from opening it again; it
 * is all there is where the kernel does not know the seal, or others have to write to
 * the file.
 */
static int vfu_share_memory(const struct vn_memory *memory, enum vn_access access,
			    int *fd)
{
	char path[64];
	bool sealed;
	int result;

	*fd = memory->fd;
	if (memory->fd < 0)
		return vn_error(ENOTSUP, "memory that has only an address cannot be "
				"shared with a server; register it with its file: "
				"vionet_memory_register_fd");
	result = vn_memory_seal(memory);
	if (result != 0 || (access & VN_DEVICE_WRITES) != 0)
		return result;
	sealed = !memory->keep_writable &&
		 fcntl(memory->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory->fd);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	*fd = memory->fd;
	return sealed ? 0 : vn_error(EPERM, "memory that the device must only read "
				     "can neither be sealed nor opened for reading");
}

static int vfu_request_map(struct vn_vfu_memory *m, const struct vn_vfu_window *window,
			   int fd, uint64_t offset)
{
	struct vfu_dma_map map = {
		.offset = offset,
		.argsz = sizeof(map),
		.flags = VU_DMA_READABLE |
			 (window->writable ? VU_DMA_WRITEABLE : 0),
		.address = window->iova,
		.size = window->size,
	};
	struct vn_vfu_message message = {
		.command = VU_DMA_MAP,
		.what = "map memory",
		.request = { { &map, sizeof(map) } },
		.fds = &fd,
		.fd_count = 1,
	};
	int result = vn_vfu_call(m->socket, &message);

	if (message.refused == ENOMEM || message.refused == ENOSPC)
		return -message.refused;
	return result;
}

/* ---- the table ---- */

static int vfu_make_room(struct vn_vfu_memory *m)
{
	struct vn_vfu_window *grown;

	if (m->count >= m->most)
		return vn_error(ENOSPC, "%s: the server allows no more than %" PRIu32
				" mappings; register fewer", m->socket->name,
				m->most);
	if (m->count < m->room)
		return 0;
	grown = reallocarray(m->window, m->room + 32, sizeof(*grown));
	if (grown == NULL)
		return vn_error(ENOMEM, "%s: out of memory", m->socket->name);
	m->window = grown;
	m->room += 32;
	return 0;
}

/* The server may reach for it before it says that it has it. */
static int vfu_enter_region(struct vn_vfu_memory *m, const struct vn_vfu_window *window)
{
	int result;

	vn_vfu_lock(m->socket);
	result = vfu_make_room(m);
	if (result == 0)
		m->window[m->count++] = *window;
	vn_vfu_unlock(m->socket);
	return result;
}

static void vfu_leave_region(struct vn_vfu_memory *m, uint64_t iova)
{
	vn_vfu_lock(m->socket);
	for (size_t i = 0; i < m->count; i++)
		if (m->window[i].iova == iova) {
			m->window[i] = m->window[--m->count];
			break;
		}
	vn_vfu_unlock(m->socket);
	(void)vn_iova_free(m->space, iova);
}

/* The one given, or any if that is 0. */
static int vfu_take_address(struct vn_vfu_memory *m, const struct vn_memory *added,
			    uint64_t *iova)
{
	uint64_t mask = m->page_size - 1;
	int result;

	if (added->size == 0 || (added->size & mask) != 0 ||
	    ((uintptr_t)added->address & mask) != 0)
		return vn_error(EINVAL, "%s: %zu bytes at %p are no whole pages of "
				"%" PRIu64 " bytes", m->socket->name, added->size,
				added->address, m->page_size);
	if (*iova != 0)
		result = vn_iova_take(m->space, *iova, added->size);
	else
		result = vn_iova_alloc(m->space, added->size, added->page_size, iova);
	return result == 0 ? 0 : vn_error_prefix(result, "%s", m->socket->name);
}

static void vfu_close_shared(const struct vn_memory *memory, int fd)
{
	if (fd != memory->fd)
		close(fd);
}

static int vfu_add(struct vn_vfu_memory *m, const struct vn_memory *added,
		   enum vn_access access, uint64_t *iova)
{
	struct vn_vfu_window window = {
		.iova = *iova,
		.size = added->size,
		.address = added->address,
		.writable = (access & VN_DEVICE_WRITES) != 0,
	};
	int fd, result;

	result = vfu_share_memory(added, access, &fd);
	if (result != 0)
		return vn_error_prefix(result, "%s", m->socket->name);
	result = vfu_take_address(m, added, &window.iova);
	if (result == 0) {
		result = vfu_enter_region(m, &window);
		if (result != 0)
			(void)vn_iova_free(m->space, window.iova);
	}
	if (result != 0) {
		vfu_close_shared(added, fd);
		return result;
	}
	result = vfu_request_map(m, &window, fd, added->offset);
	vfu_close_shared(added, fd);
	if (result != 0) {
		vfu_leave_region(m, window.iova);
		return result;
	}
	m->bytes += window.size;
	*iova = window.iova;
	return 0;
}

int vn_vfu_memory_add(struct vn_vfu_memory *m, const struct vn_memory *added,
		      enum vn_access access, uint64_t *iova)
{
	*iova = 0;
	return vfu_add(m, added, access, iova);
}

int vn_vfu_memory_add_at(struct vn_vfu_memory *m, const struct vn_memory *added,
			 enum vn_access access, uint64_t iova)
{
	return vfu_add(m, added, access, &iova);
}

/* Which the control thread alone adds and removes. */
static struct vn_vfu_window *vfu_find_region(const struct vn_vfu_memory *m,
					     uint64_t iova)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->window[i].iova == iova && !m->window[i].quarantined)
			return &m->window[i];
	return NULL;
}

/* The reply is the request again: anything else was not (wholly) unmapped. */
static int vfu_request_unmap(struct vn_vfu_memory *m,
			     const struct vn_vfu_window *window)
{
	struct vfu_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.address = window->iova,
		.size = window->size,
	};
	struct vfu_dma_unmap done;
	struct vn_vfu_message message = {
		.command = VU_DMA_UNMAP,
		.what = "unmap memory",
		.request = { { &unmap, sizeof(unmap) } },
		.reply = { { &done, sizeof(done) } },
	};
	int result = vn_vfu_call(m->socket, &message);

	if (result != 0)
		return result;
	if (done.address != unmap.address || done.size != unmap.size)
		return vn_error(EIO, "%s: the server unmapped %" PRIu64 " bytes at "
				"IOVA %#" PRIx64 " instead of %" PRIu64 " at %#" PRIx64
				"; the address stays out of use", m->socket->name,
				done.size, done.address, unmap.size,
				unmap.address);
	return 0;
}

int vn_vfu_memory_remove(struct vn_vfu_memory *m, uint64_t iova)
{
	struct vn_vfu_window *window = vfu_find_region(m, iova);
	uint64_t size;
	int result;

	if (window == NULL)
		return vn_error(ENOENT, "%s: nothing is mapped at IOVA %#" PRIx64,
				m->socket->name, iova);
	size = window->size;
	result = vfu_request_unmap(m, window);
	if (result != 0) {
		window->quarantined = true;
		return result;
	}
	m->bytes -= size;
	vfu_leave_region(m, iova);
	return 0;
}

void vn_vfu_memory_limits(const struct vn_vfu_memory *m, struct vn_iommu_limits *limits)
{
	*limits = (struct vn_iommu_limits){
		.page_sizes = m->page_sizes,
		.page_size = m->page_size,
		.mappings = (uint32_t)m->count,
		.mappings_left = m->most < INT32_MAX ?
					 m->most - (uint32_t)m->count : UINT32_MAX,
		.mapped_bytes = m->bytes,
		.range_count = 1,
		.range = { { 0, IOVA_LAST } },
	};
}

/* ---- accesses by message ---- */

/* The memory at an address, all `count` bytes of it in one mapping, or NULL. */
static uint8_t *vfu_region_reach(const struct vn_vfu_memory *m, uint64_t address,
				 uint64_t count, bool write)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct vn_vfu_window *window = &m->window[i];

		if (vn_region_within(address, count, window->iova,
				     window->iova + window->size))
			return write && !window->writable ?
				       NULL : window->address +
						      (address - window->iova);
	}
	return NULL;
}

int vn_vfu_memory_serve(void *context, uint16_t command, const void *payload,
			size_t size, struct vn_vfu_reply *reply)
{
	const struct vn_vfu_memory *m = context;
	bool write = command == VU_DMA_WRITE;
	struct vfu_dma_access access;
	uint8_t *place;

	if (command != VU_DMA_READ && command != VU_DMA_WRITE)
		return ENOTSUP;
	if (size < sizeof(access))
		return EINVAL;
	memcpy(&access, payload, sizeof(access));
	if (access.count > VN_VU_DATA_MAX ||
	    size - sizeof(access) != (write ? access.count : 0))
		return EINVAL;
	place = vfu_region_reach(m, access.address, access.count, write);
	if (place == NULL)
		return EFAULT;
	if (write) {
		/* Stays behind what the server wrote before: an index behind what it
		 * covers. Pairs with vn_observe. */
		vn_publish();
		memcpy(place, (const uint8_t *)payload + sizeof(access),
		       access.count);
	} else {
		reply->data = place;
		reply->data_size = access.count;
	}
	reply->head[0] = access.address;
	reply->head[1] = access.count;
	return 0;
}

/* ---- beginning and end ---- */

int vn_vfu_memory_init(struct vn_vfu_memory *m, struct vn_vfu_socket *socket,
		       const struct vn_vfu_limits *limits)
{
	const struct vn_iova_range all = { 0, IOVA_LAST };
	int result;

	m->socket = socket;
	m->page_sizes = limits->page_sizes;
	m->page_size = m->page_sizes & -m->page_sizes;
	m->most = limits->dma_maps;
	result = vn_iova_space_create(&all, 1, m->page_size, &m->space);
	return result == 0 ? 0 : vn_error_prefix(result, "%s", socket->name);
}

void vn_vfu_memory_release(struct vn_vfu_memory *m)
{
	vn_iova_space_destroy(m->space);
	free(m->window);
}
