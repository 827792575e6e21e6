/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving one function between two drivers, and back. Whether it may is checked before. */
#ifndef VN_PCI_MOVE_H
#define VN_PCI_MOVE_H

#include <signal.h>

#include "pci/host/host.h"

#define VN_DRIVER_MAX 64

/*
 * One process at a time looks at functions of a bus and moves them: what two do at once, one of them undoes for
 * the other. Returns 0 with what vn_move_unlock takes, also where there is nothing to lock (it may not be
 * written to, and that is said later); -EBUSY.
 */
int vn_move_lock(const char *bus, int *lock);
void vn_move_unlock(int *lock);

/* A Ctrl-C or a terminal that is lost ends no process between two drivers of a function: from the first move to
 * the last one, or its undo, this thread gets no signals. */
void vn_move_hold_signals(sigset_t *before);
void vn_move_let_signals(const sigset_t *before);

/* A move: what to return to, and why it failed. */
struct vn_move {
	const char *bus; /* "pci", "vdpa" */
	const char *address;
	const char *from;	       /* driver before, "" none */
	const char *to;		       /* driver after; NULL: any but VFIO's */
	char override[VN_DRIVER_MAX];  /* driver_override before, "" none */
	char cause[VN_PATH_MAX + 128]; /* of the failure */
};

/* Carry it out. If a step fails, what was done is undone; the text says so, or how to
 * go on by hand. Returns 0, -ENODEV, -EACCES, -EIO. */
int vn_move_run(struct vn_move *move);

/* Take back a move that went well. False if the kernel does not go along. */
bool vn_move_undo(struct vn_move *move);

/* The commands that do it by hand, then. */
void vn_move_by_hand(const struct vn_move *move, char *text, size_t size);

/* The function keeps its driver, and driver_override names none. Returns 0, -EACCES, -EIO. */
int vn_move_clear_override(const char *bus, const char *address);

/* See to it that the kernel has the driver, through modprobe if need be. */
bool vn_driver_load_on(const char *bus, const char *driver);

static inline bool vn_driver_load(const char *driver)
{
	return vn_driver_load_on("pci", driver);
}

/* Wait until the group's node is there, and until udev has given it its owner and
 * label. */
void vn_node_wait(const char *address, int group);

#endif
