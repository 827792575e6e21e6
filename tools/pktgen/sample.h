/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a pair's run shows of itself while it runs: one moment of its counters. A thread
 * publishes, the main one loads; the two halves of each atomic access are in sample.c.
 */
#ifndef VIONET_TOOLS_SAMPLE_H
#define VIONET_TOOLS_SAMPLE_H

#include <stdint.h>

#define PKTGEN_STREAMS 256
#define PKTGEN_PUBLISH_NS 10000000ULL

struct pktgen;
struct tracker;

/* What a pair has moved by one moment. */
struct pktgen_sample {
	uint64_t at_ns;
	uint64_t tx_frames, tx_bytes;
	uint64_t rx_frames, rx_bytes; /* all that arrived */
	uint64_t own_frames;	      /* of them ours */
	uint64_t latency_max_ns;
};

/* How far a thread is. */
enum pktgen_state {
	PKTGEN_PREPARING, PKTGEN_READY, PKTGEN_LOADED, PKTGEN_DRAINED, PKTGEN_ENDED
};

/* What a thread lets the main one see while it runs; by __atomic calls, every
 * PKTGEN_PUBLISH_NS. */
struct pktgen_published {
	int state; /* enum pktgen_state */
	int code;
	/* Written in turn: the one that `version` points to is whole. */
	uint64_t version;
	uint64_t version_before; /* the main thread's: that of its last look */
	struct pktgen_sample sample[2];
	struct {
		uint64_t first, next, unique;
		int started;
	} stream[PKTGEN_STREAMS];
};

/* Where a pair is. Its own thread, or after its end. */
struct pktgen_sample pktgen_sample_of(const struct pktgen *gen, uint64_t now);

/* Publish all of it. The pair's thread, or after its end. */
void pktgen_publish(struct pktgen *gen, uint64_t now);

/* A pair's last sample, of one moment. Any thread. */
struct pktgen_sample pktgen_sample_load(const struct pktgen_published *from);

/* Put a stream's part that one pair saw to that of the others. Any thread. */
void pktgen_stream_join(const struct pktgen_published *published, unsigned int stream,
			struct tracker *sum);

/* Different frames of a stream that the pair saw. Any thread. */
uint64_t pktgen_stream_unique(const struct pktgen_published *published,
			      unsigned int stream);

#endif
