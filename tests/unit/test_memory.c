/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu/memory.c, in ordinary pages and, where the machine has any, in huge pages. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <vionet/error.h>

#include "iommu/memory.h"

#define HUGE ((size_t)2 << 20)
#define POOL "/proc/sys/vm/nr_hugepages"
#define PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define RESERVED_PAGES 4

static long pages_before = -1;

static long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long pages = -1;

	if (file == NULL)
		return -1;
	if (fscanf(file, "%ld", &pages) != 1)
		pages = -1;
	fclose(file);
	return pages;
}

static long read_pool(void)
{
	return read_number(POOL);
}

/* Pages that a process of others has, or was promised, are in the pool too. */
static long free_pages(void)
{
	return read_number(PAGES "free_hugepages") - read_number(PAGES "resv_hugepages");
}

static void write_pool(long pages)
{
	FILE *file = fopen(POOL, "we");

	if (file == NULL)
		return;
	fprintf(file, "%ld", pages);
	fclose(file);
}

static int set_pool(void **state)
{
	(void)state;
	pages_before = read_pool();
	if (pages_before >= 0 && free_pages() < RESERVED_PAGES)
		write_pool(pages_before + read_number(PAGES "surplus_hugepages") + RESERVED_PAGES - free_pages());
	return 0;
}

static int restore_pool(void **state)
{
	(void)state;
	if (pages_before >= 0 && read_pool() != pages_before)
		write_pool(pages_before);
	return 0;
}

static void need_hugepages(void)
{
	if (free_pages() >= RESERVED_PAGES)
		return;
	print_message("skipped: %s cannot be raised by %d here\n", POOL,
		      RESERVED_PAGES);
	skip();
}

static void assert_empty(const struct vn_memory *memory)
{
	assert_null(memory->address);
	assert_int_equal(memory->size, 0);
	assert_int_equal(memory->page_size, 0);
	assert_int_equal(memory->fd, -1);
}

static void assert_zeroed_and_writable(struct vn_memory *memory)
{
	unsigned char *bytes = memory->address;

	for (size_t i = 0; i < memory->size; i++)
		assert_int_equal(bytes[i], 0);
	memset(bytes, 0xa5, memory->size);
}

/* The file and the mapping show the same bytes. */
static void assert_shared(const struct vn_memory *memory)
{
	unsigned char *other = mmap(NULL, memory->size, PROT_READ, MAP_SHARED,
				    memory->fd, 0);

	assert_true(other != MAP_FAILED);
	((unsigned char *)memory->address)[memory->size - 1] = 0x5a;
	assert_int_equal(other[memory->size - 1], 0x5a);
	munmap(other, memory->size);
}

static void assert_sealed(const struct vn_memory *memory)
{
	assert_int_not_equal(ftruncate(memory->fd, 0), 0);
	assert_int_equal(errno, EPERM);
	assert_int_not_equal(ftruncate(memory->fd, (off_t)memory->size * 2), 0);
	assert_int_equal(errno, EPERM);
}

static int touch_in_child(const volatile char *address)
{
	const struct rlimit no_core = { 0, 0 };
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer may have it */
		setrlimit(RLIMIT_CORE, &no_core);
		(void)*address;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check(size_t size, bool hugepages, size_t page_size,
		  size_t real_size)
{
	struct vn_memory memory;
	int fd;

	assert_int_equal(vn_memory_alloc(size, hugepages, &memory), 0);
	assert_int_equal(memory.page_size, page_size);
	assert_int_equal(memory.size, real_size);
	assert_int_equal((uintptr_t)memory.address % page_size, 0);
	assert_true(memory.fd >= 0);
	assert_int_equal(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_zeroed_and_writable(&memory);
	assert_shared(&memory);
	assert_sealed(&memory);
	assert_int_equal(touch_in_child(memory.address), SIGSEGV);
	fd = memory.fd;
	vn_memory_free(&memory);
	assert_empty(&memory);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void ordinary_pages(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	check(1, false, page, page);
	check(page, false, page, page);
	check(page + 1, true, page, 2 * page);
	check(HUGE - 1, true, page, HUGE);
	check(3 * HUGE + 5, false, page, 3 * HUGE + page);
}

static void huge_pages(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	need_hugepages();
	check(HUGE, true, HUGE, HUGE);
	check(2 * HUGE - HUGE / 8, true, HUGE, 2 * HUGE);
	/* Too much of the last one would be left over, and pinned. */
	check(HUGE + 1, true, page, HUGE + page);
}

static void too_few_huge_pages_are_no_failure(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct vn_memory rest[RESERVED_PAGES];
	int taken = 0;

	(void)state;
	need_hugepages();
	if (free_pages() != RESERVED_PAGES)
		skip(); /* the machine uses huge pages itself: leave them alone */
	while (taken < RESERVED_PAGES - 1 &&
	       vn_memory_alloc(HUGE, true, &rest[taken]) == 0)
		taken++;
	/* One huge page is left where two are needed: all of it must be in ordinary
	 * pages. */
	check(2 * HUGE, true, page, 2 * HUGE);
	while (taken > 0)
		vn_memory_free(&rest[--taken]);
	check(2 * HUGE, true, HUGE, 2 * HUGE);
}

static void refuses_sizes(void **state)
{
	struct vn_memory memory;

	(void)state;
	assert_int_equal(vn_memory_alloc(0, true, &memory), -EINVAL);
	assert_empty(&memory);
	assert_int_equal(vn_memory_alloc(SIZE_MAX, true, &memory), -EINVAL);
	assert_empty(&memory);
	assert_int_equal(vn_memory_alloc(SIZE_MAX / 2, true, &memory), -EINVAL);
	assert_empty(&memory);
	assert_string_not_equal(vionet_error_text(), "");
}

/* RLIMIT_FSIZE makes the allocation fail on every machine. */
static void shortage_leaves_nothing_behind(void **state)
{
	struct rlimit before, small;
	struct vn_memory memory;
	int first, second;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = HUGE;
	signal(SIGXFSZ, SIG_IGN);
	first = dup(0);
	close(first);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(vn_memory_alloc(4 * HUGE, false, &memory), -ENOMEM);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_empty(&memory);
	second = dup(0);
	close(second);
	assert_int_equal(first, second);
	assert_non_null(strstr(vionet_error_text(), "8388608"));
}

static void frees_only_what_is_its_own(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct vn_memory memory = { .fd = -1 };
	void *mine = mmap(NULL, page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(mine != MAP_FAILED);
	vn_memory_free(&memory);
	assert_empty(&memory);
	memory = (struct vn_memory){
		.address = mine, .size = page, .page_size = page, .fd = -1,
	};
	vn_memory_free(&memory);
	assert_empty(&memory);
	memset(mine, 1, page);
	munmap(mine, page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_pages),
		cmocka_unit_test(huge_pages),
		cmocka_unit_test(too_few_huge_pages_are_no_failure),
		cmocka_unit_test(refuses_sizes),
		cmocka_unit_test(shortage_leaves_nothing_behind),
		cmocka_unit_test(frees_only_what_is_its_own),
	};

	return cmocka_run_group_tests(tests, set_pool, restore_pool);
}
