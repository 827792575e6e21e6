/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows of a configuration made ready for the workers: templates, tracks, memory. */
#include "tools/pktgen/engine/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/pktgen/packet/cycle.h"
#include "tools/pktgen/packet/header_table.h"

/* More tracks than this are not looked up in a table. */
#define LOAD_TABLE_MAX 65536u
/* For frames that are made beforehand, of all flows: more does not stay in a core's cache. */
#define LOAD_CYCLES_BYTES 262144u

/* ---- a flow ---- */

/* Tags behind the Ethernet header, and encapsulations. */
static void load_note_headers(struct flow *flow)
{
	const struct traffic_flow *wanted = flow->wanted;
	bool ip = false;

	for (size_t i = 1; i < wanted->headers && wanted->header[i].kind == HEADER_VLAN; i++)
		flow->vlans++;
	for (size_t i = 0; i < wanted->headers; i++) {
		unsigned int kind = wanted->header[i].kind;
		bool now = kind == HEADER_IPV4 || kind == HEADER_IPV6;

		flow->tunnels += kind == HEADER_VXLAN || kind == HEADER_GRE ||
				 kind == HEADER_GTPV1 || (now && ip);
		ip = now || (ip && kind == HEADER_IPV6_EXTENSION_HEADER);
	}
}

/* A checksum, or a length that one depends on. */
static bool load_is_of_sums(const struct field_type *field)
{
	return field->format == FIELD_CHECKSUM ||
	       (field->computed && (strstr(field->name, "length") != NULL ||
				    strstr(field->name, "offset") != NULL));
}

/* Are all checksums and lengths left to the template, and right? */
static bool load_sums_are_right(const struct traffic_flow *wanted)
{
	for (size_t i = 0; i < wanted->headers; i++) {
		const struct traffic_header *header = &wanted->header[i];
		const struct header_type *type = header_type((enum header_kind)header->kind);

		for (uint32_t j = 0; j < type->fields && j < header->fields; j++) {
			enum traffic_pattern pattern = header->field[j].pattern;

			if (pattern == TRAFFIC_BAD)
				return false;
			if (pattern != TRAFFIC_UNSET && pattern != TRAFFIC_AUTO &&
			    pattern != TRAFFIC_GOOD && load_is_of_sums(&type->field[j]))
				return false;
		}
	}
	return true;
}

static uint64_t load_seed(const struct engine *engine, uint32_t index)
{
	uint64_t seed = engine->flow[index].wanted->seed;

	return seed != 0 ? seed : schedule_random(engine->options.seed, index);
}

/* A part of the flow that its device cannot do; where it stands, if it is of a file. */
static int __attribute__((format(printf, 4, 5)))
load_refuse(const struct engine *engine, const struct traffic_flow *flow, enum traffic_part part,
	    const char *format, ...)
{
	char place[256], text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	traffic_describe_place(engine->traffic, flow, part, place, sizeof(place));
	say("%s%s", place, text);
	return CODE_USAGE;
}

/* Will the device take frames of that size? */
static int load_check_size(const struct engine *engine, const struct flow *flow)
{
	const struct port *port = &engine->port[flow->port];
	uint32_t extra = 14 + 4 * flow->vlans, mtu = ports_mtu(port);
	uint32_t size = template_size_max(flow->template);
	uint32_t segment = flow->wanted->offload.segment_size;
	bool stated = port->info.mtu != 0 || port->device.settings.have[SETTING_MTU];

	if (segment != 0 && size > template_headers(flow->template) + segment)
		size = template_headers(flow->template) + segment;
	if (size <= mtu + extra && template_size_max(flow->template) <= port->buffer_size)
		return CODE_OK;
	if (size > mtu + extra)
		return load_refuse(engine, flow->wanted, TRAFFIC_PART_SIZE,
				   ": %u bytes, but the MTU of %s is %u%s: at most %u", size,
				   port->session.name, mtu,
				   stated ? "" : " (it states none; if it can do more: --set mtu=N)", mtu + extra);
	return load_refuse(engine, flow->wanted, TRAFFIC_PART_SIZE,
			   ": %u bytes, but the buffers were made for %u", size, port->buffer_size);
}

int load_rate(const struct engine *engine, const struct flow *flow, const struct rate *wanted,
	      struct rate *rate)
{
	const struct port *port = &engine->port[flow->port];
	/* One that a client or a key gives stands in no file. */
	const struct traffic_flow named = { .name = flow->wanted->name };

	*rate = *wanted;
	if (rate->kind == RATE_PERCENT && port->info.link_speed == 0)
		return load_refuse(engine, wanted == &flow->wanted->rate ? flow->wanted : &named, TRAFFIC_PART_RATE,
				   ": %s does not report its link speed, so per cent of it mean nothing; "
				   "give 100Mbit or 10kpps instead",
				   port->session.name);
	schedule_resolve(rate, port->info.link_speed);
	return CODE_OK;
}

/* How long so many bytes take on the port's link. */
static uint64_t load_wire_ns(const struct port *port, uint64_t bytes)
{
	return port->info.link_speed != 0 ? bytes * 8000 / port->info.link_speed : 0;
}

/* Times that are given as bytes on the wire need to know how fast that is. */
static int load_check_bytes(const struct engine *engine, const struct flow *flow)
{
	const struct port *port = &engine->port[flow->port];
	const struct traffic_duration *duration = &flow->wanted->duration;

	if (port->info.link_speed != 0 ||
	    (duration->delay_bytes == 0 && duration->burst_gap_bytes == 0))
		return CODE_OK;
	return load_refuse(engine, flow->wanted, TRAFFIC_PART_DURATION,
			   ": %s does not report its link speed: give the time of the delay, or the gap, not its "
			   "bytes",
			   port->session.name);
}

void load_duration(const struct engine *engine, struct flow *flow, const struct traffic_duration *duration)
{
	const struct port *port = &engine->port[flow->port];
	struct schedule_plan *plan = &flow->plan;
	uint64_t frames = duration->frames;

	if (duration->bursts != 0)
		frames = duration->bursts * duration->burst_frames;
	plan->delay_ns = duration->delay_ns + load_wire_ns(port, duration->delay_bytes);
	plan->time_ns = duration->time_ns;
	plan->frames = frames != 0 ? frames + engine->options.warmup : 0;
	plan->burst_frames = duration->burst_frames;
	plan->gap_ns = duration->gap_ns + load_wire_ns(port, duration->burst_gap_bytes);
	plan->overhead = 12 + (duration->gap_bytes != 0 ? duration->gap_bytes : 12);
}

static void load_plan(const struct engine *engine, struct flow *flow, uint32_t index)
{
	flow->plan = (struct schedule_plan){
		.rate = flow->rate,
		.poisson = flow->wanted->arrival == TRAFFIC_POISSON,
		.seed = load_seed(engine, index),
		.size = template_size_mean(flow->template),
	};
	load_duration(engine, flow, &flow->wanted->duration);
}

/* Of a file that is read, the others have been refused where it was. */
static int load_refuse_template(const struct engine *engine, const struct flow *flow,
				const struct traffic_error *error)
{
	if (strncmp(error->path, "size", 4) == 0)
		return load_refuse(engine, flow->wanted, TRAFFIC_PART_SIZE, "%s", error->text + strlen("size"));
	if (strncmp(error->path, "offload", 7) == 0)
		return load_refuse(engine, flow->wanted, TRAFFIC_PART_OFFLOAD, "%s", error->text + strlen("offload"));
	say("%s: %s", flow->wanted->name, error->text);
	return CODE_USAGE;
}

static int load_compile(const struct engine *engine, struct flow *flow)
{
	const struct port *port = &engine->port[flow->port];
	struct template_place place = {
		.mtu = ports_mtu(port),
	};
	struct traffic_error error = { 0 };
	int result;

	memcpy(place.mac, port->info.mac, sizeof(place.mac));
	memcpy(place.gateway_mac, port->gateway, sizeof(place.gateway_mac));
	result = template_compile(flow->wanted, &place, &flow->template, &error);
	if (result == 0)
		return CODE_OK;
	if (result != -ENOMEM)
		return load_refuse_template(engine, flow, &error);
	say("%s: no memory for it", flow->wanted->name);
	return CODE_PERMISSION;
}

static bool load_is_one_value(const struct traffic_header *header, const char *name)
{
	const struct traffic_field *field = &header->field[header_field_find(HEADER_ETHERNET, name)];

	return field->pattern == TRAFFIC_UNSET || field->pattern == TRAFFIC_AUTO || field->pattern == TRAFFIC_VALUE;
}

/* MAC addresses that all frames have. */
static int load_note_mac(struct flow *flow)
{
	const struct traffic_header *header = flow->wanted->header;
	uint8_t *frame;

	flow->check_mac = flow->wanted->track && flow->wanted->headers > 0 && header->kind == HEADER_ETHERNET &&
			  load_is_one_value(header, "dst") && load_is_one_value(header, "src");
	if (!flow->check_mac)
		return CODE_OK;
	frame = malloc(template_padded(flow->template, template_size_max(flow->template)));
	if (frame == NULL) {
		say("%s: no memory for it", flow->wanted->name);
		return CODE_PERMISSION;
	}
	template_build(flow->template, frame, template_size(flow->template, 0), 0, 0, true);
	memcpy(flow->mac, frame, sizeof(flow->mac));
	free(frame);
	return CODE_OK;
}

static void load_note_checks(struct flow *flow)
{
	const struct traffic_flow *wanted = flow->wanted;
	uint32_t headers = template_headers(flow->template) + SIGNATURE_SIZE;

	flow->latency = wanted->latency;
	flow->check_sums = load_sums_are_right(wanted);
	flow->check_payload = wanted->payload == TRAFFIC_PAYLOAD_NUMBERED && wanted->track;
	flow->payload_size = UINT32_MAX;
	flow->cut = wanted->offload.segment_size != 0;
	if (wanted->size.kind == TRAFFIC_SIZE_FIXED &&
	    template_size_max(flow->template) >= headers)
		flow->payload_size = template_size_max(flow->template) - headers;
}

/* Can the device do what the flow leaves to it? */
static int load_check_offload(const struct engine *engine, const struct flow *flow)
{
	const struct port *port = &engine->port[flow->port];
	const char *missing = NULL;
	static const char *const cut[] = { "HOST_TSO4", "HOST_TSO6", "HOST_USO" };
	bool any = false;

	if (!flow->wanted->offload.checksum && flow->wanted->offload.segment_size == 0)
		return CODE_OK;
	if (!vionet_feature_test(&port->info.negotiated,
				 (unsigned int)vionet_feature_bit("CSUM")))
		missing = "CSUM";
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		any |= vionet_feature_test(&port->info.negotiated,
					   (unsigned int)vionet_feature_bit(cut[i]));
	if (missing == NULL && flow->wanted->offload.segment_size != 0 && !any)
		missing = "HOST_TSO4, HOST_TSO6 and HOST_USO";
	if (missing == NULL)
		return CODE_OK;
	return load_refuse(engine, flow->wanted, TRAFFIC_PART_OFFLOAD,
			   ": %s was not accepted by %s: nothing can be left to it", missing, port->session.name);
}

/* One that is expected nowhere may come in anywhere. */
static uint64_t load_rx_ports(const struct traffic_flow *wanted)
{
	uint64_t ports = wanted->rx_ports == 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < wanted->rx_ports; i++)
		ports |= 1ull << wanted->rx_port[i];
	return ports;
}

static int load_flow(struct engine *engine, uint32_t index, uint64_t *tracks)
{
	struct flow *flow = &engine->flow[index];
	int code;

	flow->wanted = &engine->traffic->flow[index];
	flow->port = flow->wanted->tx_port;
	flow->rx_ports = load_rx_ports(flow->wanted);
	flow->start_ns = now_ns();
	flow->streams = flow->wanted->offload.segment_size != 0 ? 1 : traffic_flow_streams(flow->wanted);
	if (flow->streams == 0 || flow->streams > ENGINE_TRACKS_MAX ||
	    *tracks + schedule_tracks(flow->streams, engine->options.queues) >
		    ENGINE_TRACKS_MAX)
		return load_refuse(engine, flow->wanted, TRAFFIC_PART_PACKET,
				   ": more than %u streams in all: fewer values of fields with metric_tags are wanted",
				   ENGINE_TRACKS_MAX);
	flow->first_track = (uint32_t)*tracks;
	flow->tracks = (uint32_t)schedule_tracks(flow->streams, engine->options.queues);
	*tracks += flow->tracks;
	load_note_headers(flow);
	code = load_rate(engine, flow, &flow->wanted->rate, &flow->rate);
	if (code == CODE_OK)
		code = load_compile(engine, flow);
	if (code == CODE_OK)
		code = load_check_size(engine, flow);
	if (code == CODE_OK)
		code = load_check_offload(engine, flow);
	if (code == CODE_OK)
		code = load_check_bytes(engine, flow);
	if (code != CODE_OK)
		return code;
	load_plan(engine, flow, index);
	load_note_checks(flow);
	return load_note_mac(flow);
}

/* ---- memory of the workers' parts ---- */

/* Of one worker and flow. */
#define PART_HISTOGRAMS 3

static size_t load_part_bytes(const struct engine *engine)
{
	size_t bytes = sizeof(struct flow_tx) + sizeof(struct flow_rx) +
		       sizeof(struct heap_entry) + sizeof(uint32_t) +
		       PART_HISTOGRAMS * sizeof(struct histogram);

	/* Alignment, and a page between workers. */
	return engine->workers * (engine->flow_count * bytes + 5 * 64 + 4096);
}

static void *load_take(char **at, size_t bytes)
{
	char *from = *at;

	*at += (bytes + 63) / 64 * 64;
	return from;
}

static void load_give_parts(struct engine *engine, struct worker *worker, char **at)
{
	uint32_t flows = engine->flow_count;
	struct histogram *histogram;

	worker->tx = load_take(at, flows * sizeof(*worker->tx));
	worker->rx = load_take(at, flows * sizeof(*worker->rx));
	worker->heap = load_take(at, flows * sizeof(*worker->heap));
	worker->max = load_take(at, flows * sizeof(*worker->max));
	histogram = load_take(at, flows * PART_HISTOGRAMS * sizeof(*histogram));
	worker->heap_count = worker->max_count = worker->max_next = 0;
	worker->rx_flow = 0;
	for (uint32_t i = 0; i < flows; i++) {
		worker->tx[i].departure = histogram++;
		worker->rx[i].latency = histogram++;
		worker->rx[i].arrival = histogram++;
		worker->tx[i].done = 1;
	}
	*at += 4096;
}

static const struct engine_source *load_source(const struct engine *engine, uint32_t flow)
{
	for (size_t i = 0; i < engine->options.sources; i++)
		if (engine->options.source[i].flow == flow)
			return &engine->options.source[i];
	return NULL;
}

static const struct template_offload *load_offload(const struct flow *flow)
{
	const struct template_offload *offload = template_offload(flow->template);

	return offload != NULL && offload->flags != 0 ? offload : NULL;
}

static void load_set_flow(const struct engine *engine, struct flow_tx *tx, uint32_t index)
{
	const struct flow *flow = &engine->flow[index];

	tx->template = flow->template;
	tx->source = load_source(engine, index);
	tx->offload = load_offload(flow);
	tx->direct = tx->source == NULL && tx->offload == NULL;
	tx->headers = template_headers(flow->template);
	tx->warmup = engine->options.warmup;
	if (flow->wanted->size.kind == TRAFFIC_SIZE_FIXED) {
		tx->size = template_size(flow->template, 0);
		tx->padded = template_padded(flow->template, tx->size);
	}
	tx->signatures = template_signatures(flow->template, tx->size);
	tx->constant = tx->signatures == 1 && template_is_constant(flow->template);
	tx->first_track = (uint32_t)engine->stream << 24 | flow->first_track;
}

static void load_set_parts(struct engine *engine, struct worker *worker)
{
	for (uint32_t i = 0; i < engine->flow_count && !engine->options.rx_only; i++) {
		load_set_flow(engine, &worker->tx[i], i);
		worker->tx[i].mark = ++engine->generation;
	}
}

/* Pages are there when they are used: most flows have few different times. */
static int load_make_parts(struct engine *engine)
{
	char *at;

	engine->parts_bytes = load_part_bytes(engine);
	engine->parts = mmap(NULL, engine->parts_bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (engine->parts == MAP_FAILED) {
		engine->parts = NULL;
		return -ENOMEM;
	}
	at = engine->parts;
	for (uint32_t i = 0; i < engine->workers; i++) {
		load_give_parts(engine, &engine->worker[i], &at);
		load_set_parts(engine, &engine->worker[i]);
	}
	return 0;
}

static int load_make_tracks(struct engine *engine, uint64_t tracks)
{
	uint32_t wide = tracks <= TRACK_WIDE_MAX ? (uint32_t)tracks : 0;
	bool several = engine->workers > 1;

	if (engine->options.rx_only) {
		tracks = ENGINE_TRACKS_MAX;
		wide = TRACK_WIDE_MAX;
	}
	if (track_table_make(&engine->tracks, (uint32_t)tracks, wide, several) != 0)
		return -ENOMEM;
	if (engine->flow_count < 2 || tracks > LOAD_TABLE_MAX)
		return 0;
	engine->flow_of_track = calloc(tracks, sizeof(*engine->flow_of_track));
	if (engine->flow_of_track == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < engine->flow_count; i++)
		for (uint32_t j = 0; j < engine->flow[i].tracks; j++)
			engine->flow_of_track[engine->flow[i].first_track + j] = i;
	return 0;
}

static void load_free_flows(struct flow *flow, uint32_t count)
{
	for (uint32_t i = 0; flow != NULL && i < count; i++)
		template_free(flow[i].template);
	free(flow);
}

void load_free(struct engine *engine)
{
	load_free_flows(engine->flow, engine->flow_count);
	engine->flow = NULL;
	engine->flow_count = 0;
	track_table_free(&engine->tracks);
	free(engine->flow_of_track);
	engine->flow_of_track = NULL;
	if (engine->parts != NULL)
		munmap(engine->parts, engine->parts_bytes);
	engine->parts = NULL;
	metrics_free(engine);
}

static int load_all(struct engine *engine)
{
	size_t cycles = LOAD_CYCLES_BYTES;
	uint64_t tracks = 0;
	int code = CODE_OK;

	for (uint32_t i = 0; i < engine->flow_count && code == CODE_OK && !engine->options.rx_only; i++) {
		code = load_flow(engine, i, &tracks);
		if (code == CODE_OK)
			cycles -= cycle_make(engine->flow[i].template, cycles);
	}
	if (code != CODE_OK)
		return code;
	if (load_make_tracks(engine, tracks) != 0 || load_make_parts(engine) != 0 ||
	    metrics_make(engine) != 0) {
		say("no memory for %u flows with %ju streams", engine->flow_count,
		    (uintmax_t)tracks);
		return CODE_PERMISSION;
	}
	return CODE_OK;
}

/* The old ones stay until the new ones are ready. */
int load_flows(struct engine *engine, const struct traffic *traffic)
{
	struct engine old = *engine;
	int code;

	engine->traffic = traffic;
	/* With rx_only: what arrives, all of it. */
	engine->flow_count = engine->options.rx_only ? 1 : (uint32_t)traffic->flows;
	engine->flow = calloc(engine->flow_count + 1, sizeof(*engine->flow));
	engine->flow_of_track = NULL;
	engine->parts = NULL;
	engine->tracks = (struct track_table){ 0 };
	metrics_forget(engine);
	code = engine->flow != NULL ? load_all(engine) : CODE_PERMISSION;
	if (code == CODE_OK) {
		load_free(&old);
		return CODE_OK;
	}
	load_free(engine);
	engine->traffic = old.traffic;
	engine->flow = old.flow;
	engine->flow_count = old.flow_count;
	engine->flow_of_track = old.flow_of_track;
	engine->parts = old.parts;
	engine->parts_bytes = old.parts_bytes;
	engine->tracks = old.tracks;
	engine->metrics = old.metrics;
	engine->before = old.before;
	return code;
}

/* All counts begin anew. */
void load_clear(struct engine *engine)
{
	char *at = engine->parts;

	track_table_clear(&engine->tracks);
	madvise(engine->parts, engine->parts_bytes, MADV_DONTNEED);
	for (uint32_t i = 0; i < engine->workers; i++) {
		struct worker *worker = &engine->worker[i];

		load_give_parts(engine, worker, &at);
		load_set_parts(engine, worker);
		memset(&worker->sent, 0, sizeof(worker->sent));
		memset(&worker->received, 0, sizeof(worker->received));
		memset(&worker->own, 0, sizeof(worker->own));
		memset(&worker->other, 0, sizeof(worker->other));
		memset(worker->vlans, 0, sizeof(worker->vlans));
		worker->damaged = worker->tunnelled = worker->readdressed = worker->misdelivered = 0;
	}
}

/* Those of one flow. */
void load_clear_flow(struct engine *engine, uint32_t index)
{
	const struct flow *flow = &engine->flow[index];

	track_table_clear_part(&engine->tracks, flow->first_track, flow->tracks);
	for (uint32_t i = 0; i < engine->workers; i++) {
		struct flow_tx *tx = &engine->worker[i].tx[index];
		struct flow_rx *rx = &engine->worker[i].rx[index];

		memset(tx->departure, 0, sizeof(*tx->departure));
		memset(rx->latency, 0, sizeof(*rx->latency));
		memset(rx->arrival, 0, sizeof(*rx->arrival));
		*rx = (struct flow_rx){ .latency = rx->latency, .arrival = rx->arrival };
		tx->sent = (struct engine_count){ 0 };
		tx->numbered = tx->full = tx->slipped_ns = tx->done_ns = 0;
	}
}
