/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <string.h>

#include "tests/fuzz/registers.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/world.h"

/* BAR 4: one page a structure. */
enum { COMMON = 0x0000,
       ISR = 0x1000,
       DEVICE = 0x2000,
       NOTIFY = 0x3000,
       MULTIPLIER = 4 };

static struct {
	uint8_t config[256];
	uint32_t device_select, driver_select;
	uint16_t config_vector, queue_select;
	uint64_t accepted[2];
	struct {
		uint16_t size, vector, reset;
		uint64_t desc, avail, used;
	} queue[DEVICE_QUEUES];
	unsigned int wrong_in; /* reads, until one is answered wrongly; 0: none is */
} reg;

static void reg_capability(unsigned int at, unsigned int type, uint32_t offset, uint32_t size, unsigned int next)
{
	uint8_t *c = reg.config + at;

	c[0] = 9;
	c[1] = (uint8_t)next;
	c[2] = type == 2 ? 20 : 16;
	c[3] = (uint8_t)type;
	c[4] = FUZZ_BAR;
	memcpy(c + 8, &(uint32_t){ htole32(offset) }, 4);
	memcpy(c + 12, &(uint32_t){ htole32(size) }, 4);
	if (type == 2)
		c[16] = MULTIPLIER;
}

static void reg_make_config(void)
{
	static const uint8_t head[] = { 0xf4, 0x1a, 0x41, 0x10, 0, 0, 0x10, 0, 1, 0, 0, 2 };
	static const uint8_t msix[] = { 0x11, 0, 7, 0, 1, 0, 0, 0, 1, 8, 0, 0 };

	memset(reg.config, 0, sizeof(reg.config));
	memcpy(reg.config, head, sizeof(head));
	reg.config[0x20] = 4; /* BAR 4: 64 bits */
	reg.config[0x34] = 0x40;
	reg_capability(0x40, 1, COMMON, 64, 0x50);
	reg_capability(0x50, 3, ISR, 4, 0x60);
	reg_capability(0x60, 4, DEVICE, DEVICE_CONFIG, 0x70);
	reg_capability(0x70, 2, NOTIFY, 0x1000, 0x90);
	memcpy(reg.config + 0x90, msix, sizeof(msix));
}

void fuzz_registers_begin(void)
{
	unsigned int how = fuzz_take8(), edits = how & 7;

	memset(&reg, 0, sizeof(reg));
	reg_make_config();
	for (; edits != 0; edits--) {
		unsigned int at = fuzz_take8();

		reg.config[at] = fuzz_take8();
		fuzz_dev.correct = false;
	}
	if (how & 8) {
		(void)fuzz_take_bytes(reg.config + 0x40, fuzz_take8() & 0xbf);
		fuzz_dev.correct = false;
	}
	if (how & 0x10)
		reg.wrong_in = 1 + fuzz_take8();
	for (unsigned int i = 0; i < DEVICE_QUEUES; i++)
		reg.queue[i].size = fuzz_dev.queue_max[i];
}

void fuzz_registers_memory(uint8_t *memory)
{
	memset(memory, 0, 64);
	memset(memory + DEVICE, 0, DEVICE_CONFIG);
	memset(memory + 4, 0xff, 4);
	memory[18] = (uint8_t)fuzz_dev.limits.queue_count;
	memory[24] = 16;
	memcpy(memory + DEVICE, fuzz_dev.config, DEVICE_CONFIG);
}

/* ---- reading ---- */

static uint32_t reg_status(void)
{
	uint8_t status = 0xff;

	if (fuzz_dev.transport.ops->status_read(&fuzz_dev.transport, &status))
		return 0xff;
	return status;
}

static uint64_t reg_common(uint64_t offset)
{
	unsigned int q = reg.queue_select % DEVICE_QUEUES;

	switch (offset) {
	case 4:
		return reg.device_select < 4 ? fuzz_dev.offered[reg.device_select / 2] >> 32 * (reg.device_select % 2) : 0;
	case 16:
		return reg.config_vector;
	case 18:
		return fuzz_dev.limits.queue_count;
	case 20:
		return reg_status();
	case 21:
		return 1;
	case 22:
		return reg.queue_select;
	case 24:
		return reg.queue_select < DEVICE_QUEUES ? reg.queue[q].size : 0;
	case 26:
		return reg.queue[q].vector;
	case 28:
		return fuzz_dev.queue[q].enabled;
	case 30:
		return reg.queue_select;
	case 32:
		return reg.queue[q].desc;
	case 36:
		return reg.queue[q].desc >> 32;
	case 40:
		return reg.queue[q].avail;
	case 44:
		return reg.queue[q].avail >> 32;
	case 48:
		return reg.queue[q].used;
	case 52:
		return reg.queue[q].used >> 32;
	case 56:
		return reg.queue_select;
	case 58:
		return reg.queue[q].reset;
	default:
		return 0;
	}
}

/* Once in a while bytes of the input instead. */
static void reg_be_wrong(void *data, size_t size)
{
	if (reg.wrong_in == 0 || --reg.wrong_in != 0)
		return;
	fuzz_dev.correct = false;
	if (fuzz_take8() & 1)
		memset(data, 0xff, size);
	else
		(void)fuzz_take_bytes(data, size < 8 ? size : 8);
	reg.wrong_in = fuzz_take8();
}

int fuzz_registers_read(unsigned int region, uint64_t offset, void *data, size_t size)
{
	uint64_t value;

	memset(data, 0, size);
	if (region == FUZZ_CONFIG_REGION && offset < sizeof(reg.config)) {
		memcpy(data, reg.config + offset, size < sizeof(reg.config) - offset ? size : sizeof(reg.config) - offset);
	} else if (region == FUZZ_BAR && offset < ISR) {
		value = htole64(reg_common(offset));
		memcpy(data, &value, size < 8 ? size : 8);
	} else if (region == FUZZ_BAR && offset >= DEVICE && offset < DEVICE + DEVICE_CONFIG) {
		size_t left = DEVICE + DEVICE_CONFIG - offset;

		memcpy(data, fuzz_dev.config + (offset - DEVICE), size < left ? size : left);
	}
	reg_be_wrong(data, size);
	return 0;
}

/* ---- writing ---- */

static void reg_half(uint64_t *address, uint64_t value, bool high)
{
	*address = high ? (*address & 0xffffffff) | value << 32 : (*address & ~0xffffffffull) | (uint32_t)value;
}

static int reg_enable(unsigned int index)
{
	struct vn_transport *t = &fuzz_dev.transport;
	struct vn_ring_areas areas = {
		.descriptor.iova = reg.queue[index].desc,
		.driver.iova = reg.queue[index].avail,
		.device.iova = reg.queue[index].used,
	};
	uint16_t size = reg.queue[index].size;
	struct vn_doorbell bell;
	int vector = -1, result;

	/* A driver that was told something else of it may be wrong about it. */
	if (!fuzz_dev.correct && (size == 0 || size > fuzz_dev.queue_max[index] || (areas.descriptor.iova | areas.device.iova) % 4 != 0 ||
				  areas.descriptor.iova % 16 != 0 || areas.driver.iova % 4 != 0))
		return 0;
	result = t->ops->queue_setup(t, index, size, &vector, &areas, &bell);
	return result ? result : t->ops->queue_enable(t, index);
}

static int reg_accept(uint32_t value)
{
	struct vionet_features features;

	if (reg.driver_select > 3)
		return 0;
	reg_half(&reg.accepted[reg.driver_select / 2], value, reg.driver_select % 2);
	for (unsigned int i = 0; i < 2; i++)
		features.word[i] = fuzz_dev.correct ? reg.accepted[i] : reg.accepted[i] & fuzz_dev.offered[i];
	return fuzz_dev.transport.ops->features_write(&fuzz_dev.transport, &features);
}

static int reg_reset_queue(unsigned int q)
{
	if (fuzz_dev.reset_queue_fails) {
		reg.queue[q].reset = 1;
		return 0;
	}
	reg.queue[q].size = fuzz_dev.queue_max[q];
	return fuzz_dev.transport.ops->queue_reset(&fuzz_dev.transport, q, 0);
}

static int reg_status_write(uint8_t value)
{
	if (value == 0) {
		for (unsigned int i = 0; i < DEVICE_QUEUES; i++) {
			reg.queue[i].size = fuzz_dev.queue_max[i];
			reg.queue[i].reset = 0;
		}
		memset(reg.accepted, 0, sizeof(reg.accepted));
	}
	return fuzz_dev.transport.ops->status_write(&fuzz_dev.transport, value);
}

static int reg_common_write(uint64_t offset, uint64_t value)
{
	unsigned int q = reg.queue_select % DEVICE_QUEUES;

	switch (offset) {
	case 0:
		reg.device_select = (uint32_t)value;
		break;
	case 8:
		reg.driver_select = (uint32_t)value;
		break;
	case 12:
		return reg_accept((uint32_t)value);
	case 16:
		reg.config_vector = (uint16_t)value;
		break;
	case 20:
		return reg_status_write((uint8_t)value);
	case 22:
		reg.queue_select = (uint16_t)value;
		break;
	case 24:
		reg.queue[q].size = (uint16_t)value;
		break;
	case 26:
		reg.queue[q].vector = (uint16_t)value;
		break;
	case 28:
		return value == 1 ? reg_enable(q) : 0;
	case 32:
	case 36:
		reg_half(&reg.queue[q].desc, value, offset == 36);
		break;
	case 40:
	case 44:
		reg_half(&reg.queue[q].avail, value, offset == 44);
		break;
	case 48:
	case 52:
		reg_half(&reg.queue[q].used, value, offset == 52);
		break;
	case 58:
		return reg_reset_queue(q);
	default:
		break;
	}
	return 0;
}

int fuzz_registers_write(unsigned int region, uint64_t offset, const void *data, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, data, size < 8 ? size : 8);
	if (region == FUZZ_CONFIG_REGION && offset == 4)
		memcpy(reg.config + 4, data, size < 2 ? size : 2);
	if (region == FUZZ_BAR && offset < ISR)
		return reg_common_write(offset, le64toh(value));
	return 0;
}
