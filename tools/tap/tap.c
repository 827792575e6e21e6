/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet tap`: the function as an interface of the kernel. */
#include "tools/shared/common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/pair_threads.h"
#include "tools/shared/session.h"
#include "tools/tap/relay.h"
#include "tools/tap/results.h"
#include "tools/tap/tun.h"

/* The kernel's number goes in. */
#define TAP_NAME_DEFAULT "vionet%d"
#define TAP_MTU_DEFAULT 1500
/* For the longest frame to be read into, beside what the queue has. */
#define TAP_POOL_MIN 256

enum { KEY_NETNS = 0x100,
       KEY_DOWN,
       KEY_MODE,
       KEY_QUEUE_SIZE,
       KEY_QUEUES,
       KEY_CPUS,
       KEY_JSON };

struct tap_options {
	struct device_options device;
	const char *name; /* NULL: TAP_NAME_DEFAULT */
	const char *netns;
	bool down, json;
	uint32_t queue_size;
	uint64_t queues; /* 0: not said */
	int mode;	 /* enum wait_mode */
	struct cpu_list cpus;
};

struct tap_run {
	const struct tap_options *options;
	struct session session;
	struct tun tun;
	struct relay *relay; /* one a queue pair */
	struct tap_results results;
	uint64_t start_ns; /* 0: the interface is not ready */
};

static const struct argp_option tap_option_list[] = {
	{ "netns", KEY_NETNS, "NAME", 0,
	  "Make the interface in this network namespace: a name of ip-netns(8), or a path", 1 },
	{ "down", KEY_DOWN, NULL, 0, "Do not set the interface up", 1 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "poll: never sleep; interrupt: sleep until there is something to do; spin (default): "
	  "poll 50 us, then sleep",
	  2 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0,
	  "Entries of each queue (256; a power of two)", 2 },
	{ "queues", KEY_QUEUES, "N", 0,
	  "Use N queue pairs (1), each with a thread and a queue of the interface", 2 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Pin the threads to these CPUs (0,2-5)", 2 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 2 },
	{ 0 },
};

/* Features whose results the interface cannot carry. */
static void tap_refuse_features(const struct vionet_features *want)
{
	/* RSC_EXT has counts where the kernel expects the place of a checksum. */
	static const char *const names[] = { "GUEST_UDP_TUNNEL_GSO", "GUEST_UDP_TUNNEL_GSO_CSUM", "RSC_EXT" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (vionet_feature_test(want, (unsigned int)vionet_feature_bit(names[i])))
			refuse_usage("--want %s: a tap interface does not take such frames; "
				     "leave it out",
				     names[i]);
}

static void tap_check_options(struct tap_options *options)
{
	if (options->device.name == NULL)
		refuse_usage("tap: no device named; 'vionet list' shows them");
	if (options->name != NULL)
		tun_check_name(options->name);
	if (options->netns != NULL && (options->netns[0] == '\0' || strlen(options->netns) > 255))
		refuse_usage("--netns '%.40s': a name or path of 1 to 255 characters is wanted",
			     options->netns);
	options->queues = choose_queues(&options->device, options->queues);
	tap_refuse_features(&options->device.open.want);
	cpus_check(&options->cpus, (uint32_t)options->queues);
}

static void tap_take_argument(struct tap_options *options, char *argument)
{
	if (options->device.name == NULL)
		options->device.name = argument;
	else if (options->name == NULL)
		options->name = argument;
	else
		refuse_usage("'%.40s': tap takes a device and the name of one interface",
			     argument);
}

static error_t tap_parse_option(int key, char *argument, struct argp_state *state)
{
	struct tap_options *options = state->input;
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		break;
	case KEY_NETNS:
		options->netns = argument;
		break;
	case KEY_DOWN:
		options->down = true;
		break;
	case KEY_MODE:
		bad = parse_word("--mode", argument, wait_mode_words, &options->mode, &error);
		break;
	case KEY_QUEUE_SIZE:
		bad = parse_power_of_two("--queue-size", argument, 4, 32768,
					 &options->queue_size, &error);
		break;
	case KEY_QUEUES:
		bad = parse_whole("--queues", argument, 1, VIONET_QUEUE_PAIRS_MAX,
				  &options->queues, &error);
		break;
	case KEY_CPUS:
		bad = parse_cpus("--cpus", argument, &options->cpus, &error);
		break;
	case KEY_JSON:
		options->json = true;
		break;
	case ARGP_KEY_ARG:
		tap_take_argument(options, argument);
		break;
	case ARGP_KEY_END:
		tap_check_options(options);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static const struct argp tap_argp = {
	.options = tap_option_list,
	.parser = tap_parse_option,
	.args_doc = "DEVICE [NAME]",
	.doc = "Make the function an interface of the kernel: a tap, NAME or vionet0, vionet1, "
	       "..., with the function's address, MTU, link and offloads.\vIt is there until "
	       "SIGINT or SIGTERM. Counts are printed on stderr at the end, with --json on stdout.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- offloads ---- */

/* Offloads of the device that an interface can make use of: each name is that of a feature. */
static void tap_prefer(struct vionet_features *prefer, const struct tun *tun)
{
	static const char *const names[] = { "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "GUEST_ECN",
					     "GUEST_USO4", "GUEST_USO6" };
	size_t count = tun->segments_udp ? 6 : 4;

	for (size_t i = 0; i < count; i++) {
		unsigned int bit = (unsigned int)vionet_feature_bit(names[i]);

		prefer->word[bit / 64] |= 1ULL << (bit % 64);
	}
}

static const struct {
	const char *feature;
	unsigned int offload;
	const char *name;
} tap_offloads[] = {
	{ "CSUM", TUN_CHECKSUM, "checksum" },
	{ "HOST_TSO4", TUN_TCP4, "TSO4" },
	{ "HOST_TSO6", TUN_TCP6, "TSO6" },
	{ "HOST_ECN", TUN_TCP_ECN, "ECN" },
	{ "HOST_USO", TUN_UDP, "USO" },
};

static const struct {
	const char *feature, *name;
} tap_receive_offloads[] = {
	{ "GUEST_CSUM", "checksum" },
	{ "GUEST_TSO4", "TSO4" },
	{ "GUEST_TSO6", "TSO6" },
	{ "GUEST_ECN", "ECN" },
	{ "GUEST_USO4", "USO4" },
	{ "GUEST_USO6", "USO6" },
	{ "GUEST_UFO", "UFO" },
};

static bool tap_has(const struct vionet_device_info *info, const char *feature)
{
	return vionet_feature_test(&info->negotiated, (unsigned int)vionet_feature_bit(feature));
}

/* What the device does for the kernel. Long frames are of many buffers: a short ring has no
 * room for one. */
static unsigned int tap_transmit_offloads(struct tap_run *tap,
					  const struct vionet_device_info *info)
{
	struct vionet_queue_info queue = { .struct_size = sizeof(queue) };
	unsigned int offloads = 0;

	for (size_t i = 0; i < sizeof(tap_offloads) / sizeof(tap_offloads[0]); i++)
		if (tap_has(info, tap_offloads[i].feature))
			offloads |= tap_offloads[i].offload;
	if (!tap->tun.segments_udp)
		offloads &= ~(unsigned int)TUN_UDP;
	if (vionet_device_queue_info(tap->session.device, 1, &queue) != 0 ||
	    queue.segments_max >= RELAY_PARTS)
		return offloads;
	if (offloads & ~(unsigned int)TUN_CHECKSUM)
		say("%s: a packet has %u segments at most, and %d are needed: the device does no "
		    "segmentation; give it a longer queue: --queue-size 64",
		    tap->session.name,
		    queue.segments_max, RELAY_PARTS);
	return offloads & TUN_CHECKSUM;
}

/* ---- the interface ---- */

static void tap_add_word(char *text, size_t size, const char *word)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", word);
}

static void tap_say_ready(const struct tap_run *tap, const struct vionet_device_info *info,
			  unsigned int mtu, unsigned int offloads)
{
	char transmit[64] = "", receive[64] = "";

	for (size_t i = 0; i < sizeof(tap_offloads) / sizeof(tap_offloads[0]); i++)
		if (offloads & tap_offloads[i].offload)
			tap_add_word(transmit, sizeof(transmit), tap_offloads[i].name);
	for (size_t i = 0; i < sizeof(tap_receive_offloads) / sizeof(tap_receive_offloads[0]); i++)
		if (tap_has(info, tap_receive_offloads[i].feature))
			tap_add_word(receive, sizeof(receive), tap_receive_offloads[i].name);
	output_begin();
	fprintf(stderr,
		"%s is %s: %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, link %s, %u queue pair%s\n"
		"offloads: transmit %s; receive %s\n",
		tap->tun.name, clean(tap->session.name), info->mac[0], info->mac[1], info->mac[2],
		info->mac[3], info->mac[4], info->mac[5], mtu, info->link_up ? "up" : "down",
		tap->tun.queues, plural(tap->tun.queues), transmit[0] != '\0' ? transmit : "none",
		receive[0] != '\0' ? receive : "none");
	output_end();
}

/* Make the interface what the device is. */
static int tap_configure(struct tap_run *tap)
{
	const struct settings *settings = &tap->options->device.settings;
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	unsigned int mtu, offloads;
	int code, result = vionet_device_info(tap->session.device, &info);

	if (result != 0) {
		say_error(result);
		return code_of_run(result);
	}
	mtu = settings->have[SETTING_MTU] ? settings->mtu : info.mtu != 0 ? info.mtu
									  : TAP_MTU_DEFAULT;
	offloads = tap_transmit_offloads(tap, &info);
	code = tun_configure(&tap->tun, info.mac, mtu);
	if (code == CODE_OK)
		code = tun_set_offloads(&tap->tun, offloads);
	if (code != CODE_OK)
		return code;
	tun_set_carrier(&tap->tun, info.link_up);
	if (!tap->options->down)
		code = tun_set_up(&tap->tun);
	if (code == CODE_OK)
		tap_say_ready(tap, &info, mtu, offloads);
	return code;
}

/* ---- the run ---- */

/* Has the interface gone? Main thread, while the others run. */
static int tap_watch(struct pair_threads *threads)
{
	struct tap_run *tap = threads->context;
	uint32_t noted = tap->session.noted;
	struct vionet_link link = { .struct_size = sizeof(link) };

	tap->session.noted = 0;
	if ((noted & VIONET_EVENT_LINK) && vionet_device_link(tap->session.device, &link) == 0)
		tun_set_carrier(&tap->tun, link.up);
	if (noted & VIONET_EVENT_ANNOUNCE)
		__atomic_store_n(&tap->relay[0].announce, 1, __ATOMIC_RELEASE);
	return CODE_OK;
}

static void tap_say_lost(struct tap_run *tap)
{
	for (unsigned int i = 0; i < tap->tun.queues; i++) {
		int error = tap->relay[i].error;

		if (error == 0)
			continue;
		say("%s: %s: stopping", tap->tun.name,
		    error == EBADFD ? "the interface was deleted" : strerror(error));
		session_fail(&tap->session, CODE_FAILED);
		return;
	}
}

static void tap_run_threads(struct tap_run *tap)
{
	struct pair_threads threads = {
		.name = "tap",
		.count = tap->tun.queues,
		.thread = tap->relay,
		.stride = sizeof(*tap->relay),
		.watch = tap_watch,
		.context = tap,
		.cpus = tap->options->cpus,
	};

	for (unsigned int i = 0; i < tap->tun.queues; i++) {
		struct relay *relay = &tap->relay[i];

		relay_init(relay, tap->tun.fd[i], (enum wait_mode)tap->options->mode);
		relay->thread.pair = i;
		relay->thread.session = session_follow(&tap->session, i);
	}
	pair_threads_run(&threads, &tap->session);
	tap_say_lost(tap);
}

static void tap_take_results(struct tap_run *tap, struct tap_results *results)
{
	struct relay_counts *sum = &results->counts;

	results->device = tap->session.name;
	results->interface = tap->tun.name;
	results->queues = tap->tun.queues;
	results->duration_s = (double)(now_ns() - tap->start_ns) / 1e9;
	for (unsigned int i = 0; i < tap->tun.queues; i++) {
		const struct relay_counts *counts = &tap->relay[i].counts;
		struct vionet_queue_stats rx = { .struct_size = sizeof(rx) }, tx = rx;

		sum->to_device += counts->to_device;
		sum->to_kernel += counts->to_kernel;
		sum->down += counts->down;
		sum->refused += counts->refused;
		sum->not_sent += counts->not_sent;
		vionet_queue_stats(tap->relay[i].thread.session.rx, &rx);
		vionet_queue_stats(tap->relay[i].thread.session.tx, &tx);
		results->received_bytes += rx.bytes;
		results->sent_bytes += tx.bytes;
		results->completed += tx.completed;
		results->dropped += rx.dropped_short + rx.dropped_long + rx.dropped_chain +
				    rx.dropped_metadata;
		results->invalid += tx.invalid;
	}
}

static void tap_print_text(const struct tap_results *results)
{
	const struct relay_counts *counts = &results->counts;

	fprintf(stderr,
		"to the device: %ju frame%s, %ju invalid, %ju not sent at the end\n"
		"to the kernel: %ju frame%s, %ju while the interface was down, %ju refused, %ju "
		"dropped by the driver\n",
		(uintmax_t)counts->to_device, plural(counts->to_device), (uintmax_t)results->invalid,
		(uintmax_t)counts->not_sent, (uintmax_t)counts->to_kernel, plural(counts->to_kernel),
		(uintmax_t)counts->down, (uintmax_t)counts->refused, (uintmax_t)results->dropped);
}

static int tap_print(const struct tap_results *results, bool json)
{
	int printed = CODE_OK;

	output_begin();
	if (json)
		printed = tap_print_json(results);
	else
		tap_print_text(results);
	if (json && printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	return results->code != CODE_OK ? results->code : printed;
}

static int tap_start(struct tap_run *tap)
{
	struct vionet_pool_options pool = { .struct_size = sizeof(pool),
					    .access = VIONET_DEVICE_READS };
	uint32_t size = tap->options->queue_size;
	const struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = tap->options->mode == WAIT_POLL ? VIONET_START_NO_INTERRUPTS : 0,
		.rx_queue_size = size,
		.tx_queue_size = size,
		.queue_pairs = tap->tun.queues,
		.tx_pool_options = &pool,
	};

	if (size != 0 && size < TAP_POOL_MIN / 4)
		pool.count = TAP_POOL_MIN;
	if (session_start(&tap->session, &start) != CODE_OK)
		return tap->session.code;
	return session_apply(&tap->session);
}

/* The interface is there; the device comes behind it. */
static int tap_run_session(struct tap_run *tap, const struct device_options *device)
{
	struct tap_results *results = &tap->results;

	if (session_open(&tap->session, device, "tap") != CODE_OK)
		return tap->session.code;
	if (tap_start(tap) == CODE_OK && session_fail(&tap->session, tap_configure(tap)) == CODE_OK) {
		tap->start_ns = now_ns();
		tap_run_threads(tap);
		tap_take_results(tap, results);
	}
	results->code = session_close(&tap->session);
	/* A run that never began has no results. */
	return tap->start_ns != 0 ? tap_print(results, tap->options->json) : results->code;
}

int command_tap(int argc, char **argv)
{
	struct tap_options options = { .mode = WAIT_SPIN };
	static struct tap_run tap;
	int code;

	parse_arguments(&tap_argp, "tap", argc, argv, &options);
	stop_install();
	tap.options = &options;
	code = tun_open(&tap.tun, options.name != NULL ? options.name : TAP_NAME_DEFAULT,
			options.netns, (unsigned int)options.queues);
	if (code != CODE_OK)
		return code;
	tap_prefer(&options.device.prefer, &tap.tun);
	tap.relay = calloc(tap.tun.queues, sizeof(*tap.relay));
	if (tap.relay != NULL) {
		code = tap_run_session(&tap, &options.device);
	} else {
		say("no memory for %u queue pairs", tap.tun.queues);
		code = CODE_PERMISSION;
	}
	tun_close(&tap.tun);
	free(tap.relay);
	return code;
}
