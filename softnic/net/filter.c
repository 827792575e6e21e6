/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames the driver gets: receive modes, MAC tables, VLANs; and the commands that
 * set them.
 *
 * The specification leaves the first state open; here it is its defaults: no mode is on,
 * so that the device's own address and broadcasts pass ("Packet Receive Filtering",
 * "Setting MAC Address Filtering", "VLAN Filtering"). Without CTRL_RX nothing is filtered
 * by address, without CTRL_VLAN nothing by VLAN.
 */
#include "softnic/net/internal.h"

#define TYPE_VLAN 0x8100u

static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };

static bool filter_in_table(const uint8_t (*table)[6], unsigned int count,
			    const uint8_t *address)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (memcmp(table[i], address, 6) == 0)
			return true;
	}
	return false;
}

static bool filter_address_passes(const struct net *net, const uint8_t *to)
{
	const struct filter *filter = &net->filter;

	if (filter->promisc)
		return true;
	if (memcmp(to, broadcast, 6) == 0)
		return !filter->nobcast;
	if (to[0] & 1) {
		return !filter->nomulti &&
		       (filter->allmulti || filter->multicast_overflow ||
			filter_in_table(filter->multicast, filter->multicasts, to));
	}
	return !filter->nouni &&
	       (filter->alluni || filter->unicast_overflow ||
		memcmp(to, net->mac, 6) == 0 ||
		filter_in_table(filter->unicast, filter->unicasts, to));
}

bool filter_passes(struct net *net, const struct frame *frame)
{
	uint8_t head[ETH_HEADER + VLAN_TAG];
	uint32_t size = frame_copy(frame, 0, head, sizeof(head));
	uint16_t vlan;

	if (size < ETH_HEADER)
		return true;
	if (net->filtering && !filter_address_passes(net, head))
		return false;
	if (!net->vlan_filtering || size < sizeof(head) ||
	    net_be16(head + 12) != TYPE_VLAN)
		return true;
	vlan = net_be16(head + 14) & 0xfff;
	/* Tag 0 is a priority alone: no VLAN (IEEE 802.1Q). */
	return vlan == 0 || net->filter.vlan[vlan / 64] >> (vlan % 64) & 1;
}

/* ---- commands ---- */

enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST };
enum { MAC_TABLE_SET, MAC_ADDR_SET };
enum { VLAN_ADD, VLAN_DEL };

bool command_filter_mode(struct command *command)
{
	struct net *net = command->net;
	struct filter *filter = &net->filter;
	bool *const mode[] = { &filter->promisc, &filter->allmulti,
			       &filter->alluni,	 &filter->nomulti,
			       &filter->nouni,	 &filter->nobcast };
	bool extra = command->number >= RX_ALLUNI;

	if (command->number > RX_NOBCAST)
		return false;
	if (!extra && !net_has(net, FT_CTRL_RX)) {
		violation(net->device, "CVQ-03", "receive mode command %u without "
			  "CTRL_RX", command->number);
		return false;
	}
	if (extra && !net_has(net, FT_CTRL_RX_EXTRA)) {
		violation(net->device, "CVQ-04", "receive mode command %u without "
			  "CTRL_RX_EXTRA", command->number);
		return false;
	}
	if (command->length != 1 || command->data[0] > 1) {
		violation(net->device, "CVQ-01", "receive mode command %u has %u "
			  "bytes of data, not one that is 0 or 1", command->number,
			  command->length);
		return false;
	}
	*mode[command->number] = command->data[0];
	return true;
}

/* One of the two tables: le32 count, addresses. Advances *at; false: malformed. */
static bool filter_read_table(struct command *command, uint32_t *at, bool multicast)
{
	struct net *net = command->net;
	struct filter *filter = &net->filter;
	uint8_t(*table)[6] = multicast ? filter->multicast : filter->unicast;
	uint32_t count, i, kept;
	const uint8_t *address;

	if (command->length - *at < 4)
		return false;
	count = net_le32(command->data + *at);
	*at += 4;
	if (count > (command->length - *at) / 6)
		return false;
	for (i = 0, kept = 0; i < count; i++, *at += 6) {
		address = command->data + *at;
		if ((address[0] & 1) != multicast)
			violation(net->device, "CVQ-08", "MAC_TABLE_SET: address "
				  "%02x:... is in the table of %s addresses",
				  address[0], multicast ? "multicast" : "unicast");
		if (kept < MAC_TABLE_MAX)
			memcpy(table[kept++], address, 6);
	}
	*(multicast ? &filter->multicasts : &filter->unicasts) = kept;
	/* Too many to filter by: all of the kind pass, as the specification's note
	 * allows. */
	*(multicast ? &filter->multicast_overflow :
		      &filter->unicast_overflow) = count > kept;
	return true;
}

static bool filter_mac_table_set(struct command *command)
{
	uint32_t at = 0;

	if (filter_read_table(command, &at, false) && filter_read_table(command, &at, true) &&
	    at == command->length)
		return true;
	violation(command->net->device, "CVQ-08",
		  "MAC_TABLE_SET: %u bytes are not two tables of counted addresses",
		  command->length);
	return false;
}

bool command_mac(struct command *command)
{
	struct net *net = command->net;

	if (!net_has(net, FT_CTRL_RX)) {
		violation(net->device, "CVQ-06", "MAC command %u without CTRL_RX",
			  command->number);
		return false;
	}
	if (command->number == MAC_TABLE_SET)
		return filter_mac_table_set(command);
	if (command->number != MAC_ADDR_SET)
		return false;
	if (!net_has(net, FT_CTRL_MAC_ADDR)) {
		violation(net->device, "CVQ-10",
			  "MAC_ADDR_SET without CTRL_MAC_ADDR");
		return false;
	}
	if (command->length != 6 || (command->data[0] & 1))
		return false;
	config_mac(net, command->data);
	return true;
}

bool command_vlan(struct command *command)
{
	struct net *net = command->net;
	uint64_t *word, bit;
	uint16_t vlan;

	if (!net_has(net, FT_CTRL_VLAN) || command->length != 2) {
		violation(net->device, "CVQ-11", "VLAN command %u: %s",
			  command->number,
			  command->length == 2 ? "CTRL_VLAN is not negotiated" :
						 "its data is not one le16");
		return false;
	}
	vlan = net_le16(command->data);
	if (vlan > 4095 || command->number > VLAN_DEL)
		return false;
	word = &net->filter.vlan[vlan / 64];
	bit = 1ull << (vlan % 64);
	*word = command->number == VLAN_ADD ? *word | bit : *word & ~bit;
	return true;
}
