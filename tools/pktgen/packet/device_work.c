/* SPDX-License-Identifier: BSD-3-Clause */
/* What a flow leaves to the device: the innermost transport checksum, and cutting into segments. */
#include <vionet/offload.h>

#include "tools/pktgen/packet/compile.h"

/* The last header that is TCP or UDP; -1. */
static int work_transport(const struct compile *compile)
{
	for (int i = (int)compile->items - 1; i >= 0; i--) {
		unsigned int kind = compile->item[i].header->kind;

		if (kind == HEADER_TCP || kind == HEADER_UDP)
			return i;
	}
	return -1;
}

static int work_sum(const struct compile *compile, int item)
{
	for (uint32_t i = 0; i < compile->sums; i++)
		if (compile->sum[i].item == (uint32_t)item)
			return (int)i;
	return -1;
}

/* The tunnel's UDP header in front of an inner IP header: UDP, VXLAN, Ethernet and tags. -1: no such tunnel. */
static int work_tunnel(const struct compile *compile, int ip)
{
	int udp = -1;
	bool vxlan = false;

	for (int i = 0; i < ip; i++) {
		unsigned int kind = compile->item[i].header->kind;

		if (kind == HEADER_UDP && udp < 0)
			udp = i;
		else if (kind == HEADER_VXLAN && udp == i - 1 && !vxlan)
			vxlan = true;
		else if (udp >= 0 ? !vxlan || (kind != HEADER_ETHERNET && kind != HEADER_VLAN)
				  : kind == HEADER_GRE || kind == HEADER_GTPV1 || kind == HEADER_MPLS)
			return -1;
	}
	return vxlan ? udp : -1;
}

static bool work_has_outer_ip(const struct compile *compile, int ip)
{
	for (int i = 0; i < ip; i++)
		if (compile->item[i].header->kind == HEADER_IPV4 || compile->item[i].header->kind == HEADER_IPV6)
			return true;
	return false;
}

static int work_in_tunnel(struct compile *compile, int ip)
{
	struct template_offload *offload = &compile->template->offload;
	int udp = work_tunnel(compile, ip);
	int sum;

	if (udp < 0)
		return compile_refuse(compile, -1, "offload.segment_size",
				      "devices cut what is in one VXLAN tunnel, and "
				      "in no other kind; leave it out");
	offload->gso_type |= compile->item[ip].header->kind == HEADER_IPV4 ? VIONET_GSO_UDP_TUNNEL_IPV4
									   : VIONET_GSO_UDP_TUNNEL_IPV6;
	offload->outer_th_offset = (uint16_t)compile->item[udp].at;
	offload->inner_nh_offset = (uint16_t)compile->item[ip].at;
	sum = work_sum(compile, udp);
	if (sum < 0) {
		int field = header_field_find(HEADER_UDP, "checksum");

		if (compile->item[udp].header->field[field].start != 0)
			return compile_refuse(compile, udp, "checksum",
					      "with segmentation it is 0, or generated: good");
		return 0;
	}
	if (compile->sum[sum].pattern == TRAFFIC_BAD)
		return compile_refuse(compile, udp, "checksum",
				      "the device makes it right; not `bad` with segmentation");
	compile->sum[sum].partial = true;
	offload->flags |= VIONET_PACKET_UDP_TUNNEL_CSUM;
	return 0;
}

static int work_segments(struct compile *compile, int transport, int ip)
{
	struct template_offload *offload = &compile->template->offload;

	if (compile->item[transport].end != compile->template->headers)
		return compile_refuse(compile, -1, "offload.segment_size", "needs tcp or udp as the last header");
	offload->gso_size = compile->flow->offload.segment_size;
	if (compile->item[transport].header->kind == HEADER_UDP)
		offload->gso_type = VIONET_GSO_UDP_L4;
	else
		offload->gso_type = compile->item[ip].header->kind == HEADER_IPV4 ? VIONET_GSO_TCPV4
										  : VIONET_GSO_TCPV6;
	return work_has_outer_ip(compile, ip) ? work_in_tunnel(compile, ip) : 0;
}

int compile_offload(struct compile *compile)
{
	const struct traffic_offload *wanted = &compile->flow->offload;
	struct template_offload *offload = &compile->template->offload;
	const char *name = wanted->segment_size ? "offload.segment_size" : "offload.checksum";
	int transport = work_transport(compile);
	int sum = transport < 0 ? -1 : work_sum(compile, transport);
	struct compile_sum *of = &compile->sum[sum < 0 ? 0 : sum];

	if (!wanted->checksum && wanted->segment_size == 0)
		return 0;
	if (transport < 0)
		return compile_refuse(compile, -1, name, "needs a tcp or udp header");
	if (sum < 0 || of->pattern == TRAFFIC_BAD)
		return compile_refuse(compile, transport, "checksum", "the device makes it; leave it unset");
	if (of->ip < 0)
		return compile_refuse(compile, -1, name, "needs an ipv4 or ipv6 header in front of %s",
				      compile->item[transport].type->name);
	of->partial = true;
	for (int i = 0; i < sum; i++)
		if (compile->sum[i].end == UINT32_MAX) {
			compile->sum[i].end = of->start;
			compile->sum[i].device_inside = true;
		}
	offload->flags = VIONET_PACKET_NEEDS_CSUM;
	offload->csum_start = (uint16_t)of->start;
	offload->csum_offset = (uint16_t)(of->at - of->start);
	offload->hdr_len = (uint16_t)compile->item[transport].end;
	return wanted->segment_size ? work_segments(compile, transport, of->ip) : 0;
}
