/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel VFIO without a device: what functions of a group share, which pages may be mapped, the
 * number of vectors. */
#include <errno.h>
#include <linux/vfio.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iommu/container.h"
#include "iommu/sharing.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "pci/mapping.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define SECOND "0000:00:04.1"

static int read_fails;		/* with this errno */
static size_t read_most = 4096; /* bytes at once */

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
	const struct iovec part = { bytes, size < read_most ? size : read_most };

	errno = read_fails;
	return read_fails ? -1 : preadv(fd, &part, 1, at);
}

static int raise_group(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64 };
	ADD(.address = ADDRESS, .group = 7, .driver = "vfio-pci");
	ADD(.address = SECOND, .group = 7, .driver = "vfio-pci");
	return 0;
}

static struct vn_function *open_function(const char *address)
{
	struct vn_function *function;

	if (vn_function_open_vfio(address, VN_IOMMU_ANY, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	return function;
}

static uint64_t add_memory(struct vn_function *function, struct vn_memory *memory)
{
	uint64_t iova;

	assert_int_equal(vn_memory_alloc(8192, false, memory), 0);
	assert_int_equal(function->ops->memory_add(function, memory, VN_DEVICE_READS,
						   &iova), 0);
	return iova;
}

static bool shares(int group, const char *address)
{
	return vn_domain_shares(vn_host.vfio, group, address);
}

static void functions_of_a_group_share_its_container(void **state)
{
	struct vn_function *first = open_function(ADDRESS), *second;
	struct vn_memory memory[3];
	struct vn_iommu_limits limits;
	uint64_t iova[3];

	(void)state;
	assert_true(shares(7, SECOND));
	assert_false(shares(7, ADDRESS));
	assert_false(shares(8, SECOND));
	second = open_function(SECOND);
	assert_int_equal(kernel.containers, 1);
	iova[0] = add_memory(first, &memory[0]);
	iova[1] = add_memory(second, &memory[1]);
	iova[2] = add_memory(first, &memory[2]);
	assert_true(iova[0] != iova[1] && iova[1] != iova[2]);
	/* Each counts its own. */
	assert_int_equal(second->ops->iommu_limits(second, &limits), 0);
	assert_int_equal(limits.mappings, 1);
	assert_int_equal(limits.mapped_bytes, 8192);
	/* And removes only its own. */
	assert_int_equal(first->ops->close(first), 0);
	assert_int_equal(kernel.maps, 1);
	assert_int_equal(kernel.iova[0], iova[1]);
	first = open_function(ADDRESS);
	assert_int_equal(kernel.containers, 1);
	vn_memory_free(&memory[0]);
	/* What the first had is free again. */
	assert_int_equal(add_memory(first, &memory[0]), iova[0]);
	assert_int_equal(first->ops->close(first), 0);
	assert_int_equal(second->ops->close(second), 0);
	assert_int_equal(kernel.maps, 0);
	assert_false(shares(7, SECOND));
	first = open_function(ADDRESS);
	assert_int_equal(kernel.containers, 2);
	assert_int_equal(first->ops->close(first), 0);
	for (unsigned int i = 0; i < 3; i++)
		vn_memory_free(&memory[i]);
}

static void a_function_is_opened_once(void **state)
{
	struct vn_function *first = open_function(ADDRESS), *again = (void *)1;

	(void)state;
	assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_ANY, NULL, &again), -EBUSY);
	assert_null(again);
	assert_has(vionet_error_text(), ADDRESS ": it is open already, in this process");
	assert_int_equal(first->ops->close(first), 0);
	first = open_function(ADDRESS);
	assert_int_equal(first->ops->close(first), 0);
}

/* A child has the descriptors, but they are its parent's container. */
static void a_child_shares_nothing(void **state)
{
	struct vn_function *first = open_function(ADDRESS);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(shares(7, SECOND));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(first->ops->close(first), 0);
}

/* What is read of its registers, after it was opened and before. */
static void functions_that_are_gone(void **state)
{
	static const struct {
		int code, result;
		const char *text;
	} rows[] = {
		{ ENODEV, -ENODEV, "the function is gone" },
		{ ENXIO, -ENODEV, "the function is gone" },
		{ EIO, -EIO, "read of 2 bytes at 0: " },
	};
	struct vn_function *function = open_function(ADDRESS), *other;
	uint16_t vendor;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_fails = rows[i].code;
		assert_int_equal(function->ops->read(function, VN_REGION_CONFIG, 0, &vendor, 2), rows[i].result);
		assert_has(vionet_error_text(), rows[i].text);
	}
	read_fails = 0;
	read_most = 1;
	assert_int_equal(function->ops->read(function, VN_REGION_CONFIG, 0, &vendor, 2), -EIO);
	assert_has(vionet_error_text(), "cut short");
	read_most = 255;
	assert_int_equal(vn_function_open_vfio(SECOND, VN_IOMMU_ANY, NULL, &other), -EIO);
	assert_null(other);
	assert_has(vionet_error_text(), "cannot be read wholly: 255 of 256 bytes");
	read_most = 4096;
	assert_int_equal(function->ops->close(function), 0);
}

static void pages_that_cannot_be_mapped(void **state)
{
	const struct vn_function function = { .name = ADDRESS, .region[0] = { .size = 8192, .readable = true, .sparse_count = 1, .sparse = { { 0, 8192 } } } };
	struct vn_mappings mappings = { .count = 0 };
	volatile void *address;

	(void)state;
	assert_int_equal(vn_mapping_make(&mappings, &function, 0, -1, 0, 0, 4096, &address), -EBADF);
	assert_null(address);
	assert_int_equal(mappings.count, 0);
	assert_has(vionet_error_text(), ADDRESS ": BAR 0: map 4096 bytes at 0");
	vn_mapping_release(&mappings);
}

#ifdef __s390__
/* An ordinary store to a BAR that is mapped there is SIGILL. */
static void nothing_is_mapped_on_s390(void **state)
{
	struct vn_function *function = open_function(ADDRESS);
	volatile void *address;

	(void)state;
	assert_int_equal(function->ops->map(function, 0, 0x1000, 2, &address), -ENOTSUP);
	assert_int_equal(function->ops->close(function), 0);
}
#else
/* The doorbells lie in the page of the MSI-X table. */
static void a_page_with_the_table_is_mapped_if_allowed(void **state)
{
	(void)state;
	for (unsigned int allowed = 0; allowed < 2; allowed++) {
		struct vn_function *function;
		volatile void *address;
		int result;

		kernel.table_mappable = allowed != 0;
		function = open_function(ADDRESS);
		result = function->ops->map(function, 0, 0x800, 2, &address);
		assert_int_equal(result, allowed ? 0 : -ENOTSUP);
		if (allowed) /* it is the register */
			*(volatile uint16_t *)address = 7;
		/* One by one where the whole BAR cannot be mapped. */
		assert_int_equal(function->ops->map(function, 0, 0x800, 0x1000,
						    &address), allowed ? 0 : -ENOTSUP);
		assert_int_equal(function->ops->map(function, 0, 0x1000, 2, &address),
				 0);
		/* The table itself is never written. */
		assert_int_equal(function->ops->write(function, 0, 0x10, "1234", 4),
				 -EINVAL);
		assert_int_equal(function->ops->close(function), 0);
	}
}

#endif

static void fewer_vectors_are_reported(void **state)
{
	struct vn_function *function = open_function(ADDRESS);
	int fds[64];

	(void)state;
	assert_int_equal(function->vector_count, 64);
	for (unsigned int i = 0; i < 64; i++)
		fds[i] = -1;
	kernel.vectors = 5;
	assert_int_equal(function->ops->vectors(function, fds, 64), -ENOSPC);
	assert_int_equal(function->vectors_left, 5);
	assert_int_equal(function->ops->vectors(function, fds, 5), 0);
	assert_int_equal(function->ops->close(function), 0);
}

static void vectors_that_are_refused(void **state)
{
	struct vn_function *function = open_function(ADDRESS);
	int fds[65];

	(void)state;
	memset(fds, 0xff, sizeof(fds));
	assert_int_equal(function->ops->vectors(function, fds, 65), -EINVAL);
	assert_has(vionet_error_text(), "65 MSI-X vectors wanted, it has 64");
	assert_int_equal(function->ops->vectors(function, fds, 5), 0);
	kernel.refused = VFIO_DEVICE_SET_IRQS;
	kernel.code = EIO;
	assert_int_equal(function->ops->vectors(function, fds, 0), -EIO);
	assert_has(vionet_error_text(), "switch MSI-X off");
	kernel.refused = 0;
	assert_int_equal(function->ops->vectors(function, fds, 6), 0);
	kernel.refused = VFIO_DEVICE_SET_IRQS;
	assert_int_equal(function->ops->close(function), -EIO);
	assert_has(vionet_error_text(), "switch MSI-X off");
}

static void what_is_no_pci_function(void **state)
{
	struct vn_function *function;

	(void)state;
	kernel.not_pci = true;
	assert_int_equal(vn_function_open_vfio(ADDRESS, VN_IOMMU_ANY, NULL, &function), -ENOTSUP);
	assert_null(function);
	assert_has(vionet_error_text(), "it is no PCI function");
}

/* What the kernel says of a container and a group, step by step. */
static void groups_that_are_refused(void **state)
{
	static const struct {
		unsigned long request;
		int code, result;
		const char *text;
	} rows[] = {
		{ VFIO_GET_API_VERSION, EIO, -EIO, "vfio: VFIO_GET_API_VERSION" },
		{ VFIO_GET_API_VERSION, ENOTTY, -ENOTSUP, "this is no VFIO container" },
		{ VFIO_CHECK_EXTENSION, EIO, -EIO, "vfio: VFIO_CHECK_EXTENSION" },
		{ VFIO_GROUP_GET_STATUS, EIO, -EIO, "7: not a VFIO group" },
		{ VFIO_GROUP_GET_STATUS, ENOMEM, -ENOMEM, "7: not a VFIO group" },
		{ VFIO_GROUP_SET_CONTAINER, EIO, -EIO, "IOMMU group 7: attach to a container" },
		{ VFIO_SET_IOMMU, EPERM, -EPERM, "does not isolate interrupts" },
		{ VFIO_SET_IOMMU, EIO, -EIO, "IOMMU group 7: " },
		{ VFIO_IOMMU_GET_INFO, EIO, -EIO, "read what the IOMMU can do" },
	};
	struct vn_container *container;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kernel.refused = rows[i].request;
		kernel.code = rows[i].code;
		assert_int_equal(vn_container_open(vn_host.vfio, 7, ADDRESS, VN_IOMMU_TYPE1, &container), rows[i].result);
		assert_null(container);
		assert_has(vionet_error_text(), rows[i].text);
		kernel.refused = 0;
	}
	kernel.later = 1;
	assert_int_equal(vn_container_open(vn_host.vfio, 7, ADDRESS, VN_IOMMU_TYPE1, &container), -ENOTSUP);
	assert_has(vionet_error_text(), "VFIO has version 1, only 0 is known");
	kernel.later = 0;
	kernel.not_viable = true;
	assert_int_equal(vn_container_open(vn_host.vfio, 7, ADDRESS, VN_IOMMU_TYPE1, &container), -ENOTCONN);
	assert_has(vionet_error_text(), "7 is not viable");
	kernel.not_viable = false;
	assert_int_equal(vn_container_open(vn_host.vfio, 7, ADDRESS, VN_IOMMU_TYPE1, &container), 0);
	vn_container_close(container);
}

static void a_group_has_room_for_256(void **state)
{
	struct vn_container *container[257];
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), "0000:00:%02x.%u", i / 8, i % 8);
		assert_int_equal(vn_container_open(vn_host.vfio, 7, name, VN_IOMMU_TYPE1, &container[i]),
				 i < 256 ? 0 : -EBUSY);
	}
	assert_has(vionet_error_text(), "IOMMU group 7: 256 functions are open");
	assert_int_equal(kernel.containers, 1);
	for (unsigned int i = 0; i < 256; i++)
		vn_container_close(container[i]);
}

/* One of 240 bytes has no room for its end. */
static void directories_with_long_names(void **state)
{
	struct vn_container *container;
	char name[300];

	(void)state;
	for (size_t length = 239; length < 242; length++) {
		memset(name, 'x', sizeof(name));
		name[length] = '\0';
		assert_true(vn_container_open(name, 7, ADDRESS, VN_IOMMU_TYPE1, &container) < 0);
		assert_null(container);
		assert_true((strstr(vionet_error_text(), "too long a name") != NULL) == (length > 239));
	}
}

#define GROUP(name) cmocka_unit_test_setup_teardown(name, raise_group, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP(functions_of_a_group_share_its_container),
		GROUP(a_function_is_opened_once),
		GROUP(a_child_shares_nothing),
		GROUP(functions_that_are_gone),
		GROUP(pages_that_cannot_be_mapped),
#ifdef __s390__
		GROUP(nothing_is_mapped_on_s390),
#else
		GROUP(a_page_with_the_table_is_mapped_if_allowed),
#endif
		GROUP(fewer_vectors_are_reported),
		GROUP(vectors_that_are_refused),
		GROUP(what_is_no_pci_function),
		GROUP(groups_that_are_refused),
		GROUP(a_group_has_room_for_256),
		GROUP(directories_with_long_names),
	};

	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
