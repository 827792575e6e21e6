/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtio-pci registers: features, status, configuration, queues, doorbells, over
 * any PCI function. Never waits for the device without a limit, or looks into rings.
 *
 * Source: "Virtio Over PCI Bus". Registers are accessed at the width of their field
 * ("PCI Device Layout", PCI-05); what was written is read back where the specification
 * lets the device refuse it, and where a faulty device would make us fail later.
 * Devices that answer 0 where no other driver looks (Firecracker's, Cloud Hypervisor's,
 * crosvm's queue addresses) are used all the same; that is noted, and refused only if
 * asked for.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/order.h"
#include "driver/spec/pci.h"
#include "driver/spec/virtio.h"
#include "driver/transport/pci.h"

/* How often a configuration that keeps changing is read again. */
#define GENERATION_TRIES 8

/* ---- register access ---- */

static int reg_read(struct vn_pci_transport *t, const struct vn_window *w,
		    uint32_t offset, unsigned int width, void *value)
{
	if (!w->mapped || offset + width > w->mapped_size)
		return t->function->ops->read(t->function, w->place.bar,
					      w->place.offset + offset, value,
					      width);
	switch (width) {
	case 1:
		*(uint8_t *)value = VN_DEVICE_VALUE(w->mapped[offset]);
		break;
	case 2:
		*(uint16_t *)value = VN_DEVICE_VALUE(*(volatile uint16_t *)(w->mapped + offset));
		break;
	default:
		*(uint32_t *)value = VN_DEVICE_VALUE(*(volatile uint32_t *)(w->mapped + offset));
		break;
	}
	return 0;
}

static int reg_write(struct vn_pci_transport *t, const struct vn_window *w,
		     uint32_t offset, unsigned int width, const void *value)
{
	if (!w->mapped || offset + width > w->mapped_size)
		return t->function->ops->write(t->function, w->place.bar,
					       w->place.offset + offset, value,
					       width);
	switch (width) {
	case 1:
		w->mapped[offset] = *(const uint8_t *)value;
		break;
	case 2:
		*(volatile uint16_t *)(w->mapped + offset) =
			*(const uint16_t *)value;
		break;
	default:
		*(volatile uint32_t *)(w->mapped + offset) =
			*(const uint32_t *)value;
		break;
	}
	return 0;
}

static int reg_read8(struct vn_pci_transport *t, uint32_t offset, uint8_t *value)
{
	return reg_read(t, &t->common, offset, 1, value);
}

static int reg_read16(struct vn_pci_transport *t, uint32_t offset, uint16_t *value)
{
	le16 raw;
	int result = reg_read(t, &t->common, offset, sizeof(raw), &raw);

	*value = result ? 0 : vn_from_le16(raw);
	return result;
}

static int reg_read32(struct vn_pci_transport *t, uint32_t offset, uint32_t *value)
{
	le32 raw;
	int result = reg_read(t, &t->common, offset, sizeof(raw), &raw);

	*value = result ? 0 : vn_from_le32(raw);
	return result;
}

static int reg_write16(struct vn_pci_transport *t, uint32_t offset, uint16_t value)
{
	le16 raw = vn_to_le16(value);

	return reg_write(t, &t->common, offset, sizeof(raw), &raw);
}

static int reg_write32(struct vn_pci_transport *t, uint32_t offset, uint32_t value)
{
	le32 raw = vn_to_le32(value);

	return reg_write(t, &t->common, offset, sizeof(raw), &raw);
}

/* What a register reads back after it was written. */
static int reg_note_unshown(struct vn_pci_transport *t, enum vionet_registers which,
			    uint64_t wrote, uint64_t got, const char *name)
{
	if (got == wrote)
		return 0;
	if (got == 0 && !t->read_back->strict) {
		t->read_back->unshown |= which;
		t->read_back->unshown_count++;
		return 0;
	}
	if (got == 0)
		return vn_error(EIO, "%s: wrote 0x%" PRIx64 ", the device reads back 0, "
				"which is refused as it was asked for (strict)", name,
				wrote);
	if (which < VIONET_REGISTER_QUEUE_DESC)
		return vn_error(EIO, "%s: wrote %" PRIu64 ", the device reads back %"
				PRIu64 "; it is broken, reset or replace it", name,
				wrote, got);
	return vn_error(EIO, "%s: wrote 0x%" PRIx64 ", the device reads back 0x%" PRIx64
			"; it is broken, reset or replace it", name, wrote, got);
}

static int reg_write16_checked(struct vn_pci_transport *t, uint32_t offset,
			       uint16_t value, enum vionet_registers which,
			       const char *name)
{
	uint16_t got = 0;
	int result = reg_write16(t, offset, value);

	if (result == 0)
		result = reg_read16(t, offset, &got);
	return result ? result : reg_note_unshown(t, which, value, got, name);
}

static int reg_write64_checked(struct vn_pci_transport *t, uint32_t offset,
			       uint64_t value, enum vionet_registers which,
			       const char *name)
{
	uint32_t low = 0, high = 0;
	int result = reg_write32(t, offset, (uint32_t)value);

	if (result == 0)
		result = reg_write32(t, offset + 4, (uint32_t)(value >> 32));
	if (result == 0)
		result = reg_read32(t, offset, &low);
	if (result == 0)
		result = reg_read32(t, offset + 4, &high);
	return result ? result :
			reg_note_unshown(t, which, value, (uint64_t)high << 32 | low,
					 name);
}

/* ---- features and status ---- */

int vn_pci_features_read(struct vn_transport *transport,
			 struct vionet_features *offered)
{
	struct vn_pci_transport *t = vn_pci(transport);
	int result = 0;

	memset(offered, 0, sizeof(*offered));
	for (uint32_t i = 0; i < 4 && result == 0; i++) {
		uint32_t word = 0;

		result = reg_write32(t, COMMON_DEVICE_FEATURE_SELECT, i);
		if (result == 0)
			result = reg_read32(t, COMMON_DEVICE_FEATURE, &word);
		offered->word[i / 2] |= (uint64_t)word << (32 * (i % 2));
	}
	/* A structure too short for the register behind it: no such feature. */
	if (t->common.place.size < COMMON_QUEUE_NOTIF_CONFIG_DATA + 2)
		offered->word[0] &= ~(1ull << F_NOTIF_CONFIG_DATA);
	if (t->common.place.size < COMMON_QUEUE_RESET + 2)
		offered->word[0] &= ~(1ull << F_RING_RESET);
	return result;
}

int vn_pci_features_write(struct vn_transport *transport,
			  const struct vionet_features *accepted)
{
	struct vn_pci_transport *t = vn_pci(transport);
	/* Words 2 and 3 did not always exist: leave them alone when empty. */
	uint32_t words = accepted->word[1] != 0 ? 4 : 2;
	int result = 0;

	for (uint32_t i = 0; i < words && result == 0; i++) {
		result = reg_write32(t, COMMON_DRIVER_FEATURE_SELECT, i);
		if (result == 0)
			result = reg_write32(t, COMMON_DRIVER_FEATURE,
					     (uint32_t)(accepted->word[i / 2] >>
							(32 * (i % 2))));
	}
	t->accepted = *accepted;
	/* What the features have changed: QEMU adds the queues of further pairs. */
	if (result == 0)
		result = vn_pci_count_queues(t);
	return result;
}

/* A status of all-ones is no status. The vendor id would not show it, since virtual
 * functions always read it as all-ones; a second register of the same structure
 * does. */
int vn_pci_status_read(struct vn_transport *transport, uint8_t *status)
{
	struct vn_pci_transport *t = vn_pci(transport);
	uint16_t queues = 0;
	int result = reg_read8(t, COMMON_DEVICE_STATUS, status);

	if (result == 0 && *status == 0xff) {
		result = reg_read16(t, COMMON_NUM_QUEUES, &queues);
		if (result == 0 && queues == 0xffff)
			return vn_error(ENODEV, "the device is gone: its "
					"registers read all-ones (unplugged, "
					"powered off or reset from outside)");
	}
	return result;
}

int vn_pci_status_write(struct vn_transport *transport, uint8_t status)
{
	struct vn_pci_transport *t = vn_pci(transport);

	return reg_write(t, &t->common, COMMON_DEVICE_STATUS, 1, &status);
}

/* ---- device configuration ---- */

static int reg_field_read(struct vn_pci_transport *t, const struct vn_config_field *f)
{
	uint16_t value16;
	uint32_t value32;
	le16 raw16;
	le32 raw32;
	int result = 0;

	switch (f->width) {
	case 2:
		result = reg_read(t, &t->device, f->offset, 2, &raw16);
		value16 = result ? 0 : vn_from_le16(raw16);
		memcpy(f->value, &value16, sizeof(value16));
		break;
	case 4:
		result = reg_read(t, &t->device, f->offset, 4, &raw32);
		value32 = result ? 0 : vn_from_le32(raw32);
		memcpy(f->value, &value32, sizeof(value32));
		break;
	default:
		for (uint32_t i = 0; i < f->width && result == 0; i++)
			result = reg_read(t, &t->device, f->offset + i, 1,
					  (uint8_t *)f->value + i);
		break;
	}
	return result;
}

int vn_pci_config_read(struct vn_transport *transport,
		       const struct vn_config_field *fields, unsigned int count)
{
	struct vn_pci_transport *t = vn_pci(transport);
	const uint64_t size = t->capabilities.device.size;
	uint8_t before = 0, after = 0;
	int result;

	for (unsigned int i = 0; i < count; i++)
		if ((uint64_t)fields[i].offset + fields[i].width > size)
			return vn_error(ERANGE, "device configuration ends at "
					"byte %" PRIu64 ", before the field at %u",
					size, fields[i].offset);

	for (unsigned int try = 0; try < GENERATION_TRIES; try++) {
		result = reg_read8(t, COMMON_CONFIG_GENERATION, &before);
		for (unsigned int i = 0; i < count && result == 0; i++)
			result = reg_field_read(t, &fields[i]);
		if (result == 0)
			result = reg_read8(t, COMMON_CONFIG_GENERATION, &after);
		if (result || before == after)
			return result;
	}
	return vn_error(EAGAIN, "device configuration changed during each of %d "
			"reads", GENERATION_TRIES);
}

/* ---- queues ---- */

static int reg_select_queue(struct vn_pci_transport *t, unsigned int index)
{
	return reg_write16_checked(t, COMMON_QUEUE_SELECT, (uint16_t)index,
				   VIONET_REGISTER_QUEUE_SELECT, "queue_select");
}

int vn_pci_queue_max(struct vn_transport *transport, unsigned int index,
		     uint16_t *size)
{
	struct vn_pci_transport *t = vn_pci(transport);
	int result;

	*size = 0;
	if (index >= t->queue_count)
		return 0;
	result = reg_select_queue(t, index);
	return result ? result : reg_read16(t, COMMON_QUEUE_SIZE, size);
}

/* Attach a vector to the event behind `reg`; the device may be out of them ("MSI-X
 * Vector Configuration", PCI-46): then there is none. One that shows 0 has not refused:
 * other drivers go on with the vector, too. */
static int reg_set_vector(struct vn_pci_transport *t, uint32_t reg, int *vector,
			  enum vionet_registers which, const char *name)
{
	uint16_t wanted = *vector < 0 ? MSI_NO_VECTOR : (uint16_t)*vector;
	uint16_t got = MSI_NO_VECTOR;
	int result = reg_write16(t, reg, wanted);

	if (result == 0)
		result = reg_read16(t, reg, &got);
	if (result == 0 && got == 0)
		return reg_note_unshown(t, which, wanted, got, name);
	if (got != wanted)
		*vector = -1;
	return result;
}

/* What to ring with for the selected queue, and how wide ("Available Buffer
 * Notifications", PCI-51 to PCI-56). */
static int reg_doorbell_value(struct vn_pci_transport *t, unsigned int index,
			      struct vn_doorbell *doorbell)
{
	const struct vionet_features *accepted = &t->accepted;
	uint16_t value = (uint16_t)index;
	int result = 0;

	if (vionet_feature_test(accepted, F_NOTIF_CONFIG_DATA))
		result = reg_read16(t, COMMON_QUEUE_NOTIF_CONFIG_DATA, &value);
	doorbell->value = value;
	doorbell->width = vionet_feature_test(accepted, F_NOTIFICATION_DATA) ? 4 : 2;
	return result;
}

/* Find where to ring for the selected queue. */
static int reg_find_doorbell(struct vn_pci_transport *t, unsigned int index,
			     struct vn_doorbell *doorbell)
{
	const struct vn_structure *place = &t->notify.place;
	uint16_t off = 0;
	uint64_t offset;
	int result = reg_read16(t, COMMON_QUEUE_NOTIFY_OFF, &off);

	if (result == 0)
		result = reg_doorbell_value(t, index, doorbell);
	if (result)
		return result;

	offset = (uint64_t)off * t->capabilities.notify_multiplier;
	if ((place->offset + offset) % doorbell->width != 0 ||
	    offset + doorbell->width > place->size)
		return vn_error(EIO, "queue_notify_off %u x multiplier %u is not "
				"inside the notify structure of %" PRIu64
				" bytes, or not at a multiple of %u; the device is "
				"broken", off, t->capabilities.notify_multiplier,
				place->size, doorbell->width);
	doorbell->offset = offset;
	doorbell->address = NULL;
	doorbell->fd = -1;
	if (t->notify.mapped && offset + doorbell->width <= t->notify.mapped_size)
		doorbell->address = t->notify.mapped + offset;
	else
		/* Beyond what is mapped, or beside what must not be (a page with the
		 * MSI-X table): a page of its own, or a call. */
		(void)t->function->ops->map(t->function, place->bar,
					    place->offset + offset,
					    doorbell->width, &doorbell->address);
	/* An eventfd carries no number: it has to be of this queue alone, or the
	 * device has to look into all that share it; and no position. */
	if (doorbell->address || doorbell->width == 4)
		return 0;
	result = t->function->ops->eventfd(t->function, place->bar,
					   place->offset + offset,
					   doorbell->width, doorbell->value,
					   &doorbell->fd);
	/* It is the server's as well. */
	if (result == 0)
		vn_event_sender_open(&t->base.sender);
	return result == -ENOTSUP ? 0 : result;
}

int vn_pci_queue_doorbell(struct vn_transport *transport, unsigned int index,
			  struct vn_doorbell *doorbell)
{
	struct vn_pci_transport *t = vn_pci(transport);
	int result = reg_select_queue(t, index);

	return result ? result : reg_find_doorbell(t, index, doorbell);
}

int vn_pci_queue_setup(struct vn_transport *transport, unsigned int index,
		       uint16_t size, int *vector,
		       const struct vn_ring_areas *areas,
		       struct vn_doorbell *doorbell)
{
	struct vn_pci_transport *t = vn_pci(transport);
	uint16_t enabled = 0;
	int result = reg_select_queue(t, index);

	if (result == 0)
		result = reg_read16(t, COMMON_QUEUE_ENABLE, &enabled);
	if (result == 0 && enabled != 0)
		result = vn_error(EIO, "queue_enable reads %u on a queue that "
				  "was not enabled since the reset; the device "
				  "is broken", enabled);
	if (result == 0)
		result = reg_write16_checked(t, COMMON_QUEUE_SIZE, size,
					     VIONET_REGISTER_QUEUE_SIZE, "queue_size");
	if (result == 0)
		result = reg_set_vector(t, COMMON_QUEUE_MSIX_VECTOR, vector,
					VIONET_REGISTER_QUEUE_VECTOR,
					"queue_msix_vector");
	if (result == 0)
		result = reg_write64_checked(t, COMMON_QUEUE_DESC,
					     areas->descriptor.iova,
					     VIONET_REGISTER_QUEUE_DESC, "queue_desc");
	if (result == 0)
		result = reg_write64_checked(t, COMMON_QUEUE_DRIVER, areas->driver.iova,
					     VIONET_REGISTER_QUEUE_DRIVER,
					     "queue_driver");
	if (result == 0)
		result = reg_write64_checked(t, COMMON_QUEUE_DEVICE, areas->device.iova,
					     VIONET_REGISTER_QUEUE_DEVICE,
					     "queue_device");
	if (result == 0)
		result = reg_find_doorbell(t, index, doorbell);
	return result ? vn_error_prefix(result, "queue %u", index) : 0;
}

int vn_pci_queue_enable(struct vn_transport *transport, unsigned int index)
{
	struct vn_pci_transport *t = vn_pci(transport);
	int result = reg_select_queue(t, index);

	if (result == 0)
		result = reg_write16_checked(t, COMMON_QUEUE_ENABLE, 1,
					     VIONET_REGISTER_QUEUE_ENABLE,
					     "queue_enable");
	return result ? vn_error_prefix(result, "queue %u", index) : 0;
}

/* Wait until a register of the selected queue reads 0, for `timeout` after `begin`. */
static int reg_wait_zero(struct vn_pci_transport *t, uint32_t reg, const char *name,
			 uint64_t begin, uint64_t timeout)
{
	uint16_t value = 0;
	int result;

	for (;;) {
		result = reg_read16(t, reg, &value);
		if (result || value == 0)
			return result;
		if (value == 0xffff) {
			uint8_t status;

			/* All-ones: is the device there at all? */
			result = vn_pci_status_read(&t->base, &status);
			if (result)
				return result;
		}
		if (vn_now() - begin >= timeout)
			return vn_error(ETIMEDOUT, "%s still reads %u, %u ms "
					"after the queue was to be reset", name,
					value, (unsigned int)(timeout / VN_MS));
		vn_sleep(VN_MS / 10);
	}
}

/* "Virtqueue Reset" and "Common configuration structure layout" (GEN-40, PCI-26): it is
 * done when queue_reset reads 0 again; the queue must not be enabled then either. */
int vn_pci_queue_reset(struct vn_transport *transport, unsigned int index,
		       uint64_t timeout)
{
	struct vn_pci_transport *t = vn_pci(transport);
	uint64_t begin = vn_now();
	int result = reg_select_queue(t, index);

	if (result == 0)
		result = reg_write16(t, COMMON_QUEUE_RESET, 1);
	if (result == 0)
		result = reg_wait_zero(t, COMMON_QUEUE_RESET, "queue_reset", begin,
				       timeout);
	if (result == 0)
		result = reg_wait_zero(t, COMMON_QUEUE_ENABLE, "queue_enable", begin,
				       timeout);
	return result ? vn_error_prefix(result, "queue %u", index) : 0;
}

int vn_pci_kick(struct vn_transport *transport,
		const struct vn_doorbell *doorbell)
{
	struct vn_pci_transport *t = vn_pci(transport);
	le32 value = vn_to_le32(doorbell->value); /* its first bytes count */

	return t->function->ops->write(t->function, t->notify.place.bar,
				       t->notify.place.offset + doorbell->offset,
				       &value, doorbell->width);
}

int vn_pci_count_queues(struct vn_pci_transport *t)
{
	return reg_read16(t, COMMON_NUM_QUEUES, &t->queue_count);
}

int vn_pci_config_vector(struct vn_pci_transport *t, int *vector)
{
	return reg_set_vector(t, COMMON_CONFIG_MSIX_VECTOR, vector,
			      VIONET_REGISTER_CONFIG_VECTOR, "config_msix_vector");
}
