/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * It stands between the driver and the model and checks each register access against the
 * specification. Where a test asks for it, it also resets slowly, moves the doorbells, or
 * changes the configuration while it is read.
 */
#ifndef VIONET_TESTS_REGISTER_MOCK_H
#define VIONET_TESTS_REGISTER_MOCK_H

#include "tests/unit/model.h"

#define REGISTER_MOCK_QUEUES 16

struct register_mock {
	struct model *model;
	const struct vn_function_ops *under;
	unsigned int accesses, faults;
	char fault[160]; /* the first one */

	/* Accesses that are still due. */
	bool reset_unread;	   /* 0 was written, and not read since */
	bool status_unread;	   /* FEATURES_OK was written, and status not read */
	uint64_t vector_unread;	   /* a vector register that was not read back; 0: none */
	bool failed;		   /* FAILED was written, and no reset since */
	unsigned int set_up[REGISTER_MOCK_QUEUES]; /* bits of fields since the queue's reset */
	bool on[REGISTER_MOCK_QUEUES];

	/* Counted accesses. */
	unsigned int slow_reads, enables, fails, vectors_withdrawn;
	uint64_t mapped[4]; /* most bytes of common, ISR, device, notify */

	/* Behaviour that a test asks for. */
	unsigned int reset_reads; /* reads of the status until it is 0 after a reset */
	uint32_t multiplier;	  /* of doorbells; queue n has offset 3 n + 1 */
	bool moved;		  /* ... if this is set */
	unsigned int tears;	  /* configuration reads during which the content changes */
	unsigned int torn;
};

extern struct register_mock mock;

/* Put the mock in front of this model. */
void register_mock_install(struct model *m);

/* Fail if an access was wrong. */
void register_mock_assert_clean(void);

#endif
