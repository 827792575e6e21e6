/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The back end's record of what it works on: made by the first back end, handed to each
 * one after it.
 *
 * Source: "Inflight I/O tracking".
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/received.h"
#include "driver/transport/vhost_user/internal.h"

static int vhu_check_inflight(const struct vhost_user_inflight *what, int fd)
{
	struct stat file;
	int seals;

	if (!vn_received_memory(fd, &seals))
		return vn_error(EIO, "vhost-user: the record of what is in flight is no "
				     "shared memory");
	if (fstat(fd, &file) != 0)
		return vn_error_errno(errno, "vhost-user: the record of what is in "
				      "flight");
	if (what->mmap_size == 0 || file.st_size < 0 ||
	    what->mmap_size > (uint64_t)file.st_size ||
	    what->mmap_offset > (uint64_t)file.st_size - what->mmap_size)
		return vn_error(EIO, "vhost-user: the record of what is in flight "
				"has %llu bytes from %llu on, its file %lld",
				(unsigned long long)what->mmap_size,
				(unsigned long long)what->mmap_offset,
				(long long)file.st_size);
	return 0;
}

/* Sizes are those of the largest ring: the record has one for all. */
static void vhu_measure_rings(const struct vn_vhost_user *t,
			      struct vhost_user_inflight *what)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++) {
		if (!t->queue[i].set_up)
			continue;
		what->queue_count = (uint16_t)(i + 1);
		if (what->queue_size < t->queue[i].size)
			what->queue_size = t->queue[i].size;
	}
}

static int vhu_get_inflight(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_GET_INFLIGHT_FD,
			    .size = sizeof(struct vhost_user_inflight) },
	};
	int result;

	vhu_measure_rings(t, &message.payload.inflight);
	t->inflight.what = message.payload.inflight;
	result = vn_vhost_user_request_reply(t, &message, sizeof(message.payload.inflight),
					     1);
	if (result)
		return result;
	result = vhu_check_inflight(&message.payload.inflight, message.fd[0]);
	if (result) {
		vn_vhost_user_drop_fds(&message);
		return result;
	}
	t->inflight.fd = message.fd[0];
	t->inflight.what.mmap_size = message.payload.inflight.mmap_size;
	t->inflight.what.mmap_offset = message.payload.inflight.mmap_offset;
	return 0;
}

/* Before the first ring starts, the back end gets the record of its predecessor, or
 * makes a new one and gets it back. */
int vn_vhost_user_inflight_share(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_INFLIGHT_FD,
			    .size = sizeof(struct vhost_user_inflight) },
		.fd_count = 1,
	};
	int result = 0;

	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) ||
	    vn_vhost_user_rings_run(t))
		return 0;
	if (t->inflight.fd < 0)
		result = vhu_get_inflight(t);
	if (result)
		return result;
	message.payload.inflight = t->inflight.what;
	message.fd[0] = t->inflight.fd;
	return vn_vhost_user_request(t, &message);
}

void vn_vhost_user_inflight_drop(struct vn_vhost_user *t)
{
	if (t->inflight.fd >= 0)
		close(t->inflight.fd);
	t->inflight.fd = -1;
}
