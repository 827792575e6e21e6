/* SPDX-License-Identifier: BSD-3-Clause */
/* What the command line says to send, and the configuration that it stands for. */
#ifndef VIONET_TOOLS_LOAD_H
#define VIONET_TOOLS_LOAD_H

#include "tools/pktgen/model/traffic.h"

#define LOAD_TAGS_MAX 8u
#define LOAD_LABELS_MAX 8u
#define LOAD_PORTS_MAX 2u

enum load_transport { LOAD_UDP,
		      LOAD_TCP,
		      LOAD_ICMP };
enum load_tunnel { LOAD_NO_TUNNEL,
		   LOAD_VXLAN,
		   LOAD_GRE,
		   LOAD_GTP };
enum load_family { LOAD_ANY_FAMILY,
		   LOAD_IPV4,
		   LOAD_IPV6 };

/* An address or a range of them. */
struct load_address {
	enum load_family family; /* ANY: not given */
	struct traffic_field field;
};

struct load_tag {
	uint32_t type; /* 0x8100, 0x88a8; 0: not said */
	struct traffic_field id;
};

/* Fields that are UNSET were not given. */
struct load_options {
	const char *device[LOAD_PORTS_MAX];
	size_t devices;
	bool bidirectional, rx_only, no_rx;

	enum load_family family;
	enum load_transport transport;
	struct traffic_field src_mac, dst_mac, src_port, dst_port, ttl, dscp, pcp;
	struct load_address src_ip, dst_ip;
	struct load_tag tag[LOAD_TAGS_MAX]; /* outermost first */
	size_t tags;
	struct traffic_field label[LOAD_LABELS_MAX]; /* MPLS, outermost first */
	size_t labels;
	enum load_tunnel tunnel;
	struct traffic_field tunnel_id; /* VNI, TEID */
	struct traffic_field outer_src_mac, outer_dst_mac;
	struct load_address outer_src_ip, outer_dst_ip;
	/* A whole frame in the place of headers, or NULL. */
	const uint8_t *frame;
	uint32_t frame_size;
	bool replay;	/* what is sent comes from a file: the flow is its rate and its end */
	uint64_t flows; /* tuples that are tracked each; 0: not given */
	uint32_t queues;

	struct traffic_size size;
	bool have_size, imix; /* imix: its sizes grow by tags */
	struct rate rate;
	enum traffic_arrival arrival;
	struct traffic_duration duration;
	enum traffic_payload payload;
	struct traffic_offload offload;
	uint64_t seed;
};

/* What the options of a command line are before any is given. */
extern const struct load_options load_defaults;

/* Make the configuration. Returns 0; -EINVAL with a sentence in `error` about options that
 * contradict each other; -ENOMEM. */
int load_to_traffic(const struct load_options *load, struct traffic *traffic, struct parse_error *error);

/* The shortest frame with these headers that can have a number; without FCS. */
uint32_t load_least_size(const struct traffic_flow *flow);

/* Values of options, as tools/shared/parse.h has it. Of a range "A-B" or "A-B:STEP", one after the
 * other; of a list "A,B,C" each in turn; of "10.0.0.0/24" all of a network; of a MAC
 * "02:00:00:00:00:01+16" so many. */
int load_parse_number(const char *option, const char *text, uint64_t max, struct traffic_field *field,
		      struct parse_error *error);
int load_parse_mac(const char *option, const char *text, struct traffic_field *field, struct parse_error *error);
int load_parse_ip(const char *option, const char *text, struct load_address *address, struct parse_error *error);
/* "100.200", "8021ad:100.8021q:200": outermost first, each an id or a range. */
int load_parse_vlan(const char *option, const char *text, struct load_options *load, struct parse_error *error);
int load_parse_mpls(const char *option, const char *text, struct load_options *load, struct parse_error *error);
/* "60", "64-1518" (random), "64-1518:128" (in steps), "imix", "60:7,590:4,1514:1" (weights). */
int load_parse_size(const char *option, const char *text, struct traffic_size *size, struct parse_error *error);
/* "checksum", "segment:1448", or both with a comma between them. */
int load_parse_offload(const char *option, const char *text, struct traffic_offload *offload,
		       struct parse_error *error);

#endif
