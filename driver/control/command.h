/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue: one command at a time, each with a deadline, in memory that the device has
 * until it answers.
 *
 * The device works its commands off in order, so there is nothing to gain from a
 * second one in flight, and there is one slot: a request that the device can only
 * read, and a reply that it may write. A command that is not answered in time
 * keeps the slot until the device answers after all, or is reset: the next ones
 * fail at once and touch nothing.
 *
 * The queue is polled by the control thread. It has no vector: those are worth
 * more to the queues that packets arrive on.
 */
#ifndef VN_DRIVER_CONTROL_H
#define VN_DRIVER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/order.h"
#include "driver/state/queue.h"
#include "driver/spec/control.h"

/* How long a device may take for a command, unless the application says. */
#define VN_CONTROL_TIMEOUT_MS 500u

struct vn_control {
	struct vionet_queue queue;
	struct vionet_memory *request, *reply;
	uint32_t room; /* bytes in each of them */
	bool open;
	bool pending;  /* the device has the slot ... */
	uint64_t until; /* ... and may take until then */
	char name[48]; /* of the command that has it */
	uint64_t unanswered, late, refused; /* counters */
};

/* A command, and what it is about. */
struct vn_command {
	uint8_t class, command;
	const char *name;  /* for error texts: "VQ_PAIRS_SET 4" */
	const void *data;  /* may be NULL; copied */
	uint32_t size;
	void *result; /* may be NULL */
	uint32_t result_size; /* room at `result` */
	uint32_t result_length; /* bytes of it that the device wrote */
};

/*
 * Set the control queue up, not enabled yet. `room`: bytes of the longest command
 * or result. Returns 0 or a negative errno with nothing left behind.
 */
int vn_control_open(struct vionet_device *device, unsigned int index,
		    uint32_t room);

/* Bytes of device memory, in whole pages, that vn_control_open takes. */
uint64_t vn_control_memory(const struct vionet_device *device, uint32_t room);

/* Release it; the device is quiesced, or its memory is in quarantine. */
void vn_control_close(struct vionet_device *device);

/*
 * Send a command and wait for the answer.
 *
 * Returns 0; -ENOTSUP (there is no control queue), -ENETDOWN (not started, or
 * suspended), -EMSGSIZE (the command is too long), -EREMOTEIO (the device answered
 * with an error), -EIO (it broke the protocol), -ETIMEDOUT (no answer in time),
 * -EBUSY (an earlier command has not been answered yet), -ENODEV. With the text
 * set; prefixed with the device by the public functions.
 */
int vn_control_command(struct vionet_device *device, struct vn_command *command);

/*
 * Send a command without data and do not wait; a later command collects the
 * answer. Does nothing if the device still has an earlier one. Returns as above.
 */
int vn_control_post(struct vionet_device *device, uint8_t class, uint8_t command,
		    const char *name);

/* Does the device have an unanswered command past its deadline, or is the queue
 * broken? Sets the text. */
int vn_control_check(struct vionet_device *device);

/* Public functions begin with this: was `bit` negotiated, and does the device run?
 * -ENOTSUP with a text that says what `what` would need, -ENETDOWN. */
int vn_control_need(struct vionet_device *device, unsigned int bit,
		    const char *what);

/* ---- little-endian fields of a payload ---- */

static inline uint8_t *vn_put16(uint8_t *at, uint16_t value)
{
	le16 word = vn_to_le16(value);

	memcpy(at, &word, sizeof(word));
	return at + sizeof(word);
}

static inline uint8_t *vn_put32(uint8_t *at, uint32_t value)
{
	le32 word = vn_to_le32(value);

	memcpy(at, &word, sizeof(word));
	return at + sizeof(word);
}

static inline uint8_t *vn_put64(uint8_t *at, uint64_t value)
{
	le64 word = vn_to_le64(value);

	memcpy(at, &word, sizeof(word));
	return at + sizeof(word);
}

static inline uint16_t vn_get16(const uint8_t *at)
{
	le16 word;

	memcpy(&word, at, sizeof(word));
	return vn_from_le16(word);
}

static inline uint32_t vn_get32(const uint8_t *at)
{
	le32 word;

	memcpy(&word, at, sizeof(word));
	return vn_from_le32(word);
}

static inline uint64_t vn_get64(const uint8_t *at)
{
	le64 word;

	memcpy(&word, at, sizeof(word));
	return vn_from_le64(word);
}

#endif
