/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings of a running device: its address, what it lets through, what it
 * does with packets before we see them, and when it interrupts.
 *
 * All of it travels on the device's control queue, and the same rules hold for
 * every function here and in vionet/steering.h and vionet/stats.h that sends a
 * command:
 *
 *   - Control thread; the device is started. The threads of the queues may go on:
 *     nothing here touches a queue, except where it says so.
 *   - A command takes control_timeout_ms of vionet_open_options (500 ms) at most,
 *     whatever the device does; as long again if the device still owes the answer to
 *     the acknowledgement of an announcement.
 *   - What the device agreed to is saved, and sent to it again by
 *     vionet_device_recover and by the next vionet_device_start; what names queues
 *     is forgotten when the device stops.
 *   - Errors, besides those of the function:
 *       -ENOTSUP    the feature was not negotiated: the text names it
 *       -ENETDOWN   the device is not started, or suspended
 *       -EREMOTEIO  the device refuses the command; nothing has changed
 *       -ETIMEDOUT  it did not answer in time. Whether it carried the command out is
 *                   not known. Its answer, should it come, is thrown away
 *       -EBUSY      it has not answered an earlier command yet: until it does, or
 *                   is recovered, it gets no other
 *       -EIO        it broke the protocol of the control queue, or needs a reset:
 *                   recover it. Packets go on as long as it lets them
 *       -ENODEV     it is gone
 *       -ENOMEM, -EMSGSIZE (longer than a command can be)
 *
 * Source: VIRTIO 1.4, "Network Device / Device Operation / Control Virtqueue".
 */
#ifndef VIONET_CONTROL_H
#define VIONET_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/platform.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;
struct vionet_queue;

/*
 * Is the control queue usable? Returns 0, also if there is none; -EIO when the
 * device broke its protocol or owes an answer that is overdue: the text says which.
 * vionet_device_events reports that as VIONET_EVENT_QUEUE_BROKEN. Control thread.
 */
int vionet_control_check(struct vionet_device *device);

/*
 * ---- address and filters ----
 *
 * CTRL_RX, CTRL_RX_EXTRA and CTRL_VLAN are accepted only if they are in `want` or
 * `need` of vionet_open_options: a device that has them accepted may filter before it
 * gets a command, and what it then lets through is its own choice (QEMU: everything;
 * others: its own address and broadcasts). Without them everything arrives.
 */

/*
 * Set the device's own address: frames for it are let through. It is the `mac` of
 * vionet_device_info from then on.
 *
 * Returns 0; -EINVAL if it is a group address or all zero. Needs CTRL_MAC_ADDR and
 * CTRL_RX. Source: "Setting MAC Address Filtering".
 */
int vionet_mac_set(struct vionet_device *device, const uint8_t mac[6]);

/* What a device lets through beside its own address. Filters are best effort: be
 * ready for frames that should not have come. */
enum vionet_filter_mode {
	VIONET_FILTER_PROMISC = 0,  /* everything; needs CTRL_RX */
	VIONET_FILTER_ALLMULTI = 1, /* all multicast; needs CTRL_RX */
	VIONET_FILTER_ALLUNI = 2,   /* all unicast; these need CTRL_RX_EXTRA */
	VIONET_FILTER_NOMULTI = 3,  /* no multicast */
	VIONET_FILTER_NOUNI = 4,    /* no unicast */
	VIONET_FILTER_NOBCAST = 5,  /* no broadcast */
};

/*
 * Switch a mode on or off. Returns 0; -EINVAL: no such mode. Source: "Packet Receive
 * Filtering".
 */
int vionet_filter_mode_set(struct vionet_device *device,
			   enum vionet_filter_mode mode, bool on);

/*
 * Set the addresses that are let through beside the device's own: all earlier ones
 * are replaced. Either table may be empty.
 *
 * Returns 0; -EINVAL if a group address is among the `unicast` ones or an
 * individual one among the `multicast` ones. Needs CTRL_RX. Source: "Setting MAC
 * Address Filtering".
 */
int vionet_filter_macs_set(struct vionet_device *device,
			   const uint8_t (*unicast)[6], uint32_t unicast_count,
			   const uint8_t (*multicast)[6],
			   uint32_t multicast_count);

/*
 * Let tagged frames of a VLAN through, or no longer. Needs CTRL_VLAN: once that is
 * accepted, tagged frames of VLANs that were not added may be dropped.
 *
 * Returns 0; -EINVAL if `vlan` is above 4094. Source: "VLAN Filtering".
 */
int vionet_filter_vlan_add(struct vionet_device *device, uint16_t vlan);
int vionet_filter_vlan_delete(struct vionet_device *device, uint16_t vlan);

#define VIONET_ANNOUNCEMENT_SIZE 60

/*
 * Write a frame that shows switches where this device's address is now (a reverse
 * ARP request from it, to everybody). To be transmitted when vionet_device_events
 * reports VIONET_EVENT_ANNOUNCE; who has IP addresses sends gratuitous ARP and
 * neighbour advertisements for them as well. The library has acknowledged the
 * device's request already.
 *
 * `frame` has room for VIONET_ANNOUNCEMENT_SIZE bytes. Returns 0. Any thread.
 * Source: "Gratuitous Packet Sending".
 */
int vionet_announcement_write(const struct vionet_device *device,
			      uint8_t frame[VIONET_ANNOUNCEMENT_SIZE]);

/* ---- receive offloads ---- */

/* What a device may do to received packets, as bits: each the number of its
 * GUEST_ feature, except the tunnel ones. */
#define VIONET_OFFLOAD_CSUM	       (1ull << 1)
#define VIONET_OFFLOAD_TSO4	       (1ull << 7)
#define VIONET_OFFLOAD_TSO6	       (1ull << 8)
#define VIONET_OFFLOAD_ECN	       (1ull << 9)
#define VIONET_OFFLOAD_UFO	       (1ull << 10)
#define VIONET_OFFLOAD_UDP_TUNNEL      (1ull << 46)
#define VIONET_OFFLOAD_UDP_TUNNEL_CSUM (1ull << 47)
#define VIONET_OFFLOAD_USO4	       (1ull << 54)
#define VIONET_OFFLOAD_USO6	       (1ull << 55)

/*
 * Choose which of the negotiated receive offloads are on: the rest goes off. All
 * are on at start.
 *
 * Returns 0; -EINVAL for a bit that is none; -ENOTSUP if one was not negotiated (it is
 * named). Needs CTRL_GUEST_OFFLOADS. Source: "Setting Offloads State".
 */
int vionet_offloads_set(struct vionet_device *device, uint64_t offloads);

/* The receive offloads that are on, as far as this side knows. Returns 0. Control
 * thread. */
int vionet_offloads_read(const struct vionet_device *device, uint64_t *offloads);

/* ---- when to interrupt ---- */

/* Interrupt after so many packets, or so many microseconds after the first, what
 * comes first. 0 and 0: at once. */
struct vionet_coalescing {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t max_packets;
	uint32_t max_usecs;
	uint32_t reserved;
};

/*
 * Set it for all receive queues, or all transmit queues; overrides what was set for
 * one of them before. Needs NOTF_COAL. Returns 0. Source: "Notifications
 * Coalescing".
 */
int vionet_coalescing_set(struct vionet_device *device, bool tx,
			  const struct vionet_coalescing *coalescing);

/*
 * Set it for one queue, and read what the device has for it. Control thread, not
 * the queue's. Need VQ_NOTF_COAL. Return 0; _read also -EIO if the answer is too
 * short. Values of an answer that is an error are not given out.
 */
int vionet_queue_coalescing_set(struct vionet_queue *queue,
				const struct vionet_coalescing *coalescing);
int vionet_queue_coalescing_read(struct vionet_queue *queue,
				 struct vionet_coalescing *coalescing);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
