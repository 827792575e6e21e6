/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling a started device what it is to be set to, and what came of it. */
#ifndef VIONET_TOOLS_APPLY_SETTINGS_H
#define VIONET_TOOLS_APPLY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <vionet/device.h>
#include <vionet/error.h>

#include "tools/shared/settings.h"

#define SETTING_KEY_MAX 64

/* One setting. Of values "" means not known. */
struct setting_result {
	char key[SETTING_KEY_MAX]; /* "rx-usecs@1" */
	char requested[SETTING_VALUE_MAX];
	char before[SETTING_VALUE_MAX];
	char after[SETTING_VALUE_MAX];
	bool from_device; /* before and after were read from it */
	bool agreed;
	bool at_start; /* it needs a feature that has to be wanted at the start */
	char error[VIONET_ERROR_TEXT_MAX]; /* why it was not agreed to, else "" */
};

/* Zero-filled: empty. */
struct setting_results {
	unsigned int failed; /* not agreed to */
	size_t count, room;
	struct setting_result *list;
};

/*
 * Tell `device` everything in `settings`, in the order of the keys; go on after a refusal.
 * The caller releases the results in any case. Control thread. Returns 0, or -ENOMEM: the
 * device was configured, but not all results are there.
 */
int apply_settings(struct vionet_device *device, const struct settings *settings,
		   struct setting_results *results);

/* Room for one more at the end, zero-filled; NULL: no memory. */
struct setting_result *setting_results_add(struct setting_results *results);
void setting_results_release(struct setting_results *results);

#endif
