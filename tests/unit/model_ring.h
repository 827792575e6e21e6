/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's side of virtqueues, both layouts, written from the specification; it shares
 * no code, no constant and no structure with the driver. The model (model.h) has such
 * queues behind registers, the vDPA device of fake_vdpa.h behind calls of the kernel.
 *
 * What the driver must not do with them is counted as a violation, and the first one kept
 * as a text.
 */
#ifndef VIONET_TESTS_MODEL_RING_H
#define VIONET_TESTS_MODEL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_ELEMENTS 300
#define MODEL_NOTIFY_DATA 0x4a0 /* plus the queue: queue_notif_config_data */

struct model_element {
	uint64_t address;
	uint32_t length;
	bool write;
};

struct model_queue {
	uint16_t size, vector, enabled;
	uint64_t desc, avail, used;
	uint16_t reset; /* queue_reset */
	uint16_t seen;	/* next entry of the available ring; packed: position */
	uint16_t put;	/* next entry of the used ring; packed: position */
	bool seen_wrap, put_wrap;
	unsigned int next_desc; /* split, in order: next in the table */
	unsigned int in_flight; /* packed: descriptors */
	uint16_t *count; /* descriptors of a buffer, by id; 0: not in flight */
	uint16_t *taken; /* ids in the order in which they were taken */
	unsigned int taken_begin, taken_end;
	/* The buffer that was taken last. */
	struct model_element element[MODEL_ELEMENTS];
	unsigned int elements;
	size_t length;
};

/* What the queues of a device have in common. */
struct model_rings {
	const uint64_t *features; /* accepted: bits 0 to 63 */
	/* The driver's memory at an address of a ring, and at one in a descriptor; NULL if
	 * the device may not access it. */
	uint8_t *(*area)(void *context, uint64_t address, size_t size, bool write);
	uint8_t *(*data)(void *context, uint64_t address, size_t size, bool write);
	void *context;
	bool threaded;	  /* the driver runs while the device looks */
	bool keeps_event; /* never says when it wants a notification */

	/* What they have seen. */
	unsigned int indirect;	 /* buffers in an indirect table */
	unsigned int violations; /* of the specification by the driver */
	char violation[128];	 /* the first one */
	uint32_t last_doorbell;	 /* as it was written */
};

/* A queue as after a reset; it has to be zero or have been one before. */
void model_ring_reset(struct model_queue *q);

/* Size and addresses are set: begin at the beginning. */
void model_ring_enable(struct model_rings *r, struct model_queue *q);

/* Take one buffer that is available: copies up to `size` readable bytes to `data`, and
 * notes its elements in the queue. Returns its id (split ring: of the head), or -1 if
 * there is none. */
int model_ring_take(struct model_rings *r, struct model_queue *q, uint8_t *data, size_t size,
		    size_t *length);

/* Write to the buffer that was taken last. False: not all of it could be written. */
bool model_ring_fill(struct model_rings *r, struct model_queue *q, const uint8_t *data,
		     size_t length);

/* Write a used entry, whatever is in it. Split ring: advance used idx by `advance`;
 * packed ring: go on behind the buffer of that id, or by 1 if it has none. */
void model_ring_used(struct model_rings *r, struct model_queue *q, uint32_t id, uint32_t len,
		     uint16_t advance);

/* The same with other flags in a used descriptor than WRITE where there is a length;
 * and the order of completion is not noted. */
void model_ring_used_bits(struct model_rings *r, struct model_queue *q, uint32_t id,
			  uint32_t len, uint16_t advance, unsigned int bits);

/* In order: one used entry for the next `count` buffers that were taken. */
void model_ring_used_batch(struct model_rings *r, struct model_queue *q, unsigned int count,
			   uint32_t len);

/* With EVENT_IDX: ask for a notification at the next buffer. */
void model_ring_want_kick(struct model_rings *r, struct model_queue *q);

/* Change used flags of a queue: 1 asks for no notifications. */
void model_ring_used_flags(struct model_rings *r, struct model_queue *q, uint16_t flags);

/* Where the next used entry is written, and does the driver want an interrupt for the one
 * at that position? */
uint16_t model_ring_position(const struct model_rings *r, const struct model_queue *q);
bool model_ring_wants_interrupt(struct model_rings *r, struct model_queue *q,
				uint16_t position);

/* A doorbell was written: of the right width, for the right queue, at the right place
 * (nothing is available from there on)? */
void model_ring_doorbell(struct model_rings *r, struct model_queue *q, unsigned int index,
			 uint32_t value, size_t size);

void model_ring_violation(struct model_rings *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
