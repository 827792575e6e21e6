/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: a device that is open, and the answer to "is it still well?". Never:
 * moves frames.
 *
 * Every failure is printed once, where it is found; from then on the exit code
 * tells it.
 */
#ifndef VIONET_TOOLS_SESSION_H
#define VIONET_TOOLS_SESSION_H

#include <stdint.h>

#include <vionet/device.h>
#include <vionet/queue.h>

#include "common.h"

/* The longest that anything sleeps: a stop signal or a failure that no interrupt
 * announces is seen within this time. */
#define SESSION_CHECK_NS 20000000ULL

struct session {
	const char *name;
	struct vionet_device *device;
	struct vionet_queue *rx; /* NULL until started */
	struct vionet_queue *tx;
	uint64_t next_check;
	int code; /* the first failure, CODE_OK so far */
};

/* Open. Returns an exit code; on failure nothing is left open. */
int session_open(struct session *session, const struct device_options *options);

/* Start the queues. Returns an exit code. */
int session_start(struct session *session,
		  const struct vionet_start_options *options);

/* Look, every 20 ms, whether the device is well. Returns an exit code. */
int session_check(struct session *session, uint64_t now);

/* Look now. */
int session_check_now(struct session *session);

/* Remember a failure; the first one stays. Returns session->code. */
int session_fail(struct session *session, int code);

/*
 * Nothing to do before `until` (or the next check): wait as `mode` says. POLL
 * returns at once; INTERRUPT sleeps until a frame arrives; SPIN does so once
 * nothing has happened since `busy_ns` for 50 us. `receiving` 0: just sleep.
 */
void session_idle(struct session *session, enum wait_mode mode, int receiving,
		  uint64_t busy_ns, uint64_t until);

/* Close. Returns the exit code of the whole session. */
int session_close(struct session *session);

#endif
