/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet echo`: a host that answers ARP, neighbour discovery, ping and UDP's echo service. */
#include "tools/echo/echo.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/control.h>

#include "tools/shared/common.h"
#include "tools/shared/pair_threads.h"
#include "tools/shared/session.h"

#define BURST 32
#define UDP_ECHO_PORT 7

enum { KEY_UDP_PORT = 0x100,
       KEY_DURATION,
       KEY_INTERVAL,
       KEY_MODE,
       KEY_QUEUE_SIZE,
       KEY_QUEUES,
       KEY_JSON };

struct echo_options {
	struct device_options device;
	struct answer_host host; /* without its MAC */
	uint64_t duration_ns;	 /* 0: no limit */
	uint64_t interval_ns;	 /* 0: no lines */
	uint64_t queues;
	uint32_t queue_size;
	int mode; /* enum wait_mode */
	bool json;
};

/* One queue pair. */
struct echo_pair {
	struct pair_thread thread; /* first: pair_threads.h */
	const struct answer_host *host;
	enum wait_mode mode;
	int announce; /* set by the main thread */
	struct echo_counts counts;
	struct vionet_packet *pending[BURST];
	uint32_t pending_count, pending_sent;
	uint64_t busy_ns;
};

struct echo_run {
	const struct echo_options *options;
	struct session session;
	struct answer_host host;
	struct echo_pair *pair;
	unsigned int pairs;
	uint64_t start_ns, end_ns; /* end: 0, no limit */
	uint64_t shown_ns;	   /* of the line before */
	struct echo_counts shown;
};

static const struct argp_option echo_option_list[] = {
	{ "udp-port", KEY_UDP_PORT, "PORT", 0, "Send back UDP to this port (7); 0: none", 1 },
	{ "duration", KEY_DURATION, "TIME", 0, "End after TIME (10, 500ms, 2min)", 1 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Print a line each TIME (0: none)", 1 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 1 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "poll: never sleep; interrupt: sleep until a frame comes; spin (default): poll 50 us, "
	  "then sleep",
	  2 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0, "Entries of each queue (256; a power of two)", 2 },
	{ "queues", KEY_QUEUES, "N", 0, "Use N queue pairs (1), each with a thread", 2 },
	{ 0 },
};

/* ---- options ---- */

static void echo_add_address(struct answer_host *host, const char *text)
{
	struct network network;

	if (strchr(text, '/') != NULL || !network_read(text, strlen(text), &network))
		refuse_usage("'%.60s' is no IP address: one such as 192.0.2.2 or 2001:db8::2 is "
			     "wanted",
			     text);
	if (!network_is_host(&network))
		refuse_usage("'%.60s' is no address of one host", text);
	if ((network.ipv6 ? host->addresses6 : host->addresses4) == ANSWER_ADDRESSES_MAX)
		refuse_usage("'%.60s': %d addresses of each kind at most", text,
			     ANSWER_ADDRESSES_MAX);
	answer_add_address(host, &network);
}

static void echo_check_options(const struct echo_options *options)
{
	if (options->device.name == NULL)
		refuse_usage("echo: no device named; 'vionet list' shows them");
	if (options->host.addresses4 + options->host.addresses6 == 0)
		refuse_usage("echo: no address to answer for: vionet echo %.200s 192.0.2.2",
			     options->device.name);
	choose_queues(&options->device, options->queues);
}

static void echo_take_argument(struct echo_options *options, char *argument)
{
	if (options->device.name == NULL)
		options->device.name = argument;
	else
		echo_add_address(&options->host, argument);
}

static int echo_parse_number(int key, const char *argument, struct echo_options *options,
			     struct parse_error *error)
{
	uint64_t port = 0;
	int bad;

	switch (key) {
	case KEY_UDP_PORT:
		bad = parse_whole("--udp-port", argument, 0, 65535, &port, error);
		options->host.udp_port = (uint16_t)port;
		return bad;
	case KEY_DURATION:
		return parse_duration("--duration", argument, 0, &options->duration_ns, error);
	case KEY_INTERVAL:
		return parse_duration("--interval", argument, 1, &options->interval_ns, error);
	case KEY_MODE:
		return parse_word("--mode", argument, wait_mode_words, &options->mode, error);
	case KEY_QUEUE_SIZE:
		return parse_power_of_two("--queue-size", argument, 4, 32768,
					  &options->queue_size, error);
	default:
		return parse_whole("--queues", argument, 1, VIONET_QUEUE_PAIRS_MAX,
				   &options->queues, error);
	}
}

static error_t echo_parse_option(int key, char *argument, struct argp_state *state)
{
	struct echo_options *options = state->input;
	struct parse_error error;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		state->child_inputs[2] = &options->device;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_UDP_PORT:
	case KEY_DURATION:
	case KEY_INTERVAL:
	case KEY_MODE:
	case KEY_QUEUE_SIZE:
	case KEY_QUEUES:
		need_parsed(echo_parse_number(key, argument, options, &error), &error);
		return 0;
	case ARGP_KEY_ARG:
		echo_take_argument(options, argument);
		return 0;
	case ARGP_KEY_END:
		echo_check_options(options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp echo_argp = {
	.options = echo_option_list,
	.parser = echo_parse_option,
	.args_doc = "DEVICE ADDRESS...",
	.doc = "Be a host with these IPv4 and IPv6 addresses at the device: answer ARP, neighbour "
	       "discovery and ping, and send back UDP of the echo service.\vIt ends with SIGINT or "
	       "SIGTERM.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { &sandbox_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- a pair's thread ---- */

static void echo_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* The device wants its address shown to the network. */
static void echo_announce(struct echo_pair *pair)
{
	struct session *session = &pair->thread.session;
	struct vionet_packet *packet;

	if (!__atomic_exchange_n(&pair->announce, 0, __ATOMIC_ACQUIRE) ||
	    vionet_packet_alloc(vionet_queue_pool(session->rx), &packet, 1) != 1)
		return;
	vionet_announcement_write(session->device, packet->data);
	packet->length = VIONET_ANNOUNCEMENT_SIZE;
	if (vionet_queue_transmit(session->tx, &packet, 1) != 1)
		vionet_packet_free(&packet, 1);
}

/* Requests of a burst become the answers that are pending. */
static void echo_take_burst(struct echo_pair *pair, struct vionet_packet **packets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		enum answer_kind kind = answer_packet(pair->host, packets[i]);

		if (kind == ANSWER_NONE) {
			vionet_packet_free(&packets[i], 1);
			continue;
		}
		echo_count(&pair->counts.answered[kind], 1);
		pair->pending[pair->pending_count++] = packets[i];
	}
	echo_count(&pair->counts.received, count);
}

/* Nothing more is received before all answers are sent. Returns how many frames moved. */
static uint32_t echo_move(struct echo_pair *pair)
{
	struct session *session = &pair->thread.session;
	struct vionet_packet *packets[BURST];
	uint32_t count = 0, sent;

	vionet_queue_reclaim(session->tx);
	if (pair->pending_sent == pair->pending_count) {
		pair->pending_count = pair->pending_sent = 0;
		echo_announce(pair);
		count = vionet_queue_receive(session->rx, packets, BURST);
		echo_take_burst(pair, packets, count);
	}
	sent = pair->pending_count - pair->pending_sent;
	if (sent > 0)
		sent = vionet_queue_transmit(session->tx, pair->pending + pair->pending_sent, sent);
	pair->pending_sent += sent;
	return count + sent;
}

static void echo_run_pair(struct pair_thread *thread)
{
	struct echo_pair *pair = (struct echo_pair *)thread;
	uint64_t now;

	while (now = now_ns(), pair_thread_goes_on(thread, now)) {
		if (echo_move(pair) > 0)
			pair->busy_ns = now;
		else
			session_idle(&thread->session, pair->mode, 1, pair->busy_ns, UINT64_MAX);
	}
	vionet_packet_free(pair->pending + pair->pending_sent,
			   pair->pending_count - pair->pending_sent);
}

/* ---- the main thread ---- */

static uint64_t echo_answered(const struct echo_counts *counts)
{
	uint64_t sum = 0;

	for (int i = 0; i < ANSWER_KINDS; i++)
		sum += counts->answered[i];
	return sum;
}

static struct echo_counts echo_sum(const struct echo_run *run)
{
	struct echo_counts sum = { 0 };

	for (unsigned int i = 0; i < run->pairs; i++) {
		const struct echo_counts *counts = &run->pair[i].counts;

		sum.received += __atomic_load_n(&counts->received, __ATOMIC_RELAXED);
		for (int kind = 0; kind < ANSWER_KINDS; kind++)
			sum.answered[kind] += __atomic_load_n(&counts->answered[kind],
							      __ATOMIC_RELAXED);
	}
	return sum;
}

static void echo_show(struct echo_run *run, uint64_t now)
{
	struct echo_counts sum = echo_sum(run);
	double seconds = (double)(now - run->shown_ns) / 1e9;

	output_begin();
	fprintf(stderr, "%.1f s: received %ju (%.0f/s), answered %ju (%.0f/s)\n",
		(double)(now - run->start_ns) / 1e9, (uintmax_t)sum.received,
		(double)(sum.received - run->shown.received) / seconds,
		(uintmax_t)echo_answered(&sum),
		(double)(echo_answered(&sum) - echo_answered(&run->shown)) / seconds);
	output_end();
	run->shown = sum;
	run->shown_ns = now;
}

static int echo_watch(struct pair_threads *threads)
{
	struct echo_run *run = threads->context;
	uint64_t now = now_ns();

	if (run->session.noted & VIONET_EVENT_ANNOUNCE)
		__atomic_store_n(&run->pair[0].announce, 1, __ATOMIC_RELEASE);
	run->session.noted = 0;
	if (run->options->interval_ns != 0 && now - run->shown_ns >= run->options->interval_ns)
		echo_show(run, now);
	if (run->end_ns != 0 && now >= run->end_ns)
		threads->enough = true;
	return CODE_OK;
}

static void echo_run_threads(struct echo_run *run)
{
	struct pair_threads threads = {
		.name = "echo",
		.count = run->pairs,
		.thread = run->pair,
		.stride = sizeof(*run->pair),
		.watch = echo_watch,
		.context = run,
	};

	for (unsigned int i = 0; i < run->pairs; i++) {
		struct echo_pair *pair = &run->pair[i];

		pair->host = &run->host;
		pair->mode = (enum wait_mode)run->options->mode;
		pair->thread.run = echo_run_pair;
		pair->thread.pair = i;
		pair->thread.session = session_follow(&run->session, i);
	}
	run->start_ns = run->shown_ns = now_ns();
	if (run->options->duration_ns != 0)
		run->end_ns = run->start_ns + run->options->duration_ns;
	pair_threads_run(&threads, &run->session);
}

/* ---- the result ---- */

static void echo_take_results(const struct echo_run *run, struct echo_results *results)
{
	results->device = run->session.name;
	results->duration_s = (double)(now_ns() - run->start_ns) / 1e9;
	results->counts = echo_sum(run);
	results->answered = echo_answered(&results->counts);
	for (unsigned int i = 0; i < run->pairs; i++) {
		struct vionet_queue_stats rx = { .struct_size = sizeof(rx) }, tx = rx;

		vionet_queue_stats(run->pair[i].thread.session.rx, &rx);
		vionet_queue_stats(run->pair[i].thread.session.tx, &tx);
		results->sent += tx.completed;
		results->invalid += tx.invalid;
		results->dropped += rx.dropped_short + rx.dropped_long + rx.dropped_chain +
				    rx.dropped_metadata;
	}
}

static void echo_print_text(const struct echo_results *results)
{
	const struct echo_counts *counts = &results->counts;

	printf("received  %ju frame%s in %.1f s (%.0f/s), %ju dropped by the driver\n",
	       (uintmax_t)counts->received, plural(counts->received), results->duration_s,
	       (double)counts->received / results->duration_s, (uintmax_t)results->dropped);
	printf("answered  %ju (%.0f/s):", (uintmax_t)results->answered,
	       (double)results->answered / results->duration_s);
	for (int i = 0; i < ANSWER_KINDS; i++)
		printf(" %s %ju%s", answer_names[i], (uintmax_t)counts->answered[i],
		       i < ANSWER_KINDS - 1 ? "," : "\n");
}

static int echo_print(struct echo_results *results, bool json)
{
	int printed = CODE_OK;

	output_begin();
	if (json)
		printed = echo_print_json(results);
	else
		echo_print_text(results);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	return results->code != CODE_OK ? results->code : printed;
}

/* ---- the order of a run ---- */

static int echo_start(struct echo_run *run)
{
	const struct echo_options *options = run->options;
	const struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = VIONET_START_NO_TX_POOL |
			 (options->mode == WAIT_POLL ? VIONET_START_NO_INTERRUPTS : 0),
		.rx_queue_size = options->queue_size,
		.tx_queue_size = options->queue_size,
		.queue_pairs = (uint32_t)options->queues,
	};
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	if (session_start(&run->session, &start) != CODE_OK ||
	    session_apply(&run->session) != CODE_OK)
		return run->session.code;
	vionet_device_info(run->session.device, &info);
	run->host = options->host;
	memcpy(run->host.mac, info.mac, sizeof(info.mac));
	run->pairs = run->session.pairs;
	run->pair = calloc(run->pairs, sizeof(*run->pair));
	if (run->pair != NULL)
		return CODE_OK;
	say("no memory for %u queue pairs", run->pairs);
	return session_fail(&run->session, CODE_PERMISSION);
}

static void echo_say_ready(const struct echo_run *run)
{
	const uint8_t *mac = run->host.mac;

	output_begin();
	fprintf(stderr, "answering at %s as %02x:%02x:%02x:%02x:%02x:%02x\n",
		clean(run->session.name), mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	output_end();
}

int command_echo(int argc, char **argv)
{
	struct echo_options options = { .mode = WAIT_SPIN,
					.host = { .udp_port = UDP_ECHO_PORT } };
	static struct echo_run run;
	struct echo_results results = { 0 };

	parse_arguments(&echo_argp, "echo", argc, argv, &options);
	stop_install();
	run.options = &options;
	if (session_open(&run.session, &options.device, "echo") != CODE_OK)
		return run.session.code;
	if (echo_start(&run) == CODE_OK && session_confine(&run.session) == CODE_OK) {
		echo_say_ready(&run);
		echo_run_threads(&run);
		echo_take_results(&run, &results);
	}
	results.code = session_close(&run.session);
	/* A run that never began has no results. */
	if (run.start_ns != 0)
		results.code = echo_print(&results, options.json);
	free(run.pair);
	return results.code;
}
