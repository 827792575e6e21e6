/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feature bits: sets of them, and their names.
 *
 * Virtio features are numbered bits; the network device's reach past 64, so a
 * set is 128 bits wide. Names are the specification's without their prefix
 * ("MRG_RXBUF", "ACCESS_PLATFORM").
 *
 * Source: VIRTIO 1.4, "Feature Bits", "Reserved Feature Bits" and "Network
 * Device / Feature bits".
 */
#ifndef VIONET_FEATURE_H
#define VIONET_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Number of bits in a feature set. */
#define VIONET_FEATURE_BITS 128

/* A set of feature bits: bit n is bit n % 64 of word n / 64. */
struct vionet_features {
	uint64_t word[VIONET_FEATURE_BITS / 64];
};

/*
 * Is `bit` (0 to 127) in `set`? Any other number is in no set. Pure; any
 * thread.
 */
static inline bool vionet_feature_test(const struct vionet_features *set,
				       unsigned int bit)
{
	return bit < VIONET_FEATURE_BITS &&
	       ((set->word[bit / 64] >> (bit % 64)) & 1) != 0;
}

/*
 * Name of feature `bit` of a network device.
 *
 * Returns a static string such as "MRG_RXBUF", or NULL if the specification
 * gives the bit no meaning for a network device. Any thread.
 */
const char *vionet_feature_name(unsigned int bit);

/*
 * The bit that carries `name` (case does not matter; a leading
 * "VIRTIO_NET_F_", "VIRTIO_F_" or "VIRTIO_RING_F_" is allowed), for command
 * lines and configuration files.
 *
 * Returns the bit number, or -ENOENT. Any thread.
 */
int vionet_feature_bit(const char *name);

/* What the driver does with a feature that a device offers. */
enum vionet_feature_use {
	VIONET_FEATURE_UNUSED,	   /* never accepts it: it makes no use of it */
	VIONET_FEATURE_ACCEPTED,   /* accepts it, if what it depends on is there */
	VIONET_FEATURE_ON_REQUEST, /* accepts it if it is in `want` or `need` of
				    * vionet_open_options, since it changes what
				    * arrives or the buffers that it needs */
};

/* What the driver does with feature `bit`; any number is allowed. Pure; any thread. */
enum vionet_feature_use vionet_feature_use(unsigned int bit);

/*
 * What is really missing where feature `bit` cannot be accepted: the first feature that
 * it depends on, directly or through others, that is not in `have` and whose own needs
 * are. Of two of which one is enough, the first. Source: "Feature bit requirements".
 *
 * Returns its number; `bit` itself if all that it depends on is in `have`. Pure; any
 * thread.
 */
unsigned int vionet_feature_missing(const struct vionet_features *have,
				    unsigned int bit);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
