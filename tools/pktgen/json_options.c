/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of a run by the names of the command line, defaults included: repeating the
 * run needs them all. */
#include "tools/pktgen/json.h"

#include <jansson.h>

static json_t *options_mac(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			    mac[3], mac[4], mac[5]);
}

static json_t *options_ip(uint32_t address)
{
	return json_sprintf("%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
			    address >> 8 & 0xff, address & 0xff);
}

/* null: no limit. */
static json_t *options_limit(uint64_t value, double unit)
{
	if (value == 0)
		return json_null();
	return unit == 1 ? json_integer((json_int_t)value) :
			   json_real((double)value / unit);
}

static json_t *options_size(const struct size_range *size)
{
	if (size->imix)
		return json_string("imix");
	if (size->min == size->max)
		return json_sprintf("%u", size->min);
	return json_sprintf("%u-%u", size->min, size->max);
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

static json_t *options_header(const struct frame_fields *fields)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:i}",
			 "src_mac", options_mac(fields->source_mac),
			 "dst_mac", options_mac(fields->destination_mac),
			 "src_ip", options_ip(fields->source_ip),
			 "dst_ip", options_ip(fields->destination_ip),
			 "src_port", fields->source_port,
			 "dst_port", fields->destination_port,
			 "vlan", fields->vlan != FRAME_NO_VLAN ?
					 json_integer(fields->vlan) : json_null(),
			 "ttl", fields->ttl);
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
	json_t *cpus = json_array();
	json_t *object;

	for (uint32_t i = 0; i < options->cpus.count; i++)
		json_array_append_new(cpus, json_integer(options->cpus.cpu[i]));
	object = json_pack(
		"{s:o, s:o, s:o, s:o, s:i, s:s, s:o, s:s, s:b, s:b, s:f, s:f, s:i, s:o, s:o}",
		"count", options_limit(options->count, 1),
		"duration", options_limit(options->duration_ns, 1e9),
		"size", options_size(&options->size),
		"rate", options_rate(&options->rate),
		"burst", options->burst,
		"payload", options->fields.pattern ? "pattern" : "zero",
		"headers", options_header(&results->fields),
		"mode", wait_mode_words[options->mode],
		"rx_only", options->rx_only,
		"no_rx", options->no_rx,
		"linger", (double)options->linger_ns / 1e9,
		"interval", (double)options->interval_ns / 1e9,
		"queues", options->queues,
		"queue_size", options_queue_size(results),
		"cpus", cpus);
	json_object_set_new(object, "open", options_open(&options->device));
	return object;
}
