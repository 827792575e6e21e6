/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The eventfds that a vfio-user server wants signalled instead of writes. Never takes
 * anything else for an eventfd: a write to it could do something, or block.
 *
 * Source: "VFIO_USER_DEVICE_GET_REGION_IO_FDS" of the vfio-user specification.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/received.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/region.h"

#define ANSWER_MAX 8192
#define STRIDE_MIN (sizeof(struct vfu_sub_region) + sizeof(uint64_t))

struct vn_vfu_doorbell {
	struct vfu_sub_region place;
	uint64_t datamatch;
	int fd; /* -1: not one that we can use */
};

struct fds_reply {
	struct vfu_io_fds head;
	uint8_t rest[ANSWER_MAX - sizeof(struct vfu_io_fds)];
	int fds[VN_VU_FDS_MAX];
	unsigned int fd_count;
};

/* One that is no eventfd is a lie; one that blocks, or that cannot be looked at (no
 * /proc), is one to do without. */
static int vfu_check_doorbell(struct vn_vfu_socket *s, int fd, bool *usable)
{
	char path[64], kind[64];
	ssize_t length;
	int flags = fcntl(fd, F_GETFL);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, kind, sizeof(kind) - 1);
	*usable = length >= 0 && flags >= 0 && (flags & O_NONBLOCK) != 0;
	if (length < 0)
		return 0;
	kind[length] = '\0';
	if (strcmp(kind, "anon_inode:[eventfd]") != 0)
		return vn_vfu_protocol_error(s,
					     "what it passes for an eventfd is none");
	return 0;
}

static int vfu_take_doorbell(struct vn_vfu_socket *s, const struct vn_region *region,
			     const struct fds_reply *reply, const uint8_t *entry,
			     size_t stride, struct vn_vfu_doorbell *doorbell)
{
	bool usable = false;
	int result;

	memcpy(&doorbell->place, entry, sizeof(doorbell->place));
	memcpy(&doorbell->datamatch,
	       entry + (stride < STRIDE_MIN + 8 ? STRIDE_MIN : STRIDE_MIN + 8) -
		       sizeof(doorbell->datamatch), sizeof(doorbell->datamatch));
	doorbell->fd = -1;
	if (!vn_region_within(doorbell->place.offset, doorbell->place.size, 0,
			      region->size) ||
	    doorbell->place.fd_index >= reply->fd_count)
		return vn_vfu_protocol_error(
			s, "an eventfd is for a place outside its region, "
			   "or does not come along");
	if (doorbell->place.type != VU_IO_FD_IOEVENTFD ||
	    (doorbell->place.flags & VU_IO_FD_PIO) != 0)
		return 0;
	result = vfu_check_doorbell(s, reply->fds[doorbell->place.fd_index], &usable);
	if (result != 0 || !usable)
		return result;
	/* Places may share one; then each has a copy of its own. */
	doorbell->fd = fcntl(reply->fds[doorbell->place.fd_index],
			     F_DUPFD_CLOEXEC, 0);
	return 0;
}

static int vfu_take_doorbells(struct vn_vfu_socket *s, const struct vn_region *region,
			      struct vn_vfu_region *behind, const struct fds_reply *reply,
			      size_t size)
{
	uint32_t count = reply->head.count;
	size_t stride;
	int result = 0;

	/* None, or more than is of use. */
	if (count == 0 || reply->head.argsz > size)
		return 0;
	if (reply->head.argsz < sizeof(reply->head) ||
	    (reply->head.argsz - sizeof(reply->head)) / count < STRIDE_MIN)
		return vn_vfu_protocol_error(s,
					     "a list of %" PRIu32
					     " eventfds is cut short",
					     count);
	/* So `count` of them are inside what has come. */
	stride = (reply->head.argsz - sizeof(reply->head)) / count;
	behind->doorbell = calloc(count, sizeof(*behind->doorbell));
	if (behind->doorbell == NULL)
		return vn_error(ENOMEM, "%s: out of memory", s->name);
	while (behind->doorbell_count < count && result == 0) {
		result = vfu_take_doorbell(s, region, reply,
					   reply->rest +
						   behind->doorbell_count * stride,
					   stride,
					   &behind->doorbell[behind->doorbell_count]);
		behind->doorbell_count++;
	}
	return result;
}

/* Once for each region; a server that has none answers with an error. */
static int vfu_request_doorbells(struct vn_vfu_socket *s,
				 const struct vn_region *region,
				 struct vn_vfu_region *behind, unsigned int index)
{
	struct vfu_io_fds question = { .argsz = ANSWER_MAX, .index = index };
	struct fds_reply reply;
	struct vn_vfu_message message = {
		.command = VU_DEVICE_GET_REGION_IO_FDS,
		.what = "request eventfds",
		.request = { { &question, sizeof(question) } },
		.reply = { { &reply.head, sizeof(reply.head) },
			   { reply.rest, sizeof(reply.rest) } },
		.reply_fds = reply.fds,
		.reply_fds_room = VN_VU_FDS_MAX,
	};
	int result = vn_vfu_call(s, &message);

	if (message.refused != 0)
		result = 0;
	else if (result == 0 && reply.head.index != index)
		result = vn_vfu_protocol_error(
			s, "it names the eventfds of another region");
	reply.fd_count = message.reply_fd_count;
	if (result == 0 && message.refused == 0)
		result = vfu_take_doorbells(s, region, behind, &reply,
					    message.reply_size);
	for (unsigned int i = 0; i < reply.fd_count; i++)
		vn_received_close(reply.fds[i]);
	behind->requested = result == 0;
	return result;
}

static bool vfu_stands_for(const struct vn_vfu_doorbell *doorbell, uint64_t offset,
			   unsigned int size, uint64_t value)
{
	const struct vfu_sub_region *place = &doorbell->place;

	return doorbell->fd >= 0 && place->offset == offset &&
	       (place->size == 0 || place->size >= size) &&
	       ((place->flags & VU_IO_FD_DATAMATCH) == 0 ||
		doorbell->datamatch == value);
}

int vn_vfu_region_eventfd(struct vn_vfu_socket *s, struct vn_vfu_region *behind,
			  const struct vn_region *region, unsigned int index,
			  uint64_t offset, unsigned int size, uint64_t value, int *fd)
{
	int result = 0;

	*fd = -1;
	if (!behind->requested)
		result = vfu_request_doorbells(s, region, behind, index);
	if (result != 0)
		return result;
	for (size_t i = 0; i < behind->doorbell_count; i++)
		if (vfu_stands_for(&behind->doorbell[i], offset, size, value)) {
			*fd = behind->doorbell[i].fd;
			return 0;
		}
	return vn_error(ENOTSUP, "%s: %s: no eventfd stands for %#" PRIx64, s->name,
			vn_region_name(index), offset);
}

void vn_vfu_regions_release(struct vn_vfu_region *behind)
{
	for (unsigned int i = 0; i < VN_REGION_COUNT; i++) {
		for (size_t j = 0; j < behind[i].doorbell_count; j++)
			if (behind[i].doorbell[j].fd >= 0)
				close(behind[i].doorbell[j].fd);
		free(behind[i].doorbell);
		if (behind[i].fd >= 0)
			close(behind[i].fd);
	}
}
