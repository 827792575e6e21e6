/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: open, look, start, stop, close. The life cycle is described in
 * vionet/vionet.h.
 *
 * One thread, the control thread, calls what is declared here.
 */
#ifndef VIONET_DEVICE_H
#define VIONET_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/feature.h>
#include <vionet/packet.h>
#include <vionet/queue.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;

/* Longest device name, terminating zero included. A socket's path has 107 bytes at
 * most. */
#define VIONET_NAME_MAX 256

/* Options of vionet_device_open, as bits. */
enum vionet_open_flags {
	/*
	 * Drive a function that does not offer ACCESS_PLATFORM. The caller
	 * asserts that a real IOMMU translates its accesses. If that is not so,
	 * the addresses given to it hit other people's physical memory. Emulated
	 * devices without iommu_platform=on are such a case.
	 */
	VIONET_OPEN_ASSUME_IOMMU = 1 << 0,
	/* Use ordinary pages even where 2 MiB pages are free. */
	VIONET_OPEN_NO_HUGEPAGES = 1 << 1,
	/*
	 * Let the device write to the descriptor and driver areas too, which it
	 * has no business to do. DPDK's vhost-user back ends (OVS-DPDK, testpmd)
	 * ask a vIOMMU for that and process nothing without it. A device that
	 * scribbles there still cannot harm this process, only its own queues.
	 */
	VIONET_OPEN_WRITABLE_RINGS = 1 << 2,
	/*
	 * Refuse a device whose registers read back as 0 after they were written
	 * (see vionet_registers): for checking a device. No other driver needs them
	 * to be shown.
	 */
	VIONET_OPEN_STRICT = 1 << 3,
};

/* By which of the kernel's interfaces a PCI function is opened. */
enum vionet_iommu {
	/* What this system has and this user may open: character devices before groups. */
	VIONET_IOMMU_AUTO = 0,
	/* Groups: /dev/vfio/GROUP in a container of type1, on every kernel. */
	VIONET_IOMMU_TYPE1 = 1,
	/* VFIO's character device /dev/vfio/devices/vfioN in an address space of an iommufd
	 * (/dev/iommu): Linux 6.6 with CONFIG_VFIO_DEVICE_CDEV. */
	VIONET_IOMMU_IOMMUFD = 2,
	/*
	 * No IOMMU: /dev/vfio/devices/noiommu-vfioN and /dev/iommu (Linux 7.3), or
	 * /dev/vfio/noiommu-GROUP, where the kernel's no-IOMMU mode is on. Never
	 * taken by itself. The device is given physical addresses, and nothing keeps it from
	 * others: it can read and write all memory of the machine, so it, and
	 * this process, are trusted with that. Memory is huge pages of 2 MiB, and needs as
	 * many as there are pools and rings; CAP_SYS_RAWIO is needed,
	 * and with a group CAP_SYS_ADMIN too.
	 * ACCESS_PLATFORM is not negotiated.
	 */
	VIONET_IOMMU_NONE = 3,
};

/* How to open. Zero means the default everywhere. */
struct vionet_open_options {
	uint32_t struct_size; /* vionet/struct.h */
	unsigned int flags;	      /* vionet_open_flags */
	struct vionet_features avoid; /* features never to accept */
	struct vionet_features need;  /* features without which to refuse */
	/*
	 * Features to accept if they are offered, which otherwise are not, since
	 * they change what arrives or the buffers that it needs: CTRL_RX and
	 * CTRL_RX_EXTRA (some devices then let only frames for their own address
	 * through, until commands change that), CTRL_VLAN (tagged frames are dropped
	 * until their VLANs are added), HASH_REPORT, the receive offloads GUEST_CSUM,
	 * GUEST_TSO4 and so on, RSC_EXT, and all tunnel offloads (the header is longer
	 * with them). Those in `need` are accepted too.
	 */
	struct vionet_features want;
	unsigned int control_timeout_ms; /* how long a control command may take;
					  * default 500, at most 60000 */
	/* How long the device may take for a reset, of itself or of a queue, and to
	 * suspend: default 1000, at most 600000. Then it is reset through the bus, and
	 * has as long again. Functions of some DPUs take up to two minutes. */
	unsigned int reset_timeout_ms;
	/*
	 * Called, if not NULL, once a second while the device is waited for: `step` is
	 * what it is to do ("reset"), `waited_ms` since when, of at most `limit_ms`. By
	 * the thread that waits. If it returns anything but 0 the call that waits ends
	 * with -ECANCELED, as if the limit had been reached.
	 */
	int (*progress)(void *context, const char *step, unsigned int waited_ms,
			unsigned int limit_ms);
	void *progress_context;
	/* Called by vionet_device_open, in its thread, when it begins to wait for
	 * a peer (a back end that is to connect): `text` says what for, and is
	 * valid during the call, which makes no call of the library. NULL: none. */
	void (*notice)(void *context, const char *text);
	void *notice_context;
	uint32_t iommu; /* vionet_iommu; for PCI functions only */
	/*
	 * How long the server behind a socket may keep calls waiting for its replies: default
	 * 2000, at most 600000. vfio-user: all calls in a row taken together. vhost-user: for
	 * one reply, and twice that in a row. From here it looks the same whether it holds a
	 * reply back, or gets no processor: give it more where it shares busy ones with
	 * others, or runs in a debugger.
	 */
	uint32_t reply_timeout_ms;
	/*
	 * VF token, "83d7e1bf-6c4a-4b5f-9d0e-2f6a5c1b8e34", or NULL: a secret between those
	 * who drive an SR-IOV function from user space and those who drive its virtual
	 * ones, all bound to vfio-pci. What a physical function is opened with holds for its
	 * virtual ones from then on, until it is unbound; while one of them is open it is
	 * wanted for the physical one too. By groups on each kernel that has such
	 * functions, by character devices since Linux 6.17. Valid during the call.
	 */
	const char *vf_token;
};

/*
 * Open a device and negotiate features with it.
 *
 * `name`: "0000:00:04.0", "00:04.0" or "pci:0000:00:04.0": a PCI function that
 *   is bound to vfio-pci; "vfio-user:PATH": the one that a vfio-user server offers
 *   at a UNIX socket; "vhost-user:PATH[,server][,wait=SECONDS][,read-only]": a
 *   vhost-user back end at a socket; with `server` it is to connect to us;
 *   "vhost-vdpa:/dev/vhost-vdpa-0": a vDPA device of the kernel's vhost-vdpa.
 * `options`: may be NULL.
 *
 * On return the function has been reset, its features are negotiated
 * (FEATURES_OK), bus mastering is off and no queue exists yet.
 *
 * Returns 0; the error text says what to do:
 *   -EINVAL   not a device name, or no socket; an option is out of range, or not for this
 *             kind of device
 *   -ENODEV   no such function, socket or node, or the server went away
 *   -ENXIO    not bound to vfio-pci, or no IOMMU group; no process listens or connects
 *   -EBUSY    the group is not viable, or another process has the device (checked before
 *             a socket's other side is touched); the server does not accept a
 *             connection; another process listens where we are to
 *   -EACCES   no permission for /dev/vfio/..., the socket or the node; no VF token, or a
 *             wrong one
 *   -EPERM    the IOMMU cannot isolate interrupts
 *   -ENOTSUP  legacy-only function, missing capability, no ACCESS_PLATFORM,
 *             refused or missing feature (named), other version of vfio-user, a node
 *             that is not vhost-vdpa's, a vDPA device of another kind, an older kernel
 *   -ENOMEM   memory, or the locked-memory limit
 *   -EMFILE, -ENFILE   this process, or the machine, has no descriptor left
 *   -ETIMEDOUT  the device did not answer; -EIO  its answer is malformed; -ECANCELED
 *             `progress` wanted it
 *   -EAGAIN   its configuration would not hold still
 *   -ENOTCONN  a back end has closed the connection
 *
 * Takes at most 10 s, whatever the device does; for a vhost-user back end that is to
 * connect what "wait=SECONDS" says (10), and 6 s (2 s for a group that is busy, twice
 * 3 s for a device that resets slowly; with another reset_timeout_ms four times that
 * instead, and 2 s); some 100 ms as a rule. A server may keep us
 * waiting for 2 s in all (reply_timeout_ms) and 10 ms with each message, then its connection
 * is closed; a call on such a device takes 4 s (twice reply_timeout_ms) and these milliseconds
 * longer at most than the limit that is stated for it here and below (opening one, 10 s and
 * these).
 * Source: "Device Initialization", "PCI Device Initialization".
 */
int vionet_device_open(const char *name,
		       const struct vionet_open_options *options,
		       struct vionet_device **device);

/* Which fields of vionet_device_fds hold a descriptor, as bits. */
enum vionet_device_fd {
	VIONET_FD_DEVICE = 1 << 0,
	VIONET_FD_IOMMUFD = 1 << 1,
	VIONET_FD_GROUP = 1 << 2,
	VIONET_FD_CONTAINER = 1 << 3,
};

/*
 * Descriptors that another program has opened, for one that may open nothing itself. Two of them:
 *
 *   device, iommufd     /dev/vfio/devices/vfioN, bound to no iommufd yet, and /dev/iommu
 *   group, container    /dev/vfio/GROUP, in no container yet, and /dev/vfio/vfio
 *   device, container   what VFIO_GROUP_GET_DEVICE_FD gave, and the container of its group, whose
 *                       type1v2 IOMMU is set
 *
 * They stay the caller's, who closes them; the library works on duplicates of its own. But
 * the kernel resets the function, and lets another process have it, only when all
 * descriptors of it are closed: close the device's and the group's once the call returned.
 */
struct vionet_device_fds {
	uint32_t struct_size; /* vionet/struct.h */
	uint32_t given;	      /* vionet_device_fd */
	int32_t device;
	int32_t iommufd;
	int32_t group;
	int32_t container;
};

/*
 * As vionet_device_open, with descriptors that are open already. Nothing is opened by a
 * name, neither in /dev nor in sysfs: an empty root directory is enough, and no privilege
 * is needed.
 *
 * `name`: the function's PCI address, "0000:00:04.0": for texts, and the one that a group
 *   is asked for.
 *
 * The address space is the device's alone: a second function of the same group cannot be
 * opened so. After vionet_device_close the group, the iommufd and the container can be given
 * again; a character device cannot, since it stays bound until it is closed. A device whose
 * descriptor the caller keeps open may go on after vionet_device_close, but reaches no
 * memory.
 *
 * Returns 0; -EINVAL also where a descriptor is not open or not what it is to be (the text
 * says which, and what it is instead), or they do not belong together; -EBUSY also where the
 * device is bound already, or the group in a container; and as vionet_device_open.
 * Source: Documentation/driver-api/vfio.rst.
 */
int vionet_device_open_fds(const char *name, const struct vionet_device_fds *fds,
			   const struct vionet_open_options *options,
			   struct vionet_device **device);

/*
 * Stop if necessary, leave the device reset, and release everything, also pools,
 * packets and registered memory of it that are still around. Memory that the
 * device might still write to is released only after the kernel has taken the
 * device away from us, or the connection to its server is closed. At most 3 s, and
 * what the kernel takes for its own reset.
 * NULL is allowed.
 *
 * Returns 0, or the error that made an orderly close impossible (-ETIMEDOUT:
 * the device did not acknowledge the reset; -ENODEV: it is gone). The device is
 * closed in every case. Packets that the application still has are gone too.
 */
int vionet_device_close(struct vionet_device *device);

/* Options of vionet_device_start, as bits. */
enum vionet_start_flags {
	/*
	 * Attach no interrupt at all: for applications that only poll. Queues
	 * have no descriptor then, and link changes are found by looking.
	 */
	VIONET_START_NO_INTERRUPTS = 1 << 0,
	/*
	 * Make no transmit pools: for applications that only receive, or send only
	 * packets of pools that they have (received ones, for example). The pool
	 * of a transmit queue is empty then, and no memory is locked for it.
	 */
	VIONET_START_NO_TX_POOL = 1 << 1,
};

/* How to start. Zero means the default everywhere. */
struct vionet_start_options {
	uint32_t struct_size; /* vionet/struct.h */
	unsigned int flags;	/* vionet_start_flags */
	uint32_t rx_queue_size; /* entries, 2 to 32768; default 256; a power of */
	uint32_t tx_queue_size; /* two unless RING_PACKED was negotiated; cut to
				 * what the device allows */
	struct vionet_pool *rx_pool;	   /* default: one made by the library,*/
	struct vionet_pool *tx_pool;	   /* of these options: */
	/*
	 * Defaults: VIONET_DEVICE_WRITES to receive, VIONET_DEVICE_READS to transmit.
	 * Buffers have room for 1984 bytes at any MTU: a longer frame arrives in
	 * several segments (linked by `next`), and is sent so, or from a pool
	 * with a larger buffer_size. Without MRG_RXBUF a receive buffer holds the
	 * longest frame: the MTU's, or 65589 bytes with GUEST_TSO4 and its like.
	 * `count`: 4 x queue size, or as many as 4 MiB hold to receive and 2.5 MiB to
	 * transmit, shared by the pairs; but enough to keep the queues full (16 of the
	 * larger ones). Four pairs at an MTU of 1500 so stay below 8 MiB.
	 */
	const struct vionet_pool_options *rx_pool_options; /* NULL: all defaults */
	const struct vionet_pool_options *tx_pool_options;
	/*
	 * Pairs of a receive and a transmit queue; default 1, at most what the
	 * device has (queue_pairs of vionet_steering_limits) and 128. All of them
	 * are in use when start returns. More than one need MQ or RSS.
	 */
	uint32_t queue_pairs;
	/* Most interrupt vectors to attach; default one for each queue and one for
	 * configuration changes. With fewer, queues share them: they wake up for
	 * each other's interrupts. */
	uint32_t vectors;
	/* Pools of the pairs, for more than one: arrays of `queue_pairs`, instead of
	 * rx_pool and tx_pool. A pool is one thread's: a pair's two queues may have
	 * the same, pairs of different threads not. */
	struct vionet_pool *const *rx_pools;
	struct vionet_pool *const *tx_pools;
};

/*
 * Set the queues up and let the device go (DRIVER_OK). Receive buffers are
 * posted before it returns, and the device gets again what it had agreed to before
 * (vionet/control.h). A device that was stopped is negotiated with again;
 * it is refused if it no longer takes the same features.
 *
 * `options` may be NULL. Returns 0; -EALREADY if it runs; -EINVAL (an option is
 * out of range); -ENOMEM; -ENOSPC (no IOVAs or mappings left); -ENOTSUP (other
 * features than at open, or fewer queue pairs); -EREMOTEIO (it refuses a saved
 * command); -EIO / -EAGAIN / -ETIMEDOUT / -ENODEV as for open. On failure the device is
 * reset and can be started again. At most 4 s; 6 s and a control command's deadline
 * where there are saved commands.
 */
int vionet_device_start(struct vionet_device *device,
			const struct vionet_start_options *options);

/*
 * Stop: reset the device and take all buffers back. Packets that the device had
 * are freed (a transmitted one may or may not have been sent). Queues and their
 * statistics are gone afterwards, and so are pools that the library made, with
 * all their packets, also those that the application has: free them before. Pools
 * given in the start options remain. The threads of the queues must have left the
 * library before. At most 3 s.
 *
 * Returns 0, also if it was not running; -ETIMEDOUT if the device did not
 * acknowledge the reset, -ENODEV if it is gone, -EIO if it could not be kept from
 * memory: then all that it had is kept, packets of the application's pools too, until
 * a reset succeeds (with the next start) or the device is closed; see `quarantined` of
 * vionet_device_info. Such pools and memory cannot be released before: -EBUSY.
 */
int vionet_device_stop(struct vionet_device *device);

/*
 * Go on with another back end where the first went away (vhost-user), without a
 * stop: packets that it had are worked on by the next one.
 *
 * VIONET_EVENT_NEEDS_RESET says when. Waits up to `timeout_ms` for a back end that
 * listens, or connects; it must offer the features that were negotiated. Queues,
 * pools, descriptors and counters stay as they are. Each packet is completed once, in
 * whatever order the first back end worked; one that it had begun and not completed is
 * worked on twice, unless both keep a record of what is in flight (INFLIGHT_SHMFD).
 *
 * Control thread, while no other is inside a call on the device's queues. Returns 0;
 * -ENOTSUP (not this kind of device; RING_PACKED was negotiated, and such rings cannot
 * be handed on; or the next back end offers less: stop and start); -ENETDOWN (not
 * started); -EINVAL (its MTU is longer than receive buffers that are not merged);
 * -ENODEV, -ENXIO (no back end there), -ETIMEDOUT;
 * -ENOTCONN, -EIO (it is gone again, or its answer is malformed). After a failure the
 * device waits to be reconnected or stopped. Source: "Inflight I/O tracking" of
 * the vhost-user protocol.
 */
int vionet_device_reconnect(struct vionet_device *device,
			    unsigned int timeout_ms);

/* Receive queue `pair` (from 0) of a started device, else NULL. */
struct vionet_queue *vionet_device_rx_queue(struct vionet_device *device,
					    unsigned int pair);

/* Transmit queue `pair` (from 0) of a started device, else NULL. */
struct vionet_queue *vionet_device_tx_queue(struct vionet_device *device,
					    unsigned int pair);

/* What the device says of its link. */
struct vionet_link {
	uint32_t struct_size; /* vionet/struct.h */
	bool up;	    /* true if the device has no link status */
	bool known;	    /* STATUS was negotiated */
	uint32_t speed;	    /* Mbit/s; 0: unknown */
	int duplex;	    /* 1 full, 0 half, -1 unknown */
};

/*
 * Read link state, speed and duplex from the device now. Returns 0; -ENODEV;
 * -EAGAIN if the configuration would not hold still (the last good values are
 * given). Source: "Device configuration layout" (network device).
 */
int vionet_device_link(struct vionet_device *device, struct vionet_link *link);

/* What can happen to a device, as bits. */
enum vionet_events {
	VIONET_EVENT_LINK = 1 << 0,	/* link state may have changed */
	VIONET_EVENT_NEEDS_RESET = 1 << 1, /* the device needs it: recover it; or
			* its back end went away: vionet_device_reconnect */
	VIONET_EVENT_REMOVAL = 1 << 2,	/* it is being unplugged: stop and
					 * close within a second */
	VIONET_EVENT_ERROR = 1 << 3,	/* uncorrectable PCI error */
	VIONET_EVENT_QUEUE_BROKEN = 1 << 4, /* see vionet_queue_check, and
					     * vionet_control_check */
	VIONET_EVENT_GONE = 1 << 5,	/* registers read all-ones, or its server
					 * went away: it is gone */
	VIONET_EVENT_ANNOUNCE = 1 << 6, /* announce to the network where this address is
					 * now: vionet_announcement_write. Once a
					 * second at most */
};

/*
 * A descriptor that is readable while an event waits to be collected: for poll, select
 * and epoll, level- or edge-triggered; it must not be read, written or closed. It is an
 * epoll descriptor over the configuration, removal and error interrupts and over the
 * socket of a server (which may want something from us), so it stays readable until
 * vionet_device_events has drained all of them. With edge triggering call
 * vionet_device_events once after adding it, and after each wake-up.
 *
 * Owned by the library, the same from open to close. Returns it, never negative. Any
 * thread.
 */
int vionet_device_event_fd(const struct vionet_device *device);

/*
 * Collect what has happened since the last call, as vionet_events bits; never waits for
 * something to happen, or for the rest of a message that the other side has begun. Reads
 * the device's status too, so calling it once a second finds what no interrupt
 * announced; behind a socket that is a question, whose answer is waited for: 2 s in all,
 * then the connection is closed. Control thread.
 *
 * Returns 0, with `*events` 0 if nothing happened. Otherwise -ETIMEDOUT: the device is
 * there and does not answer (a server that hangs); -EIO: a register cannot be read.
 * Stop and close, as when it is gone.
 */
int vionet_device_events(struct vionet_device *device, uint32_t *events);

/* Registers that are read back after they were written, as bits. Source: "Common
 * configuration structure layout", device status. */
enum vionet_registers {
	VIONET_REGISTER_QUEUE_SELECT = 1 << 0,
	VIONET_REGISTER_QUEUE_SIZE = 1 << 1,
	VIONET_REGISTER_QUEUE_ENABLE = 1 << 2,
	VIONET_REGISTER_QUEUE_DESC = 1 << 3,
	VIONET_REGISTER_QUEUE_DRIVER = 1 << 4,
	VIONET_REGISTER_QUEUE_DEVICE = 1 << 5,
	VIONET_REGISTER_STATUS = 1 << 6, /* ACKNOWLEDGE or DRIVER missing in it */
	VIONET_REGISTER_QUEUE_VECTOR = 1 << 7,
	VIONET_REGISTER_CONFIG_VECTOR = 1 << 8,
};

/* A device as it stands. */
struct vionet_device_info {
	uint32_t struct_size; /* vionet/struct.h */
	char name[VIONET_NAME_MAX]; /* as it was opened, or moved to; see vionet_text_clean */
	char transport[32]; /* "virtio-pci" */
	struct vionet_features offered;
	struct vionet_features negotiated;
	uint8_t status;	      /* device status register */
	bool started;
	bool broken;	      /* did not acknowledge a reset */
	uint8_t mac[6];
	bool mac_from_device; /* else a random locally administered one */
	uint16_t mtu;	      /* 0: not stated */
	bool link_up;	      /* as in vionet_link, as last read */
	bool link_known;
	uint32_t link_speed;
	int link_duplex;
	uint16_t max_queue_pairs; /* as the device states, 1 if it does not */
	uint16_t queue_pairs;	  /* in use, or 1 when not started */
	uint16_t queues;	  /* that the device has, control queue included */
	uint16_t vectors;	  /* MSI-X vectors of the function */
	uint16_t header_size;	  /* of virtio_net_hdr as negotiated */
	uint64_t page_size;	  /* smallest IOMMU page, bytes */
	uint64_t page_sizes;	  /* bitmap: bit n means 2^n bytes */
	uint64_t mapped_bytes;	  /* mapped for the device now */
	uint32_t mappings;	  /* number of mappings now */
	uint32_t mappings_left;	  /* that the kernel, or server, still allows;
				   * UINT32_MAX: no limit is stated */
	uint32_t unshown;	  /* registers that read back as 0 after something else
				   * was written, as vionet_registers bits: what they
				   * hold is not known */
	uint64_t unshown_count;	  /* how often that happened */
	/* A device that did not acknowledge its reset, or the reset of one queue,
	 * may still use what its queues had: that is kept, whole, until it is known
	 * to be quiesced (a reset that succeeds, with start or recover; close). */
	uint32_t quarantined;	  /* regions of ours: rings, commands, pools */
	uint32_t quarantined_packets; /* of pools of ours and of the application's,
				   * to which they return then */
	uint32_t queue_groups;	      /* of a vDPA device; else 0 */
	uint32_t address_spaces;      /* that its groups can be in; else 0 */
};

/* Fill `info`. Returns 0, or -ENODEV if the device is gone. */
int vionet_device_info(struct vionet_device *device,
		       struct vionet_device_info *info);

/* How a queue's doorbell is rung. */
enum vionet_doorbell {
	VIONET_DOORBELL_NONE,	 /* there is no such queue */
	VIONET_DOORBELL_MAPPED,	 /* a store to a mapped register */
	VIONET_DOORBELL_EVENTFD, /* a write to an eventfd: a system call */
	VIONET_DOORBELL_CALL,	 /* a write to the region, or a message to the server */
};

/* One queue of a device, whether in use or not. */
struct vionet_queue_info {
	uint32_t struct_size; /* vionet/struct.h */
	char role[24];	       /* "rx 0", "tx 0", "control", or what it
				* would need */
	uint16_t index;	       /* virtqueue index */
	uint16_t size_max;     /* what the device allows; 0: no such queue */
	uint16_t size;	       /* in use, else 0 */
	uint16_t segments_max; /* transmit queue in use: most segments of a packet,
				* one less with an external frame in front */
	int vector;	       /* MSI-X vector, -1 none */
	enum vionet_doorbell doorbell; /* how it is rung, or would be */
	uint8_t doorbell_bits; /* width of what is written: 16 or 32; 0: none */
	uint64_t descriptor_area; /* IOVAs; 0 when not in use */
	uint64_t driver_area;
	uint64_t device_area;
};

/*
 * Describe virtqueue `index`. Returns 0; -ENOENT past the device's last queue.
 */
int vionet_device_queue_info(struct vionet_device *device, unsigned int index,
			     struct vionet_queue_info *info);

/* A virtio capability of the PCI function. Source: "Virtio Structure PCI
 * Capabilities". */
struct vionet_pci_capability {
	uint8_t position; /* in configuration space */
	uint8_t type;	  /* cfg_type */
	uint8_t length;	  /* cap_len */
	uint8_t bar;
	uint8_t id;
	bool used;	  /* the driver uses this one */
	uint32_t offset;  /* in the BAR */
	uint32_t size;
	uint32_t notify_multiplier; /* notify only */
};

/* A region of the function: BAR 0 to 5, ROM, configuration space, VGA. */
struct vionet_pci_region {
	uint64_t size; /* 0: not there */
	uint32_t index;
	bool readable, writable, mappable;
	bool io; /* I/O space BAR */
};

/* Inclusive range of IOVAs that the IOMMU accepts. */
struct vionet_iova_range {
	uint64_t first;
	uint64_t last;
};

/* What is special to a PCI function. */
struct vionet_pci_details {
	uint32_t struct_size; /* vionet/struct.h */
	int iommu_group; /* -1: none */
	char iommu[16];	 /* "type1v2", "iommufd", "no-IOMMU", "no-IOMMU cdev"; "vfio-user" */
	bool reset_supported;
	bool removal_events, error_events; /* interrupts that are wired */
	uint8_t reserved;
	uint32_t capability_count; /* how many there are of each */
	uint32_t region_count;
	uint32_t iova_range_count;
};

/* Fill `details`. Returns 0, or -ENOTSUP if the device is no PCI function. */
int vionet_device_pci_details(struct vionet_device *device,
			      struct vionet_pci_details *details);

/* More than a function can have: capacities that are always enough. */
#define VIONET_PCI_CAPABILITIES_MAX 48
#define VIONET_PCI_REGIONS_MAX 9
#define VIONET_IOVA_RANGES_MAX 64

/*
 * Its virtio capabilities, its regions, and the IOVAs that its IOMMU accepts, in order.
 *
 * The array: room for `capacity` elements that lie `stride` bytes apart, sizeof of one.
 *   NULL with a capacity of 0.
 * `count`: set to how many were filled in. If there are more than `capacity`, the rest is
 *   left out; vionet_pci_details says how many there are.
 *
 * Return 0; -EINVAL (stride); else as vionet_device_pci_details. Control thread.
 */
int vionet_device_pci_capabilities(struct vionet_device *device,
				   struct vionet_pci_capability *capabilities,
				   size_t stride, uint32_t capacity,
				   uint32_t *count);
int vionet_device_pci_regions(struct vionet_device *device,
			      struct vionet_pci_region *regions, size_t stride,
			      uint32_t capacity, uint32_t *count);
int vionet_device_pci_iova_ranges(struct vionet_device *device,
				  struct vionet_iova_range *ranges, size_t stride,
				  uint32_t capacity, uint32_t *count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
