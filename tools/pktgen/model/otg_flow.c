/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow without its packet: where from and to, how fast, what is measured. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"

/* ---- ends ---- */

static int flow_read_tx_name(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;

	return otg_find_port(otg, node, &flow->tx_port);
}

static int flow_add_rx(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	uint32_t port;
	int result = otg_find_port(otg, node, &port);

	for (size_t i = 0; i < flow->rx_ports && result == 0; i++)
		if (flow->rx_port[i] == port)
			return tree_refuse(otg->error, node, "a port that is named already");
	if (result == 0)
		flow->rx_port[flow->rx_ports++] = port;
	return result;
}

static int flow_room_rx(struct traffic_flow *flow, size_t count)
{
	flow->rx_port = calloc(count, sizeof(*flow->rx_port));
	return flow->rx_port == NULL ? -ENOMEM : 0;
}

/* The older way to name one. */
static int flow_read_rx_name(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;

	if (node->kind == TREE_NULL)
		return 0;
	if (flow->rx_port != NULL)
		return tree_refuse_key(otg->error, node, "rx_names is there too; leave one out");
	return flow_room_rx(flow, 1) != 0 ? -ENOMEM : flow_add_rx(otg, node, flow);
}

static int flow_read_rx_names(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;
	const struct tree *name;
	size_t count;
	int result = otg_list(otg, node, OTG_PORTS_MAX, &name, &count);

	if (result != 0 || count == 0)
		return result;
	if (flow->rx_port != NULL)
		return tree_refuse_key(otg->error, node, "rx_name is there too; leave one out");
	result = flow_room_rx(flow, count);
	for (; name != NULL && result == 0; name = name->next)
		result = flow_add_rx(otg, name, flow);
	return result;
}

static int flow_read_ports(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "tx_name", .read = flow_read_tx_name, .needed = true },
		{ .name = "rx_name", .read = flow_read_rx_name },
		{ .name = "rx_names", .read = flow_read_rx_names },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int flow_read_ends(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "port", .read = flow_read_ports },
		{ .name = "device", .instead = "give port with tx_name and rx_names" },
		{ .name = NULL },
	};

	int result = otg_choice(otg, node, members, "port", into);

	if (result == 0 && tree_find(node, "port") == NULL)
		return tree_refuse(otg->error, node, "port is missing");
	return result;
}

/* ---- size ---- */

/* Sizes in a file count the FCS. */
static int flow_read_bytes(struct otg *otg, const struct tree *node, uint32_t preset,
			   uint32_t *size)
{
	int result;

	*size = preset;
	result = otg_u32(otg, node, OTG_SIZE_MIN, OTG_SIZE_MAX, size);
	*size -= OTG_FCS;
	return result;
}

static int flow_read_fixed(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_size *size = into;

	size->kind = TRAFFIC_SIZE_FIXED;
	return flow_read_bytes(otg, node, 64, &size->min);
}

static int flow_read_size_min(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_bytes(otg, node, 64, &((struct traffic_size *)into)->min);
}

static int flow_read_size_max(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_bytes(otg, node, 1518, &((struct traffic_size *)into)->max);
}

static int flow_read_size_step(struct otg *otg, const struct tree *node, void *into)
{
	return otg_u32(otg, node, 1, OTG_SIZE_MAX, &((struct traffic_size *)into)->step);
}

static int flow_check_size(struct otg *otg, const struct tree *node, int result,
			   const struct traffic_size *size, const char *text)
{
	if (result != 0 || size->min <= size->max)
		return result;
	return tree_refuse(otg->error, node, "%s", text);
}

static int flow_read_size_increment(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "start", .read = flow_read_size_min },
		{ .name = "end", .read = flow_read_size_max },
		{ .name = "step", .read = flow_read_size_step },
		{ .name = NULL },
	};
	struct traffic_size *size = into;

	size->kind = TRAFFIC_SIZE_INCREMENT;
	size->min = 64 - OTG_FCS;
	size->max = 1518 - OTG_FCS;
	size->step = 1;
	return flow_check_size(otg, node, otg_object(otg, node, members, size), size,
			       "start is above end");
}

static int flow_read_size_random(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "min", .read = flow_read_size_min },
		{ .name = "max", .read = flow_read_size_max },
		{ .name = NULL },
	};
	struct traffic_size *size = into;

	size->kind = TRAFFIC_SIZE_RANDOM;
	size->min = 64 - OTG_FCS;
	size->max = 1518 - OTG_FCS;
	return flow_check_size(otg, node, otg_object(otg, node, members, size), size,
			       "min is above max");
}

#define WEIGHTS_MAX 4096u

static int flow_room_weights(struct traffic_size *size, size_t count)
{
	size->kind = TRAFFIC_SIZE_WEIGHTS;
	size->min = 0;
	size->weight = calloc(count, sizeof(*size->weight));
	if (size->weight == NULL)
		return -ENOMEM;
	size->weight_count = count;
	return 0;
}

static int flow_read_predefined(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "imix", "ipsec_imix", "ipv6_imix", "standard_imix",
					     "tcp_imix", NULL };
	static const struct traffic_weight mixes[][4] = {
		{ { 64, 7 }, { 570, 4 }, { 1518, 1 } },
		{ { 90, 58.67 }, { 92, 2 }, { 594, 23.66 }, { 1418, 15.67 } },
		{ { 60, 58.67 }, { 496, 2 }, { 594, 23.66 }, { 1518, 15.67 } },
		{ { 58, 58.67 }, { 62, 2 }, { 594, 23.66 }, { 1518, 15.67 } },
		{ { 90, 58.67 }, { 92, 2 }, { 594, 23.66 }, { 1518, 15.67 } },
	};
	struct traffic_size *size = into;
	int which = 0;
	int result = otg_word(otg, node, words, &which);

	if (result == 0)
		result = flow_room_weights(size, mixes[which][3].size == 0 ? 3 : 4);
	for (size_t i = 0; i < size->weight_count && result == 0; i++) {
		size->weight[i] = mixes[which][i];
		size->weight[i].size -= OTG_FCS;
	}
	return result;
}

static int flow_read_weight_size(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_bytes(otg, node, 64, &((struct traffic_weight *)into)->size);
}

static int flow_read_weight(struct otg *otg, const struct tree *node, void *into)
{
	return otg_decimal(otg, node, 0, 1e12, &((struct traffic_weight *)into)->weight);
}

static int flow_read_weights(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "size", .read = flow_read_weight_size },
		{ .name = "weight", .read = flow_read_weight },
		{ .name = NULL },
	};
	struct traffic_size *size = into;
	const struct tree *pair;
	size_t count, i = 0;
	double sum = 0;
	int result = otg_list(otg, node, WEIGHTS_MAX, &pair, &count);

	if (result == 0 && count == 0 && node != NULL)
		return tree_refuse(otg->error, node, "an empty list; give one pair or more");
	if (result == 0 && count == 0)
		return -EDOM;
	if (result == 0)
		result = flow_room_weights(size, count);
	for (; pair != NULL && result == 0; pair = pair->next) {
		size->weight[i] = (struct traffic_weight){ 64 - OTG_FCS, 1 };
		result = otg_object(otg, pair, members, &size->weight[i]);
		sum += size->weight[i++].weight;
	}
	if (result == 0 && sum == 0)
		return tree_refuse(otg->error, node, "all weights are 0");
	return result;
}

static int flow_read_weight_pairs(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "predefined", .read = flow_read_predefined },
		{ .name = "custom", .read = flow_read_weights },
		{ .name = NULL },
	};
	int result = otg_choice(otg, node, members, "predefined", into);

	return result == -EDOM ? tree_refuse(otg->error, node, "custom is missing") : result;
}

int otg_read_size(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "fixed", .read = flow_read_fixed },
		{ .name = "increment", .read = flow_read_size_increment },
		{ .name = "random", .read = flow_read_size_random },
		{ .name = "weight_pairs", .read = flow_read_weight_pairs },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "fixed", &((struct traffic_flow *)into)->size);
}

/* ---- rate ---- */

/* `unit` thousandths of a frame or bit in what the file has. */
static int flow_read_whole_rate(struct otg *otg, const struct tree *node, struct traffic_flow *flow,
				enum rate_kind kind, uint64_t min, uint64_t max, uint64_t preset,
				uint64_t unit)
{
	uint64_t number = preset;
	int result = otg_whole(otg, node, min, max, &number);

	flow->rate = (struct rate){ kind, number * unit };
	return result;
}

static int flow_read_pps(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_whole_rate(otg, node, into, RATE_PPS, 1, 1000000000000, 1000, 1000);
}

static int flow_read_bps(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_whole_rate(otg, node, into, RATE_BPS, 672, 100000000000000, 1000000000, 1000);
}

static int flow_read_kbps(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_whole_rate(otg, node, into, RATE_BPS, 1, 100000000000, 1000000, 1000000);
}

static int flow_read_mbps(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_whole_rate(otg, node, into, RATE_BPS, 1, 100000000, 1000, 1000000000);
}

static int flow_read_gbps(struct otg *otg, const struct tree *node, void *into)
{
	return flow_read_whole_rate(otg, node, into, RATE_BPS, 1, 100000, 1, 1000000000000);
}

static int flow_read_percentage(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;
	double number = 100;
	int result = otg_decimal(otg, node, 0.001, 100, &number);

	flow->rate = (struct rate){ RATE_PERCENT, (uint64_t)(number * 1000 + 0.5) };
	return result;
}

static int flow_read_rate(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "pps", .read = flow_read_pps },
		{ .name = "bps", .read = flow_read_bps },
		{ .name = "kbps", .read = flow_read_kbps },
		{ .name = "mbps", .read = flow_read_mbps },
		{ .name = "gbps", .read = flow_read_gbps },
		{ .name = "percentage", .read = flow_read_percentage },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "pps", into);
}

/* ---- metrics ---- */

static int flow_read_track(struct otg *otg, const struct tree *node, void *into)
{
	return otg_bool(otg, node, &((struct traffic_flow *)into)->track);
}

static int flow_read_latency_enable(struct otg *otg, const struct tree *node, void *into)
{
	return otg_bool(otg, node, &((struct traffic_flow *)into)->latency);
}

/* What software sees of a frame is neither its first nor its last bit. */
static int flow_read_latency_mode(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "store_forward", "cut_through", NULL };
	int which;

	(void)into;
	return otg_word(otg, node, words, &which);
}

static int flow_read_latency(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "enable", .read = flow_read_latency_enable },
		{ .name = "mode", .read = flow_read_latency_mode },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

/* Loss and times are there for each flow that is tracked. */
static int flow_read_always(struct otg *otg, const struct tree *node, void *into)
{
	bool value;

	(void)into;
	return otg_bool(otg, node, &value);
}

static int flow_read_ratio_value(struct otg *otg, const struct tree *node, void *into)
{
	double value = 1;
	int result = otg_decimal(otg, node, 0, 1e6, &value);

	(void)into;
	if (result == 0 && value != 1)
		return tree_refuse(otg->error, node, "only 1 is supported: each frame comes once");
	return result;
}

static int flow_read_ratio(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "value", .read = flow_read_ratio_value },
		{ .name = "rx_count" },
		{ .name = NULL },
	};

	return otg_choice(otg, node, members, "value", into);
}

static int flow_read_tag_rx(struct otg *otg, const struct tree *node, void *into)
{
	bool value = false;
	int result = otg_bool(otg, node, &value);

	(void)into;
	return result == 0 && value ? otg_refuse_unsupported(otg, node, NULL) : result;
}

static int flow_read_predefined_tags(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "rx_name", .read = flow_read_tag_rx },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int flow_read_metrics(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "enable", .read = flow_read_track },
		{ .name = "loss", .read = flow_read_always },
		{ .name = "rx_tx_ratio", .read = flow_read_ratio },
		{ .name = "timestamps", .read = flow_read_always },
		{ .name = "latency", .read = flow_read_latency },
		{ .name = "predefined_metric_tags", .read = flow_read_predefined_tags },
		{ .name = NULL },
	};
	const struct traffic_flow *flow = into;
	int result = otg_object(otg, node, members, into);

	if (result == 0 && flow->latency && !flow->track)
		return tree_refuse(otg->error, node, "latency needs enable: true here");
	return result;
}

/* ---- payload ---- */

#define PATTERN_BYTES_MAX 65535u

static int flow_read_pattern_bytes(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;

	return otg_hex(otg, node, false, PATTERN_BYTES_MAX, &flow->payload_bytes,
		       &flow->payload_size);
}

static int flow_read_repeat(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;
	bool repeat = true;
	int result = otg_bool(otg, node, &repeat);

	flow->payload_once = !repeat;
	return result;
}

/* Zeros are a kind of their own. */
static int flow_read_payload_fixed(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "pattern", .read = flow_read_pattern_bytes },
		{ .name = "repeat", .read = flow_read_repeat },
		{ .name = NULL },
	};
	struct traffic_flow *flow = into;
	size_t zeros = 0;
	int result = otg_object(otg, node, members, into);

	while (zeros < flow->payload_size && flow->payload_bytes[zeros] == 0)
		zeros++;
	flow->payload = zeros == flow->payload_size ? TRAFFIC_PAYLOAD_ZERO : TRAFFIC_PAYLOAD_FIXED;
	if (flow->payload == TRAFFIC_PAYLOAD_ZERO) {
		free(flow->payload_bytes);
		flow->payload_bytes = NULL;
		flow->payload_size = 0;
		flow->payload_once = false;
	}
	return result;
}

#define FLOW_READ_COUNTING(name, kind)                                                                   \
	static int name(struct otg *otg, const struct tree *node, void *into)                            \
	{                                                                                                \
		((struct traffic_flow *)into)->payload = kind;                                           \
		return otg_is_empty(node) ? 0 : tree_refuse(otg->error, node, "nothing is to be in it"); \
	}

FLOW_READ_COUNTING(flow_read_increment_byte, TRAFFIC_PAYLOAD_INCREMENT_BYTE)
FLOW_READ_COUNTING(flow_read_decrement_byte, TRAFFIC_PAYLOAD_DECREMENT_BYTE)
FLOW_READ_COUNTING(flow_read_increment_word, TRAFFIC_PAYLOAD_INCREMENT_WORD)
FLOW_READ_COUNTING(flow_read_decrement_word, TRAFFIC_PAYLOAD_DECREMENT_WORD)

static int flow_read_payload(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "fixed", .read = flow_read_payload_fixed },
		{ .name = "increment_byte", .read = flow_read_increment_byte },
		{ .name = "decrement_byte", .read = flow_read_decrement_byte },
		{ .name = "increment_word", .read = flow_read_increment_word },
		{ .name = "decrement_word", .read = flow_read_decrement_word },
		{ .name = NULL },
	};

	return otg_is_empty(node) && node->kind == TREE_NULL ? 0 : otg_choice(otg, node, members, "fixed", into);
}

/* ---- the flow ---- */

static int flow_read_name(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, OTG_NAME_MAX, &((struct traffic_flow *)into)->name);
}

/* `x-vionet` comes last: it says more exactly what others have said. */
static int flow_read_later(struct otg *otg, const struct tree *node, void *into)
{
	(void)into;
	return otg_needs_object(otg, node);
}

static void flow_note_place(const struct tree *flow, const struct tree *node, struct traffic_place *place)
{
	if (node == NULL)
		node = flow;
	*place = (struct traffic_place){ node->line, node->column };
}

/* What is not there has a default, and the place of the flow. */
static void flow_note_places(const struct tree *node, struct traffic_flow *flow)
{
	static const char *const names[] = { [TRAFFIC_PART_SIZE] = "size",
					     [TRAFFIC_PART_RATE] = "rate",
					     [TRAFFIC_PART_DURATION] = "duration",
					     [TRAFFIC_PART_PACKET] = "packet" };
	const struct tree *more = tree_find(node, "x-vionet");

	for (int i = TRAFFIC_PART_SIZE; i <= TRAFFIC_PART_PACKET; i++)
		flow_note_place(node, tree_find(node, names[i]), &flow->place[i]);
	flow_note_place(node, tree_find(more, "offload"), &flow->place[TRAFFIC_PART_OFFLOAD]);
	flow_note_place(node, tree_find(more, "replay"), &flow->place[TRAFFIC_PART_REPLAY]);
}

int otg_read_flow(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "name", .read = flow_read_name, .needed = true },
		{ .name = "tx_rx", .read = flow_read_ends, .needed = true },
		{ .name = "packet", .read = otg_read_packet },
		{ .name = "egress_packet" },
		{ .name = "size", .read = otg_read_size },
		{ .name = "rate", .read = flow_read_rate },
		{ .name = "duration", .read = otg_read_duration },
		{ .name = "metrics", .read = flow_read_metrics },
		{ .name = "payload", .read = flow_read_payload },
		{ .name = "x-vionet", .read = flow_read_later },
		{ .name = NULL },
	};
	struct traffic_flow *flow = into;
	int result;

	flow->size = (struct traffic_size){ .min = 64 - OTG_FCS };
	flow->rate = (struct rate){ RATE_PPS, 1000 * 1000 };
	flow->duration.gap_bytes = OTG_GAP_DEFAULT;
	flow->seed = 1;
	result = otg_object(otg, node, members, flow);
	if (result == 0)
		result = otg_read_more(otg, tree_find(node, "x-vionet"), flow);
	if (result == 0)
		result = otg_read_files(otg, node, flow);
	flow_note_places(node, flow);
	if (result == 0 && flow->headers == 0 && flow->template.file == NULL)
		result = otg_read_packet(otg, NULL, flow);
	return result;
}
