/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One PCI function opened through kernel VFIO: its device descriptor, its mapped BARs, its
 * interrupts, and its part of the container. The MSI-X table belongs to the kernel. sysfs
 * is not read once the function is open, and a failure leaves no descriptor behind.
 *
 * Source: linux/vfio.h; Documentation/driver-api/vfio.rst.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/clock.h"
#include "base/error.h"
#include "iommu/container.h"
#include "iommu/call.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "pci/mapping.h"
#include "pci/vfio/region.h"

#define RESET_LIMIT_MS 1000
#define RESET_PAUSE_MS 10

struct vfio_function {
	struct vn_function base; /* first: the operations get its address */
	struct vn_container *container;
	int fd;
	uint64_t region_start[VN_REGION_COUNT]; /* offset in the descriptor */
	struct vn_msix_table table;
	unsigned int vectors_on; /* vectors that are attached now */
	struct vn_mappings mapped;
};

static struct vfio_function *vfio_of(struct vn_function *function)
{
	return (struct vfio_function *)function;
}

/*
 * Registers
 */

/* Regions lie next to each other in one descriptor: an offset past the end of
 * one would reach another. */
static int vfio_check_access(const struct vfio_function *function,
			     unsigned int region, uint64_t offset, size_t size)
{
	if (region < VN_REGION_COUNT &&
	    vn_region_within(offset, size, 0,
			     function->base.region[region].size))
		return 0;
	return vn_error(EINVAL, "%s: %s: %zu bytes at %#" PRIx64 " lie outside",
			function->base.name, vn_region_name(region), size, offset);
}

static int vfio_access_failed(const struct vfio_function *function,
			      unsigned int region, const char *step, uint64_t offset,
			      size_t size, ssize_t done)
{
	int code = done < 0 ? errno : 0;

	if (code == ENODEV || code == ENXIO)
		return vn_error(ENODEV, "%s: the function is gone",
				function->base.name);
	return vn_error(EIO, "%s: %s: %s of %zu bytes at %#" PRIx64 ": %s",
			function->base.name, vn_region_name(region), step, size,
			offset, done < 0 ? vn_errno_text(code) :
					   "cut short");
}

static int vfio_read(struct vn_function *base, unsigned int region,
		     uint64_t offset, void *data, size_t size)
{
	struct vfio_function *function = vfio_of(base);
	int result = vfio_check_access(function, region, offset, size);
	ssize_t done;

	if (result != 0)
		return result;
	do {
		done = pread(function->fd, data, size,
			     (off_t)(function->region_start[region] + offset));
	} while (done < 0 && errno == EINTR);
	if (done == (ssize_t)size)
		return 0;
	return vfio_access_failed(function, region, "read", offset, size, done);
}

static bool vfio_hits_table(const struct vfio_function *function,
			    unsigned int region, uint64_t offset, uint64_t size)
{
	return region == function->table.bar && offset < function->table.end &&
	       offset + size > function->table.first;
}

static int vfio_write(struct vn_function *base, unsigned int region,
		      uint64_t offset, const void *data, size_t size)
{
	struct vfio_function *function = vfio_of(base);
	int result = vfio_check_access(function, region, offset, size);
	ssize_t done;

	if (result != 0)
		return result;
	if (vfio_hits_table(function, region, offset, size))
		return vn_error(EINVAL, "%s: %s: %#" PRIx64 " belongs to the MSI-X "
				"table, which the kernel owns", base->name,
				vn_region_name(region), offset);
	do {
		done = pwrite(function->fd, data, size,
			      (off_t)(function->region_start[region] + offset));
	} while (done < 0 && errno == EINTR);
	if (done == (ssize_t)size)
		return 0;
	return vfio_access_failed(function, region, "write", offset, size, done);
}

static int vfio_map(struct vn_function *base, unsigned int region,
		    uint64_t offset, uint64_t size, volatile void **address)
{
	struct vfio_function *function = vfio_of(base);
	uint64_t start = region < VN_REGION_COUNT ?
				 function->region_start[region] : 0;

	return vn_mapping_make(&function->mapped, base, region, function->fd,
			       start, offset, size, address);
}

/* Only where KVM stands between could a doorbell be an eventfd. */
static int vfio_eventfd(struct vn_function *base, unsigned int region,
			uint64_t offset, unsigned int size, uint64_t value, int *fd)
{
	(void)size, (void)value;
	*fd = -1;
	return vn_error(ENOTSUP, "%s: %s: no eventfd stands for %#" PRIx64,
			base->name, vn_region_name(region), offset);
}

/*
 * Interrupts and reset
 */

/* Returns what the kernel says: 0, a negative errno, or the smaller number of
 * vectors that it could give (none is attached then). */
static int vfio_set_irqs(int fd, uint32_t index, const int *eventfds, uint32_t count)
{
	size_t data = count * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + data);
	int result;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)(sizeof(*set) + data);
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count == 0 ? VFIO_IRQ_SET_DATA_NONE :
				   VFIO_IRQ_SET_DATA_EVENTFD);
	set->index = index;
	set->count = count;
	if (count != 0)
		memcpy(set->data, eventfds, data);
	result = vn_vfio_call(fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return result;
}

/* The kernel refuses to switch off what is not on. No error text. */
static int vfio_vectors_off(struct vfio_function *function)
{
	int result = 0;

	if (function->vectors_on != 0)
		result = vfio_set_irqs(function->fd, VFIO_PCI_MSIX_IRQ_INDEX, NULL, 0);
	function->vectors_on = 0;
	return result;
}

static int vfio_vectors_failed(struct vfio_function *function, unsigned int count,
			       int result)
{
	function->base.vectors_left = result > 0 ? (unsigned int)result : 0;
	if (result > 0)
		return vn_error(ENOSPC, "%s: the kernel has only %d of %u MSI-X "
				"vectors left; ask for fewer",
				function->base.name, result, count);
	return vn_error_errno(-result, "%s: attach %u MSI-X vectors",
			      function->base.name, count);
}

static int vfio_vectors(struct vn_function *base, const int *eventfds,
			unsigned int count)
{
	struct vfio_function *function = vfio_of(base);
	int result = 0;

	if (count > base->vector_count)
		return vn_error(EINVAL, "%s: %u MSI-X vectors wanted, it has %u",
				base->name, count, base->vector_count);
	/* Kernels before 6.5 cannot change the number of vectors while on. */
	if (count != function->vectors_on)
		result = vfio_vectors_off(function);
	if (result != 0)
		return vn_error_errno(-result, "%s: switch MSI-X off",
				      base->name);
	if (count == 0)
		return 0;
	result = vfio_set_irqs(function->fd, VFIO_PCI_MSIX_IRQ_INDEX, eventfds,
			       count);
	if (result != 0)
		return vfio_vectors_failed(function, count, result);
	function->vectors_on = count;
	return 0;
}

static int vfio_reset(struct vn_function *base)
{
	int result = -EAGAIN;

	/* Another process that looks at the function may hold its lock. */
	for (unsigned int ms = 0; result == -EAGAIN && ms <= RESET_LIMIT_MS; ms += RESET_PAUSE_MS) {
		if (ms != 0)
			vn_sleep(RESET_PAUSE_MS * VN_MS);
		result = vn_vfio_call(vfio_of(base)->fd, VFIO_DEVICE_RESET, NULL);
	}
	switch (-result) {
	case 0:
		return 0;
	case EINVAL:
	case ENOTTY:
		return vn_error(ENOTSUP, "%s: the function cannot be reset from "
				"outside", base->name);
	case ENODEV:
	case ENXIO:
		return vn_error(ENODEV, "%s: the function is gone", base->name);
	default:
		return vn_error_errno(-result, "%s: reset", base->name);
	}
}

/*
 * Memory
 */

static int vfio_memory_add(struct vn_function *base,
			   const struct vn_memory *memory, enum vn_access access,
			   uint64_t *iova)
{
	int result = vn_container_map(vfio_of(base)->container, memory, access, iova);

	return result == 0 ? 0 : vn_error_prefix(result, "%s", base->name);
}

static int vfio_memory_remove(struct vn_function *base, uint64_t iova)
{
	int result = vn_container_unmap(vfio_of(base)->container, iova);

	return result == 0 ? 0 : vn_error_prefix(result, "%s", base->name);
}

static int vfio_memory_check(struct vn_function *base, uint64_t bytes)
{
	return vn_container_check(vfio_of(base)->container, bytes);
}

static int vfio_iommu_limits(struct vn_function *base,
			     struct vn_iommu_limits *limits)
{
	vn_container_limits(vfio_of(base)->container, limits);
	return 0;
}

/*
 * Closing
 */

/* Works for a function that is only partly open. The device goes before the
 * container: the kernel makes it quiesced, and only then is memory unmapped. */
static void vfio_release(struct vfio_function *function)
{
	vn_mapping_release(&function->mapped);
	if (function->fd >= 0)
		close(function->fd);
	vn_container_close(function->container);
	if (function->base.removal_fd >= 0)
		close(function->base.removal_fd);
	if (function->base.error_fd >= 0)
		close(function->base.error_fd);
	free(function);
}

static int vfio_close(struct vn_function *base)
{
	struct vfio_function *function = vfio_of(base);
	char text[VIONET_ERROR_TEXT_MAX];
	int off, result = vn_function_command(base, 0, VN_PCI_COMMAND_MASTER);

	off = vfio_vectors_off(function);
	if (result == 0 && off != 0)
		result = vn_error_errno(-off, "%s: switch MSI-X off",
					base->name);
	/* What follows may fail too, but the first error is the cause. */
	snprintf(text, sizeof(text), "%s", vionet_error_text());
	vfio_release(function);
	return result == 0 ? 0 : vn_error(-result, "%s", text);
}

static const struct vn_function_ops operations = {
	.read = vfio_read,
	.write = vfio_write,
	.map = vfio_map,
	.eventfd = vfio_eventfd,
	.vectors = vfio_vectors,
	.reset = vfio_reset,
	.memory_add = vfio_memory_add,
	.memory_remove = vfio_memory_remove,
	.memory_check = vfio_memory_check,
	.iommu_limits = vfio_iommu_limits,
	.close = vfio_close,
};

/*
 * Opening
 */

/* An odd error of the kernel's must not be taken for one of the contract's. */
static int vfio_odd_error(int code, const char *step)
{
	vn_error_errno(code, "%s", step);
	return code == ENOMEM || code == EMFILE || code == ENFILE ? -code : -EIO;
}

static int vfio_read_device(struct vfio_function *function)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int result = vn_vfio_call(function->fd, VFIO_DEVICE_GET_INFO, &info);

	if (result < 0)
		return vfio_odd_error(-result, "find out what it is");
	if ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0)
		return vn_error(ENOTSUP, "VFIO says that it is no PCI function");
	function->base.reset_supported =
		(info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	return 0;
}

/* Number of interrupts of kind `index` that can go to an eventfd. */
static unsigned int vfio_irq_count(int fd, uint32_t index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (vn_vfio_call(fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 ||
	    (info.flags & VFIO_IRQ_INFO_EVENTFD) == 0)
		return 0;
	return info.count;
}

/* A function that has no such interrupt keeps -1: errors are of PCI Express. */
static int vfio_wire(const struct vfio_function *function, uint32_t index, int *fd,
		     const char *step)
{
	int result;

	if (vfio_irq_count(function->fd, index) == 0)
		return 0;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return vfio_odd_error(errno, step);
	result = vfio_set_irqs(function->fd, index, fd, 1);
	if (result != 0)
		return vfio_odd_error(-result, step);
	return 0;
}

static int vfio_bring_up(struct vfio_function *function)
{
	struct vn_function *base = &function->base;
	int result = vfio_read_device(function);

	if (result == 0)
		result = vn_vfio_regions(function->fd, base->region,
					 function->region_start,
					 &function->table);
	if (result == 0) {
		base->vector_count = vfio_irq_count(function->fd,
						    VFIO_PCI_MSIX_IRQ_INDEX);
		result = vfio_wire(function, VFIO_PCI_REQ_IRQ_INDEX,
				   &base->removal_fd, "attach the removal interrupt");
	}
	if (result == 0)
		result = vfio_wire(function, VFIO_PCI_ERR_IRQ_INDEX, &base->error_fd,
				   "attach the error interrupt");
	if (result != 0)
		return vn_error_prefix(result, "%s", base->name);
	/* The kernel leaves it like that; what follows depends on it. */
	return vn_function_command(base, VN_PCI_COMMAND_MEMORY,
				   VN_PCI_COMMAND_MASTER);
}

/* What is in the way, but for a group that is busy: that may pass. */
static int vfio_check(const char *address, enum vn_iommu_kind kind, const char *token,
		      struct vn_looked *looked)
{
	struct vn_reason reason;
	int result = vn_pci_look(address, looked);

	if (result != 0)
		return result;
	looked->wanted = kind;
	looked->token = token;
	result = vn_drivable(looked, &reason);
	return result == 0 ? 0 : vn_reason_error(looked, &reason, result);
}

/* An iommufd that is not the group's owner gets EPERM where a group's node is busy. */
static int vfio_refused(const struct vn_looked *looked, int result)
{
	struct vn_reason reason;

	if (result == -EPERM && vn_drivable_group(looked, &reason) != 0)
		return vn_reason_error(looked, &reason, -EBUSY);
	if ((result == -EBUSY || result == -EPERM) &&
	    vn_drivable_user(looked, &reason) == -EBUSY)
		return vn_reason_error(looked, &reason, -EBUSY);
	vn_error_prefix(result, "%s", looked->function.address);
	return result == -EALREADY ? -EBUSY : result;
}

/* It changed between the look and the opening. */
static int vfio_not_viable(const struct vn_looked *looked)
{
	struct vn_reason reason;

	if (vn_drivable_group(looked, &reason) != 0)
		return vn_reason_error(looked, &reason, -EBUSY);
	return vn_error(EBUSY, "%s: group %d is not viable, but no device "
			"of it stands out; see /sys/kernel/iommu_groups/"
			"%d/devices", looked->function.address, looked->group,
			looked->group);
}

/* The address space, and the device's descriptor. */
static int vfio_open_device(struct vfio_function *function, const struct vn_looked *looked,
			    enum vn_iommu_kind kind)
{
	char node[VN_GROUP_PATH_MAX];
	int result = vn_container_open(vn_host.vfio, vn_looked_group(looked, node),
				       function->base.name, kind, &function->container);

	if (result == 0)
		result = vn_container_device(function->container, looked->node, looked->token,
					     &function->fd);
	if (result == -ENOTCONN)
		return vfio_not_viable(looked);
	return result == 0 ? 0 : vfio_refused(looked, result);
}

static int vfio_open_given(struct vfio_function *function, const struct vn_iommu_fds *fds,
			   const char *token)
{
	const char *name = function->base.name;
	int result = vn_container_open_given(fds, name, &function->container);

	if (result == 0)
		result = vn_container_device(function->container, "", token, &function->fd);
	return result == 0 ? 0 : vn_error_prefix(result, "%s", name);
}

static struct vfio_function *vfio_new(const char *name, int group, enum vn_iommu_kind kind)
{
	static const char *const names[] = {
		[VN_IOMMU_TYPE1] = "type1v2",
		[VN_IOMMU_IOMMUFD] = "iommufd",
		[VN_IOMMU_NONE] = "no-IOMMU",
		[VN_IOMMU_NONE_IOMMUFD] = "no-IOMMU cdev",
	};
	struct vfio_function *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		vn_error(ENOMEM, "%s: out of memory", name);
		return NULL;
	}
	made->base = (struct vn_function){
		.ops = &operations,
		.iommu_group = group,
		.removal_fd = -1,
		.error_fd = -1,
		.service_fd = -1,
	};
	snprintf(made->base.name, sizeof(made->base.name), "%s", name);
	made->fd = -1;
	snprintf(made->base.iommu, sizeof(made->base.iommu), "%s", names[kind]);
	return made;
}

/* `result`: whether its device was opened. */
static int vfio_opened(struct vfio_function *made, int result, struct vn_function **function)
{
	if (result == 0)
		result = vfio_bring_up(made);
	if (result != 0) {
		vfio_release(made);
		return result;
	}
	*function = &made->base;
	return 0;
}

int vn_function_open_vfio(const char *address, enum vn_iommu_kind kind, const char *token,
			  struct vn_function **function)
{
	struct vfio_function *made;
	struct vn_looked looked;
	int result = vfio_check(address, kind, token, &looked);

	*function = NULL;
	if (result != 0)
		return result;
	kind = vn_drivable_kind(&looked);
	made = vfio_new(looked.function.address, looked.group < 0 ? -1 : looked.group, kind);
	if (made == NULL)
		return -ENOMEM;
	return vfio_opened(made, vfio_open_device(made, &looked, kind), function);
}

int vn_function_open_given(const char *address, const struct vn_iommu_fds *fds, const char *token,
			   struct vn_function **function)
{
	struct vfio_function *made;
	char name[VN_ADDRESS_MAX];
	int result = vn_pci_address_parse(address, name);

	*function = NULL;
	if (result != 0)
		return result;
	made = vfio_new(name, -1, fds->iommufd >= 0 ? VN_IOMMU_IOMMUFD : VN_IOMMU_TYPE1);
	if (made == NULL)
		return -ENOMEM;
	return vfio_opened(made, vfio_open_given(made, fds, token), function);
}
