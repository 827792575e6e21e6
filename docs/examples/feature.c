/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/feature.h>

/* Print the features of a set by name, and what the driver does with each. */
static void print_features(const struct vionet_features *set)
{
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		const char *name = vionet_feature_name(bit);

		if (vionet_feature_test(set, bit))
			printf("%u %s%s\n", bit, name ? name : "unknown",
			       vionet_feature_use(bit) == VIONET_FEATURE_UNUSED ?
				       ", not used" : "");
	}
}

/* Why is a feature of this name not accepted, if `have` are? */
static void explain(const struct vionet_features *have, const char *name)
{
	int bit = vionet_feature_bit(name);

	if (bit < 0) {
		printf("%s: no such feature\n", name);
		return;
	}
	unsigned int missing = vionet_feature_missing(have, (unsigned int)bit);

	if (missing != (unsigned int)bit)
		printf("%s needs feature %u\n", name, missing);
}

int main(void)
{
	struct vionet_features set = { { 0, 0 } };

	print_features(&set);
	explain(&set, "GUEST_TSO4");
	return 0;
}
