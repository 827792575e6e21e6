/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: features, status and rings of a vhost-user device.
 * Never: looks into a ring, or calls a device reset before every ring was given
 * back.
 * Read next: driver/transport/vhost_user/resume.c.
 *
 * Source: "Ring states", "Multiple queue support", "Inflight I/O tracking".
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "driver/device/feature.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/transport/vhost_user/internal.h"

#define ASK_INTERVAL (1000 * VN_MS)

/* ---- features ---- */

/*
 * What the carrier keeps to itself: its own bits, translation by messages (without
 * which the memory table confines the back end), the control queue, which in this
 * protocol is the front end's to answer (no back end serves it), and what would need
 * a register: an eventfd carries no data, and there is no message for the rest.
 */
int vn_vhost_user_features_read(struct vn_transport *transport,
				struct vionet_features *offered)
{
	static const uint8_t kept[] = {
		VHOST_F_LOG_ALL, VHOST_USER_F_PROTOCOL_FEATURES,
		F_ACCESS_PLATFORM, NET_F_CTRL_VQ, F_NOTIFICATION_DATA,
		F_NOTIF_CONFIG_DATA, F_RING_RESET, F_SR_IOV, F_ADMIN_VQ,
	};
	struct vn_vhost_user *t = vn_vhost_user(transport);

	*offered = (struct vionet_features){ .word[0] = t->features };
	for (size_t i = 0; i < sizeof(kept); i++)
		vn_feature_remove(offered, kept[i]);
	return 0;
}

int vn_vhost_user_features_write(struct vn_transport *transport,
				 const struct vionet_features *accepted)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	/* MQ without its command: a back end that offers it stops using other queues
	 * than the first two without. */
	uint64_t own = t->features & (1ull << VHOST_USER_F_PROTOCOL_FEATURES |
				      1ull << NET_F_MQ);

	transport->accepted = *accepted;
	return vn_vhost_user_tell_u64(t, VHOST_USER_SET_FEATURES,
				      accepted->word[0] | own);
}

/* ---- status ---- */

bool vn_vhost_user_running(const struct vn_vhost_user *t)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		if (t->queue[i].enabled)
			return true;
	return false;
}

/* Should the back end be asked? One that works is not disturbed more than once a
 * second: that it has gone is seen without asking. */
static bool ask_status(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();

	if (!vn_vhost_user_alive(t) ||
	    !vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS) ||
	    (vn_vhost_user_running(t) && (t->status & STATUS_DRIVER_OK) &&
	     now - t->asked_at < ASK_INTERVAL))
		return false;
	t->asked_at = now;
	return true;
}

int vn_vhost_user_status_read(struct vn_transport *transport, uint8_t *status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	uint64_t value = t->status;
	int result = 0;

	if (vn_event_take(t->error_fd))
		vn_vhost_user_fail(t, t->status != 0);
	if (ask_status(t))
		result = vn_vhost_user_ask_u64(t, VHOST_USER_GET_STATUS, &value);
	/* Whatever ended the session: it is for the application to begin again. */
	if (t->fd < 0)
		result = 0;
	if (result == 0 && value > UINT8_MAX)
		result = vn_error(EIO, "vhost-user: the back end's status is %#llx",
				  (unsigned long long)value);
	*status = (uint8_t)((result ? 0 : value) |
			    (t->failed ? STATUS_DEVICE_NEEDS_RESET : 0));
	return result;
}

/* Nothing is asked or taken: that is the control thread's. */
int vn_vhost_user_health(struct vn_transport *transport, uint8_t *status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct pollfd fds[2] = {
		{ .fd = __atomic_load_n(&t->fd, __ATOMIC_RELAXED),
		  .events = POLLRDHUP },
		{ .fd = t->error_fd, .events = POLLIN },
	};
	bool ended = fds[0].fd < 0 || __atomic_load_n(&t->failed, __ATOMIC_RELAXED);

	if (poll(fds, 2, 0) > 0)
		ended |= (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ||
			 (fds[1].revents & POLLIN) != 0;
	*status = STATUS_DRIVER_OK | (ended ? STATUS_DEVICE_NEEDS_RESET : 0);
	return 0;
}

/* The back end gives the ring back; whatever it had not done, it will not do. */
static int stop_ring(struct vn_vhost_user *t, unsigned int index)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_GET_VRING_BASE,
			    .size = sizeof(struct vhost_user_state) },
		.payload.state.index = index,
	};
	int result = 0;

	if (vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		result = vn_vhost_user_tell_state(
			t, VHOST_USER_SET_VRING_ENABLE, index, 0);
	if (result == 0)
		result = vn_vhost_user_ask(t, &message,
					   sizeof(struct vhost_user_state), 0);
	if (result == 0 && message.payload.state.index != index)
		result = vn_error(EIO, "vhost-user: the back end gives queue %u back "
				  "instead of %u", message.payload.state.index,
				  index);
	return result;
}

void vn_vhost_user_drop_record(struct vn_vhost_user *t)
{
	if (t->inflight.fd >= 0)
		close(t->inflight.fd);
	t->inflight.fd = -1;
}

static void close_ring(struct vn_vhost_user_queue *queue)
{
	if (queue->set_up && queue->kick_fd >= 0)
		close(queue->kick_fd);
	*queue = (struct vn_vhost_user_queue){ .kick_fd = -1, .call_fd = -1 };
}

void vn_vhost_user_queues_close(struct vn_vhost_user *t)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		close_ring(&t->queue[i]);
	vn_vhost_user_drop_record(t);
}

static int stop_rings(struct vn_vhost_user *t)
{
	int result = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++) {
		struct vn_vhost_user_queue *queue = &t->queue[i];

		if (queue->enabled && t->fd >= 0)
			result = stop_ring(t, i);
		queue->enabled = queue->enabled && result != 0;
	}
	return result;
}

/* All rings first, then the rest of the device. */
static int reset_device(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header.request = VHOST_USER_RESET_DEVICE,
	};
	int result = stop_rings(t);

	if (result == 0 && t->fd >= 0 &&
	    vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_RESET_DEVICE))
		result = vn_vhost_user_tell(t, &message);
	if (result == 0 && t->fd >= 0 &&
	    vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS))
		result = vn_vhost_user_tell_u64(t, VHOST_USER_SET_STATUS, 0);
	return result;
}

/* A session that ends on the way, or had ended before, ended the rings too. */
static int write_reset(struct vn_vhost_user *t)
{
	int result = vn_vhost_user_alive(t) ? reset_device(t) : 0;

	if (result && t->fd >= 0)
		return result;
	vn_vhost_user_queues_close(t);
	/* What was in error is gone. */
	(void)vn_event_take(t->error_fd);
	t->status = 0;
	vn_vhost_user_fail(t, false);
	t->pairs_unsure = false; /* each ring is told when it is set up */
	return 0;
}

/* The first step after a reset connects again, if the back end went away. */
static int ensure_session(struct vn_vhost_user *t)
{
	if (vn_vhost_user_alive(t) || t->status != 0)
		return 0;
	return vn_vhost_user_begin(t, vn_now() + VN_VHOST_USER_TIMEOUT);
}

int vn_vhost_user_status_write(struct vn_transport *transport, uint8_t status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result = 0;

	if (status == 0)
		return write_reset(t);
	result = ensure_session(t);
	if (result == 0 && vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS))
		result = vn_vhost_user_tell_u64(t, VHOST_USER_SET_STATUS, status);
	else if (result == 0 && (status & STATUS_DRIVER_OK))
		result = vn_vhost_user_sync(t); /* before the first kick */
	if (result)
		return result;
	t->status = status;
	t->asked_at = 0;
	return 0;
}

/* Leave a back end that does not give the rings back. */
int vn_vhost_user_reset(struct vn_transport *transport)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	vn_vhost_user_end(t);
	return write_reset(t);
}

/* ---- rings ---- */

int vn_vhost_user_queue_max(struct vn_transport *transport, unsigned int index,
			    uint16_t *size)
{
	/* The protocol has no question for it. */
	*size = index < transport->queue_count ? QUEUE_SIZE_MAX : 0;
	return 0;
}

/* A descriptor for a ring, or word that there is none. */
static int tell_fd(struct vn_vhost_user *t, uint32_t request, unsigned int index,
		   int fd)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request, .size = sizeof(uint64_t) },
		.payload.u64 = index | (fd < 0 ? VHOST_USER_VRING_NO_FD : 0),
		.fd = { fd },
		.fd_count = fd >= 0,
	};

	return vn_vhost_user_tell(t, &message);
}

static int tell_addresses(struct vn_vhost_user *t, unsigned int index,
			  const struct vn_ring_areas *areas)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_VRING_ADDR,
			    .size = sizeof(struct vhost_user_address) },
		.payload.address = {
			.index = index,
			.descriptor = areas->descriptor.iova,
			.available = areas->driver.iova,
			.used = areas->device.iova,
		},
	};

	return vn_vhost_user_tell(t, &message);
}

/* In a packed ring both counters' wrap bits are part of the position, and both
 * sides are at the same place. */
static uint32_t encode_base(const struct vn_vhost_user *t, uint16_t next)
{
	if (!vionet_feature_test(&t->base.accepted, F_RING_PACKED))
		return next;
	return next | (uint32_t)next << 16;
}

/* All about a ring but starting it. */
int vn_vhost_user_tell_ring(struct vn_vhost_user *t, unsigned int index,
			    uint16_t next)
{
	const struct vn_vhost_user_queue *queue = &t->queue[index];
	int result = vn_vhost_user_tell_state(t, VHOST_USER_SET_VRING_NUM, index,
					      queue->size);

	if (result == 0)
		result = vn_vhost_user_tell_state(t, VHOST_USER_SET_VRING_BASE,
						  index, encode_base(t, next));
	if (result == 0)
		result = tell_addresses(t, index, &queue->areas);
	if (result == 0)
		result = tell_fd(t, VHOST_USER_SET_VRING_CALL, index,
				 queue->call_fd);
	if (result == 0)
		result = tell_fd(t, VHOST_USER_SET_VRING_ERR, index, t->error_fd);
	return result;
}

/* Where a fresh ring begins: a packed one's wrap counters are 1. */
static uint16_t fresh(const struct vn_vhost_user *t)
{
	return vionet_feature_test(&t->base.accepted, F_RING_PACKED) ? 1u << 15 : 0;
}

int vn_vhost_user_queue_setup(struct vn_transport *transport, unsigned int index,
			      uint16_t size, int *vector,
			      const struct vn_ring_areas *areas,
			      struct vn_doorbell *doorbell)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct vn_vhost_user_queue *queue;
	int result;

	if (index >= transport->queue_count || index >= VHOST_USER_QUEUES_MAX)
		return vn_error(ENOENT, "vhost-user: the back end has no queue %u",
				index);
	queue = &t->queue[index];
	close_ring(queue);
	*queue = (struct vn_vhost_user_queue){
		.size = size,
		.areas = *areas,
		.call_fd = *vector >= 0 ? t->vector_fds[*vector] : -1,
		.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	if (queue->kick_fd < 0)
		return vn_error_errno(errno, "eventfd for queue %u", index);
	queue->set_up = true;
	result = vn_vhost_user_share(t);
	if (result == 0)
		result = vn_vhost_user_tell_ring(t, index, fresh(t));
	if (result) {
		close_ring(queue);
		return result;
	}
	*doorbell = (struct vn_doorbell){ .fd = queue->kick_fd };
	return 0;
}

/* ---- in flight ---- */

static int check_inflight(const struct vhost_user_inflight *what, int fd)
{
	struct stat file;

	if (fstat(fd, &file) != 0)
		return vn_error_errno(errno, "vhost-user: the record of what is in "
				      "flight");
	if (what->mmap_size == 0 || file.st_size < 0 ||
	    what->mmap_size > (uint64_t)file.st_size ||
	    what->mmap_offset > (uint64_t)file.st_size - what->mmap_size)
		return vn_error(EIO, "vhost-user: the record of what is in flight "
				"has %llu bytes from %llu on, its file %lld",
				(unsigned long long)what->mmap_size,
				(unsigned long long)what->mmap_offset,
				(long long)file.st_size);
	return 0;
}

/* Sizes are those of the largest ring: the record has one for all. */
static void measure_rings(const struct vn_vhost_user *t,
			  struct vhost_user_inflight *what)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++) {
		if (!t->queue[i].set_up)
			continue;
		what->queue_count = (uint16_t)(i + 1);
		if (what->queue_size < t->queue[i].size)
			what->queue_size = t->queue[i].size;
	}
}

static int get_inflight(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_GET_INFLIGHT_FD,
			    .size = sizeof(struct vhost_user_inflight) },
	};
	int result;

	measure_rings(t, &message.payload.inflight);
	t->inflight.what = message.payload.inflight;
	result = vn_vhost_user_ask(t, &message, sizeof(message.payload.inflight),
				   1);
	if (result)
		return result;
	result = check_inflight(&message.payload.inflight, message.fd[0]);
	if (result) {
		vn_vhost_user_drop_fds(&message);
		return result;
	}
	t->inflight.fd = message.fd[0];
	t->inflight.what.mmap_size = message.payload.inflight.mmap_size;
	t->inflight.what.mmap_offset = message.payload.inflight.mmap_offset;
	return 0;
}

/* Before the first ring starts, the back end gets the record of its predecessor, or
 * makes a new one and gets it back. */
static int share_inflight(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_INFLIGHT_FD,
			    .size = sizeof(struct vhost_user_inflight) },
		.fd_count = 1,
	};
	int result = 0;

	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) ||
	    vn_vhost_user_running(t))
		return 0;
	if (t->inflight.fd < 0)
		result = get_inflight(t);
	if (result)
		return result;
	message.payload.inflight = t->inflight.what;
	message.fd[0] = t->inflight.fd;
	return vn_vhost_user_tell(t, &message);
}

/* A counter that is full has been rung often enough. */
static int kick_fd(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		return vn_error_errno(errno, "kick");
	return 0;
}

/* Have all rings that run looked at, once the back end has heard what is new: a kick may
 * have been for nothing before. */
int vn_vhost_user_kick_all(struct vn_vhost_user *t)
{
	int result = vn_vhost_user_sync(t);

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++)
		if (t->queue[i].enabled)
			result = kick_fd(t->queue[i].kick_fd);
	return result;
}

/*
 * Some back ends forget their rings with each change of the table, and find them by
 * their addresses only; a kick that came in between was for nothing. One that refuses
 * has no rings any more: that ends the session.
 */
int vn_vhost_user_place_rings(struct vn_vhost_user *t)
{
	int result = 0;

	if (!vn_vhost_user_running(t))
		return 0;
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++)
		if (t->queue[i].enabled)
			result = tell_addresses(t, i, &t->queue[i].areas);
	if (result == 0)
		result = vn_vhost_user_kick_all(t);
	if (result)
		vn_vhost_user_end(t);
	return result;
}

/* A ring starts with its first kick, once it is enabled. */
int vn_vhost_user_queue_enable(struct vn_transport *transport,
			       unsigned int index)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct vn_vhost_user_queue *queue = &t->queue[index];
	int result = share_inflight(t);

	if (result)
		return result;
	/* From here on the back end may be at it, whatever it answers. */
	queue->enabled = true;
	result = tell_fd(t, VHOST_USER_SET_VRING_KICK, index, queue->kick_fd);
	if (result == 0 &&
	    vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		result = vn_vhost_user_tell_state(
			t, VHOST_USER_SET_VRING_ENABLE, index,
			index / 2 < t->pairs);
	return result;
}

/*
 * Rings can be enabled one by one with protocol features only, and there is one pair
 * without. If one of them is refused the smaller number holds, for the next back end
 * and after a reset too, and the next order is for all rings.
 */
int vn_vhost_user_pairs_use(struct vn_transport *transport, unsigned int pairs)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	unsigned int before = t->pairs;
	bool all = t->pairs_unsure, more = false;
	int result = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++) {
		bool on = i / 2 < pairs;

		if (!t->queue[i].set_up || (!all && on == (i / 2 < before)))
			continue;
		result = vn_vhost_user_tell_state(
			t, VHOST_USER_SET_VRING_ENABLE, i, on);
		more |= on;
	}
	if (result == 0 && more)
		result = vn_vhost_user_kick_all(t);
	t->pairs = result && before < pairs ? before : pairs;
	t->pairs_unsure = result != 0;
	return result;
}

int vn_vhost_user_kick(struct vn_transport *transport,
		       const struct vn_doorbell *doorbell)
{
	(void)transport;
	return kick_fd(doorbell->fd);
}
