/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that the application brings: by its address, or by a file that can be passed
 * on. A file is used by a descriptor of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/memory/memory.h"

static int register_check_access(enum vionet_access access)
{
	if (access == VIONET_DEVICE_READS || access == VIONET_DEVICE_WRITES)
		return 0;
	return vn_error(EINVAL, "access %d is neither VIONET_DEVICE_READS nor "
			"VIONET_DEVICE_WRITES", (int)access);
}

/* Show it to the device. The registration is the device's afterwards, or freed. */
static int register_add(struct vionet_device *device, struct vionet_memory *m,
			struct vionet_memory **memory)
{
	struct vn_transport *transport = device->transport;
	int result = transport->ops->memory_add(transport, &m->memory, m->access,
						&m->iova);

	if (result) {
		if (m->memory.fd >= 0)
			vn_registration_release(m);
		free(m);
		return result;
	}
	vn_memory_link(device, m);
	*memory = m;
	return 0;
}

static int register_new(enum vionet_access access, struct vionet_memory **memory)
{
	struct vionet_memory *m = calloc(1, sizeof(*m));

	if (!m)
		return vn_error(ENOMEM, "no memory");
	m->external = true;
	m->access = (enum vn_access)access;
	*memory = m;
	return 0;
}

/* ---- by address ---- */

static int register_address(struct vionet_device *device, void *address, size_t size,
			    enum vionet_access access,
			    struct vionet_memory **memory)
{
	uint64_t page = device->limits.memory.page_size;
	struct vionet_memory *m = NULL;
	int result = register_check_access(access);

	if (result)
		return result;
	if (size == 0 || size % page != 0 || (uintptr_t)address % page != 0)
		return vn_error(EINVAL, "address %p and size %zu must be multiples of "
				"the IOMMU's page, %" PRIu64 " bytes, and not zero",
				address, size, page);
	result = register_new(access, &m);
	if (result)
		return result;
	m->memory = (struct vn_memory){
		.address = address,
		.size = size,
		.page_size = (size_t)page,
		.fd = -1,
	};
	return register_add(device, m, memory);
}

int vionet_memory_register(struct vionet_device *device, void *address,
			   size_t size, enum vionet_access access,
			   struct vionet_memory **memory)
{
	int result;

	*memory = NULL;
	result = register_address(device, address, size, access, memory);
	return result ? vn_error_prefix(result, "%s: register memory",
					device->name) : 0;
}

/* ---- by file ---- */

/* A first look; where the file goes to another process, it is measured again once it is
 * sealed (vn_memory_seal). */
static int register_check_file(const struct vionet_device *device, int fd,
			       uint64_t offset, size_t size, size_t *page_size)
{
	uint64_t length, page = device->limits.memory.page_size;
	int result = vn_memory_file(fd, &length, page_size);

	if (result)
		return result;
	if (page < *page_size)
		page = *page_size;
	if (size == 0 || size % page != 0 || offset % page != 0)
		return vn_error(EINVAL, "offset %#" PRIx64 " and size %zu must be "
				"multiples of %" PRIu64 " bytes, the larger of the "
				"IOMMU's page and the file's, and not zero", offset,
				size, page);
	if (offset > length || length - offset < size)
		return vn_error(EINVAL, "%zu bytes from offset %#" PRIx64 " on: the "
				"file has only %" PRIu64, size, offset, length);
	return 0;
}

/* Our own mapping; for reading only where the file cannot be written to, which will do
 * for what the device only reads. */
static int register_map_file(struct vionet_memory *m)
{
	struct vn_memory *memory = &m->memory;
	off_t offset = (off_t)memory->offset;

	memory->address = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       memory->fd, offset);
	if (memory->address == MAP_FAILED && (errno == EACCES || errno == EPERM) &&
	    m->access == VN_DEVICE_READS) {
		m->read_only = true;
		memory->address = mmap(NULL, memory->size, PROT_READ, MAP_SHARED,
				       memory->fd, offset);
	}
	if (memory->address == MAP_FAILED) {
		memory->address = NULL;
		return vn_error_errno(errno, "map the file");
	}
	m->mapped_here = true;
	return madvise(memory->address, memory->size, MADV_DONTFORK) ?
		       vn_error_errno(errno, "keep it from being forked") : 0;
}

static int register_take_mapping(struct vionet_memory *m, void *address)
{
	struct vn_memory *memory = &m->memory;
	bool writable;
	int result;

	if (!address)
		return register_map_file(m);
	result = vn_memory_check_mapping(address, memory->size, memory->fd,
					 memory->offset, &writable);
	if (result)
		return result;
	if (!writable && m->access == VN_DEVICE_WRITES)
		return vn_error(EACCES, "the mapping at %p is read-only, and the "
				"device may write", address);
	memory->address = address;
	m->read_only = !writable;
	return 0;
}

static int register_file(struct vionet_device *device, int fd, uint64_t offset,
			 void *address, size_t size, enum vionet_access access,
			 struct vionet_memory **memory)
{
	struct vionet_memory *m = NULL;
	size_t page_size;
	int result = register_check_access(access);

	if (result == 0)
		result = register_check_file(device, fd, offset, size, &page_size);
	if (result == 0)
		result = register_new(access, &m);
	if (result)
		return result;
	m->memory = (struct vn_memory){
		.size = size,
		.page_size = page_size,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.offset = offset,
		.keep_writable = true,
	};
	result = m->memory.fd < 0 ? vn_error_errno(errno, "duplicate the descriptor") :
				    register_take_mapping(m, address);
	if (result == 0)
		return register_add(device, m, memory);
	vn_registration_release(m);
	free(m);
	return result;
}

int vionet_memory_register_fd(struct vionet_device *device, int fd, uint64_t offset,
			      void *address, size_t size, enum vionet_access access,
			      struct vionet_memory **memory)
{
	int result;

	*memory = NULL;
	result = register_file(device, fd, offset, address, size, access, memory);
	return result ? vn_error_prefix(result, "%s: register memory",
					device->name) : 0;
}

void *vionet_memory_address(const struct vionet_memory *memory)
{
	return memory->memory.address;
}

/* ---- the end ---- */

/* Memory may be withdrawn while the device runs: it has no packet of it any more,
 * so a device that still reaches for it gets an IOMMU fault. */
int vionet_memory_unregister(struct vionet_memory *m)
{
	struct vionet_device *device;
	int result;

	if (!m)
		return 0;
	device = m->device;
	if (__atomic_load_n(&m->users, __ATOMIC_ACQUIRE) != 0)
		return vn_error(EBUSY, "%s: unregister memory: pools or packets "
				"still use it", device->name);
	if (device->broken)
		return vn_error(EBUSY, "%s: unregister memory: the device did not "
				"acknowledge its reset and may still use it; start "
				"or close it first", device->name);
	result = device->transport->ops->memory_remove(device->transport,
						       m->iova);
	if (result)
		return vn_error_prefix(result, "%s: unregister memory",
				       device->name);
	vn_memory_dispose(m);
	return 0;
}
