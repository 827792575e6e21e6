/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of a run by the names of the command line, defaults included: repeating the
 * run needs them all. */
#include "tools/pktgen/json.h"

#include <jansson.h>

#include "tools/pktgen/packet/header_table.h"
#include "tools/pktgen/report/report.h"

static json_t *options_mac(uint64_t mac)
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", (unsigned int)(mac >> 40 & 0xff),
			    (unsigned int)(mac >> 32 & 0xff), (unsigned int)(mac >> 24 & 0xff),
			    (unsigned int)(mac >> 16 & 0xff), (unsigned int)(mac >> 8 & 0xff),
			    (unsigned int)(mac & 0xff));
}

static json_t *options_ip(uint64_t address)
{
	return json_sprintf("%u.%u.%u.%u", (unsigned int)(address >> 24 & 0xff),
			    (unsigned int)(address >> 16 & 0xff),
			    (unsigned int)(address >> 8 & 0xff), (unsigned int)(address & 0xff));
}

/* null: no limit. */
static json_t *options_limit(uint64_t value, double unit)
{
	if (value == 0)
		return json_null();
	return unit == 1 ? json_integer((json_int_t)value) :
			   json_real((double)value / unit);
}

/* The configuration has them where it is more than that. */
static json_t *options_size(const struct traffic_size *size)
{
	switch (size->kind) {
	case TRAFFIC_SIZE_FIXED:
		return json_sprintf("%u", size->min);
	case TRAFFIC_SIZE_RANDOM:
		return json_sprintf("%u-%u", size->min, size->max);
	case TRAFFIC_SIZE_INCREMENT:
		return json_sprintf("%u-%u:%u", size->min, size->max, size->step);
	case TRAFFIC_SIZE_WEIGHTS:
		break;
	}
	return json_string("weights");
}

static json_t *options_rate(const struct rate *rate)
{
	static const char *const units[] = { "", "pps", "bit", "%" };

	if (rate->kind == RATE_MAX)
		return json_string("max");
	if (rate->milli % 1000 == 0)
		return json_sprintf("%ju%s", (uintmax_t)(rate->milli / 1000),
				    units[rate->kind]);
	return json_sprintf("%ju.%03ju%s", (uintmax_t)(rate->milli / 1000),
			    (uintmax_t)(rate->milli % 1000), units[rate->kind]);
}

/* A header's field, if it is one number; null if it changes or is not there. */
static const struct traffic_field *options_field(const struct traffic_flow *flow,
						 enum header_kind kind, const char *path)
{
	int index = header_field_find(kind, path);

	for (size_t i = 0; flow != NULL && index >= 0 && i < flow->headers; i++)
		if (flow->header[i].kind == (unsigned int)kind)
			return &flow->header[i].field[index];
	return NULL;
}

static json_t *options_value(const struct traffic_flow *flow, enum header_kind kind,
			     const char *path, json_t *(*print)(uint64_t value))
{
	const struct traffic_field *field = options_field(flow, kind, path);

	if (field == NULL || (field->pattern != TRAFFIC_VALUE && field->pattern != TRAFFIC_UNSET))
		return json_null();
	if (field->pattern == TRAFFIC_UNSET)
		return print(header_type(kind)->field[header_field_find(kind, path)].preset);
	return print((uint64_t)field->start);
}

static json_t *options_integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* Of the first flow, what most have. */
static json_t *options_header(const struct pktgen_results *results)
{
	const struct traffic *traffic = &results->options->traffic;
	const struct traffic_flow *flow = traffic->flows > 0 ? traffic->flow : NULL;
	const struct traffic_field *source = options_field(flow, HEADER_ETHERNET, "src");
	uint64_t mac = 0;

	for (int i = 0; i < 6; i++)
		mac = mac << 8 | results->source_mac[i];
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "src_mac",
			 source != NULL && source->pattern == TRAFFIC_UNSET ?
				 options_mac(mac) :
				 options_value(flow, HEADER_ETHERNET, "src", options_mac),
			 "dst_mac", options_value(flow, HEADER_ETHERNET, "dst", options_mac),
			 "src_ip", options_value(flow, HEADER_IPV4, "src", options_ip), "dst_ip",
			 options_value(flow, HEADER_IPV4, "dst", options_ip), "src_port",
			 options_value(flow, HEADER_UDP, "src_port", options_integer), "dst_port",
			 options_value(flow, HEADER_UDP, "dst_port", options_integer), "vlan",
			 options_value(flow, HEADER_VLAN, "id", options_integer), "ttl",
			 options_value(flow, HEADER_IPV4, "time_to_live", options_integer));
}

/* "rx-usecs=50" as it was typed; of single pairs the last one. */
static json_t *options_settings(const struct settings *settings)
{
	json_t *array = json_array();

	for (int i = 0; i < SETTING_KEYS; i++)
		if (settings->have[i])
			json_array_append_new(
				array, json_sprintf("%s=%s",
						    setting_name((enum setting_key)i),
						    settings->text[i]));
	return array;
}

static json_t *options_features(const struct vionet_features *set)
{
	json_t *array = json_array();

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		const char *name = vionet_feature_name(bit);

		if (vionet_feature_test(set, bit))
			json_array_append_new(array, name != NULL ?
							     json_string(name) :
							     json_integer(bit));
	}
	return array;
}

static const char *options_iommu(uint32_t iommu)
{
	static const char *const words[] = {
		[VIONET_IOMMU_AUTO] = "auto",
		[VIONET_IOMMU_TYPE1] = "type1",
		[VIONET_IOMMU_IOMMUFD] = "iommufd",
		[VIONET_IOMMU_NONE] = "none",
	};

	return words[iommu];
}

static json_t *options_open(const struct device_options *device)
{
	return json_pack("{s:b, s:s, s:b, s:b, s:o, s:o, s:o}",
			 "assume_iommu",
			 (device->open.flags & VIONET_OPEN_ASSUME_IOMMU) != 0,
			 "iommu", options_iommu(device->open.iommu),
			 "no_hugepages",
			 (device->open.flags & VIONET_OPEN_NO_HUGEPAGES) != 0,
			 "writable_rings",
			 (device->open.flags & VIONET_OPEN_WRITABLE_RINGS) != 0,
			 "avoid", options_features(&device->open.avoid),
			 "want", options_features(&device->open.want),
			 "set", options_settings(&device->settings));
}

static json_t *options_queue_size(const struct pktgen_results *results)
{
	return json_pack("{s:o, s:i, s:i}", "requested",
			 options_limit(results->options->queue_size, 1),
			 "rx", results->rx_size, "tx", results->tx_size);
}

struct json_t *pktgen_json_options(const struct pktgen_results *results)
{
	const struct pktgen_options *options = results->options;
	const struct load_options *load = &options->load.load;
	const struct traffic_flow *flow = options->traffic.flows > 0 ? options->traffic.flow : NULL;
	json_t *cpus = json_array();
	json_t *object;

	for (uint32_t i = 0; i < options->cpus.count; i++)
		json_array_append_new(cpus, json_integer(options->cpus.cpu[i]));
	object = json_pack(
		"{s:o, s:o, s:o, s:o, s:i, s:s, s:o, s:s, s:b, s:b, s:f, s:f, s:i, s:o, s:o}",
		"count", options_limit(flow != NULL ? flow->duration.frames : load->duration.frames, 1),
		"duration", options_limit(flow != NULL ? flow->duration.time_ns : load->duration.time_ns, 1e9),
		"size", load->imix ? json_string("imix") : flow != NULL ? options_size(&flow->size)
									: json_null(),
		"rate", options_rate(flow != NULL ? &flow->rate : &load->rate),
		"burst", options->burst,
		"payload", load->payload == TRAFFIC_PAYLOAD_NUMBERED ? "pattern" : "zero",
		"headers", options_header(results),
		"mode", wait_mode_words[options->mode],
		"rx_only", options->rx_only,
		"no_rx", options->no_rx,
		"linger", (double)options->linger_ns / 1e9,
		"interval", (double)options->interval_ns / 1e9,
		"queues", options->queues,
		"queue_size", options_queue_size(results),
		"cpus", cpus);
	json_object_set_new(object, "config", json_config(&options->traffic));
	json_object_set_new(object, "open", options_open(&options->device));
	return object;
}
