/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel VFIO without a device: what functions of a group share, which pages may be mapped, the
 * number of vectors. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iommu/sharing.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define SECOND "0000:00:04.1"

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

#define GROUP(name) cmocka_unit_test_setup_teardown(name, raise_group, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUP(functions_of_a_group_share_its_container),
		GROUP(a_function_is_opened_once),
		GROUP(a_child_shares_nothing),
#ifdef __s390__
		GROUP(nothing_is_mapped_on_s390),
#else
		GROUP(a_page_with_the_table_is_mapped_if_allowed),
#endif
		GROUP(fewer_vectors_are_reported),
	};

	return cmocka_run_group_tests_name("vfio", tests, NULL, NULL);
}
