/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A look, now and then, at whether the driver leaves a buffer's first descriptor alone
 * while the device has it. Never watches more than one descriptor at a time: every one
 * would cost a read more a packet.
 */
#include <inttypes.h>

#include "softnic/ring/internal.h"

static void sample_fetch(const struct ring *ring, uint16_t position,
			 struct fetched *descriptor)
{
	if (ring->packed)
		packed_fetch(ring, position, descriptor);
	else
		split_fetch(ring, position, descriptor);
}

void sample_take(struct ring *ring, const struct buffer *buffer,
		 uint16_t position)
{
	struct sample *sample = &ring->sample;

	if (sample->armed)
		return;
	sample->armed = true;
	sample->record = buffer->record;
	sample->position = position;
	sample_fetch(ring, position, &sample->was);
}

void sample_check(struct ring *ring, const struct buffer *buffer)
{
	struct sample *sample = &ring->sample;
	const struct fetched *was = &sample->was;
	const char *id = "GEN-30";
	struct fetched now;

	if (sample->record != buffer->record)
		return;
	sample->armed = false;
	sample_fetch(ring, sample->position, &now);
	if (now.address == was->address && now.length == was->length &&
	    now.flags == was->flags && now.other == was->other)
		return;
	if (ring->packed)
		id = (now.flags ^ was->flags) & (DF_AVAIL | DF_USED) ? "PACKED-21" :
								       "PACKED-22";
	ring_violation(ring, id, "queue %u: descriptor %u was changed while the "
		       "device had it: address %#" PRIx64 " to %#" PRIx64 ", length %u to "
		       "%u, flags %#x to %#x", ring->queue->index, sample->position,
		       was->address, now.address, was->length, now.length, was->flags,
		       now.flags);
}
