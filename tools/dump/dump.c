/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet dump`: frames from the receive queue to lines or a pcap file. */
#include "tools/shared/common.h"

#include <stdlib.h>
#include <string.h>

#include <vionet/packet.h>

#include "tools/dump/capture.h"
#include "tools/dump/decode.h"
#include "tools/shared/packet_bytes.h"
#include "tools/shared/session.h"

#define BURST 64
#define SNAPLEN_DEFAULT 65550U
#define FILTER_MAX 16384

enum { KEY_SNAPLEN = 0x100, KEY_DURATION, KEY_MODE, KEY_QUEUE_SIZE, KEY_QUEUES };

struct dump_options {
	struct device_options device;
	const char *path;
	uint64_t count;	      /* 0: no limit */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t snaplen;
	uint32_t queue_size;
	uint64_t queues;
	int mode; /* position in mode_words */
	bool hex;
	char filter[FILTER_MAX];
};

struct dump {
	const struct dump_options *options;
	struct session session;
	struct capture capture;
	uint64_t received;
	uint64_t matched;
	uint64_t end_ns; /* 0: no limit */
	struct timespec last; /* time of the last frame */
	uint8_t frame[VIONET_FRAME_MAX];
};

static const char *const mode_words[] = { "poll", "interrupt", NULL };

static const struct argp_option dump_option_list[] = {
	{ NULL, 'w', "FILE", 0, "Write a pcap file (nanoseconds); - for standard output",
	  1 },
	{ "count", 'c', "N", 0, "End after N frames that match", 1 },
	{ "duration", KEY_DURATION, "TIME", 0, "End after TIME (10, 500ms, 2min)", 1 },
	{ "snaplen", KEY_SNAPLEN, "BYTES", 0, "Keep the first BYTES of a frame", 1 },
	{ "hex", 'x', NULL, 0, "Show the bytes too", 1 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "How to wait: interrupt (default) sleeps, poll does not", 2 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0,
	  "Entries of the receive queue (256; a power of two)", 2 },
	{ "queues", KEY_QUEUES, "N", 0, "Receive on N queue pairs (1)", 2 },
	{ 0 },
};

/* One more word of the filter expression. */
static void dump_add_filter(struct dump_options *options, const char *word)
{
	size_t used = strlen(options->filter);

	if (used + strlen(word) + 2 > sizeof(options->filter))
		refuse_usage("the filter expression is longer than %d characters",
			     FILTER_MAX);
	snprintf(options->filter + used, sizeof(options->filter) - used, "%s%s",
		 used > 0 ? " " : "", word);
}

/* Options that contradict each other, or change nothing beside another one. */
static void dump_check_together(const struct dump_options *options)
{
	if (options->path != NULL && options->hex)
		refuse_usage("--hex has no effect with -w: the bytes are in the file; "
			     "leave one of them out");
	choose_queues(&options->device, options->queues);
}

static error_t dump_parse_option(int key, char *argument, struct argp_state *state)
{
	struct dump_options *options = state->input;
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		state->child_inputs[2] = &options->device;
		break;
	case 'w':
		options->path = argument;
		break;
	case 'x':
		options->hex = true;
		break;
	case 'c':
		bad = parse_count("--count", argument, 1, INT64_MAX, &options->count,
				  &error);
		break;
	case KEY_DURATION:
		bad = parse_duration("--duration", argument, 0, &options->duration_ns,
				     &error);
		break;
	case KEY_SNAPLEN:
		bad = parse_whole("--snaplen", argument, 14, SNAPLEN_DEFAULT,
				  &options->snaplen, &error);
		break;
	case KEY_MODE:
		bad = parse_word("--mode", argument, mode_words, &options->mode,
				 &error);
		break;
	case KEY_QUEUE_SIZE:
		bad = parse_power_of_two("--queue-size", argument, 4, 32768,
					 &options->queue_size, &error);
		break;
	case KEY_QUEUES:
		bad = parse_whole("--queues", argument, 1, VIONET_QUEUE_PAIRS_MAX,
				  &options->queues, &error);
		break;
	case ARGP_KEY_ARG:
		if (options->device.name == NULL)
			options->device.name = argument;
		else
			dump_add_filter(options, argument);
		break;
	case ARGP_KEY_END:
		if (options->device.name == NULL)
			refuse_usage("dump: no device named; 'vionet list' shows them");
		dump_check_together(options);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static const struct argp dump_argp = {
	.options = dump_option_list,
	.parser = dump_parse_option,
	.args_doc = "DEVICE [FILTER EXPRESSION...]",
	.doc = "Receive frames and print one line for each, or write them to a pcap "
	       "file.\vThe filter is libpcap's (pcap-filter(7)). Counts are printed on "
	       "stderr at the end.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { &sandbox_argp, 0, NULL, 0 },
						 { 0 } },
};

static void dump_print_frame(const struct dump *dump, const struct timespec *time,
			     const uint8_t *frame, uint32_t kept, uint32_t total)
{
	char line[DECODE_LINE_MAX];
	struct tm local;
	char clock[16];

	localtime_r(&time->tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	decode_line(frame, kept, total, line, sizeof(line));
	printf("%s.%09ld %s\n", clock, time->tv_nsec, line);
	if (dump->options->hex)
		decode_hex(stdout, frame, kept);
}

static bool dump_enough(const struct dump *dump)
{
	return dump->options->count != 0 && dump->matched >= dump->options->count;
}

/* A device does not say when a packet arrived: its time is when it is looked at, so
 * that no two of a burst have the same, and their order is that of the times. */
static struct timespec dump_next_time(struct dump *dump)
{
	struct timespec time, *last = &dump->last;

	clock_gettime(CLOCK_REALTIME, &time);
	if (time.tv_sec == last->tv_sec && time.tv_nsec == last->tv_nsec) {
		time.tv_nsec++;
		time.tv_sec += time.tv_nsec / 1000000000;
		time.tv_nsec %= 1000000000;
	}
	*last = time;
	return time;
}

static void dump_take_packet(struct dump *dump, const struct vionet_packet *packet)
{
	struct timespec time = dump_next_time(dump);
	uint32_t total;
	const uint8_t *frame = packet_linear(packet, dump->frame, sizeof(dump->frame), &total);
	uint32_t kept = total < dump->options->snaplen ?
				total :
				(uint32_t)dump->options->snaplen;

	/* The rest of a burst that reached the limit was received, not wanted. */
	if (dump_enough(dump))
		return;
	dump->received++;
	if (!frame_filter_match(&dump->capture.filter, false, frame, total, total))
		return;
	dump->matched++;
	if (dump->options->path != NULL)
		capture_write(&dump->capture, &time, frame, kept, total);
	else
		dump_print_frame(dump, &time, frame, kept, total);
}

/* Receive one burst of a queue. Returns how many frames it had. */
static uint32_t dump_take_burst(struct dump *dump, struct vionet_queue *queue)
{
	struct vionet_packet *packets[BURST];
	uint32_t count = vionet_queue_receive(queue, packets, BURST);

	if (count == 0)
		return 0;
	output_begin();
	for (uint32_t i = 0; i < count; i++)
		dump_take_packet(dump, packets[i]);
	output_end();
	vionet_packet_free(packets, count);
	return count;
}

/* One burst of each queue. */
static uint32_t dump_take_bursts(struct dump *dump)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < dump->session.pairs; i++)
		sum += dump_take_burst(dump, dump->session.receive[i]);
	return sum;
}

/* Show what there is: called when the queue ran empty, so that a reader behind a
 * pipe is never kept waiting, and a busy queue is never slowed down. */
static int dump_flush(struct dump *dump)
{
	if (dump->options->path != NULL)
		return capture_flush(&dump->capture);
	return finish_output(stdout, "standard output");
}

static bool dump_finished(const struct dump *dump, uint64_t now)
{
	return stop_asked() > 0 || dump_enough(dump) ||
	       (dump->end_ns != 0 && now >= dump->end_ns);
}

static int dump_run_dump(struct dump *dump)
{
	static const enum wait_mode modes[] = { WAIT_POLL, WAIT_INTERRUPT };
	struct session *session = &dump->session;
	bool dirty = false;
	uint64_t now;

	while (now = now_ns(), !dump_finished(dump, now)) {
		uint64_t until = dump->end_ns != 0 ? dump->end_ns : UINT64_MAX;
		uint64_t checked = session->next_check;

		if (session_check(session, now) != CODE_OK)
			break;
		if (dump_take_bursts(dump) > 0) {
			dirty = true;
			/* A queue that never runs dry is flushed now and then. */
			if (checked == session->next_check)
				continue;
		}
		if (dirty && session_fail(session, dump_flush(dump)) != CODE_OK)
			break;
		if (!dirty)
			session_idle(session, modes[dump->options->mode], 1, now, until);
		dirty = false;
	}
	return session->code != CODE_OK ? session->code :
					  session_fail(session, dump_flush(dump));
}

/* What the driver had to drop, for the last line. */
static uint64_t dump_dropped(const struct session *session)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < session->pairs; i++) {
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

		vionet_queue_stats(session->receive[i], &stats);
		sum += stats.dropped_short + stats.dropped_long +
		       stats.dropped_chain + stats.dropped_metadata;
	}
	return sum;
}

static void dump_print_counts(const struct dump *dump, uint64_t drops)
{
	output_begin();
	fprintf(stderr, "%ju frame%s received, %ju matched, %ju dropped by the driver\n",
		(uintmax_t)dump->received, plural(dump->received),
		(uintmax_t)dump->matched, (uintmax_t)drops);
	output_end();
}

static int dump_run_session(struct dump *dump)
{
	const struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.rx_queue_size = dump->options->queue_size,
		.queue_pairs = (uint32_t)dump->options->queues,
		.flags = VIONET_START_NO_TX_POOL |
			 (dump->options->mode == 0 ? VIONET_START_NO_INTERRUPTS : 0),
	};

	if (session_open(&dump->session, &dump->options->device, "dump") != CODE_OK)
		return dump->session.code;
	if (session_start(&dump->session, &start) == CODE_OK &&
	    session_apply(&dump->session) == CODE_OK &&
	    session_confine(&dump->session) == CODE_OK) {
		output_begin();
		fprintf(stderr, "listening on %s\n",
			clean(dump->options->device.name));
		output_end();
		if (dump->options->duration_ns != 0)
			dump->end_ns = now_ns() + dump->options->duration_ns;
		dump_run_dump(dump);
		dump_print_counts(dump, dump_dropped(&dump->session));
	}
	return session_close(&dump->session);
}

int command_dump(int argc, char **argv)
{
	struct dump_options options = { .snaplen = SNAPLEN_DEFAULT, .mode = 1 };
	static struct dump dump;
	int code, closed;

	parse_arguments(&dump_argp, "dump", argc, argv, &options);
	stop_install();
	dump.options = &options;
	code = capture_open(&dump.capture, options.filter, options.path,
			    (uint32_t)options.snaplen);
	if (code != CODE_OK)
		return code;
	code = dump_run_session(&dump);
	closed = capture_close(&dump.capture);
	return code != CODE_OK ? code : closed;
}
