/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the two halves of vm_features. */
#ifndef VIONET_TESTS_FEATURES_H
#define VIONET_TESTS_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/vionet.h>

#define PAIRS_MAX 16
#define ANSWER_MAX 1000

struct agent {
	const char *name;
	struct vionet_device *device;
	struct vionet_open_options open;
	struct vionet_start_options start;
	struct vionet_pool_options receive; /* of start */
	bool poll;	/* never sleep for an interrupt */
	bool tag;	/* write what came with a packet over its addresses */
	bool talking;	/* a frame has come from outside */
	bool over;
	uint64_t echoed[PAIRS_MAX]; /* by receive queue */
	uint64_t late;		    /* packets that no interrupt announced */
	uint64_t announced, link_events;
	char answer[ANSWER_MAX];
};

/* Carry out one command; its reply is in agent->answer. */
void features_command(struct agent *agent, char *text);

/* Append to the reply; what does not fit is left out. */
__attribute__((format(printf, 2, 3))) void features_say(struct agent *agent,
							 const char *format, ...);

#endif
