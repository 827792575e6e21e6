/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Never trusts that the driver's file is as long as it said: a file that is cut under a
 * map raises SIGBUS, which ends in a page of zeros and a reported fault.
 */
#include "softnic/vfio_user/dma.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "softnic/vfio_user/server.h"

#define WINDOW_ALIGN (1ull << 30)
#define FAULT_LINES 16u

static struct dma_space *dma_space_of(const struct device *device)
{
	return &device->server->dma;
}

uint64_t dma_page(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- windows ---- */

/* Reserve `size` bytes at a multiple of WINDOW_ALIGN: huge pages fit at once. */
static uint8_t *dma_reserve(uint64_t size)
{
	uint8_t *all, *base;
	uint64_t before;

	all = mmap(NULL, size + WINDOW_ALIGN, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)all & (WINDOW_ALIGN - 1);
	base = all + before;
	if (before != 0)
		munmap(all, before);
	if (before != WINDOW_ALIGN)
		munmap(base + size, WINDOW_ALIGN - before);
	return base;
}

static struct window *window_open(struct dma_space *space, uint64_t iova,
				  uint64_t size)
{
	struct window *window;
	uint64_t first = iova & -WINDOW_ALIGN;
	uint64_t last = (iova + size - 1) | (WINDOW_ALIGN - 1);

	/* The whole of 64 bits has no size in 64 bits; no CPU has that much. */
	if (last - first >= 1ull << 46)
		return NULL;
	window = calloc(1, sizeof(*window));
	if (window == NULL)
		return NULL;
	window->iova = first;
	window->size = last - first + 1;
	window->base = dma_reserve(window->size);
	if (window->base == NULL) {
		free(window);
		return NULL;
	}
	window->next = space->windows;
	space->windows = window;
	return window;
}

static struct window *window_find(struct dma_space *space, uint64_t iova,
				  uint64_t size)
{
	for (struct window *w = space->windows; w != NULL; w = w->next)
		if (iova >= w->iova && iova - w->iova < w->size &&
		    size <= w->size - (iova - w->iova))
			return w;
	return window_open(space, iova, size);
}

static void window_release(struct dma_space *space, struct window *window)
{
	struct window **link = &space->windows;

	if (window->maps > 0)
		return;
	while (*link != window)
		link = &(*link)->next;
	*link = window->next;
	munmap(window->base, window->size);
	free(window);
}

/* ---- maps ---- */

/* Index of the first region that ends behind `iova`. */
static unsigned int dma_region_at(const struct dma_space *space, uint64_t iova)
{
	unsigned int low = 0, high = space->count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct region *region = &space->region[middle];

		if (region->iova + (region->size - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int dma_check_map(const struct dma_space *space, const struct region *wanted)
{
	uint64_t last = wanted->iova + wanted->size - 1;
	unsigned int at;

	if (wanted->size == 0 || last < wanted->iova ||
	    wanted->iova % dma_page() != 0 || wanted->size % dma_page() != 0)
		return -EINVAL;
	at = dma_region_at(space, wanted->iova);
	if (at < space->count && space->region[at].iova <= last)
		return -EEXIST;
	return space->count < DMA_MAPS_MAX ? 0 : -ENOSPC;
}

static int dma_check_file(int fd, uint64_t offset, uint64_t size)
{
	struct statfs system;
	struct stat file;

	if (fstat(fd, &file) < 0 || fstatfs(fd, &system) < 0)
		return -errno;
	/* The server of that file system may let an access wait for ever. */
	if (system.f_type == FUSE_SUPER_MAGIC)
		return -EPERM;
	if (!S_ISREG(file.st_mode) || offset % dma_page() != 0)
		return -EINVAL;
	if (offset > (uint64_t)file.st_size ||
	    size > (uint64_t)file.st_size - offset)
		return -ERANGE;
	return 0;
}

/* Addresses of a window stay reserved, mapped or not: what else moved in would be mapped
 * over by the driver. */
static void dma_keep_reserved(uint8_t *address, uint64_t size)
{
	if (mmap(address, size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		mprotect(address, size, PROT_NONE);
}

static int dma_attach(struct dma_space *space, struct region *region, int fd,
		      uint64_t offset)
{
	int protection = (region->permits & DEVICE_READS ? PROT_READ : 0) |
			 (region->permits & DEVICE_WRITES ? PROT_WRITE : 0);
	struct window *window = window_find(space, region->iova, region->size);
	uint8_t *address;

	if (window == NULL)
		return -ENOMEM;
	address = window->base + (region->iova - window->iova);
	if (mmap(address, region->size, protection,
		 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd,
		 (off_t)offset) == MAP_FAILED) {
		int error = errno;

		/* A kernel may have unmapped before it refused. */
		dma_keep_reserved(address, region->size);
		window_release(space, window);
		return -error;
	}
	region->address = address;
	region->window = window;
	window->maps++;
	return 0;
}

static void dma_detach(struct dma_space *space, struct region *region)
{
	struct window *window = region->window;

	if (window == NULL)
		return;
	dma_keep_reserved(region->address, region->size);
	window->maps--;
	window_release(space, window);
}

void dma_master(struct device *device, bool on)
{
	if (dma_space_of(device)->master == on)
		return;
	dma_space_of(device)->master = on;
	dma_space_of(device)->changed(device);
}

static int dma_make_room(struct dma_space *space)
{
	unsigned int capacity = space->capacity ? space->capacity * 2 : 16;
	struct region *region;

	if (space->count < space->capacity)
		return 0;
	region = realloc(space->region, capacity * sizeof(*region));
	if (region == NULL)
		return -ENOMEM;
	space->region = region;
	space->capacity = capacity;
	return 0;
}

static void dma_insert(struct dma_space *space, const struct region *region)
{
	unsigned int at = dma_region_at(space, region->iova);

	memmove(&space->region[at + 1], &space->region[at],
		(space->count - at) * sizeof(*region));
	space->region[at] = *region;
	space->count++;
	space->last = at;
}

int dma_map(struct device *device, const struct region *wanted, int fd,
	    uint64_t offset)
{
	struct dma_space *space = dma_space_of(device);
	struct region region = *wanted;
	int result = dma_check_map(space, wanted);

	if (result == 0)
		result = dma_make_room(space);
	if (result == 0 && fd >= 0 && !wanted->kernels)
		result = dma_check_file(fd, offset, wanted->size);
	if (result == 0 && fd >= 0)
		result = dma_attach(space, &region, fd, offset);
	if (result == 0)
		dma_insert(space, &region);
	return result;
}

/*
 * As the kernel's VFIO has it: every map inside the range goes, none is cut, and a
 * range without any is no mistake. QEMU with a vIOMMU unmaps whole address spaces.
 */
int dma_unmap(struct device *device, uint64_t iova, uint64_t size)
{
	struct dma_space *space = dma_space_of(device);
	uint64_t last = iova + size - 1;
	unsigned int from = dma_region_at(space, iova), to = from;

	if (size == 0 || last < iova)
		return -EINVAL;
	while (to < space->count && space->region[to].iova <= last)
		to++;
	if (to == from)
		return 0;
	/* Disjoint and sorted: only the first and the last can stick out. */
	if (space->region[from].iova < iova ||
	    space->region[to - 1].iova + (space->region[to - 1].size - 1) > last)
		return -EINVAL;
	for (unsigned int i = from; i < to; i++)
		dma_detach(space, &space->region[i]);
	memmove(&space->region[from], &space->region[to],
		(space->count - to) * sizeof(struct region));
	space->count -= to - from;
	space->last = 0;
	dma_space_of(device)->changed(device);
	return 0;
}

void dma_unmap_all(struct device *device)
{
	struct dma_space *space = dma_space_of(device);

	while (space->count > 0) {
		space->count--;
		dma_detach(space, &space->region[space->count]);
	}
	free(space->region);
	space->region = NULL;
	space->capacity = 0;
	space->last = 0;
	dma_space_of(device)->changed(device);
}

/* ---- access ---- */

static void *dma_report(struct device *device, uint64_t iova, uint64_t size,
			enum direction direction, const char *why)
{
	if (device->faults++ < FAULT_LINES)
		fprintf(stderr,
			"vionet-softnic: IOMMU fault: device %s %" PRIu64
			" bytes at 0x%" PRIx64 ": %s\n",
			direction == DEVICE_READS ? "reads" : "writes", size, iova,
			why);
	trace(device, "FAULT %s 0x%" PRIx64 " %" PRIu64 " %s",
	      direction == DEVICE_READS ? "read" : "write", iova, size, why);
	return NULL;
}

static const char *dma_objection(const struct region *region,
				 enum direction direction)
{
	if (!(region->permits & direction))
		return direction == DEVICE_READS ? "mapped without read permission"
						 : "mapped without write permission";
	if (region->address == NULL)
		return "mapped without a file descriptor; this device only reaches "
		       "shared memory";
	return NULL;
}

/* An access may span maps that follow each other in both address spaces. */
static void *dma_find(struct dma_space *space, uint64_t iova, uint64_t size,
		      enum direction direction, const char **why)
{
	unsigned int at = dma_region_at(space, iova);
	const struct region *first, *region;
	uint64_t done;

	*why = space->count == 0 ? "nothing is mapped" : "not mapped";
	if (at == space->count || space->region[at].iova > iova)
		return NULL;
	first = region = &space->region[at];
	for (done = 0;; region++) {
		uint64_t from = done ? 0 : iova - region->iova;

		*why = dma_objection(region, direction);
		if (*why != NULL)
			return NULL;
		done += region->size - from;
		if (done >= size)
			break;
		*why = "runs past the end of its map";
		if (++at == space->count ||
		    region[1].iova != region->iova + region->size ||
		    (region[1].address != NULL &&
		     region[1].address != region->address + region->size))
			return NULL;
	}
	space->last = (unsigned int)(first - space->region);
	return first->address + (iova - first->iova);
}

void *dma(struct device *device, uint64_t iova, uint64_t size,
	  enum direction direction)
{
	struct dma_space *space = dma_space_of(device);
	const struct region *region;
	const char *why;
	void *found;

	if (!space->master)
		return dma_report(device, iova, size, direction,
				  "bus mastering is off (PCI COMMAND)");
	region = space->count > 0 ? &space->region[space->last] : NULL;
	if (region != NULL && iova - region->iova < region->size &&
	    size <= region->size - (iova - region->iova) &&
	    (region->permits & direction) && region->address != NULL)
		return region->address + (iova - region->iova);
	found = dma_find(space, iova, size, direction, &why);
	if (found == NULL && space->missing != NULL && space->missing(device, iova, size))
		found = dma_find(space, iova, size, direction, &why);
	return found ? found : dma_report(device, iova, size, direction, why);
}

/* Does `next` go on where `region` ends, for the driver and for us, and permit the
 * same? */
static bool dma_joined(const struct region *region, const struct region *next)
{
	return next->iova == region->iova + region->size &&
	       next->permits == region->permits && region->address != NULL &&
	       next->address != NULL &&
	       next->address == region->address + region->size;
}

bool dma_window(const struct device *device, uint64_t iova,
		struct mapping *window)
{
	const struct dma_space *space = dma_space_of(device);
	unsigned int at = dma_region_at(space, iova), last = at;

	if (!space->master || at == space->count ||
	    space->region[at].iova > iova || space->region[at].address == NULL)
		return false;
	while (at > 0 && dma_joined(&space->region[at - 1], &space->region[at]))
		at--;
	while (last + 1 < space->count &&
	       dma_joined(&space->region[last], &space->region[last + 1]))
		last++;
	window->iova = space->region[at].iova;
	window->address = space->region[at].address;
	window->directions = space->region[at].permits;
	window->size = space->region[last].iova - window->iova +
		       space->region[last].size;
	return true;
}

/* ---- memory that was taken away ---- */

static struct dma_space *guarded; /* for the handler: it gets no argument */

static bool dma_put_zeros(uint8_t *address, size_t size)
{
	uint8_t *page = (uint8_t *)((uintptr_t)address & -(uintptr_t)size);

	return mmap(page, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

/* SIGBUS is synchronous here: it comes from an access of ours to a map. */
static void dma_on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	uint8_t *address = info->si_addr;

	(void)context;
	for (unsigned int i = 0; i < guarded->count; i++) {
		const struct region *region = &guarded->region[i];

		if (region->address == NULL || address < region->address ||
		    (uint64_t)(address - region->address) >= region->size)
			continue;
		guarded->torn = region->iova + (uint64_t)(address - region->address) + 1;
		/* Refused while it is less than the page behind it, which may be a huge one. */
		for (size_t size = dma_page(); size <= 1u << 30; size <<= 1)
			if (dma_put_zeros(address, size))
				return;
	}
	signal(signal_number, SIG_DFL);
}

int dma_open(struct device *device, void (*changed)(struct device *device),
	     bool (*missing)(struct device *device, uint64_t iova, uint64_t size))
{
	struct sigaction action = { .sa_sigaction = dma_on_sigbus,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	guarded = dma_space_of(device);
	guarded->changed = changed;
	guarded->missing = missing;
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

void dma_check(struct device *device)
{
	struct dma_space *space = dma_space_of(device);
	uint64_t torn = space->torn;

	if (torn == 0)
		return;
	space->torn = 0;
	dma_report(device, torn - 1, 1, DEVICE_READS,
		   "the driver's file was cut under its map");
}
