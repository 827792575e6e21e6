/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first seam: a PCI function that user space drives, whatever stands behind it.
 * Kernel VFIO implements it in pci/vfio/function.c, a server behind a socket in
 * pci/vfio_user/function.c. Everything above (capability walk, virtio registers, rings)
 * is written once for both.
 *
 * The table of operations and what their results mean. Never knows of virtio.
 *
 * Every operation returns 0 or a negative errno with the error text set. Control thread
 * only, except `write`, which rings doorbells that are not mapped.
 */
#ifndef VN_PCI_FUNCTION_H
#define VN_PCI_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iova.h"
#include "iommu/memory.h"
#include "iommu/node.h"

struct vn_function;

/* Region numbers; those of VFIO_PCI_*_REGION_INDEX in linux/vfio.h. */
enum vn_region_index {
	VN_REGION_BAR0 = 0,
	VN_REGION_BAR5 = 5,
	VN_REGION_ROM = 6,
	VN_REGION_CONFIG = 7,
	VN_REGION_VGA = 8,
	VN_REGION_COUNT = 9,
};

#define VN_SPARSE_MAX 16

/* Part of a region that can be mapped. */
struct vn_sparse {
	uint64_t offset;
	uint64_t size;
};

/* One region. A region that is not there has size 0. */
struct vn_region {
	uint64_t size;
	bool readable;
	bool writable;
	bool io;	/* I/O space: a BAR whose bit 0 is set */
	unsigned int sparse_count; /* areas that can be mapped; 0: none */
	struct vn_sparse sparse[VN_SPARSE_MAX];
};

/* "vfio-user:" and the longest path of a socket fit. */
#define VN_FUNCTION_NAME_MAX 128

/* States of a function that moves; those of VFIO's enum vfio_device_mig_state. */
enum vn_function_state {
	VN_STATE_STOP = 1,
	VN_STATE_RUNNING = 2,
	VN_STATE_STOP_COPY = 3,
	VN_STATE_RESUMING = 4,
};

/*
 * What it takes to move a function to another server. -EREMOTEIO: the server refused, and is as
 * it was. Any other failure has ended the connection, and with it what the server did.
 */
struct vn_function_migration {
	/* 0, or -ENOTSUP. */
	int (*supported)(struct vn_function *function);
	/* 0 once the function is in that state. */
	int (*state_set)(struct vn_function *function, enum vn_function_state state);
	/* The next bytes, in STOP_COPY; none at the end. */
	int (*state_read)(struct vn_function *function, void *data, size_t room, size_t *size);
	/* The next bytes, in RESUMING. */
	int (*state_write)(struct vn_function *function, const void *data, size_t size);
	/* As memory_add, at this address. */
	int (*memory_add_at)(struct vn_function *function, const struct vn_memory *memory,
			     enum vn_access access, uint64_t iova);
};

struct vn_function_ops {
	/* Access configuration space or a BAR through the other side: `size` is
	 * 1, 2, 4 or 8 for registers, any for configuration space. A short
	 * transfer is an error. */
	int (*read)(struct vn_function *function, unsigned int region,
		    uint64_t offset, void *data, size_t size);
	int (*write)(struct vn_function *function, unsigned int region,
		     uint64_t offset, const void *data, size_t size);

	/* Map part of a BAR. -ENOTSUP if it does not lie in one sparse area: use
	 * read and write then. Unmapped by close. The offset need not be
	 * aligned to a page: `*address` is that of the first byte wanted. */
	int (*map)(struct vn_function *function, unsigned int region,
		   uint64_t offset, uint64_t size, volatile void **address);

	/* An eventfd to be signalled instead of a write of `value`, `size` bytes, at
	 * this place. -ENOTSUP if there is none: write then. The function's own;
	 * closed by close. */
	int (*eventfd)(struct vn_function *function, unsigned int region,
		       uint64_t offset, unsigned int size, uint64_t value,
		       int *fd);

	/* Attach MSI-X vectors 0 to count - 1 to eventfds (-1: leave unused), all
	 * in one call; count 0 switches MSI-X off. -ENOSPC: there are fewer, see
	 * `vectors_left`. */
	int (*vectors)(struct vn_function *function, const int *eventfds,
		       unsigned int count);

	/* Reset the function. -ENOTSUP where it has no reset. */
	int (*reset)(struct vn_function *function);

	/* Make memory visible to the device, or hide it again. From then on
	 * iova = *iova + offset. Removing is for quiesced devices only. */
	int (*memory_add)(struct vn_function *function,
			  const struct vn_memory *memory,
			  enum vn_access access, uint64_t *iova);
	int (*memory_remove)(struct vn_function *function, uint64_t iova);

	/* May `bytes` be added altogether, by the limit of locked memory? -ENOMEM.
	 * NULL where nothing is locked. */
	int (*memory_check)(struct vn_function *function, uint64_t bytes);
	int (*iommu_limits)(struct vn_function *function,
			   struct vn_iommu_limits *limits);

	/* Do what the other side waits for, as when `service_fd` is readable; never
	 * waits for more. -EAGAIN: it is in the middle of a message, and what is
	 * made meanwhile waits for the rest. NULL where `service_fd` is -1. */
	int (*service)(struct vn_function *function);

	/* NULL: it cannot move. */
	const struct vn_function_migration *migration;

	/* Take the function away from us (which makes it quiesced), then unmap
	 * memory and release the object. Frees `function`. */
	int (*close)(struct vn_function *function);
};

/* The part that is common; an implementation embeds it as its first member. */
struct vn_function {
	const struct vn_function_ops *ops;
	char name[VN_FUNCTION_NAME_MAX]; /* "0000:00:04.0", for messages */
	int iommu_group;    /* -1: none */
	char iommu[16];	    /* "type1v2", "iommufd", "no-IOMMU", "no-IOMMU cdev", "vfio-user" */
	unsigned int vector_count; /* MSI-X vectors that can be attached */
	unsigned int vectors_left; /* after -ENOSPC of `vectors`: as many as there are
				    * to be had; 0: unknown */
	bool reset_supported;
	int removal_fd;	    /* eventfd: it is to be unplugged; -1: none */
	int error_fd;	    /* eventfd: uncorrectable error; -1: none */
	int service_fd;	    /* readable: call `service`; -1: never */
	struct vn_region region[VN_REGION_COUNT];
};

/* PCI command register (PCI Local Bus, 6.2.2). */
#define VN_PCI_COMMAND 0x04
#define VN_PCI_COMMAND_MEMORY 0x2
#define VN_PCI_COMMAND_MASTER 0x4

/*
 * Open the function at `address` ("0000:00:04.0", "00:04.0") through kernel
 * VFIO: find its group, open it in an address space of its own (iommu/container.h) by the
 * kernel's interface `kind` (VN_IOMMU_ANY: what there is), with VF token `token` or NULL,
 * read its regions, wire the REQ and ERR interrupts. The kernel has reset it;
 * bus mastering is off, memory decoding on.
 *
 * Returns 0; -EINVAL, -ENODEV, -ENXIO (no group, or not bound to vfio-pci: the
 * text names the driver and the command that binds), -EBUSY (group not viable:
 * the text names every culprit and its driver; or held by another process),
 * -EACCES, -EPERM, -ENOTSUP, -ENOMEM, -EIO.
 */
int vn_function_open_vfio(const char *address, enum vn_iommu_kind kind, const char *token,
			  struct vn_function **function);

/*
 * The same through descriptors that the caller has opened, as vn_container_open_given wants them.
 * Nothing of sysfs or /dev is looked at; `address` is for texts, and for a group, which is asked for the
 * device of that name.
 */
int vn_function_open_given(const char *address, const struct vn_iommu_fds *fds,
			   const char *token, struct vn_function **function);

/*
 * Open the function that a vfio-user server offers at the socket `path`: agree on a
 * version and limits, read its regions, wire the REQ and ERR interrupts. Bus mastering
 * is off, memory decoding on; what an earlier client left is for the caller to reset.
 *
 * Memory is shared with the server by descriptor; the function is quiesced once the
 * connection is closed and the server has no other hold on it: pages that it still has
 * mapped then are of the file that it was given, and nothing else comes to lie there.
 *
 * Returns 0; as vn_vfu_connect; -EIO (a malformed reply of the server), -ENOTSUP (other
 * version, or no PCI function), -ETIMEDOUT, -ENODEV, -ENOMEM.
 */
int vn_function_open_vfio_user(const char *path, unsigned int reply_timeout_ms,
			       struct vn_function **function);

/* "block" for a virtio device of that kind, "other" for kinds that are not known, "" for
 * what is no virtio device. `subsystem` tells those with ids below 0x1040 apart. */
const char *vn_virtio_kind(unsigned int vendor, unsigned int device,
			   unsigned int subsystem);

/* "BAR 0", for messages. */
const char *vn_region_name(unsigned int region);

/* Do `size` bytes at `offset` lie between `first` and `end`? */
static inline bool vn_region_within(uint64_t offset, uint64_t size, uint64_t first,
				    uint64_t end)
{
	return offset >= first && offset <= end && size <= end - offset;
}

/* Set or clear bits of the command register. */
int vn_function_command(struct vn_function *function, uint16_t set,
			uint16_t clear);

#endif
