/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad values in the replies of a server: one test for each row L06 to L13 of the list of
 * faults. */
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The device's memory decoding seems to be off: the client writes to switch it on. */
static void decoding_is_off(const struct proxy_message *q, struct proxy_message *r)
{
	if (q->command == VFU_REGION_READ && wire_get32(q->body + 8) == 7 &&
	    wire_get64(q->body) == 4)
		r->body[16] &= (uint8_t)~2;
}

/* ---- L06: region information ---- */

static void area(struct proxy_message *r, unsigned int index, uint64_t offset,
		 uint64_t size)
{
	wire_put64(r->body + 48 + 16 * index, offset);
	wire_put64(r->body + 56 + 16 * index, size);
	if (wire_get32(r->body + 40) <= index)
		wire_put32(r->body + 40, index + 1);
	r->length = 64 + 16 * index;
	wire_put32(r->body, (uint32_t)r->length);
}

static void spoil_region(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	if (q->command != VFU_REGION_INFO || wire_get32(q->body + 8) != PROXY_REGION)
		return;
	switch (p->number) {
	case 0:
		wire_put64(r->body + 16, UINT64_MAX);
		break;
	case 1:
		wire_put64(r->body + 24, UINT64_MAX - 0x1000);
		break;
	case 2:
		wire_put32(r->body + 12, 64);
		break; /* at the end */
	case 3:
		wire_put32(r->body + 12, 0xfffffff0);
		break;
	case 4:
		wire_put32(r->body + 12, 8);
		break; /* in the fixed part */
	case 5:
		wire_put16(r->body + 32, 9);
		wire_put32(r->body + 36, 32);
		break; /* loop */
	case 6:
		wire_put32(r->body + 40, 0xffffffff);
		break;						    /* areas */
	case 7: area(r, 0, PROXY_BAR_SIZE - 0x1000, 0x2000); break; /* outside */
	case 8: area(r, 0, UINT64_MAX - 0xfff, 0x2000); break;
	case 9: area(r, 1, PROXY_NOTIFY + 0x800, 0x800); break; /* overlap */
	case 10: area(r, 1, 0x2000, UINT64_MAX); break;
	case 11:
		wire_put32(r->body, 65);
		break; /* argsz: more than comes */
	case 12:
		wire_put32(r->body, 0xffffffff);
		break;
	case 13:
		wire_put32(r->body + 8, 5);
		break; /* another region */
	case 14:
		r->length = 48;
		wire_put32(r->body, 48);
		break; /* cut in the list */
	}
}

static void test_L06_region_information(void **state)
{
	(void)state;
	for (int i = 0; i < 15; i++) {
		struct proxy *p = proxy_with(spoil_region, i);
		struct attempt a;

		map_bar_file(p, bar_file(0));
		a = attempt_on(p);
		if (a.result != -EIO)
			fail_msg("case %d: %d", i, a.result);
		assert_text("breaks the protocol");
		assert_true(a.own < 1.0);
	}
}

static void spoil_config(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	if (q->command == VFU_REGION_INFO && wire_get32(q->body + 8) == 7)
		wire_put64(r->body + 16, p->number == 0 ? 0 : 64);
	if (q->command == VFU_DEVICE_INFO && p->number == 2)
		wire_put32(r->body + 8, 7);
}

static void no_pci(struct proxy *p, const struct proxy_message *q,
		   struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_DEVICE_INFO)
		wire_put32(r->body + 4, 4);
}

static void test_L06_no_configuration(void **state)
{
	(void)state;
	refused(spoil_config, 0, -EIO, "configuration space");
	refused(spoil_config, 1, -EIO, "configuration space");
	refused(spoil_config, 2, -EIO, "configuration space");
	refused(no_pci, 0, -ENOTSUP, "no PCI function");
}

/* ---- L07: interrupts ---- */

static void many_vectors(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	if (q->command == VFU_IRQ_INFO && wire_get32(q->body + 8) == 2)
		wire_put32(r->body + 12, (uint32_t)p->number);
}

static void test_L07_interrupt_counts(void **state)
{
	const unsigned int counts[] = { 0, 2048, 0xffffffff };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct proxy *p = proxy_with(many_vectors, (int)counts[i]);
		struct vn_function *f;

		proxy_start(p);
		assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
		assert_int_equal(f->vector_count, counts[i] > 2048 ? 2048 : counts[i]);
		assert_int_equal(f->ops->close(f), 0);
		proxy_destroy(p);
	}
}

static void other_irqs(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_IRQ_INFO)
		wire_put32(r->body + 8, 1);
}

static void test_L07_other_interrupts(void **state)
{
	(void)state;
	refused(other_irqs, 0, -EIO, "other interrupts");
}

/* ---- L08: descriptors ---- */

enum { NONE, TWO, DIRECTORY, READ_ONLY, SHORT, PATH_ONLY, PIPE, MANY, UNFLAGGED };

static void spoil_file(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	char path[64];

	if (q->command != VFU_REGION_INFO || wire_get32(q->body + 8) != PROXY_REGION)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vfu_of(p)->bar_fd);
	switch (p->number) {
	case NONE: r->fd_count = 0; return;
	case TWO:
		r->fds[r->fd_count++] = vfu_of(p)->bar_fd;
		return;
	case MANY:
		for (r->fd_count = 0; r->fd_count < 250; r->fd_count++)
			r->fds[r->fd_count] = vfu_of(p)->bar_fd;
		return;
	case UNFLAGGED:
		wire_put32(r->body + 4, 3);
		return;
	case SHORT:
		(void)!ftruncate(vfu_of(p)->bar_fd, PROXY_NOTIFY + 0x800);
		return;
	case DIRECTORY: r->fds[0] = open("/tmp", O_RDONLY | O_CLOEXEC); break;
	case READ_ONLY: r->fds[0] = open(path, O_RDONLY | O_CLOEXEC); break;
	case PATH_ONLY: r->fds[0] = open(path, O_PATH | O_CLOEXEC); break;
	case PIPE: r->fds[0] = eventfd(0, EFD_CLOEXEC); break;
	}
	proxy_send(p, r);
	close(r->fds[0]);
	r->silent = true;
}

static void test_L08_descriptors(void **state)
{
	static const char *const texts[] = {
		"no file comes along",
		"unsolicited descriptors",
		"no file",
		"open for less",
		"shorter than its region",
		"open for less",
		"no file",
		"",
		"a file comes along",
	};

	(void)state;
	for (int i = NONE; i <= UNFLAGGED; i++) {
		struct proxy *p = proxy_with(spoil_file, i);
		struct attempt a;

		map_bar_file(p, bar_file(0));
		a = attempt_on(p);
		if (a.result != -EIO)
			fail_msg("case %d: %d", i, a.result);
		assert_text("breaks the protocol");
		assert_text(texts[i]);
	}
}

static void descriptor_for_nothing(struct proxy *p, const struct proxy_message *q,
				   struct proxy_message *r)
{
	decoding_is_off(q, r);
	if (q->command == (uint32_t)p->number)
		r->fds[r->fd_count++] = 0;
}

static void test_L08_descriptors_anywhere(void **state)
{
	const int commands[] = { VFU_VERSION, VFU_DEVICE_INFO, VFU_REGION_READ, VFU_REGION_WRITE,
				 VFU_SET_IRQS, VFU_IRQ_INFO };

	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		refused(descriptor_for_nothing, commands[i], -EIO,
			"unsolicited descriptors");
}

/* ---- L08 for doorbells ---- */

enum { NO_EVENTFD, NOT_SENT, OUTSIDE, CUT_SHORT, OTHER_REGION, COUNT_LIES };

static void spoil_doorbell(struct proxy *p, const struct proxy_message *q,
			   struct proxy_message *r)
{
	if (q->command != VFU_REGION_IO_FDS)
		return;
	switch (p->number) {
	case NO_EVENTFD:
		r->fds[0] = fcntl(p->listen_fd, F_DUPFD_CLOEXEC, 0);
		fcntl(r->fds[0], F_SETFL, O_NONBLOCK);
		proxy_send(p, r);
		close(r->fds[0]);
		r->silent = true;
		break;
	case NOT_SENT:
		wire_put32(r->body + 16 + 16, 7);
		break;
	case OUTSIDE:
		wire_put64(r->body + 16, PROXY_BAR_SIZE);
		wire_put64(r->body + 24, 2);
		break;
	case CUT_SHORT:
		wire_put32(r->body, 16 + 39);
		break;
	case OTHER_REGION:
		wire_put32(r->body + 8, 0);
		break;
	case COUNT_LIES:
		wire_put32(r->body + 12, 0xffffffff);
		break;
	}
}

static void test_L08_doorbells(void **state)
{
	(void)state;
	for (int i = NO_EVENTFD; i <= COUNT_LIES; i++) {
		struct proxy *p = proxy_with(spoil_doorbell, i);
		struct vn_function *f;
		int fd;

		p->options[0] = "--notify=eventfd";
		proxy_start(p);
		assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
		if (f->ops->eventfd(f, PROXY_REGION, PROXY_NOTIFY + 4, 2, 1, &fd) != -EIO)
			fail_msg("case %d: %s", i, vionet_error_text());
		assert_text("breaks the protocol");
		assert_int_equal(fd, -1);
		(void)f->ops->close(f);
		proxy_destroy(p);
	}
}

/* ---- L09: the server truncates the file later ---- */

/* Without a seal it is not mapped: every access is a message. */
static void test_L09_file_without_seal(void **state)
{
	struct proxy *p = proxy_with(NULL, 0);
	struct vn_function *f;
	volatile void *address;
	uint16_t one = htole16(1);

	(void)state;
	p->violates = true; /* a doorbell of a device that does not run */
	map_bar_file(p, bar_file(0));
	proxy_start(p);
	assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
	assert_int_equal(ftruncate(vfu_of(p)->bar_fd, 0), 0);
	assert_int_equal(f->ops->map(f, PROXY_REGION, PROXY_NOTIFY, 4, &address), -ENOTSUP);
	assert_int_equal(f->ops->write(f, PROXY_REGION, PROXY_NOTIFY, &one, 2), 0);
	assert_int_equal(f->ops->close(f), 0);
	assert_int_equal(doorbells(p), 1);
	proxy_destroy(p);
}

/* Between two system calls of the driver: the server truncates and seals the file right
 * after fstat. */
static int to_cut = -1;

int fstat(int fd, struct stat *file)
{
	int result = fstatat(fd, "", file, AT_EMPTY_PATH);
	struct stat bar;

	if (result == 0 && to_cut >= 0 &&
	    fstatat(to_cut, "", &bar, AT_EMPTY_PATH) == 0 &&
	    file->st_dev == bar.st_dev && file->st_ino == bar.st_ino) {
		assert_int_equal(ftruncate(to_cut, 0), 0);
		assert_int_equal(fcntl(to_cut, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		to_cut = -1;
	}
	return result;
}

/* An access past the end would be a SIGBUS. */
static void test_L09_file_cut_and_sealed(void **state)
{
	struct proxy *p = proxy_with(NULL, 0);
	struct vn_function *f;
	volatile void *address;
	uint16_t one = 1;

	(void)state;
	p->violates = true; /* a doorbell of a device that does not run */
	map_bar_file(p, bar_file(0));
	to_cut = vfu_of(p)->bar_fd;
	proxy_start(p);
	assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
	assert_int_equal(to_cut, -1);
	if (f->ops->map(f, PROXY_REGION, PROXY_NOTIFY, 4, &address) == 0)
		*(volatile uint16_t *)address = 1;
	assert_int_equal(f->ops->write(f, PROXY_REGION, PROXY_NOTIFY, &one, 2), 0);
	assert_int_equal(f->ops->close(f), 0);
	assert_int_equal(doorbells(p), 1);
	proxy_destroy(p);
}

/* With the seal nobody can truncate it. */
static void test_L09_file_with_seal(void **state)
{
	struct proxy *p = proxy_with(NULL, 0);
	struct vn_function *f;
	volatile void *address;

	(void)state;
	map_bar_file(p, bar_file(F_SEAL_SHRINK));
	proxy_start(p);
	assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
	assert_int_equal(f->ops->map(f, PROXY_REGION, PROXY_NOTIFY + 4, 2, &address), 0);
	assert_int_equal(ftruncate(vfu_of(p)->bar_fd, 0), -1);
	*(volatile uint16_t *)address = 1;
	assert_int_equal(f->ops->map(f, PROXY_REGION, PROXY_NOTIFY - 4, 8, &address),
			 -ENOTSUP);
	assert_int_equal(f->ops->map(f, 0, 0, 4, &address), -ENOTSUP);
	assert_int_equal(f->ops->close(f), 0);
	proxy_destroy(p);
}

/* ---- L10: other data than asked for ---- */

static void spoil_data(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	if (q->command != VFU_REGION_READ)
		return;
	switch (p->number) {
	case 0: r->length--; break;
	case 1: r->length++; break;
	case 2: r->length = 16; break;
	case 3:
		wire_put32(r->body + 12, wire_get32(r->body + 12) - 1);
		r->length--;
		break;
	case 4:
		wire_put64(r->body, 4);
		break;
	case 5:
		wire_put32(r->body + 8, 0);
		break;
	}
}

static void short_write(struct proxy *p, const struct proxy_message *q,
			struct proxy_message *r)
{
	(void)p;
	decoding_is_off(q, r);
	if (q->command == VFU_REGION_WRITE)
		wire_put32(r->body + 12, 1);
}

static void test_L10_other_data(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		refused(spoil_data, i, -EIO, "breaks the protocol");
	refused(short_write, 0, -EIO, "breaks the protocol");
}

/* ---- L13: an unmap that the server refuses ---- */

static void spoil_unmap(struct proxy *p, const struct proxy_message *q,
			struct proxy_message *r)
{
	if (q->command != VFU_DMA_UNMAP)
		return;
	switch (p->number) {
	case 0:
		wire_put64(r->body + 16, 0);
		break;
	case 1:
		wire_put64(r->body + 8, 0);
		break;
	case 2: r->flags |= 0x20; r->error = EBUSY; r->length = 0; break;
	}
}

static void test_L13_still_mapped(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct proxy *p = proxy_with(spoil_unmap, i);
		struct vn_iommu_limits limits;
		struct vn_memory memory;
		struct vn_function *f;
		uint64_t first, second;

		proxy_start(p);
		assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
		assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
		assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES,
						    &first), 0);
		assert_int_equal(f->ops->memory_remove(f, first), -EIO);
		/* Its IOVA is not reused, and is counted. */
		assert_int_equal(f->ops->memory_remove(f, first), -ENOENT);
		assert_int_equal(f->ops->iommu_limits(f, &limits), 0);
		assert_int_equal(limits.mappings, 1);
		assert_int_equal(limits.mapped_bytes, 4096);
		assert_int_equal(f->ops->memory_add(f, &memory, VN_DEVICE_WRITES,
						    &second), 0);
		assert_int_not_equal(first, second);
		assert_int_equal(f->ops->close(f), 0);
		vn_memory_free(&memory);
		proxy_destroy(p);
	}
}

/* In the driver: memory that was not unmapped is quarantined until the connection is
 * closed. */
static void test_L13_quarantine(void **state)
{
	struct proxy *p = proxy_with(spoil_unmap, 0);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	char name[100];

	(void)state;
	proxy_start(p);
	snprintf(name, sizeof(name), "vfio-user:%s", p->path);
	assert_int_equal(vionet_device_open(name, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	(void)vionet_device_stop(device);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_true(info.quarantined >= 2);
	assert_int_equal(vionet_device_close(device), 0);
	proxy_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted(test_L06_region_information),
		counted(test_L06_no_configuration),
		counted(test_L07_interrupt_counts),
		counted(test_L07_other_interrupts),
		counted(test_L08_descriptors),
		counted(test_L08_descriptors_anywhere),
		counted(test_L08_doorbells),
		counted(test_L09_file_without_seal),
		counted(test_L09_file_cut_and_sealed),
		counted(test_L09_file_with_seal),
		counted(test_L10_other_data),
		counted(test_L13_still_mapped),
		counted(test_L13_quarantine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
