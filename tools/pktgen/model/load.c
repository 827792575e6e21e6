/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/model/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"

#define FRAME_LEAST 60u
#define SIGNATURE_BYTES 18u
#define PORT_FIRST 49152u /* of the dynamic ones */
#define PORTS_DYNAMIC (65536u - PORT_FIRST)
#define SEED_FIXED 1
#define MANY_IPV4_FIRST 0x0a000001 /* 10.0.0.1: 198.18.0.0/15 has no room for millions */

const struct load_options load_defaults = {
	.dst_mac = { .pattern = TRAFFIC_VALUE, .start = 0x0276696f0001 },
	.duration = { .gap_bytes = 12 },
	.rate = { .kind = RATE_MAX },
	.queues = 1,
	.seed = SEED_FIXED,
};

/* The RFCs' addresses for benchmarks: 2544 and 5180. */
static const traffic_value load_ipv4_default[2] = { 0xc6120001, 0xc6130001 };
static const traffic_value load_outer_ipv4_default[2] = { 0xc6128001, 0xc6138001 };
#define LOAD_IPV6(low_half, address) \
	((traffic_value)0x2001000200000000 << 64 | (traffic_value)(low_half) << 64 | (address))

/* A flow that is being made, and whether memory or sense was missing. */
struct load_maker {
	const struct load_options *load;
	struct traffic_flow *flow;
	bool back; /* it goes the other way: source and destination change places */
	enum load_family family;
	bool failed;
};

static void load_copy(struct load_maker *maker, struct traffic_field *to,
		      const struct traffic_field *from)
{
	*to = *from;
	if (from->value_count == 0)
		return;
	to->values = malloc(from->value_count * sizeof(*to->values));
	if (to->values == NULL) {
		to->value_count = 0;
		maker->failed = true;
		return;
	}
	memcpy(to->values, from->values, from->value_count * sizeof(*to->values));
}

static struct traffic_header *load_add(struct load_maker *maker, enum header_kind kind)
{
	struct traffic_header *header = traffic_header_add(&maker->flow->header, &maker->flow->headers,
							   kind, header_type(kind)->fields);

	maker->failed |= header == NULL;
	return header;
}

/* A field that was not given stays unset. */
static void load_set(struct load_maker *maker, struct traffic_header *header, const char *path,
		     const struct traffic_field *value)
{
	if (header != NULL && value->pattern != TRAFFIC_UNSET)
		load_copy(maker, &header->field[header_field_find(header->kind, path)], value);
}

static void load_set_value(struct load_maker *maker, struct traffic_header *header,
			   const char *path, traffic_value value)
{
	const struct traffic_field field = { .pattern = TRAFFIC_VALUE, .start = value };

	load_set(maker, header, path, &field);
}

static const struct traffic_field *load_or(const struct traffic_field *given,
					   const struct traffic_field *preset)
{
	return given->pattern != TRAFFIC_UNSET ? given : preset;
}

/* ---- headers ---- */

/* The type in front of a tag says which kind it is: by itself 802.1Q, the outermost of several 802.1ad. */
static uint32_t load_tag_type(const struct load_options *load, size_t tag)
{
	if (load->tag[tag].type != 0)
		return load->tag[tag].type;
	return tag == 0 && load->tags > 1 ? 0x88a8 : 0x8100;
}

static void load_add_tags(struct load_maker *maker, struct traffic_header *ethernet)
{
	const struct load_options *load = maker->load;

	if (load->tags > 0 && load_tag_type(load, 0) != 0x8100)
		load_set_value(maker, ethernet, "ether_type", load_tag_type(load, 0));
	for (size_t i = 0; i < load->tags; i++) {
		struct traffic_header *vlan = load_add(maker, HEADER_VLAN);

		load_set(maker, vlan, "id", &load->tag[i].id);
		load_set(maker, vlan, "priority", &load->pcp);
		if (i + 1 < load->tags && load_tag_type(load, i + 1) != 0x8100)
			load_set_value(maker, vlan, "tpid", load_tag_type(load, i + 1));
	}
}

static void load_add_link(struct load_maker *maker)
{
	const struct load_options *load = maker->load;
	bool outer = load->tunnel == LOAD_VXLAN;
	struct traffic_header *ethernet = load_add(maker, HEADER_ETHERNET);

	load_set(maker, ethernet, "dst",
		 outer ? load_or(&load->outer_dst_mac, &load_defaults.dst_mac) : &load->dst_mac);
	load_set(maker, ethernet, "src", outer ? &load->outer_src_mac : &load->src_mac);
	load_add_tags(maker, ethernet);
	for (size_t i = 0; i < load->labels; i++)
		load_set(maker, load_add(maker, HEADER_MPLS), "label", &load->label[i]);
}

static void load_shift(struct traffic_field *field, unsigned int bits)
{
	field->start <<= bits;
	field->step <<= bits;
	for (size_t i = 0; i < field->value_count; i++)
		field->values[i] <<= bits;
}

static void load_add_ipv4(struct load_maker *maker, const struct load_address *src,
			  const struct load_address *dst, const traffic_value preset[2])
{
	struct traffic_header *header = load_add(maker, HEADER_IPV4);
	const struct traffic_field src_preset = { .pattern = TRAFFIC_VALUE, .start = preset[maker->back] };
	const struct traffic_field dst_preset = { .pattern = TRAFFIC_VALUE, .start = preset[!maker->back] };

	load_set(maker, header, "src", load_or(&src->field, &src_preset));
	load_set(maker, header, "dst", load_or(&dst->field, &dst_preset));
}

static void load_add_ipv6(struct load_maker *maker, const struct load_address *src,
			  const struct load_address *dst, uint64_t number)
{
	struct traffic_header *header = load_add(maker, HEADER_IPV6);
	const traffic_value preset[2] = { LOAD_IPV6(0, number), LOAD_IPV6(0x8000, number) };
	const struct traffic_field src_preset = { .pattern = TRAFFIC_VALUE, .start = preset[maker->back] };
	const struct traffic_field dst_preset = { .pattern = TRAFFIC_VALUE, .start = preset[!maker->back] };

	load_set(maker, header, "src", load_or(&src->field, &src_preset));
	load_set(maker, header, "dst", load_or(&dst->field, &dst_preset));
}

static void load_add_ip(struct load_maker *maker)
{
	const struct load_options *load = maker->load;
	const struct load_address *src = maker->back ? &load->dst_ip : &load->src_ip;
	const struct load_address *dst = maker->back ? &load->src_ip : &load->dst_ip;
	struct traffic_header *header;

	if (maker->family == LOAD_IPV6)
		load_add_ipv6(maker, src, dst, 1);
	else
		load_add_ipv4(maker, src, dst, load_ipv4_default);
	if (maker->failed)
		return;
	header = &maker->flow->header[maker->flow->headers - 1];
	load_set(maker, header, maker->family == LOAD_IPV6 ? "hop_limit" : "time_to_live", &load->ttl);
	load_set(maker, header, maker->family == LOAD_IPV6 ? "traffic_class" : "priority.dscp.phb",
		 &load->dscp);
	if (maker->family == LOAD_IPV6 && load->dscp.pattern != TRAFFIC_UNSET)
		load_shift(&header->field[header_field_find(HEADER_IPV6, "traffic_class")], 2);
}

/* What varies inside varies the tunnel's source port too, so that queues are chosen by it. */
static void load_add_tunnel_port(struct load_maker *maker)
{
	uint64_t flows = maker->load->flows;
	const struct traffic_field many = {
		.pattern = TRAFFIC_INCREMENT,
		.start = PORT_FIRST,
		.step = 1,
		.count = flows < PORTS_DYNAMIC ? flows : PORTS_DYNAMIC,
	};
	struct traffic_header *udp = load_add(maker, HEADER_UDP);

	if (flows > 1)
		load_set(maker, udp, "src_port", &many);
	else
		load_set_value(maker, udp, "src_port", PORT_FIRST);
}

static void load_add_tunnel(struct load_maker *maker)
{
	const struct load_options *load = maker->load;
	const struct load_address *src = maker->back ? &load->outer_dst_ip : &load->outer_src_ip;
	const struct load_address *dst = maker->back ? &load->outer_src_ip : &load->outer_dst_ip;
	struct traffic_header *inner;

	if (load->tunnel == LOAD_NO_TUNNEL)
		return;
	if (src->family == LOAD_IPV6 || dst->family == LOAD_IPV6)
		load_add_ipv6(maker, src, dst, 0x8001);
	else
		load_add_ipv4(maker, src, dst, load_outer_ipv4_default);
	if (load->tunnel == LOAD_GRE) {
		load_add(maker, HEADER_GRE);
		return;
	}
	load_add_tunnel_port(maker);
	if (load->tunnel == LOAD_GTP) {
		load_set(maker, load_add(maker, HEADER_GTPV1), "teid", &load->tunnel_id);
		return;
	}
	load_set(maker, load_add(maker, HEADER_VXLAN), "vni", &load->tunnel_id);
	inner = load_add(maker, HEADER_ETHERNET);
	load_set(maker, inner, "dst", &load->dst_mac);
	load_set_value(maker, inner, "src", load_defaults.dst_mac.start + 1);
	load_set(maker, inner, "src", &load->src_mac);
}

static void load_add_ports(struct load_maker *maker, enum header_kind kind)
{
	const struct load_options *load = maker->load;
	struct traffic_header *header = load_add(maker, kind);

	load_set_value(maker, header, maker->back ? "dst_port" : "src_port", PORT_FIRST);
	load_set_value(maker, header, maker->back ? "src_port" : "dst_port", 9); /* discard */
	load_set(maker, header, maker->back ? "dst_port" : "src_port", &load->src_port);
	load_set(maker, header, maker->back ? "src_port" : "dst_port", &load->dst_port);
	if (kind != HEADER_TCP)
		return;
	load_set_value(maker, header, "ctl_ack", 1);
	load_set_value(maker, header, "window", 65535);
}

static void load_add_transport(struct load_maker *maker)
{
	switch (maker->load->transport) {
	case LOAD_UDP:
		load_add_ports(maker, HEADER_UDP);
		break;
	case LOAD_TCP:
		load_add_ports(maker, HEADER_TCP);
		break;
	case LOAD_ICMP:
		load_add(maker, maker->family == LOAD_IPV6 ? HEADER_ICMPV6 : HEADER_ICMP);
		break;
	}
}

/* Headers that are not known as such. */
static void load_add_frame(struct load_maker *maker)
{
	const struct load_options *load = maker->load;
	struct traffic_header *header = load_add(maker, HEADER_CUSTOM);

	if (header == NULL)
		return;
	header->bytes = malloc(load->frame_size);
	maker->failed |= header->bytes == NULL;
	if (header->bytes == NULL)
		return;
	memcpy(header->bytes, load->frame, load->frame_size);
	header->byte_count = load->frame_size;
}

/* ---- many flows ---- */

static struct traffic_field *load_field(struct load_maker *maker, size_t header, const char *path)
{
	struct traffic_header *of = &maker->flow->header[header];

	return &of->field[header_field_find(of->kind, path)];
}

/* Where a flow's own number is: a source port or identifier while it has so many values, else the source address. */
static struct traffic_field *load_flow_field(struct load_maker *maker, uint64_t count)
{
	const struct load_options *load = maker->load;
	size_t last = maker->flow->headers - 1;
	struct traffic_field *field;

	if (load->transport == LOAD_ICMP && count <= 65536)
		return load_field(maker, last, "echo.identifier");
	if (load->transport != LOAD_ICMP && count <= PORTS_DYNAMIC)
		return load_field(maker, last, maker->back ? "dst_port" : "src_port");
	field = load_field(maker, last - 1, maker->back ? "dst" : "src");
	if (load->src_ip.family == LOAD_ANY_FAMILY && maker->family != LOAD_IPV6)
		field->start = MANY_IPV4_FIRST;
	return field;
}

static void load_vary(struct load_maker *maker, struct traffic_field *field, uint64_t count, bool tagged)
{
	free(field->values);
	*field = (struct traffic_field){
		.pattern = TRAFFIC_INCREMENT,
		.start = field->start,
		.step = 1,
		.count = count,
		.tagged = tagged,
		.tag = tagged ? strdup("flow") : NULL,
	};
	maker->failed |= tagged && field->tag == NULL;
}

static bool load_is_constant(const struct load_maker *maker)
{
	const struct traffic_flow *flow = maker->flow;

	for (size_t i = 0; i < flow->headers; i++)
		for (size_t j = 0; j < flow->header[i].fields; j++)
			if (flow->header[i].field[j].pattern > TRAFFIC_VALUE &&
			    flow->header[i].field[j].pattern < TRAFFIC_AUTO)
				return false;
	return true;
}

static int load_spread(struct load_maker *maker, struct parse_error *error)
{
	uint64_t flows = maker->load->flows;
	struct traffic_field *field;

	if (maker->failed)
		return -ENOMEM;
	if (flows > 0) {
		field = load_flow_field(maker, flows);
		if (field->pattern != TRAFFIC_VALUE && field->pattern != TRAFFIC_UNSET) {
			snprintf(error->text, sizeof(error->text),
				 "--flows %ju counts them in the %s, which is a range here; leave one of "
				 "them out",
				 (uintmax_t)flows,
				 flows > PORTS_DYNAMIC ? "source address" : "source port");
			return -EINVAL;
		}
		if (flows > 1)
			load_vary(maker, field, flows, true);
	} else if (maker->load->queues > 1 && maker->load->transport != LOAD_ICMP &&
		   load_is_constant(maker)) {
		/* Queues that receive are chosen by it: one for each that sends. */
		load_vary(maker, load_flow_field(maker, 1), maker->load->queues, false);
	}
	return maker->failed ? -ENOMEM : 0;
}

/* ---- sizes ---- */

static uint32_t load_bytes_of_headers(const struct traffic_flow *flow)
{
	uint32_t bytes = 0;

	for (size_t i = 0; i < flow->headers; i++)
		bytes += header_type(flow->header[i].kind)->size + (uint32_t)flow->header[i].byte_count;
	return bytes;
}

static uint32_t load_at_least(uint32_t size, uint32_t least)
{
	return size < least ? least : size;
}

uint32_t load_least_size(const struct traffic_flow *flow)
{
	return load_at_least(load_bytes_of_headers(flow) + SIGNATURE_BYTES, FRAME_LEAST);
}

/* Unless a size is given, numbers fit into each frame; those of imix grow by tags. */
static void load_choose_size(struct load_maker *maker)
{
	const struct load_options *load = maker->load;
	struct traffic_size *size = &maker->flow->size;
	uint32_t tags = 4 * (uint32_t)load->tags;
	uint32_t least = load_bytes_of_headers(maker->flow) + SIGNATURE_BYTES;

	*size = load->size;
	if (!load->have_size)
		size->min = load->frame != NULL ? load->frame_size : load_at_least(FRAME_LEAST + tags, least);
	if (load->size.weight_count == 0)
		return;
	size->weight = malloc(load->size.weight_count * sizeof(*size->weight));
	if (size->weight == NULL) {
		size->weight_count = 0;
		maker->failed = true;
		return;
	}
	for (size_t i = 0; i < size->weight_count; i++) {
		size->weight[i] = load->size.weight[i];
		if (load->imix)
			size->weight[i].size = load_at_least(size->weight[i].size + tags, least);
	}
}

/* ---- all of it ---- */

static int load_choose_family(const struct load_options *load, enum load_family *family,
			      struct parse_error *error)
{
	const struct load_address *addresses[] = { &load->src_ip, &load->dst_ip };

	*family = load->family;
	for (size_t i = 0; i < 2; i++) {
		if (addresses[i]->family == LOAD_ANY_FAMILY)
			continue;
		if (*family != LOAD_ANY_FAMILY && *family != addresses[i]->family) {
			snprintf(error->text, sizeof(error->text), "%s",
				 load->family != LOAD_ANY_FAMILY ?
					 "--ipv6 and an IPv4 address contradict each other; leave one of "
					 "them out" :
					 "--src-ip and --dst-ip: one is IPv4, one IPv6; two of one kind "
					 "are wanted");
			return -EINVAL;
		}
		*family = addresses[i]->family;
	}
	if (load->outer_src_ip.family != LOAD_ANY_FAMILY &&
	    load->outer_dst_ip.family != LOAD_ANY_FAMILY &&
	    load->outer_src_ip.family != load->outer_dst_ip.family) {
		snprintf(error->text, sizeof(error->text),
			 "--outer-src-ip and --outer-dst-ip: one is IPv4, one IPv6; two of one kind are "
			 "wanted");
		return -EINVAL;
	}
	return 0;
}

static const char *load_name(const struct load_maker *maker)
{
	if (maker->load->replay)
		return "replay";
	return maker->back ? "back" : "flow";
}

static int load_make_flow(const struct load_options *load, struct traffic_flow *flow,
			  uint32_t from, uint32_t to, struct parse_error *error)
{
	struct load_maker maker = { .load = load, .flow = flow, .back = from > to };
	int result = load_choose_family(load, &maker.family, error);

	if (result != 0)
		return result;
	flow->tx_port = from;
	flow->name = strdup(load_name(&maker));
	flow->rx_port = calloc(1, sizeof(*flow->rx_port));
	if (flow->name == NULL || flow->rx_port == NULL)
		return -ENOMEM;
	flow->rx_port[0] = to;
	flow->rx_ports = load->no_rx ? 0 : 1;
	if (load->frame != NULL) {
		load_add_frame(&maker);
	} else {
		load_add_link(&maker);
		load_add_tunnel(&maker);
		load_add_ip(&maker);
		load_add_transport(&maker);
		result = load_spread(&maker, error);
	}
	load_choose_size(&maker);
	flow->rate = load->rate;
	flow->arrival = load->arrival;
	flow->duration = load->duration;
	flow->payload = load->payload;
	flow->offload = load->offload;
	flow->seed = load->seed;
	/* A frame that is given keeps its bytes, unless it is made longer. */
	flow->track = flow->latency = !load->replay && (load->frame == NULL || load->have_size);
	return result != 0 || !maker.failed ? result : -ENOMEM;
}

static int load_make_ports(const struct load_options *load, struct traffic *traffic)
{
	static const char *const names[LOAD_PORTS_MAX] = { "port1", "port2" };

	traffic->ports = load->devices == 0 ? 1 : load->devices;
	traffic->port = calloc(traffic->ports, sizeof(*traffic->port));
	if (traffic->port == NULL) {
		traffic->ports = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < traffic->ports; i++) {
		traffic->port[i].name = strdup(names[i]);
		if (i < load->devices)
			traffic->port[i].location = strdup(load->device[i]);
		if (traffic->port[i].name == NULL ||
		    (i < load->devices && traffic->port[i].location == NULL))
			return -ENOMEM;
	}
	return 0;
}

static int load_make_flows(const struct load_options *load, struct traffic *traffic,
			   struct parse_error *error)
{
	uint32_t to = traffic->ports > 1 ? 1 : 0;
	int result;

	if (load->rx_only)
		return 0;
	traffic->flow = calloc(2, sizeof(*traffic->flow));
	if (traffic->flow == NULL)
		return -ENOMEM;
	traffic->flows = load->bidirectional ? 2 : 1;
	result = load_make_flow(load, &traffic->flow[0], 0, to, error);
	if (result == 0 && load->bidirectional)
		result = load_make_flow(load, &traffic->flow[1], 1, 0, error);
	return result;
}

int load_to_traffic(const struct load_options *load, struct traffic *traffic,
		    struct parse_error *error)
{
	int result;

	*traffic = (struct traffic){ 0 };
	*error = (struct parse_error){ "out of memory" };
	result = load_make_ports(load, traffic);
	if (result == 0)
		result = load_make_flows(load, traffic, error);
	if (result != 0)
		traffic_free(traffic);
	return result;
}
