/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics of each set of values of a flow's tagged fields (its streams). */
#ifndef VIONET_TOOLS_API_TAGGED_H
#define VIONET_TOOLS_API_TAGGED_H

#include "tools/pktgen/api/parts.h"

/* What a request wants of them. */
struct tagged_filter {
	bool include, include_empty;
	json_t *filters; /* of the request: valid as long */
	uint32_t bits;	 /* columns */
	size_t left;	 /* rows that may still be answered, */
	size_t streams;	 /* and streams that may still be looked at */
};

/* Of the request's `flow` object. False: refused. */
bool tagged_read(struct api_reply *reply, json_t *flow, struct tagged_filter *filter);

/* Add those of a flow to its object. Refuses more than a reply holds. */
void tagged_add(const struct generator *generator, struct api_reply *reply, uint32_t flow,
		struct tagged_filter *filter, json_t *object);

#endif
