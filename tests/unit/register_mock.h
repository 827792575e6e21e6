/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: a watcher between the driver and the model's function: each register access is
 * judged by what the specification says of its field and of the moment.
 * Never: changes an access, but where a test asks for a slow reset, other doorbells or
 * a torn configuration.
 * Read next: tests/unit/model.h.
 */
#ifndef VIONET_TESTS_SPY_H
#define VIONET_TESTS_SPY_H

#include "tests/unit/model.h"

#define SPY_QUEUES 16

struct spy {
	struct model *model;
	const struct vn_function_ops *under;
	unsigned int accesses, faults;
	char fault[160]; /* the first one */

	/* What it waits for. */
	bool reset_unread;	   /* 0 was written, and not read since */
	bool status_unread;	   /* FEATURES_OK was written, and status not read */
	uint64_t vector_unread;	   /* a vector register that was not read back; 0: none */
	bool failed;		   /* FAILED was written, and no reset since */
	unsigned int set_up[SPY_QUEUES]; /* bits of fields since the queue's reset */
	bool on[SPY_QUEUES];

	/* What it has seen. */
	unsigned int slow_reads, enables, fails, vectors_withdrawn;
	uint64_t mapped[4]; /* most bytes of common, ISR, device, notify */

	/* What it changes. */
	unsigned int reset_reads; /* reads of the status until it is 0 after a reset */
	uint32_t multiplier;	  /* of doorbells; queue n has offset 3 n + 1 */
	bool moved;		  /* ... if this is set */
	unsigned int tears;	  /* configuration reads during which it changes */
	unsigned int torn;
};

extern struct spy spy;

/* Watch this model from now on. */
void spy_on(struct model *m);

/* Nothing was wrong. */
void spy_is_content(void);

#endif
