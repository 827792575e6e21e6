/* SPDX-License-Identifier: BSD-3-Clause */
/* A PCI function behind pci/function.h: its capabilities, its registers, in memory or by calls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/device/open.h"
#include "pci/function.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/registers.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/world.h"

#define CALL_LIMIT 10000000000ull

const char *const fuzz_words[] = { "\x09\x50\x10\x01", "\x09\x00\x14\x02", "\x34\x40", "\x11\x00\x07\x00", "\xf4\x1a\x00\x10",
				   "\x05\xff\xff", "\x0f", "\xff\xff", NULL };

static struct {
	struct vn_function base; /* first */
	unsigned int how;
	/* Registers in memory: what was written is what is read, but for the hooks. */
	uint8_t memory[FUZZ_BAR_SIZE] __attribute__((aligned(4096)));
} function;

static int fn_check(unsigned int region, uint64_t offset, size_t size)
{
	/* The code above has checked it against the regions. */
	FUZZ_CHECK(region < VN_REGION_COUNT && offset <= function.base.region[region].size &&
		   size <= function.base.region[region].size - offset);
	return 0;
}

static int fn_read(struct vn_function *base, unsigned int region, uint64_t offset, void *data, size_t size)
{
	(void)base;
	(void)fn_check(region, offset, size);
	return fuzz_registers_read(region, offset, data, size);
}

static int fn_write(struct vn_function *base, unsigned int region, uint64_t offset, const void *data, size_t size)
{
	(void)base;
	(void)fn_check(region, offset, size);
	return fuzz_registers_write(region, offset, data, size);
}

static int fn_map(struct vn_function *base, unsigned int region, uint64_t offset, uint64_t size, volatile void **address)
{
	(void)base;
	(void)fn_check(region, offset, size);
	/* All of it, or doorbells alone. */
	if (region == FUZZ_BAR && ((function.how & 1) || ((function.how & 2) && size <= 4))) {
		*address = function.memory + offset % FUZZ_BAR_SIZE;
		return 0;
	}
	return vn_error(ENOTSUP, "nothing can be mapped");
}

static int fn_eventfd(struct vn_function *base, unsigned int region, uint64_t offset, unsigned int size, uint64_t value, int *fd)
{
	(void)base;
	(void)value;
	(void)fn_check(region, offset, size);
	*fd = fuzz_dev.vector_fd[DEVICE_VECTORS - 1];
	return function.how & 4 ? 0 : vn_error(ENOTSUP, "none");
}

static int fn_vectors(struct vn_function *base, const int *eventfds, unsigned int count)
{
	FUZZ_CHECK(count == 0 || eventfds);
	if (function.how & 8 && count > 2) {
		base->vectors_left = function.how & 0x10 ? 2 : 0;
		return vn_error(ENOSPC, "there are fewer");
	}
	fuzz_dev.vectors = count;
	return 0;
}

static int fn_reset(struct vn_function *base)
{
	(void)base;
	return fuzz_dev.transport.ops->reset(&fuzz_dev.transport);
}

static int fn_memory_add(struct vn_function *base, const struct vn_memory *memory, enum vn_access access, uint64_t *iova)
{
	(void)base;
	return fuzz_dev.transport.ops->memory_add(&fuzz_dev.transport, memory, access, iova);
}

static int fn_memory_remove(struct vn_function *base, uint64_t iova)
{
	(void)base;
	return fuzz_dev.transport.ops->memory_remove(&fuzz_dev.transport, iova);
}

static int fn_limits(struct vn_function *base, struct vn_iommu_limits *limits)
{
	(void)base;
	*limits = fuzz_dev.limits.memory;
	return 0;
}

static int fn_close(struct vn_function *base)
{
	(void)base;
	return fuzz_dev.transport.ops->close(&fuzz_dev.transport);
}

static const struct vn_function_ops fn_ops = {
	.read = fn_read,
	.write = fn_write,
	.map = fn_map,
	.eventfd = fn_eventfd,
	.vectors = fn_vectors,
	.reset = fn_reset,
	.memory_add = fn_memory_add,
	.memory_remove = fn_memory_remove,
	.iommu_limits = fn_limits,
	.close = fn_close,
};

static void fn_make_regions(void)
{
	unsigned int what = fuzz_take8();
	struct vn_region *bar = &function.base.region[FUZZ_BAR];

	function.base.region[VN_REGION_CONFIG] = (struct vn_region){ .size = 256, .readable = true, .writable = true };
	*bar = (struct vn_region){ .size = FUZZ_BAR_SIZE, .readable = true, .writable = true };
	if (what & 1)
		bar->size = fuzz_take16() % (FUZZ_BAR_SIZE + 1);
	if (what & 2)
		bar->io = true;
	if (what & 4)
		bar->readable = false;
	if (what & 8)
		function.base.region[fuzz_take8() % 6] = *bar;
}

static int fn_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	struct vn_transport *transport;
	int result;

	memset(&function.base, 0, sizeof(function.base));
	function.base.ops = &fn_ops;
	memcpy(function.base.name, "0000:00:04.0", 13);
	function.base.removal_fd = function.base.error_fd = function.base.service_fd = -1;
	fuzz_device_ops(&fuzz_dev, 0);
	function.how = fuzz_take8();
	function.base.vector_count = function.how >> 4 & 7;
	function.base.reset_supported = (function.how & 0x80) != 0;
	if (function.how & 1)
		fuzz_dev.correct = false; /* its registers are no device's */
	fuzz_registers_begin();
	fn_make_regions();
	fuzz_registers_memory(function.memory);
	*device = NULL;
	result = vn_transport_over_pci(&function.base, &transport);
	return result ? result : vn_device_open(transport, options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_sessions(bytes, size, CALL_LIMIT, fn_open);
	return 0;
}
