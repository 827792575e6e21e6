/* SPDX-License-Identifier: BSD-3-Clause */
/* For the three files of sending. */
#ifndef VIONET_TOOLS_ENGINE_SEND_PARTS_H
#define VIONET_TOOLS_ENGINE_SEND_PARTS_H

#include "tools/pktgen/engine/state.h"

/* A frame of the flow's source is known. */
bool send_source_has_more(struct flow_tx *tx);
/* A source says itself when its next frame is due; with a rate, the schedule does. */
uint64_t send_source_due(struct flow_tx *tx);
/* The flow is done if all of it was built, and taken too. */
void send_finish(struct worker *worker, struct flow_tx *tx);
/* Has its end come? Then it has no place any more. */
bool send_end_if_over(struct worker *worker, uint32_t flow, uint64_t now_ns);
/* A flow's new time in the heap; it is on top. */
void send_again(struct worker *worker, uint32_t flow, uint64_t now_ns);

/* send_build.c: frames that are due, into the row. */
void send_collect(struct worker *worker, uint64_t now_ns);

/* A burst of one flow, but for its signatures. */
struct built {
	struct schedule first; /* of packet 0 */
	uint32_t count, bytes, numbered;
	uint8_t *signature[ENGINE_BURST_MAX]; /* of sizes that vary: where it goes, NULL: none */
};

/* The flow that a burst can be made of, NULL: something waits, or is due. */
struct flow_tx *send_direct_flow(struct worker *worker, uint64_t now_ns);
/* So many packets, or fewer, into the row. */
uint32_t send_take_packets(struct worker *worker, uint32_t count);
void send_build_direct(struct worker *worker, struct flow_tx *tx, struct built *built,
		       uint32_t count);
/* From packet `taken` on they wait after all. */
void send_leave_pending(struct worker *worker, struct flow_tx *tx, struct built *built,
			uint32_t taken);

#endif
