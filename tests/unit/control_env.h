/* SPDX-License-Identifier: BSD-3-Clause */
/* A started device of several queues with a control queue, against the model. */
#ifndef VIONET_TESTS_RIG_H
#define VIONET_TESTS_RIG_H

#include "tests/unit/test.h"

#include <vionet/vionet.h>

#include "tests/unit/env.h"
#include "tests/unit/model_control.h"

/* Feature bits of the ring that models of rigs offer: 0, a split ring. */
extern uint64_t rig_layout;

/* Features that rigs want besides. */
extern struct vionet_features rig_want;

/* Bytes of their transmit buffers, 0: as usual. */
extern uint32_t rig_tx_buffer;

/* INDIRECT_DESC, EVENT_IDX, RING_PACKED, IN_ORDER, NOTIFICATION_DATA. */
#define RIG_PACKED (1ull << 28 | 1ull << 29 | 1ull << 34 | 1ull << 35 | 1ull << 38)

/* Run a group of tests with each layout. */
#define run_rigs(tests)                                                        \
	__extension__({                                                        \
		int failed;                                                    \
                                                                               \
		rig_layout = 0;                                                \
		failed = cmocka_run_group_tests_name("split", tests, NULL,     \
						     NULL);                    \
		rig_layout = RIG_PACKED;                                       \
		failed += cmocka_run_group_tests_name("packed", tests, NULL,   \
						      NULL);                   \
		failed;                                                        \
	})

struct rig {
	struct model *model;
	struct model_control *c;
	struct vionet_device *device;
};

/* The model of a rig, with a control queue after `pairs` pairs; not opened, so that
 * a test may take features away. */
struct rig *raise_rig(unsigned int pairs);

/* Open it, with the features on request wanted and commands that may take
 * `timeout_ms`, and start it with `start` pairs of small queues. */
void start_rig(struct rig *rig, unsigned int start, unsigned int timeout_ms);

/* The model's device does not offer this. */
void withhold(struct rig *rig, unsigned int bit);

/* Close it. No fault, and no rule broken by the driver. */
void drop_rig(struct rig *rig);

#endif
