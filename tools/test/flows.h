/* SPDX-License-Identifier: BSD-3-Clause */
/* What is sent at the trials: one flow of each direction, of options or of a file. */
#ifndef VIONET_TOOLS_TEST_FLOWS_H
#define VIONET_TOOLS_TEST_FLOWS_H

#include "tools/test/options.h"

/* Make options->traffic and the names of its devices. `direction`: --direction was given. Leaves
 * the program where something is wrong. */
void flows_make(struct test_options *options, bool direction);

/* Sizes that the headers leave no room in: refused if they were given, else made longer. */
void flows_check_sizes(struct test_options *options, bool given);

/* "64 bytes", "imix". */
void flows_name_size(const struct test_options *options, uint32_t size, char name[16]);

/* All frames are of `size` bytes, without FCS, from the next engine_configure on. */
void flows_set_size(struct test_options *options, uint32_t size);

/* Send to the other device, unless the user says where. */
void flows_set_destination(struct test_options *options, uint32_t flow, const uint8_t mac[6]);

/* VLAN tags that the MTU does not count. */
uint32_t flows_tags(const struct test_options *options);

#endif
