/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment of a unit test: a started device over the in-process model. */
#ifndef VIONET_TESTS_ENV_H
#define VIONET_TESTS_ENV_H

#include "tests/unit/test.h"

#include <vionet/vionet.h>

#include "driver/device/open.h"
#include "tests/unit/descriptors.h"
#include "tests/unit/model.h"
#include "tests/unit/stopwatch.h"

struct env {
	struct model *model;
	struct vionet_device *device;
	struct vionet_queue *rx, *tx;
	uint8_t last[70000];
	size_t last_length;
	uint64_t next; /* number expected in the next frame */
};

/* A ring layout: features that the model offers besides its own. */
struct env_layout {
	const char *name;
	uint64_t offers;
	unsigned int batch; /* of the model, with IN_ORDER */
};

/* All layouts; an entry without a name ends them. */
extern const struct env_layout env_layouts[];

/* The layout of environments that are started from now on. */
extern struct env_layout env_layout;

static inline bool env_is_packed(void)
{
	return (env_layout.offers >> 34 & 1) != 0;
}

static inline bool env_in_order(void)
{
	return (env_layout.offers >> 35 & 1) != 0;
}

/* Run the tests of a group, once for each layout of those that are wanted. Returns the
 * number that failed. */
#define run_for_each_layout(tests) run_for_layouts(tests, true, true)
#define run_for_layouts(tests, split, packed)                                 \
	({                                                                    \
		int failed_ = 0;                                              \
		for (const struct env_layout *l_ = env_layouts; l_->name; l_++) { \
			env_layout = *l_;                                     \
			if (env_is_packed() ? !(packed) : !(split))           \
				continue;                                     \
			failed_ += cmocka_run_group_tests_name(l_->name, tests, \
							       NULL, NULL);   \
		}                                                             \
		failed_;                                                      \
	})

/* A started device with queues of these sizes (0: the default), receive buffers of
 * this size, and a model that does not offer the features in `without`. Frames that
 * are sent end up in `last`. */
struct env *env_start(uint32_t rx_size, uint32_t tx_size, uint32_t buffer_size,
		      uint64_t without);

/* Close it. Fails on a DMA fault, and on memory unmapped under a running device. */
void env_stop(struct env *env);

/* The queue is in error, its text contains `why` (unless NULL), and it stays in error;
 * the other queue works; stop and start repair it. Closes the environment. */
void expect_broken(struct env *env, struct vionet_queue *queue, const char *why);

/* Receive at most one packet: returns 0 or 1. Alternates between a burst of one and a
 * longer one, which are different code paths. */
uint32_t receive_one(struct vionet_queue *rx, struct vionet_packet **packet);

/* A packet of the transmit pool, `length` zero bytes. */
struct vionet_packet *fresh(struct env *env, uint32_t length);

/* Open a device over a model made by the test; destroys the model on failure. */
int open_model(struct model *model, const struct vionet_open_options *options,
	       struct vionet_device **device);

#endif
