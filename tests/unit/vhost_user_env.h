/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the vhost-user transport share: the software device as a back end behind a
 * proxy, and a device opened over it. */
#ifndef VIONET_TESTS_VHOST_USER_ENV_H
#define VIONET_TESTS_VHOST_USER_ENV_H

#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "tests/unit/descriptors.h"
#include "tests/unit/stopwatch.h"
#include "tests/unit/vhost_user_proxy.h"

/* Make one that offers everything, listens (or not) and runs. */
struct backend *backend_create(bool connects);

/* Stop it. The device must have seen no violation. */
void backend_destroy(struct backend *backend);

/* Close the connection, as if the process had died; it waits for the next. */
void backend_hang_up(struct backend *backend);

/* Send a request on the back-end channel; with_fd: pass a descriptor along. */
void backend_request(struct backend *backend, uint32_t request, bool need_reply,
		     bool with_fd);

/* Send one of the 16 bytes of a request that needs a reply. */
void backend_send_byte(struct backend *backend, uint32_t request, unsigned int byte);

/* Wait for the front end's reply to it. */
bool backend_replied(struct backend *backend, uint64_t *value);

/* Write to the error eventfd of a ring. */
void backend_ring_error(struct backend *backend, unsigned int queue);

/* Faults of the device: "+ID" or "+ID=NUMBER", "-ID". */
void backend_device_fault(struct backend *backend, const char *which);

/* Buffers of a ring that the device took since it started. */
unsigned int backend_taken(struct backend *backend, unsigned int queue);

/* Used index of a split ring as it is in memory, and another one there; under the lock. */
uint16_t backend_used_index(struct backend *backend, unsigned int queue);
void backend_set_used_index(struct backend *backend, unsigned int queue, uint16_t index);

/* The next used entry of a split ring of that size, which nobody completed; under the lock. */
void backend_add_used(struct backend *backend, unsigned int queue, uint16_t size, uint32_t id);

/* Set-up and tear-down of a test: a back end, and no descriptor is left. */
int raise_backend(void **state);
int drop_backend(void **state);

/* Open a device over it; `options` go behind the path. */
int open_backend(struct backend *backend, const char *options, struct vionet_device **device);

/* Send frames numbered from `first`, and get each back exactly once, in order. */
void turn_frames_of(struct vionet_device *device, unsigned int pair, uint64_t first,
		    uint64_t count);
void turn_frames(struct vionet_device *device, uint64_t first, uint64_t count);

#endif
