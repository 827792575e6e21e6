/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vionet: drive a virtio-net function from user space, through VFIO and the
 * IOMMU. This header brings in all others.
 *
 * The life of a device
 * --------------------
 *
 *   open     vionet_device_open("0000:00:04.0", NULL, &device)
 *            The function must be bound to vfio-pci (vionet_pci_bind, or
 *            `vionet bind` at a terminal). Open attaches it to an IOMMU address
 *            space of its own, resets it, finds its registers and negotiates
 *            features. Nothing of this process is visible to the device yet.
 *
 *   look     vionet_device_info and its neighbours. The device is idle and can
 *            be closed again at no cost.
 *
 *   start    vionet_device_start(device, NULL)
 *            Queues and pools of packets are made and mapped for the device:
 *            what it only needs to read is mapped read-only. Receive buffers
 *            are posted, and the device is live.
 *
 *   run      rx = vionet_device_rx_queue(device, 0)
 *            tx = vionet_device_tx_queue(device, 0)
 *            Packets move in bursts: vionet_queue_receive gives packets to the
 *            application, vionet_queue_transmit takes them. What the device has
 *            sent returns to its pool by itself. vionet_queue_wait sleeps until
 *            there is work. vionet_device_events reports what else has happened:
 *            link, removal, failure.
 *
 *   stop     vionet_device_stop(device): the device is reset, every buffer is
 *            ours again. Start may follow.
 *
 *   close    vionet_device_close(device): leaves the device reset, everything
 *            unmapped and released.
 *
 * Threads
 * -------
 * The control side (open to close, pools, memory) is one thread's. Between start
 * and stop each queue, together with its pool, belongs to one thread, which may
 * be another. The library starts no thread (but to close a descriptor that a peer has
 * passed and that takes long to close), and takes no lock while packets move, but
 * where a doorbell can neither be mapped nor is an eventfd: over vfio-user such a kick is
 * a message, for which the queue's thread may wait for the control thread's, 2 s in all.
 * Different devices are independent. The socket of a device is locked against other
 * processes from open to close. A child after fork() must not call the library; the memory of
 * the device is not inherited.
 *
 * What the device can do
 * ----------------------
 * The device is not trusted. It can deliver wrong data and stop working; it
 * cannot make the library touch memory outside its own buffers, wait without a
 * limit, or hand out a buffer twice. What it breaks is counted, latched and
 * named.
 *
 * Twenty lines that send a frame: examples/send.c.
 */
#ifndef VIONET_VIONET_H
#define VIONET_VIONET_H

#include <vionet/control.h>
#include <vionet/device.h>
#include <vionet/error.h>
#include <vionet/feature.h>
#include <vionet/log.h>
#include <vionet/memory.h>
#include <vionet/migration.h>
#include <vionet/offload.h>
#include <vionet/packet.h>
#include <vionet/pci.h>
#include <vionet/platform.h>
#include <vionet/queue.h>
#include <vionet/recovery.h>
#include <vionet/stats.h>
#include <vionet/steering.h>
#include <vionet/struct.h>
#include <vionet/vdpa.h>
#include <vionet/version.h>

#endif
