/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is to be sent and measured, as plain C: the model of the Open Traffic Generator API
 * (open-traffic-generator/models 1.61), as far as it is supported. Files, the command line and
 * the HTTP interface make it; the engine runs it. Sizes are frames without FCS here (OTG's
 * are with FCS: 64 there is 60 here).
 */
#ifndef VIONET_TOOLS_TRAFFIC_H
#define VIONET_TOOLS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/shared/parse.h" /* struct rate */

/* The widest field is an IPv6 address. Host byte order. */
__extension__ typedef unsigned __int128 traffic_value;

enum traffic_pattern {
	TRAFFIC_UNSET, /* what the header's table says: a default, or computed */
	TRAFFIC_VALUE,
	TRAFFIC_VALUES,
	TRAFFIC_INCREMENT,
	TRAFFIC_DECREMENT,
	TRAFFIC_RANDOM,
	TRAFFIC_AUTO, /* a length, a type: computed */
	TRAFFIC_GOOD, /* a checksum: generated good, or bad */
	TRAFFIC_BAD,
};

/* One field of a header. Its value in frame number n of its flow (from 0):
 * VALUE start; VALUES values[n % value_count]; INCREMENT start + n % count * step;
 * DECREMENT start - n % count * step; both cut to the field's width;
 * RANDOM one in [min, max] that seed and n % count alone decide (count 0: n). */
struct traffic_field {
	enum traffic_pattern pattern;
	traffic_value start, step, min, max;
	uint64_t count, seed;
	traffic_value *values; /* owned */
	size_t value_count;
	bool tagged; /* metric_tags: each value is a stream with metrics of its own */
	char *tag;   /* its name, or NULL. Owned */
};

/* Kinds and their fields are in packet/header_table.h: one table that reader, writer,
 * compiler and the documentation use. */
struct traffic_header {
	unsigned int kind;	     /* enum header_kind */
	struct traffic_field *field; /* by the table's index; owned */
	size_t fields;
	uint8_t *bytes; /* kinds with bytes: "custom", an option's value; owned */
	size_t byte_count;
	struct traffic_header *part; /* elements of its lists (options, segments); owned */
	size_t parts;
};

enum traffic_size_kind {
	TRAFFIC_SIZE_FIXED,
	TRAFFIC_SIZE_INCREMENT, /* from min by step, begins again where max would be passed */
	TRAFFIC_SIZE_RANDOM,
	TRAFFIC_SIZE_WEIGHTS, /* drawn by the flow's seed and the frame's number */
};

struct traffic_weight {
	uint32_t size;
	double weight;
};

struct traffic_size {
	enum traffic_size_kind kind;
	uint32_t min, max, step;       /* FIXED: min */
	struct traffic_weight *weight; /* owned */
	size_t weight_count;
	bool no_pad; /* frames below 60 bytes go out as short as they are */
};

enum traffic_arrival { TRAFFIC_CONSTANT,
		       TRAFFIC_POISSON };

struct traffic_duration {
	uint64_t frames;   /* 0: no limit */
	uint64_t time_ns;  /* 0: no limit */
	uint64_t delay_ns; /* before the first frame */
	/* burst_frames > 0: bursts of so many at the flow's rate, with gap_ns between the end of one
	 * and the begin of the next; `bursts` of them, 0: no limit. */
	uint64_t bursts, burst_frames, gap_ns;
	/* delay_ns and gap_ns as bytes on the wire, where a file has them so: the engine converts
	 * by the link's speed. */
	uint64_t delay_bytes, burst_gap_bytes;
	uint32_t gap_bytes; /* the least gap between frames, in bytes on the wire (12) */
};

enum traffic_payload {
	TRAFFIC_PAYLOAD_NUMBERED, /* of x-vionet: checked by the receiver */
	TRAFFIC_PAYLOAD_ZERO,
	TRAFFIC_PAYLOAD_FIXED, /* bytes of a pattern */
	TRAFFIC_PAYLOAD_INCREMENT_BYTE,
	TRAFFIC_PAYLOAD_DECREMENT_BYTE,
	TRAFFIC_PAYLOAD_INCREMENT_WORD,
	TRAFFIC_PAYLOAD_DECREMENT_WORD,
};

/* Not of the model: in a file under the flow's `x-vionet`. */
struct traffic_offload {
	bool checksum;	       /* the device completes the transport checksum */
	uint16_t segment_size; /* the device cuts frames into so many bytes of payload; 0: no */
};

/* Not of the model either: frame `frame` (from 1) of a capture as the packet. Who reads a file of
 * configuration puts its bytes there; file NULL: none. Owned. */
struct traffic_template {
	char *file;
	uint64_t frame;
};

/* The frames of a capture in the place of the packet; file NULL: none. Settings are in the words of
 * `replay/settings.h`. Owned. */
struct traffic_setting {
	char *name, *text;
};

struct traffic_replay {
	char *file;
	struct traffic_setting *setting;
	size_t settings;
};

/* Where parts of a flow stand in its file that only a device can refuse. */
enum traffic_part { TRAFFIC_PART_SIZE,
		    TRAFFIC_PART_RATE,
		    TRAFFIC_PART_DURATION,
		    TRAFFIC_PART_PACKET,
		    TRAFFIC_PART_OFFLOAD,
		    TRAFFIC_PART_REPLAY,
		    TRAFFIC_PARTS };

/* From 1; 0: of no file. */
struct traffic_place {
	unsigned int line, column;
};

struct traffic_flow {
	char *name; /* unique; owned */
	uint32_t tx_port;
	uint32_t *rx_port; /* where it is expected; owned. None: not looked for */
	size_t rx_ports;
	struct traffic_header *header; /* owned, outermost first */
	size_t headers;
	struct traffic_size size;
	struct rate rate;
	enum traffic_arrival arrival;
	struct traffic_duration duration;
	enum traffic_payload payload;
	uint8_t *payload_bytes; /* FIXED; owned */
	size_t payload_size;
	bool payload_once; /* FIXED: zeros behind the pattern, else repeated */
	bool track;	   /* numbered and timed: loss, order, ... (metrics.enable) */
	bool latency;
	struct traffic_offload offload;
	struct traffic_template template;
	struct traffic_replay replay;
	uint64_t seed;
	struct traffic_place place[TRAFFIC_PARTS];
};

struct traffic_port {
	char *name;	/* unique; owned */
	char *location; /* device name as on the command line; owned */
};

struct traffic_capture {
	char *name;
	uint32_t *port; /* owned */
	size_t ports;
	char *filter; /* BPF text, or NULL; owned */
	bool overwrite;
	bool pcapng;	      /* else pcap */
	uint32_t packet_size; /* bytes kept of each; 0: all */
};

struct traffic {
	struct traffic_port *port;
	size_t ports;
	struct traffic_flow *flow;
	size_t flows;
	struct traffic_capture *capture;
	size_t captures;
	bool location_preemption; /* options.port_options: accepted */
	char *file;		  /* it was read from; NULL: none. Owned */
};

/* Why a configuration was refused: "flows[2].packet[3].gtpv2: not supported", and where. */
struct traffic_error {
	char text[256];
	char path[160];
	unsigned int line, column; /* from 1; 0: not of a file */
};

void traffic_free(struct traffic *traffic);
/* Ports and captures stay. */
void traffic_drop_flows(struct traffic *traffic);

/* One more setting; both texts are copied. False: no memory. */
bool traffic_replay_add(struct traffic_replay *replay, const char *name, const char *text);
/* "mix.yaml:12:9: flows[2].size", or the flow's name where it is of no file. */
void traffic_describe_place(const struct traffic *traffic, const struct traffic_flow *flow, enum traffic_part part,
			    char *text, size_t room);

/* A header of `kind` with `fields` unset fields, at the end of the list. NULL: no memory. */
struct traffic_header *traffic_header_add(struct traffic_header **list, size_t *count,
					  unsigned int kind, size_t fields);

/* How many values the field takes before they repeat; 0: never, or too many to say. */
uint64_t traffic_field_period(const struct traffic_field *field);

#define TRAFFIC_STREAMS_MAX (UINT64_C(1) << 32)

/* How many streams the flow has: least common multiple of its tagged fields' periods, at least 1.
 * 0: more than TRAFFIC_STREAMS_MAX. */
uint64_t traffic_flow_streams(const struct traffic_flow *flow);

/* The first port whose device one before it has; `ports`: there is none. */
size_t traffic_find_twice(const struct traffic *traffic);

#endif
