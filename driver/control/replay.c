/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/control/replay.h"
#include "driver/control/state.h"
#include "driver/control/steering.h"
#include "driver/state/device.h"

/* All commands together take no longer than this and one command. */
#define REPLAY_TIMEOUT (2000 * VN_MS)

int vn_ctrl_state_replay(struct vionet_device *device)
{
	uint64_t end = vn_now() + REPLAY_TIMEOUT;
	uint16_t contexts = 0;

	for (const struct vn_ctrl_state *w = device->ctrl_state; w; w = w->next) {
		char name[64];
		struct vn_command command = {
			.class = w->class,
			.command = w->command,
			.name = name,
			.data = w->data,
			.size = w->size,
		};
		int result = 0;

		snprintf(name, sizeof(name), "setting again what was set before "
			 "(class %u, command %u)", w->class, w->command);
		if (vn_now() >= end)
			result = vn_error(ETIMEDOUT, "%s: the device takes more "
					  "than %u ms for all of it", name,
					  (unsigned int)(REPLAY_TIMEOUT / VN_MS));
		if (result == 0 && w->class == CTRL_RSS_CONTEXT && contexts == 0)
			result = vn_rss_context_query(device, &contexts);
		if (result == 0)
			result = vn_control_command(device, &command);
		if (result)
			return result;
		/* The configuration was read anew, and may have another one. */
		if (w->class == CTRL_MAC && w->command == CTRL_MAC_ADDR_SET)
			memcpy(device->config.mac, w->data, w->size);
	}
	return 0;
}
