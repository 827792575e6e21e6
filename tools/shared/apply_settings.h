/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: telling a started device what it is to be set to, and what came of it.
 * Never: prints, or starts a device.
 */
#ifndef VIONET_TOOLS_APPLY_H
#define VIONET_TOOLS_APPLY_H

#include <jansson.h>

#include <vionet/device.h>

#include "tools/shared/settings.h"

/*
 * Tell `device` everything in `settings`, in the order of the keys; go on after a
 * refusal.
 *
 * Returns an array with an object for each: `key`, `asked`, `before` and `after` (as
 * far as this side knows or the device can be asked, else null), `from_device` (they
 * were read from it), `agreed` and `error` (null, or why not). `*failed`: how many were
 * not agreed to. NULL if there is no memory.
 */
json_t *apply_settings(struct vionet_device *device, const struct settings *settings,
		       unsigned int *failed);

/* "ipv4, tcpv4": the names of the bits in `bits`; "none". `name` is one of
 * setting_hash_name and so on, for 64 bits. */
json_t *apply_names(uint64_t bits, const char *(*name)(uint64_t bits));

#endif
