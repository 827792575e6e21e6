/* SPDX-License-Identifier: BSD-3-Clause */
/* What the bursts do with packets that are not common; one copy for all layouts. */
#ifndef VN_DRIVER_QUEUE_SLOW_PATH_H
#define VN_DRIVER_QUEUE_SLOW_PATH_H

#include "driver/state/queue.h"

/*
 * A received buffer that is not a whole packet by itself, or is wrong. `buffers`:
 * num_buffers of its header, 1 without mergeable buffers. Returns a packet that is
 * complete now, or NULL: more is to come, or it was dropped and counted.
 */
struct vionet_packet *vn_receive_uncommon(struct vionet_queue *queue,
					  struct vionet_packet *packet,
					  uint32_t written, uint32_t buffers);

enum vn_transmit_result { VN_PUSHED, VN_REFUSED, VN_FULL, VN_UNREACHABLE };

/*
 * A packet to transmit that is not common: of several segments, with an external
 * frame, or not to be sent. Refused ones are freed and counted, pushed ones added to
 * `*bytes`; what the device cannot reach stays the application's. The ring is in the
 * queue, not in a cursor.
 */
enum vn_transmit_result vn_transmit_uncommon(struct vionet_queue *queue,
					     struct vionet_packet *packet,
					     uint64_t *bytes);

/* A packet that is not common, of this queue's device. Returns whether it is one in
 * one buffer all the same, with an offload or a tag; its header is written then. */
bool vn_transmit_one(const struct vionet_queue *queue,
		     const struct vionet_packet *packet);

/* A transmitted buffer with tags came back: free its packet and what it occupied. */
void vn_reclaim_uncommon(struct vionet_queue *queue, vn_slot slot,
			 uint32_t index);

/* A burst was cut short. If the queue stays full: notify again now and then. */
void vn_transmit_stuck(struct vionet_queue *queue);

/* What may be sent from a pool, looked up once for all of its packets in a row. Returns
 * false, and changes nothing, if nothing may. */
bool vn_source_choose(const struct vionet_queue *queue,
		      const struct vionet_pool *pool, struct vn_source *source);

#endif
