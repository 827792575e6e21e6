/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables, in the model's order of fields. Where the model states nothing but a number for a field that the
 * headers around it decide (udp.length, tcp.data_offset, vlan.tpid, ...), the field is computed nevertheless.
 *
 * vlan.tpid is the type of what follows the tag, as ethernet.ether_type is: 802.1ad is the value 34984 in the type
 * in front of the tag.
 */
#include "tools/pktgen/packet/header_table.h"

#include <string.h>

#define FIELDS(table) .field = (table), .fields = sizeof(table) / sizeof((table)[0])
#define FIELD(path, kind, at, width, ...)                                                            \
	{                                                                                            \
		.name = (path), .format = FIELD_##kind, .offset = (at), .bits = (width), __VA_ARGS__ \
	}
#define CHOICES(table) .choice = (table), .choices = sizeof(table) / sizeof((table)[0])

static const struct field_type ethernet_fields[] = {
	FIELD("dst", MAC, 0, 48, .automatic = true, .computed = RULE_GATEWAY),
	FIELD("src", MAC, 48, 48, .computed = RULE_SOURCE),
	FIELD("ether_type", INTEGER, 96, 16, .automatic = true, .computed = RULE_ETHER_TYPE, .preset = 0xffff),
	FIELD("pfc_queue", INTEGER, FIELD_NOT_SENT, 3),
};

static const struct field_type vlan_fields[] = {
	FIELD("priority", INTEGER, 0, 3),
	FIELD("cfi", INTEGER, 3, 1),
	FIELD("id", INTEGER, 4, 12),
	FIELD("tpid", INTEGER, 16, 16, .computed = RULE_ETHER_TYPE, .preset = 0xffff),
};

static const struct field_type arp_fields[] = {
	FIELD("hardware_type", INTEGER, 0, 16, .preset = 1),
	FIELD("protocol_type", INTEGER, 16, 16, .preset = 0x0800),
	FIELD("hardware_length", INTEGER, 32, 8, .preset = 6),
	FIELD("protocol_length", INTEGER, 40, 8, .preset = 4),
	FIELD("operation", INTEGER, 48, 16, .preset = 1),
	FIELD("sender_hardware_addr", MAC, 64, 48),
	FIELD("sender_protocol_addr", IPV4, 112, 32),
	FIELD("target_hardware_addr", MAC, 144, 48),
	FIELD("target_protocol_addr", IPV4, 192, 32),
};

static const struct field_type ipv4_fields[] = {
	FIELD("version", INTEGER, 0, 4, .preset = 4),
	FIELD("header_length", INTEGER, 4, 4, .automatic = true, .computed = RULE_WORDS, .preset = 5),
	FIELD("priority.raw", INTEGER, 8, 8),
	FIELD("priority.tos.precedence", INTEGER, 8, 3),
	FIELD("priority.tos.delay", INTEGER, 11, 1),
	FIELD("priority.tos.throughput", INTEGER, 12, 1),
	FIELD("priority.tos.reliability", INTEGER, 13, 1),
	FIELD("priority.tos.monetary", INTEGER, 14, 1),
	FIELD("priority.tos.unused", INTEGER, 15, 1),
	FIELD("priority.dscp.phb", INTEGER, 8, 6),
	FIELD("priority.dscp.ecn", INTEGER, 14, 2),
	FIELD("total_length", INTEGER, 16, 16, .automatic = true, .computed = RULE_LENGTH, .preset = 46),
	FIELD("identification", INTEGER, 32, 16),
	FIELD("reserved", INTEGER, 48, 1),
	FIELD("dont_fragment", INTEGER, 49, 1),
	FIELD("more_fragments", INTEGER, 50, 1),
	/* 5 bits in the model, 13 in RFC 791. */
	FIELD("fragment_offset", INTEGER, 51, 13),
	FIELD("time_to_live", INTEGER, 64, 8, .preset = 64),
	FIELD("protocol", INTEGER, 72, 8, .automatic = true, .computed = RULE_PROTOCOL, .preset = 61),
	FIELD("header_checksum", CHECKSUM, 80, 16, .computed = RULE_CHECKSUM),
	FIELD("src", IPV4, 96, 32),
	FIELD("dst", IPV4, 128, 32),
};

static const struct header_choice ipv4_choices[] = { { "priority", "dscp" } };

static const struct field_type ipv4_option_fields[] = {
	FIELD("type.copied_flag", INTEGER, 0, 1),
	FIELD("type.option_class", INTEGER, 1, 2),
	FIELD("type.option_number", INTEGER, 3, 5),
	FIELD("length", INTEGER, 8, 8, .automatic = true, .computed = RULE_BYTES),
};

static const struct field_type ipv4_timestamp_fields[] = {
	FIELD("pointer", INTEGER, 16, 8, .automatic = true, .preset = 5),
	FIELD("overflow", INTEGER, 24, 4),
};

static const struct header_choice ipv4_timestamp_choices[] = { { "format", NULL } };

static const struct field_type timestamp_fields[] = {
	FIELD("timestamp", INTEGER, 0, 32),
};

static const struct field_type address_and_timestamp_fields[] = {
	FIELD("address", IPV4, 0, 32),
	FIELD("timestamp", INTEGER, 32, 32),
};

static const struct field_type ipv6_fields[] = {
	FIELD("version", INTEGER, 0, 4, .preset = 6),
	FIELD("traffic_class", INTEGER, 4, 8),
	FIELD("flow_label", INTEGER, 12, 20),
	FIELD("payload_length", INTEGER, 32, 16, .automatic = true, .computed = RULE_LENGTH_BEHIND),
	FIELD("next_header", INTEGER, 48, 8, .automatic = true, .computed = RULE_PROTOCOL, .preset = 59),
	FIELD("hop_limit", INTEGER, 56, 8, .preset = 64),
	FIELD("src", IPV6, 64, 128),
	FIELD("dst", IPV6, 192, 128),
};

#define SEGMENT_ROUTING "routing.segment_routing"

/* The flags are those of the drafts before RFC 8754. */
static const struct field_type ipv6_extension_fields[] = {
	FIELD("next_header", INTEGER, 0, 8, .automatic = true, .computed = RULE_PROTOCOL, .preset = 59),
	FIELD("hdr_ext_len", INTEGER, 8, 8, .automatic = true, .computed = RULE_MORE_UNITS),
	FIELD(SEGMENT_ROUTING ".segments_left", INTEGER, 24, 8, .automatic = true, .computed = RULE_LAST_PART),
	FIELD(SEGMENT_ROUTING ".last_entry", INTEGER, 32, 8, .automatic = true, .computed = RULE_LAST_PART),
	FIELD(SEGMENT_ROUTING ".flags.protected", INTEGER, 41, 1),
	FIELD(SEGMENT_ROUTING ".flags.oam", INTEGER, 42, 1),
	FIELD(SEGMENT_ROUTING ".flags.alert", INTEGER, 43, 1),
	FIELD(SEGMENT_ROUTING ".tag", INTEGER, 48, 16),
};

static const struct header_choice ipv6_extension_choices[] = {
	{ "", "routing" },
	{ "routing", "segment_routing" },
};

static const struct field_type segment_fields[] = {
	FIELD("segment", IPV6, 0, 128),
};

static const struct field_type pad_tlv_fields[] = {
	FIELD("type", INTEGER, 0, 8, .automatic = true, .preset = 4),
	FIELD("length", INTEGER, 8, 8, .automatic = true, .computed = RULE_ALIGN, .constant = true),
};

static const struct field_type icmp_fields[] = {
	FIELD("echo.type", INTEGER, 0, 8, .preset = 8),
	FIELD("echo.code", INTEGER, 8, 8),
	FIELD("echo.checksum", CHECKSUM, 16, 16, .computed = RULE_CHECKSUM_ALL),
	FIELD("echo.identifier", INTEGER, 32, 16),
	FIELD("echo.sequence_number", INTEGER, 48, 16),
};

static const struct field_type icmpv6_fields[] = {
	FIELD("echo.type", INTEGER, 0, 8, .preset = 128),
	FIELD("echo.code", INTEGER, 8, 8),
	FIELD("echo.identifier", INTEGER, 32, 16),
	FIELD("echo.sequence_number", INTEGER, 48, 16),
	FIELD("echo.checksum", CHECKSUM, 16, 16, .computed = RULE_CHECKSUM_PSEUDO),
};

static const struct header_choice echo_choices[] = { { "", "echo" } };

/* A tunnel's port where a tunnel's header follows. */
static const struct field_type udp_fields[] = {
	FIELD("src_port", INTEGER, 0, 16),
	FIELD("dst_port", INTEGER, 16, 16, .computed = RULE_TUNNEL_PORT),
	FIELD("length", INTEGER, 32, 16, .computed = RULE_LENGTH),
	FIELD("checksum", CHECKSUM, 48, 16, .computed = RULE_CHECKSUM_PSEUDO),
};

static const struct field_type tcp_fields[] = {
	FIELD("src_port", INTEGER, 0, 16),
	FIELD("dst_port", INTEGER, 16, 16),
	FIELD("seq_num", INTEGER, 32, 32),
	FIELD("ack_num", INTEGER, 64, 32),
	FIELD("data_offset", INTEGER, 96, 4, .computed = RULE_WORDS),
	FIELD("ecn_ns", INTEGER, 103, 1),
	FIELD("ecn_cwr", INTEGER, 104, 1),
	FIELD("ecn_echo", INTEGER, 105, 1),
	FIELD("ctl_urg", INTEGER, 106, 1),
	FIELD("ctl_ack", INTEGER, 107, 1),
	FIELD("ctl_psh", INTEGER, 108, 1),
	FIELD("ctl_rst", INTEGER, 109, 1),
	FIELD("ctl_syn", INTEGER, 110, 1),
	FIELD("ctl_fin", INTEGER, 111, 1),
	FIELD("window", INTEGER, 112, 16),
	FIELD("checksum", CHECKSUM, 128, 16, .computed = RULE_CHECKSUM_PSEUDO),
};

static const struct field_type vxlan_fields[] = {
	FIELD("flags", INTEGER, 0, 8, .preset = 8),
	FIELD("reserved0", INTEGER, 8, 24),
	FIELD("vni", INTEGER, 32, 24, .automatic = true),
	FIELD("reserved1", INTEGER, 56, 8),
};

static const struct field_type gre_fields[] = {
	FIELD("checksum_present", INTEGER, 0, 1, .constant = true),
	FIELD("reserved0", INTEGER, 1, 12),
	FIELD("version", INTEGER, 13, 3),
	FIELD("protocol", INTEGER, 16, 16, .automatic = true, .computed = RULE_ETHER_TYPE, .preset = 0x0800),
	FIELD("checksum", CHECKSUM, 32, 16, .computed = RULE_CHECKSUM_ALL, .optional = true),
	FIELD("reserved1", INTEGER, 48, 16, .optional = true),
};

static const struct field_type gtpv1_fields[] = {
	FIELD("version", INTEGER, 0, 3, .preset = 1),
	FIELD("protocol_type", INTEGER, 3, 1, .preset = 1),
	FIELD("reserved", INTEGER, 4, 1),
	FIELD("e_flag", INTEGER, 5, 1, .computed = RULE_EXTENSIONS, .constant = true),
	FIELD("s_flag", INTEGER, 6, 1, .constant = true),
	FIELD("pn_flag", INTEGER, 7, 1, .constant = true),
	FIELD("message_type", INTEGER, 8, 8, .computed = RULE_MESSAGE),
	FIELD("message_length", INTEGER, 16, 16, .computed = RULE_LENGTH_BEHIND),
	FIELD("teid", INTEGER, 32, 32),
	/* The model's spelling. */
	FIELD("squence_number", INTEGER, 64, 16, .optional = true),
	FIELD("n_pdu_number", INTEGER, 80, 8, .optional = true),
	FIELD("next_extension_header_type", INTEGER, 88, 8, .optional = true),
};

static const struct field_type gtpv1_extension_fields[] = {
	FIELD("extension_length", INTEGER, 0, 8, .computed = RULE_WORDS),
	FIELD("contents", INTEGER, 8, 48),
	FIELD("next_extension_header", INTEGER, 56, 8),
};

static const struct field_type mpls_fields[] = {
	FIELD("label", INTEGER, 0, 20, .automatic = true, .preset = 16),
	FIELD("traffic_class", INTEGER, 20, 3),
	FIELD("bottom_of_stack", INTEGER, 23, 1, .automatic = true, .computed = RULE_BOTTOM, .preset = 1),
	FIELD("time_to_live", INTEGER, 24, 8, .preset = 64),
};

static const struct field_type ppp_fields[] = {
	FIELD("address", INTEGER, 0, 8, .preset = 0xff),
	FIELD("control", INTEGER, 8, 8, .preset = 3),
	FIELD("protocol_type", INTEGER, 16, 16, .automatic = true, .computed = RULE_PPP_TYPE, .preset = 33),
};

static const struct header_type header_types[HEADER_KINDS] = {
	[HEADER_ETHERNET] = { .name = "ethernet", FIELDS(ethernet_fields), .size = 14 },
	[HEADER_VLAN] = { .name = "vlan", FIELDS(vlan_fields), .size = 4 },
	[HEADER_ARP] = { .name = "arp", FIELDS(arp_fields), .size = 28 },
	[HEADER_IPV4] = { .name = "ipv4", FIELDS(ipv4_fields), .size = 20, CHOICES(ipv4_choices) },
	[HEADER_IPV6] = { .name = "ipv6", FIELDS(ipv6_fields), .size = 40 },
	[HEADER_IPV6_EXTENSION_HEADER] = { .name = "ipv6_extension_header",
					   FIELDS(ipv6_extension_fields),
					   .size = 8,
					   CHOICES(ipv6_extension_choices) },
	[HEADER_ICMP] = { .name = "icmp", FIELDS(icmp_fields), .size = 8, CHOICES(echo_choices) },
	[HEADER_ICMPV6] = { .name = "icmpv6",
			    FIELDS(icmpv6_fields),
			    .size = 8,
			    CHOICES(echo_choices) },
	[HEADER_UDP] = { .name = "udp", FIELDS(udp_fields), .size = 8 },
	[HEADER_TCP] = { .name = "tcp", FIELDS(tcp_fields), .size = 20 },
	[HEADER_VXLAN] = { .name = "vxlan", FIELDS(vxlan_fields), .size = 8 },
	[HEADER_GRE] = { .name = "gre", FIELDS(gre_fields), .size = 4, .optional = 4 },
	[HEADER_GTPV1] = { .name = "gtpv1", FIELDS(gtpv1_fields), .size = 8, .optional = 4 },
	[HEADER_MPLS] = { .name = "mpls", FIELDS(mpls_fields), .size = 4 },
	[HEADER_PPP] = { .name = "ppp", FIELDS(ppp_fields), .size = 4 },
	[HEADER_CUSTOM] = { .name = "custom", .bytes = "bytes" },
	/* The first of a list is what no `choice` means. */
	[HEADER_IPV4_ROUTER_ALERT] = { .name = "router_alert",
				       .size = 4,
				       .parent = HEADER_IPV4,
				       .list = "options" },
	[HEADER_IPV4_OPTION] = { .name = "custom",
				 FIELDS(ipv4_option_fields),
				 .size = 2,
				 .bytes = "value",
				 .parent = HEADER_IPV4,
				 .list = "options" },
	[HEADER_IPV4_TIMESTAMP] = { .name = "timestamp",
				    FIELDS(ipv4_timestamp_fields),
				    .size = 4,
				    CHOICES(ipv4_timestamp_choices),
				    .parent = HEADER_IPV4,
				    .list = "options" },
	[HEADER_IPV4_END_OF_OPTIONS] = { .name = "end_of_options",
					 .size = 1,
					 .parent = HEADER_IPV4,
					 .list = "options" },
	[HEADER_TIMESTAMP] = { .name = "",
			       FIELDS(timestamp_fields),
			       .size = 4,
			       .parent = HEADER_IPV4_TIMESTAMP,
			       .list = "format.timestamps" },
	[HEADER_ADDRESS_AND_TIMESTAMP] = { .name = "",
					   FIELDS(address_and_timestamp_fields),
					   .size = 8,
					   .parent = HEADER_IPV4_TIMESTAMP,
					   .list = "format.address_and_timestamps" },
	[HEADER_PRESPECIFIED_TIMESTAMP] = { .name = "",
					    FIELDS(address_and_timestamp_fields),
					    .size = 8,
					    .parent = HEADER_IPV4_TIMESTAMP,
					    .list = "format.prespecified_address_and_timestamps" },
	[HEADER_SEGMENT] = { .name = "",
			     FIELDS(segment_fields),
			     .size = 16,
			     .parent = HEADER_IPV6_EXTENSION_HEADER,
			     .list = SEGMENT_ROUTING ".segment_list" },
	[HEADER_PAD_TLV] = { .name = "",
			     FIELDS(pad_tlv_fields),
			     .size = 2,
			     .parent = HEADER_IPV6_EXTENSION_HEADER,
			     .list = SEGMENT_ROUTING ".pad_tlv",
			     .single = true },
	[HEADER_GTPV1_EXTENSION] = { .name = "",
				     FIELDS(gtpv1_extension_fields),
				     .size = 8,
				     .parent = HEADER_GTPV1,
				     .list = "extension_headers" },
};

const struct header_type *header_type(enum header_kind kind)
{
	return &header_types[kind];
}

int header_kind_find(const char *name, size_t length)
{
	for (int kind = 0; kind < HEADER_PARTS; kind++)
		if (strlen(header_types[kind].name) == length &&
		    memcmp(header_types[kind].name, name, length) == 0)
			return kind;
	return -1;
}

int header_part_find(enum header_kind parent, const char *list, const char *choice)
{
	for (int kind = HEADER_PARTS; kind < HEADER_KINDS; kind++)
		if (header_types[kind].parent == parent && strcmp(header_types[kind].list, list) == 0 &&
		    strcmp(header_types[kind].name, choice) == 0)
			return kind;
	return -1;
}

int header_field_find(enum header_kind kind, const char *path)
{
	for (uint32_t i = 0; i < header_types[kind].fields; i++)
		if (strcmp(header_types[kind].field[i].name, path) == 0)
			return (int)i;
	return -1;
}
