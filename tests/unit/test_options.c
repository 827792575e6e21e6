/* SPDX-License-Identifier: BSD-3-Clause */
/* Values on the command line (tools/shared/parse.c): each kind at, inside and beyond its
 * bounds, and the text of a refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/shared/parse.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What no option of any kind may take. */
static const char *const junk[] = {
	"", " ", "-1", "+1", " 1", "1 ", "1\n", "0x10", "1e3", "nan", "NaN", "inf",
	"Infinity", "1,5", "1.", ".5", "1..2", "--", "abc", "1x", "\x01", "1\x7f",
	"\xc3\xa4", "%s%n", "1-", "-", "1_0", "1.5.1", "1kk", "1Mk", "1 k",
	"18446744073709551616", "99999999999999999999999999999999999999999999999",
	"0.00000000000000000000000000001",
};

/* A refusal names the option and the value, and holds no control character. */
static void check_error(const struct parse_error *error, const char *option)
{
	assert_int_equal(strncmp(error->text, option, strlen(option)), 0);
	assert_non_null(strstr(error->text, "wanted"));
	for (const char *at = error->text; *at != '\0'; at++)
		assert_in_range((unsigned char)*at, 0x20, 0x7e);
}

static void whole_takes(const char *text, uint64_t min, uint64_t max, uint64_t wanted)
{
	struct parse_error error;
	uint64_t value = 99;

	assert_int_equal(parse_whole("--n", text, min, max, &value, &error), 0);
	assert_int_equal(value, wanted);
}

static void whole_refuses(const char *text, uint64_t min, uint64_t max)
{
	struct parse_error error;
	uint64_t value = 99;

	assert_int_equal(parse_whole("--n", text, min, max, &value, &error), -EINVAL);
	assert_int_equal(value, 99);
	check_error(&error, "--n");
}

static void test_whole(void **state)
{
	(void)state;
	whole_takes("0", 0, 0, 0);
	whole_takes("007", 0, 7, 7);
	whole_takes("65535", 0, 65535, 65535);
	whole_takes("18446744073709551615", 0, UINT64_MAX, UINT64_MAX);
	whole_refuses("65536", 0, 65535);
	whole_refuses("0", 1, 10);
	whole_refuses("1.5", 0, 10);
	whole_refuses("1k", 0, 10000);
	for (size_t i = 0; i < LENGTH(junk); i++)
		whole_refuses(junk[i], 0, UINT64_MAX);
}

static void test_count(void **state)
{
	struct parse_error error;
	uint64_t value;

	(void)state;
	assert_int_equal(parse_count("-c", "10k", 1, INT64_MAX, &value, &error), 0);
	assert_int_equal(value, 10000);
	assert_int_equal(parse_count("-c", "2G", 1, INT64_MAX, &value, &error), 0);
	assert_int_equal(value, 2000000000);
	assert_int_equal(parse_count("-c", "9223372036854775807", 1, INT64_MAX, &value,
				     &error), 0);
	assert_int_equal(value, INT64_MAX);
	/* Overflow by the suffix, also of 128 bits. */
	assert_int_equal(parse_count("-c", "18446744073709551615G", 1, UINT64_MAX,
				     &value, &error), -EINVAL);
	assert_int_equal(parse_count("-c", "1000000000000000000000000000T", 1,
				     UINT64_MAX, &value, &error), -EINVAL);
	assert_int_equal(parse_count("-c", "0", 1, 9, &value, &error), -EINVAL);
	for (size_t i = 0; i < LENGTH(junk); i++) {
		assert_int_equal(parse_count("-c", junk[i], 0, UINT64_MAX, &value,
					     &error), -EINVAL);
		check_error(&error, "-c");
	}
}

static void test_power_of_two(void **state)
{
	static const char *const bad[] = { "0", "1", "2", "3", "5", "255", "257",
					   "65536", "4294967296", "1k" };
	struct parse_error error;
	uint32_t value;

	(void)state;
	for (uint32_t size = 4; size <= 32768; size *= 2) {
		char text[16];

		snprintf(text, sizeof(text), "%u", size);
		assert_int_equal(parse_power_of_two("-q", text, 4, 32768, &value,
						    &error), 0);
		assert_int_equal(value, size);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_power_of_two("-q", bad[i], 4, 32768, &value,
						    &error), -EINVAL);
		check_error(&error, "-q");
	}
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_power_of_two("-q", junk[i], 4, 32768, &value,
						    &error), -EINVAL);
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "10", 10000000000 },	       { "1.5", 1500000000 },
		{ "0.000000001", 1 },	       { "500ms", 500000000 },
		{ "0.5ms", 500000 },	       { "3us", 3000 },
		{ "2min", 120000000000 },      { "2m", 120000000000 },
		{ "1h", 3600000000000 },       { "2s", 2000000000 },
		{ "1.123456789", 1123456789 }, { "87840h", 316224000000000000 },
	};
	static const char *const bad[] = { "0", "0.0", "0.1234567891", "1d", "1S",
					   "1 s", "87841h", "1ns", "0.1.1", "1ks",
					   "99999999999999999999h" };
	struct parse_error error;
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		assert_int_equal(parse_duration("-t", good[i].text, 0, &ns, &error), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_duration("-t", bad[i], 0, &ns, &error), -EINVAL);
		check_error(&error, "-t");
	}
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_duration("-t", junk[i], 1, &ns, &error), -EINVAL);
	assert_int_equal(parse_duration("-t", "0", 1, &ns, &error), 0);
	assert_int_equal(ns, 0);
}

static void test_rate(void **state)
{
	static const struct {
		const char *text;
		enum rate_kind kind;
		uint64_t milli;
	} good[] = {
		{ "max", RATE_MAX, 0 },
		{ "10", RATE_PPS, 10000 },
		{ "10k", RATE_PPS, 10000000 },
		{ "1.5Mpps", RATE_PPS, 1500000000 },
		{ "0.001", RATE_PPS, 1 },
		{ "1Tpps", RATE_PPS, 1000000000000000 },
		{ "100Mbit", RATE_BPS, 100000000000 },
		{ "2.5Gbit/s", RATE_BPS, 2500000000000 },
		{ "64kbps", RATE_BPS, 64000000 },
		{ "9600bit", RATE_BPS, 9600000 },
		{ "100Tbit", RATE_BPS, 100000000000000000 },
		{ "50%", RATE_PERCENT, 50000 },
		{ "99.9%", RATE_PERCENT, 99900 },
		{ "100%", RATE_PERCENT, 100000 },
	};
	static const char *const bad[] = {
		"0", "0pps", "0.0001", "-5", "1.1Tpps", "1000000000001", "101Tbit",
		"100.1%", "1k%", "%", "pps", "bit", "Mpps", "10 kpps", "10mpps",
		"10Mpp", "10Mbits", "10Mbyte", "MAX", "max ", "0%", "1000000000000000T",
	};
	struct parse_error error;
	struct rate rate;

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		assert_int_equal(parse_rate("--rate", good[i].text, &rate, &error), 0);
		assert_int_equal(rate.kind, good[i].kind);
		assert_int_equal(rate.milli, good[i].milli);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_rate("--rate", bad[i], &rate, &error), -EINVAL);
		check_error(&error, "--rate");
	}
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_rate("--rate", junk[i], &rate, &error), -EINVAL);
	/* The explanation is complete. */
	assert_non_null(strstr(error.text, "(50%)"));
}

static void test_mac(void **state)
{
	static const uint8_t wanted[6] = { 0x02, 0xab, 0xcd, 0xef, 0x00, 0xff };
	static const char *const bad[] = {
		"02:ab:cd:ef:00", "02:ab:cd:ef:00:ff:", "02:ab:cd:ef:00:fg",
		"02:ab-cd:ef:00:ff", "2:ab:cd:ef:00:fff", "02abcdef00ff",
		"02 ab cd ef 00 ff", "02:ab:cd:ef:00:+f", "02.ab.cd.ef.00.ff",
	};
	struct parse_error error;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(parse_mac("-m", "02:AB:cd:eF:00:ff", mac, &error), 0);
	assert_memory_equal(mac, wanted, 6);
	assert_int_equal(parse_mac("-m", "02-ab-cd-ef-00-ff", mac, &error), 0);
	assert_memory_equal(mac, wanted, 6);
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_mac("-m", bad[i], mac, &error), -EINVAL);
		check_error(&error, "-m");
	}
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_mac("-m", junk[i], mac, &error), -EINVAL);
}

static void test_ipv4(void **state)
{
	static const char *const bad[] = { "198.18.0", "198.18.0.256", "198.18.0.1.1",
					   "198.18.0.01", "198.18.0.1/24", "::1",
					   "198.18.0.", "0xc6.18.0.1", "localhost" };
	struct parse_error error;
	uint32_t address;

	(void)state;
	assert_int_equal(parse_ipv4("-i", "198.18.0.1", &address, &error), 0);
	assert_int_equal(address, 0xc6120001);
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_ipv4("-i", bad[i], &address, &error), -EINVAL);
		check_error(&error, "-i");
	}
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_ipv4("-i", junk[i], &address, &error), -EINVAL);
}

static void test_word(void **state)
{
	static const char *const words[] = { "poll", "interrupt", "spin", NULL };
	struct parse_error error;
	int position = 9;

	(void)state;
	assert_int_equal(parse_word("-m", "spin", words, &position, &error), 0);
	assert_int_equal(position, 2);
	for (size_t i = 0; i < LENGTH(junk); i++)
		assert_int_equal(parse_word("-m", junk[i], words, &position, &error),
				 -EINVAL);
	assert_int_equal(parse_word("-m", "Poll", words, &position, &error), -EINVAL);
	assert_string_equal(error.text,
			    "-m 'Poll': one of poll, interrupt, spin is wanted");
}

static void test_features(void **state)
{
	static const char *const bad[] = { "", ",", "MRG_RXBUF,", ",MRG_RXBUF",
					   "MRG_RXBUF,,37", "NO_SUCH", "128", "-1",
					   "99999999999999999999", "MRG_RXBUF 37" };
	struct vionet_features set = { { 0 } };
	struct parse_error error;

	(void)state;
	assert_int_equal(parse_features("-a", "MRG_RXBUF,37,127", &set, &error), 0);
	assert_int_equal(set.word[0], 1ULL << 15 | 1ULL << 37);
	assert_int_equal(set.word[1], 1ULL << 63);
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(parse_features("-a", bad[i], &set, &error), -EINVAL);
		check_error(&error, "-a");
	}
}

/* A very long value is cut, control characters are replaced. */
static void test_error_text(void **state)
{
	static char text[100001];
	struct parse_error error;
	uint64_t value;

	(void)state;
	memset(text, 'A', sizeof(text) - 1);
	assert_int_equal(parse_whole("--n", text, 0, 9, &value, &error), -EINVAL);
	check_error(&error, "--n");
	memset(text, '9', sizeof(text) - 1);
	assert_int_equal(parse_whole("--n", text, 0, 9, &value, &error), -EINVAL);
	assert_non_null(strstr(error.text, "...'"));
	assert_int_equal(parse_whole("--n", "\033[31m", 0, 9, &value, &error), -EINVAL);
	assert_string_equal(error.text,
			    "--n '?[31m': a whole number from 0 to 9 is wanted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_power_of_two),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_error_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
