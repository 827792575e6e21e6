/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that is open, and the answer to "is it still well?". Every failure is printed
 * once, where it is found; from then on the exit code says so.
 */
#ifndef VIONET_TOOLS_SESSION_H
#define VIONET_TOOLS_SESSION_H

#include <stdint.h>

#include <vionet/device.h>
#include <vionet/queue.h>
#include <vionet/steering.h>

#include "tools/shared/common.h"
#include "tools/shared/control_server.h"

/* The longest that anything sleeps: a stop signal or a failure that no interrupt
 * announces is seen within this time. */
#define SESSION_CHECK_NS 20000000ULL

/* That one process has at a time. */
#define SESSIONS_MAX 16

struct session {
	const char *name;
	const char *command; /* "pktgen" */
	const struct device_options *options;
	struct vionet_device *device;
	struct vionet_queue *rx; /* NULL until started */
	struct vionet_queue *tx;
	/* The receive queues that session_idle waits for: one where rx and tx are a
	 * thread's only pair, all of them where one thread looks after all. */
	unsigned int pairs;
	struct vionet_queue *receive[VIONET_QUEUE_PAIRS_MAX];
	uint16_t queue_size[2]; /* of the first pair's, receive and transmit; once started */
	uint64_t next_check;
	uint64_t next_moving; /* when to call stop_moving again */
	/* VIONET_EVENT_LINK and _ANNOUNCE that came, for the command to act on and to clear. */
	uint32_t noted;
	int code; /* the first failure, CODE_OK so far */
	int stops; /* signals that had come when closing began */
	/* A pair's own thread: it must leave the device to the control thread. */
	bool follower;
	struct control_server *server; /* for other processes; NULL: none */
	bool moved;		       /* the device has another name, by which they do not find it yet */
	char name_now[VIONET_NAME_MAX];
};

/* Open, for the command of that name. From now on `vionet stats` and `vionet set` of other
 * processes turn to this one; session_check answers. Returns an exit code; on failure
 * nothing is left open. */
int session_open(struct session *session, const struct device_options *options,
		 const char *command);

/* With --sandbox, once it is started: what the command needs from now on is open. Returns an exit code. */
int session_confine(struct session *session);

/* Start the queues, as many and for frames as long as the settings say if they do.
 * Returns an exit code. */
int session_start(struct session *session,
		  const struct vionet_start_options *options);

/* Tell the device the settings of the command line. Says what it does not agree to.
 * Returns an exit code. */
int session_apply(struct session *session);

/* The session of pair `pair` only, for a thread of its own. */
struct session session_follow(const struct session *session, unsigned int pair);

/* Look, every 20 ms, whether the device is well, and answer clients. A follower looks
 * at its queues only. Returns an exit code. */
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

/* Receive a burst of each queue and throw it away, for commands that only look on.
 * Returns how many frames there were. */
uint32_t session_discard(struct session *session);

/* Close. Returns the exit code of the whole session. */
int session_close(struct session *session);

#endif
