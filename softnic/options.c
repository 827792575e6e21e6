/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: what each option means, its bounds and its default. */
#include "softnic/options.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/features.h"
#include "softnic/check/verdict.h"
#include "softnic/text.h"

#define QUEUE_PAIRS_USUAL 4u
#define VDUSE_NAME_LENGTH 200u

enum key {
	KEY_LISTEN = 'l',
	KEY_FEATURES = 0x100,
	KEY_QUEUES,
	KEY_QUEUE_SIZE,
	KEY_CONTROL_SIZE,
	KEY_MAC,
	KEY_MTU,
	KEY_SPEED,
	KEY_DUPLEX,
	KEY_VECTORS,
	KEY_PEER,
	KEY_NOTIFY,
	KEY_MULTIPLIER,
	KEY_POLL,
	KEY_LOSSLESS,
	KEY_SHUFFLE,
	KEY_TRANSITIONAL,
	KEY_FAULT,
	KEY_TRACE,
	KEY_CONTROL,
	KEY_ONCE,
	KEY_STRICT,
	KEY_RESET_TIME,
	KEY_LIST_REQUIREMENTS,
	KEY_LIST_FAULTS,
	KEY_VHOST_USER,
	KEY_CONNECT,
	KEY_REPORT,
	KEY_VDUSE,
	KEY_LIMIT,
};

static const struct argp_option list[] = {
	{ "listen", KEY_LISTEN, "PATH", 0, "UNIX socket on which a driver is served", 0 },
	{ "vhost-user", KEY_VHOST_USER, NULL, 0,
	  "serve a vhost-user front end, not a vfio-user client", 0 },
	{ "connect", KEY_CONNECT, "PATH", 0,
	  "vhost-user: UNIX socket on which the front end listens", 0 },
	{ "vduse", KEY_VDUSE, "NAME", 0,
	  "be a vDPA device of this machine's kernel, through /dev/vduse", 0 },
	{ "once", KEY_ONCE, NULL, 0, "end when the first driver has gone", 0 },
	{ NULL, 0, NULL, 0, "The function:", 1 },
	{ "features", KEY_FEATURES, "LIST", 0,
	  "change what is offered: +NAME, -NAME, all, bitN; =NAME,... sets it", 1 },
	{ "queues", KEY_QUEUES, "N", 0, "Queue pairs, 1 to 16, default 4; 1 with --vduse", 1 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0, "largest size, default 256", 1 },
	{ "control-size", KEY_CONTROL_SIZE, "N", 0,
	  "the same for the control queue, default 64", 1 },
	{ "mac", KEY_MAC, "ADDRESS", 0, "default 52:54:00:12:34:56", 1 },
	{ "mtu", KEY_MTU, "N", 0, "68 to 65535, default 1500", 1 },
	{ "speed", KEY_SPEED, "MBIT", 0, "default 10000", 1 },
	{ "duplex", KEY_DUPLEX, "full|half", 0, "default full", 1 },
	{ "vectors", KEY_VECTORS, "N", 0,
	  "MSI-X vectors, 0 (INTx) to 34; default one a queue and one", 1 },
	{ "notify", KEY_NOTIFY, "MODE", 0,
	  "doorbells: eventfd (default), page, write", 1 },
	{ "notify-multiplier", KEY_MULTIPLIER, "N", 0,
	  "bytes between doorbells: 0, or a power of two from 4 to 4096; default 4", 1 },
	{ "transitional", KEY_TRANSITIONAL, NULL, 0, "device id 0x1000", 1 },
	{ NULL, 0, NULL, 0, "What is behind it:", 2 },
	{ "peer", KEY_PEER, "PEER", 0,
	  "loop (default), echo, sink, source[:SIZE], tap:NAME, pcap:IN:OUT, unix:PATH",
	  2 },
	{ "lossless", KEY_LOSSLESS, NULL, 0,
	  "frames wait for receive buffers instead of being lost", 2 },
	{ "limit", KEY_LIMIT, "RATE[:FRAMES]", 0,
	  "frames a second in each direction (100kpps); what comes faster is lost once FRAMES "
	  "(256) came too early",
	  2 },
	{ "poll", KEY_POLL, NULL, 0, "never sleep while a driver is there", 2 },
	{ NULL, 0, NULL, 0, "Checks and faults:", 3 },
	{ "strict", KEY_STRICT, NULL, 0,
	  "what a driver only should do fails the run too", 3 },
	{ "report", KEY_REPORT, "FILE", 0,
	  "a verdict for each requirement: JUnit if it ends with .xml, else JSON", 3 },
	{ "shuffle", KEY_SHUFFLE, NULL, 0, "complete buffers out of order", 3 },
	{ "reset-time", KEY_RESET_TIME, "MS", 0,
	  "status reads 0 only so long after it was written 0, whatever is reset", 3 },
	{ "fault", KEY_FAULT, "IDS", 0, "faults to make: see --list-faults", 3 },
	{ "trace", KEY_TRACE, "FILE", 0, "a line for each access and event", 3 },
	{ "control", KEY_CONTROL, "PATH", 0, "UNIX socket for commands", 3 },
	{ "list-requirements", KEY_LIST_REQUIREMENTS, NULL, 0, "print what is checked, and end", 3 },
	{ "list-faults", KEY_LIST_FAULTS, NULL, 0,
	  "print what --fault knows, and end", 3 },
	{ 0 },
};

/* ---- values ---- */

/* What was typed may hold control characters. */
static void __attribute__((format(printf, 2, 3))) options_refuse(struct argp_state *state, const char *format, ...)
{
	va_list arguments;
	char text[512];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	argp_error(state, "%s", text_clean(text));
}

static unsigned long options_number(struct argp_state *state, const char *name,
				    const char *text, unsigned long least,
				    unsigned long most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    value < least || value > most)
		options_refuse(state, "--%s is a number from %lu to %lu, not '%.40s'", name,
			       least, most, text);
	return value;
}

static void options_parse_mac(struct argp_state *state, const char *text, uint8_t mac[6])
{
	unsigned int byte[6];
	int length = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2],
		   &byte[3], &byte[4], &byte[5], &length) != 6 ||
	    text[length] != '\0' || length != 17)
		options_refuse(state, "--mac is six bytes like 52:54:00:12:34:56, not '%.40s'",
			       text);
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)byte[i];
}

static unsigned int options_choice(struct argp_state *state, const char *name,
				   const char *text, const char *const *words)
{
	unsigned int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			break;
	if (words[i] == NULL)
		options_refuse(state, "--%s does not know '%.40s'", name, text);
	return i;
}

static void options_parse_features(struct argp_state *state, const char *text,
				   struct options *options)
{
	char unknown[32];

	if (features_parse(text, &options->offer, unknown) < 0)
		options_refuse(state,
			       "--features: '%s' is no feature of the specification (nor bitN)",
			       unknown);
}

static void options_parse_faults(struct argp_state *state, const char *text,
				 struct options *options)
{
	char unknown[16];

	if (fault_parse(text, unknown) < 0)
		options_refuse(state, "--fault: '%s' is not in --list-faults", unknown);
	options->faults = text;
}

static void options_parse_vduse(struct argp_state *state, const char *text, struct options *options)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t length = strlen(text);

	if (length == 0 || length > VDUSE_NAME_LENGTH || strspn(text, allowed) != length ||
	    text[0] == '.' || strcmp(text, "control") == 0)
		options_refuse(state, "--vduse is a name of up to %u letters, digits, '.', '_' and '-', "
				      "and not 'control'; not '%.40s'",
			       VDUSE_NAME_LENGTH, text);
	if (options->transport == &vhost_user_transport)
		options_refuse(state, "--vduse and --vhost-user exclude each other");
	options->vduse = text;
	options->transport = &vduse_transport;
}

static void options_parse_limit(struct argp_state *state, const char *text, struct options *options)
{
	if (limit_parse(text, &options->limit) != 0)
		options_refuse(state, "--limit is a rate above 0, and perhaps how many frames may come too "
				      "early (1 to 1000000000), such as 100kpps or 1.5M:64; not '%.40s'",
			       text);
}

static uint32_t options_multiplier(struct argp_state *state, const char *text)
{
	unsigned long value = options_number(state, "notify-multiplier", text, 0, 4096);

	if (value != 0 && (value < 4 || (value & (value - 1))))
		options_refuse(state,
			       "--notify-multiplier is 0 or a power of two from 4 to 4096");
	return (uint32_t)value;
}

/* ---- options ---- */

static void options_list_and_end(void (*print)(FILE *))
{
	print(stdout);
	exit(fflush(stdout) == 0 ? 0 : 1);
}

static error_t options_parse_function(int key, char *text, struct argp_state *state,
				      struct options *options)
{
	static const char *const duplex[] = { "half", "full", NULL };
	static const char *const notify[] = { "write", "eventfd", "page", NULL };

	switch (key) {
	case KEY_FEATURES:
		options_parse_features(state, text, options);
		return 0;
	case KEY_QUEUES:
		options->queue_pairs = (unsigned int)options_number(state, "queues", text,
								    1, QUEUE_PAIRS_MAX);
		return 0;
	case KEY_QUEUE_SIZE:
		options->queue_size =
			(uint16_t)options_number(state, "queue-size", text, 1, RING_SIZE_MAX);
		return 0;
	case KEY_CONTROL_SIZE:
		options->control_size = (uint16_t)options_number(state, "control-size", text, 1,
								 RING_SIZE_MAX);
		return 0;
	case KEY_MAC:
		options_parse_mac(state, text, options->mac);
		return 0;
	case KEY_MTU:
		options->mtu = (uint16_t)options_number(state, "mtu", text, 68, 65535);
		return 0;
	case KEY_SPEED:
		options->speed = (uint32_t)options_number(state, "speed", text, 0, 0x7fffffff);
		return 0;
	case KEY_DUPLEX:
		options->duplex = (uint8_t)options_choice(state, "duplex", text, duplex);
		return 0;
	case KEY_VECTORS:
		options->vectors =
			(unsigned int)options_number(state, "vectors", text, 0, VECTORS_MAX);
		return 0;
	case KEY_NOTIFY:
		options->notify = options_choice(state, "notify", text, notify);
		return 0;
	case KEY_MULTIPLIER:
		options->notify_multiplier = options_multiplier(state, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t options_parse_others(int key, char *text, struct argp_state *state,
				    struct options *options)
{
	switch (key) {
	case KEY_LISTEN:
		options->listen = text;
		return 0;
	case KEY_REPORT:
		options->report = text;
		return 0;
	case KEY_CONNECT:
		options->connect = text;
		return 0;
	case KEY_VHOST_USER:
		options->transport = &vhost_user_transport;
		return 0;
	case KEY_VDUSE:
		options_parse_vduse(state, text, options);
		return 0;
	case KEY_PEER:
		options->peer = text;
		return 0;
	case KEY_LIMIT:
		options_parse_limit(state, text, options);
		return 0;
	case KEY_POLL:
		options->poll = true;
		return 0;
	case KEY_LOSSLESS:
		options->lossless = true;
		return 0;
	case KEY_SHUFFLE:
		options->shuffle = true;
		return 0;
	case KEY_TRANSITIONAL:
		options->transitional = true;
		return 0;
	case KEY_RESET_TIME:
		options->reset_ms =
			(uint32_t)options_number(state, "reset-time", text, 0, 600000);
		return 0;
	case KEY_FAULT:
		options_parse_faults(state, text, options);
		return 0;
	case KEY_TRACE:
		options->trace = text;
		return 0;
	case KEY_CONTROL:
		options->control = text;
		return 0;
	case KEY_ONCE:
		options->once = true;
		return 0;
	case KEY_STRICT:
		options->strict = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void options_offer_not(struct options *options, const enum feature *features, size_t count)
{
	for (size_t i = 0; i < count; i++)
		feature_put(&options->offer, features[i], false);
}

/* What needs the registers of a PCI function, or more than 64 bits of features. There is no message for the
 * reset of one queue: QEMU tells its back end nothing of one. */
static void options_check_no_function(struct argp_state *state, struct options *options)
{
	static const enum feature not_carried[] = {
		FT_NOTIFICATION_DATA,
		FT_NOTIF_CONFIG_DATA,
		FT_SR_IOV,
		FT_ADMIN_VQ,
		FT_SUSPEND,
		FT_RING_RESET,
	};
	const char *name = options->transport->name, *id = fault_of_registers();

	if (id != NULL)
		options_refuse(state, "--fault: %s is one of PCI or its registers, which %s has not",
			       id, name);
	if (options->notify != NOTIFY_EVENTFD || options->transitional ||
	    options->vectors != UINT32_MAX || options->notify_multiplier != 4)
		options_refuse(state, "--%s has no PCI function: --notify, --notify-multiplier, "
				      "--vectors and --transitional are of one",
			       name);
	options_offer_not(options, not_carried, sizeof(not_carried) / sizeof(not_carried[0]));
	options->offer.word[1] = 0;
	options->vectors = 2 * options->queue_pairs + 1;
}

/* The kernel has no control queue in user space, so nothing that needs one. */
static void options_check_vduse(struct argp_state *state, struct options *options)
{
	static const enum feature not_carried[] = {
		FT_CTRL_VQ,
		FT_CTRL_RX,
		FT_CTRL_VLAN,
		FT_CTRL_RX_EXTRA,
		FT_GUEST_ANNOUNCE,
		FT_MQ,
		FT_CTRL_MAC_ADDR,
		FT_CTRL_GUEST_OFFLOADS,
		FT_DEVICE_STATS,
		FT_HASH_TUNNEL,
		FT_VQ_NOTF_COAL,
		FT_NOTF_COAL,
		FT_HASH_REPORT,
		FT_RSS,
	};

	if (options->queue_pairs > 1)
		options_refuse(state, "--vduse has one queue pair: the kernel refuses the control queue "
				      "(CTRL_VQ) that more would need");
	if (options->reset_ms != 0)
		options_refuse(state, "--reset-time is of status as it is read, which --vduse does not show");
	if (options->listen != NULL || options->connect != NULL)
		options_refuse(state, "--vduse has no socket: --listen and --connect are of one");
	options->queue_pairs = 1;
	options_check_no_function(state, options);
	options_offer_not(options, not_carried, sizeof(not_carried) / sizeof(not_carried[0]));
}

static void options_check_whole(struct argp_state *state, struct options *options)
{
	if (options->vduse != NULL && options->transport != &vduse_transport)
		options_refuse(state, "--vduse and --vhost-user exclude each other");
	if (options->vduse != NULL)
		options_check_vduse(state, options);
	if (options->queue_pairs == 0)
		options->queue_pairs = QUEUE_PAIRS_USUAL;
	if (options->listen == NULL && options->connect == NULL && options->vduse == NULL)
		options_refuse(state, "--listen PATH is missing");
	if (options->listen != NULL && options->connect != NULL)
		options_refuse(state, "--listen and --connect exclude each other");
	if (options->connect != NULL && options->transport != &vhost_user_transport)
		options_refuse(state, "--connect is for --vhost-user");
	if (options->transport == &vhost_user_transport) {
		options_check_no_function(state, options);
		feature_put(&options->offer, FT_ACCESS_PLATFORM, false);
	}
	if (options->shuffle && features_have(&options->offer, FT_IN_ORDER))
		options_refuse(state, "--shuffle and the feature IN_ORDER exclude each other");
	if (options->control != NULL && options->faults == NULL)
		options->faults = ""; /* they may be switched on later */
	if (options->vectors == UINT32_MAX)
		options->vectors = 2 * options->queue_pairs + 2;
	if (options->notify_multiplier == 0 && options->notify == NOTIFY_EVENTFD &&
	    features_have(&options->offer, FT_NOTIFICATION_DATA))
		options_refuse(state,
			       "--notify-multiplier 0 with eventfds needs the value that is "
			       "written, so it excludes NOTIFICATION_DATA");
}

static error_t options_parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	error_t result;

	switch (key) {
	case KEY_LIST_REQUIREMENTS:
		options_list_and_end(requirement_list);
		return 0;
	case KEY_LIST_FAULTS:
		options_list_and_end(fault_list);
		return 0;
	case ARGP_KEY_ARG:
		options_refuse(state, "'%.40s' is no option", text);
		return 0;
	case ARGP_KEY_END:
		options_check_whole(state, options);
		return 0;
	default:
		break;
	}
	result = options_parse_function(key, text, state, options);
	return result == ARGP_ERR_UNKNOWN ? options_parse_others(key, text, state, options)
					  : result;
}

static void options_print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "vionet-softnic %s\n", VIONET_VERSION);
}

void options_parse(int argc, char **argv, struct options *options)
{
	static const struct argp argp = {
		.options = list,
		.parser = options_parse_option,
		.doc = "A virtio-net function as a process of its own, for drivers that speak "
		       "vfio-user, vhost-user or vDPA.\v"
		       "Exit status: 0 all well; 1 the device failed; 2 wrong command line; "
		       "3 the driver violated a requirement or made a DMA fault, or its front "
		       "end sent requests that had to be refused.",
	};

	*options = (struct options){
		.queue_size = 256,
		.control_size = 64,
		.vectors = UINT32_MAX,
		.mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 },
		.mtu = 1500,
		.speed = 10000,
		.duplex = 1,
		.notify = NOTIFY_EVENTFD,
		.notify_multiplier = 4,
		.peer = "loop",
		.transport = &vfio_user_transport,
	};
	features_default(&options->offer);
	argp_program_version_hook = options_print_version;
	argp_err_exit_status = EXIT_COMMAND_LINE;
	if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0)
		exit(EXIT_COMMAND_LINE);
}
