/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking the process that has a device (control_server.h); 2 s at most, or as said. The same user and
 * root are believed; root also believes the user whom the device belongs to (the owner of its
 * node in /dev/vfio or of its socket), and no other.
 */
#ifndef VIONET_TOOLS_CONTROL_CLIENT_H
#define VIONET_TOOLS_CONTROL_CLIENT_H

#include "tools/shared/control_wire.h"

/*
 * The statistics of a device that another process has. `*found`: there is one, and `reply`
 * has what it says; false if no process of this user, or that may speak for the device, has
 * it. The caller releases the reply in any case (control_release_reply).
 *
 * Returns an exit code: CODE_OK, or why the process that has it does not answer, which is
 * said.
 */
int control_ask_stats(const char *device, struct control_reply *reply, bool *found);

/* Have the process that has the device apply `count` settings. The reply has `error` or
 * `results`; the rest as above. */
int control_ask_set(const char *device, char *const *settings, unsigned int count,
		    struct control_reply *reply, bool *found);

/* Have the process that has the device move it to `to`; as control_ask_set, but 10 s. */
int control_ask_migrate(const char *device, const char *to, struct control_reply *reply,
			bool *found);

/* After a failure to open: if another vionet process has it, say so. */
void control_hint(const char *device, const char *command);

#endif
