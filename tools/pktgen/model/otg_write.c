/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as the model has it; what other generators would not understand is in x-vionet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_write_parts.h"

static struct tree *write_object(struct tree_document *document, struct tree *parent,
				 const char *choice)
{
	tree_add_text(document, parent, "choice", choice);
	return tree_add(document, parent, TREE_OBJECT, choice);
}

static void write_whole(struct tree_document *document, struct tree *parent, const char *key,
			uint64_t number)
{
	tree_add_plain(document, parent, key, "%ju", (uintmax_t)number);
}

static void write_bool(struct tree_document *document, struct tree *parent, const char *key,
		       bool value)
{
	tree_add_plain(document, parent, key, "%s", value ? "true" : "false");
}

/* ---- flows ---- */

static void write_ends(struct tree_document *document, struct tree *flow,
		       const struct traffic *traffic, const struct traffic_flow *from)
{
	struct tree *ends = tree_add(document, flow, TREE_OBJECT, "tx_rx");
	struct tree *port = write_object(document, ends, "port");
	struct tree *names;

	tree_add_text(document, port, "tx_name", traffic->port[from->tx_port].name);
	if (from->rx_ports == 0)
		return;
	names = tree_add(document, port, TREE_LIST, "rx_names");
	for (size_t i = 0; i < from->rx_ports; i++)
		tree_add_text(document, names, NULL, traffic->port[from->rx_port[i]].name);
}

static void write_weights(struct tree_document *document, struct tree *size,
			  const struct traffic_size *from)
{
	struct tree *pairs = write_object(document, size, "weight_pairs");
	struct tree *list;

	tree_add_text(document, pairs, "choice", "custom");
	list = tree_add(document, pairs, TREE_LIST, "custom");
	for (size_t i = 0; i < from->weight_count; i++) {
		struct tree *pair = tree_add(document, list, TREE_OBJECT, NULL);

		write_whole(document, pair, "size", from->weight[i].size + OTG_FCS);
		tree_add_double(document, pair, "weight", from->weight[i].weight);
	}
}

static void write_size(struct tree_document *document, struct tree *flow,
		       const struct traffic_size *from)
{
	struct tree *size = tree_add(document, flow, TREE_OBJECT, "size"), *range;

	switch (from->kind) {
	case TRAFFIC_SIZE_FIXED:
		tree_add_text(document, size, "choice", "fixed");
		write_whole(document, size, "fixed", from->min + OTG_FCS);
		break;
	case TRAFFIC_SIZE_INCREMENT:
		range = write_object(document, size, "increment");
		write_whole(document, range, "start", from->min + OTG_FCS);
		write_whole(document, range, "end", from->max + OTG_FCS);
		write_whole(document, range, "step", from->step);
		break;
	case TRAFFIC_SIZE_RANDOM:
		range = write_object(document, size, "random");
		write_whole(document, range, "min", from->min + OTG_FCS);
		write_whole(document, range, "max", from->max + OTG_FCS);
		break;
	case TRAFFIC_SIZE_WEIGHTS:
		write_weights(document, size, from);
		break;
	}
}

/* Can the model say it? It has whole numbers, and no "as fast as the device takes them". */
static bool write_rate_fits(const struct rate *rate)
{
	switch (rate->kind) {
	case RATE_PPS:
		return rate->milli % 1000 == 0;
	case RATE_BPS:
		return rate->milli % 1000 == 0 && rate->milli >= 672 * 1000;
	case RATE_PERCENT:
		return true;
	case RATE_MAX:
		break;
	}
	return false;
}

static uint64_t write_at_least(uint64_t number, uint64_t least)
{
	return number < least ? least : number;
}

/* Where it does not fit, the nearest, for generators that do not know x-vionet. */
static void write_rate(struct tree_document *document, struct tree *flow, const struct rate *from)
{
	struct tree *rate = tree_add(document, flow, TREE_OBJECT, "rate");

	switch (from->kind) {
	case RATE_PPS:
		tree_add_text(document, rate, "choice", "pps");
		write_whole(document, rate, "pps", write_at_least(from->milli / 1000, 1));
		break;
	case RATE_BPS:
		tree_add_text(document, rate, "choice", "bps");
		write_whole(document, rate, "bps", write_at_least(from->milli / 1000, 672));
		break;
	case RATE_PERCENT:
	case RATE_MAX:
		tree_add_text(document, rate, "choice", "percentage");
		tree_add_double(document, rate, "percentage",
				from->kind == RATE_MAX ? 100 : (double)from->milli / 1000);
		break;
	}
}

static void write_time(struct tree_document *document, struct tree *parent, const char *key,
		       uint64_t ns)
{
	char text[40];
	size_t length = (size_t)snprintf(text, sizeof(text), "%ju.%09ju", (uintmax_t)ns / 1000000000,
					 (uintmax_t)ns % 1000000000);

	while (text[length - 1] == '0')
		length--;
	length -= text[length - 1] == '.';
	text[length] = '\0';
	/* Where doubles have no nanoseconds it stands in quotes: nobody rounds it then. */
	if (ns >= 1ULL << 52)
		tree_add_text(document, parent, key, text);
	else
		tree_add_plain(document, parent, key, "%s", text);
}

/* A gap or a delay, in what it was given in. */
static void write_wait(struct tree_document *document, struct tree *parent, const char *key,
		       uint64_t ns, uint64_t bytes)
{
	struct tree *wait;

	if (ns == 0 && bytes == 0)
		return;
	wait = tree_add(document, parent, TREE_OBJECT, key);
	tree_add_text(document, wait, "choice", bytes != 0 ? "bytes" : "nanoseconds");
	write_whole(document, wait, bytes != 0 ? "bytes" : "nanoseconds", bytes != 0 ? bytes : ns);
}

static void write_burst(struct tree_document *document, struct tree *duration,
			const struct traffic_duration *from)
{
	struct tree *burst = write_object(document, duration, "burst");

	write_whole(document, burst, "bursts", from->bursts);
	write_whole(document, burst, "packets", from->burst_frames);
	if (from->gap_bytes != OTG_GAP_DEFAULT)
		write_whole(document, burst, "gap", from->gap_bytes);
	write_wait(document, burst, "inter_burst_gap", from->gap_ns, from->burst_gap_bytes);
}

/* Which limit the model's duration has; the others are in x-vionet. */
enum write_limit { WRITE_CONTINUOUS,
		   WRITE_PACKETS,
		   WRITE_SECONDS,
		   WRITE_BURST };

static enum write_limit write_limit_of(const struct traffic_duration *from)
{
	if (from->burst_frames != 0)
		return WRITE_BURST;
	if (from->frames != 0 && from->frames <= UINT32_MAX)
		return WRITE_PACKETS;
	return from->time_ns != 0 ? WRITE_SECONDS : WRITE_CONTINUOUS;
}

static void write_duration(struct tree_document *document, struct tree *flow,
			   const struct traffic_duration *from)
{
	static const char *const names[] = { "continuous", "fixed_packets", "fixed_seconds" };
	struct tree *duration = tree_add(document, flow, TREE_OBJECT, "duration"), *object;
	enum write_limit limit = write_limit_of(from);

	if (limit == WRITE_BURST) {
		write_burst(document, duration, from);
		return;
	}
	object = write_object(document, duration, names[limit]);
	if (limit == WRITE_PACKETS)
		write_whole(document, object, "packets", from->frames);
	if (limit == WRITE_SECONDS)
		write_time(document, object, "seconds", from->time_ns);
	if (from->gap_bytes != OTG_GAP_DEFAULT)
		write_whole(document, object, "gap", from->gap_bytes);
	write_wait(document, object, "delay", from->delay_ns, from->delay_bytes);
}

static void write_metrics(struct tree_document *document, struct tree *flow,
			  const struct traffic_flow *from)
{
	struct tree *metrics;

	if (!from->track)
		return;
	metrics = tree_add(document, flow, TREE_OBJECT, "metrics");
	write_bool(document, metrics, "enable", true);
	write_bool(document, metrics, "loss", true);
	if (from->latency)
		write_bool(document, tree_add(document, metrics, TREE_OBJECT, "latency"), "enable",
			   true);
}

static void write_payload(struct tree_document *document, struct tree *flow,
			  const struct traffic_flow *from)
{
	static const char *const names[] = {
		[TRAFFIC_PAYLOAD_ZERO] = "fixed",
		[TRAFFIC_PAYLOAD_FIXED] = "fixed",
		[TRAFFIC_PAYLOAD_INCREMENT_BYTE] = "increment_byte",
		[TRAFFIC_PAYLOAD_DECREMENT_BYTE] = "decrement_byte",
		[TRAFFIC_PAYLOAD_INCREMENT_WORD] = "increment_word",
		[TRAFFIC_PAYLOAD_DECREMENT_WORD] = "decrement_word",
	};
	struct tree *payload, *fixed;

	if (from->payload == TRAFFIC_PAYLOAD_NUMBERED)
		return;
	payload = tree_add(document, flow, TREE_OBJECT, "payload");
	tree_add_text(document, payload, "choice", names[from->payload]);
	if (from->payload != TRAFFIC_PAYLOAD_FIXED && from->payload != TRAFFIC_PAYLOAD_ZERO)
		return;
	fixed = tree_add(document, payload, TREE_OBJECT, "fixed");
	if (from->payload == TRAFFIC_PAYLOAD_FIXED)
		otg_write_hex(document, fixed, "pattern", from->payload_bytes, from->payload_size);
	if (from->payload_once)
		write_bool(document, fixed, "repeat", false);
}

/* ---- x-vionet ---- */

static void write_more_rate(struct tree_document *document, struct tree *more,
			    const struct rate *rate)
{
	char text[48] = "max";

	if (write_rate_fits(rate))
		return;
	if (rate->kind != RATE_MAX)
		snprintf(text, sizeof(text), "%ju.%03ju%s", (uintmax_t)rate->milli / 1000,
			 (uintmax_t)rate->milli % 1000, rate->kind == RATE_PPS ? "pps" : "bit");
	tree_add_text(document, more, "rate", text);
}

static void write_more_limits(struct tree_document *document, struct tree *more,
			      const struct traffic_duration *from)
{
	enum write_limit limit = write_limit_of(from);

	if (from->frames != 0 && limit != WRITE_PACKETS)
		write_whole(document, more, "packets", from->frames);
	if (from->time_ns != 0 && limit != WRITE_SECONDS)
		write_time(document, more, "seconds", from->time_ns);
	if (limit == WRITE_BURST)
		write_wait(document, more, "delay", from->delay_ns, from->delay_bytes);
}

static void write_offload(struct tree_document *document, struct tree *more,
			  const struct traffic_offload *from)
{
	struct tree *offload;

	if (!from->checksum && from->segment_size == 0)
		return;
	offload = tree_add(document, more, TREE_OBJECT, "offload");
	if (from->checksum)
		write_bool(document, offload, "checksum", true);
	if (from->segment_size != 0)
		write_whole(document, offload, "segment_size", from->segment_size);
}

static void write_template(struct tree_document *document, struct tree *more, const struct traffic_template *from)
{
	struct tree *template;

	if (from->file == NULL)
		return;
	template = tree_add(document, more, TREE_OBJECT, "template");
	tree_add_text(document, template, "file", from->file);
	if (from->frame != 1)
		write_whole(document, template, "frame", from->frame);
}

/* Some may be there several times. */
static void write_setting(struct tree_document *document, struct tree *replay, const struct traffic_setting *from)
{
	struct tree *list = tree_find(replay, from->name);

	if (strncmp(from->name, "map", 3) != 0) {
		tree_add_text(document, replay, from->name, from->text);
		return;
	}
	if (list == NULL)
		list = tree_add(document, replay, TREE_LIST, from->name);
	tree_add_text(document, list, NULL, from->text);
}

static void write_replay(struct tree_document *document, struct tree *more, const struct traffic_replay *from)
{
	struct tree *replay;

	if (from->file == NULL)
		return;
	replay = tree_add(document, more, TREE_OBJECT, "replay");
	tree_add_text(document, replay, "file", from->file);
	for (size_t i = 0; i < from->settings && replay != NULL; i++)
		write_setting(document, replay, &from->setting[i]);
}

/* A replay without a rate is at its times. */
static bool write_has_rate(const struct traffic_flow *from)
{
	return from->replay.file == NULL || from->rate.kind != RATE_MAX;
}

static bool write_has_more(const struct traffic_flow *from)
{
	const struct traffic_duration *duration = &from->duration;
	enum write_limit limit = write_limit_of(duration);

	return from->arrival != TRAFFIC_CONSTANT || (write_has_rate(from) && !write_rate_fits(&from->rate)) ||
	       from->template.file != NULL || from->replay.file != NULL ||
	       (duration->frames != 0 && limit != WRITE_PACKETS) ||
	       (duration->time_ns != 0 && limit != WRITE_SECONDS) ||
	       (limit == WRITE_BURST && (duration->delay_ns != 0 || duration->delay_bytes != 0)) ||
	       from->offload.checksum || from->offload.segment_size != 0 || from->size.no_pad ||
	       from->seed != 1;
}

static void write_more(struct tree_document *document, struct tree *flow,
		       const struct traffic_flow *from)
{
	struct tree *more;

	if (!write_has_more(from))
		return;
	more = tree_add(document, flow, TREE_OBJECT, "x-vionet");
	if (from->arrival == TRAFFIC_POISSON)
		tree_add_text(document, more, "arrival", "poisson");
	if (write_has_rate(from))
		write_more_rate(document, more, &from->rate);
	write_more_limits(document, more, &from->duration);
	write_offload(document, more, &from->offload);
	if (from->size.no_pad)
		write_bool(document, more, "pad", false);
	if (from->seed != 1)
		write_whole(document, more, "seed", from->seed);
	write_template(document, more, &from->template);
	write_replay(document, more, &from->replay);
}

static void write_flow(struct tree_document *document, struct tree *list,
		       const struct traffic *traffic, const struct traffic_flow *from)
{
	struct tree *flow = tree_add(document, list, TREE_OBJECT, NULL);

	tree_add_text(document, flow, "name", from->name);
	write_ends(document, flow, traffic, from);
	if (from->template.file == NULL && from->replay.file == NULL)
		otg_write_packet(document, flow, from);
	if (from->replay.file == NULL)
		write_size(document, flow, &from->size);
	if (write_has_rate(from))
		write_rate(document, flow, &from->rate);
	write_duration(document, flow, &from->duration);
	if (from->replay.file == NULL) {
		write_metrics(document, flow, from);
		write_payload(document, flow, from);
	}
	write_more(document, flow, from);
}

/* ---- the rest ---- */

static void write_ports(struct tree_document *document, struct tree *config,
			const struct traffic *traffic)
{
	struct tree *list;

	if (traffic->ports == 0)
		return;
	list = tree_add(document, config, TREE_LIST, "ports");
	for (size_t i = 0; i < traffic->ports; i++) {
		struct tree *port = tree_add(document, list, TREE_OBJECT, NULL);

		tree_add_text(document, port, "name", traffic->port[i].name);
		if (traffic->port[i].location != NULL)
			tree_add_text(document, port, "location", traffic->port[i].location);
	}
}

static void write_capture(struct tree_document *document, struct tree *list,
			  const struct traffic *traffic, const struct traffic_capture *from)
{
	struct tree *capture = tree_add(document, list, TREE_OBJECT, NULL), *names;

	tree_add_text(document, capture, "name", from->name);
	names = tree_add(document, capture, TREE_LIST, "port_names");
	for (size_t i = 0; i < from->ports; i++)
		tree_add_text(document, names, NULL, traffic->port[from->port[i]].name);
	if (!from->overwrite)
		write_bool(document, capture, "overwrite", false);
	if (from->packet_size != 0)
		write_whole(document, capture, "packet_size", from->packet_size);
	tree_add_text(document, capture, "format", from->pcapng ? "pcapng" : "pcap");
	if (from->filter != NULL)
		tree_add_text(document, tree_add(document, capture, TREE_OBJECT, "x-vionet"), "filter",
			      from->filter);
}

static void write_rest(struct tree_document *document, struct tree *config,
		       const struct traffic *traffic)
{
	struct tree *list, *options;

	if (traffic->captures > 0) {
		list = tree_add(document, config, TREE_LIST, "captures");
		for (size_t i = 0; i < traffic->captures; i++)
			write_capture(document, list, traffic, &traffic->capture[i]);
	}
	if (!traffic->location_preemption)
		return;
	options = tree_add(document, config, TREE_OBJECT, "options");
	write_bool(document, tree_add(document, options, TREE_OBJECT, "port_options"),
		   "location_preemption", true);
}

int otg_write(const struct traffic *traffic, enum tree_format format, FILE *file)
{
	struct tree_document document = { 0 };
	struct tree *config = tree_add(&document, NULL, TREE_OBJECT, NULL), *list;
	int result;

	write_ports(&document, config, traffic);
	if (traffic->flows > 0) {
		list = tree_add(&document, config, TREE_LIST, "flows");
		for (size_t i = 0; i < traffic->flows; i++)
			write_flow(&document, list, traffic, &traffic->flow[i]);
	}
	write_rest(&document, config, traffic);
	result = document.failed ? -ENOMEM : tree_write(&document, format, file);
	tree_free(&document);
	return result;
}

char *otg_write_json(const struct traffic *traffic)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	int result;

	if (file == NULL)
		return NULL;
	result = otg_write(traffic, TREE_JSON, file);
	if (fclose(file) != 0 || result != 0) {
		free(text);
		return NULL;
	}
	return text;
}
