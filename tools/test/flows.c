/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/flows.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"

/* ---- of options ---- */

static struct traffic_field *flows_link_field(struct traffic_flow *flow, const char *path)
{
	return &flow->header[0].field[header_field_find(HEADER_ETHERNET, path)];
}

/* The second device only says where it is: by its own address. */
static void flows_forget_source(struct traffic_flow *flow)
{
	struct traffic_field *field = flows_link_field(flow, "src");

	free(field->values);
	*field = (struct traffic_field){ 0 };
}

static void flows_make_of_options(struct test_options *options)
{
	struct load_options *load = &options->load.load;
	bool both = options->config.devices == 2;

	if (options->config.devices > 2)
		refuse_usage("test: two devices at most, not also '%.40s'",
			     clean(options->config.device[2]));
	if (both && !options->one_direction && load_link_was_given(&options->load, true))
		refuse_usage("--%s: both devices would send with it; give --direction one, or --config",
			     load->tunnel == LOAD_VXLAN ? "outer-src-mac" : "src-mac");
	load->bidirectional = both;
	load->queues = options->queues;
	config_make(&options->config, &options->load, &options->traffic);
	if (both && load_link_was_given(&options->load, true))
		flows_forget_source(&options->traffic.flow[1]);
}

/* ---- of a file ---- */

static void flows_check_flow(const char *file, const struct traffic *traffic, size_t i)
{
	const struct traffic_flow *flow = &traffic->flow[i];
	uint32_t other = traffic->ports == 2 ? 1 - (uint32_t)i : 0;

	if (flow->tx_port != i || flow->rx_ports != 1 || flow->rx_port[0] != other)
		refuse_usage("--config %.80s: flows[%zu] has to go from ports[%zu] to ports[%u], and to no other",
			     file, i, i, other);
	if (flow->replay.file != NULL)
		refuse_usage("--config %.80s: flows[%zu] replays a capture; a trial sends frames that it numbers",
			     file, i);
	if (flow->offload.segment_size != 0)
		refuse_usage("--config %.80s: flows[%zu] is segmented; a trial counts frames as they are sent",
			     file, i);
}

static void flows_make_of_file(struct test_options *options)
{
	struct traffic *traffic = &options->traffic;
	const char *file = options->config.file;

	config_make(&options->config, &options->load, traffic);
	if (traffic->ports > 2 || traffic->flows == 0 || traffic->flows > traffic->ports)
		refuse_usage("--config %.80s: %zu port%s with %zu flow%s; one or two ports are wanted, with one "
			     "flow from each",
			     file, traffic->ports, plural(traffic->ports), traffic->flows,
			     plural(traffic->flows));
	if (traffic->captures != 0)
		refuse_usage("--config %.80s: captures have no effect with test; leave them out", file);
	for (size_t i = 0; i < traffic->flows; i++) {
		flows_check_flow(file, traffic, i);
		traffic->flow[i].track = traffic->flow[i].latency = true;
		traffic->flow[i].arrival = TRAFFIC_CONSTANT;
		traffic->flow[i].rate = load_defaults.rate;
		traffic->flow[i].duration = load_defaults.duration;
	}
}

/* ---- all ---- */

void flows_make(struct test_options *options, bool direction)
{
	struct traffic *traffic = &options->traffic;

	if (options->config.file != NULL)
		flows_make_of_file(options);
	else
		flows_make_of_options(options);
	options->names = (unsigned int)traffic->ports;
	for (size_t i = 0; i < traffic->ports; i++)
		options->name[i] = traffic->port[i].location;
	options->device.name = options->name[0];
	if (options->names == 1 && direction)
		refuse_usage("--direction has no effect with one device: give DEVICE,DEVICE2");
	if (options->names == 2 && traffic->flows == 1) {
		if (direction && !options->one_direction)
			refuse_usage("--direction both: %.80s has no flow from its second port",
				     options->config.file);
		options->one_direction = true;
	}
}

uint32_t flows_tags(const struct test_options *options)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < options->traffic.flows; i++) {
		const struct traffic_flow *flow = &options->traffic.flow[i];
		uint32_t tags = 0;

		while (tags + 1 < flow->headers && flow->header[tags + 1].kind == HEADER_VLAN)
			tags++;
		least = tags < least ? tags : least;
	}
	return least;
}

static uint32_t flows_least(const struct test_options *options)
{
	uint32_t least = 0;

	for (size_t i = 0; i < options->traffic.flows; i++) {
		uint32_t own = load_least_size(&options->traffic.flow[i]) + TEST_FCS;

		least = own > least ? own : least;
	}
	return least;
}

/* As of pktgen: what has no room for the headers is longer. */
static void flows_grow_mix(struct test_options *options, struct traffic_size *mix, uint32_t least)
{
	double sum = 0, weights = 0;

	for (size_t i = 0; i < mix->weight_count; i++) {
		struct traffic_weight *part = &mix->weight[i];

		part->size += 4 * flows_tags(options);
		if (part->size + TEST_FCS < least)
			part->size = least - TEST_FCS;
		if (part->size + TEST_FCS > options->mix_longest)
			options->mix_longest = part->size + TEST_FCS;
		sum += part->weight * part->size;
		weights += part->weight;
	}
	options->mix_size = (uint32_t)(sum / weights + 0.5) + TEST_FCS;
}

static void flows_make_mix(struct test_options *options, uint32_t least)
{
	for (size_t i = 0; i < options->traffic.flows; i++) {
		struct traffic_size *size = &options->traffic.flow[i].size;
		struct parse_error error;

		free(size->weight);
		*size = (struct traffic_size){ 0 };
		need_parsed(load_parse_size("--sizes", "imix", size, &error), &error);
		flows_grow_mix(options, size, least);
	}
	for (unsigned int i = 0; i < options->sizes; i++)
		if (options->size[i] == options->mix_size)
			refuse_usage("--sizes: %u is the mean of imix; leave one of them out", options->mix_size);
}

void flows_name_size(const struct test_options *options, uint32_t size, char name[16])
{
	if (size == options->mix_size)
		snprintf(name, 16, "imix");
	else
		snprintf(name, 16, "%u bytes", size);
}

void flows_check_sizes(struct test_options *options, bool given)
{
	uint32_t least = flows_least(options);
	unsigned int kept = 0;

	for (unsigned int i = 0; i < options->sizes; i++) {
		uint32_t size = options->size[i];

		if (size == TEST_IMIX) {
			if (options->mix_size == 0)
				flows_make_mix(options, least);
			size = options->mix_size;
		}
		if (size < least && given && !options->standard_sizes)
			refuse_usage("--sizes: %u bytes have no room for these headers and a number; %u are the least",
				     size, least);
		size = size < least ? least : size;
		if (kept == 0 || options->size[kept - 1] != size)
			options->size[kept++] = size;
	}
	options->sizes = kept;
}

void flows_set_size(struct test_options *options, uint32_t size)
{
	for (size_t i = 0; i < options->traffic.flows; i++) {
		struct traffic_flow *flow = &options->traffic.flow[i];

		flow->size.kind = size + TEST_FCS == options->mix_size ? TRAFFIC_SIZE_WEIGHTS : TRAFFIC_SIZE_FIXED;
		flow->size.min = flow->size.max = size;
	}
}

void flows_set_destination(struct test_options *options, uint32_t flow, const uint8_t mac[6])
{
	static const uint8_t unknown[6];
	struct traffic_field *field = flows_link_field(&options->traffic.flow[flow], "dst");

	if (options->config.file != NULL || load_link_was_given(&options->load, false) ||
	    memcmp(mac, unknown, sizeof(unknown)) == 0)
		return;
	field->start = 0;
	for (int i = 0; i < 6; i++)
		field->start = field->start << 8 | mac[i];
}
