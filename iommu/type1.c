/* SPDX-License-Identifier: BSD-3-Clause */
/* The length that an answer of the kernel claims is not taken for the length that it has. */
#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/type1.h"

#define INFO_MAX ((size_t)1 << 20)
#define INFO_TRIES 4
#define CHAIN_MAX 64

#define CAP_IPC_LOCK_BIT 14

int vn_vfio_call(int fd, unsigned long request, void *argument)
{
	int result;

	do {
		result = ioctl(fd, request, argument);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : result;
}

int vn_vfio_info(int fd, unsigned long request, const void *question,
		 size_t size, void **answer, size_t *answer_size)
{
	size_t room = size;

	*answer = NULL;
	for (int try = 0; try < INFO_TRIES && room <= INFO_MAX; try++) {
		uint32_t argsz = (uint32_t)room;
		void *info = calloc(1, room);
		int result;

		if (info == NULL)
			return -ENOMEM;
		memcpy(info, question, size);
		memcpy(info, &argsz, sizeof(argsz));
		result = vn_vfio_call(fd, request, info);
		memcpy(&argsz, info, sizeof(argsz));
		if (result >= 0 && argsz <= room) {
			*answer = info;
			*answer_size = room;
			return 0;
		}
		free(info);
		if (result < 0)
			return result;
		room = argsz;
	}
	return -EIO;
}

size_t vn_vfio_capability(const void *answer, size_t size, size_t first,
			  uint16_t id, size_t need)
{
	struct vfio_info_cap_header header;
	size_t at = first;

	for (int step = 0; step < CHAIN_MAX && at != 0; step++) {
		if (at > size || size - at < sizeof(header))
			return 0;
		memcpy(&header, (const char *)answer + at, sizeof(header));
		if (header.id == id)
			return size - at < need ? 0 : at;
		at = header.next;
	}
	return 0;
}

/*
 * Kernels before 5.4 do not say which addresses they accept. Every IOMMU reaches
 * 4 GiB; what is left out there are the MSI windows of arm64 and of x86, where a
 * mapping would swallow interrupts.
 */
static void type1_assume_ranges(struct vn_iommu_limits *limits)
{
	limits->range_count = 2;
	limits->range[0] = (struct vn_iova_range){ 0, 0x07ffffff };
	limits->range[1] = (struct vn_iova_range){ 0x08100000, 0xfedfffff };
}

static void type1_read_ranges(const struct vfio_iommu_type1_info *info, size_t size,
			      size_t first, struct vn_iommu_limits *limits)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
				       sizeof(head));
	const char *next = (const char *)info + at + sizeof(head);

	if (at == 0) {
		type1_assume_ranges(limits);
		return;
	}
	memcpy(&head, (const char *)info + at, sizeof(head));
	size -= at + sizeof(head);
	/* Ranges past our maximum are addresses that we do without. */
	for (uint32_t i = 0; i < head.nr_iovas && i < VN_IOVA_RANGES_MAX &&
			     size >= sizeof(range); i++) {
		memcpy(&range, next, sizeof(range));
		limits->range[limits->range_count++] =
			(struct vn_iova_range){ range.start, range.end };
		next += sizeof(range);
		size -= sizeof(range);
	}
}

/* How many more mappings the kernel allows; UINT32_MAX if it does not say. */
static uint32_t type1_read_left(const struct vfio_iommu_type1_info *info, size_t size,
				size_t first)
{
	struct vfio_iommu_type1_info_dma_avail left;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
				       sizeof(left));

	if (at == 0)
		return UINT32_MAX;
	memcpy(&left, (const char *)info + at, sizeof(left));
	/* iommufd, which has no limit, says 2^32 - 1. */
	return left.avail < INT32_MAX ? left.avail : UINT32_MAX;
}

int vn_type1_limits(int fd, struct vn_iommu_limits *limits)
{
	const struct vfio_iommu_type1_info question = { 0 };
	struct vfio_iommu_type1_info *info;
	void *answer;
	size_t size, first;
	int result = vn_vfio_info(fd, VFIO_IOMMU_GET_INFO, &question,
				  sizeof(question), &answer, &size);

	if (result != 0)
		return result;
	info = answer;
	first = (info->flags & VFIO_IOMMU_INFO_CAPS) ? info->cap_offset : 0;
	memset(limits, 0, sizeof(*limits));
	if (info->flags & VFIO_IOMMU_INFO_PGSIZES)
		limits->page_sizes = info->iova_pgsizes;
	else
		limits->page_sizes = (uint64_t)sysconf(_SC_PAGESIZE);
	limits->page_size = limits->page_sizes & -limits->page_sizes;
	type1_read_ranges(info, size, first, limits);
	limits->mappings_left = type1_read_left(info, size, first);
	free(answer);
	return 0;
}

/* ---- locked memory ---- */

/* IOMMU_OPTION of linux/iommufd.h, which is younger than some headers. */
struct iommufd_option {
	uint32_t size;
	uint32_t option_id; /* 0: IOMMU_OPTION_RLIMIT_MODE */
	uint16_t op;	    /* 1: IOMMU_OPTION_OP_GET */
	uint16_t reserved;
	uint32_t object_id;
	uint64_t value;
};

#define IOMMUFD_OPTION _IO(';', 0x87)

/* The module that provides /dev/vfio/vfio may be iommufd; VFIO's own does not know
 * the call. */
enum vn_accounting vn_type1_accounting(int fd)
{
	struct iommufd_option option = { .size = sizeof(option), .op = 1 };

	return vn_vfio_call(fd, IOMMUFD_OPTION, &option) == 0 ?
		       VN_ACCOUNT_IOMMUFD : VN_ACCOUNT_PROCESS;
}

static void type1_read_status_line(const char *line, enum vn_accounting accounting,
				   struct vn_locked *locked)
{
	uint64_t value;

	if (sscanf(line, "VmLck: %" SCNu64 " kB", &value) == 1 ||
	    (accounting == VN_ACCOUNT_IOMMUFD &&
	     sscanf(line, "VmPin: %" SCNu64 " kB", &value) == 1)) {
		if (locked->in_use < value * 1024)
			locked->in_use = value * 1024;
	} else if (sscanf(line, "CapEff: %" SCNx64, &value) == 1 &&
		   (value >> CAP_IPC_LOCK_BIT & 1) != 0) {
		locked->limit = UINT64_MAX;
	}
}

void vn_type1_read_status(FILE *status, enum vn_accounting accounting,
			  struct vn_locked *locked)
{
	char line[256];

	while (fgets(line, sizeof(line), status) != NULL)
		type1_read_status_line(line, accounting, locked);
}

/*
 * type1 adds what it pins to the process's locked memory (VmLck), together with
 * what mlock() holds. The capability is that of the calling thread. What cannot
 * be read (no /proc) is left to the kernel to refuse.
 */
static void type1_read_locked(enum vn_accounting accounting, struct vn_locked *locked)
{
	struct rlimit limit;
	FILE *status;

	*locked = (struct vn_locked){ 0, UINT64_MAX, UINT64_MAX };
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		if (limit.rlim_cur != RLIM_INFINITY)
			locked->limit = limit.rlim_cur;
		if (limit.rlim_max != RLIM_INFINITY)
			locked->limit_hard = limit.rlim_max;
	}
	status = fopen("/proc/thread-self/status", "re");
	if (status == NULL) {
		locked->limit = UINT64_MAX;
		return;
	}
	vn_type1_read_status(status, accounting, locked);
	fclose(status);
}

static int type1_over_limit(uint64_t need, const struct vn_locked *locked)
{
	uint64_t need_kib = need / 1024 + (need % 1024 != 0);
	uint64_t all = locked->in_use / 1024 + need_kib;
	char command[96];

	if (all <= locked->limit_hard / 1024)
		snprintf(command, sizeof(command), "ulimit -l %" PRIu64, all);
	else
		snprintf(command, sizeof(command),
			 "sudo prlimit --pid $$ --memlock=%" PRIu64, all * 1024);
	return vn_error(ENOMEM, "needs %" PRIu64 " KiB of locked memory, %" PRIu64
			" of %" PRIu64 " KiB are in use; raise the limit: %s",
			need_kib, locked->in_use / 1024, locked->limit / 1024,
			command);
}

int vn_type1_check_locked(uint64_t need, enum vn_accounting accounting)
{
	struct vn_locked locked;

	type1_read_locked(accounting, &locked);
	if (locked.in_use <= locked.limit &&
	    need <= locked.limit - locked.in_use)
		return 0;
	return type1_over_limit(need, &locked);
}
