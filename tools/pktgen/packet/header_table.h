/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet headers by the names of the Open Traffic Generator model: what fields they have and where
 * these lie. Reader, writer and compiler of configurations know headers from here alone.
 *
 * Elements of lists inside a header (IPv4 options, segments, GTP extensions) are kinds as well: a
 * traffic_header has them as its parts, in the order of the wire.
 */
#ifndef VIONET_TOOLS_HEADER_TABLE_H
#define VIONET_TOOLS_HEADER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum header_kind {
	HEADER_ETHERNET,
	HEADER_VLAN,
	HEADER_ARP,
	HEADER_IPV4,
	HEADER_IPV6,
	HEADER_IPV6_EXTENSION_HEADER,
	HEADER_ICMP,
	HEADER_ICMPV6,
	HEADER_UDP,
	HEADER_TCP,
	HEADER_VXLAN,
	HEADER_GRE,
	HEADER_GTPV1,
	HEADER_MPLS,
	HEADER_PPP,
	HEADER_CUSTOM,
	/* Parts of others: not in `packet` itself. */
	HEADER_PARTS,
	HEADER_IPV4_ROUTER_ALERT = HEADER_PARTS,
	HEADER_IPV4_OPTION,
	HEADER_IPV4_TIMESTAMP,
	HEADER_IPV4_END_OF_OPTIONS,
	HEADER_TIMESTAMP,
	HEADER_ADDRESS_AND_TIMESTAMP,
	HEADER_PRESPECIFIED_TIMESTAMP,
	HEADER_SEGMENT,
	HEADER_PAD_TLV,
	HEADER_GTPV1_EXTENSION,
	HEADER_KINDS,
};

enum field_format { FIELD_INTEGER,
		    FIELD_MAC,
		    FIELD_IPV4,
		    FIELD_IPV6,
		    FIELD_CHECKSUM };

#define FIELD_NOT_SENT UINT16_MAX /* an offset: the field is of no frame ("pfc_queue") */

enum field_rule {
	RULE_NONE,
	RULE_SOURCE,	 /* MAC address of the port */
	RULE_GATEWAY,	 /* MAC address of the port's gateway */
	RULE_ETHER_TYPE, /* of the next header */
	RULE_PPP_TYPE,
	RULE_PROTOCOL,	      /* IP protocol of the next header */
	RULE_BOTTOM,	      /* no MPLS header follows */
	RULE_TUNNEL_PORT,     /* of the tunnel's header that follows */
	RULE_MESSAGE,	      /* GTP: a packet follows */
	RULE_EXTENSIONS,      /* GTP: there are extensions */
	RULE_WORDS,	      /* size of the header with its parts, in units of 4 bytes */
	RULE_MORE_UNITS,      /* in units of 8, without the first */
	RULE_BYTES,	      /* in bytes */
	RULE_LAST_PART,	      /* index of the last segment */
	RULE_ALIGN,	      /* bytes up to a multiple of 8 */
	RULE_LENGTH,	      /* from the header to the end of the packet */
	RULE_LENGTH_BEHIND,   /* from behind the header's fields */
	RULE_CHECKSUM,	      /* of the header */
	RULE_CHECKSUM_ALL,    /* of the header and all behind it */
	RULE_CHECKSUM_PSEUDO, /* and the pseudo header */
};

struct field_type {
	const char *name; /* path below the header: "src", "priority.dscp.phb", "echo.identifier" */
	enum field_format format;
	uint16_t offset, bits; /* position in bits from the header's start */
	bool automatic;	       /* the model has `auto` for it */
	/* UNSET and AUTO are made of what is around it; `preset` where nothing is known. Without a rule both are
	 * `preset`. */
	enum field_rule computed;
	bool optional; /* lies in the header's optional part */
	bool constant; /* decides the header's shape: no pattern but one value */
	uint64_t preset;
};

/* An object of the model that has `choice`: of the fields below it, those of one alternative are set. */
struct header_choice {
	const char *path;   /* "" is the header itself; "priority", "routing" */
	const char *preset; /* the alternative that no `choice` means: "dscp" */
};

struct header_type {
	const char *name; /* "ethernet"; parts: the alternative of the list's `choice`, "" where it has none */
	const struct field_type *field;
	uint32_t fields;
	uint32_t size;	   /* bytes without optional part, bytes and parts */
	uint32_t optional; /* bytes of its optional part, behind these */
	const char *bytes; /* path of its free bytes, in hexadecimal ("bytes", "value"), or NULL */
	const struct header_choice *choice;
	uint32_t choices;
	/* Parts only: */
	enum header_kind parent;
	const char *list; /* path below the parent: "options", "routing.segment_routing.segment_list" */
	bool single;	  /* one object, no list: "pad_tlv" */
};

const struct header_type *header_type(enum header_kind kind);
/* A header of `packet` by name; -1 if there is none. `length` characters. */
int header_kind_find(const char *name, size_t length);
/* Part of `parent` at the path `list`, by the `choice` of the element ("" where it has none); -1. */
int header_part_find(enum header_kind parent, const char *list, const char *choice);
/* Index of a field by its path; -1. */
int header_field_find(enum header_kind kind, const char *path);

#endif
