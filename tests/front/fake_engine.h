/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests want of the fake engine. */
#ifndef VIONET_TESTS_FAKE_ENGINE_H
#define VIONET_TESTS_FAKE_ENGINE_H

#include <stdint.h>

/* From now on: engine_open, engine_configure or engine_poll fail, with a message and this code. 0: they do not. */
struct fake_engine_faults {
	int open, configure, poll;
};
extern struct fake_engine_faults fake_engine_faults;

#endif
