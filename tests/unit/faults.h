/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the tests of protocol errors in split and packed rings. */
#ifndef VIONET_TESTS_FAULTS_H
#define VIONET_TESTS_FAULTS_H

#include "tests/unit/env.h"

/* The device takes one buffer of a queue: its id, -1 if there is none. */
int take_buffer(struct env *env, unsigned int index);

/* A device with `count` packets sent and, if `taken`, taken by the device. */
struct env *raise_sent(unsigned int count, bool taken, int *ids);

/* The transmit queue reads what the device completed, and goes into error. */
void expect_broken_transmit(struct env *env, const char *why);

/* A used entry that puts the receive queue in error. */
void expect_broken_receive(uint32_t id, uint16_t advance, const char *why);

/* The driver's mapping at an address. */
struct model_map *map_at(struct env *env, uint64_t iova);

/* Tests of rings of any kind. */
void d16_no_notify_for_ever(void **state);
void d19_never_completes(void **state);
void drain_of_a_breaking_queue_fails(void **state);
void breaks_while_room_is_made(void **state);

#endif
