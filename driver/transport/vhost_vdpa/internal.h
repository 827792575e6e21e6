/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vhost-vdpa transport's device and the calls between its files. node.c: opening, ioctls;
 * memory.c: what the device sees, and in which of its address spaces; transport.c: all else.
 *
 * Source: linux/vhost.h, linux/vhost_types.h.
 */
#ifndef VN_DRIVER_TRANSPORT_VHOST_VDPA_H
#define VN_DRIVER_TRANSPORT_VHOST_VDPA_H

#include <linux/vhost.h>

#include "driver/transport/transport.h"
#include "driver/transport/vectors.h"
#include "iommu/iotlb.h"

/* Younger than some headers. */
#ifndef VHOST_BACKEND_F_RESUME
#define VHOST_BACKEND_F_RESUME 5
#define VHOST_VDPA_RESUME _IO(VHOST_VIRTIO, 0x7e)
#endif
#ifndef VHOST_BACKEND_F_IOTLB_PERSIST
#define VHOST_BACKEND_F_IOTLB_PERSIST 8
#endif
#ifndef VHOST_VDPA_GET_VRING_SIZE
#define VHOST_VDPA_GET_VRING_SIZE _IOWR(VHOST_VIRTIO, 0x82, struct vhost_vring_state)
#endif

struct vn_vdpa_queue {
	int kick_fd;	     /* -1: none yet */
	bool calls;	     /* the kernel has an eventfd for its interrupt */
	volatile void *page; /* its doorbell; NULL: not mapped */
};

struct vn_vdpa {
	struct vn_transport base; /* first; `event_fd` is that of the configuration */
	char full_name[VIONET_NAME_MAX];
	int fd;
	uint64_t backend; /* backend features in use */
	uint32_t config_size;
	uint16_t queue_count;
	bool announces; /* the kernel took the eventfd for configuration changes */
	bool suspended;
	uint64_t status_read_at; /* when the status was last read for `health` */
	uint64_t looked_at; /* when the configuration was last called changed */
	struct vionet_features accepted;
	struct vn_vdpa_queue *queue;
	struct vn_vectors vectors;

	struct vn_iotlb iotlb;
	struct vn_regions regions;
	uint32_t groups, spaces; /* of queues; of addresses */
	bool maps_lost;		 /* a reset has cleared what the device was shown */
};

static inline struct vn_vdpa *vn_vdpa(struct vn_transport *transport)
{
	return (struct vn_vdpa *)transport;
}

static inline bool vn_vdpa_has(const struct vn_vdpa *t, unsigned int backend_feature)
{
	return (t->backend >> backend_feature & 1) != 0;
}

/* ---- node.c ---- */

/* Open the node of a network device, and become its owner. Errors as
 * vn_transport_open_vhost_vdpa. */
int vn_vdpa_node_open(struct vn_vdpa *t, const char *path);

/* An ioctl, tried again when a signal interrupts it. vn_vdpa_try: 0 or a negative errno and no
 * text; VDPA_CALL: with text, -ENOTSUP where the kernel does not know the call. */
int vn_vdpa_try(const struct vn_vdpa *t, unsigned long request, void *argument);
int vn_vdpa_call(const struct vn_vdpa *t, unsigned long request, const char *name,
		 void *argument);
#define VDPA_CALL(t, request, argument) vn_vdpa_call(t, request, #request, argument)

/* ---- memory.c ---- */

int vn_vdpa_memory_open(struct vn_vdpa *t);
int vn_vdpa_memory_add(struct vn_transport *transport, const struct vn_memory *memory,
		       enum vn_access access, uint64_t *iova);
int vn_vdpa_memory_remove(struct vn_transport *transport, uint64_t iova);
int vn_vdpa_memory_check(struct vn_transport *transport, uint64_t bytes);

/* Before queue `index`, whose descriptor area is at `iova`, is set up: everything that it needs is
 * mapped, also what a reset took away, and its group looks into the right address space. */
int vn_vdpa_memory_for_queue(struct vn_vdpa *t, unsigned int index, uint64_t iova);

#endif
