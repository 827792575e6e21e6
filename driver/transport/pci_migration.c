/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving from one vfio-user server to another: the second transport beside the first one, and
 * what it takes over from it. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/transport/pci.h"

static const char vfio_user[] = "vfio-user:";

static int pci_supported(struct vn_transport *transport)
{
	struct vn_function *function = vn_pci(transport)->function;

	/* Kernel VFIO has no other place for its function. */
	if (function->ops->migration == NULL)
		return vn_error(ENOTSUP, "%s: only a function behind a vfio-user server can move",
				transport->name);
	return function->ops->migration->supported(function);
}

static int pci_may_become(const char *to)
{
	if (strncmp(to, vfio_user, sizeof(vfio_user) - 1) == 0)
		return 0;
	return vn_error(EINVAL, "'%.*s' names no vfio-user server: vfio-user:PATH", VIONET_NAME_MAX,
			to);
}

static int pci_memory_add_at(struct vn_transport *target, const struct vn_memory *memory,
			     enum vn_access access, uint64_t iova)
{
	struct vn_function *function = vn_pci(target)->function;

	return function->ops->migration->memory_add_at(function, memory, access, iova);
}

static int pci_attach(struct vn_transport *target, struct vn_transport *from)
{
	struct vn_pci_transport *t = vn_pci(target), *old = vn_pci(from);

	t->accepted = old->accepted;
	t->read_back = old->read_back;
	if (old->vectors.count > t->function->vector_count)
		return vn_error(ENOTSUP, "%s: %u vectors, %u are in use", target->name,
				t->function->vector_count, old->vectors.count);
	if (old->vectors.count == 0)
		return 0;
	return t->function->ops->vectors(t->function, old->vectors.fds, old->vectors.count);
}

static int pci_state_set(struct vn_transport *transport, enum vn_device_state state)
{
	struct vn_function *function = vn_pci(transport)->function;

	return function->ops->migration->state_set(function, (enum vn_function_state)state);
}

static int pci_state_read(struct vn_transport *transport, void *data, size_t room, size_t *size)
{
	struct vn_function *function = vn_pci(transport)->function;

	return function->ops->migration->state_read(function, data, room, size);
}

static int pci_state_write(struct vn_transport *transport, const void *data, size_t size)
{
	struct vn_function *function = vn_pci(transport)->function;

	return function->ops->migration->state_write(function, data, size);
}

/* What the application may have in an epoll of its own stays the same open file. */
static int pci_adopt(struct vn_transport *target, struct vn_transport *from)
{
	struct vn_pci_transport *t = vn_pci(target), *old = vn_pci(from);
	const int gone[] = { old->function->removal_fd, old->function->error_fd,
			     old->function->service_fd };
	int result;

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (gone[i] >= 0)
			(void)epoll_ctl(from->event_fd, EPOLL_CTL_DEL, gone[i], NULL);
	close(target->event_fd);
	target->event_fd = from->event_fd;
	from->event_fd = -1;
	t->vectors = old->vectors;
	t->config_interrupt = old->config_interrupt;
	target->vector_fds = t->vectors.fds;
	old->vectors = (struct vn_vectors){ .count = 0 };
	from->vector_fds = NULL;
	result = vn_watch(target->event_fd, t->function->removal_fd);
	if (result == 0)
		result = vn_watch(target->event_fd, t->function->error_fd);
	return result ? result : vn_watch(target->event_fd, t->function->service_fd);
}

const struct vn_transport_migration vn_pci_migration = {
	.supported = pci_supported,
	.may_become = pci_may_become,
	.memory_add_at = pci_memory_add_at,
	.attach = pci_attach,
	.state_set = pci_state_set,
	.state_read = pci_state_read,
	.state_write = pci_state_write,
	.adopt = pci_adopt,
};
