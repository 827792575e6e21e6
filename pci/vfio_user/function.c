/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One PCI function behind a vfio-user server: the operations of pci/function.h as
 * messages, its interrupts, its opening and closing. Never knows how a message travels
 * (socket.c), or waits for a server whose connection is closed.
 *
 * Source: the vfio-user specification.
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

#include "base/error.h"
#include "pci/function.h"
#include "pci/mapping.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/memory.h"
#include "pci/vfio_user/migration.h"
#include "pci/vfio_user/region.h"
#include "pci/vfio_user/socket.h"
#include "pci/vfio_user/version.h"

/* More than MSI-X has (PCI Local Bus, 6.8.2). */
#define VECTORS_MAX 2048u

struct user_function {
	struct vn_function base; /* first: the operations get its address */
	struct vn_vfu_socket socket;
	struct vn_vfu_limits limits;
	struct vn_vfu_memory memory;
	struct vn_vfu_region behind[VN_REGION_COUNT];
	struct vn_mappings mapped;
	unsigned int vectors_on;
};

static struct user_function *vfu_of(struct vn_function *function)
{
	return (struct user_function *)function;
}

/* ---- registers ---- */

static int vfu_check_access(const struct vn_function *base, unsigned int region,
			    uint64_t offset, size_t size)
{
	if (region < VN_REGION_COUNT &&
	    vn_region_within(offset, size, 0, base->region[region].size))
		return 0;
	return vn_error(EINVAL, "%s: %s: %zu bytes at %#" PRIx64 " lie outside",
			base->name, vn_region_name(region), size, offset);
}

static int vfu_read(struct vn_function *base, unsigned int region, uint64_t offset,
		    void *data, size_t size)
{
	int result = vfu_check_access(base, region, offset, size);

	return result != 0 ?
		       result :
		       vn_vfu_region_read(&vfu_of(base)->socket, &vfu_of(base)->limits,
					  region, offset, data, size);
}

/*
 * Also the kick of last resort, from a queue's thread. It waits for the reply like any
 * other write: a server that has no mapping of our memory requests it meanwhile, and
 * this thread has to be there to reply.
 */
static int vfu_write(struct vn_function *base, unsigned int region,
		     uint64_t offset, const void *data, size_t size)
{
	int result = vfu_check_access(base, region, offset, size);

	return result != 0 ?
		       result :
		       vn_vfu_region_write(&vfu_of(base)->socket, &vfu_of(base)->limits,
					   region, offset, data, size);
}

static int vfu_map(struct vn_function *base, unsigned int region, uint64_t offset,
		   uint64_t size, volatile void **address)
{
	const struct vn_vfu_region none = { .fd = -1 };
	const struct vn_vfu_region *behind =
		region < VN_REGION_COUNT ? &vfu_of(base)->behind[region] : &none;

	return vn_mapping_make(&vfu_of(base)->mapped, base, region, behind->fd,
			       behind->start, offset, size, address);
}

static int vfu_eventfd(struct vn_function *base, unsigned int region,
		       uint64_t offset, unsigned int size, uint64_t value, int *fd)
{
	int result = vfu_check_access(base, region, offset, size);

	*fd = -1;
	if (result != 0)
		return result;
	return vn_vfu_region_eventfd(&vfu_of(base)->socket,
				     &vfu_of(base)->behind[region],
				     &base->region[region], region, offset, size, value,
				     fd);
}

/* ---- interrupts ---- */

/* Attach eventfds to `count` interrupts from `start`; none switches all off. The server's
 * own errno is in `*refused`. */
static int vfu_set_irqs(struct user_function *function, uint32_t index, uint32_t start,
			const int *eventfds, uint32_t count, int *refused)
{
	struct vfu_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			 (count == 0 ? VFIO_IRQ_SET_DATA_NONE :
				       VFIO_IRQ_SET_DATA_EVENTFD),
		.index = index,
		.start = start,
		.count = count,
	};
	struct vn_vfu_message message = {
		.command = VU_DEVICE_SET_IRQS,
		.what = count == 0 ? "switch interrupts off" : "attach interrupts",
		.request = { { &set, sizeof(set) } },
		.fds = eventfds,
		.fd_count = count,
	};
	int result = vn_vfu_call(&function->socket, &message);

	*refused = message.refused;
	return result;
}

static int vfu_vectors_off(struct user_function *function)
{
	int refused, result = 0;

	if (function->vectors_on != 0)
		result = vfu_set_irqs(function, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL, 0,
				      &refused);
	function->vectors_on = 0;
	return result;
}

/* As many from `start` as one message can carry; a vector that is left unused (-1)
 * ends the run. */
static uint32_t vfu_run_length(const struct user_function *function,
			       const int *eventfds, unsigned int start,
			       unsigned int count)
{
	uint32_t run = 0;

	while (start + run < count && eventfds[start + run] >= 0 &&
	       run < function->limits.message_fds)
		run++;
	return run;
}

static int vfu_vectors_on(struct user_function *function, const int *eventfds,
			  unsigned int count)
{
	int refused = 0, result = 0;
	uint32_t run;

	for (unsigned int at = 0; at < count && result == 0; at += run) {
		run = vfu_run_length(function, eventfds, at, count);
		if (run == 0) {
			run = 1;
			continue;
		}
		result = vfu_set_irqs(function, VFIO_PCI_MSIX_IRQ_INDEX, at,
				      eventfds + at, run, &refused);
		function->vectors_on = count;
	}
	if (refused == ENOSPC)
		result = -ENOSPC;
	return result;
}

static int vfu_vectors(struct vn_function *base, const int *eventfds,
		       unsigned int count)
{
	struct user_function *function = vfu_of(base);
	char text[VIONET_ERROR_TEXT_MAX];
	int result;

	if (count > base->vector_count)
		return vn_error(EINVAL, "%s: %u MSI-X vectors wanted, it has %u",
				base->name, count, base->vector_count);
	result = vfu_vectors_off(function);
	if (result != 0 || count == 0)
		return result;
	result = vfu_vectors_on(function, eventfds, count);
	if (result == 0)
		return 0;
	/* Some may be attached. What counts is the first error. */
	snprintf(text, sizeof(text), "%s", vionet_error_text());
	(void)vfu_vectors_off(function);
	return vn_error(-result, "%s", text);
}

/* ---- reset, memory, requests ---- */

static int vfu_reset(struct vn_function *base)
{
	struct vn_vfu_message message = {
		.command = VU_DEVICE_RESET,
		.what = "reset",
	};

	if (!base->reset_supported)
		return vn_error(ENOTSUP, "%s: the function cannot be reset from "
				"outside", base->name);
	return vn_vfu_call(&vfu_of(base)->socket, &message);
}

static int vfu_memory_add(struct vn_function *base, const struct vn_memory *memory,
			  enum vn_access access, uint64_t *iova)
{
	return vn_vfu_memory_add(&vfu_of(base)->memory, memory, access, iova);
}

static int vfu_memory_remove(struct vn_function *base, uint64_t iova)
{
	return vn_vfu_memory_remove(&vfu_of(base)->memory, iova);
}

static int vfu_iommu_limits(struct vn_function *base, struct vn_iommu_limits *limits)
{
	vn_vfu_memory_limits(&vfu_of(base)->memory, limits);
	return 0;
}

static int vfu_migration_supported(struct vn_function *base)
{
	return vn_vfu_migration_supported(&vfu_of(base)->socket);
}

static int vfu_state_set(struct vn_function *base, enum vn_function_state state)
{
	return vn_vfu_state_set(&vfu_of(base)->socket, state);
}

static int vfu_state_read(struct vn_function *base, void *data, size_t room, size_t *size)
{
	return vn_vfu_state_read(&vfu_of(base)->socket, &vfu_of(base)->limits, data, room, size);
}

static int vfu_state_write(struct vn_function *base, const void *data, size_t size)
{
	return vn_vfu_state_write(&vfu_of(base)->socket, &vfu_of(base)->limits, data, size);
}

static int vfu_memory_add_at(struct vn_function *base, const struct vn_memory *memory,
			     enum vn_access access, uint64_t iova)
{
	return vn_vfu_memory_add_at(&vfu_of(base)->memory, memory, access, iova);
}

static const struct vn_function_migration vfu_migration = {
	.supported = vfu_migration_supported,
	.state_set = vfu_state_set,
	.state_read = vfu_state_read,
	.state_write = vfu_state_write,
	.memory_add_at = vfu_memory_add_at,
};

static int vfu_service(struct vn_function *base)
{
	return vn_vfu_service(&vfu_of(base)->socket);
}

/* ---- closing ---- */

/* Works for a function that is only partly open. The end of the connection makes it
 * quiesced; the memory is released afterwards. */
static void vfu_release(struct user_function *function)
{
	vn_vfu_disconnect(&function->socket);
	vn_mapping_release(&function->mapped);
	vn_vfu_regions_release(function->behind);
	vn_vfu_memory_release(&function->memory);
	if (function->base.removal_fd >= 0)
		close(function->base.removal_fd);
	if (function->base.error_fd >= 0)
		close(function->base.error_fd);
	free(function);
}

static int vfu_close(struct vn_function *base)
{
	struct user_function *function = vfu_of(base);
	char text[VIONET_ERROR_TEXT_MAX];
	int off, result = vn_function_command(base, 0, VN_PCI_COMMAND_MASTER);

	snprintf(text, sizeof(text), "%s", vionet_error_text());
	off = vfu_vectors_off(function);
	if (result == 0 && off != 0) {
		result = off;
		snprintf(text, sizeof(text), "%s", vionet_error_text());
	}
	vfu_release(function);
	return result == 0 ? 0 : vn_error(-result, "%s", text);
}

static const struct vn_function_ops operations = {
	.read = vfu_read,
	.write = vfu_write,
	.map = vfu_map,
	.eventfd = vfu_eventfd,
	.vectors = vfu_vectors,
	.reset = vfu_reset,
	.memory_add = vfu_memory_add,
	.memory_remove = vfu_memory_remove,
	.iommu_limits = vfu_iommu_limits,
	.service = vfu_service,
	.migration = &vfu_migration,
	.close = vfu_close,
};

/* ---- opening ---- */

static int vfu_read_device(struct user_function *function, struct vfu_device_info *info)
{
	struct vfu_device_info question = { .argsz = sizeof(question) };
	struct vn_vfu_message message = {
		.command = VU_DEVICE_GET_INFO,
		.what = "find out what it is",
		.request = { { &question, sizeof(question) } },
		.reply = { { info, sizeof(*info) } },
	};
	int result = vn_vfu_call(&function->socket, &message);

	if (result != 0)
		return result;
	if ((info->flags & VFIO_DEVICE_FLAGS_PCI) == 0)
		return vn_error(ENOTSUP, "%s: the server says that it is no PCI "
				"function", function->base.name);
	function->base.reset_supported =
		(info->flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	return 0;
}

/* Number of interrupts of kind `index` that can go to an eventfd. */
static int vfu_irq_count(struct user_function *function,
			 const struct vfu_device_info *info, uint32_t index,
			 unsigned int *count)
{
	struct vfu_irq_info question = { .argsz = sizeof(question), .index = index };
	struct vfu_irq_info reply;
	struct vn_vfu_message message = {
		.command = VU_DEVICE_GET_IRQ_INFO,
		.what = "count interrupts",
		.request = { { &question, sizeof(question) } },
		.reply = { { &reply, sizeof(reply) } },
	};
	int result;

	*count = 0;
	if (index >= info->irqs)
		return 0;
	result = vn_vfu_call(&function->socket, &message);
	if (result != 0)
		return result;
	if (reply.index != index)
		return vn_vfu_protocol_error(&function->socket,
					     "it counts other interrupts "
					     "than those asked for");
	if ((reply.flags & VFIO_IRQ_INFO_EVENTFD) != 0)
		*count = reply.count < VECTORS_MAX ? reply.count : VECTORS_MAX;
	return 0;
}

/* A function that has no such interrupt keeps -1. */
static int vfu_wire(struct user_function *function, const struct vfu_device_info *info,
		    uint32_t index, int *fd)
{
	unsigned int count;
	int refused, result = vfu_irq_count(function, info, index, &count);

	if (result != 0 || count == 0)
		return result;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return vn_error_errno(errno, "%s: eventfd", function->base.name);
	return vfu_set_irqs(function, index, 0, fd, 1, &refused);
}

static int vfu_bring_up(struct user_function *function)
{
	struct vn_function *base = &function->base;
	struct vfu_device_info info = { .irqs = 0 };
	int result = vn_vfu_negotiate(&function->socket, &function->limits);

	if (result == 0)
		result = vn_vfu_memory_init(&function->memory, &function->socket,
					    &function->limits);
	if (result == 0)
		result = vfu_read_device(function, &info);
	if (result == 0)
		result = vn_vfu_regions(&function->socket, &function->limits,
					info.regions, base->region, function->behind);
	if (result == 0)
		result = vfu_irq_count(function, &info, VFIO_PCI_MSIX_IRQ_INDEX,
				       &base->vector_count);
	if (result == 0)
		result = vfu_wire(function, &info, VFIO_PCI_REQ_IRQ_INDEX,
				  &base->removal_fd);
	if (result == 0)
		result = vfu_wire(function, &info, VFIO_PCI_ERR_IRQ_INDEX,
				  &base->error_fd);
	if (result == 0)
		result = vn_function_command(base, VN_PCI_COMMAND_MEMORY,
					     VN_PCI_COMMAND_MASTER);
	return result;
}

/* There is no such socket: does its path end in what a vhost-user socket's may have? */
static int vfu_check_path(const char *path, int result)
{
	const char *option = strrchr(path, ',');

	if (option == NULL ||
	    (strcmp(option, ",server") != 0 && strcmp(option, ",read-only") != 0 &&
	     strncmp(option, ",wait=", 6) != 0))
		return result;
	return vn_error(EINVAL, "vfio-user:%s: there is no such socket; '%s' is an option "
			"of vhost-user: leave it out, the server makes the socket", path,
			option);
}

int vn_function_open_vfio_user(const char *path, unsigned int reply_timeout_ms,
			       struct vn_function **function)
{
	struct user_function *made = calloc(1, sizeof(*made));
	int result;

	*function = NULL;
	if (made == NULL)
		return vn_error(ENOMEM, "vfio-user:%s: out of memory", path);
	made->base = (struct vn_function){ .ops = &operations, .iommu_group = -1,
		.iommu = "vfio-user", .removal_fd = -1, .error_fd = -1,
		.service_fd = -1 };
	for (unsigned int i = 0; i < VN_REGION_COUNT; i++)
		made->behind[i].fd = -1;
	/* A path that does not fit is refused there. */
	snprintf(made->base.name, sizeof(made->base.name), "vfio-user:%s", path);
	made->socket.name = made->base.name;
	made->socket.serve = vn_vfu_memory_serve;
	made->socket.context = &made->memory;
	made->socket.reply_timeout = VN_VU_REPLY_TIMEOUT;
	if (reply_timeout_ms != 0)
		made->socket.reply_timeout = reply_timeout_ms * VN_MS;
	result = vn_vfu_connect(&made->socket, path);
	if (result == -ENODEV)
		result = vfu_check_path(path, result);
	if (result == 0)
		result = vfu_bring_up(made);
	if (result != 0) {
		vfu_release(made);
		return result;
	}
	made->base.service_fd = made->socket.fd;
	*function = &made->base;
	return 0;
}
