/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `vionet info --json`: neither less nor more than the text. Addresses and sizes that may
 * exceed 2^63 are strings in hexadecimal.
 */
#include "tools/info/info.h"

#include <inttypes.h>
#include <jansson.h>

#include "tools/shared/common.h"
#include "tools/shared/envelope.h"
#include "tools/shared/settings.h"
#include "tools/shared/type_names.h"

static json_t *info_json_hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

/* Names; a bit without one is "bit N". */
static json_t *info_json_feature_names(const struct vionet_features *set)
{
	json_t *array = json_array();

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		const char *name = vionet_feature_name(bit);

		if (vionet_feature_test(set, bit))
			json_array_append_new(array, name != NULL ?
							     json_string(name) :
							     json_sprintf("bit %u", bit));
	}
	return array;
}

/* Why each of `left` was not taken. */
static json_t *info_json_reasons(const struct info *info,
				 const struct vionet_features *left)
{
	json_t *object = json_object();

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		const char *name = vionet_feature_name(bit);
		char text[16], why[FEATURE_REASON_MAX];

		if (!vionet_feature_test(left, bit))
			continue;
		snprintf(text, sizeof(text), "bit %u", bit);
		json_object_set_new(object, name != NULL ? name : text,
				    json_string(info_not_taken(info, bit, why)));
	}
	return object;
}

static json_t *info_json_features(const struct info *info)
{
	const struct vionet_device_info *device = &info->device;
	struct vionet_features left =
		info_without(&device->offered, &device->negotiated);

	return json_pack("{s:o, s:o, s:o, s:o}",
			 "offered", info_json_feature_names(&device->offered),
			 "negotiated", info_json_feature_names(&device->negotiated),
			 "not_taken", info_json_feature_names(&left),
			 "why_not", info_json_reasons(info, &left));
}

static json_t *info_json_configuration(const struct vionet_device_info *device)
{
	const uint8_t *mac = device->mac;
	json_t *duplex = json_null();

	if (device->link_duplex >= 0)
		duplex = json_string(device->link_duplex == 1 ? "full" : "half");
	return json_pack(
		"{s:o, s:b, s:o, s:b, s:b, s:o, s:o}",
		"mac", json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
				    mac[2], mac[3], mac[4], mac[5]),
		"mac_from_device", device->mac_from_device,
		"mtu", device->mtu != 0 ? json_integer(device->mtu) : json_null(),
		"link_up", device->link_up,
		"link_known", device->link_known,
		"speed_mbit", device->link_speed != 0 ? json_integer(device->link_speed) :
						 json_null(),
		"duplex", duplex);
}

static json_t *info_json_queue(const struct vionet_queue_info *q)
{
	const char *doorbell = info_doorbell_name(q->doorbell);

	return json_pack("{s:i, s:s, s:i, s:i, s:i, s:o, s:o, s:i, s:o, s:o, s:o}",
			 "index", q->index,
			 "role", q->role,
			 "size_max", q->size_max,
			 "size", q->size,
			 "segments_max", q->segments_max,
			 "vector", q->vector >= 0 ? json_integer(q->vector) :
						    json_null(),
			 "doorbell", doorbell != NULL ? json_string(doorbell) :
							json_null(),
			 "doorbell_bits", q->doorbell_bits,
			 "descriptor_area", info_json_hex(q->descriptor_area),
			 "driver_area", info_json_hex(q->driver_area),
			 "device_area", info_json_hex(q->device_area));
}

static json_t *info_json_queues(const struct info *info)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < info->queue_count; i++)
		json_array_append_new(array, info_json_queue(&info->queue[i]));
	return array;
}

static json_t *info_json_capabilities(const struct info *info)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < info->capability_count; i++) {
		const struct vionet_pci_capability *c = &info->capability[i];

		json_array_append_new(
			array,
			json_pack("{s:i, s:i, s:s, s:i, s:i, s:I, s:I, s:I, s:b}",
				  "position", c->position,
				  "type", c->type,
				  "name", info_capability_name(c->type),
				  "bar", c->bar,
				  "id", c->id,
				  "offset", (json_int_t)c->offset,
				  "size", (json_int_t)c->size,
				  "notify_multiplier", (json_int_t)c->notify_multiplier,
				  "used", c->used));
	}
	return array;
}

static json_t *info_json_regions(const struct info *info)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < info->region_count; i++) {
		const struct vionet_pci_region *r = &info->region[i];

		if (r->size == 0)
			continue;
		json_array_append_new(array,
				      json_pack("{s:s, s:o, s:b, s:b, s:b, s:b}",
						"name", info_region_name(r->index),
						"size", info_json_hex(r->size),
						"read", r->readable,
						"write", r->writable,
						"map", r->mappable,
						"io", r->io));
	}
	return array;
}

static json_t *info_json_ranges(const struct info *info)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < info->range_count; i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:o}", "first",
						info_json_hex(info->range[i].first),
						"last",
						info_json_hex(info->range[i].last)));
	return array;
}

static json_t *info_json_vdpa(const struct info *info)
{
	if (info->device.address_spaces == 0)
		return json_null();
	return json_pack("{s:s, s:o, s:s, s:i, s:i}", "name", info->vdpa.name, "parent",
			 info->vdpa.parent[0] ? json_string(info->vdpa.parent) : json_null(),
			 "driver", info->vdpa.driver, "queue_groups",
			 (int)info->device.queue_groups, "address_spaces",
			 (int)info->device.address_spaces);
}

static json_t *info_json_pci_details(const struct info *info)
{
	const struct vionet_pci_details *pci = &info->pci;

	if (!info->is_pci)
		return json_null();
	return json_pack("{s:o, s:s, s:b, s:b, s:b, s:o, s:o, s:o}",
			 "iommu_group", pci->iommu_group >= 0 ?
						json_integer(pci->iommu_group) :
						json_null(),
			 "iommu", pci->iommu,
			 "reset_supported", pci->reset_supported,
			 "removal_events", pci->removal_events,
			 "error_events", pci->error_events,
			 "capabilities", info_json_capabilities(info),
			 "regions", info_json_regions(info),
			 "iova_ranges", info_json_ranges(info));
}

static json_t *info_json_memory(const struct vionet_device_info *device)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:o, s:I, s:I}",
			 "page_size", info_json_hex(device->page_size),
			 "page_sizes", info_json_hex(device->page_sizes),
			 "mapped_bytes", (json_int_t)device->mapped_bytes,
			 "mappings", (json_int_t)device->mappings,
			 "mappings_left", device->mappings_left == UINT32_MAX ?
				 json_null() : json_integer(device->mappings_left),
			 "quarantined", (json_int_t)device->quarantined,
			 "quarantined_packets",
			 (json_int_t)device->quarantined_packets);
}

static json_t *info_json_names(uint64_t bits, const char *(*name)(uint64_t bits));

/* Registers that were not shown as they were written. */
static json_t *info_json_read_back(const struct vionet_device_info *device)
{
	return json_pack("{s:o, s:I}", "unshown",
			 info_json_names(device->unshown, info_register_name), "count",
			 (json_int_t)device->unshown_count);
}

/* Names of bits, as an array. */
static json_t *info_json_names(uint64_t bits, const char *(*name)(uint64_t bits))
{
	json_t *array = json_array();

	for (; bits != 0; bits &= bits - 1) {
		const char *word = name(bits);

		json_array_append_new(array,
				      json_string(word != NULL ? word : "unknown"));
	}
	return array;
}

static json_t *info_json_steering(const struct vionet_steering_limits *limits)
{
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o}", "table_entries",
			 limits->table_entries, "key_size", limits->key_size,
			 "hash_types", info_json_hex(limits->hash_types), "hash_names",
			 info_json_names(limits->hash_types, setting_hash_name),
			 "tunnel_types", info_json_hex(limits->tunnel_types),
			 "tunnel_names",
			 info_json_names(limits->tunnel_types, setting_tunnel_name));
}

static json_t *info_json_coalescing(const struct vionet_coalescing *values)
{
	return json_pack("{s:I, s:I}", "usecs", (json_int_t)values->max_usecs, "frames",
			 (json_int_t)values->max_packets);
}

/* null where they were not requested. */
static json_t *info_json_of_segments(const struct info_segments *segments)
{
	if (!segments->requested)
		return json_null();
	return json_pack("{s:i, s:o, s:i, s:b, s:b}", "taken", segments->taken, "refused",
			 segments->refused != 0 ?
				 json_integer(segments->refused) : json_null(),
			 "possible", segments->possible, "indirect",
			 segments->indirect, "complete", segments->complete);
}

/* null where the device was left at rest. */
static json_t *info_json_of_running(const struct info *info)
{
	const struct info_running *running = &info->running;

	if (!info->is_running)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "control",
			 running->control, "stats",
			 running->stats_known ?
				 info_json_names(running->stats, stats_type_name) :
				 json_null(),
			 "rx_coalescing",
			 running->coalescing_known ?
				 info_json_coalescing(&running->coalescing[0]) :
				 json_null(),
			 "tx_coalescing",
			 running->coalescing_known ?
				 info_json_coalescing(&running->coalescing[1]) :
				 json_null(),
			 "offloads_on",
			 running->offloads_known ?
				 info_json_names(running->offloads,
						 setting_offload_name) :
				 json_null(),
			 "rss_contexts", running->contexts, "events",
			 info_json_names(running->events, info_event_name), "segments",
			 info_json_of_segments(&running->segments));
}

int info_print_json(const struct info *info)
{
	const struct vionet_device_info *device = &info->device;

	return envelope_print(
		"info",
		json_pack("{s:s, s:s, s:i, s:b, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, "
			  "s:o, s:o, s:o, s:o}",
			  "device", device->name, "transport", device->transport, "status",
			  device->status, "broken", device->broken, "configuration",
			  info_json_configuration(device), "features", info_json_features(info),
			  "max_queue_pairs", device->max_queue_pairs, "queue_pairs",
			  device->queue_pairs, "queues_in_device", device->queues, "vectors",
			  device->vectors, "header_size", device->header_size, "steering",
			  info_json_steering(&info->steering), "queues", info_json_queues(info),
			  "running", info_json_of_running(info), "read_back",
			  info_json_read_back(device), "memory", info_json_memory(device), "vdpa",
			  info_json_vdpa(info), "pci", info_json_pci_details(info)));
}
