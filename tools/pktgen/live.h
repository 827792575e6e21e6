/* SPDX-License-Identifier: BSD-3-Clause */
/* The live lines of `vionet pktgen`, and their intervals. */
#ifndef VIONET_TOOLS_PKTGEN_LIVE_H
#define VIONET_TOOLS_PKTGEN_LIVE_H

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/options.h"
#include "tools/pktgen/results.h"

/* What the last line showed, of all ports together. */
struct pktgen_moment {
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes, own_frames, lost, dropped;
};

struct pktgen_live {
	const struct pktgen_options *options;
	struct engine *engine;
	bool quiet; /* intervals, but no lines: something else shows the run */
	uint64_t start_ns;
	uint64_t due_ns; /* when the last line was due, and when it came */
	uint64_t at_ns;
	int length; /* of the last one on a terminal */
	struct pktgen_moment before;
	struct pktgen_interval *interval;
	size_t count, room;
};

/* The clock begins. */
void pktgen_live_start(struct pktgen_live *live, const struct pktgen_options *options,
		       struct engine *engine, uint64_t now);
/* When is the next line due? */
uint64_t pktgen_live_next(const struct pktgen_live *live);
/* Write a line if one is due. Returns an exit code. */
int pktgen_live(struct pktgen_live *live, uint64_t now);
/* Note what has moved since the last line, without a line of its own. */
void pktgen_live_rest(struct pktgen_live *live);
/* End the lines: what follows begins on a fresh one. */
void pktgen_live_end(struct pktgen_live *live);
void pktgen_live_free(struct pktgen_live *live);

#endif
