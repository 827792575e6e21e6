/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/fake_ioctl.h"
#include "tests/unit/fake_vdpa.h"

enum { DRIVER_OK = 4,
       FEATURES_OK = 8 };

#define RESUME_CALL _IO(VHOST_VIRTIO, 0x7e)
#define VRING_SIZE_CALL _IOWR(VHOST_VIRTIO, 0x82, struct vhost_vring_state)

struct fake_vdpa vdpa = { .fd = -1 };

static void violation(const char *text, uint64_t value)
{
	if (vdpa.violation[0] == 0)
		snprintf(vdpa.violation, sizeof(vdpa.violation), "%s (%#llx)", text,
			 (unsigned long long)value);
}

void vdpa_reset_fake(void)
{
	vdpa = (struct fake_vdpa){
		.fd = -1,
		.device_id = 1,
		.queues = 3,
		.groups = 2,
		.spaces = 2,
		.control_group = 1,
		.num_max = 256,
		.last = UINT64_MAX,
		.config_size = 12,
		/* MAC STATUS MTU CTRL_VQ CTRL_RX CTRL_MAC_ADDR VERSION_1 ACCESS_PLATFORM */
		.features = 1ull << 5 | 1ull << 16 | 1ull << 3 | 1ull << 17 | 1ull << 18 | 1ull << 23 |
			    1ull << 32 | 1ull << 33,
		.backend = MSG_V2 | BATCH | ASID | SUSPEND | RESUME | AFTER_OK | DESC_ASID |
			   PERSIST,
		.config = { 2, 0x11, 0x22, 0x33, 0x44, 0x55, 1, 0, 1, 0, 0xdc, 5 },
		.config_call = -1,
	};
}

/* ---- memory ---- */

static struct vdpa_map *find_map(struct vdpa_maps *maps, uint32_t asid, uint64_t iova,
				 uint64_t size)
{
	for (unsigned int i = 0; i < maps->count; i++) {
		struct vdpa_map *m = &maps->map[i];

		if (m->asid == asid && iova < m->what.iova + m->what.size &&
		    m->what.iova < iova + size)
			return m;
	}
	return NULL;
}

/* set_map: the device gets the whole table of an address space. */
static void give_maps(uint32_t asid)
{
	for (unsigned int i = vdpa.seen.count; i-- > 0;)
		if (vdpa.seen.map[i].asid == asid)
			vdpa.seen.map[i] = vdpa.seen.map[--vdpa.seen.count];
	for (unsigned int i = 0; i < vdpa.told.count; i++)
		if (vdpa.told.map[i].asid == asid)
			vdpa.seen.map[vdpa.seen.count++] = vdpa.told.map[i];
}

/* A second mapping of the same memory; where the system has none to give (emulators), the first. */
static uint8_t *look_at(const struct vhost_iotlb_msg *m)
{
	void *at = mremap((void *)(uintptr_t)m->uaddr, 0, m->size, MREMAP_MAYMOVE);

	return at == MAP_FAILED ? (uint8_t *)(uintptr_t)m->uaddr : at;
}

static void look_away(const struct vdpa_map *map)
{
	if ((uintptr_t)map->at != map->what.uaddr)
		munmap(map->at, map->what.size);
}

static bool update(uint32_t asid, const struct vhost_iotlb_msg *m)
{
	uint64_t end = m->iova + m->size - 1;

	if (vdpa.refuses_maps || vdpa.told.count == VDPA_MAPS || m->iova < vdpa.first || end > vdpa.last || end < m->iova ||
	    find_map(&vdpa.told, asid, m->iova, m->size))
		return false;
	if (m->perm != VHOST_ACCESS_RO && m->perm != VHOST_ACCESS_RW)
		violation("a strange permission", m->perm);
	vdpa.told.map[vdpa.told.count++] = (struct vdpa_map){ asid, *m, look_at(m) };
	return true;
}

static bool take_message(uint32_t asid, const struct vhost_iotlb_msg *m)
{
	struct vdpa_map *map;

	if (!vdpa.owned || asid >= vdpa.spaces || (vdpa.in_batch && asid != vdpa.batch_asid))
		return false;
	switch (m->type) {
	case VHOST_IOTLB_UPDATE:
		if (!update(asid, m))
			return false;
		break;
	case VHOST_IOTLB_INVALIDATE:
		if (vdpa.refuses_unmaps)
			return false;
		while ((map = find_map(&vdpa.told, asid, m->iova, m->size))) {
			look_away(map);
			*map = vdpa.told.map[--vdpa.told.count];
		}
		break;
	case VHOST_IOTLB_BATCH_BEGIN:
		vdpa.in_batch = true;
		vdpa.batch_asid = asid;
		vdpa.batches++;
		break;
	case VHOST_IOTLB_BATCH_END:
		vdpa.in_batch = false;
		if (vdpa.refuses_ends)
			return false;
		break;
	default:
		return false;
	}
	if (!vdpa.in_batch)
		give_maps(asid);
	return true;
}

bool vdpa_sees(uint32_t asid, const void *address)
{
	uint64_t at = (uintptr_t)address;

	for (unsigned int i = 0; i < vdpa.seen.count; i++)
		if (vdpa.seen.map[i].asid == asid && vdpa.seen.map[i].what.uaddr <= at &&
		    at - vdpa.seen.map[i].what.uaddr < vdpa.seen.map[i].what.size)
			return true;
	return false;
}

/* ---- the device ---- */

static uint32_t group_of(unsigned int index)
{
	return index == vdpa.queues - 1 ? vdpa.control_group : 0;
}

static uint8_t *translate(void *context, uint64_t address, size_t size, bool write)
{
	const struct vdpa_queue *q = context;
	struct vdpa_map *m = find_map(&vdpa.seen, vdpa.asid[group_of(q->index)], address, size);

	if (!m || m->what.iova > address || m->what.iova + m->what.size < address + size ||
	    (write && !(m->what.perm & VHOST_ACCESS_WO))) {
		violation("an address that is not mapped", address);
		return NULL;
	}
	return m->at + (address - m->what.iova);
}

static void enable_ring(struct vdpa_queue *q)
{
	q->rings = (struct model_rings){ .features = &vdpa.acked, .area = translate, .data = translate, .context = q };
	model_ring_reset(&q->ring);
	q->ring.size = (uint16_t)q->num;
	q->ring.enabled = 1;
	q->ring.desc = q->addr.desc_user_addr;
	q->ring.avail = q->addr.avail_user_addr;
	q->ring.used = q->addr.used_user_addr;
	model_ring_enable(&q->rings, &q->ring);
	if (q->base != (vdpa.acked >> 34 & 1 ? 0x80008000u : 0))
		violation("a position where none is", q->base);
}

static bool runs(const struct vdpa_queue *q)
{
	return (vdpa.status & DRIVER_OK) && !vdpa.suspended && q->enabled && q->ring.count;
}

static void use(struct vdpa_queue *q, int id, size_t length)
{
	uint16_t position = model_ring_position(&q->rings, &q->ring);

	model_ring_used(&q->rings, &q->ring, (uint32_t)id, (uint32_t)length, 1);
	if (q->call >= 0 && model_ring_wants_interrupt(&q->rings, &q->ring, position))
		eventfd_write(q->call, 1);
}

static void echo(struct vdpa_queue *rx, struct vdpa_queue *tx)
{
	uint8_t frame[4096];
	size_t length, room;
	int id, to;

	while (runs(tx) && (id = model_ring_take(&tx->rings, &tx->ring, frame, sizeof(frame),
						 &length)) >= 0) {
		use(tx, id, 0);
		to = runs(rx) ? model_ring_take(&rx->rings, &rx->ring, NULL, 0, &room) : -1;
		if (to < 0)
			continue;
		if (length > sizeof(frame))
			length = sizeof(frame);
		frame[10] = 1; /* num_buffers */
		frame[11] = 0;
		if (!model_ring_fill(&rx->rings, &rx->ring, frame, length))
			violation("a buffer that is too short", length);
		use(rx, to, length);
		vdpa.echoed++;
	}
}

static void obey(struct vdpa_queue *q)
{
	uint8_t command[64], *ack;
	size_t length;
	int id;

	while (runs(q) && (id = model_ring_take(&q->rings, &q->ring, command, sizeof(command),
						&length)) >= 0) {
		if (length >= 8 && command[0] == 1 && command[1] == 1)
			memcpy(vdpa.config, command + 2, 6);
		ack = translate(q, q->ring.element[q->ring.elements - 1].address, 1, true);
		if (ack)
			*ack = 0;
		use(q, id, 1);
		vdpa.commands++;
	}
}

void vdpa_work(void)
{
	for (unsigned int i = 0; i + 1 < vdpa.queues; i += 2)
		echo(&vdpa.queue[i], &vdpa.queue[i + 1]);
	if (vdpa.queues % 2 != 0)
		obey(&vdpa.queue[vdpa.queues - 1]);
}

static void reset_device(void)
{
	vdpa.status = 0;
	vdpa.suspended = false;
	vdpa.acked = 0;
	vdpa.resets++;
	memset(vdpa.asid, 0, sizeof(vdpa.asid));
	if (!(vdpa.acked_backend & PERSIST))
		vdpa.seen.count = 0;
	for (unsigned int i = 0; i < VDPA_QUEUES; i++) {
		model_ring_reset(&vdpa.queue[i].ring);
		vdpa.queue[i].enabled = 0;
	}
}

/* ---- ioctls: 0 or an errno ---- */

static int set_status(uint8_t status)
{
	if (status != 0 && (vdpa.status & ~status) != 0)
		return EINVAL;
	if (status == 0) {
		reset_device();
		return 0;
	}
	if (vdpa.refuses_features)
		status &= (uint8_t)~FEATURES_OK;
	vdpa.status = status;
	return 0;
}

static int set_features(uint64_t features)
{
	if (vdpa.status & FEATURES_OK)
		return EBUSY;
	if (!(features >> 33 & 1) && (vdpa.features >> 33 & 1))
		return EINVAL;
	if (features & ~vdpa.features)
		violation("features that were not offered", features & ~vdpa.features);
	vdpa.acked = features;
	return 0;
}

static int get_config(struct vhost_vdpa_config *config)
{
	if (config->len == 0 || config->off > vdpa.config_size ||
	    config->len > vdpa.config_size - config->off)
		return EINVAL;
	if (vdpa.restless != 0) {
		vdpa.restless--;
		vdpa.config[0] += 4;
	}
	memcpy(config->buf, vdpa.config + config->off, config->len);
	return 0;
}

static int set_backend(uint64_t features)
{
	if (features & ~vdpa.backend)
		return EOPNOTSUPP;
	vdpa.acked_backend = features;
	return 0;
}

static int set_num(struct vdpa_queue *q, unsigned int num)
{
	if (num == 0 || num > vdpa.num_max || (num & (num - 1)) != 0)
		return EINVAL;
	q->num = num;
	return 0;
}

static int group_call(unsigned long request, struct vhost_vring_state *state)
{
	if (request == VHOST_VDPA_GET_VRING_GROUP) {
		state->num = group_of(state->index);
		return state->num < vdpa.groups ? 0 : EIO;
	}
	if (state->index >= vdpa.groups || state->num >= vdpa.spaces)
		return EINVAL;
	if (vdpa.status & DRIVER_OK)
		violation("an address space is changed while it runs", state->index);
	vdpa.asid[state->index] = state->num;
	return 0;
}

static int vring_call(unsigned long request, void *argument)
{
	const struct vhost_vring_state *state = argument;
	const struct vhost_vring_file *file = argument;
	struct vdpa_queue *q = &vdpa.queue[state->index % VDPA_QUEUES];

	if (state->index >= vdpa.queues)
		return ENOBUFS;
	q->index = state->index;
	switch (request) {
	case VHOST_SET_VRING_NUM:
		return set_num(q, state->num);
	case VHOST_SET_VRING_BASE:
		q->base = state->num;
		return 0;
	case VHOST_SET_VRING_ADDR:
		q->addr = *(const struct vhost_vring_addr *)argument;
		return vdpa.status & DRIVER_OK ? EINVAL : 0;
	case VHOST_SET_VRING_CALL:
		q->call = file->fd;
		return 0;
	case VHOST_SET_VRING_KICK:
		q->kick = file->fd;
		return 0;
	case VHOST_VDPA_SET_VRING_ENABLE:
		q->enabled = state->num;
		enable_ring(q);
		return 0;
	case VHOST_VDPA_GET_VRING_GROUP:
	case VHOST_VDPA_SET_GROUP_ASID:
		return group_call(request, argument);
	case VRING_SIZE_CALL:
		((struct vhost_vring_state *)argument)->num = vdpa.num_own;
		return vdpa.num_own ? 0 : ENOTTY;
	default:
		return ENOTTY;
	}
}

static int rest(bool suspended)
{
	if (!(vdpa.backend & (suspended ? SUSPEND : RESUME)))
		return EOPNOTSUPP;
	vdpa.suspended = suspended;
	if (!suspended)
		vdpa_work();
	return 0;
}

static int answer(unsigned long request, void *argument)
{
	uint32_t *number = argument;
	struct vhost_vdpa_iova_range *range = argument;

	if (request == vdpa.missing)
		return ENOTTY;
	if (request == vdpa.failing)
		return EIO;
	switch (request) {
	case VHOST_SET_OWNER:
		vdpa.owned = true;
		return 0;
	case VHOST_VDPA_GET_DEVICE_ID:
		*number = vdpa.device_id;
		return 0;
	case VHOST_VDPA_GET_STATUS:
		if (vdpa.doorbells) /* a store to a page is not seen */
			vdpa_work();
		*(uint8_t *)argument = vdpa.status;
		return 0;
	case VHOST_VDPA_SET_STATUS:
		return set_status(*(uint8_t *)argument);
	case VHOST_VDPA_GET_CONFIG:
		return get_config(argument);
	case VHOST_VDPA_GET_CONFIG_SIZE:
		*number = vdpa.config_size;
		return 0;
	case VHOST_VDPA_GET_VQS_COUNT:
		*number = vdpa.queues;
		return 0;
	case VHOST_VDPA_GET_GROUP_NUM:
		*number = vdpa.groups;
		return 0;
	case VHOST_VDPA_GET_AS_NUM:
		*number = vdpa.spaces;
		return 0;
	case VHOST_VDPA_GET_VRING_NUM:
		*(uint16_t *)argument = vdpa.num_max;
		return 0;
	case VHOST_VDPA_GET_IOVA_RANGE:
		range->first = vdpa.first;
		range->last = vdpa.last;
		return 0;
	case VHOST_VDPA_SET_CONFIG_CALL:
		vdpa.config_call = *(int *)argument;
		return 0;
	case VHOST_GET_FEATURES:
		*(uint64_t *)argument = vdpa.features;
		return 0;
	case VHOST_SET_FEATURES:
		return set_features(*(uint64_t *)argument);
	case VHOST_GET_BACKEND_FEATURES:
		*(uint64_t *)argument = vdpa.backend;
		return 0;
	case VHOST_SET_BACKEND_FEATURES:
		return set_backend(*(uint64_t *)argument);
	case VHOST_VDPA_SUSPEND:
		return rest(true);
	case RESUME_CALL:
		return rest(false);
	default:
		return vring_call(request, argument);
	}
}

/* ---- what the C library has ---- */

int fake_ioctl(int fd, unsigned long request, void *argument)
{
	if (fd != vdpa.fd)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	errno = answer((unsigned int)request, argument);
	return errno ? -1 : 0;
}

static ssize_t write_node(const struct vhost_msg_v2 *message, size_t size)
{
	if (size == sizeof(*message) && message->type == VHOST_IOTLB_MSG_V2 &&
	    take_message(vdpa.acked_backend & ASID ? message->asid : 0, &message->iotlb))
		return (ssize_t)size;
	vdpa.refused++;
	errno = EFAULT;
	return -1;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	ssize_t result;

	if (fd == vdpa.fd && fd >= 0)
		return write_node(bytes, size);
	result = syscall(SYS_write, fd, bytes, size);
	for (unsigned int i = 0; i < vdpa.queues && vdpa.fd >= 0; i++)
		if (vdpa.queue[i].kick == fd && vdpa.queue[i].enabled) {
			vdpa.kicks++;
			vdpa_work();
		}
	return result;
}

static int open_node(void)
{
	int fd;

	if (vdpa.open_error) {
		errno = vdpa.open_error;
		return -1;
	}
	if (!vdpa.doorbells)
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	fd = memfd_create("vhost-vdpa", MFD_CLOEXEC);
	if (ftruncate(fd, VDPA_QUEUES * sysconf(_SC_PAGESIZE)) != 0)
		fail();
	return fd;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	unsigned int mode;

	va_start(arguments, flags);
	mode = flags & O_CREAT ? va_arg(arguments, unsigned int) : 0;
	va_end(arguments);
	if (strcmp(path, VDPA_NODE) != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	vdpa.fd = open_node();
	return vdpa.fd;
}

/* The kernel resets a device whose node is closed, and forgets its maps. */
int close(int fd)
{
	if (fd == vdpa.fd && fd >= 0) {
		vdpa.acked_backend = 0;
		reset_device();
		while (vdpa.told.count != 0)
			look_away(&vdpa.told.map[--vdpa.told.count]);
		vdpa.owned = false;
		vdpa.fd = -1;
	}
	return (int)syscall(SYS_close, fd);
}

int stat(const char *path, struct stat *status)
{
	if (strcmp(path, VDPA_NODE) != 0)
		return fstatat(AT_FDCWD, path, status, 0);
	memset(status, 0, sizeof(*status));
	status->st_mode = (vdpa.plain_file ? S_IFREG : S_IFCHR) | 0600;
	status->st_rdev = makedev(510, 7);
	errno = vdpa.open_error == ENOENT ? ENOENT : 0;
	return errno ? -1 : 0;
}

ssize_t readlink(const char *path, char *target, size_t size)
{
	const char *where = vdpa.other_node ? "../../devices/virtual/misc/watchdog" : "../../devices/vdpa0/vhost-vdpa-7";

	if (strcmp(path, "/sys/dev/char/510:7") != 0)
		return syscall(SYS_readlinkat, AT_FDCWD, path, target, size);
	if (vdpa.no_sysfs) {
		errno = ENOENT;
		return -1;
	}
	assert_true(size > strlen(where));
	memcpy(target, where, strlen(where));
	return (ssize_t)strlen(where);
}
