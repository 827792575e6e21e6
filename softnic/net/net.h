/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network half: frames from transmit queues to the peer and from the peer to receive
 * queues, offloads, filters, steering, the control queue, the configuration structure; and
 * checking the driver by areas NET, NETF and CVQ.
 */
#ifndef SOFTNIC_NET_H
#define SOFTNIC_NET_H

#include "softnic/device.h"

struct peer;
struct state;

int net_open(struct device *device); /* with options->peer; 0 or -errno, printed */
void net_close(struct device *device);

/* The driver negotiated (FEATURES_OK was set): check the set. / The device was
 * reset: everything back to its beginning. */
void net_features_accepted(struct device *device);
/* The same where another process checked the set. */
void net_features_resumed(struct device *device);
void net_reset(struct device *device);

/* How many pairs are used, where no command says it. */
void net_use_pairs(struct device *device, unsigned int pairs);

/* A queue was enabled / is no more (reset of the queue or of the device). */
void net_queue_started(struct queue *queue);
void net_queue_stopped(struct queue *queue);

/* The device configuration structure: its size for what is offered, and its bytes.
 * Reads outside are the caller's fault. */
size_t net_config_size(const struct device *device);
void net_config_read(struct device *device, size_t offset, void *data,
		     size_t size);

/* Do work: up to `budget` frames a queue and direction. Returns whether anything
 * moved. Called by the loop whenever a queue was kicked or in every poll iteration when
 * it polls. */
bool net_run(struct device *device, unsigned int budget);

/* Work could be waiting: used by the loop before it sleeps (arms notifications).
 * Returns true if there is some already. */
bool net_arm(struct device *device);

/* Nanoseconds until net_run must be called without a doorbell (interrupts that are
 * put off, answers that are late); -1: nothing is due. */
int64_t net_deadline(const struct device *device);

/*
 * The state that moves to another process. net_busy first: the device comes to rest, with all
 * that is used shown to the driver; the reason why its state cannot be told now, or NULL.
 * net_resumed: it runs again, here.
 */
const char *net_busy(struct device *device);
void net_state(struct device *device, struct state *state);
void net_resumed(struct device *device);

/* Descriptor that becomes readable when the peer has a frame, -1: none. */
int net_fd(const struct device *device);

/* A command of the control socket (link up|down, speed N [full|half], mac ADDRESS,
 * announce [SECONDS that the driver may take], stats, totals); writes its answer to
 * `out`. 0; -EINVAL (not for the network half); 1 if that is an error already. */
int net_command(struct device *device, const char *line, FILE *out);

#endif
