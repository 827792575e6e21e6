/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow on its way to a template: the files of the compiler share this. */
#ifndef VIONET_TOOLS_PACKET_COMPILE_H
#define VIONET_TOOLS_PACKET_COMPILE_H

#include "tools/pktgen/packet/header_table.h"
#include "tools/pktgen/packet/template_private.h"

#define COMPILE_HEAD_MAX 65535

/* A header, or a part of one, in the order of the frame. */
struct layout_item {
	const struct traffic_header *header;
	const struct header_type *type;
	int parent;	/* item; -1: a header of the packet */
	uint32_t index; /* in `packet`, or in its list */
	uint32_t at;	/* byte in the frame */
	uint32_t end;	/* behind its parts */
	bool optional;	/* has its optional part */
};

/* A checksum of the packet, until it is known whether it changes. */
struct compile_sum {
	uint32_t item;
	uint32_t at, start, end; /* end UINT32_MAX: all of the frame */
	enum traffic_pattern pattern;
	int ip;		    /* item of the IP header that gives the pseudo header; -1: none */
	int segment;	    /* item of the segment that is its destination; -1: none */
	uint32_t constant;  /* what the pseudo header has beyond addresses */
	bool partial;	    /* the device does it */
	bool device_inside; /* it covers one that the device does, and ends there */
	bool changes;
	uint8_t dense; /* its number in the template */
};

struct compile {
	const struct traffic_flow *flow;
	const struct template_place *place;
	struct traffic_error *error;
	struct template *template;
	struct layout_item *item;
	uint32_t items;
	struct compile_sum sum[TEMPLATE_SUMS_MAX]; /* outermost first */
	uint32_t sums;
};

/* All return 0 or a negative errno, with a sentence in the error. */

/* "packet[3].udp.length: REASON"; item -1: `name` alone. Returns -EINVAL. */
int compile_refuse(struct compile *compile, int item, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Where all headers and parts lie; the head's bytes that are no fields. */
int compile_layout(struct compile *compile);
/* Sizes, payload. */
int compile_sizes(struct compile *compile);
int compile_payload(struct compile *compile);
/* Which checksums there are, and what they are of. */
int compile_find_sums(struct compile *compile);
/* What the device is to do. */
int compile_offload(struct compile *compile);
/* Fields: constant ones are written, others become ops. */
int compile_fields(struct compile *compile);
int compile_length_terms(struct compile *compile);
/* Sums of what is constant; those that never change are written. */
int compile_sums(struct compile *compile);

/* Is the field one of its header's chosen alternatives? */
bool layout_is_chosen(const struct layout_item *item, uint32_t field);
/* The value of a field that is to be one value for all frames: where given, else by table and rule. */
uint64_t layout_constant(const struct compile *compile, int item, uint32_t field);
/* What a rule that needs no size makes of a field. */
uint64_t compile_rule(const struct compile *compile, int item, const struct field_type *field);

/* Fields of the head. */
void compile_write(struct compile *compile, uint32_t bit, uint32_t bits, traffic_value value);
/* Another term of the op or checksum that is being made: its value times 2^shift is a part of `sum`. */
int compile_add_term(struct compile *compile, uint32_t sum, uint32_t shift);
int compile_push_op(struct compile *compile, const struct template_op *op);
/* Memory that lives as long as the template. */
void *compile_own(struct compile *compile, size_t size);

#endif
