/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: `vionet info`: collecting what a device tells, and showing it as text.
 * Never: starts the device: what is shown is the device at rest.
 * Read next: info_json.c, the same as JSON.
 */
#include "info.h"

#include <inttypes.h>
#include <string.h>

#include "common.h"
#include "session.h"

enum { KEY_JSON = 0x100 };

struct info_options {
	struct device_options device;
	bool json;
};

const char *info_capability_name(unsigned int type)
{
	/* Source: "Virtio Structure PCI Capabilities", cfg_type. */
	static const char *const names[] = {
		"other",  "common", "notify", "isr",   "device",
		"pci",	  "other",  "other",  "shared", "vendor",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "other";
}

const char *info_region_name(unsigned int index)
{
	/* Source: VFIO_PCI_*_REGION_INDEX in linux/vfio.h. */
	static const char *const names[] = {
		"BAR 0", "BAR 1", "BAR 2", "BAR 3",	    "BAR 4",
		"BAR 5", "ROM",	  "configuration", "VGA",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : "other";
}

struct vionet_features info_without(const struct vionet_features *a,
				    const struct vionet_features *b)
{
	return (struct vionet_features){ { a->word[0] & ~b->word[0],
					   a->word[1] & ~b->word[1] } };
}

/* --- Text ----------------------------------------------------------------- */

static void print_label(const char *label)
{
	printf("%-16s", label);
}

/* Names of the bits in `set`, wrapped at 80 columns. */
static void print_features(const char *label, const struct vionet_features *set)
{
	int column = 16;
	int count = 0;

	print_label(label);
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

static void print_link(const struct vionet_link *link)
{
	print_label("link");
	printf("%s%s", link->up ? "up" : "down",
	       link->known ? "" : " (assumed)");
	if (link->speed != 0)
		printf(", %u Mbit/s", link->speed);
	else
		printf(", speed unknown");
	printf(", duplex %s\n", link->duplex == 1 ? "full" :
				link->duplex == 0 ? "half" : "unknown");
}

static void print_configuration(const struct vionet_device_info *device)
{
	const uint8_t *mac = device->mac;

	print_label("mac");
	printf("%02x:%02x:%02x:%02x:%02x:%02x%s\n", mac[0], mac[1], mac[2], mac[3],
	       mac[4], mac[5], device->mac_from_device ? "" : " (random: it has none)");
	print_label("mtu");
	if (device->mtu != 0)
		printf("%u\n", device->mtu);
	else
		printf("not stated\n");
	print_link(&device->link);
}

static void print_queue(const struct vionet_queue_info *queue)
{
	printf("  %-3u %-14s ", queue->index, queue->role);
	if (queue->size_max == 0) {
		printf("not there\n");
		return;
	}
	printf("up to %u entries", queue->size_max);
	if (queue->size != 0)
		printf(", in use %u", queue->size);
	if (queue->vector >= 0)
		printf(", vector %d", queue->vector);
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

/* What RSS and hashes may look like, if there are any. */
static void print_steering(const struct vionet_steering_limits *limits)
{
	if (limits->hash_types == 0)
		return;
	print_label("steering");
	if (limits->table_entries != 0)
		printf("table of %u entries, ", limits->table_entries);
	printf("key of %u bytes, hash types 0x%x", limits->key_size,
	       limits->hash_types);
	if (limits->tunnel_types != 0)
		printf(", tunnel types 0x%x", limits->tunnel_types);
	putchar('\n');
}

static void print_queues(const struct info *info)
{
	print_label("queues");
	printf("%u in the device, %u pair%s at most, %u pair%s used when started\n",
	       info->device.queues, info->device.max_queue_pairs,
	       info->device.max_queue_pairs == 1 ? "" : "s", info->device.queue_pairs,
	       info->device.queue_pairs == 1 ? "" : "s");
	for (unsigned int i = 0; i < info->queue_count; i++)
		if (i < QUEUES_SHOWN || info->queue[i].size != 0)
			print_queue(&info->queue[i]);
	if (info->queue_count > QUEUES_SHOWN)
		printf("  ... to %u\n", info->queue_count - 1);
	print_label("vectors");
	printf("%u\n", info->device.vectors);
	print_steering(&info->steering);
	print_label("header size");
	printf("%u bytes\n", info->device.header_size);
}

static void print_capabilities(const struct vionet_pci_details *pci)
{
	printf("capabilities\n");
	for (unsigned int i = 0; i < pci->capability_count; i++) {
		const struct vionet_pci_capability *c = &pci->capability[i];

		printf("  at 0x%02x  %-7s BAR %u offset 0x%x size 0x%x", c->position,
		       info_capability_name(c->type), c->bar, c->offset, c->size);
		if (c->type == 2)
			printf(" multiplier %u", c->notify_multiplier);
		if (c->type == 8)
			printf(" id %u", c->id);
		printf("%s\n", c->used ? "" : " (not used)");
	}
}

static void print_regions(const struct vionet_pci_details *pci)
{
	printf("regions\n");
	for (unsigned int i = 0; i < pci->region_count; i++) {
		const struct vionet_pci_region *r = &pci->region[i];

		if (r->size == 0)
			continue;
		printf("  %-14s 0x%" PRIx64 " bytes%s%s%s%s\n",
		       info_region_name(r->index), r->size,
		       r->readable ? ", read" : "", r->writable ? ", write" : "",
		       r->mappable ? ", map" : "", r->io ? ", I/O ports" : "");
	}
}

/* A power of two in the unit that makes it short: "4 KiB". */
static void print_power(unsigned int bit)
{
	static const char *const units[] = { "B",   "KiB", "MiB", "GiB",
					     "TiB", "PiB", "EiB" };

	printf("%llu %s", 1ULL << (bit % 10), units[bit / 10]);
}

/* Bit n set means pages of 2^n bytes. A whole run of bits up to the top is what
 * an IOMMU driver says that can do anything: shown as "and above". */
static void print_page_sizes(uint64_t sizes)
{
	const char *separator = "";

	print_label("page sizes");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(sizes >> bit & 1))
			continue;
		printf("%s", separator);
		print_power(bit);
		separator = ", ";
		if (bit < 63 && ~sizes >> bit == 0) {
			printf(" and above");
			break;
		}
	}
	printf("%s\n", sizes == 0 ? "unknown" : "");
}

static void print_iommu(const struct info *info)
{
	const struct vionet_pci_details *pci = &info->pci;

	print_label("iommu");
	if (pci->iommu_group >= 0)
		printf("%s, group %d\n", pci->iommu, pci->iommu_group);
	else
		printf("%s\n", pci->iommu);
	print_page_sizes(info->device.page_sizes);
	for (unsigned int i = 0; i < pci->iova_range_count; i++) {
		print_label(i == 0 ? "iova ranges" : "");
		printf("0x%" PRIx64 " - 0x%" PRIx64 "\n", pci->iova_range[i].first,
		       pci->iova_range[i].last);
	}
}

static void print_pci(const struct vionet_pci_details *pci)
{
	print_label("function");
	printf("%s, removal interrupt %s, error interrupt %s\n",
	       pci->reset_supported ? "can be reset" : "cannot be reset",
	       pci->removal_events ? "yes" : "no", pci->error_events ? "yes" : "no");
	print_capabilities(pci);
	print_regions(pci);
}

void info_print_text(const struct info *info)
{
	const struct vionet_device_info *device = &info->device;
	struct vionet_features left =
		info_without(&device->offered, &device->negotiated);

	print_label("device");
	printf("%s (%s)\n", device->name, device->transport);
	print_label("status");
	printf("0x%02x%s\n", device->status,
	       device->broken ? ", does not acknowledge a reset" : "");
	print_configuration(device);
	print_features("negotiated", &device->negotiated);
	print_features("not taken", &left);
	print_queues(info);
	if (info->is_pci) {
		print_pci(&info->pci);
		print_iommu(info);
	}
	print_label("mapped");
	printf("%" PRIu64 " bytes in %u mappings, %u more possible\n",
	       device->mapped_bytes, device->mappings, device->mappings_left);
	if (device->quarantined != 0)
		printf("%-16s%u regions\n", "quarantined", device->quarantined);
}

/* --- Collecting ----------------------------------------------------------- */

static int collect(struct session *session, struct info *info)
{
	int result = vionet_device_info(session->device, &info->device);

	if (result == 0)
		result = vionet_steering_limits(session->device, &info->steering);
	if (result != 0) {
		say_error(result);
		return session_fail(session, code_of_run(result));
	}
	info->is_pci = vionet_device_pci_details(session->device, &info->pci) == 0;
	while (info->queue_count < INFO_QUEUES_MAX &&
	       vionet_device_queue_info(session->device, info->queue_count,
					&info->queue[info->queue_count]) == 0)
		info->queue_count++;
	return CODE_OK;
}

static error_t parse_info_option(int key, char *argument, struct argp_state *state)
{
	struct info_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->device.name != NULL)
			refuse_usage("info: one device, not also '%.40s'", argument);
		options->device.name = argument;
		return 0;
	case ARGP_KEY_END:
		if (options->device.name == NULL)
			refuse_usage("info: no device named; 'vionet list' shows them");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp info_argp = {
	.options = (const struct argp_option[]){
		{ "json", KEY_JSON, NULL, 0, "One JSON object", 1 },
		{ 0 },
	},
	.parser = parse_info_option,
	.args_doc = "DEVICE",
	.doc = "Show what a device is, what it offers and what was negotiated.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 }, { 0 } },
};

int command_info(int argc, char **argv)
{
	struct info_options options = { 0 };
	static struct info info;
	struct session session;
	int code, collected;

	parse_arguments(&info_argp, "info", argc, argv, &options);
	stop_install();
	if (session_open(&session, &options.device, "info") != CODE_OK)
		return session.code;
	collected = collect(&session, &info);
	code = session_close(&session);
	if (collected != CODE_OK)
		return code;
	if (options.json)
		collected = info_print_json(&info);
	else
		info_print_text(&info);
	if (collected == CODE_OK)
		collected = finish_output(stdout, "standard output");
	return code != CODE_OK ? code : collected;
}
