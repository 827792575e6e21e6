/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of VFIO and iommufd as the rest needs them: interrupted ones are repeated, answers may grow,
 * chains of capabilities are walked. No state is kept.
 *
 * Source: linux/vfio.h.
 */
#ifndef VN_IOMMU_CALL_H
#define VN_IOMMU_CALL_H

#include <stddef.h>
#include <stdint.h>

/*
 * ioctl() that is tried again when a signal interrupts it. Returns its result or
 * a negative errno. Sets no error text: only the caller knows what it was for.
 */
int vn_vfio_call(int fd, unsigned long request, void *argument);

/*
 * Make a *_GET_INFO call whose answer is as long as the kernel says.
 *
 * `question`, `size`: the structure as it is to be sent; its first word, argsz,
 *   is filled in here.
 * `answer`, `answer_size`: at least `size` bytes, the caller's to free.
 *
 * Returns 0; -EIO if it still grows after four tries, or is huge; -ENOMEM;
 * else the kernel's own error. Sets no error text.
 */
int vn_vfio_info(int fd, unsigned long request, const void *question,
		 size_t size, void **answer, size_t *answer_size);

/*
 * Find capability `id` in the chain that starts at byte `first` of an answer.
 * Returns its offset, where at least `need` bytes follow (not necessarily
 * aligned: copy them), or 0. At most 64 steps; a chain that leaves the answer
 * ends there. Pure.
 */
size_t vn_vfio_capability(const void *answer, size_t size, size_t first,
			  uint16_t id, size_t need);

#endif
