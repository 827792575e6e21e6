/* SPDX-License-Identifier: BSD-3-Clause */
/* virtio-pci over the kernel's VFIO, by groups (type1) and by character devices (iommufd): the answers of fake_vfio.h, with the
 * model behind the function's registers, memory and interrupts. */
#include "tests/fail_nth/scenario.h"

#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fail_nth/calls.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"
#include "tests/unit/model_control.h"

#define BAR 4
#define BAR_PLACE 0x100000

static struct model *model;
static struct model_control *control;
static enum vionet_iommu by;

static void return_frame(void *context, const uint8_t *data, size_t length)
{
	size_t header = model_header_size(context);

	(void)model_deliver(context, data + header, length - header, 0, -1);
}

static void make_device(void)
{
	kernel.maps = 0;
	model_create(&model);
	control = model_control_create(model, 1);
	model->on_frame = return_frame;
	model->context = model;
}

static void end_device(void)
{
	model->function.ops->close(&model->function);
	model_control_free(control);
}

/* ---- what the driver does at its descriptor ---- */

/* The files of the fake have a BAR 0 behind the first 64 KiB, which the device does not use. */
static bool transfer(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done)
{
	unsigned int region = offset >= BAR_PLACE ? BAR : VN_REGION_CONFIG;
	uint64_t at = (uint64_t)offset - (region == BAR ? BAR_PLACE : 0);

	(void)fd;
	if (writes)
		(void)model->function.ops->write(&model->function, region, at, bytes, size);
	else
		(void)model->function.ops->read(&model->function, region, at, bytes, size);
	*done = (ssize_t)size;
	return true;
}

/* The device sees it where the driver has it. */
static void see(uint64_t at, uint64_t iova, uint64_t size, bool writable)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (!model->map[i].used) {
			model->map[i] = (struct model_map){ .ours = (uint8_t *)(uintptr_t)at, .size = size, .iova = iova, .writable = writable, .borrowed = true, .used = true };
			return;
		}
}

static void unsee(uint64_t iova)
{
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (model->map[i].used && model->map[i].iova == iova)
			model->map[i].used = false;
}

static int describe_bar(struct vfio_region_info *info)
{
	info->size = model->function.region[BAR].size;
	info->offset = BAR_PLACE;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static void attach(const struct vfio_irq_set *set)
{
	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX)
		return;
	model->eventfds = set->count;
	for (unsigned int i = 0; i < set->count; i++)
		memcpy(&model->eventfd[i], set->data + i * sizeof(int32_t), sizeof(int32_t));
}

/* What the kernel did that concerns the device. */
static void follow(unsigned long request, const void *argument)
{
	const struct vfio_iommu_type1_dma_map *map = argument;
	const struct vn_iommufd_map *to_space = argument;

	if (request == VFIO_IOMMU_MAP_DMA)
		see(map->vaddr, map->iova, map->size, (map->flags & VFIO_DMA_MAP_FLAG_WRITE) != 0);
	else if (request == VN_IOMMUFD_IOAS_MAP)
		see(to_space->address, to_space->iova, to_space->length, (to_space->flags & VN_IOMMUFD_MAP_WRITEABLE) != 0);
	else if (request == VFIO_IOMMU_UNMAP_DMA)
		unsee(((const struct vfio_iommu_type1_dma_unmap *)argument)->iova);
	else if (request == VN_IOMMUFD_IOAS_UNMAP)
		unsee(((const struct vn_iommufd_unmap *)argument)->iova);
	else if (request == VFIO_DEVICE_SET_IRQS)
		attach(argument);
	else if (request == VFIO_DEVICE_RESET)
		model->function.ops->reset(&model->function);
}

static int answer(int fd, unsigned long request, void *argument)
{
	struct vfio_region_info *info = argument;
	int result;

	if (request == VFIO_DEVICE_GET_REGION_INFO && info->index == BAR)
		return describe_bar(info);
	result = ioctl(fd, request, argument);
	if (result >= 0)
		follow(request, argument);
	if (result == 0 && request == VFIO_DEVICE_GET_INFO)
		((struct vfio_device_info *)argument)->flags |= VFIO_DEVICE_FLAGS_RESET;
	return result;
}

/* ---- the scenarios ---- */

static int open_kernel(const struct vionet_open_options *options, struct vionet_device **device)
{
	struct vionet_open_options wanted = *options;

	wanted.iommu = by;
	return vionet_device_open(ADDRESS, &wanted, device);
}

static void work(void)
{
	if (model->faults != 0)
		wrong("%u accesses outside of what was mapped", model->faults);
	model_interrupt(model, 0);
	model_interrupt(model, 1);
}

static void run_kernel(void)
{
	make_device();
	live(&(struct life){ .open = open_kernel, .pairs = 1, .between = work });
	if (kernel.maps != 0)
		wrong("%u mappings are left", kernel.maps);
	if (model->bus_master)
		wrong("the device is a bus master");
	end_device();
}

static void run_type1(void)
{
	by = VIONET_IOMMU_TYPE1;
	run_kernel();
}

static void run_iommufd(void)
{
	by = VIONET_IOMMU_IOMMUFD;
	run_kernel();
}

/* By descriptors that the caller has opened: the way in and out is what differs. */
static void run_given(void)
{
	struct vionet_device_fds fds = { .struct_size = sizeof(fds), .given = VIONET_FD_DEVICE | VIONET_FD_IOMMUFD };
	struct vionet_device *device;

	make_device();
	fds.device = memfd_create("device", MFD_CLOEXEC);
	fds.iommufd = memfd_create("iommufd", MFD_CLOEXEC);
	fake_vfio_registers(fds.device);
	if (STEP(vionet_device_open_fds(ADDRESS, &fds, NULL, &device)) == 0)
		LAST_STEP(vionet_device_close(device));
	if (kernel.maps != 0)
		wrong("%u mappings are left", kernel.maps);
	close(fds.device);
	close(fds.iommufd);
	end_device();
}

static void raise_host(void)
{
	setup(NULL);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64, .alignment = 4096, .range_count = 2, .range = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } } };
	ADD(.address = ADDRESS, .group = 7, .driver = "vfio-pci");
	fake_vfio_device(&fake, ADDRESS, "vfio0");
	nth_registers = transfer;
	nth_ioctl_of = answer;
}

static void end_host(void)
{
	nth_registers = NULL;
	nth_ioctl_of = NULL;
	teardown(NULL);
}

const struct scenario scenarios[] = {
	{ "type1", raise_host, run_type1, end_host },
	{ "iommufd", raise_host, run_iommufd, end_host },
	{ "given", raise_host, run_given, end_host },
	{ .name = NULL },
};
