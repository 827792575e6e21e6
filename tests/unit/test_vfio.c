/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel VFIO without a device: this file implements the ioctls of a container, a group
 * and two functions whose registers are a memfd. Tested: what functions of a group share,
 * which pages may be mapped, the number of vectors. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iommu/sharing.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"

#define SECOND "0000:00:04.1"
#define BAR_PLACE 0x10000u
#define BAR_SIZE 0x4000u

static struct kernel {
	unsigned int containers; /* groups that were attached to one */
	unsigned int maps;	 /* that are there */
	uint64_t iova[16];
	unsigned int vectors;	 /* that can be attached */
	bool table_mappable;	 /* the page of the MSI-X table too */
} kernel;

/* ---- the kernel's side ---- */

/* Configuration space with MSI-X, whose table begins BAR 0. */
static int device_file(void)
{
	const uint8_t config[] = { 0xf4, 0x1a, 0x41, 0x10, 2, 0, 0x10 };
	const uint8_t msix[] = { 0x11, 0, 63, 0, 0, 0, 0, 0, 0, 0x10, 0, 0 };
	const uint8_t list = 0x40;
	int fd = memfd_create("function", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, BAR_PLACE + BAR_SIZE), 0);
	assert_int_equal(pwrite(fd, config, sizeof(config), 0), sizeof(config));
	assert_int_equal(pwrite(fd, &list, 1, 0x34), 1);
	assert_int_equal(pwrite(fd, msix, sizeof(msix), 0x40), sizeof(msix));
	return fd;
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
			.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1 };
		info->cap_offset = sizeof(*info);
	}
	info->argsz = sizeof(*info) + sizeof(*cap);
	return 0;
}

static int map_dma(const struct vfio_iommu_type1_dma_map *map)
{
	for (unsigned int i = 0; i < kernel.maps; i++)
		if (kernel.iova[i] == map->iova)
			return EEXIST;
	kernel.iova[kernel.maps++] = map->iova;
	return 0;
}

static int unmap_dma(struct vfio_iommu_type1_dma_unmap *map)
{
	for (unsigned int i = 0; i < kernel.maps; i++) {
		if (kernel.iova[i] != map->iova)
			continue;
		kernel.iova[i] = kernel.iova[--kernel.maps];
		return 0;
	}
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
		status->flags = VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		iommu->flags = VFIO_IOMMU_INFO_PGSIZES;
		iommu->iova_pgsizes = 4096;
		return 0;
	case VFIO_DEVICE_GET_INFO:
		device->flags = VFIO_DEVICE_FLAGS_PCI;
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
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return (uintptr_t)argument == VFIO_TYPE1v2_IOMMU;
	case VFIO_GROUP_SET_CONTAINER:
		kernel.containers++;
		return 0;
	case VFIO_SET_IOMMU:
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return device_file();
	case VFIO_IOMMU_MAP_DMA:
		return -map_dma(argument);
	case VFIO_IOMMU_UNMAP_DMA:
		return -unmap_dma(argument);
	case VFIO_DEVICE_SET_IRQS:
		return irqs->count > kernel.vectors ? (int)kernel.vectors : 0;
	default:
		return -answer_info(request, argument);
	}
}

#ifdef __GLIBC__
int ioctl(int fd, unsigned long request, ...)
#else
int ioctl(int fd, int request, ...)
#endif
{
	va_list arguments;
	void *argument;
	int result;

	(void)fd;
	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	result = answer(request, argument);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* ---- tests ---- */

static int raise_group(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct kernel){ .vectors = 64 };
	ADD(.address = ADDRESS, .group = 7, .driver = "vfio-pci");
	ADD(.address = SECOND, .group = 7, .driver = "vfio-pci");
	return 0;
}

static struct vn_function *open_function(const char *address)
{
	struct vn_function *function;

	if (vn_function_open_vfio(address, &function) != 0)
		fail_msg("%s", vionet_error_text());
	return function;
}

static uint64_t add_memory(struct vn_function *function, struct vn_memory *memory)
{
	uint64_t iova;

	assert_int_equal(vn_memory_alloc(8192, false, memory), 0);
	assert_int_equal(function->ops->memory_add(function, memory, VN_DEVICE_READS,
						   &iova), 0);
	return iova;
}

static bool shares(int group, const char *address)
{
	return vn_domain_shares(vn_host.vfio, group, address);
}

static void functions_of_a_group_share_its_container(void **state)
{
	struct vn_function *first = open_function(ADDRESS), *second;
	struct vn_memory memory[3];
	struct vn_iommu_limits limits;
	uint64_t iova[3];

	(void)state;
	assert_true(shares(7, SECOND));
	assert_false(shares(7, ADDRESS));
	assert_false(shares(8, SECOND));
	second = open_function(SECOND);
	assert_int_equal(kernel.containers, 1);
	iova[0] = add_memory(first, &memory[0]);
	iova[1] = add_memory(second, &memory[1]);
	iova[2] = add_memory(first, &memory[2]);
	assert_true(iova[0] != iova[1] && iova[1] != iova[2]);
	/* Each counts its own. */
	assert_int_equal(second->ops->iommu_limits(second, &limits), 0);
	assert_int_equal(limits.mappings, 1);
	assert_int_equal(limits.mapped_bytes, 8192);
	/* And removes only its own. */
	assert_int_equal(first->ops->close(first), 0);
	assert_int_equal(kernel.maps, 1);
	assert_int_equal(kernel.iova[0], iova[1]);
	first = open_function(ADDRESS);
	assert_int_equal(kernel.containers, 1);
	vn_memory_free(&memory[0]);
	/* What the first had is free again. */
	assert_int_equal(add_memory(first, &memory[0]), iova[0]);
	assert_int_equal(first->ops->close(first), 0);
	assert_int_equal(second->ops->close(second), 0);
	assert_int_equal(kernel.maps, 0);
	assert_false(shares(7, SECOND));
	first = open_function(ADDRESS);
	assert_int_equal(kernel.containers, 2);
	assert_int_equal(first->ops->close(first), 0);
	for (unsigned int i = 0; i < 3; i++)
		vn_memory_free(&memory[i]);
}

static void a_function_is_opened_once(void **state)
{
	struct vn_function *first = open_function(ADDRESS), *again = (void *)1;

	(void)state;
	assert_int_equal(vn_function_open_vfio(ADDRESS, &again), -EBUSY);
	assert_null(again);
	assert_has(vionet_error_text(), ADDRESS ": it is open already, in this process");
	assert_int_equal(first->ops->close(first), 0);
	first = open_function(ADDRESS);
	assert_int_equal(first->ops->close(first), 0);
}

/* A child has the descriptors, but they are its parent's container. */
static void a_child_shares_nothing(void **state)
{
	struct vn_function *first = open_function(ADDRESS);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(shares(7, SECOND));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(first->ops->close(first), 0);
}

/* The doorbells lie in the page of the MSI-X table. */
static void a_page_with_the_table_is_mapped_if_allowed(void **state)
{
	(void)state;
	for (unsigned int allowed = 0; allowed < 2; allowed++) {
		struct vn_function *function;
		volatile void *address;
		int result;

		kernel.table_mappable = allowed != 0;
		function = open_function(ADDRESS);
		result = function->ops->map(function, 0, 0x800, 2, &address);
		assert_int_equal(result, allowed ? 0 : -ENOTSUP);
		if (allowed) /* it is the register */
			*(volatile uint16_t *)address = 7;
		/* One by one where the whole BAR cannot be mapped. */
		assert_int_equal(function->ops->map(function, 0, 0x800, 0x1000,
						    &address), allowed ? 0 : -ENOTSUP);
		assert_int_equal(function->ops->map(function, 0, 0x1000, 2, &address),
				 0);
		/* The table itself is never written. */
		assert_int_equal(function->ops->write(function, 0, 0x10, "1234", 4),
				 -EINVAL);
		assert_int_equal(function->ops->close(function), 0);
	}
}

static void fewer_vectors_are_reported(void **state)
{
	struct vn_function *function = open_function(ADDRESS);
	int fds[64];

	(void)state;
	assert_int_equal(function->vector_count, 64);
	for (unsigned int i = 0; i < 64; i++)
		fds[i] = -1;
	kernel.vectors = 5;
	assert_int_equal(function->ops->vectors(function, fds, 64), -ENOSPC);
	assert_int_equal(function->vectors_left, 5);
	assert_int_equal(function->ops->vectors(function, fds, 5), 0);
	assert_int_equal(function->ops->close(function), 0);
}

#define GROUP(name) cmocka_unit_test_setup_teardown(name, raise_group, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP(functions_of_a_group_share_its_container),
		GROUP(a_function_is_opened_once),
		GROUP(a_child_shares_nothing),
		GROUP(a_page_with_the_table_is_mapped_if_allowed),
		GROUP(fewer_vectors_are_reported),
	};

	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
