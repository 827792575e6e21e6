/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet info` as text. */
#include "tools/info/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vionet/control.h>

#include "tools/shared/common.h"
#include "tools/shared/settings.h"
#include "tools/shared/type_names.h"

static void info_print_label(const char *label)
{
	printf("%-16s", label);
}

/* Names of the bits in `set`, wrapped at 80 columns. */
static void info_print_features(const char *label, const struct vionet_features *set)
{
	int column = 16;
	int count = 0;

	info_print_label(label);
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		const char *name = vionet_feature_name(bit);
		char text[64];

		if (!vionet_feature_test(set, bit))
			continue;
		if (name != NULL)
			snprintf(text, sizeof(text), "%s", name);
		else
			snprintf(text, sizeof(text), "bit %u", bit);
		if (count++ > 0 && column + (int)strlen(text) + 1 > 79)
			column = printf("\n%-16s", "") - 1;
		column += printf("%s%s", column > 16 ? " " : "", text);
	}
	printf("%s\n", count == 0 ? "none" : "");
}

static void info_print_link(const struct vionet_device_info *device)
{
	info_print_label("link");
	printf("%s%s", device->link_up ? "up" : "down",
	       device->link_known ? "" : " (assumed)");
	if (device->link_speed != 0)
		printf(", %u Mbit/s", device->link_speed);
	else
		printf(", speed unknown");
	printf(", duplex %s\n", device->link_duplex == 1 ? "full" :
				device->link_duplex == 0 ? "half" : "unknown");
}

static void info_print_configuration(const struct vionet_device_info *device)
{
	const uint8_t *mac = device->mac;

	info_print_label("mac");
	printf("%02x:%02x:%02x:%02x:%02x:%02x%s\n", mac[0], mac[1], mac[2], mac[3],
	       mac[4], mac[5], device->mac_from_device ? "" : " (random: it has none)");
	info_print_label("mtu");
	if (device->mtu != 0)
		printf("%u\n", device->mtu);
	else
		printf("not stated\n");
	info_print_link(device);
}

/* What a kick costs. */
static void info_print_doorbell(const struct vionet_queue_info *queue)
{
	switch (queue->doorbell) {
	case VIONET_DOORBELL_MAPPED:
		printf(", doorbell mapped (%u bit)", queue->doorbell_bits);
		break;
	case VIONET_DOORBELL_EVENTFD:
		printf(", doorbell by eventfd (a system call)");
		break;
	case VIONET_DOORBELL_CALL:
		printf(", doorbell not mapped (a system call, %u bit)",
		       queue->doorbell_bits);
		break;
	case VIONET_DOORBELL_NONE:
		break;
	}
}

static void info_print_queue(const struct vionet_queue_info *queue)
{
	printf("  %-3u %-14s ", queue->index, queue->role);
	if (queue->size_max == 0) {
		printf("not there\n");
		return;
	}
	printf("up to %u entr%s", queue->size_max, queue->size_max == 1 ? "y" : "ies");
	if (queue->size != 0)
		printf(", in use %u", queue->size);
	if (queue->segments_max != 0)
		printf(", %u segment%s a packet", queue->segments_max,
		       plural(queue->segments_max));
	if (queue->vector >= 0)
		printf(", vector %d", queue->vector);
	info_print_doorbell(queue);
	if (queue->size != 0)
		printf("\n      descriptor area 0x%" PRIx64 ", driver area 0x%" PRIx64
		       ", device area 0x%" PRIx64,
		       queue->descriptor_area, queue->driver_area,
		       queue->device_area);
	putchar('\n');
}

/* A vhost-user back end has hundreds of queues: of many, only these are shown if they
 * are not in use. */
#define QUEUES_SHOWN 16u

static void info_print_names(const char *label, uint64_t bits,
			     const char *(*name)(uint64_t bits))
{
	int column = 16;

	info_print_label(label);
	if (bits == 0)
		printf("none");
	for (; bits != 0; bits &= bits - 1) {
		const char *word = name(bits);

		word = word != NULL ? word : "unknown";
		if (column > 16 && column + (int)strlen(word) + 1 > 79)
			column = printf("\n%-16s", "") - 1;
		column += printf("%s%s", column > 16 ? " " : "", word);
	}
	putchar('\n');
}

/* What RSS and hashes may look like, if there are any. */
static void info_print_steering(const struct vionet_steering_limits *limits)
{
	if (limits->hash_types == 0)
		return;
	info_print_label("steering");
	if (limits->table_entries != 0)
		printf("table of %u entr%s, ", limits->table_entries,
		       limits->table_entries == 1 ? "y" : "ies");
	printf("key of %u bytes\n", limits->key_size);
	info_print_names("hash types", limits->hash_types, setting_hash_name);
	if (limits->tunnel_types != 0)
		info_print_names("hash tunnels", limits->tunnel_types,
				 setting_tunnel_name);
}

/* Those not taken for the same reason stand together. */
static void info_print_not_taken(const struct info *info,
				 const struct vionet_features *left)
{
	char why[FEATURE_REASON_MAX], other[FEATURE_REASON_MAX];
	struct vionet_features rest = *left, same;
	const char *label = "not taken";

	if ((rest.word[0] | rest.word[1]) == 0)
		info_print_features(label, &rest);
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		if (!vionet_feature_test(&rest, bit))
			continue;
		info_not_taken(info, bit, why);
		same = (struct vionet_features){ 0 };
		for (unsigned int i = bit; i < VIONET_FEATURE_BITS; i++)
			if (vionet_feature_test(&rest, i) &&
			    strcmp(info_not_taken(info, i, other), why) == 0)
				same.word[i / 64] |= 1ULL << (i % 64);
		printf("%-16s%s:\n", label, why);
		info_print_features("", &same);
		rest = info_without(&rest, &same);
		label = "";
	}
}

static void info_print_coalescing(const struct info_running *running)
{
	static const char *const sides[] = { "rx", "tx" };

	if (!running->coalescing_known)
		printf("%-16sunknown: %s\n", "coalescing", running->coalescing_note);
	for (int i = 0; running->coalescing_known && i < 2; i++)
		printf("%-16s%s: after %u us or %u packet%s\n",
		       i == 0 ? "coalescing" : "", sides[i],
		       running->coalescing[i].max_usecs,
		       running->coalescing[i].max_packets,
		       plural(running->coalescing[i].max_packets));
}

static void info_print_segments(const struct info_segments *segments)
{
	if (!segments->requested)
		return;
	info_print_label("segments");
	printf("%u %s were taken", segments->taken,
	       segments->indirect ? "in an indirect table" : "in a chain");
	if (segments->refused != 0)
		printf(", %u were not: the device had to be recovered",
		       segments->refused);
	else if (segments->complete)
		printf(", the most that queue and MTU allow");
	printf("%s\n", segments->complete ? "" : "; interrupted before the end");
}

/* What only a device that runs shows. */
static void info_print_running(const struct info_running *running)
{
	printf("%-16s%s\n", "control queue", running->control);
	if (running->stats_known)
		info_print_names("statistics", running->stats, stats_type_name);
	else
		printf("%-16snone: %s\n", "statistics", running->stats_note);
	info_print_coalescing(running);
	if (running->offloads_known)
		info_print_names("offloads on", running->offloads,
				 setting_offload_name);
	if (running->contexts != 0)
		printf("%-16s%u\n", "RSS contexts", running->contexts);
	info_print_names("events", running->events, info_event_name);
	info_print_segments(&running->segments);
}

/* What the device shows of what was written: its queues only once they are set up. */
static void info_print_read_back(const struct info *info)
{
	if (info->device.unshown != 0) {
		info_print_names("reads as 0", info->device.unshown,
				 info_register_name);
		printf("%-16s%" PRIu64 " times, though something else was written: what "
		       "they hold\n%-16scannot be checked (--strict refuses that)\n", "",
		       info->device.unshown_count, "");
	} else {
		info_print_label("read-back");
		printf("%s\n", info->is_running ? "as written" :
			"as written, as far as it was started (--running)");
	}
}

static void info_print_queues(const struct info *info)
{
	info_print_label("queues");
	printf("%u in the device, %u pair%s at most, %u pair%s used when started\n",
	       info->device.queues, info->device.max_queue_pairs,
	       info->device.max_queue_pairs == 1 ? "" : "s", info->device.queue_pairs,
	       info->device.queue_pairs == 1 ? "" : "s");
	for (unsigned int i = 0; i < info->queue_count; i++)
		if (i < QUEUES_SHOWN || info->queue[i].size != 0)
			info_print_queue(&info->queue[i]);
	if (info->queue_count > QUEUES_SHOWN)
		printf("  ... to %u\n", info->queue_count - 1);
	info_print_label("vectors");
	printf("%u\n", info->device.vectors);
	info_print_steering(&info->steering);
	info_print_label("header size");
	printf("%u bytes\n", info->device.header_size);
	info_print_read_back(info);
}

static void info_print_capabilities(const struct info *info)
{
	printf("capabilities\n");
	for (unsigned int i = 0; i < info->capability_count; i++) {
		const struct vionet_pci_capability *c = &info->capability[i];

		printf("  at 0x%02x  %-7s BAR %u offset 0x%x size 0x%x", c->position,
		       info_capability_name(c->type), c->bar, c->offset, c->size);
		if (c->type == 2)
			printf(" multiplier %u", c->notify_multiplier);
		if (c->type == 8)
			printf(" id %u", c->id);
		printf("%s\n", c->used ? "" : " (not used)");
	}
}

static void info_print_regions(const struct info *info)
{
	printf("regions\n");
	for (unsigned int i = 0; i < info->region_count; i++) {
		const struct vionet_pci_region *r = &info->region[i];

		if (r->size == 0)
			continue;
		printf("  %-14s 0x%" PRIx64 " bytes%s%s%s%s\n",
		       info_region_name(r->index), r->size,
		       r->readable ? ", read" : "", r->writable ? ", write" : "",
		       r->mappable ? ", map" : "", r->io ? ", I/O ports" : "");
	}
}

/* A power of two in the unit that makes it short: "4 KiB". */
static void info_print_power(unsigned int bit)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };

	printf("%llu %s", 1ULL << (bit % 10), units[bit / 10]);
}

/* Bit n set means pages of 2^n bytes. A whole run of bits up to the top is what
 * an IOMMU driver says that can do anything: shown as "and above". */
static void info_print_page_sizes(uint64_t sizes)
{
	const char *separator = "";

	info_print_label("page sizes");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(sizes >> bit & 1))
			continue;
		printf("%s", separator);
		info_print_power(bit);
		separator = ", ";
		if (bit < 63 && ~sizes >> bit == 0) {
			printf(" and above");
			break;
		}
	}
	printf("%s\n", sizes == 0 ? "unknown" : "");
}

static void info_print_iommu(const struct info *info)
{
	const struct vionet_pci_details *pci = &info->pci;

	info_print_label("iommu");
	if (pci->iommu_group >= 0)
		printf("%s, group %d\n", pci->iommu, pci->iommu_group);
	else
		printf("%s\n", pci->iommu);
	info_print_page_sizes(info->device.page_sizes);
	for (unsigned int i = 0; i < info->range_count; i++) {
		info_print_label(i == 0 ? "iova ranges" : "");
		printf("0x%" PRIx64 " - 0x%" PRIx64 "\n", info->range[i].first,
		       info->range[i].last);
	}
}

static void info_print_pci(const struct info *info)
{
	const struct vionet_pci_details *pci = &info->pci;

	info_print_label("function");
	printf("%s, removal interrupt %s, error interrupt %s\n",
	       pci->reset_supported ? "can be reset" : "cannot be reset",
	       pci->removal_events ? "yes" : "no", pci->error_events ? "yes" : "no");
	info_print_capabilities(info);
	info_print_regions(info);
}

void info_print_text(const struct info *info)
{
	const struct vionet_device_info *device = &info->device;
	struct vionet_features left =
		info_without(&device->offered, &device->negotiated);

	info_print_label("device");
	printf("%s (%s)\n", device->name, device->transport);
	info_print_label("status");
	printf("0x%02x%s\n", device->status,
	       device->broken ? ", does not acknowledge a reset" : "");
	info_print_configuration(device);
	info_print_features("negotiated", &device->negotiated);
	info_print_not_taken(info, &left);
	info_print_queues(info);
	if (info->is_running)
		info_print_running(&info->running);
	if (info->is_vdpa) {
		info_print_label("vdpa");
		printf("%s, of %s, driver %s\n", clean(info->vdpa.name),
		       info->vdpa.parent[0] ? info->vdpa.parent : "no parent", info->vdpa.driver);
	}
	if (device->address_spaces != 0) {
		info_print_label("groups");
		printf("%u of queues, %u address space%s\n", device->queue_groups,
		       device->address_spaces, plural(device->address_spaces));
	}
	if (info->is_pci) {
		info_print_pci(info);
		info_print_iommu(info);
	}
	info_print_label("mapped");
	printf("%" PRIu64 " bytes in %u mapping%s, ", device->mapped_bytes,
	       device->mappings, plural(device->mappings));
	if (device->mappings_left == UINT32_MAX)
		printf("no limit stated\n");
	else
		printf("%u more possible\n", device->mappings_left);
	if (device->quarantined != 0 || device->quarantined_packets != 0)
		printf("%-16s%u region%s, %u packet%s\n", "quarantined",
		       device->quarantined, plural(device->quarantined),
		       device->quarantined_packets,
		       plural(device->quarantined_packets));
}
