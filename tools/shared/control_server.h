/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the way to a process that has a device: a device belongs to one process at a
 * time, so `vionet stats` and `vionet set` ask the one that has it. Never: knows what
 * a request means; waits without a limit.
 *
 * The socket lies in a directory that only its owner can write (place.h) and is named after
 * the device. A lock beside it says whether its process lives: a socket that was left is
 * replaced, one that is listened at never. One line of JSON asks, one answers.
 *
 * The server answers the same user and root. The client believes the same user and root;
 * root also believes the user whom the device belongs to (the owner of its node in /dev/vfio
 * or of its socket), and no other. What was answered is text of others all the same: it
 * comes without control characters (vionet_text_clean).
 */
#ifndef VIONET_TOOLS_HOLDER_H
#define VIONET_TOOLS_HOLDER_H

#include <jansson.h>
#include <stdint.h>

#include "tools/shared/socket_directory.h"

#define HOLDER_LINE_MAX (1 << 20)

struct holder {
	int fd;	    /* -1: nobody can ask */
	int client; /* -1: nobody asks now */
	int lock;
	int spare; /* closed to take a client where descriptors have run out */
	struct place place;
	uint64_t deadline_ns;
	size_t have;
	char line[16384];
};

/* Answers a request. Returns an object, which the caller releases. */
typedef json_t *holder_answer(void *context, const json_t *request);

/*
 * Let others ask about the device of this name. Without a socket it works too: that is said,
 * unless another process is asked about this device already.
 */
void holder_open(struct holder *holder, const char *device);
void holder_close(struct holder *holder);

/* Remove the files and nothing else. For a signal handler. */
void holder_unlink(const struct holder *holder);

/* Answer who asks, if anybody does; does not wait. */
void holder_serve(struct holder *holder, holder_answer *answer, void *context);

/*
 * Ask the process that has the device of this name. Takes 2 s at most.
 *
 * `process`: its id, 0 where that is not known, or it is another user's.
 *
 * Returns 0 with `*reply`, which the caller releases; -ENOENT if no such process
 * listens; -EACCES if there may be one of another user's; -ETIMEDOUT if it does not answer, -EINTR if a
 * signal asked to stop; -EIO if it answers nonsense; -EMFILE, -ENFILE, -ENOMEM if this process
 * lacks something to ask with.
 */
int holder_ask(const char *device, const json_t *request, json_t **reply,
	       int *process);

#endif
