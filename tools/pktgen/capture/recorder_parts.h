/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of recorder.h have in common. */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_PARTS_H
#define VIONET_TOOLS_PKTGEN_RECORDER_PARTS_H

#include <pthread.h>
#include <time.h>

#include <vionet/packet.h>

#include "tools/pktgen/capture/frame_ring.h"
#include "tools/pktgen/capture/recorder.h"
#include "tools/pktgen/capture/recorder_file.h"
#include "tools/shared/frame_filter.h"

/* Tracks of which each thread knows the next number: a power of two. */
#define RECORDER_TRACKS 4096u
#define RECORDER_BURST_MAX 256u /* that is offered at once; more is not taken down */
/* The longest that the thread that writes sleeps when there is nothing. */
#define RECORDER_SLEEP_MAX_NS 5000000

struct recorder_track {
	uint32_t id;
	bool used;
	uint64_t next;
};

struct recorder_mark {
	struct frame_ring_mark ring;
	uint64_t matched;
};

/* What one queue's thread has for itself. */
struct recorder_worker {
	struct frame_ring ring;
	uint32_t port;
	uint64_t seen, matched; /* read by others */
	/* How things stood before each of the frames that are offered, and behind the last. */
	uint32_t offered;
	struct recorder_mark mark[RECORDER_BURST_MAX + 1];
	struct recorder_track track[RECORDER_TRACKS];
	uint8_t frame[VIONET_FRAME_MAX]; /* pieces put together */
};

struct recorder {
	struct recorder_options options;
	struct frame_filter filter;
	struct recorder_file file;
	struct pcapng_interface interface[RECORDER_PORTS_MAX];
	uint32_t ports, workers;
	struct recorder_worker *worker;
	struct recorder_flow *flow;
	uint32_t flows;
	uint64_t start_ns; /* since 1970 */
	int64_t clock_ns;  /* from CLOCK_MONOTONIC to time since 1970 */
	pthread_t thread;
	/* By __atomic. */
	bool running; /* frames are taken: the file has room */
	bool enabled; /* they are wanted */
	bool stop, stop_waiting;
	bool anew;     /* the file is to be emptied */
	uint64_t idle; /* times that all was written */
	bool started, said;
	uint64_t written, bytes, lost, files;
	bool full;
};

static inline uint64_t recorder_load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static inline void recorder_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* recorder_write.c: the first blocks of each file, before the thread that writes starts, or by it; those that
 * end one, when it has ended. */
uint64_t recorder_real_ns(clockid_t clock);
void recorder_begin_files(struct recorder *recorder);
void recorder_put_stats(struct recorder *recorder);
/* The thread. */
void *recorder_run(void *recorder);

#endif
