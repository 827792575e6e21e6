/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue of the model, and what a device has behind it, written from
 * the specification. It shares no code, no constant and no structure with the
 * driver.
 *
 * It obeys commands that keep the rules and refuses those that do not; each rule
 * that a driver must keep and did not is counted in `violations`, with the last one
 * in words. Switches make it misbehave.
 */
#ifndef VIONET_TESTS_MODEL_CONTROL_H
#define VIONET_TESTS_MODEL_CONTROL_H

#include "tests/unit/model.h"

#define MODEL_MACS 64
#define MODEL_CONTEXTS 4

struct model_rss {
	bool set;
	uint32_t hash_types;
	unsigned int entries;
	uint16_t unclassified, max_tx;
	uint16_t table[512];
	unsigned int key_size;
	uint8_t key[255];
};

struct model_coalescing {
	uint32_t packets, usecs;
};

struct model_control {
	struct model *model;
	unsigned int pairs; /* max_virtqueue_pairs */

	/* What it was told since its last reset. */
	uint8_t mode[6];
	uint8_t mac[6];
	unsigned int macs[2]; /* unicast, multicast; */
	uint8_t table[2][MODEL_MACS][6];
	bool vlan[4096];
	unsigned int active; /* pairs in use */
	bool asked_contexts;
	struct model_rss rss, context[MODEL_CONTEXTS];
	uint8_t hash_config[4 + 8 + 1 + 255];
	uint64_t offloads;
	bool offloads_set;
	uint32_t tunnels;
	struct model_coalescing coalescing[MODEL_QUEUES];
	unsigned int announce_acks;

	/* What it has seen since it was made. */
	unsigned int commands, refused, violations;
	char violation[128];
	uint8_t last[4096]; /* readable part of the last command */
	size_t last_length;
	unsigned int parts, writable_parts; /* descriptors of the last command */

	/* Its counters of each statistics type begin at type x 1000. */
	uint64_t statistics; /* types that it keeps */

	/* How it misbehaves. */
	bool silent;	   /* takes commands and does not answer: `late` does */
	bool deaf;	   /* does not even look */
	unsigned int slow_ms; /* for each command */
	int ack;	   /* this instead of its answer; -1: the right one */
	bool no_answer;	   /* completes without writing */
	int used_length;   /* this instead of the right one; -1 */
	int used_id;	   /* this instead of the right one; -1 */
	int used_advance;  /* entries by which used idx moves; 1 is well */
	int needs_reset_at; /* sets DEVICE_NEEDS_RESET at the n-th command; 0 */
	int reply_size;	   /* the size field of statistics replies; -1 */
	int refuse_class;  /* refuses all of a class; -1 */
	int refuse_command; /* ... but only this; -1 */
	bool huge_result;  /* fills the whole result and says it wrote 64 KiB */

	/* The command that was not answered. */
	int held;
	uint32_t held_length;
};

/* Give a model a control queue after `pairs` pairs, and all features that go with
 * it. Made before the device is opened; freed with model_control_free. */
struct model_control *model_control_create(struct model *m, unsigned int pairs);
void model_control_free(struct model_control *c);

/* Answer the command that was held back: what is in its reply area now is written
 * over with `ack` and rubbish. */
void model_control_late(struct model_control *c, uint8_t ack);

/* Send what is available on transmit queue of pair `pair`. Returns frames. */
unsigned int model_control_transmit(struct model_control *c, unsigned int pair);

#endif
