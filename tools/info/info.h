/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vionet info` collects, and its two printers show. */
#ifndef VIONET_TOOLS_INFO_H
#define VIONET_TOOLS_INFO_H

#include <vionet/control.h>
#include <vionet/device.h>
#include <vionet/steering.h>

#include "tools/shared/feature_reason.h"
#include "tools/shared/vdpa_list.h"

#define INFO_QUEUES_MAX 1024

#define INFO_NOTE_MAX 512

/* The longest packet that a device takes, in segments. */
struct info_segments {
	bool requested;
	bool complete;	   /* not interrupted: there is nothing between the two */
	bool indirect;	   /* in a table of its own, else in a chain */
	uint32_t possible; /* that the driver would send */
	uint32_t taken;	   /* most that the device completed, 0: none */
	uint32_t refused;  /* fewest that it did not, 0: none */
};

/* What only a device that runs shows. The notes say why something is not known. */
struct info_running {
	char control[INFO_NOTE_MAX];
	bool stats_known, coalescing_known, offloads_known;
	char stats_note[INFO_NOTE_MAX], coalescing_note[INFO_NOTE_MAX];
	uint64_t stats;			/* types, as bits */
	struct vionet_coalescing coalescing[2]; /* receive 0, transmit 0 */
	uint64_t offloads;			/* receive offloads that are on */
	uint16_t contexts;			/* RSS contexts that there may be */
	uint32_t events;			/* vionet_events bits */
	struct info_segments segments;
};

/* Everything there is to show of a device. */
struct info {
	struct vionet_open_options open; /* as the command line has it */
	bool is_running;
	struct info_running running;
	struct vionet_device_info device;
	struct vionet_steering_limits steering;
	bool is_vdpa;
	struct vdpa_device vdpa; /* as sysfs has it */
	bool is_pci;
	struct vionet_pci_details pci;
	uint32_t capability_count, region_count, range_count;
	struct vionet_pci_capability capability[VIONET_PCI_CAPABILITIES_MAX];
	struct vionet_pci_region region[VIONET_PCI_REGIONS_MAX];
	struct vionet_iova_range range[VIONET_IOVA_RANGES_MAX];
	unsigned int queue_count;
	struct vionet_queue_info queue[INFO_QUEUES_MAX];
};

/* Name of a virtio capability type, "other" if it has none. */
const char *info_capability_name(unsigned int type);

/* "BAR 0" ..., "ROM", "configuration", "VGA". */
const char *info_region_name(unsigned int index);

/* The bits that are in `a` and not in `b`. */
struct vionet_features info_without(const struct vionet_features *a,
				    const struct vionet_features *b);

/* Why a feature that is offered was not taken. Returns `text`. */
const char *info_not_taken(const struct info *info, unsigned int bit,
			   char text[FEATURE_REASON_MAX]);

/* The name of the lowest bit in `bits`, an event; or NULL. */
const char *info_event_name(uint64_t bits);

/* The same of vionet_registers; and of a way to ring, NULL for none. */
const char *info_register_name(uint64_t bits);
const char *info_doorbell_name(enum vionet_doorbell doorbell);

void info_print_text(const struct info *info);

/* Returns CODE_FAILED if there is no complete object on standard output. */
int info_print_json(const struct info *info);

#endif
