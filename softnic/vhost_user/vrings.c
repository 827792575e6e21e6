/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about one ring; starting and stopping it. A ring runs once it has a doorbell and
 * is enabled, and, where the front end tells the status, the driver is ready.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "softnic/event.h"
#include "softnic/fault/lost.h"
#include "softnic/net/net.h"
#include "softnic/vhost_user/internal.h"

#define POLL_NS 50000
#define WRAP 0x8000u

static struct vring *vring_of(const struct queue *queue)
{
	return &queue->device->vhost_user->vring[queue->index];
}

/* The queue that the number names. NULL: refused. */
static struct queue *vring_queue(struct device *device, const struct vhost_call *call,
				 uint64_t index)
{
	if (index < device->queue_count)
		return &device->queue[index];
	vhost_refuse(device, call, "ring %" PRIu64 ", there are %u", index,
		     device->queue_count);
	return NULL;
}

/* ---- positions ---- */

/* Packed: the low half is what is taken next, the high half what is written next; a front
 * end that leaves the latter out means the same place. */
static struct ring_position vring_position(const struct device *device, uint32_t base)
{
	uint16_t next = (uint16_t)base, used = (uint16_t)(base >> 16);

	if (!features_have(&device->accepted, FT_RING_PACKED))
		return (struct ring_position){ .next = next };
	if (used == 0)
		used = next;
	return (struct ring_position){ .next = next & (WRAP - 1),
				       .used = used & (WRAP - 1),
				       .next_wrap = next & WRAP,
				       .used_wrap = used & WRAP };
}

static uint32_t vring_base(const struct device *device, const struct ring_position *at)
{
	if (!features_have(&device->accepted, FT_RING_PACKED))
		return at->next;
	return at->next | (at->next_wrap ? WRAP : 0) |
	       (uint32_t)(at->used | (at->used_wrap ? WRAP : 0)) << 16;
}

/*
 * Linux as a process begins packed rings at 0, where the wrap counters are 1. That is also
 * where a ring is that went round once, but then descriptor 0 has been used. A split ring at 0
 * may be one that another device left before it used anything: with its word in the flags.
 */
static bool vring_unused(struct queue *queue, bool packed)
{
	const uint8_t *word =
		dma(queue->device, packed ? queue->descriptor_area + 14 : queue->device_area, 2,
		    DEVICE_READS);
	uint16_t flags;

	if (word == NULL)
		return false;
	memcpy(&flags, word, sizeof(flags));
	return (le16toh(flags) & (packed ? DF_USED : USED_NO_NOTIFY)) == 0;
}

static bool vring_fresh(struct queue *queue, uint32_t base)
{
	if (base == 0)
		return vring_unused(queue, features_have(&queue->device->accepted, FT_RING_PACKED));
	return features_have(&queue->device->accepted, FT_RING_PACKED) &&
	       (base == WRAP || base == (WRAP | WRAP << 16));
}

/* ---- starting and stopping ---- */

static bool vring_address(struct queue *queue)
{
	const struct vring *ring = vring_of(queue);
	const struct device *device = queue->device;
	uint64_t descriptor, driver, used;

	if (!ring->addressed || !vhost_translate(device, ring->addr.descriptor, &descriptor) ||
	    !vhost_translate(device, ring->addr.available, &driver) ||
	    !vhost_translate(device, ring->addr.used, &used))
		return false;
	queue->descriptor_area = descriptor;
	queue->driver_area = driver;
	queue->device_area = used;
	return true;
}

/* The areas were reported already, if it is for them. */
static void vring_unusable(struct queue *queue)
{
	const struct vhost_call call = { .name = "SET_VRING_BASE" };

	if (queue->ring != NULL)
		vhost_refuse(queue->device, &call, "ring %u of %u cannot begin at 0x%x",
			     queue->index, queue->size, vring_of(queue)->base);
	needs_reset(queue->device);
}

static void vring_run(struct queue *queue)
{
	struct device *device = queue->device;
	struct vring *ring = vring_of(queue);
	struct ring_position from = vring_position(device, ring->base);
	int result;

	queue->size = ring->size;
	queue->vector = (uint16_t)queue->index;
	queue->enabled = true;
	queue->broken = false;
	trace(device, "RING %u runs, size %u, base 0x%x", queue->index, queue->size, ring->base);
	result = vring_fresh(queue, ring->base) ? ring_start(queue)
						: ring_resume(queue, &from);
	if (result == 0)
		net_queue_started(queue);
	else
		vring_unusable(queue);
}

static void vring_halt(struct queue *queue)
{
	struct ring_position at;

	if (queue->ring != NULL && !queue->broken) {
		ring_position(queue, &at);
		vring_of(queue)->base = vring_base(queue->device, &at);
	}
	trace(queue->device, "RING %u halts, base 0x%x", queue->index, vring_of(queue)->base);
	queue_stop(queue);
}

static bool vring_wanted(const struct queue *queue)
{
	const struct vring *ring = vring_of(queue);
	const struct device *device = queue->device;

	if (!ring->started || (!ring->enabled && device->vhost_user->protocol_used))
		return false;
	return !vhost_has(device, PROTOCOL_STATUS) || (device->status & ST_DRIVER_OK);
}

/* Where the driver's control queue does not say it, the rings say how many pairs are used. */
static void vring_count_pairs(struct device *device)
{
	unsigned int pairs = 1;

	if (features_have(&device->accepted, FT_CTRL_VQ))
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled && i / 2 < device_pairs_in_use(device))
			pairs = i / 2 + 1;
	net_use_pairs(device, pairs);
}

/* Without a status of the front end's the device is ready with the first ring. */
static void vring_make_live(struct device *device)
{
	if (vhost_has(device, PROTOCOL_STATUS) || (device->status & ST_DRIVER_OK))
		return;
	device->status |= ST_ACKNOWLEDGE | ST_DRIVER | ST_FEATURES_OK | ST_DRIVER_OK;
	fault_driver_ok(device);
}

void vhost_rings_update(struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct queue *queue = &device->queue[i];
		bool wanted = vring_wanted(queue);

		if (wanted && !queue->enabled) {
			vring_make_live(device);
			vring_run(queue);
		} else if (!wanted && queue->enabled) {
			vring_halt(queue);
		}
	}
	vring_count_pairs(device);
}

void vhost_rings_readdress(struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled && !vring_address(&device->queue[i])) {
			violation(device, "GEN-31",
				  "memory of queue %u, which is live, is unmapped", i);
			/* Nothing of it may be touched, so its position is lost. */
			queue_stop(&device->queue[i]);
			device->vhost_user->vring[i].started = false;
		}
	vhost_memory_changed(device);
}

static void vring_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vhost_rings_forget(struct device *device, bool whole)
{
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		struct vring *ring = &device->vhost_user->vring[i];

		queue_stop(&device->queue[i]);
		if (whole) {
			vring_drop(&ring->error);
			vring_drop(&device->server->notify.event[i]);
		}
		*ring = (struct vring){ .error = ring->error };
	}
}

int64_t vhost_rings_poll(struct device *device)
{
	int64_t due = -1;

	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct vring *ring = &device->vhost_user->vring[i];
		struct queue *queue = &device->queue[i];

		if (!queue->enabled)
			continue;
		if (queue->broken && !ring->error_sent && ring->error >= 0)
			event_signal(ring->error);
		ring->error_sent = queue->broken;
		if (!ring->polled || queue->broken)
			continue;
		queue->kicked = ring_ready(queue);
		due = queue->kicked ? 0 : due < 0 ? POLL_NS
						  : due;
	}
	return due;
}

/* ---- requests ---- */

static struct vring_state vring_state_of(const struct vhost_call *call)
{
	struct vring_state state;

	memcpy(&state, call->data, sizeof(state));
	return state;
}

/* A ring that is to be described. NULL: refused. */
static struct vring *vring_idle(struct device *device, const struct vhost_call *call,
				uint32_t index)
{
	struct queue *queue = vring_queue(device, call, index);

	if (queue == NULL)
		return NULL;
	if (!queue->enabled)
		return vring_of(queue);
	vhost_refuse(device, call, "ring %u runs; stop it first: GET_VRING_BASE", index);
	return NULL;
}

int vhost_set_vring_num(struct device *device, struct vhost_call *call)
{
	const struct vring_state state = vring_state_of(call);
	struct vring *ring = vring_idle(device, call, state.index);
	bool packed = features_have(&device->accepted, FT_RING_PACKED);

	if (ring == NULL)
		return -1;
	if (state.num == 0 || state.num > RING_SIZE_MAX ||
	    (!packed && (state.num & (state.num - 1))))
		return vhost_refuse(device, call, "ring %u: %u entries; it is %s to %u",
				    state.index, state.num,
				    packed ? "1" : "a power of two", RING_SIZE_MAX);
	ring->size = (uint16_t)state.num;
	return 0;
}

/* A ring that runs is told again where it is when the memory table changes. */
int vhost_set_vring_addr(struct device *device, struct vhost_call *call)
{
	struct vring_addr addr;
	struct queue *queue;

	memcpy(&addr, call->data, sizeof(addr));
	queue = vring_queue(device, call, addr.index);
	if (queue == NULL)
		return -1;
	vring_of(queue)->addr = addr;
	vring_of(queue)->addressed = true;
	if (!vring_address(queue))
		return vhost_refuse(device, call,
				    "ring %u: 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64
				    " are not all in a region of memory",
				    addr.index, addr.descriptor, addr.available, addr.used);
	if (queue->enabled)
		ring_remap(queue);
	return 0;
}

int vhost_set_vring_base(struct device *device, struct vhost_call *call)
{
	const struct vring_state state = vring_state_of(call);
	struct vring *ring = vring_idle(device, call, state.index);

	if (ring == NULL)
		return -1;
	ring->base = state.num;
	return 0;
}

int vhost_get_vring_base(struct device *device, struct vhost_call *call)
{
	struct vring_state state = vring_state_of(call);
	struct queue *queue = vring_queue(device, call, state.index);

	if (queue == NULL)
		return -1;
	vring_of(queue)->started = vring_of(queue)->polled = false;
	vhost_rings_update(device);
	vring_drop(&device->server->notify.event[state.index]);
	state.num = vring_of(queue)->base;
	memcpy(call->reply, &state, sizeof(state));
	call->reply_size = sizeof(state);
	return 0;
}

/* ---- descriptors ---- */

/* Some front ends wait at a pipe or a socket (Linux as a process) instead of a counter. */
static bool vring_signals(int fd)
{
	struct stat file;

	return event_is(fd) || (fstat(fd, &file) == 0 &&
				(S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode)));
}

/* The descriptor of a ring, -1: without; false: refused. */
static bool vring_take_fd(struct device *device, struct vhost_call *call, struct queue **queue,
			  int *fd, bool (*fits)(int fd))
{
	uint64_t value;

	memcpy(&value, call->data, sizeof(value));
	*fd = -1;
	*queue = vring_queue(device, call, value & VRING_INDEX);
	if (*queue == NULL)
		return false;
	if (value & VRING_NO_FD)
		return true;
	*fd = vhost_take_fd(call);
	if (*fd >= 0 && fits(*fd))
		return true;
	vhost_refuse(device, call,
		     *fd < 0 ? "ring %u: the descriptor is missing" : "ring %u: the descriptor is no eventfd",
		     (*queue)->index);
	vring_drop(fd);
	return false;
}

/* What a ring needs before it starts. */
static int vring_check(struct device *device, const struct vhost_call *call, struct queue *queue)
{
	const struct vring *ring = vring_of(queue);

	if (device->accepted.word[0] == 0)
		return vhost_refuse(device, call, "ring %u starts before SET_FEATURES",
				    queue->index);
	if (ring->size == 0)
		return vhost_refuse(device, call, "ring %u starts before SET_VRING_NUM",
				    queue->index);
	if (!vring_address(queue))
		return vhost_refuse(device, call,
				    "ring %u starts before SET_VRING_ADDR has put it into memory",
				    queue->index);
	return 0;
}

int vhost_set_vring_kick(struct device *device, struct vhost_call *call)
{
	struct queue *queue;
	int fd;

	if (!vring_take_fd(device, call, &queue, &fd, event_is))
		return -1;
	if (vring_check(device, call, queue) < 0) {
		vring_drop(&fd);
		return -1;
	}
	vring_drop(&device->server->notify.event[queue->index]);
	device->server->notify.event[queue->index] = fd;
	vring_of(queue)->polled = fd < 0;
	vring_of(queue)->started = true;
	vhost_rings_update(device);
	return 0;
}

int vhost_set_vring_call(struct device *device, struct vhost_call *call)
{
	struct queue *queue;
	int fd, *at;

	if (!vring_take_fd(device, call, &queue, &fd, vring_signals))
		return -1;
	at = &device->server->interrupts.msix[queue->index];
	vring_drop(at);
	*at = fd;
	/* What was used before is told through this one too: the last may have been lost. */
	if (fd >= 0 && queue->enabled)
		event_signal(fd);
	return 0;
}

int vhost_set_vring_err(struct device *device, struct vhost_call *call)
{
	struct queue *queue;
	int fd;

	if (!vring_take_fd(device, call, &queue, &fd, vring_signals))
		return -1;
	vring_drop(&vring_of(queue)->error);
	vring_of(queue)->error = fd;
	return 0;
}

int vhost_set_vring_enable(struct device *device, struct vhost_call *call)
{
	const struct vring_state state = vring_state_of(call);
	struct queue *queue = vring_queue(device, call, state.index);

	if (queue == NULL)
		return -1;
	if (state.num > 1)
		return vhost_refuse(device, call, "ring %u: %u is neither 0 nor 1", state.index,
				    state.num);
	vring_of(queue)->enabled = state.num;
	vhost_rings_update(device);
	return 0;
}
