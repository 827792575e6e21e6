/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture beside a run: the queues' threads copy frames that pass into rings, a thread of its own writes
 * them to a pcapng file. What does not fit is counted; a queue's thread never waits for the file.
 *
 * recorder_open before any device is opened (files, filter), recorder_start when the ports are
 * known, the tap's calls, recorder_check now and then, recorder_stop, recorder_close.
 */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_H
#define VIONET_TOOLS_PKTGEN_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/capture/pcapng_writer.h"
#include "tools/pktgen/engine/hook.h"

#define RECORDER_FILES_MAX 100u
#define RECORDER_PORTS_MAX 64u /* as a configuration */
/* Flows that comments name. */
#define RECORDER_FLOWS_MAX 256u

/* A flow of ours, for comments. */
struct recorder_flow {
	const char *name;
	uint32_t first_track, tracks;
};

struct recorder_options {
	const char *path;   /* NULL: none */
	uint64_t memory;    /* in the place of a file: so many bytes of it; nothing is captured at first */
	const char *filter; /* BPF; NULL: all frames */
	uint64_t files;	    /* a ring of so many; 0: one file */
	uint64_t size;	    /* bytes of each at most; 0: no limit */
	uint64_t snaplen;   /* bytes that are kept of a frame; 0: all */
	/* A signature of ours in a frame; NULL: none is looked for. */
	bool (*signature)(const uint8_t *frame, uint32_t available, uint32_t total, uint32_t *track,
			  uint64_t *sequence);
};

struct recorder_counts {
	uint64_t seen, matched;
	uint64_t written, bytes;
	uint64_t dropped; /* did not fit into a ring, or came when the file was full */
	uint64_t files;	  /* that were begun, those that were overwritten included */
	bool full;	  /* the file reached its size, and is no ring: the capture ended there */
	bool failed;	  /* a write failed: the same */
};

struct recorder;

/* Says what is wrong and returns an exit code; *recorder is NULL then. */
int recorder_open(struct recorder **recorder, const struct recorder_options *options);
/* `workers`: threads that will call. Interfaces and flows are copied, flows' names are not. */
int recorder_start(struct recorder *recorder, const struct pcapng_interface *interface, uint32_t ports,
		   uint32_t workers, const struct recorder_flow *flow, uint32_t flows);
struct engine_tap recorder_tap(struct recorder *recorder);

/* In memory: capture, with all of it empty, or no longer. Control thread, as all that follows. */
void recorder_enable(struct recorder *recorder, bool on);
/* Write what was captured to a file, as pcapng or pcap, when it is no longer enabled. Returns the number of frames;
 * -ENOMEM or the errno of a write. */
int64_t recorder_read(struct recorder *recorder, bool pcapng, int fd);

/* Say, once, that writing failed. Returns an exit code. Control thread. */
int recorder_check(struct recorder *recorder);
/* When the queues' threads have ended: write the rest. Returns an exit code. */
int recorder_stop(struct recorder *recorder);
void recorder_counts(const struct recorder *recorder, struct recorder_counts *counts);
void recorder_close(struct recorder *recorder); /* NULL is allowed */

/* "captured 100 frames to x.pcapng, 3 did not fit". */
void recorder_describe(const struct recorder *recorder, char *text, uint32_t room);

#endif
