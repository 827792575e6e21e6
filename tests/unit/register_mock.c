/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <endian.h>
#include <stdio.h>

#include "tests/unit/register_mock.h"

/* The model's BAR 4, and roles in common configuration. */
enum { ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000 };
enum { SELECT = 22, SIZE = 24, VECTOR = 26, ENABLE = 28, NOTIFY_OFF = 30, DESC = 32,
       DRIVER_AREA = 40, DEVICE_AREA = 48, RESET = 58, CONFIG_VECTOR = 16, STATUS = 20 };
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, SUSPENDED = 16,
       FAILED = 128 };

struct register_mock mock;

struct field {
	uint8_t offset, width;
	bool writable;
	int features[3]; /* one of them is needed; ends with -1 */
};

/* "Common configuration structure layout" */
static const struct field common[] = {
	{ 0, 4, true, { -1 } }, { 4, 4, false, { -1 } }, { 8, 4, true, { -1 } },
	{ 12, 4, true, { -1 } }, { 16, 2, true, { -1 } }, { 18, 2, false, { -1 } },
	{ 20, 1, true, { -1 } }, { 21, 1, false, { -1 } }, { 22, 2, true, { -1 } },
	{ 24, 2, true, { -1 } }, { 26, 2, true, { -1 } }, { 28, 2, true, { -1 } },
	{ 30, 2, false, { -1 } }, { 32, 4, true, { -1 } }, { 36, 4, true, { -1 } },
	{ 40, 4, true, { -1 } }, { 44, 4, true, { -1 } }, { 48, 4, true, { -1 } },
	{ 52, 4, true, { -1 } }, { 56, 2, false, { 39, -1 } },
	{ 58, 2, true, { 40, -1 } }, { 60, 2, false, { 41, -1 } },
	{ 62, 2, false, { 41, -1 } }, { 0, 0, false, { -1 } },
};

/* "Device configuration layout"; the address is six bytes. */
static const struct field device[] = {
	{ 0, 1, false, { 5, -1 } }, { 1, 1, false, { 5, -1 } }, { 2, 1, false, { 5, -1 } },
	{ 3, 1, false, { 5, -1 } }, { 4, 1, false, { 5, -1 } }, { 5, 1, false, { 5, -1 } },
	{ 6, 2, false, { 16, -1 } }, { 8, 2, false, { 22, 60, -1 } },
	{ 10, 2, false, { 3, -1 } }, { 12, 4, false, { 63, -1 } },
	{ 16, 1, false, { 63, -1 } }, { 17, 1, false, { 60, 57, -1 } },
	{ 18, 2, false, { 60, -1 } }, { 20, 4, false, { 60, 57, -1 } },
	{ 24, 4, false, { 51, -1 } }, { 0, 0, false, { -1 } },
};

#define WRONG(...)                                                             \
	do {                                                                   \
		if (mock.faults++ == 0)                                        \
			snprintf(mock.fault, sizeof(mock.fault), __VA_ARGS__); \
	} while (0)

static bool mock_has(const uint64_t *set, int bit)
{
	return (set[bit / 64] >> (bit % 64) & 1) != 0;
}

/* An access of the width of a field, in its direction, with its feature. */
static void mock_check_field(const struct field *fields, const char *structure,
			     uint64_t offset, size_t size, bool write,
			     const uint64_t *features)
{
	const struct field *f = fields;

	while (f->width != 0 && f->offset != offset)
		f++;
	if (f->width != size) {
		WRONG("%zu bytes at %s %lu", size, structure, (unsigned long)offset);
		return;
	}
	if (write && !f->writable)
		WRONG("%s %lu is written", structure, (unsigned long)offset);
	for (unsigned int i = 0; f->features[i] >= 0; i++)
		if (mock_has(features, f->features[i]))
			return;
	if (f->features[0] >= 0)
		WRONG("%s %lu without feature %d", structure, (unsigned long)offset,
		      f->features[0]);
}

/* ---- status ---- */

static void mock_check_status(uint8_t value)
{
	uint8_t now = mock.model->status;

	if (value == 0) {
		mock.reset_unread = true;
		mock.status_unread = mock.failed = false;
		mock.vector_unread = 0;
		mock.slow_reads = mock.reset_reads;
		memset(mock.set_up, 0, sizeof(mock.set_up));
		memset(mock.on, 0, sizeof(mock.on));
		return;
	}
	/* SUSPEND is the one bit that is taken back by a write. */
	if ((now & ~value & ~SUSPENDED) != 0)
		WRONG("status 0x%02x is written over 0x%02x", value, now);
	if ((value & DRIVER) && !(now & ACKNOWLEDGE))
		WRONG("DRIVER before ACKNOWLEDGE");
	if ((value & FEATURES_OK) && !(now & DRIVER))
		WRONG("FEATURES_OK before DRIVER");
	if ((value & DRIVER_OK) && !(now & FEATURES_OK))
		WRONG("DRIVER_OK before FEATURES_OK");
	if ((value & FEATURES_OK) && !(now & FEATURES_OK) && !(value & FAILED))
		mock.status_unread = true;
	if (value & FAILED) {
		mock.failed = true;
		mock.fails++;
	}
}

/* ---- queues ---- */

/* The used ring, the packed ring and the available index begin at zero. */
static void mock_check_memory(const struct model_queue *q, bool packed)
{
	size_t size = packed ? 16u * q->size : 6u + 8u * q->size;
	const uint8_t *area = model_at(mock.model, packed ? q->desc : q->used, size, true);
	const uint8_t *avail = model_at(mock.model, q->avail, 4, false);

	if (!area || !avail) {
		WRONG("a ring that cannot be reached is enabled");
		return;
	}
	for (size_t i = 0; i < size; i++)
		if (area[i] != 0) {
			WRONG("byte %zu of what the device writes is not 0", i);
			return;
		}
	if (!packed && (avail[2] != 0 || avail[3] != 0))
		WRONG("the available index does not begin at 0");
}

static void mock_check_enable(unsigned int index, uint64_t value)
{
	const struct model_queue *q = &mock.model->queue[index];

	if (value != 1)
		WRONG("queue_enable is written %lu", (unsigned long)value);
	if (mock.set_up[index] != 0xff)
		WRONG("queue %u is enabled with fields 0x%x set up", index,
		      mock.set_up[index]);
	if (mock.on[index])
		WRONG("queue %u is enabled twice", index);
	mock.on[index] = true;
	mock.enables++;
	mock_check_memory(q, mock_has(mock.model->accepted, 34));
}

static void mock_check_queue(uint64_t offset, uint64_t value)
{
	unsigned int index = mock.model->queue_select % REGISTER_MOCK_QUEUES;

	if (!(mock.model->status & FEATURES_OK))
		WRONG("queue %u is set up before FEATURES_OK", index);
	if (offset == RESET) {
		mock.set_up[index] = 0;
		mock.on[index] = false;
		return;
	}
	if (offset == ENABLE) {
		mock_check_enable(index, value);
		return;
	}
	if (mock.on[index])
		WRONG("field %lu of queue %u is written while it is enabled",
		      (unsigned long)offset, index);
	if (offset == SIZE && (value == 0 || value > 32768 ||
			       (!mock_has(mock.model->accepted, 34) && (value & (value - 1)))))
		WRONG("queue_size %lu", (unsigned long)value);
	/* size, vector, and the halves of three addresses */
	mock.set_up[index] |= 1u << (offset < DESC ? (offset - SIZE) / 2 :
						    2 + (offset - DESC) / 4);
}

static void mock_check_vector(uint64_t offset, uint64_t value)
{
	if (value != 0xffff && value >= mock.model->function.vector_count)
		WRONG("vector %lu of %u", (unsigned long)value,
		      mock.model->function.vector_count);
	mock.vectors_withdrawn += value == 0xffff;
	mock.vector_unread = offset;
}

static void mock_check_common_write(uint64_t offset, size_t size, uint64_t value)
{
	mock_check_field(common, "common", offset, size, true, mock.model->accepted);
	if (mock.reset_unread)
		WRONG("common %lu is written before the reset reads 0",
		      (unsigned long)offset);
	if (mock.failed && !(offset == STATUS && value == 0))
		WRONG("common %lu is written after FAILED", (unsigned long)offset);
	if (mock.status_unread && !(offset == STATUS && value == 0))
		WRONG("common %lu is written before FEATURES_OK was read back",
		      (unsigned long)offset);
	if (mock.vector_unread != 0 && !(offset == STATUS && value == 0))
		WRONG("common %lu is written before the vector at %lu was read back",
		      (unsigned long)offset, (unsigned long)mock.vector_unread);
	if (offset == 12 && mock.model->status != (ACKNOWLEDGE | DRIVER))
		WRONG("features are written with status 0x%02x", mock.model->status);
	if (offset == STATUS)
		mock_check_status((uint8_t)value);
	else if (offset >= SIZE)
		mock_check_queue(offset, value);
	if (offset == VECTOR || offset == CONFIG_VECTOR)
		mock_check_vector(offset, value);
}

/* ---- doorbells ---- */

static uint64_t mock_doorbell_of(unsigned int queue)
{
	return (uint64_t)mock.multiplier * (3 * queue + 1);
}

/* Returns where the model has this doorbell. */
static uint64_t mock_check_doorbell(uint64_t offset, uint64_t value)
{
	unsigned int queue = value & 0xffff;

	if (!(mock.model->status & DRIVER_OK))
		WRONG("a notification before DRIVER_OK");
	if (!mock.moved)
		return offset;
	if (offset != NOTIFY + mock_doorbell_of(queue))
		WRONG("queue %u is notified at %lu", queue,
		      (unsigned long)(offset - NOTIFY));
	return NOTIFY + 4 * queue;
}

/* ---- the function ---- */

static int mock_write(struct vn_function *function, unsigned int region,
		      uint64_t offset, const void *data, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, data, size < 8 ? size : 8);
	value = le64toh(value);
	mock.accesses++;
	if (region == VN_REGION_CONFIG) {
		if (offset != 4 || size != 2)
			WRONG("configuration space is written at %lu",
			      (unsigned long)offset);
	} else if (offset < ISR) {
		mock_check_common_write(offset, size, value);
	} else if (offset < NOTIFY) {
		WRONG("ISR or device configuration is written");
	} else {
		offset = mock_check_doorbell(offset, value);
	}
	return mock.under->write(function, region, offset, data, size);
}

/* The MAC address changes while the driver reads it. */
static void mock_tear(uint64_t offset)
{
	static const uint8_t other[6] = { 0x52, 0x99, 0x98, 0x97, 0x96, 0x95 };

	if (offset != 3 || mock.torn == mock.tears)
		return;
	mock.torn++;
	memcpy(mock.model->net_config, other, sizeof(other));
	mock.model->net_config[5] = (uint8_t)mock.torn;
	mock.model->generation++;
}

static void mock_check_common_read(uint64_t offset, size_t size)
{
	mock_check_field(common, "common", offset, size, false, mock.model->accepted);
	if (offset == STATUS) {
		mock.status_unread = false;
		if (mock.slow_reads == 0 && mock.model->status == 0)
			mock.reset_unread = false;
	}
	if (offset == mock.vector_unread)
		mock.vector_unread = 0;
}

static int mock_read(struct vn_function *function, unsigned int region,
		     uint64_t offset, void *data, size_t size)
{
	int result;

	mock.accesses++;
	if (region != VN_REGION_CONFIG) {
		if (offset < ISR)
			mock_check_common_read(offset, size);
		else if (offset >= DEVICE && offset < NOTIFY)
			mock_check_field(device, "device", offset - DEVICE, size, false,
					 mock.model->offered);
		else
			WRONG("ISR status or a doorbell is read");
		if (offset >= DEVICE && offset < NOTIFY)
			mock_tear(offset - DEVICE);
	}
	result = mock.under->read(function, region, offset, data, size);
	if (region == VN_REGION_CONFIG || offset >= ISR)
		return result;
	if (offset == STATUS && mock.reset_unread && mock.slow_reads != 0) {
		mock.slow_reads--;
		*(uint8_t *)data = ACKNOWLEDGE | DRIVER;
	}
	if (offset == NOTIFY_OFF && mock.moved) {
		uint16_t off = htole16(3 * mock.model->queue_select + 1);

		memcpy(data, &off, sizeof(off));
	}
	return result;
}

static int mock_map(struct vn_function *function, unsigned int region,
		    uint64_t offset, uint64_t size, volatile void **address)
{
	if (offset / 0x1000 < 4 && size > mock.mapped[offset / 0x1000])
		mock.mapped[offset / 0x1000] = size;
	return mock.under->map(function, region, offset, size, address);
}

void register_mock_install(struct model *m)
{
	static struct vn_function_ops ops;

	memset(&mock, 0, sizeof(mock));
	mock.model = m;
	mock.under = m->function.ops;
	ops = *mock.under;
	ops.read = mock_read;
	ops.write = mock_write;
	ops.map = mock_map;
	m->function.ops = &ops;
}

void register_mock_assert_clean(void)
{
	if (mock.faults != 0)
		fail_msg("%u accesses were wrong, the first: %s", mock.faults,
			 mock.fault);
	assert_true(mock.accesses > 10);
}
