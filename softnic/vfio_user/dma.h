/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address space that the driver gave to the device. Never reaches memory that is not
 * mapped, or not for that direction.
 */
#ifndef SOFTNIC_DMA_H
#define SOFTNIC_DMA_H

#include "softnic/device.h"

/* A map of the driver's. */
struct region {
	uint64_t iova, size;
	uint8_t *address; /* NULL: came without a file descriptor */
	unsigned int permits; /* enum direction, or-ed */
	bool kernels;	      /* memory of the kernel's, not a file: nobody cuts it */
	struct window *window;
};

/* Addresses of ours that are reserved for a range of IOVAs, so that maps which are
 * neighbours for the driver are neighbours here. */
struct window {
	uint64_t iova, size;
	uint8_t *base;
	unsigned int maps;
	struct window *next;
};

struct dma_space {
	struct region *region; /* sorted by iova, disjoint */
	unsigned int count, capacity;
	unsigned int last; /* where the last access was */
	struct window *windows;
	void (*changed)(struct device *device); /* kept translations are void */
	bool (*missing)(struct device *device, uint64_t iova, uint64_t size);
	bool master; /* bus mastering is on */
	volatile uint64_t torn; /* set by the SIGBUS handler: IOVA + 1, 0 none */
};

#define DMA_MAPS_MAX 65535u

/* What this machine can map: 4096 bytes, on others up to 64 KiB. */
uint64_t dma_page(void);

/* The SIGBUS handler; 0 or -errno. `changed` is called when maps went, or bus mastering was
 * switched: who keeps translations drops them. `missing` fetches maps that an access needs, and
 * says whether there were any; NULL: the driver sends all of them before. */
int dma_open(struct device *device, void (*changed)(struct device *device),
	     bool (*missing)(struct device *device, uint64_t iova, uint64_t size));

/* 0, -EEXIST (overlap), -EINVAL, -ENOSPC (too many), -ERANGE (the file is shorter),
 * or another -errno of mmap. The descriptor (-1: none) stays the caller's. */
int dma_map(struct device *device, const struct region *wanted, int fd,
	    uint64_t offset);

/* All maps inside a range (there may be none), or all. 0, or -EINVAL: one would be cut. */
int dma_unmap(struct device *device, uint64_t iova, uint64_t size);
void dma_unmap_all(struct device *device);

/* Bus mastering is switched on or off: translations are dropped. */
void dma_master(struct device *device, bool on);

/* Report memory that was taken away under a map. Called once a poll iteration. */
void dma_check(struct device *device);

#endif
