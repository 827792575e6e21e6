/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user protocol's numbers and layouts, as its specification (version 0.1 on the
 * wire) has them, and nothing else. All fields are in host byte order. Never included
 * outside pci/vfio_user/.
 *
 * Region and interrupt numbers, flags and capability ids are those of linux/vfio.h,
 * which the protocol refers to.
 *
 * Source: "vfio-user Protocol Specification".
 */
#ifndef VN_PCI_SPEC_VFIO_USER_H
#define VN_PCI_SPEC_VFIO_USER_H

#include <stdint.h>

#define VU_MAJOR 0
#define VU_MINOR 1

/* "Commands" */
enum vfu_command {
	VU_VERSION = 1,
	VU_DMA_MAP = 2,
	VU_DMA_UNMAP = 3,
	VU_DEVICE_GET_INFO = 4,
	VU_DEVICE_GET_REGION_INFO = 5,
	VU_DEVICE_GET_REGION_IO_FDS = 6,
	VU_DEVICE_GET_IRQ_INFO = 7,
	VU_DEVICE_SET_IRQS = 8,
	VU_REGION_READ = 9,
	VU_REGION_WRITE = 10,
	VU_DMA_READ = 11,  /* from the server */
	VU_DMA_WRITE = 12, /* from the server */
	VU_DEVICE_RESET = 13,
	VU_DEVICE_FEATURE = 16,
	VU_MIG_DATA_READ = 17,
	VU_MIG_DATA_WRITE = 18,
};

/* "Header" */
struct vfu_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* of the whole message */
	uint32_t flags;
	uint32_t error; /* errno, in a reply with VU_FLAG_ERROR */
};

#define VU_TYPE_MASK 0xfu
#define VU_TYPE_COMMAND 0x0u
#define VU_TYPE_REPLY 0x1u
#define VU_FLAG_NO_REPLY 0x10u
#define VU_FLAG_ERROR 0x20u

/* "VFIO_USER_VERSION"; zero-terminated JSON follows. */
struct vfu_version {
	uint16_t major;
	uint16_t minor;
};

/* What holds for a capability that a peer does not name. */
#define VU_DEFAULT_MSG_FDS 1u
#define VU_DEFAULT_DATA_XFER_SIZE 1048576u
#define VU_DEFAULT_DMA_MAPS 65535u
#define VU_DEFAULT_PGSIZES 4096u

/* "VFIO_USER_DMA_MAP" */
#define VU_DMA_READABLE 0x1u
#define VU_DMA_WRITEABLE 0x2u

struct vfu_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the file that is sent along */
	uint64_t address;
	uint64_t size;
};

/* "VFIO_USER_DMA_UNMAP", request and reply */
struct vfu_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};

/* "VFIO_USER_DEVICE_GET_INFO", request and reply; flags are VFIO_DEVICE_FLAGS_* */
struct vfu_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t regions;
	uint32_t irqs;
};

/* "VFIO_USER_DEVICE_GET_REGION_INFO", request and reply; capabilities follow */
struct vfu_region_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	uint32_t index;
	uint32_t capability; /* offset of the first one, from here */
	uint64_t size;
	uint64_t offset; /* in the file that is sent along */
};

/* "VFIO_USER_DEVICE_GET_REGION_IO_FDS", request and reply; sub-regions follow, each
 * (argsz - 16) / count long. */
struct vfu_io_fds {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

#define VU_IO_FD_IOEVENTFD 0u
#define VU_IO_FD_DATAMATCH 0x1u /* KVM_IOEVENTFD_FLAG_DATAMATCH */
#define VU_IO_FD_PIO 0x2u	/* KVM_IOEVENTFD_FLAG_PIO */

/*
 * What all sub-regions begin with. For an ioeventfd a 64-bit datamatch follows, at
 * byte 32 of an entry of 40 bytes; entries of 48 bytes (libvfio-user's: they have
 * room for shadow memory) have it at byte 40. It is the last field of both.
 */
struct vfu_sub_region {
	uint64_t offset;
	uint64_t size; /* of the access; 0: any */
	uint32_t fd_index;
	uint32_t type;
	uint32_t flags;
	uint32_t padding;
};

/* "VFIO_USER_DEVICE_GET_IRQ_INFO", request and reply */
struct vfu_irq_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_INFO_* */
	uint32_t index;
	uint32_t count;
};

/* "VFIO_USER_DEVICE_SET_IRQS" */
struct vfu_irq_set {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_SET_* */
	uint32_t index;
	uint32_t start;
	uint32_t count;
};

/* "VFIO_USER_REGION_READ", "VFIO_USER_REGION_WRITE"; data follow */
struct vfu_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* "VFIO_USER_DMA_READ", "VFIO_USER_DMA_WRITE"; data follow. The text gives the count
 * of a write's reply 4 bytes; everybody sends 8, as in the request. */
struct vfu_dma_access {
	uint64_t address;
	uint64_t count;
};

_Static_assert(sizeof(struct vfu_header) == 16, "Header");
_Static_assert(sizeof(struct vfu_dma_map) == 32, "VFIO_USER_DMA_MAP");
_Static_assert(sizeof(struct vfu_dma_unmap) == 24, "VFIO_USER_DMA_UNMAP");
_Static_assert(sizeof(struct vfu_region_info) == 32, "region info");
_Static_assert(sizeof(struct vfu_sub_region) == 32, "sub-region");
_Static_assert(sizeof(struct vfu_irq_set) == 20, "VFIO_USER_DEVICE_SET_IRQS");
_Static_assert(sizeof(struct vfu_region_access) == 16, "region access");

/* "VFIO_USER_DEVICE_FEATURE"; flags: a feature's index, and what to do with it. */
struct vfu_device_feature {
	uint32_t argsz;
	uint32_t flags;
};

#define VU_FEATURE_GET (1u << 16)
#define VU_FEATURE_SET (1u << 17)
#define VU_FEATURE_MIGRATION 1u
#define VU_FEATURE_MIG_DEVICE_STATE 2u

/* "VFIO_DEVICE_FEATURE_MIGRATION" */
#define VU_MIGRATION_STOP_COPY 1u

/* "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE" */
struct vfu_mig_state {
	uint32_t device_state;
	uint32_t data_fd; /* not used */
};

/* "VFIO_USER_MIG_DATA_READ", "VFIO_USER_MIG_DATA_WRITE"; data follow. */
struct vfu_mig_data {
	uint32_t argsz;
	uint32_t size;
};

#endif
