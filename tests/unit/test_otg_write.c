/* SPDX-License-Identifier: BSD-3-Clause */
/* Random configurations are written and read back the same, as YAML and as JSON (tools/pktgen/model). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/random_traffic.h"
#include "tools/pktgen/model/otg.h"

static char *written(const struct traffic *traffic, enum tree_format format)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	assert_int_equal(otg_write(traffic, format, file), 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void comes_back(const struct traffic *traffic, enum tree_format format, unsigned int seed)
{
	char *text = written(traffic, format), difference[200] = "";
	struct traffic again;
	struct traffic_error error;

	if (otg_read_text(text, strlen(text), &again, &error) != 0)
		fail_msg("seed %u: %u:%u: %s\n%s", seed, error.line, error.column, error.text, text);
	if (!random_traffic_equal(traffic, &again, difference))
		fail_msg("seed %u: %s differs\n%s", seed, difference, text);
	traffic_free(&again);
	free(text);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 400; seed++) {
		struct traffic traffic;

		random_traffic(&traffic, seed);
#ifdef VIONET_YAML
		comes_back(&traffic, TREE_YAML, seed);
#endif
		comes_back(&traffic, TREE_JSON, seed);
		traffic_free(&traffic);
	}
}

/* Captures that flows name are written as they were given. */
static void test_captures_of_flows(void **state)
{
	static const char text[] =
		"{\"ports\": [{\"name\": \"p\"}], \"flows\": ["
		"{\"name\": \"r\", \"tx_rx\": {\"port\": {\"tx_name\": \"p\"}}, \"x-vionet\": {\"replay\": {\"file\": \"a\", "
		"\"speed\": 2, \"loops\": \"3\", \"map\": [\"1.0.0.0/8=2.0.0.0/8\", \"::/1=::/1\"], \"map_port\": [\"1=2\"]}}},"
		"{\"name\": \"t\", \"tx_rx\": {\"port\": {\"tx_name\": \"p\"}}, \"rate\": {\"pps\": 7}, "
		"\"x-vionet\": {\"template\": {\"file\": \"b\", \"frame\": 9}}}]}";
	struct traffic traffic, again;
	struct traffic_error error;
	char *first, *second;

	(void)state;
	assert_int_equal(otg_read_text(text, strlen(text), &traffic, &error), 0);
	assert_string_equal(traffic.flow[0].replay.file, "a");
	assert_int_equal(traffic.flow[0].replay.settings, 5);
	assert_string_equal(traffic.flow[0].replay.setting[3].text, "::/1=::/1");
	assert_int_equal(traffic.flow[0].rate.kind, RATE_MAX);
	assert_string_equal(traffic.flow[1].template.file, "b");
	assert_int_equal(traffic.flow[1].template.frame, 9);
	assert_int_equal(traffic.flow[1].headers, 0);
	first = written(&traffic, TREE_JSON);
	assert_int_equal(otg_read_text(first, strlen(first), &again, &error), 0);
	second = written(&again, TREE_JSON);
	assert_string_equal(first, second);
	assert_int_equal(again.flow[0].rate.kind, RATE_MAX);
	free(first);
	free(second);
	traffic_free(&again);
	traffic_free(&traffic);
}

/* What is read without lines is refused without them, by the same path. */
static void test_json_is_refused(void **state)
{
	static const char text[] = "{\"ports\": [{\"name\": \"p\"}], \"flows\": [{\"name\": \"f\", \"tx_rx\": {\"port\": "
				   "{\"tx_name\": \"p\"}}, \"packet\": [{\"choice\": \"gtpv2\"}]}]}";
	struct traffic traffic;
	struct traffic_error error;

	(void)state;
	assert_int_equal(otg_read_text(text, strlen(text), &traffic, &error), -EINVAL);
	assert_string_equal(error.text, "flows[0].packet[0].gtpv2: not supported");
	assert_string_equal(error.path, "flows[0].packet[0].gtpv2");
}

/* The full disk of one who prints a configuration. */
static void test_no_room(void **state)
{
	struct traffic traffic;
	FILE *file = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	random_traffic(&traffic, 3);
	assert_int_equal(otg_write(&traffic, TREE_JSON, file), -EIO);
#ifdef VIONET_YAML
	assert_int_equal(otg_write(&traffic, TREE_YAML, file), -EIO);
#else
	assert_int_equal(otg_write(&traffic, TREE_YAML, file), -ENOTSUP);
#endif
	fclose(file);
	traffic_free(&traffic);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_captures_of_flows),
		cmocka_unit_test(test_json_is_refused),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests_name("otg_write", tests, NULL, NULL);
}
