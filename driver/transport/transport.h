/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second seam: a virtio device, whatever carries its registers. pci.c implements it over a PCI
 * function, vhost_user/ over a socket, vhost_vdpa/ over the kernel's node. A transport computes no
 * ring address: the ring hands over its three areas.
 *
 * Every operation returns 0 or a negative errno with the error text set, and
 * returns whatever the device does. -ENODEV means that the device is gone (its
 * registers read all-ones). Control thread, except `kick` and `health`.
 *
 * The core operations are those that all transports have. What one has beside is announced
 * in `can`, with a bit for each; vn_transport_check holds the table against that once, so
 * that no caller looks for NULL.
 */
#ifndef VN_DRIVER_TRANSPORT_H
#define VN_DRIVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/device.h>

#include "base/event.h"
#include "iommu/iova.h"
#include "iommu/memory.h"

struct vn_transport;

/* Part of a queue in memory: where we see it and where the device does. */
struct vn_area {
	void *address;
	uint64_t iova;
};

struct vn_ring_areas {
	struct vn_area descriptor; /* descriptor area */
	struct vn_area driver;	   /* driver area */
	struct vn_area device;	   /* device area */
};

/*
 * How to notify the device of a queue. Data, so that a kick is a store and no
 * call; where nothing can be mapped it is a write to an eventfd, and only where
 * there is none either is it `kick` of the transport.
 */
struct vn_doorbell {
	volatile void *address; /* NULL: the eventfd */
	int fd;			/* eventfd, for `sender` of the transport; -1: `kick` */
	uint32_t value;		/* what to write, in host byte order. With a width of
				 * 4 the upper half is the position in the ring,
				 * which the queue fills in */
	uint8_t width;		/* bytes: 2, or 4 with NOTIFICATION_DATA */
	uint64_t offset;	/* for `kick` */
};

/* A field of the device's configuration, to be read at its own width. */
struct vn_config_field {
	uint32_t offset;
	uint32_t width; /* bytes: 1, 2, 4; any other: that many single bytes */
	void *value;	/* host byte order */
};

/* What a transport may have beside the core. */
enum vn_transport_can {
	VN_CAN_HEALTH = 1u << 0,	 /* health */
	VN_CAN_PAIRS = 1u << 1,		 /* pairs_use */
	VN_CAN_QUEUE_RESET = 1u << 2,	 /* queue_reset */
	VN_CAN_QUEUE_DOORBELL = 1u << 3, /* queue_doorbell */
	VN_CAN_KICK = 1u << 4,		 /* kick */
	VN_CAN_DMA = 1u << 5,		 /* dma */
	VN_CAN_RESET = 1u << 6,		 /* reset */
	VN_CAN_MEMORY_CHECK = 1u << 7,	 /* memory_check */
	VN_CAN_RECONNECT = 1u << 8,	 /* reconnect and resume */
	VN_CAN_PCI_DETAILS = 1u << 9,	 /* pci_details */
	VN_CAN_READ_BACK = 1u << 10,	 /* read_back */
	VN_CAN_MIGRATE = 1u << 11,	 /* migration */
};

/*
 * Facts of a transport. They hold until features are written, or the device is connected
 * with anew: some devices have more queues once MQ was accepted.
 */
struct vn_transport_limits {
	struct vn_iommu_limits memory;
	uint64_t config_size;	/* bytes of device configuration */
	uint16_t queue_count;	/* that the device says it has */
	unsigned int vector_max; /* that could be attached */
	uint32_t region_max;	/* memory regions that can be added; 0: as many as
				 * `memory` says */
	uint16_t pairs_enabled; /* queue pairs that may be used by enabling their queues,
				 * without MQ and its command; 0: as MQ says */
	uint32_t groups, spaces; /* of queues; of addresses. 0: there is no such thing */
	bool confined;		/* the device reaches only what memory_add was given,
				 * though it does not offer ACCESS_PLATFORM */
};

/* Registers that do not read back as what was written to them; the device's, which the
 * transport checks by and records in. */
struct vn_read_back {
	bool strict;		/* what reads back as 0 is refused too */
	uint32_t unshown;	/* registers that read back as 0 (vionet_registers) */
	uint64_t unshown_count; /* how often */
};

/* What is special to a PCI function. */
struct vn_pci_details {
	struct vionet_pci_details shown;
	struct vionet_pci_capability capability[VIONET_PCI_CAPABILITIES_MAX];
	struct vionet_pci_region region[VIONET_PCI_REGIONS_MAX];
	struct vionet_iova_range iova_range[VIONET_IOVA_RANGES_MAX];
};

/* States of a device that moves; those of VFIO's enum vfio_device_mig_state. */
enum vn_device_state {
	VN_DEVICE_STOP = 1,
	VN_DEVICE_RUNNING = 2,
	VN_DEVICE_STOP_COPY = 3,
	VN_DEVICE_RESUMING = 4,
};

/*
 * Moving to another server: two transports, one of which runs. -EREMOTEIO: the other side has
 * refused, and is as it was; any other failure has ended the connection.
 */
struct vn_transport_migration {
	/* Can the other side do it? 0, or -ENOTSUP. */
	int (*supported)(struct vn_transport *transport);
	/* Is this a name of what such a device can move to? 0, or -EINVAL. */
	int (*may_become)(const char *to);
	/* Show the target what the first one sees: memory at the same address; the interrupts,
	 * and what was negotiated. */
	int (*memory_add_at)(struct vn_transport *target, const struct vn_memory *memory,
			     enum vn_access access, uint64_t iova);
	int (*attach)(struct vn_transport *target, struct vn_transport *from);
	int (*state_set)(struct vn_transport *transport, enum vn_device_state state);
	int (*state_read)(struct vn_transport *transport, void *data, size_t room,
			  size_t *size); /* none: the end */
	int (*state_write)(struct vn_transport *transport, const void *data, size_t size);
	/* The target runs: the descriptors that the application waits for are its own now, and
	 * `from` is to be closed. */
	int (*adopt)(struct vn_transport *target, struct vn_transport *from);
};

struct vn_transport_ops {
	/* ---- the core ---- */

	/* The 128 feature bits: what is offered, and what we accept. */
	int (*features_read)(struct vn_transport *transport,
			     struct vionet_features *offered);
	int (*features_write)(struct vn_transport *transport,
			      const struct vionet_features *accepted);

	/* Device status register. Writing 0 requests a reset. */
	int (*status_read)(struct vn_transport *transport, uint8_t *status);
	int (*status_write)(struct vn_transport *transport, uint8_t status);

	/* Read fields as one snapshot, checked with the generation counter. -EAGAIN
	 * if it does not hold still for 8 tries. */
	int (*config_read)(struct vn_transport *transport,
			   const struct vn_config_field *fields,
			   unsigned int count);

	/* Largest size the device allows for a queue; 0: no such queue. */
	int (*queue_max)(struct vn_transport *transport, unsigned int index,
			 uint16_t *size);

	/* Configure a queue, all but enabling it: size, vector (-1: none;
	 * `*vector` becomes -1 if the device has no room for it), areas. Everything
	 * that can be is read back: another value is refused. */
	int (*queue_setup)(struct vn_transport *transport, unsigned int index,
			   uint16_t size, int *vector,
			   const struct vn_ring_areas *areas,
			   struct vn_doorbell *doorbell);
	int (*queue_enable)(struct vn_transport *transport, unsigned int index);

	/* Attach up to `wanted` interrupt vectors, the first for configuration
	 * changes; `*count` is what there is. 0 detaches all. */
	int (*vectors)(struct vn_transport *transport, unsigned int wanted,
		       unsigned int *count);

	/* Make memory visible to the device; hide it (quiesced devices only). */
	int (*memory_add)(struct vn_transport *transport,
			  const struct vn_memory *memory, enum vn_access access,
			  uint64_t *iova);
	int (*memory_remove)(struct vn_transport *transport, uint64_t iova);

	/* Asks the device nothing. */
	int (*limits)(struct vn_transport *transport,
		      struct vn_transport_limits *limits);

	/* What happened since the last call: VIONET_EVENT_REMOVAL, _ERROR, and
	 * _LINK for any configuration change, or each time if changes are not
	 * announced. Never blocks; -EAGAIN: the other side is in the middle of a
	 * message, and cannot get a request before it is whole. */
	int (*events)(struct vn_transport *transport, uint32_t *events);

	/* Take the device away from us, which makes it quiesced; frees `transport`. */
	int (*close)(struct vn_transport *transport);

	/* ---- what some have beside: a bit of `can` for each ---- */

	unsigned int can; /* vn_transport_can */

	/* What the status says. Where that takes a request, none is sent more than
	 * once a second, if it has announced nothing: -EAGAIN, then. Any thread, between
	 * start and stop. */
	int (*health)(struct vn_transport *transport, uint8_t *status);

	/* Let the device use the queues of the first `pairs` pairs that are set up, and
	 * no others. Without, that is a command of the control queue's. */
	int (*pairs_use)(struct vn_transport *transport, unsigned int pairs);

	/* Reset one queue, and wait until that is done, for `timeout` ns at most
	 * (F_RING_RESET). -ETIMEDOUT: the device may still use the queue. */
	int (*queue_reset)(struct vn_transport *transport, unsigned int index,
			   uint64_t timeout);

	/* Where a queue would be notified, without setting it up. Without, by eventfds,
	 * all of them. */
	int (*queue_doorbell)(struct vn_transport *transport, unsigned int index,
			      struct vn_doorbell *doorbell);

	/* Notify where the doorbell is neither mapped nor an eventfd; without, there is
	 * no such doorbell. The queue's thread. */
	int (*kick)(struct vn_transport *transport,
		    const struct vn_doorbell *doorbell);

	/* Let the device access memory, or stop it. Without, it always may. */
	int (*dma)(struct vn_transport *transport, bool on);

	/* Reset by other means than the status register. -ENOTSUP: none. */
	int (*reset)(struct vn_transport *transport);

	/* May `bytes` be added altogether, by the limit of locked memory? -ENOMEM.
	 * Without, nothing is locked. */
	int (*memory_check)(struct vn_transport *transport, uint64_t bytes);

	/* A device whose other side went away: leave it for good, wait up to
	 * `wait_ms` for another, and agree with it on the same features and memory.
	 * The queues rest. */
	int (*reconnect)(struct vn_transport *transport, unsigned int wait_ms);

	/* Then let it go on with the queues as they are. `next[i]`: the position
	 * from which it is to process queue i; for a packed ring with its wrap
	 * counter in bit 15. */
	int (*resume)(struct vn_transport *transport, const uint16_t *next,
		      unsigned int count);

	/* Of a PCI function. */
	int (*pci_details)(struct vn_transport *transport,
			   struct vn_pci_details *details);

	/* Moving to another server. */
	const struct vn_transport_migration *migration;

	/* Registers can be read back: check what they show by `read_back`, from now on.
	 * Called once, before any is written. Without, what is written is believed. */
	int (*read_back)(struct vn_transport *transport,
			 struct vn_read_back *read_back);
};

/* The part that is common, names and descriptors; an implementation embeds it as its
 * first member. */
struct vn_transport {
	const struct vn_transport_ops *ops;
	const char *kind;      /* "virtio-pci" */
	const char *name;      /* of the device, in full: "0000:00:04.0" */
	int event_fd;	       /* readable when `events` has something */
	int removal_fd;	       /* readable once it is being removed; -1 */
	const int *vector_fds; /* eventfds, as many as `vectors` gave */
	struct vn_event_sender sender; /* for doorbells that are eventfds */
};

static inline bool vn_transport_can(const struct vn_transport *transport,
				    enum vn_transport_can what)
{
	return (transport->ops->can & (unsigned int)what) != 0;
}

/* Has the table all operations of the core, and those that `can` announces, and no other?
 * Returns 0 or -EINVAL with text. */
int vn_transport_check(const struct vn_transport_ops *ops);

struct vn_function;

/*
 * Make a transport over a PCI function: check its identity, find its structures,
 * map them. The function is the transport's from then on, and closed if this
 * fails. The device is as it was found (kernel VFIO has reset it).
 *
 * Returns 0, or as vn_capabilities_walk; -ENOTSUP if it is not a virtio-net
 * function; -ENOMEM, -EIO.
 */
int vn_transport_over_pci(struct vn_function *function,
			  struct vn_transport **transport);

/* How a PCI function is opened; for other devices all is 0. */
struct vn_transport_options {
	enum vionet_iommu iommu;
	const struct vionet_device_fds *fds; /* NULL: by its nodes */
	const char *vf_token;		     /* NULL: none */
	unsigned int reply_timeout_ms;	     /* of a server; 0: the default */
};

/* The same for the function at `address` ("0000:00:04.0"), opened through kernel
 * VFIO by the interface `iommu`. Errors also as vn_function_open_vfio. */
int vn_transport_open_pci(const char *address, const struct vn_transport_options *options,
			  struct vn_transport **transport);

/* The same with the descriptors in options->fds, which were checked. */
int vn_transport_open_pci_fds(const char *address, const struct vn_transport_options *options,
			      struct vn_transport **transport);

/* The same for the function that the vfio-user server at the socket `path` has. Errors
 * also as vn_function_open_vfio_user. */
int vn_transport_open_vfio_user(const char *path, const struct vn_transport_options *options,
				struct vn_transport **transport);

/*
 * A vhost-user device: `name` is "PATH[,server][,wait=SECONDS][,read-only]". No other
 * process may have it: that is checked before it is touched.
 *
 * Returns 0; -EINVAL (name), -ENODEV (no such socket, or folder; it hangs up at once),
 * -ENXIO (no process listens, or connects), -EBUSY (another process has it), -EACCES
 * (the socket), -ETIMEDOUT (it does not answer), -ENOTCONN, -ENOTSUP, -EIO, -ENOMEM,
 * -EMFILE, -ENFILE.
 */
int vn_transport_open_vhost_user(const char *name, const struct vn_transport_options *options,
				 struct vn_transport **transport);

/*
 * The vDPA device whose node `path` is ("/dev/vhost-vdpa-0"). The kernel has reset it.
 *
 * Returns 0; -ENODEV (no such node), -ENOTSUP (another kind of node or device, a kernel that is
 * too old), -EACCES, -EBUSY (another process has it), -EIO, -ENOMEM, -EMFILE, -ENFILE.
 */
int vn_transport_open_vhost_vdpa(const char *path, const struct vn_transport_options *options,
				 struct vn_transport **transport);

/*
 * Open the transport that a device's name means: "0000:00:04.0", "KIND:...".
 *
 * Returns 0; -EINVAL if there are no devices of that kind, or the name is too long;
 * errors of the transport.
 */
int vn_transport_open(const char *name, const struct vn_transport_options *options,
		      struct vn_transport **transport);

#endif
