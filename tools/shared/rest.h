/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads of queues come to rest while the control thread changes what they use: one that is
 * at rest is not in the library. */
#ifndef VIONET_TOOLS_REST_H
#define VIONET_TOOLS_REST_H

#include <stdbool.h>

/* A queue's thread: from the one to the other it uses the library, but for rest_point. */
void rest_join(void);
void rest_leave(void);
/* Rest here while the control thread wants it; often, as each look is one load. */
void rest_point(void);

/* The control thread: have all rest. False: one does not within a second; rest_end is due all
 * the same. */
bool rest_begin(void);
void rest_end(void);

#endif
