/* SPDX-License-Identifier: BSD-3-Clause */
/* The feature table: names, dependencies, and what is accepted of an offer. */
#include "tests/unit/test.h"

#include <vionet/vionet.h>

#include "driver/state/feature.h"

static struct vionet_features set_of(unsigned int count, ...)
{
	struct vionet_features set = { { 0, 0 } };
	va_list bits;

	va_start(bits, count);
	while (count-- > 0)
		vn_feature_add(&set, va_arg(bits, unsigned int));
	va_end(bits);
	return set;
}

static void names_and_bits_agree(void **state)
{
	unsigned int named = 0;

	(void)state;
	for (unsigned int bit = 0; bit < 140; bit++) {
		const char *name = vionet_feature_name(bit);

		if (!name)
			continue;
		named++;
		assert_int_equal(vionet_feature_bit(name), bit);
	}
	/* 13 reserved bits with a meaning, 2 legacy ones, and the network's. */
	assert_int_equal(named, 57);
	assert_int_equal(vionet_feature_bit("mrg_rxbuf"), 15);
	assert_int_equal(vionet_feature_bit("VIRTIO_NET_F_RSS"), 60);
	assert_int_equal(vionet_feature_bit("VIRTIO_F_VERSION_1"), 32);
	assert_int_equal(vionet_feature_bit("VIRTIO_RING_F_EVENT_IDX"), 29);
	assert_int_equal(vionet_feature_bit("NOPE"), -ENOENT);
	assert_text("NOPE");
}

static void test_reaches_past_64(void **state)
{
	struct vionet_features set = set_of(2, 0u, 70u);

	(void)state;
	assert_true(vionet_feature_test(&set, 0));
	assert_true(vionet_feature_test(&set, 70));
	assert_false(vionet_feature_test(&set, 6));
	assert_false(vionet_feature_test(&set, 128));
	assert_false(vionet_feature_test(&set, 70 + 128));
}

/* "Feature bit requirements": bit, then all of these, or one of these. */
/* proves: NETF-01 NETF-02 NETF-03 NETF-04 NETF-05 NETF-06 NETF-07 NETF-08 NETF-11 NETF-14 NETF-15 NETF-16 NETF-17 NETF-18 NETF-19 NETF-20 NETF-21 NETF-22 NETF-23 NETF-24 NETF-25 NETF-26 NETF-27 NETF-31 NETF-32 */
static void dependencies_are_those_of_the_specification(void **state)
{
	static const struct {
		unsigned int bit, all[4], any[2];
	} rows[] = {
		{ 7, { 1 }, { 0 } },
		{ 8, { 1 }, { 0 } },
		{ 9, { 0 }, { 7, 8 } },
		{ 10, { 1 }, { 0 } },
		{ 54, { 1 }, { 0 } },
		{ 55, { 1 }, { 0 } },
		{ 65, { 7, 8, 54, 55 }, { 0 } },
		{ 66, { 65 }, { 0 } },
		{ 13, { 0 }, { 11, 12 } },
		{ 67, { 11, 12, 56 }, { 0 } },
		{ 68, { 67 }, { 0 } },
		{ 18, { 17 }, { 0 } },
		{ 19, { 17 }, { 0 } },
		{ 20, { 17 }, { 0 } },
		{ 21, { 17 }, { 0 } },
		{ 22, { 17 }, { 0 } },
		{ 23, { 17 }, { 0 } },
		{ 53, { 17 }, { 0 } },
		{ 60, { 17 }, { 0 } },
		{ 52, { 17 }, { 0 } },
		{ 51, { 17 }, { 57, 60 } },
		{ 64, { 17, 60 }, { 0 } },
		{ 2, { 17 }, { 0 } },
		{ 50, { 17 }, { 0 } },
		{ 57, { 17 }, { 0 } },
		{ 61, { 11, 7 }, { 0 } },
	};
	struct vionet_features everything = { { ~0ull, ~0ull } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int k = 0; k < 4 && rows[i].all[k]; k++) {
			struct vionet_features set = everything;

			vn_feature_remove(&set, rows[i].all[k]);
			vn_features_close(&set);
			if (vionet_feature_test(&set, rows[i].bit))
				fail_msg("bit %u stays without bit %u",
					 rows[i].bit, rows[i].all[k]);
		}
		if (rows[i].any[0]) {
			struct vionet_features set = everything;

			vn_feature_remove(&set, rows[i].any[0]);
			vn_features_close(&set);
			assert_true(vionet_feature_test(&set, rows[i].bit));
			vn_feature_remove(&set, rows[i].any[1]);
			vn_features_close(&set);
			assert_false(vionet_feature_test(&set, rows[i].bit));
		}
	}
}

/* Bit 0 is a prerequisite too; a table of bits that ends with 0 would lose it. */
/* proves: NETF-09 NETF-10 NETF-12 NETF-13 */
static void bit_zero_counts_as_a_prerequisite(void **state)
{
	static const unsigned int dependents[] = { 11, 12, 14, 56 };
	struct vionet_features set = { { ~1ull, ~0ull } };

	(void)state;
	vn_features_close(&set);
	for (size_t i = 0; i < 4; i++)
		assert_false(vionet_feature_test(&set, dependents[i]));
	set = (struct vionet_features){ { ~0ull, ~0ull } };
	vn_features_close(&set);
	assert_true(set.word[0] == ~0ull && set.word[1] == ~0ull);
}

/* A dropped bit drops the bits that depend on it, and those that depend on these. */
/* proves: GEN-06 GEN-07 */
static void dependencies_are_followed_to_the_end(void **state)
{
	struct vionet_features set = set_of(6, 1u, 7u, 8u, 9u, 54u, 55u);

	(void)state;
	vn_feature_add(&set, 65);
	vn_feature_add(&set, 66);
	vn_features_close(&set);
	assert_true(vionet_feature_test(&set, 66));
	vn_feature_remove(&set, 1);
	vn_features_close(&set);
	assert_true(set.word[0] == 0 && set.word[1] == 0);
}

/* proves: GEN-05 GEN-08 GEN-09 */
static void only_known_offered_bits_are_accepted(void **state)
{
	struct vionet_features offered = { { ~0ull, ~0ull } };
	struct vionet_features none = { { 0, 0 } }, known, accepted, asked;

	(void)state;
	vn_features_known(&known);
	assert_int_equal(vn_features_choose(&offered, &none, &none, &offered, false,
					    &accepted), 0);
	assert_true(vn_features_equal(&accepted, &known));
	/* The driver does not accept by itself what changes packets for an application
	 * that asked for nothing. */
	vn_features_on_request(&asked);
	known.word[0] &= ~asked.word[0];
	known.word[1] &= ~asked.word[1];
	vn_features_close(&known);
	assert_int_equal(vn_features_choose(&offered, &none, &none, &none, false,
					    &accepted), 0);
	assert_true(vn_features_equal(&accepted, &known));
	offered = set_of(3, 32u, 33u, 16u);
	assert_int_equal(vn_features_choose(&offered, &none, &none, &none, false,
					    &accepted), 0);
	assert_true(vn_features_equal(&accepted, &offered));
	/* The legacy bit 30, GSO (6) and the undefined ones are never taken. */
	assert_false(vionet_feature_test(&known, 30));
	assert_false(vionet_feature_test(&known, 6));
}

/* The driver never accepts these: it does not implement them, or they belong to the
 * legacy interface. */
/* proves: NETF-35 */
/* proves: GEN-08 GEN-09 */
static void never_accepted(void **state)
{
	static const unsigned int never[] = {
		4, 6, 24, 25, 26, 27, 30, 31, 37, 41, 42, 44, 45, 46, 47, 48, 49,
		58, 69, 70, 71, 100, 127
	};
	struct vionet_features everything = { { ~0ull, ~0ull } };
	struct vionet_features none = { { 0, 0 } }, accepted;

	(void)state;
	assert_int_equal(vn_features_choose(&everything, &none, &none, &everything,
					    false, &accepted), 0);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (vionet_feature_test(&accepted, never[i]))
			fail_msg("bit %u was accepted", never[i]);
}

/* The driver accepts transmit offloads by itself, since they cost nothing; what changes
 * received packets, or the header, only if the application wants it. */
/* proves: NETF-33 */
static void offloads_are_accepted(void **state)
{
	static const unsigned int unasked[] = { 0, 11, 12, 13, 14, 56, 59 };
	static const unsigned int wanted[] = {
		1, 7, 8, 9, 10, 54, 55, 61, 65, 66, 67, 68
	};
	struct vionet_features everything = { { ~0ull, ~0ull } };
	struct vionet_features none = { { 0, 0 } }, plain, all;

	(void)state;
	assert_int_equal(vn_features_choose(&everything, &none, &none, &none, false,
					    &plain), 0);
	assert_int_equal(vn_features_choose(&everything, &none, &none, &everything,
					    false, &all), 0);
	for (size_t i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++)
		assert_true(vionet_feature_test(&plain, unasked[i]) &&
			    vionet_feature_test(&all, unasked[i]));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_true(!vionet_feature_test(&plain, wanted[i]) &&
			    vionet_feature_test(&all, wanted[i]));
}

/* What the driver should accept when it is offered, it accepts by itself; of the modes
 * for several queues any that is offered. */
/* proves: NETF-28 NETF-29 NETF-30 NETF-34 */
/* proves: RSVD-01 RSVD-03 */
static void what_should_be_accepted_is(void **state)
{
	static const unsigned int should[] = {
		3, 5, 15, 16, 17, 21, 22, 23, 32, 33, 36, 40, 43, 50, 52,
		53, 60, 62, 63, 64
	};
	struct vionet_features everything = { { ~0ull, ~0ull } };
	struct vionet_features none = { { 0, 0 } }, accepted, offered;

	(void)state;
	assert_int_equal(vn_features_choose(&everything, &none, &none, &none, false,
					    &accepted), 0);
	for (size_t i = 0; i < sizeof(should) / sizeof(should[0]); i++)
		if (!vionet_feature_test(&accepted, should[i]))
			fail_msg("bit %u was not accepted", should[i]);
	offered = set_of(4, 17u, 32u, 33u, 60u);
	assert_int_equal(vn_features_choose(&offered, &none, &none, &none, false,
					    &accepted), 0);
	assert_true(vn_features_equal(&accepted, &offered));
}

/* An optional feature: not by itself, not if the application avoids it; accepted if
 * wanted or needed. */
static void wanted_features_are_requested(void **state)
{
	struct vionet_features offered = set_of(4, 17u, 19u, 32u, 33u);
	struct vionet_features none = { { 0, 0 } }, vlan = set_of(1, 19u);
	struct vionet_features accepted;

	(void)state;
	assert_int_equal(vn_features_choose(&offered, &none, &none, &none, false,
					    &accepted), 0);
	assert_false(vionet_feature_test(&accepted, 19));
	assert_int_equal(vn_features_choose(&offered, &none, &none, &vlan, false,
					    &accepted), 0);
	assert_true(vionet_feature_test(&accepted, 19));
	assert_int_equal(vn_features_choose(&offered, &none, &vlan, &none, false,
					    &accepted), 0);
	assert_true(vionet_feature_test(&accepted, 19));
	assert_int_equal(vn_features_choose(&offered, &vlan, &none, &vlan, false,
					    &accepted), 0);
	assert_false(vionet_feature_test(&accepted, 19));
}

/* proves: RSVD-02 RSVD-05 LEG-03 LEG-05 GEN-07 */
static void refusals_name_what_is_missing(void **state)
{
	struct vionet_features none = { { 0, 0 } }, accepted;
	struct vionet_features modern = set_of(3, 15u, 32u, 33u);
	struct vionet_features legacy = set_of(2, 5u, 15u);
	struct vionet_features bypass = set_of(2, 15u, 32u);
	struct vionet_features mrg = set_of(1, 15u), mac = set_of(2, 5u, 77u);

	(void)state;
	assert_int_equal(vn_features_choose(&legacy, &none, &none, &none, true,
					    &accepted), -ENOTSUP);
	assert_text("VERSION_1");
	assert_int_equal(vn_features_choose(&bypass, &none, &none, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("ACCESS_PLATFORM");
	assert_text("iommu_platform=on");
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_ASSUME_IOMMU);
	assert_int_equal(vn_features_choose(&bypass, &none, &none, &none, true,
					    &accepted), 0);
	assert_int_equal(vn_features_choose(&modern, &none, &mac, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("the feature MAC is needed, which the device does not offer");
	assert_int_equal(vn_features_choose(&modern, &mrg, &none, &none, false,
					    &accepted), 0);
	assert_false(vionet_feature_test(&accepted, 15));
	assert_int_equal(vn_features_choose(&modern, &mrg, &mrg, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("the feature MRG_RXBUF is needed, which the caller avoids");
	assert_int_equal(vn_features_choose(&modern, &modern, &none, &none, false,
					    &accepted), -EINVAL);
	assert_text("cannot be avoided");
}

/* What a feature depends on comes first, however far away. */
static void what_is_really_missing(void **state)
{
	struct vionet_features none = { { 0, 0 } }, accepted;
	struct vionet_features need = set_of(1, 7u), gone = set_of(2, 17u, 18u);
	struct vionet_features all = set_of(4, 1u, 7u, 32u, 33u);

	(void)state;
	assert_int_equal(vionet_feature_missing(&none, 18), 17); /* CTRL_RX: CTRL_VQ */
	assert_int_equal(vionet_feature_missing(&gone, 18), 18);
	assert_int_equal(vionet_feature_missing(&none, 9), 1); /* ECN, TSO4, CSUM */
	assert_int_equal(vionet_feature_missing(&none, 66), 1);
	assert_int_equal(vionet_feature_missing(&none, 17), 17);
	assert_int_equal(vionet_feature_missing(&none, 127), 127);
	assert_int_equal(vionet_feature_missing(&none, 12345), 12345);
	assert_int_equal(vn_features_choose(&all, &none, &need, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("the feature GUEST_TSO4 is needed, and for that GUEST_CSUM, which has "
		    "to be wanted, too");
	need = set_of(1, 18u);
	all = set_of(3, 18u, 32u, 33u);
	assert_int_equal(vn_features_choose(&all, &none, &need, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("the feature CTRL_RX is needed, and for that CTRL_VQ, which the device "
		    "does not offer");
	all = set_of(4, 17u, 18u, 32u, 33u);
	gone = set_of(1, 17u);
	assert_int_equal(vn_features_choose(&all, &gone, &need, &none, false,
					    &accepted), -ENOTSUP);
	assert_text("and for that CTRL_VQ, which the caller avoids");
}

static void text_is_cut_and_never_overruns(void **state)
{
	struct vionet_features everything = { { ~0ull, ~0ull } };
	struct vionet_features none = { { 0, 0 } };
	char text[4096], small[16 + 1];

	(void)state;
	assert_string_equal(vn_features_text(&none, text, sizeof(text)), "none");
	vn_features_text(&everything, text, sizeof(text));
	assert_non_null(strstr(text, "MRG_RXBUF"));
	assert_non_null(strstr(text, "bit 127"));
	small[16] = 'x';
	vn_features_text(&everything, small, 16);
	assert_int_equal(strlen(small), 15);
	assert_int_equal(small[16], 'x');
}

/* What a tool reports of a feature agrees with what the driver chooses. */
static void use_agrees_with_the_choice(void **state)
{
	const struct vionet_features all = { { UINT64_MAX, UINT64_MAX } };
	const struct vionet_features none = { { 0, 0 } };
	struct vionet_features plain, wanted;

	(void)state;
	assert_int_equal(vn_features_choose(&all, &none, &none, &none, false, &plain),
			 0);
	assert_int_equal(vn_features_choose(&all, &none, &none, &all, false, &wanted),
			 0);
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		enum vionet_feature_use use = vionet_feature_use(bit);

		assert_int_equal(vionet_feature_test(&plain, bit),
				 use == VIONET_FEATURE_ACCEPTED);
		assert_int_equal(vionet_feature_test(&wanted, bit),
				 use != VIONET_FEATURE_UNUSED);
	}
	assert_int_equal(vionet_feature_use((unsigned int)vionet_feature_bit("CTRL_VLAN")),
			 VIONET_FEATURE_ON_REQUEST);
	assert_int_equal(vionet_feature_use(1000), VIONET_FEATURE_UNUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_bits_agree),
		cmocka_unit_test(test_reaches_past_64),
		cmocka_unit_test(dependencies_are_those_of_the_specification),
		cmocka_unit_test(bit_zero_counts_as_a_prerequisite),
		cmocka_unit_test(dependencies_are_followed_to_the_end),
		cmocka_unit_test(only_known_offered_bits_are_accepted),
		cmocka_unit_test(never_accepted),
		cmocka_unit_test(offloads_are_accepted),
		cmocka_unit_test(what_should_be_accepted_is),
		cmocka_unit_test(wanted_features_are_requested),
		cmocka_unit_test(refusals_name_what_is_missing),
		cmocka_unit_test(what_is_really_missing),
		cmocka_unit_test(use_agrees_with_the_choice),
		cmocka_unit_test(text_is_cut_and_never_overruns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
