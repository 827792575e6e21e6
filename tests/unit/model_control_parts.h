/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files of the model's control queue share. */
#ifndef VIONET_TESTS_MODEL_CONTROL_PARTS_H
#define VIONET_TESTS_MODEL_CONTROL_PARTS_H

#include <stdio.h>

#include "tests/unit/model_control.h"

/* Feature bits. */
enum {
	GUEST_CSUM = 1, CTRL_GUEST_OFFLOADS = 2, CTRL_VQ = 17, CTRL_RX = 18,
	CTRL_VLAN = 19, CTRL_RX_EXTRA = 20, GUEST_ANNOUNCE = 21, MQ = 22,
	CTRL_MAC_ADDR = 23, RING_RESET = 40, SUSPEND = 43, DEVICE_STATS = 50,
	HASH_TUNNEL = 51, VQ_NOTF_COAL = 52, NOTF_COAL = 53, HASH_REPORT = 57,
	RSS = 60, RSS_CONTEXT = 64,
};

enum { OK = 0, ERR = 1 };

static inline void store(uint8_t *at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static inline bool has(const struct model_control *c, unsigned int bit)
{
	return c->model->accepted[bit / 64] >> (bit % 64) & 1;
}

/* A rule that the driver must keep. */
static inline int broken(struct model_control *c, const char *rule)
{
	c->violations++;
	snprintf(c->violation, sizeof(c->violation), "%s", rule);
	return ERR;
}

/* Obey the readable part of a command, or refuse it. What follows the ack goes to `result`,
 * which has `room`. Returns the ack. */
int model_control_obey(struct model_control *c, const uint8_t *command, size_t size,
		       uint8_t *result, size_t room, size_t *result_length);

#endif
