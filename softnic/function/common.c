/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common configuration structure: a table of its fields, what reading and writing each
 * does, and checking how they are accessed.
 */
#include <inttypes.h>
#include <string.h>

#include "softnic/features.h"
#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"

/* ---- queues ---- */

bool queue_exists(const struct device *device, unsigned int index)
{
	if (device->status & ST_FEATURES_OK)
		return index < device_queues_in_use(device);
	return index < device->queue_count;
}

/* Split rings have a power of two: what is offered must be one that can be used. */
uint16_t queue_size_max(const struct device *device, unsigned int index)
{
	uint32_t size = index == device_control_index(device)
				? device->options->control_size
				: device->options->queue_size;

	if (device_has_fault(device, FAULT_QUEUE_SIZE_ZERO))
		return 0;
	if (device_has_fault(device, FAULT_QUEUE_SIZE_100))
		return 100;
	if (device_has_fault(device, FAULT_QUEUE_SIZE_65535))
		return 65535;
	if (!features_have(&device->accepted, FT_RING_PACKED))
		while (size & (size - 1))
			size &= size - 1;
	return (uint16_t)size;
}

static struct queue *common_selected(struct device *device)
{
	uint16_t index = registers_of(device)->queue_select;

	return queue_exists(device, index) ? &device->queue[index] : NULL;
}

static struct queue_registers *common_queue_registers(const struct queue *queue)
{
	return &registers_of(queue->device)->queue[queue->index];
}

/* The queue whose `field` is written. NULL: that is not to be done, and reported. */
static struct queue *common_to_set_up(struct device *device, const char *field)
{
	struct queue *queue = common_selected(device);

	check_step(device, field);
	if (queue == NULL) {
		violation(device, "PCI-49", "%s of queue %u is written, which does not exist",
			  field, registers_of(device)->queue_select);
		return NULL;
	}
	if (queue->enabled) {
		violation(device, "PCI-23", "%s of queue %u is written after queue_enable",
			  field, queue->index);
		return NULL;
	}
	if (common_queue_registers(queue)->reset_unread)
		violation(device, "PCI-26",
			  "%s of queue %u is written before queue_reset was read as 0", field,
			  queue->index);
	return queue;
}

/* ---- fields of the common configuration ---- */

static uint32_t common_read_device_feature_select(struct device *device)
{
	return registers_of(device)->device_feature_select;
}

static void common_write_device_feature_select(struct device *device, uint32_t value)
{
	registers_of(device)->device_feature_select = value;
}

static uint32_t common_feature_word(const struct features *set, uint32_t select)
{
	if (select >= FT_COUNT / 32)
		return 0;
	return (uint32_t)(set->word[select / 2] >> (select % 2 * 32));
}

static uint32_t common_read_device_feature(struct device *device)
{
	struct features offered;

	offer_features(device, &offered);
	return common_feature_word(&offered, registers_of(device)->device_feature_select);
}

static uint32_t common_read_driver_feature_select(struct device *device)
{
	return registers_of(device)->driver_feature_select;
}

static void common_write_driver_feature_select(struct device *device, uint32_t value)
{
	registers_of(device)->driver_feature_select = value;
}

static uint32_t common_read_driver_feature(struct device *device)
{
	struct registers *registers = registers_of(device);

	return common_feature_word(&registers->wanted, registers->driver_feature_select);
}

static void common_check_driver_feature(struct device *device, uint32_t old,
					uint32_t value)
{
	struct registers *registers = registers_of(device);

	if (registers->reset_unread)
		violation(device, "GEN-14",
			  "driver_feature is written before a reset was seen to be done");
	if (device->status & ST_FAILED)
		violation(device, "GEN-27", "driver_feature is written after FAILED");
	if (device->status & ST_FEATURES_OK) {
		if (value & ~old)
			violation(device, "GEN-24",
				  "features 0x%08x of word %u are accepted after FEATURES_OK",
				  value & ~old, registers->driver_feature_select);
		else if (value != old)
			violation(device, "GEN-13",
				  "features 0x%08x of word %u are withdrawn after FEATURES_OK",
				  old & ~value, registers->driver_feature_select);
	} else if (!(device->status & ST_DRIVER)) {
		violation(device, "GEN-21", "driver_feature is written before DRIVER");
	}
}

static void common_write_driver_feature(struct device *device, uint32_t value)
{
	struct registers *registers = registers_of(device);
	uint32_t select = registers->driver_feature_select;
	uint64_t *word;

	if (select >= FT_COUNT / 32) {
		if (value != 0)
			violation(device, "GEN-05",
				  "features 0x%08x of word %u are accepted, none was offered",
				  value, select);
		return;
	}
	common_check_driver_feature(device, common_feature_word(&registers->wanted, select), value);
	if (device->status & ST_FEATURES_OK)
		return;
	word = &registers->wanted.word[select / 2];
	*word &= ~(0xffffffffull << (select % 2 * 32));
	*word |= (uint64_t)value << (select % 2 * 32);
}

/* A vector as the driver wrote it, or NO_VECTOR if the table has no such. */
static uint16_t common_to_vector(struct device *device, uint32_t value)
{
	if (value == NO_VECTOR)
		return NO_VECTOR;
	if (value >= device->options->vectors) {
		violation(device, "PCI-45", "vector %u is mapped, the table has %u", value,
			  device->options->vectors);
		return NO_VECTOR;
	}
	return (uint16_t)value;
}

static uint32_t common_as_vector(struct device *device, uint16_t vector)
{
	if (device_has_fault(device, FAULT_VECTORS_ALTERED))
		return vector == NO_VECTOR ? NO_VECTOR : vector ^ 1u;
	return vector;
}

static uint32_t common_read_config_vector(struct device *device)
{
	registers_of(device)->config_vector_unread = false;
	return common_as_vector(device, registers_of(device)->config_vector);
}

static void common_write_config_vector(struct device *device, uint32_t value)
{
	if (value != NO_VECTOR)
		check_step(device, "config_msix_vector");
	registers_of(device)->config_vector = common_to_vector(device, value);
	registers_of(device)->config_vector_unread = value != NO_VECTOR;
}

static uint32_t common_read_num_queues(struct device *device)
{
	return device_has_fault(device, FAULT_NUM_QUEUES_ONE) ? 1 : device->queue_count;
}

static uint32_t common_read_status(struct device *device)
{
	struct registers *registers = registers_of(device);
	uint32_t status = status_read(device);

	if (device_has_fault(device, FAULT_STATUS_NEVER_ZERO) && registers->touched)
		status |= ST_ACKNOWLEDGE;
	if (device_has_fault(device, FAULT_STATUS_ONES))
		status = 0xff;
	if (device_has_fault(device, FAULT_STATUS_RANDOM))
		status = (registers->reads++ * 0x9e3779b9u) >> 24;
	if (device_has_fault(device, FAULT_NEEDS_RESET_ALWAYS))
		status |= ST_NEEDS_RESET;
	return status;
}

static void common_write_status(struct device *device, uint32_t value)
{
	status_write(device, value);
	registers_of(device)->touched = true;
}

static uint32_t common_read_generation(struct device *device)
{
	struct registers *registers = registers_of(device);

	registers->generation_read = true;
	registers->config_unread = false;
	if (device_has_fault(device, FAULT_GENERATION_CHANGES))
		device->generation++;
	return device->generation;
}

static uint32_t common_read_queue_select(struct device *device)
{
	return device_has_fault(device, FAULT_QUEUE_SELECT_LOST) ? 0 : registers_of(device)->queue_select;
}

static void common_write_queue_select(struct device *device, uint32_t value)
{
	registers_of(device)->queue_select = (uint16_t)value;
}

static uint32_t common_read_queue_size(struct device *device)
{
	struct queue *queue = common_selected(device);

	if (queue == NULL)
		return 0;
	if (device_has_fault(device, FAULT_QUEUE_SIZE_LOST) && queue->size != 0)
		return 0;
	if (device_has_fault(device, FAULT_QUEUE_SIZE_DOUBLED) && queue->size != 0)
		return queue->size * 2u;
	return queue->size ? queue->size : queue_size_max(device, queue->index);
}

static void common_write_queue_size(struct device *device, uint32_t value)
{
	struct queue *queue = common_to_set_up(device, "queue_size");
	bool packed = features_have(&device->accepted, FT_RING_PACKED);

	if (queue == NULL)
		return;
	if (value == 0) {
		violation(device, packed ? "PCI-21" : "PCI-22",
			  "queue_size of queue %u is written 0", queue->index);
		return;
	}
	if (!packed && (value & (value - 1)))
		violation(device, "PCI-22",
			  "queue_size of queue %u is written %u, no power of two",
			  queue->index, value);
	else if (value <= queue_size_max(device, queue->index))
		queue->size = (uint16_t)value;
}

static uint32_t common_read_queue_vector(struct device *device)
{
	struct queue *queue = common_selected(device);

	if (queue == NULL)
		return NO_VECTOR;
	common_queue_registers(queue)->vector_unread = false;
	/* As if there were no room for another. */
	if (device_has_fault(device, FAULT_ONE_VECTOR_REFUSED) &&
	    queue->index == fault_value(device, FAULT_ONE_VECTOR_REFUSED, 2))
		queue->vector = NO_VECTOR;
	if (device_has_fault(device, FAULT_VECTORS_ZERO) && queue->vector != NO_VECTOR)
		return 0;
	return common_as_vector(device, queue->vector);
}

static void common_write_queue_vector(struct device *device, uint32_t value)
{
	struct queue *queue = common_selected(device);

	/* Taking a vector away is allowed at any time ("MSI-X Vector Configuration",
	 * PCI-48). */
	if (value != NO_VECTOR && common_to_set_up(device, "queue_msix_vector") == NULL)
		return;
	if (queue == NULL)
		return;
	queue->vector = common_to_vector(device, value);
	common_queue_registers(queue)->vector_unread = value != NO_VECTOR;
}

static uint32_t common_read_queue_enable(struct device *device)
{
	struct queue *queue = common_selected(device);

	if (queue == NULL)
		return 0;
	if (device_has_fault(device, FAULT_QUEUE_ENABLE_EARLY))
		return 1;
	return queue->enabled && !device_has_fault(device, FAULT_QUEUE_ENABLE_LOST);
}

static void common_write_queue_enable(struct device *device, uint32_t value)
{
	struct queue *queue = common_selected(device);

	if (value != 1)
		violation(device, "PCI-25", "queue_enable is written %u", value);
	else if (queue == NULL)
		violation(device, "PCI-49", "queue %u is enabled, which does not exist",
			  registers_of(device)->queue_select);
	else if (queue->enabled)
		violation(device, "PCI-23", "queue %u is enabled twice", queue->index);
	if (value != 1 || queue == NULL || queue->enabled)
		return;
	check_enable(queue);
	if (queue->size == 0)
		queue->size = queue_size_max(device, queue->index);
	memset(common_queue_registers(queue), 0, sizeof(struct queue_registers));
	queue->enabled = true;
	queue->broken = queue->kicked = false;
	if (ring_start(queue) == 0)
		net_queue_started(queue);
	else
		needs_reset(device);
}

static uint32_t common_read_notify_off(struct device *device)
{
	uint16_t index = registers_of(device)->queue_select;

	if (device_has_fault(device, FAULT_NOTIFY_OFF_OUTSIDE))
		return 0xfff0;
	if (device_has_fault(device, FAULT_NOTIFY_OFF_ZERO))
		return 0;
	if (device_has_fault(device, FAULT_NOTIFY_OFF_CHANGES) && queue_exists(device, index))
		return (index + registers_of(device)->reads++) % device->queue_count;
	return queue_exists(device, index) ? index : 0;
}

static void common_write_area(struct device *device, uint64_t *area, uint32_t value,
			      unsigned int half, unsigned int wrote)
{
	static const char *const name[] = { [WROTE_DESCRIPTOR] = "queue_desc",
					    [WROTE_DRIVER] = "queue_driver",
					    [WROTE_DEVICE] = "queue_device" };
	struct queue *queue = common_to_set_up(device, name[wrote]);

	if (queue == NULL)
		return;
	common_queue_registers(queue)->written |= wrote;
	*area &= ~(0xffffffffull << (32 * half));
	*area |= (uint64_t)value << (32 * half);
}

/* Each address is two registers of 32 bits. */
#define AREA(field, half, wrote)                                                                \
	static uint32_t read_##field##_##half(struct device *device)                            \
	{                                                                                       \
		struct queue *queue = common_selected(device);                                  \
                                                                                                \
		if (queue == NULL ||                                                            \
		    device_has_fault(device, FAULT_QUEUE_ADDRESSES_ZERO))                       \
			return 0;                                                               \
		return (uint32_t)(queue->field >> (32 * (half))) ^                              \
		       (device_has_fault(device, FAULT_QUEUE_ADDRESSES_ALTERED) ? 0x1000u : 0); \
	}                                                                                       \
                                                                                                \
	static void write_##field##_##half(struct device *device,                               \
					   uint32_t value)                                      \
	{                                                                                       \
		uint16_t index = registers_of(device)->queue_select;                            \
                                                                                                \
		common_write_area(device,                                                       \
				  &device->queue[index < QUEUES_MAX ? index : 0].field,         \
				  value, half, wrote);                                          \
	}

AREA(descriptor_area, 0, WROTE_DESCRIPTOR)
AREA(descriptor_area, 1, WROTE_DESCRIPTOR)
AREA(driver_area, 0, WROTE_DRIVER)
AREA(driver_area, 1, WROTE_DRIVER)
AREA(device_area, 0, WROTE_DEVICE)
AREA(device_area, 1, WROTE_DEVICE)

static uint32_t common_read_notif_data(struct device *device)
{
	uint16_t index = registers_of(device)->queue_select;

	return queue_exists(device, index) ? doorbell_data(device, index) : 0;
}

static uint32_t common_read_queue_reset(struct device *device)
{
	struct queue *queue = common_selected(device);

	if (queue == NULL)
		return 0;
	if (common_queue_registers(queue)->reset_reads > 0) {
		common_queue_registers(queue)->reset_reads--;
		return 1;
	}
	if (device_has_fault(device, FAULT_QUEUE_RESET_STUCK))
		return 1;
	common_queue_registers(queue)->reset_unread = false;
	return 0;
}

static void common_write_queue_reset(struct device *device, uint32_t value)
{
	struct queue *queue = common_selected(device);

	if (queue == NULL) {
		violation(device, "PCI-49", "queue %u is reset, which does not exist",
			  registers_of(device)->queue_select);
		return;
	}
	if (value != 1 || !features_have(&device->accepted, FT_RING_RESET))
		return;
	queue_stop(queue);
	device_exercise(device, EX_QUEUE_RESET);
	trace(device, "QUEUE_RESET %u", queue->index);
	queue->vector = NO_VECTOR;
	queue->size = 0;
	queue->descriptor_area = queue->driver_area = queue->device_area = 0;
	queue->broken = queue->kicked = false;
	/* Shown as going on once: a driver must look ("Common configuration structure
	 * layout", PCI-26). */
	*common_queue_registers(queue) = (struct queue_registers){ .was_reset = true,
								   .reset_unread = true,
								   .reset_reads = 1 };
}

static uint32_t common_read_zero(struct device *device)
{
	(void)device;
	return 0;
}

static const struct field {
	uint8_t offset, size;
	uint8_t needs; /* feature; FT_COUNT: none */
	const char *name;
	uint32_t (*read)(struct device *device);
	void (*write)(struct device *device, uint32_t value); /* NULL: read-only */
} fields[] = {
	{ 0, 4, FT_COUNT, "device_feature_select", common_read_device_feature_select,
	  common_write_device_feature_select },
	{ 4, 4, FT_COUNT, "device_feature", common_read_device_feature, NULL },
	{ 8, 4, FT_COUNT, "driver_feature_select", common_read_driver_feature_select,
	  common_write_driver_feature_select },
	{ 12, 4, FT_COUNT, "driver_feature", common_read_driver_feature,
	  common_write_driver_feature },
	{ 16, 2, FT_COUNT, "config_msix_vector", common_read_config_vector,
	  common_write_config_vector },
	{ 18, 2, FT_COUNT, "num_queues", common_read_num_queues, NULL },
	{ 20, 1, FT_COUNT, "device_status", common_read_status, common_write_status },
	{ 21, 1, FT_COUNT, "config_generation", common_read_generation, NULL },
	{ 22, 2, FT_COUNT, "queue_select", common_read_queue_select, common_write_queue_select },
	{ 24, 2, FT_COUNT, "queue_size", common_read_queue_size, common_write_queue_size },
	{ 26, 2, FT_COUNT, "queue_msix_vector", common_read_queue_vector,
	  common_write_queue_vector },
	{ 28, 2, FT_COUNT, "queue_enable", common_read_queue_enable, common_write_queue_enable },
	{ 30, 2, FT_COUNT, "queue_notify_off", common_read_notify_off, NULL },
	{ 32, 4, FT_COUNT, "queue_desc", read_descriptor_area_0,
	  write_descriptor_area_0 },
	{ 36, 4, FT_COUNT, "queue_desc+4", read_descriptor_area_1,
	  write_descriptor_area_1 },
	{ 40, 4, FT_COUNT, "queue_driver", read_driver_area_0, write_driver_area_0 },
	{ 44, 4, FT_COUNT, "queue_driver+4", read_driver_area_1,
	  write_driver_area_1 },
	{ 48, 4, FT_COUNT, "queue_device", read_device_area_0, write_device_area_0 },
	{ 52, 4, FT_COUNT, "queue_device+4", read_device_area_1,
	  write_device_area_1 },
	{ 56, 2, FT_NOTIF_CONFIG_DATA, "queue_notif_config_data", common_read_notif_data,
	  NULL },
	{ 58, 2, FT_RING_RESET, "queue_reset", common_read_queue_reset, common_write_queue_reset },
	{ 60, 2, FT_ADMIN_VQ, "admin_queue_index", common_read_zero, NULL },
	{ 62, 2, FT_ADMIN_VQ, "admin_queue_num", common_read_zero, NULL },
};

static const struct field *common_field_at(uint64_t offset)
{
	const struct field *field = fields;

	while (offset >= (uint64_t)field->offset + field->size)
		field++;
	return field;
}

static const char *common_verb(bool writing)
{
	return writing ? "write" : "read";
}

/* Is the access one that the field allows? Reported if not. */
static bool common_check_common(struct device *device, const struct field *field,
				uint64_t offset, unsigned int size, bool writing)
{
	if (field->needs != FT_COUNT && (device->status & ST_FEATURES_OK) &&
	    !features_have(&device->accepted, field->needs))
		violation(device, "PCI-33", "%s of %s, but %s is not negotiated",
			  common_verb(writing), field->name, feature_name(field->needs));
	if (offset != field->offset || size != field->size) {
		violation(device, "PCI-05",
			  "%s of %u bytes at 0x%02" PRIx64 " of the common configuration; "
			  "%s has %u bytes at 0x%02x",
			  common_verb(writing), size, offset, field->name, field->size,
			  field->offset);
		return false;
	}
	if (writing && field->write == NULL)
		violation(device, "PCI-20", "write of %s, which is read-only", field->name);
	return true;
}

/* An access that no field has: byte by byte, as a simple device might. */
static uint64_t common_read_pieces(struct device *device, uint64_t offset,
				   unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++) {
		const struct field *field = common_field_at(offset + i);
		uint32_t whole = field->read(device);
		uint64_t byte = whole >> (8 * (offset + i - field->offset)) & 0xff;

		value |= byte << (8 * i);
	}
	return value;
}

uint64_t common_read(struct device *device, uint64_t offset,
			    unsigned int size)
{
	const struct field *field = common_field_at(offset);
	uint64_t value;

	if (common_check_common(device, field, offset, size, false))
		value = field->read(device);
	else
		value = common_read_pieces(device, offset, size);
	trace(device, "READ common %s %u 0x%" PRIx64, field->name, size, value);
	return value;
}

void common_write(struct device *device, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	const struct field *field = common_field_at(offset);

	trace(device, "WRITE common %s %u 0x%" PRIx64, field->name, size, value);
	if (!common_check_common(device, field, offset, size, true) ||
	    field->write == NULL)
		return;
	field->write(device, (uint32_t)value);
}
