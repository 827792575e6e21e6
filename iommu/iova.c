/* SPDX-License-Identifier: BSD-3-Clause */
/* A device has tens of regions, not thousands, so a sorted array that is walked
 * from its start is enough and gives the lowest fit for nothing. All ends are
 * inclusive: a range may end at 2^64 - 1, whose successor is no number. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "iommu/iova.h"

struct vn_iova_space {
	uint64_t page_size;
	size_t range_count;
	struct vn_iova_range *range; /* sorted, disjoint, whole pages */
	size_t region_count, region_room;
	struct vn_iova_range *region; /* in use, sorted */
};

static bool iova_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Bring `*value` up to a multiple of `alignment`; false if there is none. */
static bool iova_align_up(uint64_t *value, uint64_t alignment)
{
	uint64_t past = *value & (alignment - 1);

	if (past == 0)
		return true;
	if (*value > UINT64_MAX - (alignment - past))
		return false;
	*value += alignment - past;
	return true;
}

static int iova_by_first(const void *left, const void *right)
{
	const struct vn_iova_range *a = left, *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

/* Sort, and make one of those that overlap or touch. Returns how many remain. */
static size_t iova_merge(struct vn_iova_range *range, size_t count)
{
	size_t kept = 0;

	qsort(range, count, sizeof(*range), iova_by_first);
	for (size_t i = 0; i < count; i++) {
		struct vn_iova_range *before = &range[kept == 0 ? 0 : kept - 1];

		if (range[i].first > range[i].last)
			continue;
		if (kept == 0 || (before->last != UINT64_MAX &&
				  range[i].first > before->last + 1))
			range[kept++] = range[i];
		else if (range[i].last > before->last)
			before->last = range[i].last;
	}
	return kept;
}

/*
 * Cut a range to whole pages that may be given out. Page 0 goes, so that 0 can
 * mean "none" and a device that follows a null pointer faults. The top page of
 * 2^64 goes: its end overflows, in kernels too.
 */
static bool iova_trim(struct vn_iova_range *range, uint64_t page_size)
{
	uint64_t limit = UINT64_MAX - page_size;

	if (range->first == 0)
		range->first = 1;
	if (!iova_align_up(&range->first, page_size))
		return false;
	if (range->last > limit)
		range->last = limit;
	if (range->last < page_size - 1)
		return false;
	/* The largest last <= range->last such that last + 1 is a multiple. */
	range->last = ((range->last - (page_size - 1)) & ~(page_size - 1)) +
		      (page_size - 1);
	return range->first <= range->last;
}

static size_t iova_normalise(struct vn_iova_range *range, size_t count,
			     uint64_t page_size)
{
	size_t kept = 0;

	count = iova_merge(range, count);
	for (size_t i = 0; i < count; i++) {
		if (iova_trim(&range[i], page_size))
			range[kept++] = range[i];
	}
	return kept;
}

int vn_iova_space_create(const struct vn_iova_range *ranges, size_t count,
			 uint64_t page_size, struct vn_iova_space **space)
{
	struct vn_iova_space *made;

	*space = NULL;
	if (!iova_power_of_two(page_size))
		return vn_error(EINVAL, "IOVA space: page size %#" PRIx64
				" is no power of two", page_size);
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return vn_error(ENOMEM, "IOVA space: out of memory");
	made->range = calloc(count + 1, sizeof(*made->range));
	if (made->range == NULL) {
		free(made);
		return vn_error(ENOMEM, "IOVA space: out of memory");
	}
	if (count != 0)
		memcpy(made->range, ranges, count * sizeof(*ranges));
	made->page_size = page_size;
	made->range_count = iova_normalise(made->range, count, page_size);
	if (made->range_count == 0) {
		vn_iova_space_destroy(made);
		return vn_error(EINVAL, "IOVA space: the IOMMU's %zu ranges hold "
				"no usable page of %#" PRIx64 " bytes", count,
				page_size);
	}
	*space = made;
	return 0;
}

void vn_iova_space_destroy(struct vn_iova_space *space)
{
	if (space == NULL)
		return;
	free(space->region);
	free(space->range);
	free(space);
}

/*
 * Lowest place in `range` for `size` bytes. `*next` is the first region that
 * does not lie below the range; it is moved to the one behind the place found.
 */
static bool iova_fit(const struct vn_iova_space *space,
		     const struct vn_iova_range *range, uint64_t size,
		     uint64_t alignment, size_t *next, uint64_t *iova)
{
	uint64_t place = range->first;

	for (;; (*next)++) {
		const struct vn_iova_range *region = space->region + *next;
		bool last = *next == space->region_count ||
			    region->first > range->last;

		/* A place past the next region is found in the next round. */
		if (!iova_align_up(&place, alignment) || place > range->last ||
		    size - 1 > range->last - place)
			return false;
		/* Cannot overflow: both lie below the top page of 2^64. */
		if (last || (region->first > place &&
			     region->first - place >= size + space->page_size)) {
			*iova = place;
			return true;
		}
		if (range->last - region->last <= space->page_size)
			return false;
		place = region->last + 1 + space->page_size;
	}
}

static bool iova_make_room(struct vn_iova_space *space)
{
	size_t room = space->region_room == 0 ? 16 : space->region_room * 2;
	struct vn_iova_range *region;

	if (space->region_count < space->region_room)
		return true;
	region = reallocarray(space->region, room, sizeof(*region));
	if (region == NULL)
		return false;
	space->region = region;
	space->region_room = room;
	return true;
}

static void iova_insert(struct vn_iova_space *space, size_t at, uint64_t first,
			uint64_t size)
{
	struct vn_iova_range *region = space->region + at;

	memmove(region + 1, region,
		(space->region_count - at) * sizeof(*region));
	region->first = first;
	region->last = first + (size - 1);
	space->region_count++;
}

/* Index of the first region that starts at `first` or later. */
static size_t iova_find(const struct vn_iova_space *space, uint64_t first)
{
	size_t low = 0, high = space->region_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->region[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int vn_iova_alloc(struct vn_iova_space *space, uint64_t size,
		  uint64_t alignment, uint64_t *iova)
{
	*iova = 0;
	if (size == 0 || !iova_power_of_two(alignment))
		return vn_error(EINVAL, "IOVA space: %" PRIu64 " bytes aligned to "
				"%#" PRIx64 " make no sense", size, alignment);
	if (alignment < space->page_size)
		alignment = space->page_size;
	if (!iova_make_room(space))
		return vn_error(ENOMEM, "IOVA space: out of memory");
	/* The size needs no rounding: every place is a multiple of pages. */
	for (size_t i = 0; i < space->range_count; i++) {
		const struct vn_iova_range *range = &space->range[i];
		size_t next = iova_find(space, range->first);

		if (iova_fit(space, range, size, alignment, &next, iova)) {
			iova_insert(space, next, *iova, size);
			return 0;
		}
	}
	return vn_error(ENOSPC, "IOVA space: no room for %" PRIu64 " bytes aligned "
			"to %#" PRIx64 " among %zu regions; register fewer or "
			"smaller ones", size, alignment, space->region_count);
}

/* Inside a range, with a guard page on both sides of it. */
static bool iova_is_free(const struct vn_iova_space *space, size_t next, uint64_t iova,
			 uint64_t last)
{
	bool inside = false;

	for (size_t i = 0; i < space->range_count; i++)
		inside |= iova >= space->range[i].first && last <= space->range[i].last;
	if (!inside || last < iova)
		return false;
	if (next != 0 && (space->region[next - 1].last >= iova ||
			  iova - space->region[next - 1].last <= space->page_size))
		return false;
	return next == space->region_count ||
	       (space->region[next].first > last &&
		space->region[next].first - last > space->page_size);
}

int vn_iova_take(struct vn_iova_space *space, uint64_t iova, uint64_t size)
{
	size_t next = iova_find(space, iova);

	if (size == 0 || (iova & (space->page_size - 1)) != 0)
		return vn_error(EINVAL,
				"IOVA space: %" PRIu64 " bytes at %#" PRIx64
				" make no sense: pages have %#" PRIx64 " bytes",
				size, iova, space->page_size);
	if (!iova_is_free(space, next, iova, iova + (size - 1)))
		return vn_error(ENOSPC, "IOVA space: %" PRIu64 " bytes at %#" PRIx64 " are not free",
				size, iova);
	if (!iova_make_room(space))
		return vn_error(ENOMEM, "IOVA space: out of memory");
	iova_insert(space, next, iova, size);
	return 0;
}

int vn_iova_free(struct vn_iova_space *space, uint64_t iova)
{
	size_t at = iova_find(space, iova);

	if (at == space->region_count || space->region[at].first != iova)
		return vn_error(ENOENT, "IOVA space: nothing starts at %#" PRIx64,
				iova);
	space->region_count--;
	memmove(&space->region[at], &space->region[at + 1],
		(space->region_count - at) * sizeof(*space->region));
	return 0;
}
