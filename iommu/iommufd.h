/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and layouts of iommufd and of VFIO's character devices, which the headers of older systems
 * lack. `build.kernel_numbers` compares them with newer ones.
 *
 * Source: linux/iommufd.h, linux/vfio.h; Documentation/userspace-api/iommufd.rst.
 */
#ifndef VN_IOMMU_IOMMUFD_H
#define VN_IOMMU_IOMMUFD_H

#include <linux/ioctl.h>
#include <stdint.h>

/* ---- iommufd ---- */

#define VN_IOMMUFD_DESTROY _IO(';', 0x80)
#define VN_IOMMUFD_IOAS_ALLOC _IO(';', 0x81)
#define VN_IOMMUFD_IOAS_IOVA_RANGES _IO(';', 0x84)
#define VN_IOMMUFD_IOAS_MAP _IO(';', 0x85)
#define VN_IOMMUFD_IOAS_UNMAP _IO(';', 0x86)
#define VN_IOMMUFD_OPTION _IO(';', 0x87)
#define VN_IOMMUFD_VFIO_IOAS _IO(';', 0x88)
#define VN_IOMMUFD_GET_HW_INFO _IO(';', 0x8a)
#define VN_IOMMUFD_IOAS_MAP_FILE _IO(';', 0x8f) /* Linux 6.14 */
#define VN_IOMMUFD_IOAS_NOIOMMU_GET_PA _IO(';', 0x95) /* Linux 7.3 */

struct vn_iommufd_destroy {
	uint32_t size;
	uint32_t id;
};

struct vn_iommufd_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas; /* answer */
};

struct vn_iommufd_range {
	uint64_t first;
	uint64_t last;
};

/* -EMSGSIZE, and how many there are, if `count` is too small. */
struct vn_iommufd_ranges {
	uint32_t size;
	uint32_t ioas;
	uint32_t count;
	uint32_t reserved;
	uint64_t ranges;    /* address of an array */
	uint64_t alignment; /* answer: of each mapping */
};

#define VN_IOMMUFD_MAP_FIXED 1u
#define VN_IOMMUFD_MAP_WRITEABLE 2u
#define VN_IOMMUFD_MAP_READABLE 4u

struct vn_iommufd_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	uint32_t reserved;
	uint64_t address;
	uint64_t length;
	uint64_t iova;
};

struct vn_iommufd_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

struct vn_iommufd_unmap {
	uint32_t size;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length; /* answer: what was unmapped */
};

/* Of a device without an IOMMU: -EOPNOTSUPP. */
struct vn_iommufd_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t device;
	uint32_t data_length;
	uint64_t data;
	uint32_t type; /* answer, and so is the rest */
	uint8_t max_pasid;
	uint8_t reserved[3];
	uint64_t capabilities;
};

/* -EPERM without CAP_SYS_RAWIO, -EOPNOTSUPP behind an IOMMU. */
struct vn_iommufd_physical {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;   /* answer: how many bytes lie one behind the other */
	uint64_t physical; /* answer */
};

#define VN_IOMMUFD_OPTION_RLIMIT_MODE 0
#define VN_IOMMUFD_OPTION_GET 1

struct vn_iommufd_option {
	uint32_t size;
	uint32_t option;
	uint16_t operation;
	uint16_t reserved;
	uint32_t object;
	uint64_t value;
};

#define VN_IOMMUFD_VFIO_IOAS_SET 1

struct vn_iommufd_vfio_ioas {
	uint32_t size;
	uint32_t ioas;
	uint16_t operation;
	uint16_t reserved;
};

/* ---- VFIO's character devices ---- */

#define VN_VFIO_BIND_IOMMUFD _IO(';', 100 + 18)
#define VN_VFIO_ATTACH_IOMMUFD_PT _IO(';', 100 + 19)
#define VN_VFIO_DETACH_IOMMUFD_PT _IO(';', 100 + 20)

#define VN_VFIO_BIND_TOKEN 1u /* Linux 6.17 */

struct vn_vfio_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t device; /* answer */
	uint64_t token;	 /* address of its 16 bytes, with that flag; older kernels are told of less */
};

struct vn_vfio_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t ioas; /* answer: what it is attached to */
};

struct vn_vfio_detach {
	uint32_t argsz;
	uint32_t flags;
};

#endif
