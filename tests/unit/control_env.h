/* SPDX-License-Identifier: BSD-3-Clause */
/* A started device of several queues with a control queue, against the model. */
#ifndef VIONET_TESTS_CONTROL_ENV_H
#define VIONET_TESTS_CONTROL_ENV_H

#include "tests/unit/test.h"

#include <vionet/vionet.h>

#include "tests/unit/env.h"
#include "tests/unit/model_control.h"

/* Feature bits of the ring that the models offer: 0, a split ring. */
extern uint64_t control_env_layout;

/* Features that the driver wants besides. */
extern struct vionet_features control_env_want;

/* Bytes of its transmit buffers, 0: as usual. */
extern uint32_t control_env_tx_buffer;

/* INDIRECT_DESC, EVENT_IDX, RING_PACKED, IN_ORDER, NOTIFICATION_DATA. */
#define CONTROL_ENV_PACKED \
	(1ull << 28 | 1ull << 29 | 1ull << 34 | 1ull << 35 | 1ull << 38)

/* Run a group of tests with each layout. */
#define run_split_and_packed(tests)                                            \
	__extension__({                                                        \
		int failed;                                                    \
                                                                               \
		control_env_layout = 0;                                        \
		failed = cmocka_run_group_tests_name("split", tests, NULL,     \
						     NULL);                    \
		control_env_layout = CONTROL_ENV_PACKED;                       \
		failed += cmocka_run_group_tests_name("packed", tests, NULL,   \
						      NULL);                   \
		failed;                                                        \
	})

struct control_env {
	struct model *model;
	struct model_control *c;
	struct vionet_device *device;
};

/* A model with a control queue after `pairs` pairs; not opened, so that
 * a test may take features away. */
struct control_env *control_env_create(unsigned int pairs);

/* Open it with the optional features wanted and commands that may take
 * `timeout_ms`, and start it with `start` pairs of small queues. */
void control_env_start(struct control_env *env, unsigned int start,
		       unsigned int timeout_ms);

/* The model's device does not offer this. */
void withhold(struct control_env *env, unsigned int bit);

/* Close it. Fails on a DMA fault or a violation by the driver. */
void control_env_destroy(struct control_env *env);

/* The last command that the device got is this, byte by byte. */
void assert_command(const struct control_env *env, const char *hex);

#endif
