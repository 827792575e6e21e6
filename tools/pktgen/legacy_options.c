/* SPDX-License-Identifier: BSD-3-Clause */
/* What the generator of one IPv4/UDP template can do of a configuration. */
#include <string.h>

#include "tools/pktgen/options.h"

static void legacy_refuse(const char *what) __attribute__((noreturn));

static void legacy_refuse(const char *what)
{
	refuse_usage("%s: not sent yet; --print-config shows the configuration", what);
}

static uint64_t legacy_value(const char *what, const struct traffic_field *field, uint64_t preset)
{
	if (field->pattern == TRAFFIC_UNSET)
		return preset;
	if (field->pattern != TRAFFIC_VALUE)
		legacy_refuse(what);
	return (uint64_t)field->start;
}

static void legacy_fill_headers(struct pktgen_options *options)
{
	const struct load_options *load = &options->load.load;
	struct frame_fields *fields = &options->fields;
	uint64_t src = legacy_value("--src-mac", &load->src_mac, 0);
	uint64_t dst = legacy_value("--dst-mac", &load->dst_mac, 0);

	for (int i = 0; i < 6; i++) {
		fields->source_mac[i] = (uint8_t)(src >> (40 - 8 * i));
		fields->destination_mac[i] = (uint8_t)(dst >> (40 - 8 * i));
	}
	options->have_source_mac = load->src_mac.pattern != TRAFFIC_UNSET;
	fields->source_ip = (uint32_t)legacy_value("--src-ip", &load->src_ip.field, 0xc6120001);
	fields->destination_ip = (uint32_t)legacy_value("--dst-ip", &load->dst_ip.field, 0xc6130001);
	fields->source_port = (uint16_t)legacy_value("--src-port", &load->src_port, 49152);
	fields->destination_port = (uint16_t)legacy_value("--dst-port", &load->dst_port, 9);
	fields->ttl = (uint8_t)legacy_value("--ttl", &load->ttl, 64);
	fields->vlan = load->tags == 0 ? FRAME_NO_VLAN : (int)legacy_value("--vlan", &load->tag[0].id, 0);
	fields->pattern = load->payload == TRAFFIC_PAYLOAD_NUMBERED;
}

static void legacy_fill_size(struct pktgen_options *options)
{
	const struct load_options *load = &options->load.load;
	const struct traffic_size *size = &load->size;
	uint32_t shortest = load->tags > 0 ? FRAME_SIZE_MIN_VLAN : FRAME_SIZE_MIN;

	if (load->imix) {
		options->size = (struct size_range){ .imix = 1 };
		return;
	}
	if (size->no_pad || size->kind == TRAFFIC_SIZE_WEIGHTS || size->kind == TRAFFIC_SIZE_INCREMENT)
		legacy_refuse("--size");
	options->size.min = load->have_size ? size->min : shortest;
	options->size.max = size->kind == TRAFFIC_SIZE_RANDOM ? size->max : options->size.min;
	if (options->size.min < shortest)
		refuse_usage("--size: %sa frame has at least %u bytes", load->tags > 0 ? "with --vlan " : "",
			     shortest);
}

void legacy_fill(struct pktgen_options *options)
{
	const struct load_options *load = &options->load.load;

	if (options->config.file != NULL)
		legacy_refuse("--config");
	if (load->transport != LOAD_UDP || load->tunnel != LOAD_NO_TUNNEL || load->labels > 0 ||
	    load->tags > 1 || (load->tags == 1 && load->tag[0].type == 0x88a8) ||
	    load->family == LOAD_IPV6 || load->src_ip.family == LOAD_IPV6 ||
	    load->dst_ip.family == LOAD_IPV6 || load->pcp.pattern != TRAFFIC_UNSET ||
	    load->dscp.pattern != TRAFFIC_UNSET)
		legacy_refuse("other headers than Ethernet, one VLAN tag, IPv4 and UDP");
	if (load->flows > 0 || load->arrival != TRAFFIC_CONSTANT || load->duration.burst_frames > 0 ||
	    load->offload.checksum || load->offload.segment_size != 0 || options->config.devices > 1 ||
	    options->warmup > 0 || options->csv != NULL || options->html != NULL || options->hdr != NULL)
		legacy_refuse("--flows, --arrival, --burst-frames, --offload, --warmup, two devices or files of results");
	legacy_fill_headers(options);
	legacy_fill_size(options);
	options->count = load->duration.frames;
	options->duration_ns = load->duration.time_ns;
	options->rate = load->rate;
	if (options->queues > 1 && options->count != 0 && options->rx_only)
		refuse_usage("--rx-only with --count needs a single queue; with "
			     "--queues give --duration");
	if (options->count != 0 && options->count < options->queues)
		refuse_usage("--count: fewer frames than queue pairs");
}
