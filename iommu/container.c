/* SPDX-License-Identifier: BSD-3-Clause */
/* An address goes back to the allocator only when the kernel translates it no longer. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "iommu/container.h"
#include "iommu/domain.h"

#define NAME_ROOM 64

struct mapping {
	uint64_t iova;	/* what the device uses */
	uint64_t place; /* the kernel's; the same, but for `seen` of the operations */
	struct vn_memory memory;
	bool quarantined; /* an unmap failed: never to be used again */
};

/* What one function has of it: its own mappings. */
struct vn_container {
	struct vn_domain *domain;
	char name[NAME_ROOM];
	struct mapping *mapping;
	size_t mapping_count, mapping_room;
	uint64_t mapped_bytes;
};

/*
 * Opening
 */

static struct vn_container *container_new(const char *name)
{
	struct vn_container *made = calloc(1, sizeof(*made));

	if (made != NULL)
		snprintf(made->name, sizeof(made->name), "%s", name);
	return made;
}

static int container_made(struct vn_container *made, int result, struct vn_container **container)
{
	*container = result == 0 ? made : NULL;
	if (result != 0)
		free(made);
	return result;
}

int vn_container_open(const char *directory, int group, const char *name,
		      enum vn_iommu_kind kind, struct vn_container **container)
{
	static const struct vn_iommu_ops *const kinds[] = {
		[VN_IOMMU_TYPE1] = &vn_type1_ops,
		[VN_IOMMU_IOMMUFD] = &vn_iommufd_ops,
		[VN_IOMMU_NONE] = &vn_noiommu_ops,
		[VN_IOMMU_NONE_IOMMUFD] = &vn_noiommu_iommufd_ops,
	};
	const struct vn_iommu_ops *ops = kinds[kind];
	struct vn_container *made = container_new(name);

	*container = NULL;
	if (made == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory", group);
	return container_made(made, vn_domain_join(directory, group, made->name, ops, &made->domain),
			      container);
}

int vn_container_open_given(const struct vn_iommu_fds *fds, const char *name,
			    struct vn_container **container)
{
	const struct vn_iommu_ops *ops = fds->container >= 0 ? &vn_type1_ops : &vn_iommufd_ops;
	struct vn_container *made = container_new(name);

	*container = NULL;
	if (made == NULL)
		return vn_error(ENOMEM, "out of memory");
	return container_made(made, vn_domain_join_given(fds, made->name, ops, &made->domain),
			      container);
}

int vn_container_device(struct vn_container *container, const char *node, const char *token,
			int *fd)
{
	const struct vn_iommu_device device = { container->name, node, token };
	struct vn_domain *domain = container->domain;

	return domain->ops->device(domain, &device, fd);
}

/*
 * Mapping
 */

static int container_map_refused(const struct vn_container *container, int code,
				 const struct vn_memory *memory, uint64_t iova)
{
	switch (code) {
	case ENOMEM:
		return vn_error(ENOMEM, "%s: the kernel cannot pin %zu "
					"bytes: it is out of memory, or the limit of locked "
					"memory (ulimit -l) is reached",
				container->domain->label,
				memory->size);
	case ENOSPC:
		return vn_error(ENOSPC, "%s: the kernel allows no more "
					"than %zu mappings; register fewer, or raise the "
					"module parameter vfio_iommu_type1.dma_entry_limit",
				container->domain->label, container->mapping_count);
	case EFAULT:
		return vn_error(EFAULT, "%s: the memory at %p (%zu "
					"bytes) cannot be pinned for this access: it is not "
					"wholly mapped, or not writable",
				container->domain->label,
				memory->address, memory->size);
	default:
		return vn_error_errno(code, "%s: map %zu bytes at IOVA "
					    "%#" PRIx64,
				      container->domain->label, memory->size,
				      iova);
	}
}

static int container_check_memory(const struct vn_container *container,
				  const struct vn_memory *memory)
{
	uint64_t mask = container->domain->limits.page_size - 1;

	if (memory->size == 0 || (memory->size & mask) != 0 ||
	    ((uintptr_t)memory->address & mask) != 0)
		return vn_error(EINVAL, "%s: %zu bytes at %p are no "
					"whole pages of %" PRIu64 " bytes",
				container->domain->label,
				memory->size, memory->address,
				container->domain->limits.page_size);
	/* Ask before the kernel does: it would say ENOMEM and nothing else. */
	return vn_container_check(container, memory->size);
}

int vn_container_check(const struct vn_container *container, uint64_t bytes)
{
	return vn_locked_check(bytes, container->domain->accounting);
}

static int container_make_room(struct vn_container *container)
{
	size_t room = container->mapping_room + 32;
	struct mapping *mapping;

	if (container->mapping_count < container->mapping_room)
		return 0;
	mapping = reallocarray(container->mapping, room, sizeof(*mapping));
	if (mapping == NULL)
		return vn_error(ENOMEM, "%s: out of memory",
				container->domain->label);
	container->mapping = mapping;
	container->mapping_room = room;
	return 0;
}

/* Aligned to the memory's own pages where there is such a place, so that the
 * IOMMU can use large pages too; anywhere otherwise. */
static int container_take_address(struct vn_container *container,
				  const struct vn_memory *memory, uint64_t *iova)
{
	const struct vn_domain *domain = container->domain;
	int result;

	if (domain->ops->place != NULL)
		return domain->ops->place(domain, memory, iova);
	pthread_mutex_lock(&container->domain->lock);
	result = vn_iova_alloc(container->domain->space, memory->size,
			       memory->page_size, iova);
	if (result == -ENOSPC)
		result = vn_iova_alloc(container->domain->space, memory->size,
				       container->domain->limits.page_size, iova);
	pthread_mutex_unlock(&container->domain->lock);
	if (result != 0)
		return vn_error_prefix(result, "%s",
				       container->domain->label);
	return 0;
}

static int container_give_address(struct vn_container *container, uint64_t iova)
{
	int result;

	if (container->domain->ops->place != NULL)
		return 0;
	pthread_mutex_lock(&container->domain->lock);
	result = vn_iova_free(container->domain->space, iova);
	pthread_mutex_unlock(&container->domain->lock);
	return result;
}

/* Where places are found and not chosen: is all memory still where it was? The device goes on with
 * the old addresses. */
static int container_check_places(const struct vn_container *container)
{
	const struct vn_domain *domain = container->domain;

	for (size_t i = 0; i < container->mapping_count && domain->ops->place != NULL; i++) {
		const struct mapping *mapping = &container->mapping[i];
		uint64_t now = 0;
		int result = domain->ops->place(domain, &mapping->memory, &now);

		if (result == 0 && now == mapping->iova)
			continue;
		if (result != 0)
			return result;
		return vn_error(
			EIO,
			"%s: memory of the device moved from %#" PRIx64 " to %#" PRIx64
			", and it still has the old address; stop what moves huge "
			"pages (hot unplug of memory, a balloon), and start the device again",
			domain->label, mapping->iova, now);
	}
	return 0;
}

/* Unmapping a hole may succeed with size 0, so the amount is part of the answer. */
static int container_unmap(const struct vn_container *container,
			   const struct mapping *mapping)
{
	const struct vn_domain *domain = container->domain;
	uint64_t done = 0;
	int result = domain->ops->unmap(domain, &mapping->memory, mapping->place, &done);

	if (result < 0) {
		vn_error_errno(-result, "%s: unmap IOVA %#" PRIx64 "; the address stays out of use",
			       container->domain->label, mapping->iova);
		return -EIO;
	}
	if (done != mapping->memory.size)
		return vn_error(EIO, "%s: the kernel unmapped %" PRIu64 " of %zu bytes at IOVA %#" PRIx64 "; the "
				     "address stays out of use",
				container->domain->label,
				done, mapping->memory.size, mapping->iova);
	return 0;
}

/* It is mapped; without an address for the device that is undone. */
static int container_see(struct vn_container *container, struct mapping *mapping)
{
	const struct vn_domain *domain = container->domain;
	uint64_t done = 0;
	int result = 0;

	mapping->iova = mapping->place;
	if (domain->ops->seen != NULL)
		result = domain->ops->seen(domain, &mapping->memory, mapping->place, &mapping->iova);
	if (result != 0 &&
	    domain->ops->unmap(domain, &mapping->memory, mapping->place, &done) == 0 &&
	    done == mapping->memory.size)
		(void)container_give_address(container, mapping->place);
	return result;
}

int vn_container_map(struct vn_container *container,
		     const struct vn_memory *memory, enum vn_access access,
		     uint64_t *iova)
{
	struct vn_domain *domain = container->domain;
	struct mapping made = { .memory = *memory };
	uint64_t place;
	int result;

	*iova = 0;
	result = container_check_memory(container, memory);
	if (result == 0)
		result = container_make_room(container);
	if (result == 0)
		result = container_check_places(container);
	if (result == 0)
		result = container_take_address(container, memory, &place);
	if (result != 0)
		return result;
	result = domain->ops->map(domain, memory, access, place);
	if (result < 0) {
		(void)container_give_address(container, place);
		return container_map_refused(container, -result, memory, place);
	}
	made.place = place;
	result = container_see(container, &made);
	if (result != 0)
		return result;
	container->mapping[container->mapping_count++] = made;
	container->mapped_bytes += memory->size;
	*iova = made.iova;
	return 0;
}

int vn_container_unmap(struct vn_container *container, uint64_t iova)
{
	struct mapping *mapping = NULL;
	uint64_t place;
	int result;

	for (size_t i = 0; i < container->mapping_count; i++) {
		if (container->mapping[i].iova == iova)
			mapping = &container->mapping[i];
	}
	if (mapping == NULL || mapping->quarantined)
		return vn_error(ENOENT, "%s: nothing is mapped at IOVA "
					"%#" PRIx64,
				container->domain->label, iova);
	result = container_unmap(container, mapping);
	if (result != 0) {
		mapping->quarantined = true;
		return result;
	}
	container->mapped_bytes -= mapping->memory.size;
	place = mapping->place;
	*mapping = container->mapping[--container->mapping_count];
	return container_give_address(container, place);
}

void vn_container_limits(const struct vn_container *container,
		       struct vn_iommu_limits *limits)
{
	const struct vn_domain *domain = container->domain;

	/* If it cannot be read now, the ranges are those of the beginning. */
	if (domain->ops->limits(domain, limits) != 0)
		*limits = domain->limits;
	/* No device sees those. */
	if (domain->ops->seen != NULL)
		limits->range_count = 0;
	limits->mappings = (uint32_t)container->mapping_count;
	limits->mapped_bytes = container->mapped_bytes;
}

void vn_container_close(struct vn_container *container)
{
	if (container == NULL)
		return;
	/*
	 * Closing would unmap too, but not while a forked child still holds the
	 * descriptors, or another function of the group is open. An address that
	 * the kernel does not unmap stays taken for as long as that.
	 */
	for (size_t i = 0; i < container->mapping_count; i++)
		if (container_unmap(container, &container->mapping[i]) == 0 &&
		    !container->mapping[i].quarantined)
			(void)container_give_address(container,
						     container->mapping[i].place);
	vn_domain_leave(container->domain, container->name);
	free(container->mapping);
	free(container);
}
