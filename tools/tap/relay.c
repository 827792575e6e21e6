/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/tap/relay.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <vionet/control.h>

#define SPIN_NS 50000ULL
/* Without an interrupt for a queue: how long to sleep between looks. */
#define BACKOFF_NS 100000ULL

_Static_assert((RELAY_PARTS - 1) * 1984 < VIONET_FRAME_MAX &&
		       RELAY_PARTS * 1984 >= VIONET_FRAME_MAX,
	       "of the longest frame");

void relay_init(struct relay *relay, int fd, enum wait_mode mode)
{
	relay->fd = fd;
	relay->mode = mode;
	relay->thread.run = relay_run;
	relay->spare_missing = RELAY_PARTS;
	relay->vector[0] = (struct iovec){ &relay->header, sizeof(relay->header) };
}

/* ---- from the kernel to the device ---- */

/* Replace the buffers that the last frame took. False: the device still has too many. */
static bool relay_fill(struct relay *relay)
{
	struct vionet_queue *tx = relay->thread.session.tx;
	struct vionet_pool *pool = vionet_queue_pool(tx);
	uint32_t missing = relay->spare_missing;
	uint32_t first, got;

	if (missing == 0)
		return true;
	first = missing - vionet_packet_alloc(pool, relay->spare, missing);
	got = missing - first;
	for (uint32_t i = 0; i < got; i++) {
		struct vionet_packet *packet = relay->spare[i];

		relay->vector[first + i + 1] = (struct iovec){ packet->data,
							       vionet_pool_buffer_size(pool) };
	}
	/* They stand at the end of the gap, so that it stays in front. */
	for (uint32_t i = got; first > 0 && i > 0; i--)
		relay->spare[first + i - 1] = relay->spare[i - 1];
	relay->spare_missing = first;
	return first == 0;
}

/* The first `length` bytes of the spare buffers are a packet. */
static struct vionet_packet *relay_chain(struct relay *relay, uint32_t length)
{
	struct vionet_packet *first = relay->spare[0];
	uint32_t used = 0;

	first->flags = relay->header.flags;
	first->gso_type = relay->header.gso_type;
	first->gso_size = relay->header.gso_size;
	first->csum_start = relay->header.csum_start;
	first->csum_offset = relay->header.csum_offset;
	while (length > 0) {
		struct vionet_packet *packet = relay->spare[used++];
		uint32_t room = (uint32_t)relay->vector[used].iov_len;

		packet->length = length < room ? length : room;
		length -= packet->length;
		packet->next = length > 0 ? relay->spare[used] : NULL;
	}
	first->segments = (uint16_t)used;
	relay->spare_missing = used;
	return first;
}

/* Read a frame. Returns the packet, or NULL: there is none, or no buffer for one. */
static struct vionet_packet *relay_read(struct relay *relay)
{
	ssize_t got;

	if (!relay_fill(relay))
		return NULL;
	got = readv(relay->fd, relay->vector, RELAY_PARTS + 1);
	if (got > (ssize_t)sizeof(relay->header))
		return relay_chain(relay, (uint32_t)got - (uint32_t)sizeof(relay->header));
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		relay->error = errno;
	return NULL;
}

/* The device wants its address shown to the network. */
static void relay_announce(struct relay *relay)
{
	struct vionet_packet *packet;

	if (!__atomic_exchange_n(&relay->announce, 0, __ATOMIC_ACQUIRE) ||
	    vionet_packet_alloc(vionet_queue_pool(relay->thread.session.tx), &packet, 1) != 1)
		return;
	vionet_announcement_write(relay->thread.session.device, packet->data);
	packet->length = VIONET_ANNOUNCEMENT_SIZE;
	relay->pending[relay->pending_count++] = packet;
}

/* Returns how many frames moved. */
static uint32_t relay_transmit(struct relay *relay)
{
	struct vionet_queue *tx = relay->thread.session.tx;
	uint32_t sent;

	vionet_queue_reclaim(tx);
	if (relay->pending_sent == relay->pending_count) {
		relay->pending_count = relay->pending_sent = 0;
		relay_announce(relay);
		while (relay->pending_count < RELAY_BURST) {
			struct vionet_packet *packet = relay_read(relay);

			if (packet == NULL)
				break;
			relay->pending[relay->pending_count++] = packet;
		}
	}
	if (relay->pending_count == 0)
		return 0;
	sent = vionet_queue_transmit(tx, relay->pending + relay->pending_sent,
				     relay->pending_count - relay->pending_sent);
	relay->pending_sent += sent;
	relay->counts.to_device += sent;
	return sent;
}

/* ---- from the device to the kernel ---- */

static struct virtio_net_hdr relay_header(const struct vionet_packet *packet)
{
	struct virtio_net_hdr header = {
		.flags = packet->flags &
			 (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID),
		.gso_type = packet->gso_type,
		.hdr_len = packet->hdr_len,
		.gso_size = packet->gso_size,
	};

	/* They count coalesced segments where RSC_INFO is set. */
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		header.csum_start = packet->csum_start;
		header.csum_offset = packet->csum_offset;
	}
	return header;
}

static void relay_note_write(struct relay *relay, int error)
{
	if (error == EIO) {
		relay->counts.down++;
		return;
	}
	relay->counts.refused++;
	if (error == EBADFD)
		relay->error = error;
}

static void relay_write(struct relay *relay, const struct vionet_packet *packet)
{
	struct iovec vector[RELAY_RECEIVED_PARTS_MAX + 1];
	struct virtio_net_hdr header = relay_header(packet);
	int parts = 0;

	vector[parts++] = (struct iovec){ &header, sizeof(header) };
	for (; packet != NULL && parts <= RELAY_RECEIVED_PARTS_MAX; packet = packet->next)
		vector[parts++] = (struct iovec){ packet->data, packet->length };
	if (packet != NULL)
		relay->counts.refused++;
	else if (writev(relay->fd, vector, parts) < 0)
		relay_note_write(relay, errno);
	else
		relay->counts.to_kernel++;
}

static uint32_t relay_receive(struct relay *relay)
{
	struct vionet_packet *packets[RELAY_BURST];
	uint32_t count = vionet_queue_receive(relay->thread.session.rx, packets, RELAY_BURST);

	for (uint32_t i = 0; i < count; i++)
		relay_write(relay, packets[i]);
	if (count > 0)
		vionet_packet_free(packets, count);
	return count;
}

/* ---- waiting ---- */

/* The descriptor of an armed queue; -1: it has none, or the thread has another to wait for;
 * -2: there is work. */
static int relay_arm(struct vionet_queue *queue, bool wanted)
{
	int fd = wanted ? vionet_queue_fd(queue) : -1;

	if (fd < 0)
		return -1;
	return vionet_queue_arm(queue) == 0 ? fd : -2;
}

static void relay_poll(const struct relay *relay, int rx, int tx, bool blocked)
{
	struct pollfd waits[] = {
		{ .fd = rx, .events = POLLIN },
		{ .fd = tx, .events = POLLIN },
		{ .fd = blocked ? -1 : relay->fd, .events = POLLIN },
	};
	bool interrupts = rx >= 0 && (tx >= 0 || !blocked);
	struct timespec time = { .tv_nsec = interrupts ? (long)SESSION_CHECK_NS : (long)BACKOFF_NS };

	ppoll(waits, sizeof(waits) / sizeof(waits[0]), &time, NULL);
}

/* Until a frame comes, from either side; where the device's queue is full, until it has room
 * and not until the kernel has more. */
static void relay_sleep(struct relay *relay)
{
	struct session *session = &relay->thread.session;
	bool blocked = relay->pending_count > relay->pending_sent || relay->spare_missing > 0;
	int rx = relay_arm(session->rx, true);
	int tx = rx == -2 ? -1 : relay_arm(session->tx, blocked);

	if (rx != -2 && tx != -2)
		relay_poll(relay, rx, tx, blocked);
	if (rx >= 0)
		vionet_queue_disarm(session->rx);
	if (tx >= 0)
		vionet_queue_disarm(session->tx);
}

static void relay_wait(struct relay *relay, uint64_t now)
{
	if (relay->mode == WAIT_POLL ||
	    (relay->mode == WAIT_SPIN && now - relay->busy_ns < SPIN_NS))
		return;
	relay_sleep(relay);
}

/* ---- the thread ---- */

/* What was read and not sent goes back to the pool. */
static void relay_end(struct relay *relay)
{
	uint32_t left = relay->pending_count - relay->pending_sent;

	vionet_packet_free(relay->pending + relay->pending_sent, left);
	relay->counts.not_sent = left;
	vionet_packet_free(relay->spare + relay->spare_missing,
			   RELAY_PARTS - relay->spare_missing);
}

void relay_run(struct pair_thread *thread)
{
	struct relay *relay = (struct relay *)thread;
	uint64_t now;

	while (now = now_ns(), pair_thread_goes_on(thread, now) && relay->error == 0) {
		uint32_t moved = relay_transmit(relay) + relay_receive(relay);

		if (moved > 0)
			relay->busy_ns = now;
		else
			relay_wait(relay, now);
	}
	relay_end(relay);
}
