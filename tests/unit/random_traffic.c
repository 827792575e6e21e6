/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/random_traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"

static uint64_t random_state;

static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t random_below(uint64_t limit)
{
	return random_next() % limit;
}

/* One of n, now and then. */
static bool random_one_in(unsigned int n)
{
	return random_below(n) == 0;
}

/* Any width, the ends more often than chance has it. */
static uint64_t random_bits(unsigned int bits)
{
	uint64_t all = ~0ULL >> (64 - bits);

	return random_one_in(8) ? all : random_one_in(8) ? 0
							 : random_next() & all;
}

static void *random_room(size_t count, size_t size)
{
	void *room = calloc(count, size);

	if (room == NULL)
		abort();
	return room;
}

static char *random_name(const char *kind, size_t number)
{
	static const char *const odd[] = { "", " \"x\"", ": y", "#z", "\xc3\xa4", " {[, ]}", "\\n", "%s", "- a", "'", "\xf0\x9f\x98\x80" };
	char *name;

	if (asprintf(&name, "%s %zu%s", kind, number, odd[random_below(sizeof(odd) / sizeof(odd[0]))]) < 0)
		abort();
	return name;
}

/* ---- fields ---- */

static traffic_value random_value(const struct field_type *type)
{
	if (type->bits <= 64)
		return random_bits(type->bits);
	return (traffic_value)random_bits(64) << 64 | random_bits(64);
}

static void random_values(const struct field_type *type, struct traffic_field *field)
{
	field->pattern = TRAFFIC_VALUES;
	field->value_count = 1 + random_below(5);
	field->values = random_room(field->value_count, sizeof(*field->values));
	for (size_t i = 0; i < field->value_count; i++)
		field->values[i] = random_value(type);
}

static void random_random(const struct field_type *type, struct traffic_field *field)
{
	traffic_value a = random_value(type), b = random_value(type);

	field->pattern = TRAFFIC_RANDOM;
	field->min = a < b ? a : b;
	field->max = a < b ? b : a;
	field->seed = 1 + random_below(UINT64_MAX);
	field->count = random_bits(32);
}

static void random_pattern(const struct field_type *type, struct traffic_field *field)
{
	unsigned int which = (unsigned int)random_below(type->constant ? 1 : 5);

	if (which == 0) {
		field->pattern = TRAFFIC_VALUE;
		field->start = random_value(type);
	} else if (which == 1) {
		random_values(type, field);
	} else if (which == 2) {
		random_random(type, field);
	} else {
		field->pattern = which == 3 ? TRAFFIC_INCREMENT : TRAFFIC_DECREMENT;
		field->start = random_value(type);
		field->step = random_value(type);
		field->count = 1 + random_bits(31);
	}
}

static void random_checksum(struct traffic_field *field)
{
	static const enum traffic_pattern patterns[] = { TRAFFIC_VALUE, TRAFFIC_GOOD, TRAFFIC_BAD };

	field->pattern = patterns[random_below(3)];
	if (field->pattern == TRAFFIC_VALUE)
		field->start = random_bits(16);
}

static void random_field(const struct field_type *type, struct traffic_field *field)
{
	if (type->format == FIELD_CHECKSUM) {
		random_checksum(field);
		return;
	}
	if (type->automatic && random_one_in(3))
		field->pattern = TRAFFIC_AUTO;
	else if (!random_one_in(5))
		random_pattern(type, field);
	field->tagged = random_one_in(3);
	if (field->tagged)
		field->tag = random_name("tag", 1);
}

/* ---- headers ---- */

/* The word behind a path's prefix, if it is below it. */
static size_t random_word(const char *path, const char *prefix, const char **word)
{
	size_t length = strlen(prefix);

	if (length > 0 && (strncmp(path, prefix, length) != 0 || path[length] != '.'))
		return 0;
	*word = path + length + (length > 0);
	return strcspn(*word, ".");
}

/* Of an object with `choice` one alternative is used: may this path be, when `first` is? */
static bool random_fits(const struct header_type *type, const char *first, const char *path)
{
	for (uint32_t i = 0; i < type->choices; i++) {
		const char *a, *b;
		size_t x = random_word(first, type->choice[i].path, &a), y = random_word(path, type->choice[i].path, &b);

		if (x > 0 && y > 0 && (x != y || memcmp(a, b, x) != 0) &&
		    (type->choice[i].path[0] != '\0' || (a[x] == '.' && b[y] == '.')))
			return false;
	}
	return true;
}

static void random_bytes(struct traffic_header *header)
{
	header->byte_count = header->kind == HEADER_CUSTOM ? 1 + random_below(40) : random_below(39);
	header->bytes = random_room(header->byte_count + 1, 1);
	for (size_t i = 0; i < header->byte_count; i++)
		header->bytes[i] = (uint8_t)random_next();
}

static void random_header(struct traffic_header **list, size_t *count, enum header_kind kind);

/* Parts in the order of the wire: list after list. Of the lists of a choice the first that was taken. */
static void random_parts(struct traffic_header *header)
{
	const char *taken = NULL, *list = NULL;

	for (int first = HEADER_PARTS; first < HEADER_KINDS; first++) {
		const struct header_type *type = header_type(first);
		size_t parts = 0;

		if (type->parent != header->kind || (list != NULL && strcmp(type->list, list) == 0))
			continue;
		list = type->list;
		if (taken == NULL || random_fits(header_type(header->kind), taken, list))
			parts = type->single ? random_below(2) : random_below(4);
		while (parts-- > 0) {
			int kind = first + (int)random_below(4);

			taken = list;
			if (kind >= HEADER_KINDS || header_type(kind)->parent != header->kind ||
			    strcmp(header_type(kind)->list, list) != 0)
				kind = first;
			random_header(&header->part, &header->parts, kind);
		}
	}
}

static void random_header(struct traffic_header **list, size_t *count, enum header_kind kind)
{
	const struct header_type *type = header_type(kind);
	struct traffic_header *header = traffic_header_add(list, count, kind, type->fields);
	const char *set[64];
	size_t sets = 0;

	if (header == NULL)
		abort();
	for (uint32_t i = 0; i < type->fields; i++) {
		bool fits = random_one_in(2);

		for (size_t j = 0; j < sets; j++)
			fits = fits && random_fits(type, set[j], type->field[i].name);
		if (!fits)
			continue;
		set[sets++] = type->field[i].name;
		random_field(&type->field[i], &header->field[i]);
	}
	if (type->bytes != NULL)
		random_bytes(header);
	random_parts(header);
}

/* ---- flows ---- */

static void random_size(struct traffic_size *size)
{
	size->kind = random_below(4);
	size->min = 14 + (uint32_t)random_below(65544);
	size->no_pad = random_one_in(3);
	if (size->kind == TRAFFIC_SIZE_INCREMENT || size->kind == TRAFFIC_SIZE_RANDOM)
		size->max = size->min + (uint32_t)random_below(65558 - size->min);
	if (size->kind == TRAFFIC_SIZE_INCREMENT)
		size->step = 1 + (uint32_t)random_below(100);
	if (size->kind != TRAFFIC_SIZE_WEIGHTS)
		return;
	size->min = 0;
	size->weight_count = 1 + random_below(4);
	size->weight = random_room(size->weight_count, sizeof(*size->weight));
	for (size_t i = 0; i < size->weight_count; i++)
		size->weight[i] = (struct traffic_weight){ 14 + (uint32_t)random_below(1500),
							   (double)(1 + random_below(1000000)) / 7 };
}

static void random_rate(struct rate *rate)
{
	rate->kind = random_below(4);
	if (rate->kind == RATE_PPS)
		rate->milli = 1 + random_below(1000000000000000);
	if (rate->kind == RATE_BPS)
		rate->milli = 1 + random_below(100000000000000000);
	if (rate->kind == RATE_PERCENT)
		rate->milli = 1 + random_below(100000);
	if (random_one_in(2) && rate->milli > 1000)
		rate->milli -= rate->milli % 1000;
}

static void random_wait(uint64_t *ns, uint64_t *bytes)
{
	if (random_one_in(3))
		*ns = random_below(1ULL << 50);
	else if (random_one_in(3))
		*bytes = 13 + random_below(1ULL << 40);
}

static void random_duration(struct traffic_duration *duration)
{
	duration->gap_bytes = random_one_in(2) ? 12 : (uint32_t)random_bits(32);
	duration->frames = random_one_in(2) ? 0 : 1 + random_bits(random_one_in(3) ? 60 : 31);
	duration->time_ns = random_one_in(2) ? 0 : 1 + random_below(1ULL << 58);
	random_wait(&duration->delay_ns, &duration->delay_bytes);
	if (!random_one_in(3))
		return;
	duration->bursts = random_bits(32);
	duration->burst_frames = 1 + random_bits(31);
	random_wait(&duration->gap_ns, &duration->burst_gap_bytes);
}

static void random_payload(struct traffic_flow *flow)
{
	flow->payload = random_below(7);
	if (flow->payload != TRAFFIC_PAYLOAD_FIXED)
		return;
	flow->payload_size = 1 + random_below(20);
	flow->payload_bytes = random_room(flow->payload_size, 1);
	flow->payload_bytes[0] = 1; /* zeros are another kind */
	for (size_t i = 1; i < flow->payload_size; i++)
		flow->payload_bytes[i] = (uint8_t)random_next();
	flow->payload_once = random_one_in(2);
}

static void random_flow(const struct traffic *traffic, struct traffic_flow *flow, size_t number)
{
	size_t headers = 1 + random_below(5);

	flow->name = random_name("flow", number);
	flow->tx_port = (uint32_t)random_below(traffic->ports);
	flow->rx_ports = random_below(traffic->ports + 1);
	if (flow->rx_ports > 0)
		flow->rx_port = random_room(flow->rx_ports, sizeof(*flow->rx_port));
	for (size_t i = 0; i < flow->rx_ports; i++)
		flow->rx_port[i] = (uint32_t)((i + number) % traffic->ports);
	while (headers-- > 0)
		random_header(&flow->header, &flow->headers, (enum header_kind)random_below(HEADER_PARTS));
	random_size(&flow->size);
	random_rate(&flow->rate);
	random_duration(&flow->duration);
	random_payload(flow);
	flow->arrival = random_one_in(3) ? TRAFFIC_POISSON : TRAFFIC_CONSTANT;
	flow->track = random_one_in(2);
	flow->latency = flow->track && random_one_in(2);
	flow->offload.checksum = random_one_in(3);
	flow->offload.segment_size = random_one_in(3) ? (uint16_t)(64 + random_below(65000)) : 0;
	flow->seed = random_one_in(2) ? 1 : random_next();
}

static void random_capture(const struct traffic *traffic, struct traffic_capture *capture, size_t number)
{
	capture->name = random_name("capture", number);
	capture->ports = 1 + random_below(traffic->ports);
	capture->port = random_room(capture->ports, sizeof(*capture->port));
	for (size_t i = 0; i < capture->ports; i++)
		capture->port[i] = (uint32_t)i;
	capture->overwrite = random_one_in(2);
	capture->pcapng = random_one_in(2);
	capture->packet_size = random_one_in(2) ? 0 : 1 + (uint32_t)random_below(65535);
	capture->filter = random_one_in(2) ? NULL : random_name("udp and port", number);
}

void random_traffic(struct traffic *traffic, unsigned int seed)
{
	*traffic = (struct traffic){ 0 };
	random_state = seed;
	traffic->ports = 1 + random_below(3);
	traffic->port = random_room(traffic->ports, sizeof(*traffic->port));
	for (size_t i = 0; i < traffic->ports; i++) {
		traffic->port[i].name = random_name("port", i);
		traffic->port[i].location = random_one_in(3) ? NULL : random_name("vfio-user:/tmp/nic", i);
	}
	traffic->flows = random_below(4);
	traffic->flow = random_room(traffic->flows + 1, sizeof(*traffic->flow));
	for (size_t i = 0; i < traffic->flows; i++)
		random_flow(traffic, &traffic->flow[i], i);
	traffic->captures = random_below(3);
	traffic->capture = random_room(traffic->captures + 1, sizeof(*traffic->capture));
	for (size_t i = 0; i < traffic->captures; i++)
		random_capture(traffic, &traffic->capture[i], i);
	traffic->location_preemption = random_one_in(2);
}

/* ---- comparing ---- */

/* Leaves the function with what differs. */
#define SAME(condition)                                              \
	do {                                                         \
		if (!(condition)) {                                  \
			snprintf(difference, 200, "%s", #condition); \
			return false;                                \
		}                                                    \
	} while (0)

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return size == 0 || memcmp(a, b, size) == 0;
}

static bool same_field(const struct traffic_field *a, const struct traffic_field *b, char *difference)
{
	SAME(a->pattern == b->pattern);
	SAME(a->start == b->start);
	SAME(a->step == b->step);
	SAME(a->min == b->min);
	SAME(a->max == b->max);
	SAME(a->count == b->count);
	SAME(a->seed == b->seed);
	SAME(a->value_count == b->value_count);
	for (size_t i = 0; i < a->value_count; i++)
		SAME(a->values[i] == b->values[i]);
	SAME(a->tagged == b->tagged);
	SAME(same_text(a->tag, b->tag));
	return true;
}

static bool same_headers(const struct traffic_header *a, const struct traffic_header *b, size_t count, char *difference)
{
	for (size_t i = 0; i < count; i++) {
		SAME(a[i].kind == b[i].kind);
		SAME(a[i].fields == b[i].fields);
		for (size_t j = 0; j < a[i].fields; j++)
			if (!same_field(&a[i].field[j], &b[i].field[j], difference)) {
				size_t used = strlen(difference);

				snprintf(difference + used, 200 - used, " in %s.%s", header_type(a[i].kind)->name,
					 header_type(a[i].kind)->field[j].name);
				return false;
			}
		SAME(a[i].byte_count == b[i].byte_count);
		SAME(same_bytes(a[i].bytes, b[i].bytes, a[i].byte_count));
		SAME(a[i].parts == b[i].parts);
		if (!same_headers(a[i].part, b[i].part, a[i].parts, difference))
			return false;
	}
	return true;
}

static bool same_size(const struct traffic_size *a, const struct traffic_size *b, char *difference)
{
	SAME(a->kind == b->kind);
	SAME(a->min == b->min);
	SAME(a->max == b->max);
	SAME(a->step == b->step);
	SAME(a->no_pad == b->no_pad);
	SAME(a->weight_count == b->weight_count);
	for (size_t i = 0; i < a->weight_count; i++) {
		SAME(a->weight[i].size == b->weight[i].size);
		SAME(a->weight[i].weight == b->weight[i].weight);
	}
	return true;
}

static bool same_duration(const struct traffic_duration *a, const struct traffic_duration *b, char *difference)
{
	SAME(a->frames == b->frames);
	SAME(a->time_ns == b->time_ns);
	SAME(a->delay_ns == b->delay_ns);
	SAME(a->delay_bytes == b->delay_bytes);
	SAME(a->bursts == b->bursts);
	SAME(a->burst_frames == b->burst_frames);
	SAME(a->gap_ns == b->gap_ns);
	SAME(a->burst_gap_bytes == b->burst_gap_bytes);
	SAME(a->gap_bytes == b->gap_bytes);
	return true;
}

static bool same_flow(const struct traffic_flow *a, const struct traffic_flow *b, char *difference)
{
	SAME(same_text(a->name, b->name));
	SAME(a->tx_port == b->tx_port);
	SAME(a->rx_ports == b->rx_ports);
	SAME(same_bytes(a->rx_port, b->rx_port, a->rx_ports * sizeof(*a->rx_port)));
	SAME(a->headers == b->headers);
	SAME(a->rate.kind == b->rate.kind);
	SAME(a->rate.milli == b->rate.milli);
	SAME(a->arrival == b->arrival);
	SAME(a->payload == b->payload);
	SAME(a->payload_size == b->payload_size);
	SAME(same_bytes(a->payload_bytes, b->payload_bytes, a->payload_size));
	SAME(a->payload_once == b->payload_once);
	SAME(a->track == b->track);
	SAME(a->latency == b->latency);
	SAME(a->offload.checksum == b->offload.checksum);
	SAME(a->offload.segment_size == b->offload.segment_size);
	SAME(a->seed == b->seed);
	return same_headers(a->header, b->header, a->headers, difference) &&
	       same_size(&a->size, &b->size, difference) && same_duration(&a->duration, &b->duration, difference);
}

static bool same_capture(const struct traffic_capture *a, const struct traffic_capture *b, char *difference)
{
	SAME(same_text(a->name, b->name));
	SAME(a->ports == b->ports);
	SAME(same_bytes(a->port, b->port, a->ports * sizeof(*a->port)));
	SAME(same_text(a->filter, b->filter));
	SAME(a->overwrite == b->overwrite);
	SAME(a->pcapng == b->pcapng);
	SAME(a->packet_size == b->packet_size);
	return true;
}

bool random_traffic_equal(const struct traffic *a, const struct traffic *b, char difference[200])
{
	SAME(a->ports == b->ports);
	for (size_t i = 0; i < a->ports; i++) {
		SAME(same_text(a->port[i].name, b->port[i].name));
		SAME(same_text(a->port[i].location, b->port[i].location));
	}
	SAME(a->flows == b->flows);
	for (size_t i = 0; i < a->flows; i++)
		if (!same_flow(&a->flow[i], &b->flow[i], difference))
			return false;
	SAME(a->captures == b->captures);
	for (size_t i = 0; i < a->captures; i++)
		if (!same_capture(&a->capture[i], &b->capture[i], difference))
			return false;
	SAME(a->location_preemption == b->location_preemption);
	return true;
}
