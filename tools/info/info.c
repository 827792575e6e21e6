/* SPDX-License-Identifier: BSD-3-Clause */
/* The facts of a device, which is shown at rest unless --running is given. */
#include "tools/info/info.h"

#include <string.h>

#include <vionet/error.h>
#include <vionet/stats.h>

#include "tools/shared/common.h"
#include "tools/info/segment_probe.h"
#include "tools/shared/session.h"

enum { KEY_JSON = 0x100, KEY_RUNNING, KEY_PROBE };

struct info_options {
	struct device_options device;
	bool json;
	bool running;
	bool probe;
};

static int info_collect_pci(struct vionet_device *device, struct info *info)
{
	int result = vionet_device_pci_capabilities(
		device, info->capability, sizeof(info->capability[0]),
		VIONET_PCI_CAPABILITIES_MAX, &info->capability_count);

	if (result == 0)
		result = vionet_device_pci_regions(device, info->region,
						   sizeof(info->region[0]),
						   VIONET_PCI_REGIONS_MAX,
						   &info->region_count);
	if (result == 0)
		result = vionet_device_pci_iova_ranges(device, info->range,
						       sizeof(info->range[0]),
						       VIONET_IOVA_RANGES_MAX,
						       &info->range_count);
	return result;
}

/* The one whose node this is, of those that sysfs has. */
static bool info_find_vdpa(const char *name, struct vdpa_device *found)
{
	static struct vdpa_device devices[64];
	const char *base = strrchr(name, '/');
	size_t count;

	if (strncmp(name, "vhost-vdpa:", 11) != 0 || base == NULL)
		return false;
	count = vdpa_list_read("/sys", devices, 64);
	for (size_t i = 0; i < count && i < 64; i++)
		if (strcmp(devices[i].node, base + 1) == 0) {
			*found = devices[i];
			return true;
		}
	return false;
}

static int info_collect(struct session *session, struct info *info)
{
	int result;

	VIONET_INIT(&info->device);
	VIONET_INIT(&info->steering);
	result = vionet_device_info(session->device, &info->device);
	if (result == 0)
		result = vionet_steering_limits(session->device, &info->steering);
	if (result != 0) {
		say_error(result);
		return session_fail(session, code_of_run(result));
	}
	VIONET_INIT(&info->pci);
	info->is_vdpa = info_find_vdpa(info->device.name, &info->vdpa);
	info->is_pci = vionet_device_pci_details(session->device, &info->pci) == 0 &&
		       info_collect_pci(session->device, info) == 0;
	while (info->queue_count < INFO_QUEUES_MAX) {
		struct vionet_queue_info *queue = &info->queue[info->queue_count];

		VIONET_INIT(queue);
		if (vionet_device_queue_info(session->device, info->queue_count,
					     queue) != 0)
			break;
		info->queue_count++;
	}
	return CODE_OK;
}

/* ---- of a device that runs ---- */

static void info_copy_note(const struct session *session, char *note)
{
	snprintf(note, INFO_NOTE_MAX, "%s",
		 text_without(vionet_error_text(), session->name));
}

static void info_ask_coalescing(struct session *session, struct info_running *running)
{
	VIONET_INIT(&running->coalescing[0]);
	VIONET_INIT(&running->coalescing[1]);
	running->coalescing_known =
		vionet_queue_coalescing_read(session->rx, &running->coalescing[0]) ==
			0 &&
		vionet_queue_coalescing_read(session->tx, &running->coalescing[1]) == 0;
	if (!running->coalescing_known)
		info_copy_note(session, running->coalescing_note);
}

static void info_ask_control(struct session *session, const struct info *info,
			     struct info_running *running)
{
	int bit = vionet_feature_bit("CTRL_VQ");

	snprintf(running->control, sizeof(running->control), "in order");
	if (!vionet_feature_test(&info->device.negotiated, (unsigned int)bit))
		snprintf(running->control, sizeof(running->control), "none");
	else if (vionet_control_check(session->device) != 0)
		info_copy_note(session, running->control);
}

/* One fact that cannot be read does not keep the others away. */
static int info_ask_running(struct session *session, struct info *info, bool probe)
{
	/* Only the probe sends. */
	const struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = probe ? 0 : VIONET_START_NO_TX_POOL,
	};
	struct info_running *running = &info->running;

	if (session_start(session, &start) != CODE_OK)
		return session->code;
	info->is_running = true;
	VIONET_INIT(&info->device);
	if (vionet_device_info(session->device, &info->device) != 0)
		return CODE_OK; /* info_collect() will say why */
	running->stats_known = vionet_stats_types(session->device,
						  &running->stats) == 0;
	if (!running->stats_known)
		info_copy_note(session, running->stats_note);
	info_ask_coalescing(session, running);
	running->offloads_known = vionet_offloads_read(session->device,
						       &running->offloads) == 0;
	if (vionet_rss_context_limit(session->device, &running->contexts) != 0)
		running->contexts = 0;
	/* Last: what is to be seen has happened, or will be late. */
	info_ask_control(session, info, running);
	vionet_device_events(session->device, &running->events);
	running->segments.requested = probe;
	return probe ? segments_probe(session, &running->segments) : CODE_OK;
}

static error_t info_parse_option(int key, char *argument, struct argp_state *state)
{
	struct info_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_RUNNING:
		options->running = true;
		return 0;
	case KEY_PROBE:
		options->running = options->probe = true;
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
		{ "running", KEY_RUNNING, NULL, 0,
		  "Start the device for a moment and read more of it: statistics, "
		  "coalescing, the control queue, segments, events", 1 },
		{ "probe-segments", KEY_PROBE, NULL, 0,
		  "As --running, and send frames of ever more segments to see how many "
		  "the device takes; it is recovered where it takes no more", 1 },
		{ "json", KEY_JSON, NULL, 0, "One JSON object", 1 },
		{ 0 },
	},
	.parser = info_parse_option,
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
	info.open = options.device.open;
	collected = options.running ? info_ask_running(&session, &info, options.probe) :
				      CODE_OK;
	if (collected == CODE_OK)
		collected = info_collect(&session, &info);
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
