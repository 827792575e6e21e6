/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture file as a source of frames: which of its frames are sent, and when.
 *
 * replay_open reads the whole file once: a damaged one is refused before a device is opened and
 * anything is sent. replay_set_mtu when the device is open; then a queue's thread takes the
 * frames. The counts are for the time after that.
 */
#ifndef VIONET_TOOLS_PKTGEN_REPLAY_H
#define VIONET_TOOLS_PKTGEN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/engine/hook.h"
#include "tools/pktgen/replay/rewrite.h"
#include "tools/pktgen/replay/savefile.h"

enum replay_oversize { REPLAY_OVERSIZE_DROP,
		       REPLAY_OVERSIZE_CUT };
/* Frames of which the file has the first bytes only. */
enum replay_truncated { REPLAY_TRUNCATED_PAD,
			REPLAY_TRUNCATED_SEND,
			REPLAY_TRUNCATED_DROP };

#define REPLAY_SPEED_ONE 1000u

struct replay_options {
	const char *path;     /* NULL: no replay */
	uint64_t speed_milli; /* thousandths of the original; 0: every frame is due at once, and a rate
			       * is the caller's to keep */
	uint64_t loops;	      /* 0: without end */
	uint64_t max_gap_ns;
	uint64_t loop_gap_ns; /* between the last frame and the first; see have_loop_gap */
	bool have_loop_gap;   /* else the gap that frames of the file have on average */
	int oversize, truncated;
	struct rewrite rewrite;
};

/* As it is without options. */
#define REPLAY_OPTIONS_DEFAULT                                                          \
	{                                                                               \
		.speed_milli = REPLAY_SPEED_ONE, .loops = 1, .max_gap_ns = 10000000000u \
	}

/* What the file has. */
struct replay_info {
	const char *name, *format;
	uint64_t frames, bytes, interfaces;
	uint64_t duration_ns; /* with long gaps capped */
	uint32_t longest;     /* VIONET_FRAME_MAX at most: what is longer is dropped or cut */
};

/* By kind; all loops together. */
struct replay_counts {
	uint64_t frames; /* that were given to be sent; once settled, that were */
	uint64_t loops;	 /* that were begun */
	uint64_t oversize_dropped, oversize_cut;
	uint64_t truncated_padded, truncated_sent, truncated_dropped;
	uint64_t empty;	     /* of zero length, or nothing captured: dropped */
	uint64_t runts;	     /* shorter than 14 bytes: dropped */
	uint64_t untimed;    /* sent together with the frame before */
	uint64_t backward;   /* times before that of a frame in front: the same */
	uint64_t capped;     /* gaps that were too long */
	uint64_t skipped_ns; /* by that */
};

struct replay;

/* Returns 0 or a negative errno with the text; -EINVAL: the file is at fault. */
int replay_open(struct replay **replay, const struct replay_options *options, struct savefile_error *error);
void replay_close(struct replay *replay); /* NULL is allowed */
const struct replay_info *replay_info(const struct replay *replay);

/* Without Ethernet header and VLAN tags (1500 until it is called). */
void replay_set_mtu(struct replay *replay, uint32_t mtu);
/* From the first frame, with counts of 0. */
void replay_rewind(struct replay *replay);
/* The next frame to be sent. False: there is none. */
bool replay_next(struct replay *replay, struct engine_source_frame *frame);
/* The two as the engine calls them, for flow number `flow`. */
struct engine_source replay_source(struct replay *replay, uint32_t flow);

const struct replay_counts *replay_counts(const struct replay *replay);
/* At the end: so many of the frames that were given were sent. The last one is mostly asked for before it is due. */
void replay_settle(struct replay *replay, uint64_t sent);
/* Why it ended early, or NULL: the file became unreadable while it was replayed. */
const char *replay_failure(const struct replay *replay);
/* The counts as lines of text, without those that are 0; "" if there is nothing to say. */
void replay_describe(const struct replay *replay, char *text, uint32_t room);

/* The bytes of frame `number` (from 1), to be a flow's template. Returns 0 or as replay_open. The caller frees. */
int replay_read_frame(const char *path, uint64_t number, uint8_t **bytes, uint32_t *size,
		      struct savefile_error *error);

#endif
