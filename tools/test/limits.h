/* SPDX-License-Identifier: BSD-3-Clause */
/* What was measured, held against the limits of the command line. */
#ifndef VIONET_TOOLS_TEST_LIMITS_H
#define VIONET_TOOLS_TEST_LIMITS_H

#include "tools/test/results.h"

/* Fill results->limit. A goal that no rate met is one that is not kept, even where no limit
 * was given. */
void test_check_limits(struct test_results *results);

/* Of each goal that no rate met: what became of the frames at the lowest one, and what to do. */
void test_say_unmet(const struct test_results *results);

#endif
