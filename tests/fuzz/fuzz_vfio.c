/* SPDX-License-Identifier: BSD-3-Clause */
/* A function through the kernel's VFIO: groups with type1, character devices with iommufd, no IOMMU, and descriptors that were
 * given. The kernel is that of the unit tests (fake_vfio.h) with settings, regions, capabilities and limits of the input, which
 * also changes what its ioctls answer, and the host's files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iommu/noiommu.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/registers.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/tree.h"
#include "tests/fuzz/world.h"
#include "tests/unit/fake_vfio.h"

#define CALL_LIMIT 60000000000ull
/* Regions in the descriptor, one behind the other. */
#define PLACE_BITS 40
#define PAGE_PRESENT (1ull << 63)

const char *const fuzz_words[] = { "\x40", "\x04\x02", "\x05\xff\xff", "\x0f", "\x0c\x40", "\xf0\x22", "\x03\x30", "\xff\xff", NULL };

static struct {
	unsigned int how, irqs, caps;
	bool wrong;			    /* answers may be */
	bool distorted;			    /* one was */
	unsigned int fail_after, fail_with; /* so many ioctls, the next one fails; 0: none does */
	bool another;			    /* a descriptor is none of VFIO's */
	uint8_t bar[FUZZ_BAR_SIZE] __attribute__((aligned(4096)));
} host;

int fake_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, ...);
const char *__lsan_default_suppressions(void);

/* Where libpci fails it leaves what it had in hand (pci/host/list.c); folders of our own are counted (refuse.c). */
const char *__lsan_default_suppressions(void)
{
	return "leak:libpci.so\nleak:libudev.so\nleak:__alloc_dir\n";
}

/* ---- registers, by calls and in memory ---- */

static bool host_page(void *bytes, size_t size, off_t offset, ssize_t *done)
{
	uint64_t address = (uint64_t)offset / 8 * 4096, entry;

	if (size != 8)
		return false;
	entry = PAGE_PRESENT | (address / 4096 & 0xffffff) | 0x1000000;
	if (host.wrong && fuzz_take8() >= 0xe0)
		entry ^= fuzz_take64();
	memcpy(bytes, &entry, sizeof(entry));
	*done = 8;
	return true;
}

static bool host_transfer(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done)
{
	unsigned int region = (unsigned int)(offset >> PLACE_BITS) - 1;
	uint64_t at = (uint64_t)offset & ((1ull << PLACE_BITS) - 1), end = region == FUZZ_CONFIG_REGION ? 256 : FUZZ_BAR_SIZE;
	int result;

	(void)fd;
	if (offset >> PLACE_BITS == 0 && offset > 0x100000)
		return host_page(bytes, size, offset, done);
	if (region > 8)
		return false;
	if (at > end || size > end - at) {
		*done = 0;
		return true;
	}
	fuzz_aside_begin();
	result = writes ? fuzz_registers_write(region, at, bytes, size) : fuzz_registers_read(region, at, bytes, size);
	fuzz_aside_end();
	errno = -result;
	*done = result < 0 ? -1 : (ssize_t)size;
	return true;
}

static void *host_map(size_t size, off_t offset)
{
	uint64_t at = (uint64_t)offset % FUZZ_BAR_SIZE;

	if (size > FUZZ_BAR_SIZE - at) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (at == 0)
		fuzz_dev.correct = false; /* its registers are no device's */
	return host.bar + at;
}

/* ---- answers with capabilities ---- */

static size_t caps_header(uint8_t *at, unsigned int id, size_t size, bool more, size_t offset)
{
	struct vfio_info_cap_header header = { .id = (uint16_t)id, .version = 1, .next = more ? (uint32_t)(offset + size) : 0 };

	memcpy(at, &header, sizeof(header));
	return size;
}

/* Behind `head` bytes of an answer, as far as there is room. */
static void caps_put(void *answer, size_t head, uint32_t *offset, const uint8_t *caps, size_t size)
{
	uint32_t room;

	memcpy(&room, answer, sizeof(room));
	memcpy(answer, &(uint32_t){ (uint32_t)(head + size) }, sizeof(room));
	if (size == 0 || room < head + size) {
		*offset = 0;
		return;
	}
	memcpy((uint8_t *)answer + head, caps, size);
	*offset = (uint32_t)head;
	if (host.caps & 0x80)
		*offset = fuzz_take8();
}

static size_t caps_of_region(uint8_t *caps)
{
	const struct vfio_region_sparse_mmap_area area[] = { { 0x3000, 0x1000 }, { fuzz_take16() & 0x3000, 0x1000 } };
	struct vfio_region_info_cap_sparse_mmap sparse = { .nr_areas = host.caps >> 2 & 3 };
	size_t size = 0, head = sizeof(struct vfio_region_info);

	if (host.caps & 0x40)
		return fuzz_take_bytes(caps, fuzz_take8() & 63);
	if (host.caps & 1) {
		memcpy(caps, &sparse, sizeof(sparse));
		memcpy(caps + sizeof(sparse), area, sizeof(area));
		size += caps_header(caps, VFIO_REGION_INFO_CAP_SPARSE_MMAP, sizeof(sparse) + sizeof(area), host.caps & 2, head);
	}
	if (host.caps & 2)
		size += caps_header(caps + size, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 8, false, 0);
	return size;
}

static int host_region_info(struct vfio_region_info *info)
{
	uint8_t caps[128] = { 0 };
	size_t size = 0;

	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->offset = (uint64_t)(info->index + 1) << PLACE_BITS;
	if (info->index == FUZZ_CONFIG_REGION)
		info->size = 256;
	else if (info->index == FUZZ_BAR)
		info->size = host.how & 0x100 ? fuzz_take16() : FUZZ_BAR_SIZE;
	else if (host.how & 0x200 && info->index < 3)
		info->size = 4096;
	else
		return host.how & 0x400 ? EINVAL : (info->size = 0, 0);
	if (info->index == FUZZ_BAR && host.how & 0x800) {
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		size = caps_of_region(caps);
	}
	if (size != 0)
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	caps_put(info, sizeof(*info), &info->cap_offset, caps, size);
	return 0;
}

static int host_iommu_info(struct vfio_iommu_type1_info *info)
{
	const struct vfio_iova_range range[] = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } };
	struct vfio_iommu_type1_info_cap_iova_range ranges = { .nr_iovas = host.caps >> 4 & 3 };
	uint8_t caps[128] = { 0 };
	size_t size = 0, head = sizeof(*info);

	if (kernel.without_iommu)
		return EINVAL;
	info->flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info->iova_pgsizes = 0x40201000;
	if (host.irqs & 0x80)
		info->flags = fuzz_take8() & 3;
	if (host.caps & 0x40) {
		size = fuzz_take_bytes(caps, fuzz_take8() & 63);
	} else if (host.caps & 1) {
		memcpy(caps, &ranges, sizeof(ranges));
		memcpy(caps + sizeof(ranges), range, sizeof(range));
		size += caps_header(caps, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, sizeof(ranges) + sizeof(range), host.caps & 2, head);
	}
	if (!(host.caps & 0x40) && host.caps & 2) {
		memcpy(caps + size + 8, &(uint32_t){ host.irqs & 0x40 ? fuzz_take32() : fuzz_take16() }, 4);
		size += caps_header(caps + size, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 16, false, 0);
	}
	caps_put(info, sizeof(*info), &info->cap_offset, caps, size);
	return 0;
}

/* ---- the device's part ---- */

/* The device sees it where the driver has it. */
static void host_see(uint64_t address, size_t offset, uint64_t iova, uint64_t size, bool writable)
{
	struct fuzz_region *r = fuzz_dev.region;
	uint8_t *as_device;

	if (address != 0)
		offset = fuzz_arena_offset((const void *)(uintptr_t)address);
	/* Of the application's own there is no other view. */
	as_device = offset < FUZZ_ARENA ? fuzz_arena_as_device(offset) : (uint8_t *)(uintptr_t)address;
	while (r < fuzz_dev.region + DEVICE_REGIONS - 1 && r->size != 0)
		r++;
	*r = (struct fuzz_region){ .iova = iova, .size = size, .as_device = as_device, .writable = writable };
}

static struct fuzz_region *host_region_at(uint64_t iova)
{
	for (unsigned int i = 0; i < DEVICE_REGIONS; i++)
		if (fuzz_dev.region[i].size != 0 && fuzz_dev.region[i].iova == iova)
			return &fuzz_dev.region[i];
	return &fuzz_dev.region[DEVICE_REGIONS - 1];
}

/* What the kernel did that concerns the device. */
static void host_follow(unsigned long request, const void *argument)
{
	const struct vfio_iommu_type1_dma_map *map = argument;
	const struct vn_iommufd_map *to_space = argument;
	const struct vn_iommufd_map_file *file = argument;
	const struct vn_iommufd_physical *physical = argument;

	switch (request) {
	case VFIO_IOMMU_MAP_DMA:
		host_see(map->vaddr, 0, map->iova, map->size, (map->flags & VFIO_DMA_MAP_FLAG_WRITE) != 0);
		break;
	case VN_IOMMUFD_IOAS_MAP:
		host_see(to_space->address, 0, to_space->iova, to_space->length, (to_space->flags & VN_IOMMUFD_MAP_WRITEABLE) != 0);
		break;
	case VN_IOMMUFD_IOAS_MAP_FILE:
		host_see(0, file->start, file->iova, file->length, (file->flags & VN_IOMMUFD_MAP_WRITEABLE) != 0);
		break;
	case VFIO_IOMMU_UNMAP_DMA:
		host_region_at(((const struct vfio_iommu_type1_dma_unmap *)argument)->iova)->size = 0;
		break;
	case VN_IOMMUFD_IOAS_UNMAP:
		host_region_at(((const struct vn_iommufd_unmap *)argument)->iova)->size = 0;
		break;
	case VN_IOMMUFD_IOAS_NOIOMMU_GET_PA:
		/* It sees physical addresses, and what was unmapped by another one stays. */
		host_region_at(physical->iova)->iova = physical->physical;
		fuzz_dev.correct = false;
		break;
	case VFIO_DEVICE_SET_IRQS:
		fuzz_dev.vectors = ((const struct vfio_irq_set *)argument)->count;
		break;
	case VFIO_DEVICE_RESET:
		(void)fuzz_dev.transport.ops->reset(&fuzz_dev.transport);
		break;
	default:
		break;
	}
}

static int host_answer(int fd, unsigned long request, void *argument)
{
	struct vfio_irq_info *irq = argument;
	int code, result;

	if (request == VFIO_DEVICE_GET_REGION_INFO || request == VFIO_IOMMU_GET_INFO) {
		code = request == VFIO_IOMMU_GET_INFO ? host_iommu_info(argument) : host_region_info(argument);
		errno = code;
		return code ? -1 : 0;
	}
	result = fake_ioctl(fd, request, argument);
	if (result < 0)
		return result;
	host_follow(request, argument);
	if (request == VFIO_DEVICE_GET_INFO && host.how & 0x1000)
		((struct vfio_device_info *)argument)->flags |= VFIO_DEVICE_FLAGS_RESET;
	if (request == VFIO_DEVICE_GET_IRQ_INFO)
		irq->count = irq->index == VFIO_PCI_MSIX_IRQ_INDEX ? host.irqs & 7 : irq->index > VFIO_PCI_MSIX_IRQ_INDEX ? host.irqs >> irq->index & 1
															  : 0;
	return result;
}

/* ---- wrong answers ---- */

/* Is this its argument: a structure that begins with its size, and that the kernel fills in? */
static bool wrong_has_answer(unsigned long request)
{
	return request == VFIO_GROUP_GET_STATUS || request == VFIO_IOMMU_GET_INFO || request == VFIO_DEVICE_GET_INFO ||
	       request == VFIO_DEVICE_GET_REGION_INFO || request == VFIO_DEVICE_GET_IRQ_INFO || request == VFIO_IOMMU_UNMAP_DMA ||
	       request == VN_IOMMUFD_IOAS_ALLOC || request == VN_IOMMUFD_IOAS_UNMAP || request == VN_IOMMUFD_IOAS_IOVA_RANGES || request == VN_IOMMUFD_IOAS_NOIOMMU_GET_PA;
}

static int wrong_value(unsigned long request, uint8_t *argument, uint32_t size, int result)
{
	unsigned int at = fuzz_take8();

	if (size != 0)
		argument[at % size] = fuzz_take8();
	else if (request == VFIO_GET_API_VERSION || request == VFIO_CHECK_EXTENSION || request == VFIO_DEVICE_SET_IRQS)
		result = (int)(at & 7);
	return result;
}

/* VFIO's are plain files here. */
static bool host_is_another(int fd)
{
	struct stat status;
	int result;

	fuzz_aside_begin();
	result = fstat(fd, &status);
	fuzz_aside_end();
	return result != 0 || !S_ISREG(status.st_mode);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	static const int codes[] = { EIO, EFAULT, EOPNOTSUPP, ENOTTY, EBUSY, EPERM, ENOMEM, EINVAL, ENODEV, EINTR, EAGAIN, EACCES, ENOSPC, EMSGSIZE, ENXIO, EEXIST,
				     EMFILE, ENFILE, ENOSYS, EBADF, EIO, EBUSY, EINVAL, ENODEV, EPERM, EACCES, ENOMEM, EAGAIN, EINTR, ENOSPC, ENOTTY, EOPNOTSUPP };
	va_list arguments;
	void *argument;
	unsigned int what = 0;
	uint32_t size = 0;
	int result;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	fuzz_pass(1000);
	if (host.wrong && fuzz_in_call())
		what = fuzz_take8();
	if (fuzz_in_call() && host.fail_after != 0 && --host.fail_after == 0)
		what = 0xe0 | host.fail_with;
	if (what >= 0xc8) {
		host.distorted = true;
		fuzz_dev.correct = false;
	}
	if (what >= 0xe0) {
		errno = codes[what & 31];
		return -1;
	}
	if (host.another && host_is_another(fd)) {
		errno = ENOTTY;
		return -1;
	}
	if (wrong_has_answer(request))
		memcpy(&size, argument, sizeof(size));
	fuzz_aside_begin();
	result = host_answer(fd, request, argument);
	if (result >= 0 && what >= 0xc8)
		result = wrong_value(request, argument, size, result);
	fuzz_aside_end();
	if (request == VFIO_GROUP_GET_DEVICE_FD && result >= 0)
		fuzz_descriptor_made();
	return result;
}

/* ---- opening ---- */

static void host_settings(unsigned int how, unsigned int more)
{
	static const uint64_t alignments[] = { 4096, 4096, 65536, 3 };

	kernel = (struct fake_vfio){
		.vectors = 64,
		.alignment = alignments[how & 3],
		.range_count = 2,
		.range = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } },
		.physical = { 0x40000000, 0x90000000 },
		.together = more & 1 ? 1 << 21 : 1 << 30,
		.maps_files = (how & 4) != 0,
		.refuses_files = (how & 8) != 0,
		.unmaps_less = (how & 0x30) == 0x30,
		.unsafe = (how & 0x40) != 0,
		.in_container = (more & 2) != 0,
		.without_iommu = (more & 0x0c) == 0x0c,
		.no_unsafe_mode = (more & 0x10) != 0,
	};
	if (more & 0x20)
		kernel.vectors = more >> 6;
	if (how & 0x80)
		kernel.range_count = fuzz_take8();
	if (kernel.unmaps_less || kernel.unsafe)
		host.distorted = true;
}

static int host_node(const char *name)
{
	char path[2 * FAKE_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fuzz_tree.vfio, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd;
}

/* One of them is none of VFIO's. */
static void host_give_another(struct vionet_device_fds *fds)
{
	static const char *const paths[] = { "/", "/dev/zero", "/proc/self/exe" };
	unsigned int what = fuzz_take8();
	int *fd = what & 1 ? &fds->device : what & 2 ? &fds->iommufd :
				    what & 4	     ? &fds->container :
						       &fds->group;
	int pair[2];

	if (fd == &fds->group && fds->group == fds->device)
		return;
	close(*fd);
	*fd = -1;
	switch (what >> 4 & 7) {
	case 0:
		*fd = 0x7ffffff0 + (what & 8); /* not open */
		break;
	case 1:
		FUZZ_CHECK(pipe2(pair, O_CLOEXEC) == 0);
		close(pair[0]);
		*fd = pair[1];
		break;
	case 2:
		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		close(pair[0]);
		*fd = pair[1];
		break;
	default:
		*fd = open(paths[(what >> 4) % 3], O_RDONLY | O_CLOEXEC);
	}
	host.another = true;
}

static int host_open_given(unsigned int how, const struct vionet_open_options *options, struct vionet_device **device)
{
	struct vionet_device_fds fds = { .struct_size = sizeof(fds), .given = how & 15 };
	int result;

	fuzz_aside_begin();
	fds.device = host_node(how & 0x10 ? "devices/" TREE_NODE : "7");
	fds.iommufd = host_node("../iommu");
	fds.group = how & 0x20 ? fds.device : host_node("7");
	fds.container = host_node("vfio");
	if (how & 0x40)
		host_give_another(&fds);
	fuzz_aside_end();
	result = vionet_device_open_fds(TREE_VFIO, &fds, options, device);
	fuzz_aside_begin();
	if (fds.group != fds.device)
		close(fds.group);
	close(fds.device);
	close(fds.iommufd);
	close(fds.container);
	fuzz_aside_end();
	return result;
}

static void host_checks_end(void)
{
	FUZZ_CHECK(fuzz_descriptors() == 0);
	FUZZ_CHECK(kernel.maps == 0 || host.distorted);
}

/* Another function of the group is open meanwhile, or the same one. */
static int host_open_beside(const char *name, const struct vionet_open_options *options, struct vionet_device **device)
{
	unsigned int what = fuzz_take8();
	struct vionet_open_options others = *options;
	struct vionet_device *other = NULL;
	int result;

	fuzz_dev.correct = false;
	if (what & 1)
		others.iommu = what >> 1 & 3;
	(void)vionet_device_open(what & 8 ? name : TREE_BESIDE, &others, &other);
	result = vionet_device_open(name, options, device);
	if (other)
		(void)vionet_device_close(other);
	return result;
}

static int host_open(const struct vionet_open_options *given, struct vionet_device **device)
{
	static const enum vionet_iommu kinds[] = { VIONET_IOMMU_TYPE1, VIONET_IOMMU_IOMMUFD, VIONET_IOMMU_NONE, VIONET_IOMMU_AUTO };
	struct vionet_open_options options = *given;
	unsigned int how = fuzz_take8(), more;

	host_checks_end();
	fuzz_refuse_none();
	host.distorted = host.another = false;
	host.wrong = (how & 0x80) != 0;
	host.how = fuzz_take16();
	host.caps = fuzz_take8();
	host.irqs = fuzz_take8();
	more = fuzz_take8();
	host_settings(host.how & 0xff, more);
	options.iommu = kinds[how & 3];
	host.fail_after = options.iommu != VIONET_IOMMU_NONE && how & 8 ? fuzz_take8() & 63 : 0;
	host.fail_with = host.fail_after != 0 ? fuzz_take8() & 31 : 0;
	if ((how & 0x14) == 0x14)
		options.vf_token = "83d7e1bf-6c4a-4d7e-9c1a-0123456789ab";
	fuzz_arena_pages(options.iommu == VIONET_IOMMU_NONE && !(how & 8) ? FUZZ_HUGEPAGE : FUZZ_PAGE);
	fuzz_tree_begin();
	/* Then groups, without an IOMMU too. */
	if (host.how & 0x2000)
		fuzz_tree_hide("dev/iommu");
	if (host.how & 0x4000)
		fuzz_tree_hide("dev/vfio/vfio");
	fuzz_device_ops(&fuzz_dev, 0);
	if (options.iommu == VIONET_IOMMU_NONE)
		fuzz_dev.correct = false; /* nothing tells it where memory is */
	fuzz_registers_begin();
	fuzz_registers_memory(host.bar);
	if (how & 0x40)
		fuzz_refuse_some();
	if ((how & 0x30) == 0x20)
		return host_open_given(more, &options, device);
	if (host.how & 0x8000)
		return host_open_beside(options.iommu == VIONET_IOMMU_NONE ? TREE_UNSAFE : TREE_VFIO, &options, device);
	return vionet_device_open(options.iommu == VIONET_IOMMU_NONE ? TREE_UNSAFE : TREE_VFIO, &options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_transfer = host_transfer;
	fuzz_mapped = host_map;
	vn_noiommu_pagemap = "/dev/zero";
	host.distorted = true;
	fuzz_refuse_none();
	fuzz_checks_options = true;
	fuzz_sessions(bytes, size, CALL_LIMIT, host_open);
	host_checks_end();
	return 0;
}
