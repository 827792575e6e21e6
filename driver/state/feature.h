/* SPDX-License-Identifier: BSD-3-Clause */
/* The one table of feature bits (name, what each depends on), set arithmetic, and the choice of
 * what to accept. Nothing here talks to a device. */
#ifndef VN_DRIVER_FEATURE_H
#define VN_DRIVER_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include <vionet/feature.h>

static inline void vn_feature_add(struct vionet_features *set, unsigned int bit)
{
	set->word[bit / 64] |= 1ull << (bit % 64);
}

static inline void vn_feature_remove(struct vionet_features *set,
				     unsigned int bit)
{
	set->word[bit / 64] &= ~(1ull << (bit % 64));
}

static inline bool vn_features_equal(const struct vionet_features *a,
				     const struct vionet_features *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

/* Is every bit of `part` in `whole`? */
static inline bool vn_features_include(const struct vionet_features *whole,
				       const struct vionet_features *part)
{
	return (part->word[0] & ~whole->word[0]) == 0 &&
	       (part->word[1] & ~whole->word[1]) == 0;
}

/* Everything that this driver can make use of. */
void vn_features_known(struct vionet_features *known);

/* What of it is accepted only for an application that wants or needs it. */
void vn_features_on_request(struct vionet_features *set);

/*
 * Drop from `set`, until nothing changes, every bit whose prerequisites are not
 * in it ("Feature bit requirements", NETF-01 to NETF-27).
 */
void vn_features_close(struct vionet_features *set);

/*
 * Choose what to accept: what is offered, known and not avoided, closed over
 * dependencies; then see whether that will do. What changes the packets that arrive
 * is left out, unless it is in `need` or `want`.
 *
 * `assume_iommu`: do without ACCESS_PLATFORM.
 *
 * Returns 0; -ENOTSUP with a text that names every bit that is missing and why
 * (VERSION_1, ACCESS_PLATFORM with the way out, those in `need`); -EINVAL if the
 * caller avoids what cannot be avoided.
 */
int vn_features_choose(const struct vionet_features *offered,
		       const struct vionet_features *avoid,
		       const struct vionet_features *need,
		       const struct vionet_features *want, bool assume_iommu,
		       struct vionet_features *accepted);

/* The name of a feature; "bit N" for one without. */
void vn_feature_text(unsigned int bit, char text[32]);

/* Write the names of the bits in `set`, separated by blanks, "none" for an empty
 * set, bits without a name as "bit N"; cut to `size`. Returns `text`. */
const char *vn_features_text(const struct vionet_features *set, char *text,
			     size_t size);

#endif
