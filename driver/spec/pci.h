/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: VIRTIO 1.4, "Virtio Over PCI Bus". */
#ifndef VN_DRIVER_SPEC_PCI_H
#define VN_DRIVER_SPEC_PCI_H

/* PCI Device Discovery */
enum {
	PCI_VENDOR_VIRTIO = 0x1af4,
	PCI_DEVICE_NET_TRANSITIONAL = 0x1000,
	PCI_DEVICE_NET = 0x1041,
};

/* Common configuration structure layout: offset and, as suffix, width in bits */
enum {
	COMMON_DEVICE_FEATURE_SELECT = 0, /* 32 RW */
	COMMON_DEVICE_FEATURE = 4,	  /* 32 R */
	COMMON_DRIVER_FEATURE_SELECT = 8, /* 32 RW */
	COMMON_DRIVER_FEATURE = 12,	  /* 32 RW */
	COMMON_CONFIG_MSIX_VECTOR = 16,	  /* 16 RW */
	COMMON_NUM_QUEUES = 18,		  /* 16 R */
	COMMON_DEVICE_STATUS = 20,	  /* 8 RW */
	COMMON_CONFIG_GENERATION = 21,	  /* 8 R */
	COMMON_QUEUE_SELECT = 22,	  /* 16 RW */
	COMMON_QUEUE_SIZE = 24,		  /* 16 RW */
	COMMON_QUEUE_MSIX_VECTOR = 26,	  /* 16 RW */
	COMMON_QUEUE_ENABLE = 28,	  /* 16 RW */
	COMMON_QUEUE_NOTIFY_OFF = 30,	  /* 16 R */
	COMMON_QUEUE_DESC = 32,		  /* 64 RW, as two halves */
	COMMON_QUEUE_DRIVER = 40,	  /* 64 RW */
	COMMON_QUEUE_DEVICE = 48,	  /* 64 RW */
	COMMON_QUEUE_NOTIF_CONFIG_DATA = 56, /* 16 R, F_NOTIF_CONFIG_DATA */
	COMMON_QUEUE_RESET = 58,	  /* 16 RW, F_RING_RESET */
	COMMON_SIZE_MIN = 56,
};

#endif
