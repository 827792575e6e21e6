/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fake_ioctl.h"
#include "tests/unit/fake_vfio.h"

#define BAR_PLACE 0x10000u
#define BAR_SIZE 0x4000u

struct fake_vfio kernel;

/* ---- functions, groups and type1 ---- */

/* Configuration space with MSI-X, whose table begins BAR 0. */
void fake_vfio_registers(int fd)
{
	const uint8_t config[] = { 0xf4, 0x1a, 0x41, 0x10, 2, 0, 0x10 };
	const uint8_t msix[] = { 0x11, 0, 63, 0, 0, 0, 0, 0, 0, 0x10, 0, 0 };
	const uint8_t list = 0x40;
	assert_int_equal(ftruncate(fd, BAR_PLACE + BAR_SIZE), 0);
	assert_int_equal(pwrite(fd, config, sizeof(config), 0), sizeof(config));
	assert_int_equal(pwrite(fd, &list, 1, 0x34), 1);
	assert_int_equal(pwrite(fd, msix, sizeof(msix), 0x40), sizeof(msix));
}

static int device_file(void)
{
	int fd = memfd_create("function", MFD_CLOEXEC);

	assert_true(fd >= 0);
	fake_vfio_registers(fd);
	return fd;
}

void fake_vfio_device(struct fake_sysfs *fake, const char *address, const char *name)
{
	char path[FAKE_PATH + 64];
	int fd;

	fake_add_vfio_dev(fake, address, name);
	fake_write(fake, "511:0\n", "sys/bus/pci/devices/%s/vfio-dev/%s/dev", address, name);
	fake_write(fake, "", "dev/iommu");
	fake_write(fake, "", "dev/vfio/devices/%s", name);
	snprintf(path, sizeof(path), "%s/devices/%s", fake->vfio, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	fake_vfio_registers(fd);
	close(fd);
}

static int region_info(struct vfio_region_info *info)
{
	struct vfio_info_cap_header *cap = (void *)(info + 1);

	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->size = 256;
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
		return 0;
	}
	if (info->index != 0)
		return EINVAL;
	info->size = BAR_SIZE;
	info->offset = BAR_PLACE;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;
	if (!kernel.table_mappable)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz >= sizeof(*info) + sizeof(*cap)) {
		*cap = (struct vfio_info_cap_header){
			.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1
		};
		info->cap_offset = sizeof(*info);
	}
	info->argsz = sizeof(*info) + sizeof(*cap);
	return 0;
}

static int add_map(uint64_t iova)
{
	for (unsigned int i = 0; i < kernel.maps; i++)
		if (kernel.iova[i] == iova)
			return EEXIST;
	if (kernel.maps == FAKE_MAPS)
		return ENOSPC;
	kernel.iova[kernel.maps++] = iova;
	return 0;
}

static bool remove_map(uint64_t iova)
{
	for (unsigned int i = 0; i < kernel.maps; i++) {
		if (kernel.iova[i] != iova)
			continue;
		kernel.iova[i] = kernel.iova[--kernel.maps];
		return true;
	}
	return false;
}

static int unmap_dma(struct vfio_iommu_type1_dma_unmap *map)
{
	if (!remove_map(map->iova))
		map->size = 0;
	return 0;
}

static int irq_info(struct vfio_irq_info *info)
{
	info->flags = VFIO_IRQ_INFO_EVENTFD;
	info->count = info->index == VFIO_PCI_MSIX_IRQ_INDEX ? 64 : 0;
	return 0;
}

static int answer_info(unsigned long request, void *argument)
{
	struct vfio_group_status *status = argument;
	struct vfio_iommu_type1_info *iommu = argument;
	struct vfio_device_info *device = argument;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = kernel.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		if (kernel.in_container)
			status->flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		if (kernel.without_iommu)
			return EINVAL;
		iommu->flags = VFIO_IOMMU_INFO_PGSIZES;
		iommu->iova_pgsizes = 4096;
		return 0;
	case VFIO_DEVICE_GET_INFO:
		device->flags = kernel.not_pci ? VFIO_DEVICE_FLAGS_PLATFORM : VFIO_DEVICE_FLAGS_PCI;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(argument);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(argument);
	default:
		return ENOTTY;
	}
}

/* Returns what ioctl would, or a negative errno. */
static int answer(unsigned long request, void *argument)
{
	const struct vfio_irq_set *irqs = argument;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION + kernel.later;
	case VFIO_CHECK_EXTENSION:
		return (uintptr_t)argument == VFIO_TYPE1v2_IOMMU ||
		       ((uintptr_t)argument == VFIO_NOIOMMU_IOMMU && !kernel.no_unsafe_mode);
	case VFIO_GROUP_SET_CONTAINER:
		kernel.containers++;
		return 0;
	case VFIO_GROUP_UNSET_CONTAINER:
		kernel.left++;
		return 0;
	case VFIO_SET_IOMMU:
	case VFIO_DEVICE_RESET:
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		snprintf(kernel.device, sizeof(kernel.device), "%s", (const char *)argument);
		return device_file();
	case VFIO_IOMMU_MAP_DMA:
		return -add_map(((struct vfio_iommu_type1_dma_map *)argument)->iova);
	case VFIO_IOMMU_UNMAP_DMA:
		return -unmap_dma(argument);
	case VFIO_DEVICE_SET_IRQS:
		return irqs->count > kernel.vectors ? (int)kernel.vectors : 0;
	default:
		return -answer_info(request, argument);
	}
}

/* ---- iommufd and character devices ---- */

static int answer_ranges(struct vn_iommufd_ranges *ranges)
{
	struct vn_iommufd_range *range = (void *)(uintptr_t)ranges->ranges;
	uint32_t room = ranges->count;

	ranges->count = kernel.range_count;
	ranges->alignment = kernel.alignment;
	for (uint32_t i = 0; i < room && i < kernel.range_count; i++)
		range[i] = kernel.range[i % FAKE_RANGES];
	return room < kernel.range_count ? -EMSGSIZE : 0;
}

static int answer_map(const struct vn_iommufd_map *map)
{
	kernel.flags = map->flags;
	kernel.by_address++;
	return map->ioas == FAKE_IOAS ? -add_map(map->iova) : -ENOENT;
}

static int answer_map_file(const struct vn_iommufd_map_file *map)
{
	if (!kernel.maps_files)
		return -ENOTTY;
	if (kernel.refuses_files)
		return -EINVAL;
	kernel.flags = map->flags;
	kernel.by_file++;
	kernel.start = map->start;
	return map->ioas == FAKE_IOAS ? -add_map(map->iova) : -ENOENT;
}

static int answer_unmap(struct vn_iommufd_unmap *unmap)
{
	if (!remove_map(unmap->iova))
		return -ENOENT;
	if (kernel.unmaps_less)
		unmap->length = 4096;
	return 0;
}

static int answer_attach(const struct vn_vfio_attach *attach)
{
	kernel.attached++;
	return attach->ioas == FAKE_IOAS ? 0 : -ENOENT;
}

static int answer_bind(const struct vn_vfio_bind *bind)
{
	kernel.bind_size = bind->argsz;
	kernel.bind_flags = bind->flags;
	if (bind->flags & VN_VFIO_BIND_TOKEN)
		memcpy(kernel.token, (const void *)(uintptr_t)bind->token, sizeof(kernel.token));
	return 0;
}

/* Of the mapping that was made last. */
static int answer_physical(struct vn_iommufd_physical *found)
{
	uint64_t offset = kernel.maps == 0 ? 0 : found->iova - kernel.iova[kernel.maps - 1];
	bool second = offset >= kernel.together;

	if (!kernel.unsafe)
		return -ENOTTY;
	if (found->length == 0 || kernel.maps == 0)
		return -EINVAL;
	found->physical = second ? kernel.physical[1] + offset - kernel.together : kernel.physical[0] + offset;
	if (!second && found->length > kernel.together - offset)
		found->length = kernel.together - offset;
	return 0;
}

static int answer_iommufd(unsigned long request, void *argument)
{
	switch (request) {
	case VN_IOMMUFD_IOAS_ALLOC:
		((struct vn_iommufd_alloc *)argument)->ioas = FAKE_IOAS;
		kernel.spaces++;
		return 0;
	case VN_VFIO_BIND_IOMMUFD:
		return answer_bind(argument);
	case VN_VFIO_DETACH_IOMMUFD_PT:
		kernel.detached++;
		return 0;
	case VN_IOMMUFD_DESTROY:
		kernel.destroyed++;
		return ((struct vn_iommufd_destroy *)argument)->id == FAKE_IOAS ? 0 : -ENOENT;
	case VN_VFIO_ATTACH_IOMMUFD_PT:
		return answer_attach(argument);
	case VN_IOMMUFD_IOAS_IOVA_RANGES:
		return answer_ranges(argument);
	case VN_IOMMUFD_IOAS_MAP:
		return answer_map(argument);
	case VN_IOMMUFD_IOAS_MAP_FILE:
		return answer_map_file(argument);
	case VN_IOMMUFD_IOAS_UNMAP:
		return answer_unmap(argument);
	case VN_IOMMUFD_GET_HW_INFO:
		return kernel.unsafe ? -EOPNOTSUPP : 0;
	case VN_IOMMUFD_IOAS_NOIOMMU_GET_PA:
		return answer_physical(argument);
	default:
		return answer(request, argument);
	}
}

/* ---- the call ---- */

static bool is_refused(unsigned long request)
{
	bool refused = request == kernel.refused;

	if (refused && kernel.refusals != 0 && --kernel.refusals == 0)
		kernel.refused = 0;
	return refused;
}

int fake_ioctl(int fd, unsigned long request, void *argument)
{
	int result = is_refused(request) ? -kernel.code : answer_iommufd(request, argument);

	(void)fd;
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}
