/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are not plain: tags, tunnels, other headers, and whether they are as they were sent. */
#include "tools/pktgen/engine/receive.h"

static void receive_note_tags(struct worker *worker, const struct packet_view *view,
			      const struct flow *flow)
{
	uint32_t at = view->vlans < ENGINE_VLANS ? view->vlans : ENGINE_VLANS - 1;

	count_add(&worker->vlans[at], 1);
	if (view->vlans != 0)
		count_set(&worker->vlan_tag[at],
			  (uint64_t)view->vlan_type << 16 | view->vlan_tci);
	if (flow != NULL && view->tunnels != flow->tunnels)
		count_add(&worker->tunnelled, 1);
}

/*
 * No checksum covers an EtherType, nor which header follows one of IPv6. In a frame as long as the
 * one that was sent, so with nothing more around it, what lies in that one is found too. Writes to
 * worker->scratch.
 */
static bool receive_types_are_right(struct worker *worker, const struct received *received,
				    const struct packet_view *view)
{
	const struct flow *flow = &worker->engine->flow[received->flow];
	uint64_t number = receive_number(flow, received);
	struct packet_view sent;
	uint32_t size;

	if (view->payload != 0 || view->fragment || flow->cut)
		return true;
	size = template_size(flow->template, number);
	if (template_padded(flow->template, size) != received->size)
		return true;
	template_build(flow->template, worker->scratch, size, number, received->signature.sequence, true);
	packet_parse(worker->scratch, received->size, received->size, &sent);
	return sent.payload == 0;
}

bool receive_is_intact(struct worker *worker, const struct received *received, bool partial)
{
	const struct engine *engine = worker->engine;
	const struct flow *flow = &engine->flow[received->flow];
	struct packet_view view;

	packet_parse(received->bytes, received->size, received->size, &view);
	receive_note_tags(worker, &view, engine->options.rx_only ? NULL : flow);
	if (engine->options.rx_only) /* what its payload is, is not known */
		return packet_sums_right(received->bytes, received->size, partial);
	if (flow->check_payload && !receive_payload_is_right(flow, received, &view))
		return false;
	if (flow->check_sums && !packet_sums_right(received->bytes, received->size, partial))
		return false;
	return receive_types_are_right(worker, received, &view);
}
