/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a flow sends; and its x-vionet: what the model has no place for. */
#include <errno.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"

#define NANO 1000000000.0
#define TIME_NS_MAX (10.0 * 366 * 24 * 3600 * NANO) /* ten years, as on the command line */

/* ---- duration ---- */

static int more_read_gap(struct otg *otg, const struct tree *node, void *into)
{
	return otg_u32(otg, node, 0, UINT32_MAX, &((struct traffic_duration *)into)->gap_bytes);
}

static int more_read_number(struct otg *otg, const struct tree *node, double preset, double unit,
			    uint64_t *value)
{
	double number = preset;
	int result = otg_decimal(otg, node, 0, TIME_NS_MAX / unit, &number);

	*value = (uint64_t)(number * unit + 0.5);
	return result;
}

static int more_read_delay_bytes(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_number(otg, node, 0, 1, &((struct traffic_duration *)into)->delay_bytes);
}

static int more_read_delay_ns(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_number(otg, node, 0, 1, &((struct traffic_duration *)into)->delay_ns);
}

static int more_read_delay_us(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_number(otg, node, 0, 1000, &((struct traffic_duration *)into)->delay_ns);
}

static int more_read_delay(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "bytes", .read = more_read_delay_bytes },
		{ .name = "nanoseconds", .read = more_read_delay_ns },
		{ .name = "microseconds", .read = more_read_delay_us },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "bytes", into);
}

static int more_read_continuous(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "gap", .read = more_read_gap },
		{ .name = "delay", .read = more_read_delay },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int more_read_packets(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 1, UINT32_MAX, &((struct traffic_duration *)into)->frames);
}

static int more_read_fixed_packets(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "packets", .read = more_read_packets },
		{ .name = "gap", .read = more_read_gap },
		{ .name = "delay", .read = more_read_delay },
		{ .name = NULL },
	};

	((struct traffic_duration *)into)->frames = 1;
	return otg_object(otg, node, members, into);
}

/* Seconds to the nanosecond: a double has no room for days of them. False: it is written in another way. */
static bool more_exact_time(const char *text, uint64_t *time_ns)
{
	uint64_t place = 10000000000; /* tenths of a nanosecond, to round by */

	for (*time_ns = 0; *text >= '0' && *text <= '9'; text++)
		*time_ns = *time_ns * 10 + (uint64_t)(*text - '0');
	*time_ns *= place;
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++) {
			place /= 10;
			*time_ns += place * (uint64_t)(*text - '0');
		}
	*time_ns = (*time_ns + 5) / 10;
	return *text == '\0';
}

static int more_read_time(struct otg *otg, const struct tree *node, uint64_t *time_ns)
{
	double seconds = 1;
	int result = otg_decimal(otg, node, 1 / NANO, TIME_NS_MAX / NANO, &seconds);

	if (result != 0 || node == NULL || !more_exact_time(node->text, time_ns))
		*time_ns = (uint64_t)(seconds * NANO + 0.5);
	return result;
}

static int more_read_seconds(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_time(otg, node, &((struct traffic_duration *)into)->time_ns);
}

static int more_read_fixed_seconds(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "seconds", .read = more_read_seconds },
		{ .name = "gap", .read = more_read_gap },
		{ .name = "delay", .read = more_read_delay },
		{ .name = NULL },
	};

	((struct traffic_duration *)into)->time_ns = (uint64_t)NANO;
	return otg_object(otg, node, members, into);
}

static int more_read_bursts(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 0, UINT32_MAX, &((struct traffic_duration *)into)->bursts);
}

static int more_read_burst_frames(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 1, UINT32_MAX, &((struct traffic_duration *)into)->burst_frames);
}

/* The least gap is there anyway. */
static int more_read_burst_gap_bytes(struct otg *otg, const struct tree *node, void *into)
{
	uint64_t *bytes = &((struct traffic_duration *)into)->burst_gap_bytes;
	int result = more_read_number(otg, node, OTG_GAP_DEFAULT, 1, bytes);

	if (*bytes <= OTG_GAP_DEFAULT)
		*bytes = 0;
	return result;
}

static int more_read_burst_gap_ns(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_number(otg, node, 96, 1, &((struct traffic_duration *)into)->gap_ns);
}

static int more_read_burst_gap_us(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_number(otg, node, .096, 1000, &((struct traffic_duration *)into)->gap_ns);
}

static int more_read_burst_gap(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "bytes", .read = more_read_burst_gap_bytes },
		{ .name = "nanoseconds", .read = more_read_burst_gap_ns },
		{ .name = "microseconds", .read = more_read_burst_gap_us },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "bytes", into);
}

static int more_read_burst(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "bursts", .read = more_read_bursts },
		{ .name = "packets", .read = more_read_burst_frames },
		{ .name = "gap", .read = more_read_gap },
		{ .name = "inter_burst_gap", .read = more_read_burst_gap },
		{ .name = NULL },
	};

	((struct traffic_duration *)into)->burst_frames = 1;
	return otg_object(otg, node, members, into);
}

int otg_read_duration(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "continuous", .read = more_read_continuous },
		{ .name = "fixed_packets", .read = more_read_fixed_packets },
		{ .name = "fixed_seconds", .read = more_read_fixed_seconds },
		{ .name = "burst", .read = more_read_burst },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "continuous",
			  &((struct traffic_flow *)into)->duration);
}

/* ---- x-vionet ---- */

static int more_read_arrival(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "constant", "poisson", NULL };
	int which = 0;
	int result = otg_word(otg, node, words, &which);

	((struct traffic_flow *)into)->arrival = which == 0 ? TRAFFIC_CONSTANT : TRAFFIC_POISSON;
	return result;
}

/* As --rate has it: max, 0.5pps, 100Mbit. */
static int more_read_rate(struct otg *otg, const struct tree *node, void *into)
{
	struct parse_error error;

	if (node->kind != TREE_SCALAR)
		return tree_refuse(otg->error, node, "a text is wanted, such as max or 0.5pps");
	if (parse_rate("rate", node->text, &((struct traffic_flow *)into)->rate, &error) != 0)
		return tree_refuse(otg->error, node, "%s", error.text + strlen("rate "));
	return 0;
}

static int more_read_limit_packets(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 1, INT64_MAX, &((struct traffic_flow *)into)->duration.frames);
}

static int more_read_limit_seconds(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_time(otg, node, &((struct traffic_flow *)into)->duration.time_ns);
}

static int more_read_checksum(struct otg *otg, const struct tree *node, void *into)
{
	return otg_bool(otg, node, &((struct traffic_flow *)into)->offload.checksum);
}

static int more_read_segment(struct otg *otg, const struct tree *node, void *into)
{
	uint32_t size = 0;
	int result = otg_u32(otg, node, OTG_SEGMENT_MIN, UINT16_MAX, &size);

	((struct traffic_flow *)into)->offload.segment_size = (uint16_t)size;
	return result;
}

static int more_read_offload(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "checksum", .read = more_read_checksum },
		{ .name = "segment_size", .read = more_read_segment },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int more_read_payload(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "numbered", NULL };
	struct traffic_flow *flow = into;
	int which;
	int result = otg_word(otg, node, words, &which);

	if (result == 0 && flow->payload != TRAFFIC_PAYLOAD_NUMBERED)
		return tree_refuse_key(otg->error, node,
				       "the flow has payload too; leave one of them out");
	return result;
}

static int more_read_pad(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_size *size = &((struct traffic_flow *)into)->size;
	bool pad = !size->no_pad;
	int result = otg_bool(otg, node, &pad);

	size->no_pad = !pad;
	return result;
}

static int more_read_flow_seed(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 0, UINT64_MAX, &((struct traffic_flow *)into)->seed);
}

static int more_read_flow_delay(struct otg *otg, const struct tree *node, void *into)
{
	return more_read_delay(otg, node, &((struct traffic_flow *)into)->duration);
}

/* Files are read by otg_read_files. */
static int more_read_later(struct otg *otg, const struct tree *node, void *into)
{
	(void)into;
	return otg_needs_object(otg, node);
}

int otg_read_more(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	static const struct otg_member members[] = {
		{ .name = "arrival", .read = more_read_arrival },
		{ .name = "rate", .read = more_read_rate },
		{ .name = "packets", .read = more_read_limit_packets },
		{ .name = "seconds", .read = more_read_limit_seconds },
		{ .name = "delay", .read = more_read_flow_delay },
		{ .name = "offload", .read = more_read_offload },
		{ .name = "payload", .read = more_read_payload },
		{ .name = "pad", .read = more_read_pad },
		{ .name = "seed", .read = more_read_flow_seed },
		{ .name = "template", .read = more_read_later },
		{ .name = "replay", .read = more_read_later },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, flow);
}
