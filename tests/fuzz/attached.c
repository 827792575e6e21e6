/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the application's own with frames in it, pools that a second device sees, and what is shown of PCI. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/device/open.h"
#include "tests/fuzz/application.h"
#include "tests/fuzz/device.h"
#include "tests/fuzz/world.h"

#define AREA 16384u
#define LIMIT 3000000000ull
#define OTHER_QUEUE 16u

static struct {
	struct vionet_memory *memory;
	unsigned int attached, released; /* frames */
	struct vionet_pool *pool;	 /* in it */
	int file;			 /* memory that others may have too; opened once */
	uint8_t *mapped;
	struct vionet_device *other;
	struct fuzz_device device; /* of it */
	uint8_t area[AREA] __attribute__((aligned(4096)));
} own;

static void own_released(void *frame, void *context)
{
	FUZZ_CHECK(context == &own && (uint8_t *)frame >= own.area && (uint8_t *)frame < own.area + AREA);
	own.released++;
	FUZZ_CHECK(own.released <= own.attached);
}

static void own_open_file(void)
{
	if (own.mapped)
		return;
	fuzz_aside_begin();
	own.file = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	FUZZ_CHECK(own.file >= 0 && ftruncate(own.file, AREA) == 0);
	own.mapped = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, own.file, 0);
	FUZZ_CHECK(own.mapped != MAP_FAILED);
	fuzz_aside_end();
}

/* A file's, mapped already or not, for as long as this call takes. */
static void own_register_file(struct fuzz_application *app, unsigned int what)
{
	static const uint32_t offsets[] = { 0, 4096, 100, AREA };
	enum vionet_access access = what & 0x40 ? VIONET_DEVICE_WRITES : VIONET_DEVICE_READS;
	struct vionet_memory *memory;
	uint32_t offset = offsets[what >> 4 & 3];

	own_open_file();
	if (vionet_memory_register_fd(app->device, what & 0x80 ? -1 : own.file, offset, fuzz_take8() & 1 ? own.mapped + offset : NULL,
				      fuzz_take8() & 1 ? AREA - offset : fuzz_take16(), access, &memory)) {
		FUZZ_CHECK(!memory);
		return;
	}
	FUZZ_CHECK(vionet_memory_address(memory) != NULL);
	(void)vionet_memory_unregister(memory);
}

static void own_register(struct fuzz_application *app, unsigned int what)
{
	struct vionet_memory *again = NULL;
	size_t size = what & 0x10 ? AREA : fuzz_take16() % (AREA + 1);

	if (what & 8) {
		own_register_file(app, what);
		return;
	}
	if (own.memory || what & 0x20) {
		/* The same once more: refused, or another mapping of it. */
		if (vionet_memory_register(app->device, own.area, size, VIONET_DEVICE_READS, &again) == 0)
			(void)vionet_memory_unregister(again);
		return;
	}
	if (vionet_memory_register(app->device, own.area, size, what & 0x40 ? VIONET_DEVICE_WRITES : VIONET_DEVICE_READS, &own.memory) == 0)
		FUZZ_CHECK(vionet_memory_address(own.memory) == own.area);
	else
		FUZZ_CHECK(!own.memory);
}

static void own_attach(struct fuzz_application *app, unsigned int what)
{
	struct vionet_pool *pool = app->tx_pool[(what >> 4) % app->pairs];
	uint32_t at = fuzz_take16() % (AREA + 512);
	struct vionet_packet *packet;

	if (!own.memory || !pool || vionet_packet_alloc(pool, &packet, 1) != 1)
		return;
	if (vionet_packet_attach(packet, own.memory, own.area + at, what & 0x80 ? fuzz_take16() : 60, own_released, &own) == 0)
		own.attached++;
	fuzz_application_keep(app, packet);
}

/* In registered memory, or one that there cannot be. */
static void own_make_pool(struct fuzz_application *app, unsigned int what)
{
	struct vionet_pool_options options = {
		.struct_size = sizeof(options),
		.count = fuzz_take8() & 31,
		.buffer_size = what & 0x20 ? fuzz_take16() : 256,
		.access = what & 0x10 ? VIONET_DEVICE_READS : VIONET_DEVICE_WRITES,
		.memory = what & 0x40 ? NULL : own.memory,
		.memory_offset = what & 0x80 ? fuzz_take16() : 0,
	};
	struct vionet_packet *packet;

	if (own.pool && vionet_pool_destroy(own.pool) == 0)
		own.pool = NULL;
	if (own.pool || vionet_pool_create(app->device, &options, &own.pool))
		return;
	if (vionet_packet_alloc(own.pool, &packet, 1) == 1)
		vionet_packet_free(&packet, 1);
}

static void own_share(struct fuzz_application *app, unsigned int what)
{
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	struct vionet_pool *pool = what & 0x10 ? app->rx_pool[0] : app->tx_pool[0];

	if (!own.other) {
		fuzz_device_reset(&own.device);
		own.device.offered[0] = 1ull << 33 | 1ull << 32;
		own.device.limits.queue_count = 2;
		own.device.queue_max[0] = own.device.queue_max[1] = OTHER_QUEUE;
		if (vn_device_open(&own.device.transport, &options, &own.other))
			return;
	}
	own.device.fail_after = what & 0x20 ? 1 + (what >> 6) : 0;
	own.device.fail_with = 5;
	if (pool)
		(void)vionet_pool_share(pool, what & 0x80 ? app->device : own.other, what & 0x40 ? VIONET_DEVICE_WRITES : VIONET_DEVICE_READS);
	own.device.fail_after = 0;
}

static void own_look(struct fuzz_application *app)
{
	struct vionet_pci_details details = { .struct_size = sizeof(details) };
	struct vionet_pci_capability capability[4];
	struct vionet_pci_region region[2];
	struct vionet_iova_range range[2];
	uint32_t count;

	(void)vionet_device_pci_details(app->device, &details);
	(void)vionet_device_pci_capabilities(app->device, capability, sizeof(capability[0]), 4, &count);
	(void)vionet_device_pci_regions(app->device, region, sizeof(region[0]), 2, &count);
	(void)vionet_device_pci_iova_ranges(app->device, range, sizeof(range[0]), 2, &count);
	(void)vionet_device_event_fd(app->device);
}

void fuzz_application_memory(struct fuzz_application *app)
{
	unsigned int what = fuzz_take8();

	fuzz_call_begin(LIMIT);
	switch (what & 7) {
	case 0:
	case 1:
		own_register(app, what);
		break;
	case 2:
		if (vionet_memory_unregister(own.memory) == 0)
			own.memory = NULL;
		break;
	case 3:
		own_share(app, what);
		break;
	case 4:
		own_look(app);
		break;
	case 5:
		own_make_pool(app, what);
		break;
	default:
		own_attach(app, what);
	}
	fuzz_call_end();
}

void fuzz_application_memory_leave(void)
{
	fuzz_call_begin(LIMIT);
	if (own.pool)
		(void)vionet_pool_destroy(own.pool); /* or it goes with the device */
	own.pool = NULL;
	if (own.other)
		(void)vionet_device_close(own.other);
	own.other = NULL;
	fuzz_call_end();
}

void fuzz_application_memory_end(void)
{
	FUZZ_CHECK(own.released == own.attached);
	own.memory = NULL;
	own.attached = own.released = 0;
}
