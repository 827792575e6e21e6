/* SPDX-License-Identifier: BSD-3-Clause */
/* What negotiation decides, in the form that the way of a frame wants. */
#include <stdlib.h>

#include "softnic/net/internal.h"

/* Mask bits of the receive offloads, with the feature behind each ("Setting Offloads
 * State"): the two for tunnels have bits of their own. */
static const struct {
	unsigned int bit;
	enum feature feature;
} offloads[] = {
	{ 1, FT_GUEST_CSUM },  { 7, FT_GUEST_TSO4 },  { 8, FT_GUEST_TSO6 },
	{ 9, FT_GUEST_ECN },   { 10, FT_GUEST_UFO },  { 54, FT_GUEST_USO4 },
	{ 55, FT_GUEST_USO6 }, { 46, FT_GUEST_UDP_TUNNEL_GSO },
	{ 47, FT_GUEST_UDP_TUNNEL_GSO_CSUM },
};

uint64_t net_offloads(const struct net *net)
{
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		if (net_has(net, offloads[i].feature))
			mask |= 1ull << offloads[i].bit;
	}
	return mask;
}

void net_features_accepted(struct device *device)
{
	check_features(device->net);
	net_features_resumed(device);
}

void net_features_resumed(struct device *device)
{
	struct net *net = device->net;

	net->header_size = header_size(&device->accepted);
	net->mergeable = net_has(net, FT_MRG_RXBUF);
	net->filtering = net_has(net, FT_CTRL_RX);
	net->vlan_filtering = net_has(net, FT_CTRL_VLAN);
	net->hashing = net_has(net, FT_RSS) || net_has(net, FT_HASH_REPORT);
	net->guest = net_offloads(net);
	net->frame_limit = FRAME_MAX;
	if (net_has(net, FT_MTU))
		net->frame_limit = device->mtu + ETH_HEADER;
	/* Without memory for it nothing is coalesced; that is no promise. */
	if (net_has(net, FT_RSC_EXT) && net->coalesce == NULL)
		net->coalesce = calloc(1, sizeof(*net->coalesce));
}
