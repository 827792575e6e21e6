/* SPDX-License-Identifier: BSD-3-Clause */
/* VFIO's character devices and iommufd: when they are chosen, what they map, and answers of the
 * kernel that are errors or senseless. */
#include <errno.h>
#include <linux/vfio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vionet/device.h>

#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define SECOND "0000:00:04.1"

static bool stalls;

/* A machine that has no time for this process: between two looks at the clock are three seconds. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
	static time_t stalled;
	int result = (int)syscall(SYS_clock_gettime, clock, time);

	if (stalls)
		stalled += 3;
	time->tv_sec += stalled;
	return result;
}

/* A group with two functions that can be opened either way. */
static int raise_both(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64, .alignment = 4096, .range_count = 2, .range = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } } };
	ADD(.address = ADDRESS, .group = 7, .driver = "vfio-pci");
	ADD(.address = SECOND, .group = 7, .driver = "vfio-pci");
	fake_vfio_device(&fake, ADDRESS, "vfio0");
	fake_vfio_device(&fake, SECOND, "vfio1");
	return 0;
}

static struct vn_function *open_by(const char *address, enum vn_iommu_kind kind)
{
	struct vn_function *function;

	if (vn_function_open_vfio(address, kind, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	return function;
}

static void close_function(struct vn_function *function)
{
	assert_int_equal(function->ops->close(function), 0);
}

static uint64_t add_memory(struct vn_function *function, const struct vn_memory *memory,
			   enum vn_access access)
{
	uint64_t iova;

	if (function->ops->memory_add(function, memory, access, &iova) != 0)
		fail_msg("%s", vionet_error_text());
	return iova;
}

static void mode_of(const char *name, mode_t mode)
{
	char path[FAKE_PATH + 64];

	snprintf(path, sizeof(path), "%s/dev/%s", fake.root, name);
	assert_int_equal(chmod(path, mode), 0);
}

static void remove_node(const char *name)
{
	char path[FAKE_PATH + 64];

	snprintf(path, sizeof(path), "%s/dev/%s", fake.root, name);
	assert_int_equal(unlink(path), 0);
}

/* ---- which is taken ---- */

static void character_devices_come_first(void **state)
{
	struct vn_function *function = open_by(ADDRESS, VN_IOMMU_ANY);

	(void)state;
	assert_string_equal(function->iommu, "iommufd");
	assert_int_equal(function->iommu_group, 7);
	assert_int_equal(kernel.spaces, 1);
	assert_int_equal(kernel.attached, 1);
	assert_int_equal(kernel.containers, 0);
	close_function(function);
	function = open_by(ADDRESS, VN_IOMMU_TYPE1);
	assert_string_equal(function->iommu, "type1v2");
	assert_int_equal(kernel.containers, 1);
	close_function(function);
}

/* Before Linux 6.6 the folder in sysfs has no number; a container may have only one way. */
static void groups_where_there_is_no_other_way(void **state)
{
	struct vn_function *function;

	(void)state;
	remove_node("vfio/devices/vfio0");
	function = open_by(ADDRESS, VN_IOMMU_ANY);
	assert_string_equal(function->iommu, "type1v2");
	close_function(function);
	remove_node("iommu");
	function = open_by(SECOND, VN_IOMMU_ANY);
	assert_string_equal(function->iommu, "type1v2");
	close_function(function);
}

static void character_devices_where_there_are_no_groups(void **state)
{
	struct vn_function *function;

	(void)state;
	remove_node("vfio/vfio");
	remove_node("vfio/7");
	function = open_by(ADDRESS, VN_IOMMU_ANY);
	assert_string_equal(function->iommu, "iommufd");
	close_function(function);
}

/* As another user for a moment: the way of whose nodes it is the owner. */
static void the_way_that_this_user_may_go(void **state)
{
	struct vn_looked looked = { .group = 7, .vfio = true, .node = "vfio0" };
	static const struct {
		mode_t device, group;
		enum vn_iommu_kind kind;
	} rows[] = {
		{ 0666, 0666, VN_IOMMU_IOMMUFD },
		{ 0600, 0666, VN_IOMMU_TYPE1 },
		{ 0666, 0600, VN_IOMMU_IOMMUFD },
		{ 0600, 0600, VN_IOMMU_IOMMUFD }, /* of this the reason speaks */
	};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fake.root, 0755), 0);
	mode_of("iommu", 0666);
	mode_of("vfio/vfio", 0666);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum vn_iommu_kind kind;

		mode_of("vfio/devices/vfio0", rows[i].device);
		mode_of("vfio/7", rows[i].group);
		assert_int_equal(seteuid(65534), 0);
		kind = vn_drivable_kind(&looked);
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(kind, rows[i].kind);
	}
}

static void a_group_is_open_by_one_of_them(void **state)
{
	struct vn_function *first = open_by(ADDRESS, VN_IOMMU_TYPE1), *second;

	(void)state;
	assert_int_equal(vn_function_open_vfio(SECOND, VN_IOMMU_IOMMUFD, NULL, &second), -EBUSY);
	assert_has(vionet_error_text(), "this process has it open by type1v2");
	second = open_by(SECOND, VN_IOMMU_ANY);
	assert_string_equal(second->iommu, "type1v2");
	close_function(first);
	close_function(second);
}

/* ---- mapping ---- */

static void functions_of_a_group_share_an_address_space(void **state)
{
	struct vn_function *first = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
	struct vn_function *second = open_by(SECOND, VN_IOMMU_IOMMUFD);
	struct vn_memory memory;
	uint64_t iova[2];

	(void)state;
	assert_int_equal(kernel.spaces, 1);
	assert_int_equal(kernel.attached, 2);
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	iova[0] = add_memory(first, &memory, VN_DEVICE_READS);
	iova[1] = add_memory(second, &memory, VN_DEVICE_WRITES);
	assert_true(iova[0] != iova[1]);
	close_function(first);
	assert_int_equal(kernel.maps, 1);
	assert_int_equal(kernel.iova[0], iova[1]);
	close_function(second);
	assert_int_equal(kernel.maps, 0);
	vn_memory_free(&memory);
}

static void memory_is_mapped_by_its_file(void **state)
{
	struct vn_function *function = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
	struct vn_memory memory, part;

	(void)state;
	kernel.maps_files = true;
	assert_int_equal(vn_memory_alloc(16384, false, &memory), 0);
	add_memory(function, &memory, VN_DEVICE_READS);
	assert_int_equal(kernel.by_file, 1);
	assert_int_equal(kernel.flags, VN_IOMMUFD_MAP_FIXED | VN_IOMMUFD_MAP_READABLE);
	part = memory;
	part.offset = 8192;
	part.address = (char *)memory.address + 8192;
	part.size = 4096;
	add_memory(function, &part, VN_DEVICE_WRITES);
	assert_int_equal(kernel.start, 8192);
	assert_true((kernel.flags & VN_IOMMUFD_MAP_WRITEABLE) != 0);
	assert_int_equal(kernel.by_address, 0);
	/* A file that the kernel does not take, and memory without one. */
	kernel.refuses_files = true;
	add_memory(function, &memory, VN_DEVICE_READS);
	kernel.refuses_files = false;
	part.fd = -1;
	add_memory(function, &part, VN_DEVICE_READS);
	assert_int_equal(kernel.by_address, 2);
	add_memory(function, &memory, VN_DEVICE_READS);
	assert_int_equal(kernel.by_file, 3);
	close_function(function);
	assert_int_equal(kernel.maps, 0);
	vn_memory_free(&memory);
}

/* Before Linux 6.14. */
static void a_kernel_without_files_is_asked_once(void **state)
{
	struct vn_function *function = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
	struct vn_memory memory;

	(void)state;
	assert_int_equal(vn_memory_alloc(4096, false, &memory), 0);
	add_memory(function, &memory, VN_DEVICE_READS);
	kernel.maps_files = true;
	add_memory(function, &memory, VN_DEVICE_READS);
	assert_int_equal(kernel.by_address, 2);
	assert_int_equal(kernel.by_file, 0);
	close_function(function);
	vn_memory_free(&memory);
}

/* ---- VF tokens ---- */

#define TOKEN "00010203-0405-0607-0809-0a0B0c0D0eFF"

static void a_token_is_passed_on(void **state)
{
	static const uint8_t bytes[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 };
	const struct vn_looked looked = { .group = 7, .vfio = true, .node = "vfio0", .token = TOKEN };
	struct vn_function *function;

	(void)state;
	/* Groups take one on every kernel. */
	assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_ANY, TOKEN, &function), 0);
	assert_string_equal(function->iommu, "type1v2");
	assert_string_equal(kernel.device, ADDRESS " vf_token=" TOKEN);
	close_function(function);
	close_function(open_by(ADDRESS, VN_IOMMU_TYPE1));
	assert_string_equal(kernel.device, ADDRESS);
	assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_IOMMUFD, TOKEN, &function), 0);
	assert_int_equal(kernel.bind_flags, VN_VFIO_BIND_TOKEN);
	assert_int_equal(kernel.bind_size, sizeof(struct vn_vfio_bind));
	assert_memory_equal(kernel.token, bytes, sizeof(bytes));
	close_function(function);
	/* An older kernel would refuse a longer structure. */
	close_function(open_by(ADDRESS, VN_IOMMU_IOMMUFD));
	assert_int_equal(kernel.bind_flags, 0);
	assert_int_equal(kernel.bind_size, 16);
	assert_int_equal(vn_drivable_kind(&looked), VN_IOMMU_TYPE1);
	remove_node("vfio/vfio");
	assert_int_equal(vn_drivable_kind(&looked), VN_IOMMU_IOMMUFD);
}

static void tokens_that_are_refused(void **state)
{
	static const struct {
		enum vn_iommu_kind kind;
		unsigned long request;
		const char *token;
		int code, result;
		const char *text;
	} rows[] = {
		{ VN_IOMMU_TYPE1, VFIO_GROUP_GET_DEVICE_FD, NULL, EACCES, -EACCES, "the kernel wants a VF token" },
		{ VN_IOMMU_TYPE1, VFIO_GROUP_GET_DEVICE_FD, TOKEN, EACCES, -EACCES, "this is not the VF token" },
		{ VN_IOMMU_TYPE1, VFIO_GROUP_GET_DEVICE_FD, TOKEN, EINVAL, -EINVAL, "leave it out" },
		{ VN_IOMMU_TYPE1, VFIO_GROUP_GET_DEVICE_FD, NULL, EINVAL, -EIO, "open: " },
		{ VN_IOMMU_IOMMUFD, VN_VFIO_BIND_IOMMUFD, NULL, EACCES, -EACCES, "the kernel wants a VF token" },
		{ VN_IOMMU_IOMMUFD, VN_VFIO_BIND_IOMMUFD, TOKEN, EACCES, -EACCES, "this is not the VF token" },
		{ VN_IOMMU_IOMMUFD, VN_VFIO_BIND_IOMMUFD, TOKEN, EINVAL, -EINVAL, "before Linux 6.17 only groups do" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vn_function *function;

		kernel.refused = rows[i].request;
		kernel.code = rows[i].code;
		assert_int_equal(vn_function_open_vfio(ADDRESS, rows[i].kind, rows[i].token, &function),
				 rows[i].result);
		assert_null(function);
		assert_has(vionet_error_text(), rows[i].text);
		assert_int_equal(vionet_error_remedy(NULL),
				 rows[i].code == EACCES ? VIONET_REMEDY_VF_TOKEN : VIONET_REMEDY_NONE);
	}
	kernel.refused = 0;
}

static void tokens_that_are_none(void **state)
{
	static const char *const rows[] = { "", "new", "00010203-0405-0607-0809-0a0b0c0d0e0", TOKEN "0",
					    "00010203-0405-0607-08090-a0b0c0d0e0f", "0001020g-0405-0607-0809-0a0b0c0d0e0f" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_open_options options = { .struct_size = sizeof(options), .vf_token = rows[i] };
		struct vionet_device *device;

		assert_int_equal(vionet_device_open(ADDRESS, &options, &device), -EINVAL);
		assert_has(vionet_error_text(), "is no UUID, such as");
		options.vf_token = TOKEN;
		assert_int_equal(vionet_device_open("vhost-user:/s", &options, &device), -EINVAL);
		assert_has(vionet_error_text(), "a VF token is for PCI functions");
	}
}

/* ---- what the kernel answers ---- */

static void calls_that_are_refused(void **state)
{
	static const struct {
		unsigned long request;
		int code, result;
		const char *text;
	} rows[] = {
		{ VN_IOMMUFD_IOAS_ALLOC, ENOTTY, -ENOTSUP, "/iommu: this is no iommufd" },
		{ VN_IOMMUFD_IOAS_ALLOC, ENOMEM, -ENOMEM, "make an address space" },
		{ VN_VFIO_BIND_IOMMUFD, EPERM, -EPERM, "iommufd/parameters/allow_unsafe" },
		{ VN_VFIO_BIND_IOMMUFD, ENOTTY, -ENOTSUP, "no character device of VFIO" },
		{ VN_VFIO_BIND_IOMMUFD, ENODEV, -ENODEV, "vfio0: the function is gone" },
		{ VN_VFIO_BIND_IOMMUFD, EIO, -EIO, "vfio0: bind it to an iommufd" },
		{ VN_VFIO_ATTACH_IOMMUFD_PT, EINVAL, -EIO, "vfio0: attach it to an address" },
		{ VN_IOMMUFD_IOAS_IOVA_RANGES, EIO, -EIO, "read what the IOMMU can do" },
		{ VFIO_DEVICE_GET_INFO, EIO, -EIO, "find out what it is" },
		/* Another process has it; tried for two seconds. */
		{ VN_VFIO_BIND_IOMMUFD, EINVAL, -EBUSY, "vfio0 is in use already, most likely" },
	};
	struct vn_function *function;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kernel.refused = rows[i].request;
		kernel.code = rows[i].code;
		assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_IOMMUFD, NULL, &function),
				 rows[i].result);
		assert_null(function);
		assert_has(vionet_error_text(), ADDRESS ": ");
		assert_has(vionet_error_text(), rows[i].text);
	}
	/* Nothing is left of that. */
	kernel.refused = 0;
	close_function(open_by(ADDRESS, VN_IOMMU_ANY));
}

/* It was looked at once, and three seconds are over. */
static void what_is_busy_is_looked_at_again(void **state)
{
	struct vn_function *function;

	(void)state;
	stalls = true;
	kernel.code = EBUSY;
	kernel.refused = VN_VFIO_BIND_IOMMUFD;
	kernel.refusals = 3;
	function = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
	kernel.code = EAGAIN;
	kernel.refused = VFIO_DEVICE_RESET;
	kernel.refusals = 3;
	assert_int_equal(function->ops->reset(function), 0);
	stalls = false;
	assert_int_equal(kernel.refusals, 0);
	close_function(function);
}

/* The group's owner is another one: the kernel says EPERM, and /proc who it is. */
static void a_group_of_another_process(void **state)
{
	struct vn_function *function;

	(void)state;
	opened_by_another("devices/vfio1");
	kernel.refused = VN_VFIO_BIND_IOMMUFD;
	kernel.code = EPERM;
	assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_ANY, NULL, &function), -EBUSY);
	assert_has(vionet_error_text(), ADDRESS ": group 7 is in use by another process: "
						"process 123 (cloud-hypervisor) has it open");
}

static void memory_that_cannot_be_mapped(void **state)
{
	/* fault: L15 */
	struct vn_function *function = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
	struct vn_memory memory;
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	kernel.refused = VN_IOMMUFD_IOAS_MAP;
	kernel.code = ENOMEM;
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova),
			 -ENOMEM);
	assert_has(vionet_error_text(), "ulimit -l");
	kernel.code = EFAULT;
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova),
			 -EFAULT);
	/* The address is free again. */
	kernel.refused = 0;
	iova = add_memory(function, &memory, VN_DEVICE_READS);
	assert_int_equal(function->ops->memory_remove(function, iova), 0);
	assert_int_equal(add_memory(function, &memory, VN_DEVICE_READS), iova);
	/* Half of it stays: the address is used no more. */
	kernel.unmaps_less = true;
	assert_int_equal(function->ops->memory_remove(function, iova), -EIO);
	assert_has(vionet_error_text(), "unmapped 4096 of 8192 bytes");
	kernel.unmaps_less = false;
	assert_true(add_memory(function, &memory, VN_DEVICE_READS) != iova);
	close_function(function);
	vn_memory_free(&memory);
}

/* More than are taken, an alignment that is none; none at all is an error. */
static void ranges_and_alignments(void **state)
{
	static const uint64_t alignments[] = { 0, 1, 3, 4096, 1 << 16 };
	struct vn_function *function;
	struct vn_iommu_limits limits;

	(void)state;
	for (size_t i = 0; i < sizeof(alignments) / sizeof(alignments[0]); i++) {
		kernel.alignment = alignments[i];
		kernel.range_count = i == 0 ? UINT32_MAX : 2;
		function = open_by(ADDRESS, VN_IOMMU_IOMMUFD);
		assert_int_equal(function->ops->iommu_limits(function, &limits), 0);
		assert_int_equal(limits.page_size, i == 4 ? 1 << 16 : 4096);
		assert_int_equal(limits.range_count, i == 0 ? VN_IOVA_RANGES_MAX : 2);
		assert_int_equal(limits.range[1].last, 0x7fffffffff);
		assert_int_equal(limits.mappings_left, UINT32_MAX);
		close_function(function);
	}
	kernel.range_count = 0;
	assert_true(vn_function_open_vfio(ADDRESS, VN_IOMMU_IOMMUFD, NULL, &function) < 0);
	assert_null(function);
}

/* ---- reasons ---- */

static struct vionet_pci_function function = { .struct_size = sizeof(function) };

/* The list's reason, which is that of opening and needs no option. */
static void assert_reason(int code, const char *part)
{
	struct vionet_device *device;
	char expected[600];

	assert_int_equal(vionet_pci_lookup(ADDRESS, &function), 0);
	assert_false(function.drivable);
	assert_has(function.reason, part);
	snprintf(expected, sizeof(expected), "%s: %s", ADDRESS, function.reason);
	assert_int_equal(vionet_device_open(ADDRESS, NULL, &device), code);
	assert_string_equal(vionet_error_text(), expected);
}

static void one_text_for_a_user_who_may_not(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fake.root, 0755), 0);
	mode_of("iommu", 0600);
	mode_of("vfio/vfio", 0666);
	mode_of("vfio/7", 0600);
	assert_int_equal(seteuid(65534), 0);
	assert_reason(-EACCES, "/iommu: it belongs to uid 0");
	assert_int_equal(seteuid(0), 0);
	mode_of("iommu", 0666);
	mode_of("vfio/devices/vfio0", 0600);
	assert_int_equal(seteuid(65534), 0);
	assert_reason(-EACCES, "/devices/vfio0: it belongs to uid 0");
	assert_has(function.reason, "chown $USER");
	assert_int_equal(seteuid(0), 0);
}

static void one_text_for_a_function_in_use(void **state)
{
	(void)state;
	opened_by_another("devices/vfio0");
	kernel.refused = VN_VFIO_BIND_IOMMUFD;
	kernel.code = EINVAL;
	assert_reason(-EBUSY, "process 123 (cloud-hypervisor) has it open");
}

static int open_wanted(const char *name, uint32_t iommu)
{
	const struct vionet_open_options options = { .struct_size = sizeof(options),
						     .iommu = iommu };
	struct vionet_device *device;

	return vionet_device_open(name, &options, &device);
}

static void a_way_that_is_wanted_and_not_there(void **state)
{
	(void)state;
	remove_node("vfio/7");
	assert_int_equal(open_wanted(ADDRESS, VIONET_IOMMU_TYPE1), -ENOTSUP);
	assert_has(vionet_error_text(), "vfio/7 is not: open it by iommufd");
	remove_node("vfio/devices/vfio0");
	assert_int_equal(open_wanted(ADDRESS, VIONET_IOMMU_IOMMUFD), -ENXIO);
	assert_has(vionet_error_text(), "/devices/vfio0 is not there");
	remove_node("iommu");
	assert_int_equal(open_wanted(ADDRESS, VIONET_IOMMU_IOMMUFD), -ENOTSUP);
	assert_has(vionet_error_text(), "modprobe iommufd");
	ADD(.address = "0000:00:06.0", .group = 8, .driver = "vfio-pci");
	fake_write(&fake, "", "dev/iommu");
	assert_int_equal(open_wanted("0000:00:06.0", VIONET_IOMMU_IOMMUFD), -ENOTSUP);
	assert_has(vionet_error_text(), "CONFIG_VFIO_DEVICE_CDEV");
}

static void ways_that_cannot_be_wanted(void **state)
{
	(void)state;
	assert_int_equal(open_wanted(ADDRESS, 77), -EINVAL);
	assert_has(vionet_error_text(), "no kind of IOMMU with the number 77");
	assert_int_equal(open_wanted("vfio-user:/nonexistent", VIONET_IOMMU_TYPE1), -EINVAL);
	assert_has(vionet_error_text(), "a choice of IOMMU is for PCI functions");
}

/* Which way it will go is not known: no word of the container that is missing. */
static void one_that_is_not_bound_yet(void **state)
{
	(void)state;
	remove_node("vfio/vfio");
	ADD(.address = "0000:00:06.0", .group = 8, .driver = "virtio-pci");
	assert_int_equal(vionet_pci_lookup("0000:00:06.0", &function), 0);
	assert_has(function.reason, "bound to virtio-pci");
	assert_true(function.remedy == VIONET_REMEDY_BIND);
}

#define BOTH(name) cmocka_unit_test_setup_teardown(name, raise_both, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(character_devices_come_first),
		BOTH(groups_where_there_is_no_other_way),
		BOTH(character_devices_where_there_are_no_groups),
		BOTH(the_way_that_this_user_may_go),
		BOTH(a_group_is_open_by_one_of_them),
		BOTH(functions_of_a_group_share_an_address_space),
		BOTH(memory_is_mapped_by_its_file),
		BOTH(what_is_busy_is_looked_at_again),
		BOTH(a_kernel_without_files_is_asked_once),
		BOTH(a_token_is_passed_on),
		BOTH(tokens_that_are_refused),
		BOTH(tokens_that_are_none),
		BOTH(calls_that_are_refused),
		BOTH(a_group_of_another_process),
		BOTH(memory_that_cannot_be_mapped),
		BOTH(ranges_and_alignments),
		BOTH(one_text_for_a_user_who_may_not),
		BOTH(one_text_for_a_function_in_use),
		BOTH(a_way_that_is_wanted_and_not_there),
		BOTH(ways_that_cannot_be_wanted),
		BOTH(one_that_is_not_bound_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
