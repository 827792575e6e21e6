/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection to a vfio-user server: messages in and out, their ids, descriptors and
 * deadlines. Never knows what a message means, allocates by a size that the peer names,
 * or waits without a limit.
 *
 * A kick may come from a queue's thread while the control thread talks: vn_vfu_call is
 * for any thread, one at a time gets through. What the server requests meanwhile
 * (access to our memory) is served by the thread that waits for a reply.
 *
 * After a protocol error, or a reply that does not come in time, the socket is
 * shut down, and every later call says -ENODEV.
 *
 * Source: "Header", "Message sizes" of the vfio-user specification.
 */
#ifndef VN_PCI_VFIO_USER_SOCKET_H
#define VN_PCI_VFIO_USER_SOCKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/lock.h"
#include "pci/vfio_user/spec.h"

/*
 * How long a peer may keep us waiting, all calls taken together: what was waited for is
 * given back at a quarter of the time that passes in between, and the first 10 ms of
 * each call are free, since they may as well be this machine's: a server that shares
 * busy processors with us is not at fault. So a call takes 2 s at most, and a hundred in
 * a row 3 s, unless the caller gives the peer longer: the limits of vionet_device_open,
 * _start, _stop and _close depend on it.
 */
#define VN_VU_REPLY_TIMEOUT (2000 * VN_MS)
#define VN_VU_FREE (10 * VN_MS)
#define VN_VU_REFILL 4

/* Descriptors that are taken with one message. */
#define VN_VU_FDS_MAX 64u

/* Data of one DMA_READ or DMA_WRITE, and of one REGION_READ or REGION_WRITE: what we
 * announce. */
#define VN_VU_DATA_MAX 1048576u

/* What a server's command is answered with. */
struct vn_vfu_reply {
	uint64_t head[2];
	const void *data; /* follows the head */
	size_t data_size;
};

struct vn_vfu_socket {
	int fd;
	const char *name; /* of the function, for messages */
	struct vn_lock owner; /* no other process has the function */
	pthread_mutex_t lock; /* for the turns */
	pthread_cond_t turn;
	uint32_t tickets, serving;
	bool gone; /* this and all below: for the thread that has the turn */
	const char *closed_why; /* why we closed the connection, if we did */
	char shortage[256];   /* what was lacking here, if that was why */
	uint16_t next_id;
	uint64_t reply_timeout; /* ns: the message budget at first */
	uint64_t budget;	/* ns of waiting that are left, at `since` */
	uint64_t since;
	struct vfu_header command; /* a server's, as far as it has come: */
	size_t have;	   /* bytes of it */
	uint64_t begun;	   /* when some of it was first found; 0: never */
	uint8_t *incoming; /* its payload */

	/* Carry out a server's command. Returns 0 and the reply, or a positive
	 * errno. Called in the caller's turn; must not call back. */
	int (*serve)(void *context, uint16_t command, const void *payload,
		     size_t size, struct vn_vfu_reply *reply);
	void *context;
};

/* A command, and room for its reply. */
struct vn_vfu_message {
	uint16_t command;
	const char *what; /* for messages: "map memory" */
	struct iovec request[2];
	const int *fds; /* sent along; they stay the caller's */
	unsigned int fd_count;

	/* reply[0] must come whole; of reply[1] as much as there is. */
	struct iovec reply[2];
	size_t reply_size;
	int *reply_fds; /* close-on-exec, the caller's to close */
	unsigned int reply_fds_room; /* more is a protocol error */
	unsigned int reply_fd_count;
	int refused; /* the server's errno, if it has answered with an error */
};

/*
 * Connect to the server that listens at `path`. `socket` must be zero, but for name,
 * reply_timeout, serve and context.
 *
 * Returns 0; -EBUSY (another process has the function: checked before the server is
 * touched), and as vn_socket_connect. The text says what to do.
 */
int vn_vfu_connect(struct vn_vfu_socket *socket, const char *path);

/*
 * Send a command and wait for its reply. Any thread.
 *
 * Returns 0; -EIO with message->refused set: the server answered with an error;
 * -ENODEV (gone), -ETIMEDOUT, -EIO with message->refused 0 (protocol error): the
 * connection is closed. No descriptor is left behind on failure.
 */
int vn_vfu_call(struct vn_vfu_socket *socket, struct vn_vfu_message *message);

/* Serve what the server has requested meanwhile, without waiting for more, and not more
 * than a few dozen. Returns 0; -EAGAIN: the rest of a command is still to come, for
 * reply_timeout at most, and until then every call waits for it; -ENODEV, -EIO, -ETIMEDOUT. */
int vn_vfu_service(struct vn_vfu_socket *socket);

/*
 * Take a turn: no other thread calls meanwhile, and nothing is served. Turns come in
 * the order in which threads wait for them, and each is bound by the message budget
 * that all of them share: so is the wait for one.
 */
void vn_vfu_lock(struct vn_vfu_socket *socket);
void vn_vfu_unlock(struct vn_vfu_socket *socket);

/* Give the peer up: it sees the end of the connection. Returns -EIO; sets the text. */
int vn_vfu_protocol_error(struct vn_vfu_socket *socket, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Close; works for one that never was connected. */
void vn_vfu_disconnect(struct vn_vfu_socket *socket);

#endif
