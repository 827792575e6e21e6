/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What others do inside the engine's loop: capture, replay, answers to neighbours. They
 * include this and know nothing else of the engine; the command ties them together. All
 * calls come from the threads of the queue pairs, several at a time for different pairs,
 * unless said otherwise, and must neither block nor allocate.
 */
#ifndef VIONET_TOOLS_ENGINE_HOOK_H
#define VIONET_TOOLS_ENGINE_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct vionet_packet;

/* Which queue pair calls: of port `port`, its number `queue`; `worker` counts those of all
 * ports, from 0. */
struct engine_place {
	uint32_t port, queue, worker;
};

/* Capture: sees the frames that pass. NULL functions are not called. */
struct engine_tap {
	void *context;
	/* `count` frames that were received, or (`sent`) that are about to be offered to the
	 * device: `took` follows. Only to be read, and only until it returns; chains are linked
	 * by `next`. `now_ns`: CLOCK_MONOTONIC. */
	void (*see)(void *context, const struct engine_place *place, bool sent,
		    struct vionet_packet *const *packets, uint32_t count, uint64_t now_ns);
	/* The first `count` of those that `see` was shown as sent, at once before, were taken; the
	 * others are offered anew later. */
	void (*took)(void *context, const struct engine_place *place, uint32_t count);
};

/* Answers of a port: ARP, ND, echo. */
struct engine_responder {
	void *context;
	/* A frame without a signature of ours. Returns the length of the answer that was
	 * written to `reply` (at most `room` bytes), 0: none. */
	uint32_t (*answer)(void *context, const struct engine_place *place,
			   const struct vionet_packet *packet, uint8_t *reply, uint32_t room);
	/* A frame of its own accord (to find a gateway), asked for every 10 ms: its length, or
	 * 0. Queue 0 of each port only. */
	uint32_t (*ask)(void *context, const struct engine_place *place, uint64_t now_ns,
			uint8_t *frame, uint32_t room);
};

/* A frame of a source. `bytes` is valid until the next call. */
struct engine_source_frame {
	const uint8_t *bytes;
	uint32_t length;
	uint64_t due_ns; /* since the flow's start; 0: at once */
};

/* Frames that take the place of a flow's template (replay). One thread calls it: that of
 * queue 0 of the flow's port. Such frames carry no signature. */
struct engine_source {
	uint32_t flow; /* of the traffic, by number */
	void *context;
	uint32_t size_max; /* of its longest frame */
	/* The flow begins anew. */
	void (*rewind)(void *context);
	/* The next frame. False: that was all. */
	bool (*next)(void *context, struct engine_source_frame *frame);
};

#endif
