/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu/container.c without a device: the errors of open when a node is missing or is not
 * VFIO, and that nothing leaks; and capability chains (iommu/type1.c). The guests' tests
 * attach groups. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/vfio.h>

#include <vionet/error.h>

#include "iommu/container.h"
#include "iommu/call.h"
#include "iommu/locked.h"
#include "iommu/memory.h"
#include "tests/unit/descriptors.h"
#include "tests/unit/fake_ioctl.h"

#define NO_SUCH_GROUP 987654

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/vionet-container-XXXXXX");
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/vfio", directory);
	unlink(path);
	return rmdir(directory);
}

/* Open must fail with `expected` and a text with `word`, and leak nothing. */
static void assert_refused(const char *where, int group, int expected,
			   const char *word)
{
	struct vn_container *container = (void *)1;
	int before = open_descriptors();

	assert_int_equal(vn_container_open(where, group, "0000:00:04.0", VN_IOMMU_TYPE1,
					   &container),
			 expected);
	assert_null(container);
	assert_int_equal(open_descriptors(), before);
	if (strstr(vionet_error_text(), word) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", vionet_error_text(), word);
}

static void no_directory(void **state)
{
	(void)state;
	assert_refused("/nonexistent", 1, -ENXIO, "/nonexistent/vfio");
	assert_refused("/nonexistent", 1, -ENXIO, "modprobe vfio-pci");
	assert_refused("/dev/null", 1, -ENXIO, "/dev/null/vfio");
}

static void too_long_a_name(void **state)
{
	char name[400];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_refused(name, 1, -ENXIO, "too long");
}

static void make_node(mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/vfio", directory);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

static void a_file_that_is_no_container(void **state)
{
	(void)state;
	make_node(0600);
	assert_refused(directory, 1, -ENOTSUP, "no VFIO container");
	assert_refused(directory, 1, -ENOTSUP, directory);
}

/* Root may open everything, so the effective user is another for a moment. */
static void no_permission(void **state)
{
	uid_t before = geteuid();

	(void)state;
	make_node(0000);
	assert_int_equal(chmod(directory, 0755), 0);
	if (before == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_refused(directory, 1, -EACCES, "chown $USER");
	assert_refused(directory, 1, -EACCES, "mode 0000");
	if (before == 0)
		assert_int_equal(seteuid(before), 0);
}

static void no_such_group(void **state)
{
	(void)state;
	if (access("/dev/vfio/vfio", R_OK | W_OK) != 0) {
		print_message("skipped: this machine has no /dev/vfio/vfio\n");
		skip();
	}
	assert_refused("/dev/vfio", NO_SUCH_GROUP, -ENXIO, "987654");
	assert_refused("/dev/vfio", NO_SUCH_GROUP, -ENXIO, "docker run");
}

static void no_container_closes(void **state)
{
	(void)state;
	vn_container_close(NULL);
}

/*
 * Capability chains: id (16 bits), version (16 bits), next (32 bits).
 */
struct link {
	uint16_t id, version;
	uint32_t next;
};

static size_t find(const struct link *chain, size_t size, size_t first,
		   uint16_t id, size_t need)
{
	return vn_vfio_capability(chain, size, first, id, need);
}

static void chains_are_followed(void **state)
{
	const struct link chain[] = {
		{ 0, 0, 0 }, { 7, 1, 24 }, { 9, 1, 0 }, { 8, 1, 16 },
	};

	(void)state;
	assert_int_equal(find(chain, sizeof(chain), 8, 7, 8), 8);
	assert_int_equal(find(chain, sizeof(chain), 8, 9, 16), 16);
	assert_int_equal(find(chain, sizeof(chain), 8, 8, 8), 24);
	assert_int_equal(find(chain, sizeof(chain), 8, 5, 8), 0);
	assert_int_equal(find(chain, sizeof(chain), 0, 7, 8), 0);
}

/* The kernel asks for eight bytes more, so many times. */
static unsigned int longer, asked;

int fake_ioctl(int fd, unsigned long request, void *argument)
{
	uint32_t *argsz = argument;

	if (request != VFIO_DEVICE_GET_REGION_INFO)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	*argsz += asked++ < longer ? 8 : 0;
	return 0;
}

/* fault: L14 */
static void answers_that_get_longer(void **state)
{
	const struct vfio_region_info question = { .index = 3 };
	void *answer;
	size_t size;

	(void)state;
	for (longer = 0; longer < 3; longer++) {
		asked = 0;
		assert_int_equal(vn_vfio_info(-1, VFIO_DEVICE_GET_REGION_INFO, &question, sizeof(question), &answer, &size), 0);
		assert_int_equal(size, sizeof(question) + 8 * longer);
		assert_int_equal(((struct vfio_region_info *)answer)->index, 3);
		free(answer);
	}
	longer = UINT32_MAX;
	asked = 0;
	assert_int_equal(vn_vfio_info(-1, VFIO_DEVICE_GET_REGION_INFO, &question, sizeof(question), &answer, &size), -EIO);
	assert_null(answer);
	assert_in_range(asked, 3, 10);
}

static void chains_do_not_lead_out(void **state)
{
	const struct link chain[] = {
		{ 0, 0, 0 }, { 7, 1, 8 }, { 9, 1, 1000 }, { 8, 1, UINT32_MAX },
	};
	const size_t size = sizeof(chain);

	(void)state;
	/* A loop, and places outside or at the very end. */
	assert_int_equal(find(chain, size, 8, 9, 8), 0);
	assert_int_equal(find(chain, size, 16, 1, 8), 0);
	assert_int_equal(find(chain, size, 24, 1, 8), 0);
	assert_int_equal(find(chain, size, size, 1, 8), 0);
	assert_int_equal(find(chain, size, size - 7, 0, 8), 0);
	assert_int_equal(find(chain, size, SIZE_MAX, 0, 8), 0);
	/* The chain is shorter than the structure. */
	assert_int_equal(find(chain, size, 24, 8, 8), 24);
	assert_int_equal(find(chain, size, 24, 8, 9), 0);
}

static void sizes_of_memory(void **state)
{
	static const size_t rows[] = { 0, SIZE_MAX, SIZE_MAX / 2, (size_t)INT64_MAX - VN_HUGEPAGE + 1 };
	struct rlimit before, small;
	struct vn_memory memory;

	(void)state;
	/* Whatever is asked for, no memory is taken from this machine. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 1 << 20, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(vn_memory_alloc(rows[i], false, &memory), -EINVAL);
		assert_int_equal(memory.fd, -1);
		assert_int_equal(vn_memory_alloc_huge(rows[i], &memory), -EINVAL);
		assert_int_equal(memory.fd, -1);
		assert_non_null(strstr(vionet_error_text(), "bytes cannot be allocated"));
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* It is the descriptors that are few, and no word of huge pages. */
static void memory_without_a_descriptor(void **state)
{
	struct rlimit before, none;
	struct vn_memory memory;
	int result[2];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result[0] = vn_memory_alloc(4096, false, &memory);
	result[1] = vn_memory_alloc_huge(4096, &memory);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result[0], -EMFILE);
	assert_int_equal(result[1], -EMFILE);
	assert_non_null(strstr(vionet_error_text(), "4096 bytes cannot be allocated"));
}

/* The whole need, what is in use, the limit, and one command that raises it. */
static void the_locked_limit_is_explained(void **state)
{
	struct rlimit before, small;
	uid_t user = geteuid();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	small = before;
	small.rlim_cur = 64 * 1024;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &small), 0);
	/* Without CAP_IPC_LOCK: it goes with the effective user. */
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(vn_locked_check(64 * 1024, VN_ACCOUNT_PROCESS), 0);
	assert_int_equal(vn_locked_check(64 * 1024, VN_ACCOUNT_IOMMUFD), 0);
	assert_int_equal(vn_locked_check(68 * 1024, VN_ACCOUNT_PROCESS),
			 -ENOMEM);
	assert_string_equal(vionet_error_text(),
			    "needs 68 KiB of locked memory, 0 of 64 KiB are in use; "
			    "raise the limit: ulimit -l 68");
	assert_int_equal(vn_locked_check(UINT64_MAX, VN_ACCOUNT_PROCESS),
			 -ENOMEM);
	if (user == 0)
		assert_int_equal(seteuid(user), 0);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

/* Beyond the hard limit only root raises it. */
static void root_raises_the_hard_limit(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		const struct rlimit small = { 64 * 1024, 64 * 1024 };

		if (setrlimit(RLIMIT_MEMLOCK, &small) != 0 ||
		    (geteuid() == 0 && seteuid(65534) != 0) ||
		    vn_locked_check(65537, VN_ACCOUNT_PROCESS) != -ENOMEM)
			_exit(1);
		_exit(strstr(vionet_error_text(), "needs 65 KiB") == NULL ||
		      strstr(vionet_error_text(), "sudo prlimit --pid $$ "
			     "--memlock=66560") == NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* A VFIO container counts pinned memory in VmLck alone; iommufd counts it in VmPin too. */
static void pins_are_found_where_they_are_counted(void **state)
{
	static char text[] = "VmLck:\t     100 kB\nVmPin:\t     4000 kB\n"
			     "CapEff:\t00000000a80425fb\n";
	static char lock_only[] = "VmLck:\t     100 kB\n";
	struct vn_locked locked = { 0, 8 << 20, 8 << 20 };
	FILE *file = fmemopen(text, sizeof(text) - 1, "r");

	(void)state;
	vn_locked_read_status(file, VN_ACCOUNT_PROCESS, &locked);
	assert_int_equal(locked.in_use, 100 * 1024);
	assert_int_equal(locked.limit, 8 << 20);
	rewind(file);
	vn_locked_read_status(file, VN_ACCOUNT_IOMMUFD, &locked);
	assert_int_equal(locked.in_use, 4000 * 1024);
	fclose(file);
	/* vhost: in VmPin alone. */
	locked.in_use = 0;
	file = fmemopen(lock_only, sizeof(lock_only) - 1, "r");
	vn_locked_read_status(file, VN_ACCOUNT_VHOST, &locked);
	assert_int_equal(locked.in_use, 0);
	fclose(file);
}

static void who_may_lock_any_amount_has_no_limit(void **state)
{
	static char text[] = "CapEff:\t0000000000004000\n";
	struct vn_locked locked = { 0, 8 << 20, 8 << 20 };
	FILE *file = fmemopen(text, sizeof(text) - 1, "r");

	(void)state;
	vn_locked_read_status(file, VN_ACCOUNT_PROCESS, &locked);
	assert_true(locked.limit == UINT64_MAX);
	/* But vhost has one for everybody. */
	locked.limit = 8 << 20;
	rewind(file);
	vn_locked_read_status(file, VN_ACCOUNT_VHOST, &locked);
	assert_int_equal(locked.limit, 8 << 20);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_directory),
		cmocka_unit_test(too_long_a_name),
		cmocka_unit_test_setup_teardown(a_file_that_is_no_container,
						make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(no_permission, make_directory,
						remove_directory),
		cmocka_unit_test(no_such_group),
		cmocka_unit_test(no_container_closes),
		cmocka_unit_test(chains_are_followed),
		cmocka_unit_test(answers_that_get_longer),
		cmocka_unit_test(chains_do_not_lead_out),
		cmocka_unit_test(sizes_of_memory),
		cmocka_unit_test(memory_without_a_descriptor),
		cmocka_unit_test(the_locked_limit_is_explained),
		cmocka_unit_test(root_raises_the_hard_limit),
		cmocka_unit_test(pins_are_found_where_they_are_counted),
		cmocka_unit_test(who_may_lock_any_amount_has_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
