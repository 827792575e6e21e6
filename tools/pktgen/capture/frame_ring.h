/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of frames from one thread to another: one writes, one reads, neither waits. */
#ifndef VIONET_TOOLS_PKTGEN_FRAME_RING_H
#define VIONET_TOOLS_PKTGEN_FRAME_RING_H

#include <stdbool.h>
#include <stdint.h>

/* What stands in front of a frame's bytes. 48 bytes. */
struct frame_record {
	uint32_t size; /* of the record with the bytes, padded; 0: the rest of the buffer is unused */
	uint32_t captured, length;
	uint16_t port, queue;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t dropped; /* frames that did not fit just in front of this one */
	uint32_t track;
	bool sent, tracked;
	int64_t gap; /* of a tracked frame: how many numbers are missing before it; below 0: it is late by so many */
};

struct frame_ring {
	uint8_t *buffer;
	uint64_t size; /* a power of two */
	/* Of the thread that writes. */
	struct {
		uint64_t head;	  /* read by the other one */
		uint64_t next;	  /* of what is not published yet */
		uint64_t tail;	  /* as it was when last looked at */
		uint64_t dropped; /* in all; read by others */
		uint64_t dropped_before;
	} writer __attribute__((aligned(64)));
	/* Of the thread that reads. */
	struct {
		uint64_t tail; /* read by the other one */
	} reader __attribute__((aligned(64)));
};

/* Returns 0 or -ENOMEM. */
int frame_ring_make(struct frame_ring *ring, uint64_t size);
void frame_ring_free(struct frame_ring *ring);

/* Room for a record with `captured` bytes behind it; NULL, and it is counted, if there is none. The caller fills
 * it in, but `size` and `dropped`, and calls push. */
struct frame_record *frame_ring_room(struct frame_ring *ring, uint32_t captured);
void frame_ring_push(struct frame_ring *ring, struct frame_record *record);
/* What was pushed is there for the reader. */
void frame_ring_publish(struct frame_ring *ring);

/* What was pushed since, and what was counted, is undone: before it is published. */
struct frame_ring_mark {
	uint64_t next, dropped, dropped_before;
};
struct frame_ring_mark frame_ring_mark(const struct frame_ring *ring);
void frame_ring_return(struct frame_ring *ring, const struct frame_ring_mark *mark);
static inline uint8_t *frame_record_bytes(struct frame_record *record)
{
	return (uint8_t *)(record + 1);
}

/* The oldest record, or NULL; it stays until it is popped. */
struct frame_record *frame_ring_peek(struct frame_ring *ring);
void frame_ring_pop(struct frame_ring *ring, const struct frame_record *record);

uint64_t frame_ring_dropped(const struct frame_ring *ring);

#endif
