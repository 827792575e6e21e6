/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and layouts of the vfio-user protocol, version 0.0, as a server needs them;
 * written from the protocol's text.
 *
 * All fields are in the byte order of the host.
 */
#ifndef SOFTNIC_WIRE_H
#define SOFTNIC_WIRE_H

#include <stdint.h>

enum vfio_user_command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_DEVICE_INFO = 4,
	CMD_REGION_INFO = 5,
	CMD_REGION_IO_FDS = 6,
	CMD_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_DMA_READ = 11,
	CMD_DMA_WRITE = 12,
	CMD_DEVICE_RESET = 13,
	CMD_REGION_WRITE_MULTI = 15,
	CMD_DEVICE_FEATURE = 16,
	CMD_STATE_READ = 17,
	CMD_STATE_WRITE = 18,
};

struct message {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* this header included */
	uint32_t flags;
	uint32_t error;
};

#define MESSAGE_TYPE 0xfu
#define MESSAGE_REPLY 0x1u
#define MESSAGE_NO_REPLY 0x10u
#define MESSAGE_ERROR 0x20u

#define DATA_MAX (1u << 20) /* max_data_xfer_size: the protocol's default */
#define MESSAGE_MAX (sizeof(struct message) + 16u + DATA_MAX)
#define MESSAGE_FDS 16u

struct version {
	uint16_t major, minor;
	/* JSON, ended by NUL */
};

struct device_info {
	uint32_t argsz, flags, regions, irqs;
};

#define DEVICE_RESET_FLAG 0x1u
#define DEVICE_PCI_FLAG 0x2u

/* Indices of regions: six BARs, the expansion ROM, configuration space, VGA. */
#define REGION_ROM 6u
#define REGION_CONFIG 7u
#define REGION_COUNT 9u

struct region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

#define REGION_READ_FLAG 0x1u
#define REGION_WRITE_FLAG 0x2u
#define REGION_MMAP_FLAG 0x4u
#define REGION_CAPS_FLAG 0x8u

/* The capability "sparse mmap" with one area. */
struct sparse_mmap {
	uint16_t id, version;
	uint32_t next;
	uint32_t areas, reserved;
	uint64_t offset, size;
};

#define CAP_SPARSE_MMAP 1u

struct io_fds {
	uint32_t argsz, flags, index, count;
};

struct io_fd {
	uint64_t offset, size;
	uint32_t fd_index, type, flags, padding;
	uint64_t datamatch;
};

#define IO_FD_IOEVENTFD 0u
#define IO_FD_DATAMATCH 0x1u

#define IRQ_INTX 0u
#define IRQ_MSIX 2u
#define IRQ_ERR 3u
#define IRQ_REQ 4u
#define IRQ_COUNT 5u

struct irq_info {
	uint32_t argsz, flags, index, count;
};

#define IRQ_EVENTFD_FLAG 0x1u
#define IRQ_MASKABLE_FLAG 0x2u
#define IRQ_AUTOMASKED_FLAG 0x4u

struct irq_set {
	uint32_t argsz, flags, index, start, count;
};

#define IRQ_DATA_NONE 0x1u
#define IRQ_DATA_BOOL 0x2u
#define IRQ_DATA_EVENTFD 0x4u
#define IRQ_DATA 0x7u
#define IRQ_MASK 0x8u
#define IRQ_UNMASK 0x10u
#define IRQ_TRIGGER 0x20u
#define IRQ_ACTION 0x38u

struct region_access {
	uint64_t offset;
	uint32_t region, count;
	/* data */
};

struct write_multi {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[8];
};

struct dma_map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

#define DMA_READABLE 0x1u
#define DMA_WRITABLE 0x2u

struct dma_unmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
};

#define DMA_UNMAP_ALL 0x2u

/* Its data follow. */
struct device_feature {
	uint32_t argsz, flags;
};

#define FEATURE_INDEX 0xffffu
#define FEATURE_GET 0x10000u
#define FEATURE_SET 0x20000u
#define FEATURE_PROBE 0x40000u
#define FEATURE_OPERATION (FEATURE_GET | FEATURE_SET | FEATURE_PROBE)

#define FEATURE_MIGRATION 1u
#define FEATURE_STATE 2u

#define MIGRATION_STOP_COPY 0x1ull

struct device_state {
	uint32_t state;
	uint32_t data_fd; /* not used by this protocol */
};

enum vfio_device_state {
	STATE_ERROR,
	STATE_STOP,
	STATE_RUNNING,
	STATE_STOP_COPY,
	STATE_RESUMING,
};

struct state_data {
	uint32_t argsz, size;
	/* data */
};

#endif
