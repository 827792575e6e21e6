/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu/iova.c: hand-picked edges, and random runs against a model with one byte for each
 * page. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vionet/error.h>

#include "iommu/iova.h"

#define PAGE 0x1000ull
#define MIB 0x100000ull
#define TOP UINT64_MAX

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct vn_iova_space *make(const struct vn_iova_range *ranges,
				  size_t count)
{
	struct vn_iova_space *space;

	assert_int_equal(vn_iova_space_create(ranges, count, PAGE, &space), 0);
	assert_non_null(space);
	return space;
}

static uint64_t take(struct vn_iova_space *space, uint64_t size,
		     uint64_t alignment)
{
	uint64_t iova;

	assert_int_equal(vn_iova_alloc(space, size, alignment, &iova), 0);
	return iova;
}

static void refuses_what_makes_no_sense(void **state)
{
	const struct vn_iova_range range = { 0, MIB - 1 };
	const struct vn_iova_range backwards = { MIB, 0 };
	const struct vn_iova_range page_zero = { 0, PAGE - 1 };
	const struct vn_iova_range odd = { PAGE + 1, 3 * PAGE - 2 };
	const struct vn_iova_range top = { TOP - PAGE + 1, TOP };
	struct vn_iova_space *space = (void *)1;

	(void)state;
	assert_int_equal(vn_iova_space_create(&range, 1, 0, &space), -EINVAL);
	assert_null(space);
	assert_int_equal(vn_iova_space_create(&range, 1, 3 * PAGE, &space),
			 -EINVAL);
	assert_int_equal(vn_iova_space_create(NULL, 0, PAGE, &space), -EINVAL);
	assert_int_equal(vn_iova_space_create(&backwards, 1, PAGE, &space),
			 -EINVAL);
	assert_int_equal(vn_iova_space_create(&page_zero, 1, PAGE, &space),
			 -EINVAL);
	assert_int_equal(vn_iova_space_create(&odd, 1, PAGE, &space), -EINVAL);
	assert_int_equal(vn_iova_space_create(&top, 1, PAGE, &space), -EINVAL);
	assert_int_equal(vn_iova_space_create(&range, 1, 1ull << 63, &space),
			 -EINVAL);
	assert_null(space);
	assert_string_not_equal(vionet_error_text(), "");
	vn_iova_space_destroy(NULL);
}

static void refuses_bad_requests(void **state)
{
	const struct vn_iova_range range = { 0, MIB - 1 };
	struct vn_iova_space *space = make(&range, 1);
	uint64_t iova = 1;

	(void)state;
	assert_int_equal(vn_iova_alloc(space, 0, PAGE, &iova), -EINVAL);
	assert_int_equal(vn_iova_alloc(space, PAGE, 0, &iova), -EINVAL);
	assert_int_equal(vn_iova_alloc(space, PAGE, 3 * PAGE, &iova), -EINVAL);
	assert_int_equal(vn_iova_alloc(space, TOP, PAGE, &iova), -ENOSPC);
	assert_int_equal(vn_iova_alloc(space, TOP - PAGE + 1, PAGE, &iova),
			 -ENOSPC);
	assert_int_equal(vn_iova_alloc(space, 2 * MIB, PAGE, &iova), -ENOSPC);
	assert_int_equal(vn_iova_alloc(space, PAGE, 1ull << 63, &iova), -ENOSPC);
	assert_true(iova == 0);
	assert_int_equal(vn_iova_free(space, PAGE), -ENOENT);
	assert_true(take(space, 1, 1) == PAGE);
	assert_int_equal(vn_iova_free(space, 0), -ENOENT);
	assert_int_equal(vn_iova_free(space, PAGE + 1), -ENOENT);
	assert_int_equal(vn_iova_free(space, PAGE), 0);
	assert_int_equal(vn_iova_free(space, PAGE), -ENOENT);
	vn_iova_space_destroy(space);
}

static void leaves_guards_and_takes_the_lowest_fit(void **state)
{
	/* fault: K01 */
	const struct vn_iova_range range = { 0, MIB - 1 };
	struct vn_iova_space *space = make(&range, 1);

	(void)state;
	assert_true(take(space, PAGE, PAGE) == 0x1000);
	assert_true(take(space, PAGE + 1, PAGE) == 0x3000); /* two pages */
	assert_true(take(space, PAGE, PAGE) == 0x6000);
	assert_true(take(space, PAGE, 0x10000) == 0x10000);
	assert_true(take(space, PAGE, PAGE) == 0x8000);
	/* A hole that fits only without its guard is no hole. */
	assert_int_equal(vn_iova_free(space, 0x3000), 0);
	assert_true(take(space, 3 * PAGE, PAGE) == 0xa000);
	assert_true(take(space, 2 * PAGE, PAGE) == 0x3000);
	vn_iova_space_destroy(space);
}

/* What QEMU's intel-iommu reports. */
static const struct vn_iova_range intel[] = {
	{ 0xfef00000, 0x7fffffffff },
	{ 0, 0xfedfffff },
};

static void keeps_out_of_the_msi_window(void **state)
{
	struct vn_iova_space *space = make(intel, COUNT(intel));
	uint64_t low;

	(void)state;
	assert_true(take(space, PAGE, PAGE) == PAGE);
	/* Too large for what is below the window. */
	assert_true(take(space, 0x100000000, PAGE) == 0xfef00000);
	low = take(space, 0xfede0000 - 0x3000, PAGE);
	assert_true(low == 0x3000);
	/* 0xfede0000 is a guard; what follows ends right at the window. */
	assert_true(take(space, 0x1f000, PAGE) == 0xfede1000);
	assert_true(take(space, PAGE, PAGE) == 0x1fef01000);
	vn_iova_space_destroy(space);
}

static void merges_ranges(void **state)
{
	/* Overlapping, repeated, contained, touching, apart by a byte, odd. */
	const struct vn_iova_range ranges[] = {
		{ 0x20000, 0x2ffff }, { 0x10000, 0x1ffff }, { 0x10000, 0x1ffff },
		{ 0x18000, 0x27fff }, { 0x11000, 0x11000 }, { 0x30001, 0x3ffff },
		{ 0x50000, 0x40000 }, { 0x60800, 0x627ff },
		/* An inverted range between two that touch. */
		{ 0x70000, 0x7ffff }, { 0x80000, 0x10 }, { 0x80000, 0x8ffff },
	};
	struct vn_iova_space *space = make(ranges, COUNT(ranges));
	uint64_t iova;

	(void)state;
	assert_true(take(space, 0x20000, PAGE) == 0x10000);
	assert_true(take(space, 0xf000, PAGE) == 0x31000);
	assert_true(take(space, 0x20000, PAGE) == 0x70000);
	assert_true(take(space, PAGE, PAGE) == 0x61000);
	assert_int_equal(vn_iova_alloc(space, PAGE, PAGE, &iova), -ENOSPC);
	vn_iova_space_destroy(space);
}

static void holds_at_the_top_of_the_address_space(void **state)
{
	const struct vn_iova_range range = { TOP - 16 * PAGE + 1, TOP };
	struct vn_iova_space *space = make(&range, 1);
	uint64_t first = range.first, iova;

	(void)state;
	/* Alignments whose next multiple is 2^64. */
	assert_int_equal(vn_iova_alloc(space, PAGE, 32 * PAGE, &iova), -ENOSPC);
	assert_int_equal(vn_iova_alloc(space, 16 * PAGE, PAGE, &iova), -ENOSPC);
	assert_true(take(space, 15 * PAGE, PAGE) == first);
	assert_int_equal(vn_iova_alloc(space, PAGE, PAGE, &iova), -ENOSPC);
	assert_int_equal(vn_iova_free(space, first), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(take(space, PAGE, PAGE) == first + 2 * i * PAGE);
	assert_int_equal(vn_iova_alloc(space, PAGE, PAGE, &iova), -ENOSPC);
	vn_iova_space_destroy(space);
}

static void holds_over_the_whole_address_space(void **state)
{
	const struct vn_iova_range range = { 0, TOP };
	struct vn_iova_space *space = make(&range, 1);
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_iova_alloc(space, TOP - 2 * PAGE + 2, PAGE, &iova),
			 -ENOSPC);
	assert_true(take(space, TOP - 2 * PAGE + 1, PAGE) == PAGE);
	assert_int_equal(vn_iova_free(space, PAGE), 0);
	assert_true(take(space, PAGE, 1ull << 63) == 1ull << 63);
	assert_true(take(space, (1ull << 63) - 2 * PAGE, PAGE) == PAGE);
	vn_iova_space_destroy(space);
}

static void other_page_sizes(void **state)
{
	const struct vn_iova_range range = { 0x8100000, 0x83fffff };
	struct vn_iova_space *space;
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_iova_space_create(&range, 1, 0x10000, &space), 0);
	assert_int_equal(vn_iova_alloc(space, 1, 1, &iova), 0);
	assert_true(iova == 0x8100000);
	assert_int_equal(vn_iova_alloc(space, 0x10001, PAGE, &iova), 0);
	assert_true(iova == 0x8120000);
	assert_int_equal(vn_iova_alloc(space, 1, 1, &iova), 0);
	assert_true(iova == 0x8150000);
	vn_iova_space_destroy(space);
}

/*
 * The model: `pages` pages from `base`, one byte each.
 */
#define PAGES 96

enum page_state { CLOSED, FREE, TAKEN };

struct model {
	uint64_t base;
	unsigned char page[PAGES];
	unsigned int length[PAGES]; /* of the region that starts here */
};

/* A page is open if every byte of it lies in some range. */
static bool is_open(uint64_t first, const struct vn_iova_range *ranges,
		    size_t count)
{
	for (uint64_t byte = first; byte - first < PAGE; byte += 0x100) {
		bool found = false;

		for (size_t i = 0; i < count; i++)
			found |= byte >= ranges[i].first &&
				 byte + 0xff <= ranges[i].last;
		if (!found)
			return false;
	}
	return first != 0 && first != TOP - PAGE + 1;
}

static bool free_from(const struct model *model, unsigned int at,
		      unsigned int length)
{
	if (at + length > PAGES || (at > 0 && model->page[at - 1] == TAKEN) ||
	    (at + length < PAGES && model->page[at + length] == TAKEN))
		return false;
	for (unsigned int i = at; i < at + length; i++)
		if (model->page[i] != FREE)
			return false;
	return true;
}

static unsigned int model_alloc(struct model *model, unsigned int length,
				uint64_t alignment)
{
	for (unsigned int at = 0; at < PAGES; at++) {
		if (((model->base + at * PAGE) & (alignment - 1)) != 0 ||
		    !free_from(model, at, length))
			continue;
		memset(&model->page[at], TAKEN, length);
		model->length[at] = length;
		return at;
	}
	return PAGES;
}

static void step(struct model *model, struct vn_iova_space *space)
{
	unsigned int length = 1 + (unsigned int)rand() % 6;
	unsigned int at = (unsigned int)rand() % PAGES;
	uint64_t alignment = PAGE << rand() % 5, iova;
	int result;

	if (rand() % 2 == 0) {
		result = vn_iova_free(space, model->base + at * PAGE);
		assert_int_equal(result, model->length[at] ? 0 : -ENOENT);
		/* Nothing where no region starts: the length is 0 there. */
		memset(&model->page[at], FREE, model->length[at]);
		model->length[at] = 0;
		return;
	}
	at = model_alloc(model, length, alignment);
	result = vn_iova_alloc(space, length * PAGE - (unsigned int)rand() % PAGE,
			       alignment, &iova);
	assert_int_equal(result, at == PAGES ? -ENOSPC : 0);
	if (result == 0)
		assert_true(iova == model->base + at * PAGE);
}

/* Random ranges in blocks of 256 bytes, so that many ends are odd. */
static void run_model(uint64_t base)
{
	struct model model = { .base = base };
	struct vn_iova_range ranges[6];
	struct vn_iova_space *space;
	bool any = false;
	int result;

	for (size_t i = 0; i < COUNT(ranges); i++) {
		unsigned int first = (unsigned int)rand() % (PAGES * 16);
		unsigned int length = (unsigned int)rand() % (PAGES * 6);

		if (first + length > PAGES * 16 || rand() % 16 == 0)
			length = PAGES * 16 - first;
		ranges[i].first = base + first * 0x100ull;
		ranges[i].last = ranges[i].first + length * 0x100ull - 1;
		/* An empty one would be the whole space at base 0. */
		if (length == 0)
			ranges[i] = (struct vn_iova_range){ 1, 0 };
	}
	for (unsigned int i = 0; i < PAGES; i++) {
		if (is_open(base + i * PAGE, ranges, COUNT(ranges)))
			model.page[i] = FREE;
		any |= model.page[i] == FREE;
	}
	result = vn_iova_space_create(ranges, COUNT(ranges), PAGE, &space);
	assert_int_equal(result, any ? 0 : -EINVAL);
	for (int i = 0; any && i < 400; i++)
		step(&model, space);
	vn_iova_space_destroy(space);
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 1500; i++) {
		run_model(0);
		run_model(0xfed00000);
		run_model(TOP - PAGES * PAGE + 1);
	}
}

static void many_regions(void **state)
{
	struct vn_iova_space *space = make(intel, COUNT(intel));

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		assert_true(take(space, PAGE, PAGE) == PAGE + i * 2 * PAGE);
	for (uint64_t i = 0; i < 2000; i += 2)
		assert_int_equal(vn_iova_free(space, PAGE + i * 2 * PAGE), 0);
	/* Between two guards there is room for one page, not for two. */
	assert_true(take(space, 2 * PAGE, PAGE) == PAGE + 2000 * 2 * PAGE);
	for (uint64_t i = 0; i < 2000; i += 2)
		assert_true(take(space, PAGE, PAGE) == PAGE + i * 2 * PAGE);
	vn_iova_space_destroy(space);
}

/* What another space gave out is taken at its place, with the same guards. */
static void takes_a_given_place(void **state)
{
	struct vn_iova_space *space = make(intel, COUNT(intel));

	(void)state;
	assert_int_equal(vn_iova_take(space, 4 * PAGE, 2 * PAGE), 0);
	for (uint64_t page = 2; page <= 6; page++)
		assert_int_equal(vn_iova_take(space, page * PAGE, 2 * PAGE), -ENOSPC);
	assert_int_equal(vn_iova_take(space, 7 * PAGE, PAGE), 0);
	assert_int_equal(vn_iova_take(space, PAGE, 2 * PAGE), 0);
	assert_int_equal(vn_iova_take(space, 0, PAGE), -ENOSPC);
	assert_int_equal(vn_iova_take(space, 0xfee00000, PAGE), -ENOSPC);
	assert_int_equal(vn_iova_take(space, UINT64_MAX - PAGE + 1, PAGE), -ENOSPC);
	assert_int_equal(vn_iova_take(space, 20 * PAGE, 0), -EINVAL);
	assert_int_equal(vn_iova_take(space, 20 * PAGE + 1, PAGE), -EINVAL);
	/* Rounded up: the guard page is behind that. */
	assert_int_equal(vn_iova_take(space, 30 * PAGE, 5), 0);
	assert_int_equal(vn_iova_take(space, 31 * PAGE, PAGE), -ENOSPC);
	assert_int_equal(vn_iova_take(space, 32 * PAGE, PAGE), 0);
	assert_true(take(space, PAGE, PAGE) == 9 * PAGE);
	assert_int_equal(vn_iova_free(space, 4 * PAGE), 0);
	assert_true(take(space, 2 * PAGE, PAGE) == 4 * PAGE);
	vn_iova_space_destroy(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_makes_no_sense),
		cmocka_unit_test(refuses_bad_requests),
		cmocka_unit_test(leaves_guards_and_takes_the_lowest_fit),
		cmocka_unit_test(keeps_out_of_the_msi_window),
		cmocka_unit_test(merges_ranges),
		cmocka_unit_test(holds_at_the_top_of_the_address_space),
		cmocka_unit_test(holds_over_the_whole_address_space),
		cmocka_unit_test(other_page_sizes),
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(many_regions),
		cmocka_unit_test(takes_a_given_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
