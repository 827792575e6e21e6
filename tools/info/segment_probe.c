/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The longest chain that a device takes. What the specification allows (the queue's size)
 * and what a device really takes are two things: some fail at less. That the device
 * completed a frame is all that counts, not that it was delivered.
 */
#include "tools/info/segment_probe.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <vionet/error.h>
#include <vionet/recovery.h>

#define SEGMENTS_MAX 1024u
#define COMPLETION_MS 1000
#define FRAME_MIN 60
/* For experiments in a local network (IEEE 802, "Local Experimental Ethertype 1"). */
#define EXPERIMENT 0x88b5
/* A device may be recovered five times in ten seconds. */
#define RECOVER_TRIES 30
#define PAUSE_NS 500000000L

/* A frame of so many segments: the first has what is missing to the shortest frame, the
 * others a byte each. NULL if the pool has not as many packets. */
static struct vionet_packet *probe_make_frame(struct session *session,
					      const uint8_t mac[6], uint32_t segments)
{
	struct vionet_packet *packet[SEGMENTS_MAX];
	uint32_t got = vionet_packet_alloc(vionet_queue_pool(session->tx), packet,
					   segments);
	uint32_t first = segments <= FRAME_MIN - 14 ? FRAME_MIN - (segments - 1) : 14;

	if (got < segments) {
		vionet_packet_free(packet, got);
		return NULL;
	}
	for (uint32_t i = 0; i < segments; i++) {
		packet[i]->length = i == 0 ? first : 1;
		memset(packet[i]->data, 0, packet[i]->length);
		packet[i]->next = i + 1 < segments ? packet[i + 1] : NULL;
	}
	memcpy(packet[0]->data, mac, 6);
	memcpy(packet[0]->data + 6, mac, 6);
	packet[0]->data[12] = EXPERIMENT >> 8;
	packet[0]->data[13] = EXPERIMENT & 0xff;
	return packet[0];
}

static uint64_t probe_refused(struct session *session)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(session->tx, &stats);
	return stats.invalid;
}

/* 1: the device has completed it, 0: it has not, or needs a reset; below 0: it cannot
 * be tried. */
static int probe_try(struct session *session, const uint8_t mac[6],
		     uint32_t segments)
{
	struct vionet_packet *frame = probe_make_frame(session, mac, segments);
	uint64_t invalid = probe_refused(session);
	uint32_t events = 0;
	int result;

	if (!frame)
		return -ENOBUFS;
	if (vionet_queue_transmit(session->tx, &frame, 1) != 1) {
		vionet_packet_free(&frame, 1);
		return 0;
	}
	if (probe_refused(session) != invalid)
		return -EMSGSIZE;
	result = vionet_queue_drain(session->tx, COMPLETION_MS);
	vionet_device_events(session->device, &events);
	return result == 0 && (events & (VIONET_EVENT_NEEDS_RESET |
					 VIONET_EVENT_QUEUE_BROKEN)) == 0;
}

/* The device was given more than it takes: recover it, as often as its rate limit wants.
 * After a stop signal it is of no use any more. */
static int probe_recover(struct session *session)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int result = vionet_device_recover(session->device, NULL);

	for (int i = 1; i < RECOVER_TRIES && result == -EAGAIN && !stop_asked(); i++) {
		nanosleep(&pause, NULL);
		result = vionet_device_recover(session->device, NULL);
	}
	return stop_asked() ? 0 : result;
}

/* One step of the search between what was taken and what was not. */
static int probe_step(struct session *session, const uint8_t mac[6],
		      struct info_segments *found, uint32_t segments)
{
	int taken = probe_try(session, mac, segments);
	int result = 0;

	if (taken < 0)
		return taken;
	if (taken)
		found->taken = segments;
	else
		found->refused = segments;
	if (!taken)
		result = probe_recover(session);
	return result;
}

static uint32_t probe_next(const struct info_segments *found)
{
	uint32_t doubled = found->taken == 0 ? 1 : 2 * found->taken;

	if (found->refused != 0)
		return (found->taken + found->refused) / 2;
	return doubled < found->possible ? doubled : found->possible;
}

static bool probe_is_known(const struct info_segments *found)
{
	return found->taken == found->possible || found->refused == found->taken + 1;
}

static int probe_fail(struct session *session, int result)
{
	if (result == -ENOBUFS)
		say("%s: segments: the pool has too few packets", session->name);
	else if (result == -EMSGSIZE)
		say("%s: segments: the driver refused a frame that was to be "
		    "tried, which is a fault of vionet: please report it with "
		    "the output of vionet info --json", session->name);
	else
		say_error(result);
	return session_fail(session, code_of_run(result));
}

/* What a packet may have on this queue, and each has a byte in a frame of this MTU. */
static uint32_t probe_most_possible(uint32_t segments_max, uint16_t mtu)
{
	uint32_t most = segments_max < SEGMENTS_MAX ? segments_max : SEGMENTS_MAX;

	return mtu != 0 && most > mtu + 1u ? mtu + 1u : most;
}

int segments_probe(struct session *session, struct info_segments *found)
{
	struct vionet_device_info device = { .struct_size = sizeof(device) };
	struct vionet_queue_info queue = { .struct_size = sizeof(queue) };
	int result = vionet_device_info(session->device, &device);

	if (result == 0)
		result = vionet_device_queue_info(session->device, 1, &queue);
	if (result)
		return probe_fail(session, result);
	found->possible = probe_most_possible(queue.segments_max, device.mtu);
	found->indirect = vionet_feature_test(
		&device.negotiated,
		(unsigned int)vionet_feature_bit("INDIRECT_DESC"));
	/* Upwards: each refusal costs a reset. */
	while (result == 0 && !probe_is_known(found) && !stop_asked())
		result = probe_step(session, device.mac, found, probe_next(found));
	found->complete = probe_is_known(found);
	return result ? probe_fail(session, result) : CODE_OK;
}
