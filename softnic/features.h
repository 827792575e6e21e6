/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of feature bits, and sets of them written as text. */
#ifndef SOFTNIC_FEATURES_H
#define SOFTNIC_FEATURES_H

#include "softnic/device.h"

/* The specification's name without prefix; NULL: no such bit. */
const char *feature_name(unsigned int bit);

/* What is offered when the user says nothing. */
void features_default(struct features *set);

/*
 * Change `set` by "+CSUM,-MQ,...": `all` is every bit that the device can do, "bitN" any
 * bit by number; "=A,B" begins with none. 0, or -EINVAL with the first word that is
 * no feature (cut) in `unknown`.
 */
int features_parse(const char *text, struct features *set, char unknown[32]);

static inline void feature_put(struct features *set, unsigned int bit, bool on)
{
	uint64_t mask = 1ull << (bit % 64);

	if (on)
		set->word[bit / 64] |= mask;
	else
		set->word[bit / 64] &= ~mask;
}

#endif
