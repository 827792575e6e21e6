/* SPDX-License-Identifier: BSD-3-Clause */
/* The length that an answer of the kernel claims is not taken for the length that it has. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "iommu/call.h"

#define INFO_MAX ((size_t)1 << 20)
#define INFO_TRIES 4
#define CHAIN_MAX 64

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
