/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the container and group descriptors, the list of what is mapped, and
 * the translation of the kernel's refusals into something a person can act on.
 * Never: maps at an address that the allocator did not give, or gives an address
 * back that the kernel may still translate.
 * Read next: pci/function_vfio.c, which opens the function in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "iommu/container.h"
#include "iommu/type1.h"

#define BUSY_LIMIT_MS 2000
#define BUSY_PAUSE_MS 20

struct mapping {
	uint64_t iova;
	uint64_t size;
	bool quarantined; /* an unmap failed: never to be used again */
};

struct vn_container {
	int fd;
	int group_fd;
	int group;
	struct vn_iommu_limits limits; /* as read when it was opened */
	enum vn_accounting accounting;
	struct vn_iova_space *space;
	struct mapping *mapping;
	size_t mapping_count, mapping_room;
	uint64_t mapped_bytes;
};

/*
 * Opening
 */

/* The kernel's errors that have no meaning of their own in our contracts. */
static int plain(int code)
{
	return code == ENOMEM ? -ENOMEM : -EIO;
}

static int denied(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return vn_error(EACCES, "%s: permission denied; give this user "
				"access to the directory", path);
	return vn_error(EACCES, "%s: permission denied: it belongs to uid %u, "
			"gid %u with mode %04o; as root: chown $USER %s, or for "
			"good a udev rule: SUBSYSTEM==\"vfio\", OWNER=\"<user>\"",
			path, status.st_uid, status.st_gid,
			status.st_mode & 07777, path);
}

static int open_container(struct vn_container *container, const char *path)
{
	container->fd = open(path, O_RDWR | O_CLOEXEC);
	if (container->fd >= 0)
		return 0;
	switch (errno) {
	case EACCES:
	case EPERM: /* a device cgroup says no, whoever asks */
		return denied(path);
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ENXIO:
		return vn_error(ENOENT, "%s: there is no VFIO here; load it: "
				"modprobe vfio-pci", path);
	default:
		return plain(-vn_error_errno(errno, "%s: open", path));
	}
}

static int check_container(const struct vn_container *container,
			   const char *path)
{
	int version = vn_vfio_call(container->fd, VFIO_GET_API_VERSION, NULL);

	if (version < 0)
		return vn_error(ENOTSUP, "%s: this is no VFIO container: %s",
				path, strerrordesc_np(-version));
	if (version != VFIO_API_VERSION)
		return vn_error(ENOTSUP, "%s: VFIO has version %d, only %d is "
				"known; use a matching kernel", path, version,
				VFIO_API_VERSION);
	if (vn_vfio_call(container->fd, VFIO_CHECK_EXTENSION,
			 (void *)VFIO_TYPE1v2_IOMMU) <= 0)
		return vn_error(ENOTSUP, "%s: the kernel offers no type1v2 IOMMU; "
				"load it: modprobe vfio_iommu_type1", path);
	return 0;
}

/* Open, and while the kernel still resets the function for a process that has
 * just ended, again. */
static int open_while_busy(const char *path)
{
	uint64_t limit = vn_now() + BUSY_LIMIT_MS * VN_MS;
	int fd, error;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		error = errno;
		if (fd >= 0)
			return fd;
		if ((error != EBUSY && error != EINTR) || vn_now() >= limit)
			return -error;
		vn_sleep(BUSY_PAUSE_MS * VN_MS);
	}
}

static int open_group(struct vn_container *container, const char *path)
{
	int fd = open_while_busy(path);

	container->group_fd = fd;
	if (fd >= 0)
		return 0;
	switch (-fd) {
	case EACCES:
		return denied(path);
	case EPERM:
		return vn_error(EACCES, "%s: not permitted: the container that "
				"this runs in does not let it through (docker run "
				"--device %s), or the group is without an IOMMU, "
				"which isolates nothing and is not supported",
				path, path);
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return vn_error(ENOENT, "%s is not there: no device of IOMMU group "
				"%d is bound to vfio-pci (vionet bind <address>), "
				"or the container that this runs in does not let "
				"it through (docker run --device %s)", path,
				container->group, path);
	case EBUSY:
	case EINTR:
		return vn_error(EBUSY, "%s: IOMMU group %d is open already, most "
				"likely in another process (fuser %s names it); end "
				"that first", path, container->group, path);
	default:
		return plain(-vn_error_errno(-fd, "%s: open", path));
	}
}

static int check_group(const struct vn_container *container, const char *path)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int result = vn_vfio_call(container->group_fd, VFIO_GROUP_GET_STATUS,
				  &status);

	if (result < 0)
		return plain(-vn_error_errno(-result, "%s: not a VFIO group",
					     path));
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return vn_error(ENOTCONN, "IOMMU group %d is not viable: one of "
				"its devices is with a driver that is not VFIO's; "
				"bind all of them to vfio-pci or unbind them",
				container->group);
	return 0;
}

static int attach(const struct vn_container *container)
{
	int fd = container->fd;
	int result = vn_vfio_call(container->group_fd, VFIO_GROUP_SET_CONTAINER,
				  &fd);

	if (result < 0)
		return plain(-vn_error_errno(-result, "IOMMU group %d: attach to "
					     "a container", container->group));
	result = vn_vfio_call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	if (result >= 0)
		return 0;
	if (result == -EPERM)
		return vn_error(EPERM, "IOMMU group %d: this IOMMU does not isolate "
				"interrupts, so the kernel refuses it. Switch "
				"interrupt remapping on (firmware; in QEMU -device "
				"intel-iommu,intremap=on). Or, where the device may "
				"be trusted: it can then forge any interrupt of "
				"this machine: load the module with "
				"vfio_iommu_type1.allow_unsafe_interrupts=1 (echo 1 "
				"> /sys/module/vfio_iommu_type1/parameters/"
				"allow_unsafe_interrupts)", container->group);
	return plain(-vn_error_errno(-result, "IOMMU group %d: set the type1v2 "
				     "IOMMU", container->group));
}

static int learn(struct vn_container *container)
{
	struct vn_iommu_limits *limits = &container->limits;
	int result = vn_type1_limits(container->fd, limits);

	if (result != 0)
		return plain(-vn_error_errno(-result, "IOMMU group %d: read what "
					     "the IOMMU can do", container->group));
	result = vn_iova_space_create(limits->range, limits->range_count,
				      limits->page_size, &container->space);
	if (result != 0) {
		vn_error_prefix(result, "IOMMU group %d", container->group);
		return plain(-result);
	}
	return 0;
}

static int bring_up(struct vn_container *container, const char *directory)
{
	char node[256], group[256];
	int result;

	if (snprintf(node, sizeof(node), "%s/vfio", directory) >=
		    (int)sizeof(node) ||
	    snprintf(group, sizeof(group), "%s/%d", directory,
		     container->group) >= (int)sizeof(group))
		return vn_error(ENOENT, "VFIO's directory has too long a name");
	result = open_container(container, node);
	if (result == 0)
		result = check_container(container, node);
	if (result == 0)
		result = open_group(container, group);
	if (result == 0)
		result = check_group(container, group);
	if (result == 0)
		result = attach(container);
	/* The ranges shrink when a group joins: read them afterwards. */
	if (result == 0)
		result = learn(container);
	container->accounting = vn_type1_accounting(container->fd);
	return result;
}

int vn_container_open(const char *directory, int group,
		      struct vn_container **container)
{
	struct vn_container *made = calloc(1, sizeof(*made));
	int result;

	*container = NULL;
	if (made == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory", group);
	made->fd = -1;
	made->group_fd = -1;
	made->group = group;
	result = bring_up(made, directory);
	if (result != 0) {
		vn_container_close(made);
		return result;
	}
	*container = made;
	return 0;
}

int vn_container_device(struct vn_container *container, const char *name,
			int *fd)
{
	int result = vn_vfio_call(container->group_fd, VFIO_GROUP_GET_DEVICE_FD,
				  (void *)(uintptr_t)name);

	*fd = result < 0 ? -1 : result;
	if (result >= 0)
		return 0;
	switch (-result) {
	case ENODEV:
		return vn_error(ENODEV, "IOMMU group %d has no device %s that is "
				"bound to vfio-pci", container->group, name);
	case EBUSY:
		return vn_error(EBUSY, "%s: it is open already, or still being "
				"reset", name);
	case EACCES:
		return vn_error(EACCES, "%s: the kernel wants the VF token of its "
				"physical function; bind that one to its own "
				"driver instead of vfio-pci", name);
	default:
		return plain(-vn_error_errno(-result, "%s: open", name));
	}
}

/*
 * Mapping
 */

static int map_refused(const struct vn_container *container, int code,
		       const struct vn_memory *memory, uint64_t iova)
{
	switch (code) {
	case ENOMEM:
		return vn_error(ENOMEM, "IOMMU group %d: the kernel cannot pin %zu "
				"bytes: it is out of memory, or the limit of locked "
				"memory (ulimit -l) is reached", container->group,
				memory->size);
	case ENOSPC:
		return vn_error(ENOSPC, "IOMMU group %d: the kernel allows no more "
				"than %zu mappings; register fewer, or raise the "
				"module parameter vfio_iommu_type1.dma_entry_limit",
				container->group, container->mapping_count);
	case EFAULT:
		return vn_error(EFAULT, "IOMMU group %d: the memory at %p (%zu "
				"bytes) cannot be pinned for this access: it is not "
				"wholly mapped, or not writable", container->group,
				memory->address, memory->size);
	default:
		return vn_error_errno(code, "IOMMU group %d: map %zu bytes at IOVA "
				      "%#" PRIx64, container->group, memory->size,
				      iova);
	}
}

static int check_memory(const struct vn_container *container,
			const struct vn_memory *memory)
{
	uint64_t mask = container->limits.page_size - 1;

	if (memory->size == 0 || (memory->size & mask) != 0 ||
	    ((uintptr_t)memory->address & mask) != 0)
		return vn_error(EINVAL, "IOMMU group %d: %zu bytes at %p are no "
				"whole pages of %" PRIu64 " bytes", container->group,
				memory->size, memory->address,
				container->limits.page_size);
	/* Ask before the kernel does: it would say ENOMEM and nothing else. */
	return vn_container_check(container, memory->size);
}

int vn_container_check(const struct vn_container *container, uint64_t bytes)
{
	return vn_type1_check_locked(bytes, container->accounting);
}

static int make_room(struct vn_container *container)
{
	size_t room = container->mapping_room + 32;
	struct mapping *mapping;

	if (container->mapping_count < container->mapping_room)
		return 0;
	mapping = reallocarray(container->mapping, room, sizeof(*mapping));
	if (mapping == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory",
				container->group);
	container->mapping = mapping;
	container->mapping_room = room;
	return 0;
}

/* Aligned to the memory's own pages where there is such a place, so that the
 * IOMMU can use large pages too; anywhere otherwise. */
static int take_address(struct vn_container *container,
			const struct vn_memory *memory, uint64_t *iova)
{
	int result = vn_iova_alloc(container->space, memory->size,
				   memory->page_size, iova);

	if (result == -ENOSPC)
		result = vn_iova_alloc(container->space, memory->size,
				       container->limits.page_size, iova);
	if (result != 0)
		return vn_error_prefix(result, "IOMMU group %d",
				       container->group);
	return 0;
}

int vn_container_map(struct vn_container *container,
		     const struct vn_memory *memory, enum vn_access access,
		     uint64_t *iova)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) };
	uint64_t place;
	int result;

	*iova = 0;
	result = check_memory(container, memory);
	if (result == 0)
		result = make_room(container);
	if (result == 0)
		result = take_address(container, memory, &place);
	if (result != 0)
		return result;
	map.flags = VFIO_DMA_MAP_FLAG_READ;
	if ((access & VN_DEVICE_WRITES) != 0)
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	map.vaddr = (uintptr_t)memory->address;
	map.iova = place;
	map.size = memory->size;
	result = vn_vfio_call(container->fd, VFIO_IOMMU_MAP_DMA, &map);
	if (result < 0) {
		vn_iova_free(container->space, place);
		return map_refused(container, -result, memory, place);
	}
	container->mapping[container->mapping_count++] = (struct mapping){
		.iova = place, .size = memory->size };
	container->mapped_bytes += memory->size;
	*iova = place;
	return 0;
}

/*
 * Unmapping a hole succeeds with size 0, so the amount is part of the answer.
 * The flags are 0 on purpose: they are others than those of mapping.
 */
static int unmap(const struct vn_container *container,
		 const struct mapping *mapping)
{
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request),
		.iova = mapping->iova,
		.size = mapping->size,
	};
	int result = vn_vfio_call(container->fd, VFIO_IOMMU_UNMAP_DMA, &request);

	if (result < 0) {
		vn_error_errno(-result, "IOMMU group %d: unmap IOVA %#" PRIx64
			       "; the address stays out of use",
			       container->group, mapping->iova);
		return -EIO;
	}
	if (request.size != mapping->size)
		return vn_error(EIO, "IOMMU group %d: the kernel unmapped %" PRIu64
				" of %" PRIu64 " bytes at IOVA %#" PRIx64 "; the "
				"address stays out of use", container->group,
				(uint64_t)request.size, mapping->size,
				mapping->iova);
	return 0;
}

int vn_container_unmap(struct vn_container *container, uint64_t iova)
{
	struct mapping *mapping = NULL;
	int result;

	for (size_t i = 0; i < container->mapping_count; i++) {
		if (container->mapping[i].iova == iova)
			mapping = &container->mapping[i];
	}
	if (mapping == NULL || mapping->quarantined)
		return vn_error(ENOENT, "IOMMU group %d: nothing is mapped at IOVA "
				"%#" PRIx64, container->group, iova);
	result = unmap(container, mapping);
	if (result != 0) {
		mapping->quarantined = true;
		return result;
	}
	container->mapped_bytes -= mapping->size;
	*mapping = container->mapping[--container->mapping_count];
	return vn_iova_free(container->space, iova);
}

void vn_container_limits(const struct vn_container *container,
		       struct vn_iommu_limits *limits)
{
	/* If it cannot be read now, the ranges are those of the beginning. */
	if (vn_type1_limits(container->fd, limits) != 0)
		*limits = container->limits;
	limits->mappings = (uint32_t)container->mapping_count;
	limits->mapped_bytes = container->mapped_bytes;
}

void vn_container_close(struct vn_container *container)
{
	if (container == NULL)
		return;
	/*
	 * Closing would unmap too, but not while a forked child still holds the
	 * descriptors. A refusal leaves it to the close.
	 */
	for (size_t i = 0; i < container->mapping_count; i++)
		(void)unmap(container, &container->mapping[i]);
	if (container->group_fd >= 0)
		close(container->group_fd);
	if (container->fd >= 0)
		close(container->fd);
	vn_iova_space_destroy(container->space);
	free(container->mapping);
	free(container);
}
