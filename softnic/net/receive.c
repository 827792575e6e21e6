/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames from the peer: which the driver gets, and in what form. Never an offload that it has
 * not asked for. */
#include <errno.h>

#include "softnic/net/internal.h"

#define TUNNEL_BITS (GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6)

/* ---- what the driver takes ---- */

static bool receive_takes_uso(const struct net *net, const struct frame *frame)
{
	uint8_t head[128];
	struct packet packet;

	if (net_guest_takes(net, GO_USO4) == net_guest_takes(net, GO_USO6))
		return net_guest_takes(net, GO_USO4);
	packet_parse(head, frame_copy(frame, 0, head, sizeof(head)), &packet);
	return net_guest_takes(net, packet.version == 4 ? GO_USO4 : GO_USO6);
}

static bool receive_takes(const struct net *net, const struct frame *frame)
{
	const struct net_header *header = &frame->header;

	if (net_header_plain(header))
		return true;
	if (!net_guest_takes(net, GO_CSUM))
		return false;
	if ((header->gso_type & GSO_ECN) && !net_guest_takes(net, GO_ECN))
		return false;
	if ((header->gso_type & TUNNEL_BITS) && !net_guest_takes(net, GO_TUNNEL))
		return false;
	if ((header->flags & HF_UDP_TUNNEL_CSUM) && !net_guest_takes(net, GO_TUNNEL_CSUM))
		return false;
	switch (header->gso_type & ~(GSO_ECN | TUNNEL_BITS)) {
	case GSO_NONE:
		return true;
	case GSO_TCPV4:
		return net_guest_takes(net, GO_TSO4);
	case GSO_TCPV6:
		return net_guest_takes(net, GO_TSO6);
	case GSO_UDP:
		return net_guest_takes(net, GO_UFO);
	case GSO_UDP_L4:
		return receive_takes_uso(net, frame);
	default:
		return false;
	}
}

/* ---- the way in ---- */

static void receive_lose(struct net *net)
{
	net->queue[0].count.drops++;
}

static bool receive_too_long(const struct net *net, const struct frame *frame)
{
	uint8_t type[2] = { 0 };
	uint32_t limit = net->frame_limit;

	if (frame->length <= limit)
		return false;
	if ((frame->header.gso_type & ~GSO_ECN) != GSO_NONE)
		return frame->length > FRAME_MAX;
	frame_copy(frame, 12, type, 2);
	return net_be16(type) != 0x8100 || frame->length > limit + VLAN_TAG;
}

static int receive_place_segments(struct net *net, const struct frame *frame,
				  unsigned int *progress)
{
	int count = segments_begin(net->segments, frame);
	struct frame piece;

	if (count < 0) {
		receive_lose(net);
		return 0;
	}
	for (; *progress < (unsigned int)count; ++*progress) {
		segments_make(net->segments, *progress, &piece);
		net->pieces++;
		if (receive_too_long(net, &piece))
			receive_lose(net);
		else if (receive_place(net, &piece) == -EAGAIN)
			return -EAGAIN;
	}
	return 0;
}

static int receive_clean(struct net *net, const struct frame *frame,
			 unsigned int *progress)
{
	int result;

	if (!net->link_up)
		return 0;
	if (receive_too_long(net, frame) ||
	    (!net_header_plain(&frame->header) && !offload_headers(frame)) ||
	    ((net->filtering || net->vlan_filtering) &&
	     !filter_passes(net, frame))) {
		receive_lose(net);
		return 0;
	}
	if (net->coalesce && coalesce_add(net, frame))
		return 0;
	result = net->coalesce ? coalesce_flush(net) : 0;
	if (result == -EAGAIN)
		return result;
	if (receive_takes(net, frame))
		result = receive_place(net, frame);
	else
		result = receive_place_segments(net, frame, progress);
	return result == -EAGAIN ? result : 0;
}

int receive_frame(struct net *net, const struct frame *frame,
		  unsigned int *progress)
{
	struct frame clean;

	if (net_header_plain(&frame->header))
		return receive_clean(net, frame, progress);
	/* What a sender may not say is not said to the driver either. */
	clean = *frame;
	clean.header.flags &= HF_NEEDS_CSUM | HF_UDP_TUNNEL_CSUM;
	if (!(clean.header.gso_type & TUNNEL_BITS))
		clean.header.flags &= HF_NEEDS_CSUM;
	return receive_clean(net, &clean, progress);
}

/* A frame that the peer has now, through the bottleneck that there may be. */
static int receive_limit(struct net *net, const struct frame *frame)
{
	struct counters *count = &net->queue[0].count;
	int result;

	if (net->received.milli != 0 &&
	    !limit_take(&net->received, clock_now())) {
		count->limited++;
		count->limited_bytes += frame->length;
		receive_lose(net);
		return 0;
	}
	result = receive_frame(net, frame, &net->receive_segment);
	if (result == -EAGAIN && net->received.milli != 0)
		limit_return(&net->received);
	return result;
}

bool receive_run(struct net *net, unsigned int budget)
{
	struct peer *peer = net->peer;
	struct frame frame;
	unsigned int done;

	if (peer->mirror || peer->idle)
		return net->coalesce && coalesce_flush(net) > 0;
	for (done = 0; done < budget; done++) {
		if (peer->ops->receive(peer, &frame) <= 0)
			break;
		if (receive_limit(net, &frame) == -EAGAIN) {
			peer->ops->unreceive(peer);
			net->blocked = true;
			break;
		}
		net->receive_segment = 0;
	}
	if (net->coalesce && coalesce_flush(net) > 0)
		done++;
	return done > 0;
}
