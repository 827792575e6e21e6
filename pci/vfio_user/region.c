/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vfio-user server says of its regions, checked; access to them. Never takes a
 * size, an offset or a descriptor of the server's for what it is said to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/received.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/region.h"

#define CONFIG_SIZE 256
#define INFO_MAX 4096
#define CHAIN_MAX 64

/* ---- access ---- */

static bool vfu_echoed(const struct vfu_region_access *a,
		       const struct vfu_region_access *b)
{
	return a->offset == b->offset && a->region == b->region &&
	       a->count == b->count;
}

static int vfu_read_piece(struct vn_vfu_socket *s, struct vfu_region_access *access,
			  void *data)
{
	struct vfu_region_access reply;
	struct vn_vfu_message message = {
		.command = VU_REGION_READ,
		.what = "read a region",
		.request = { { access, sizeof(*access) } },
		.reply = { { &reply, sizeof(reply) }, { data, access->count } },
	};
	int result = vn_vfu_call(s, &message);

	if (result == 0 && (!vfu_echoed(access, &reply) ||
			    message.reply_size != sizeof(reply) + access->count))
		result = vn_vfu_protocol_error(s,
					       "%s: a read of %" PRIu32
					       " bytes at %#" PRIx64
					       " is answered with other ones",
					       vn_region_name(access->region),
					       access->count, access->offset);
	return result;
}

static int vfu_write_piece(struct vn_vfu_socket *s, struct vfu_region_access *access,
			   const void *data)
{
	struct vfu_region_access reply;
	struct vn_vfu_message message = {
		.command = VU_REGION_WRITE,
		.what = "write to a region",
		.request = { { access, sizeof(*access) },
			     { (void *)(uintptr_t)data, access->count } },
		.reply = { { &reply, sizeof(reply) } },
	};
	int result = vn_vfu_call(s, &message);

	if (result == 0 && !vfu_echoed(access, &reply))
		result = vn_vfu_protocol_error(s,
					       "%s: a write of %" PRIu32
					       " bytes at %#" PRIx64
					       " is answered with another",
					       vn_region_name(access->region),
					       access->count, access->offset);
	return result;
}

static uint32_t vfu_piece(size_t left, const struct vn_vfu_limits *limits)
{
	return left < limits->data_size ? (uint32_t)left : limits->data_size;
}

int vn_vfu_region_read(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits,
		       unsigned int region, uint64_t offset, void *data, size_t size)
{
	int result = 0;

	for (size_t done = 0; done < size && result == 0;) {
		struct vfu_region_access access = { offset + done, region,
						   vfu_piece(size - done, limits) };

		result = vfu_read_piece(s, &access, (char *)data + done);
		done += access.count;
	}
	return result;
}

int vn_vfu_region_write(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits,
			unsigned int region, uint64_t offset, const void *data,
			size_t size)
{
	int result = 0;

	for (size_t done = 0; done < size && result == 0;) {
		struct vfu_region_access access = { offset + done, region,
						   vfu_piece(size - done, limits) };

		result = vfu_write_piece(s, &access, (const char *)data + done);
		done += access.count;
	}
	return result;
}

/* ---- areas that may be mapped ---- */

/* One reply, all of it. */
struct region_reply {
	struct vfu_region_info info;
	uint8_t rest[INFO_MAX - sizeof(struct vfu_region_info)];
	size_t size;
};

/* Empty behind the end, where the caller does not look. */
static struct vfio_region_sparse_mmap_area vfu_area_at(const struct region_reply *reply,
						       size_t first, uint32_t index)
{
	struct vfio_region_sparse_mmap_area area = { 0 };
	size_t at = first + index * sizeof(area);

	if (at <= INFO_MAX - sizeof(area))
		memcpy(&area, (const char *)reply + at, sizeof(area));
	return area;
}

/* Whole pages of it (the region's own end may lie inside one). */
static void vfu_offer_area(struct vn_region *region, uint64_t offset, uint64_t size)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t first = (offset + mask) & ~mask, end = offset + size;

	if (end != region->size)
		end &= ~mask;
	if (first < end && region->sparse_count < VN_SPARSE_MAX)
		region->sparse[region->sparse_count++] =
			(struct vn_sparse){ first, end - first };
}

static int vfu_read_areas(struct vn_vfu_socket *s, const struct region_reply *reply, size_t at,
			  struct vn_region *region)
{
	struct vfio_region_info_cap_sparse_mmap head;
	struct vfio_region_sparse_mmap_area area, other;
	size_t first = at + sizeof(head);

	if (first > reply->size)
		return vn_vfu_protocol_error(s, "a list of areas is cut short");
	memcpy(&head, (const char *)reply + at, sizeof(head));
	if (head.nr_areas > (reply->size - first) / sizeof(area))
		return vn_vfu_protocol_error(s,
					     "a list of %" PRIu32 " areas is cut short",
					     head.nr_areas);
	for (uint32_t i = 0; i < head.nr_areas; i++) {
		area = vfu_area_at(reply, first, i);
		if (!vn_region_within(area.offset, area.size, 0, region->size))
			return vn_vfu_protocol_error(
				s, "an area for mapping lies outside its "
				   "region");
		for (uint32_t j = 0; j < i; j++) {
			other = vfu_area_at(reply, first, j);
			if (area.offset < other.offset + other.size &&
			    other.offset < area.offset + area.size)
				return vn_vfu_protocol_error(
					s, "areas for mapping overlap");
		}
		vfu_offer_area(region, area.offset, area.size);
	}
	return 0;
}

static int vfu_find_areas(struct vn_vfu_socket *s, const struct region_reply *reply,
			  struct vn_region *region)
{
	size_t at = reply->info.capability;
	struct vfio_info_cap_header header;

	if ((reply->info.flags & VFIO_REGION_INFO_FLAG_CAPS) == 0)
		at = 0;
	for (int step = 0; at != 0; step++) {
		if (step == CHAIN_MAX)
			return vn_vfu_protocol_error(
				s, "a chain of capabilities has no end");
		if (at < sizeof(reply->info) || at > reply->size ||
		    reply->size - at < sizeof(header))
			return vn_vfu_protocol_error(
				s, "a capability lies outside its answer");
		memcpy(&header, (const char *)reply + at, sizeof(header));
		if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return vfu_read_areas(s, reply, at, region);
		at = header.next;
	}
	vfu_offer_area(region, 0, region->size);
	return 0;
}

/* ---- files ---- */

/* Does the file hold what is said of it? Its size is the server's to change, unless it is
 * sealed: then it is the last word, for it is read after the seals. That of a file which is no
 * memory is of no interest, for it will not be mapped. */
static int vfu_check_region_file(struct vn_vfu_socket *s,
				 const struct vn_region *region,
				 const struct vn_vfu_region *behind, int seals)
{
	int mode = fcntl(behind->fd, F_GETFL);
	struct stat status;

	if (vn_received_type(behind->fd) != S_IFREG)
		return vn_vfu_protocol_error(s,
					     "what it passes for mapping is no file");
	if (mode < 0 || (mode & O_PATH) != 0 || (mode & O_ACCMODE) == O_WRONLY ||
	    (region->writable && (mode & O_ACCMODE) != O_RDWR))
		return vn_vfu_protocol_error(
			s, "the file that it passes for mapping is open for "
			   "less than its region");
	if (seals < 0)
		return 0;
	if (fstat(behind->fd, &status) != 0)
		return vn_error_errno(errno, "%s: the file of a region", s->name);
	for (unsigned int i = 0; i < region->sparse_count && i < VN_SPARSE_MAX; i++)
		if (!vn_region_within(region->sparse[i].offset,
				      region->sparse[i].size, 0,
				      (uint64_t)status.st_size - behind->start) ||
		    (uint64_t)status.st_size < behind->start)
			return vn_vfu_protocol_error(
				s, "the file that it passes for mapping is "
				   "shorter than its region");
	return 0;
}

/*
 * May the file be mapped? Only if no process can take pages from under the mapping:
 * memory of the ordinary kind (huge pages may run out), sealed against shrinking.
 * Everything else is reached by messages, which is slower and always right.
 */
static bool vfu_region_stays(const struct vn_vfu_region *behind, int seals)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	struct statfs system;

	return (behind->start & mask) == 0 && seals >= 0 &&
	       (seals & F_SEAL_SHRINK) != 0 && fstatfs(behind->fd, &system) == 0 &&
	       system.f_type == TMPFS_MAGIC;
}

static int vfu_take_region_file(struct vn_vfu_socket *s, const struct region_reply *reply,
				unsigned int index, struct vn_region *region,
				struct vn_vfu_region *behind)
{
	bool flagged = (reply->info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0;
	int result = 0, seals = -1;

	if (flagged && (reply->info.offset > INT64_MAX ||
			reply->info.size > INT64_MAX - reply->info.offset))
		return vn_vfu_protocol_error(s, "%s lies beyond the end of any file",
					     vn_region_name(index));
	if (flagged)
		result = vfu_find_areas(s, reply, region);
	if (result == 0 && flagged != (behind->fd >= 0) &&
	    (!flagged || region->sparse_count != 0))
		result = vn_vfu_protocol_error(
			s, "%s: %s", vn_region_name(index),
			flagged ? "can be mapped, but no file comes along" :
				  "cannot be mapped, but a file comes along");
	behind->start = reply->info.offset;
	/* Before the size. Seals are never taken away again. */
	if (behind->fd >= 0)
		(void)vn_received_memory(behind->fd, &seals);
	if (result == 0 && behind->fd >= 0)
		result = vfu_check_region_file(s, region, behind, seals);
	if (result == 0 && behind->fd >= 0 && index <= VN_REGION_BAR5 &&
	    !region->io && vfu_region_stays(behind, seals))
		return 0;
	region->sparse_count = 0;
	if (behind->fd >= 0)
		vn_received_close(behind->fd);
	behind->fd = -1;
	return result;
}

/* ---- regions ---- */

/* `region->io` is known already. */
static int vfu_read_region(struct vn_vfu_socket *s, unsigned int index,
			   struct vn_region *region, struct vn_vfu_region *behind)
{
	struct vfu_region_info question = { .argsz = INFO_MAX, .index = index };
	struct region_reply reply = { .size = 0 };
	struct vn_vfu_message message = {
		.command = VU_DEVICE_GET_REGION_INFO,
		.what = "find a region",
		.request = { { &question, sizeof(question) } },
		.reply = { { &reply.info, sizeof(reply.info) },
			   { reply.rest, sizeof(reply.rest) } },
		.reply_fds = &behind->fd,
		.reply_fds_room = 1,
	};
	int result = vn_vfu_call(s, &message);

	if (result != 0)
		return result;
	reply.size = message.reply_size;
	if (reply.info.index != index || reply.info.argsz > reply.size ||
	    reply.info.size > INT64_MAX)
		return vn_vfu_protocol_error(s,
					     "%s is said to have %" PRIu64
					     " bytes, its "
					     "description %" PRIu32
					     " of which %zu come",
					     vn_region_name(index), reply.info.size,
					     reply.info.argsz, reply.size);
	region->size = reply.info.size;
	region->readable = (reply.info.flags & VFIO_REGION_INFO_FLAG_READ) != 0;
	region->writable = (reply.info.flags & VFIO_REGION_INFO_FLAG_WRITE) != 0;
	return vfu_take_region_file(s, &reply, index, region, behind);
}

static bool vfu_region_is_io(const uint8_t *config, unsigned int index)
{
	return index <= VN_REGION_BAR5 &&
	       (config[PCI_BASE_ADDRESS_0 + 4 * index] &
		PCI_BASE_ADDRESS_SPACE_IO) != 0;
}

static int vfu_read_config(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits,
			   uint32_t count, struct vn_region *region,
			   struct vn_vfu_region *behind, uint8_t *config)
{
	int result;

	if (count <= VN_REGION_CONFIG)
		return vn_vfu_protocol_error(s, "it has %" PRIu32 " regions, and so no "
					     "configuration space", count);
	result = vfu_read_region(s, VN_REGION_CONFIG, region, behind);
	if (result == 0 && region->size < CONFIG_SIZE)
		result = vn_vfu_protocol_error(s,
					       "configuration space has %" PRIu64
					       " bytes",
					       region->size);
	if (result == 0)
		result = vn_vfu_region_read(s, limits, VN_REGION_CONFIG, 0, config,
					    CONFIG_SIZE);
	return result;
}

/* Configuration space comes first: it says which BAR is I/O. */
int vn_vfu_regions(struct vn_vfu_socket *s, const struct vn_vfu_limits *limits,
		   uint32_t count, struct vn_region *region,
		   struct vn_vfu_region *behind)
{
	uint8_t config[CONFIG_SIZE];
	int result = vfu_read_config(s, limits, count, &region[VN_REGION_CONFIG],
				     &behind[VN_REGION_CONFIG], config);

	for (unsigned int i = 0; i < VN_REGION_COUNT && i < count && result == 0;
	     i++) {
		if (i == VN_REGION_CONFIG)
			continue;
		region[i].io = vfu_region_is_io(config, i);
		result = vfu_read_region(s, i, &region[i], &behind[i]);
		/* The upper half of a 64-bit BAR is an address: its bit 0
		 * means nothing. */
		if (region[i].size == 0)
			region[i].io = false;
	}
	return result;
}
