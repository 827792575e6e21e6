/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that the back end writes: those that vionet pktgen tracks, and copies of what was sent. Of one thread. */
#ifndef VIONET_BENCH_FRAMES_H
#define VIONET_BENCH_FRAMES_H

#include "bench/ring/device_ring.h"

typedef uint32_t frames_writer(struct device_ring *ring, uint8_t *frame, uint32_t length);

/* Of the rings' frames from now on; NULL: none is written. */
extern frames_writer *frames_written;
/* Of how many tracks frames_track writes frames, in turn. */
extern uint32_t frames_tracks;

/* A frame of 60 bytes, UDP over IPv4, both checksums right: the next number of the next track. */
frames_writer frames_track;

/* What a queue that is taken from has, to one that is filled. */
frames_writer frames_copy;

/* With frames_copy: what was sent comes back. Frames that find no buffer wait: none is lost. How many
 * were given back. One queue pair. */
uint32_t frames_loop(struct device_ring *rx, struct device_ring *tx);

#endif
