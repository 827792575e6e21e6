/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over the PCI capability list, and the check of what it finds. Reads nothing
 * but the bytes and regions it is given. Never believes the device. Every position,
 * offset and length is the device's word: positions are checked before they are
 * followed, offsets in 64 bits before they are added up.
 *
 * Source: PCI Local Bus 6.7 (capability list) and 6.8.2 (MSI-X); VIRTIO "Virtio
 * Structure PCI Capabilities".
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "pci/capability.h"

/* Configuration space, PCI Local Bus 6.1 and 6.7. */
#define STATUS 0x06
#define STATUS_CAPABILITIES 0x10
#define LIST_HEAD 0x34
#define LIST_FIRST 0x40 /* the header lies below */
#define ID_VENDOR 0x09
#define ID_MSIX 0x11

/* Dword positions from LIST_FIRST to the end: so many can a list have. */
#define STEPS_MAX 48

/* MSI-X capability, PCI Local Bus 6.8.2. */
#define MSIX_LENGTH 12
#define MSIX_CONTROL 2
#define MSIX_SIZE_MASK 0x7ff
#define MSIX_TABLE 4
#define MSIX_PBA 8
#define MSIX_BIR_MASK 0x7u
#define MSIX_ENTRY 16

/* struct virtio_pci_cap and virtio_pci_notify_cap. */
#define CAP_LENGTH 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_ID 5
#define CAP_OFFSET 8
#define CAP_SIZE 12
#define CAP_MULTIPLIER 16
#define CAP_BYTES 16
#define CAP_NOTIFY_BYTES 20

_Static_assert(STEPS_MAX == (VN_PCI_CONFIG_SIZE - LIST_FIRST) / 4, "all positions");
_Static_assert(STEPS_MAX <= VIONET_PCI_CAPABILITIES_MAX,
	       "every capability of a list must find a place in `seen`");
_Static_assert(STEPS_MAX <= 64, "one bit for each place in struct list");

/* What the driver needs of the structures, by cfg_type. */
#define KINDS 5
static const struct {
	const char *name;
	uint32_t alignment;
	uint32_t least; /* shortest that is of use */
	unsigned int bytes; /* of the capability */
} need[KINDS] = {
	[VN_CFG_COMMON] = { "common", 4, 56, CAP_BYTES },
	[VN_CFG_NOTIFY] = { "notify", 2, 2, CAP_NOTIFY_BYTES },
	[VN_CFG_ISR] = { "ISR", 1, 1, CAP_BYTES },
	[VN_CFG_DEVICE] = { "device", 4, 1, CAP_BYTES },
};

/* Places of the capabilities, in the list's order. */
struct list {
	unsigned int count;
	uint8_t position[STEPS_MAX];
};

/* Half-open range of a BAR that is not for virtio structures. */
struct taken {
	unsigned int bar;
	uint64_t first;
	uint64_t end; /* == first: nothing */
};

struct walk {
	const uint8_t *config;
	const struct vn_region *regions;
	struct vn_capabilities *found;
	struct taken table, pba;
	char reason[KINDS][192]; /* last refusal, by cfg_type */
};

static uint32_t cap_read_u16(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t cap_read_u32(const uint8_t *bytes)
{
	return cap_read_u16(bytes) | cap_read_u16(bytes + 2) << 16;
}

static int cap_check_position(uint8_t position, uint64_t visited)
{
	if (position < LIST_FIRST)
		return vn_error(EIO,
				"capability list: it points to 0x%02x, into the header of "
				"configuration space: the device is broken",
				position);
	if ((visited >> ((position - LIST_FIRST) / 4) & 1) != 0)
		return vn_error(EIO,
				"capability list: it loops (back to 0x%02x): the device is broken",
				position);
	return 0;
}

/*
 * Follow the list once, all of it, before anything in it is checked. The two low
 * bits of a pointer are reserved and masked. There are only STEPS_MAX places,
 * and none is visited twice: that ends every list.
 */
static int cap_collect(const uint8_t *config, struct list *list)
{
	uint64_t visited = 0;
	uint8_t position = config[LIST_HEAD] & 0xfc;

	while (position != 0 && list->count < STEPS_MAX) {
		int result = cap_check_position(position, visited);

		if (result < 0)
			return result;
		visited |= (uint64_t)1 << ((position - LIST_FIRST) / 4);
		list->position[list->count++] = position;
		position = config[position + 1] & 0xfc;
	}
	return 0;
}

static bool cap_memory_bar(const struct vn_region *regions, unsigned int bar)
{
	return bar <= VN_REGION_BAR5 && regions[bar].size != 0 &&
	       !regions[bar].io;
}

static struct taken cap_msix_range(const uint8_t *field, uint64_t size)
{
	uint32_t value = cap_read_u32(field);
	struct taken taken = { .bar = value & MSIX_BIR_MASK };

	taken.first = value & ~MSIX_BIR_MASK;
	taken.end = taken.first + size;
	return taken;
}

/*
 * The vectors that the table really has room for: a table in a BAR that is not
 * there has none, and one that runs out of its BAR has fewer than it says.
 */
static unsigned int cap_msix_usable(const struct walk *walk, unsigned int entries)
{
	uint64_t size, room;

	if (!cap_memory_bar(walk->regions, walk->table.bar))
		return 0;
	size = walk->regions[walk->table.bar].size;
	if (walk->table.first >= size)
		return 0;
	room = (size - walk->table.first) / MSIX_ENTRY;
	return room < entries ? (unsigned int)room : entries;
}

/* The first MSI-X capability that lies inside configuration space counts. */
static void cap_find_msix(struct walk *walk, const struct list *list)
{
	for (unsigned int i = 0; i < list->count; i++) {
		unsigned int position = list->position[i];
		const uint8_t *cap;
		unsigned int entries;

		if (walk->config[position] != ID_MSIX ||
		    position + MSIX_LENGTH > VN_PCI_CONFIG_SIZE)
			continue;
		cap = walk->config + position;
		entries = (cap_read_u16(cap + MSIX_CONTROL) & MSIX_SIZE_MASK) + 1;
		walk->table = cap_msix_range(cap + MSIX_TABLE,
					     (uint64_t)entries * MSIX_ENTRY);
		walk->pba = cap_msix_range(cap + MSIX_PBA, (entries + 63) / 64 * 8);
		walk->found->msix_table_size = cap_msix_usable(walk, entries);
		return;
	}
}

static bool cap_overlaps(const struct taken *taken,
			 const struct vionet_pci_capability *cap)
{
	return taken->bar == cap->bar && taken->first != taken->end &&
	       cap->offset < taken->end &&
	       (uint64_t)cap->offset + cap->size > taken->first;
}

static struct vn_structure *cap_structure(struct vn_capabilities *found,
					  unsigned int type)
{
	switch (type) {
	case VN_CFG_COMMON:
		return &found->common;
	case VN_CFG_NOTIFY:
		return &found->notify;
	case VN_CFG_ISR:
		return &found->isr;
	case VN_CFG_DEVICE:
		return &found->device;
	default:
		return NULL; /* reserved, or of no use to us: skipped */
	}
}

/* Keep why a candidate was refused. Returns false, so that a check can end
 * with it. */
static bool __attribute__((format(printf, 3, 4)))
cap_refuse(struct walk *walk, const struct vionet_pci_capability *cap,
	   const char *format, ...)
{
	char *reason = walk->reason[cap->type];
	size_t size = sizeof(walk->reason[cap->type]);
	va_list arguments;
	int used;

	used = snprintf(reason, size, "capability at 0x%02x: ", cap->position);
	va_start(arguments, format);
	vsnprintf(reason + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

/* Is there such a capability at all, and does it name a BAR that we can use? */
static bool cap_usable(struct walk *walk,
		       const struct vionet_pci_capability *cap)
{
	unsigned int bytes = need[cap->type].bytes;

	if (cap->length < bytes)
		return cap_refuse(walk, cap, "its length is %u, not %u or more",
				  cap->length, bytes);
	if (cap->position + bytes > VN_PCI_CONFIG_SIZE)
		return cap_refuse(walk, cap,
				  "it runs past the end of configuration space");
	if (cap->bar > VN_REGION_BAR5)
		return cap_refuse(walk, cap, "BAR %u is a reserved value",
				  cap->bar);
	if (walk->regions[cap->bar].size == 0)
		return cap_refuse(walk, cap, "the function has no BAR %u",
				  cap->bar);
	if (walk->regions[cap->bar].io)
		return cap_refuse(walk, cap,
				  "BAR %u is I/O space, which is not supported",
				  cap->bar);
	return true;
}

static bool cap_structure_usable(struct walk *walk,
				 const struct vionet_pci_capability *cap)
{
	uint64_t end = (uint64_t)cap->offset + cap->size;
	uint64_t size = walk->regions[cap->bar].size;

	if (cap->size < need[cap->type].least)
		return cap_refuse(walk, cap,
				  "the structure has %u bytes, not %u or more",
				  cap->size, need[cap->type].least);
	if (end > size)
		return cap_refuse(
			walk, cap,
			"the structure ends at 0x%llx, but BAR %u has a size of 0x%llx",
			(unsigned long long)end, cap->bar, (unsigned long long)size);
	if (cap->offset % need[cap->type].alignment != 0)
		return cap_refuse(walk, cap,
				  "its offset 0x%x in BAR %u is no multiple of %u",
				  cap->offset, cap->bar, need[cap->type].alignment);
	if (cap_overlaps(&walk->table, cap) || cap_overlaps(&walk->pba, cap))
		return cap_refuse(
			walk, cap,
			"the structure at 0x%x in BAR %u overlaps the MSI-X %s",
			cap->offset, cap->bar,
			cap_overlaps(&walk->table, cap) ? "table" : "PBA");
	return true;
}

/* Copy a virtio capability. What would lie past the end of configuration space
 * is 0; such a capability is shown but not used. */
static void cap_decode(const uint8_t *config, uint8_t position,
		       struct vionet_pci_capability *cap)
{
	uint8_t bytes[CAP_NOTIFY_BYTES] = { 0 };

	for (size_t i = 0; i < sizeof(bytes) && position + i < VN_PCI_CONFIG_SIZE; i++)
		bytes[i] = config[position + i];
	*cap = (struct vionet_pci_capability){
		.position = position,
		.type = bytes[CAP_TYPE],
		.length = bytes[CAP_LENGTH],
		.bar = bytes[CAP_BAR],
		.id = bytes[CAP_ID],
		.offset = cap_read_u32(bytes + CAP_OFFSET),
		.size = cap_read_u32(bytes + CAP_SIZE),
	};
	if (cap->type == VN_CFG_NOTIFY && cap->length >= CAP_NOTIFY_BYTES)
		cap->notify_multiplier = cap_read_u32(bytes + CAP_MULTIPLIER);
}

/* The first usable capability of a kind is the one ("Virtio Structure PCI
 * Capabilities", PCI-09). */
static void cap_consider(struct walk *walk, struct vionet_pci_capability *cap)
{
	struct vn_structure *place = cap_structure(walk->found, cap->type);

	if (place == NULL || place->size != 0)
		return;
	if (!cap_usable(walk, cap) || !cap_structure_usable(walk, cap))
		return;
	cap->used = true;
	place->bar = cap->bar;
	place->offset = cap->offset;
	place->size = cap->size;
	if (cap->type == VN_CFG_NOTIFY)
		walk->found->notify_multiplier = cap->notify_multiplier;
}

/* The device structure may be missing: a device of few features needs none. */
static int cap_check_complete(struct walk *walk)
{
	for (unsigned int type = VN_CFG_COMMON; type <= VN_CFG_ISR; type++) {
		if (cap_structure(walk->found, type)->size != 0)
			continue;
		if (walk->reason[type][0] == '\0')
			return vn_error(ENOTSUP,
					"capability list: there is no %s capability, so the device "
					"cannot be driven: report it to its maker",
					need[type].name);
		return vn_error(ENOTSUP,
				"capability list: no usable %s structure: %s: report it to the maker of the device",
				need[type].name, walk->reason[type]);
	}
	return 0;
}

static int cap_walk_list(struct walk *walk, const struct list *list)
{
	struct vn_capabilities *found = walk->found;

	/* Where MSI-X lies must be known before any structure is checked, and
	 * its capability may be the last one. */
	cap_find_msix(walk, list);
	for (unsigned int i = 0; i < list->count && found->count < VIONET_PCI_CAPABILITIES_MAX; i++) {
		uint8_t position = list->position[i];
		struct vionet_pci_capability cap;

		if (walk->config[position] != ID_VENDOR)
			continue;
		cap_decode(walk->config, position, &cap);
		cap_consider(walk, &cap);
		found->seen[found->count++] = cap;
	}
	if (found->count == 0)
		return vn_error(ENOTSUP,
				"capability list: no virtio capability: a legacy device, which is "
				"not supported; in QEMU use disable-legacy=on,disable-modern=off");
	return cap_check_complete(walk);
}

int vn_capabilities_walk(const uint8_t *config,
			 const struct vn_region *regions,
			 struct vn_capabilities *capabilities)
{
	struct walk walk = {
		.config = config, .regions = regions, .found = capabilities,
	};
	struct list list = { 0 };
	int result;

	memset(capabilities, 0, sizeof(*capabilities));
	if ((config[STATUS] & STATUS_CAPABILITIES) == 0)
		return vn_error(ENOTSUP,
				"the function has no capability list: a legacy device, which is not supported");
	result = cap_collect(config, &list);
	if (result < 0)
		return result;
	return cap_walk_list(&walk, &list);
}
