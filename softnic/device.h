/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the software device know of each other: options, the device, its
 * queues, its memory, its verdict.
 *
 * The device is one thread: it serves the socket, follows doorbells and moves packets in
 * one loop (loop.c), so nothing here is locked.
 */
#ifndef SOFTNIC_DEVICE_H
#define SOFTNIC_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "softnic/check/exercised.h"
#include "softnic/fault/fault.h"
#include "softnic/net/limit.h"
#include "softnic/spec.h"
#include "softnic/transport.h"

#define QUEUE_PAIRS_MAX 16u
#define QUEUES_MAX (2u * QUEUE_PAIRS_MAX + 1u)
#define VECTORS_MAX (QUEUES_MAX + 1u)

struct features {
	uint64_t word[FT_COUNT / 64];
};

static inline bool features_have(const struct features *set, enum feature bit)
{
	return (set->word[bit / 64] >> (bit % 64)) & 1;
}

/* How the driver can ring: a region write only, an eventfd, or a mapped page. */
enum notify_mode { NOTIFY_WRITE, NOTIFY_EVENTFD, NOTIFY_PAGE };

struct options {
	const struct transport *transport;
	const char *listen;  /* NULL: we connect */
	const char *connect; /* vhost-user: where a front end listens */
	const char *vduse;   /* name of the device; NULL: another transport */
	struct features offer;
	unsigned int queue_pairs;
	uint16_t queue_size;	   /* largest; any for packed rings */
	uint16_t control_size;
	unsigned int vectors;	   /* MSI-X vectors; 0: none */
	uint8_t mac[6];
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	enum notify_mode notify;
	bool poll;		   /* busy loop instead of sleeping */
	bool once;		   /* end after the first driver */
	bool lossless;		   /* a loop waits for receive buffers */
	bool shuffle;		   /* complete buffers out of order (not IN_ORDER) */
	bool transitional;	   /* device id 0x1000 */
	const char *peer;	   /* "loop", "tap:NAME", ... */
	struct limit limit;	   /* of each direction */
	const char *trace;	   /* file; NULL: none */
	const char *control;	   /* UNIX socket for run-time commands; NULL: none */
	const char *faults;	   /* requested faults; NULL: none */
	bool strict;		   /* what a driver should do, it must */
	const char *report;	   /* file; NULL: none */
	uint32_t reset_ms;	   /* that a reset takes until it is seen */
	uint32_t notify_multiplier; /* bytes between doorbells; 0: one for all */
};

/* ---- the driver's memory: dma.c ---- */

enum direction { DEVICE_READS = 1, DEVICE_WRITES = 2 };

struct device;

/*
 * Where `size` bytes at `iova` are in our address space. They lie in one mapping
 * of the driver's that permits `direction`; anything else is reported as an IOMMU
 * fault (address, length, direction; a line on stderr and in the trace, counted,
 * and the run fails) and NULL is returned. Valid until the next message of the
 * driver is served.
 */
void *dma(struct device *device, uint64_t iova, uint64_t size,
	  enum direction direction);

/* A mapping of the driver's: where it is for the device and for us, and what it
 * permits (both directions or'ed). */
struct mapping {
	uint64_t iova, size;
	uint8_t *address;
	unsigned int directions;
};

/*
 * The mapping that holds `iova`, for those that keep translations (the rings do,
 * and drop them when ring_remap says so). False if there is none; reports nothing:
 * who then wants the access calls dma(), which does.
 */
bool dma_window(const struct device *device, uint64_t iova,
		struct mapping *window);

/* ---- queues ---- */

/* A piece of a buffer, in our address space. */
struct element {
	uint8_t *address;
	uint32_t length;
};

/* A buffer that the driver made available. */
struct buffer {
	uint16_t id;		    /* as the used entry names it */
	uint16_t record;	    /* the ring's own number for it */
	uint16_t slots;		    /* descriptors of the ring that it takes */
	uint16_t readable, writable; /* elements of each kind; readable first */
	uint64_t readable_bytes, writable_bytes;
	struct element *element;    /* owned by the queue; valid until the buffer
				     * is given back */
};

struct queue {
	/* Registers, as the driver programmed them (common.c). */
	struct device *device;
	unsigned int index;
	uint16_t size;
	uint16_t vector;
	bool enabled;
	bool broken;		/* by the driver: nothing is taken any more */
	uint64_t descriptor_area, driver_area, device_area;
	struct ring *ring;	/* ring.c; while enabled */
	bool kicked;		/* rung since last looked at (loop.c clears it) */
	uint64_t kicks;
	uint64_t interrupts;
	uint64_t taken, given;	/* buffers */
	bool filled;		/* it had buffers before it was resumed here */
};

struct net;
struct server;
struct vhost_user;
struct vduse;

struct device {
	const struct options *options;
	struct features offered, accepted;
	uint8_t status;
	uint8_t generation;
	bool stopped;		  /* for a migration: nothing moves */
	unsigned int queue_count; /* control queue included */
	struct queue queue[QUEUES_MAX];
	struct net *net;	 /* net.c */
	struct server *server;	 /* server.c: socket, memory, interrupts */
	struct vhost_user *vhost_user;	 /* NULL: another transport */
	struct vduse *vduse;		 /* the same */
	unsigned int violations;	 /* requirements that the driver broke */
	unsigned int warnings; /* recommendations that it did not follow */
	unsigned int faults;	 /* accesses outside the driver's maps */
	unsigned int protocol_errors; /* requests of a front end that were refused */
	uint16_t mtu;
	bool seen;		      /* what is looked at was counted, and had to wait */
	uint64_t exercised[EX_COUNT]; /* how often, by enum exercised */
	struct features ever_accepted;
	FILE *report;
	FILE *trace;
};

/* Queue pairs, and queues, that the driver may use with the features accepted. */
static inline unsigned int device_pairs_in_use(const struct device *device)
{
	if (features_have(&device->accepted, FT_MQ) || features_have(&device->accepted, FT_RSS))
		return device->options->queue_pairs;
	return 1;
}

static inline unsigned int device_queues_in_use(const struct device *device)
{
	return 2 * device_pairs_in_use(device) + features_have(&device->accepted, FT_CTRL_VQ);
}

/*
 * Is the set the driver's own? A vhost-user front end that keeps the control queue to itself
 * also keeps features, so what is missing is not the driver's choice.
 */
static inline bool device_drivers_own(const struct device *device, const struct features *wanted)
{
	return !device->vhost_user || features_have(wanted, FT_CTRL_VQ);
}

/* Which of them is the control queue; QUEUES_MAX: none. */
static inline unsigned int device_control_index(const struct device *device)
{
	if (!features_have(&device->accepted, FT_CTRL_VQ))
		return QUEUES_MAX;
	return 2 * device_pairs_in_use(device);
}

/* Is the device live: DRIVER_OK set, no reset wanted, neither suspended nor stopped? */
static inline bool device_is_live(const struct device *device)
{
	return (device->status & (ST_DRIVER_OK | ST_NEEDS_RESET | ST_SUSPEND)) ==
		       ST_DRIVER_OK &&
	       !device->stopped;
}

/* Interrupt for a queue / for a configuration change, through its vector. */
void interrupt_queue(struct queue *queue);
void interrupt_config(struct device *device);

/* Change configuration space (link, MAC ...) from the device's side: call before
 * and after; bumps the generation and interrupts. */
void config_changed(struct device *device);

/* The device cannot go on: DEVICE_NEEDS_RESET and a configuration interrupt. */
void needs_reset(struct device *device);

/* The driver did what requirements are about: for the report. */
static inline void device_exercise(struct device *device, unsigned int what)
{
	device->exercised[what] += !device->seen;
}

/* ---- verdict: check/verdict.c ---- */

/*
 * The driver violated a requirement: a line like
 *   violation: "Indirect Descriptors" (SPLIT-12): queue 1: ...
 * on stderr and in the trace, with the section's title in VIRTIO 1.4; the process ends
 * with status 3. A requirement is reported at most 8 times. `id` is a row of
 * softnic/check/requirements_*.def (`--list-requirements` prints them). What is only
 * recommended is a "warning", and fails the run only with --strict.
 */
void violation(struct device *device, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Is the device to have this fault? One branch that is never taken when no fault was
 * requested.
 */
static inline bool device_has_fault(const struct device *device, enum fault which)
{
	return __builtin_expect(device->options->faults != NULL, 0) &&
	       fault_is_on(device, which);
}

/* A line of the trace: "QUEUE 1 ...". Nothing if there is no trace. */
#define trace(device, ...)                                    \
	do {                                                  \
		if (__builtin_expect((device)->trace != NULL, 0)) \
			trace_line(device, __VA_ARGS__);      \
	} while (0)
void trace_line(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
