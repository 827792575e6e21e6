/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of a function behind a vfio-user server, and the data by which it moves to another
 * one. Never takes more data than there is room for.
 *
 * Source: "VFIO_USER_DEVICE_FEATURE", "VFIO_USER_MIG_DATA_READ" and "..._WRITE" of the vfio-user
 * specification.
 */
#ifndef VN_PCI_VFIO_USER_MIGRATION_H
#define VN_PCI_VFIO_USER_MIGRATION_H

#include "pci/function.h"
#include "pci/vfio_user/version.h"

/* The operations of struct vn_function_migration. */
int vn_vfu_migration_supported(struct vn_vfu_socket *socket);
int vn_vfu_state_set(struct vn_vfu_socket *socket, enum vn_function_state state);
int vn_vfu_state_read(struct vn_vfu_socket *socket, const struct vn_vfu_limits *limits,
		      void *data, size_t room, size_t *size);
int vn_vfu_state_write(struct vn_vfu_socket *socket, const struct vn_vfu_limits *limits,
		       const void *data, size_t size);

#endif
