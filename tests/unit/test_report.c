/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports: percentiles against the raw samples, tables and pages that others can read. With a file
 * name it writes the percentiles of its samples there, for who reads them back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "tools/pktgen/report/percentile.h"
#include "tools/pktgen/report/report.h"
#include "tools/shared/common.h"

#define SAMPLES 100000

static struct histogram histogram;
static uint64_t sample[SAMPLES];

void say(const char *format, ...)
{
	(void)format;
}

const char *output_failure(int error)
{
	return strerror(error);
}

int finish_output(FILE *file, const char *name)
{
	(void)name;
	return fflush(file) == 0 && !ferror(file) ? CODE_OK : CODE_FAILED;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void fill(uint64_t seed)
{
	memset(&histogram, 0, sizeof(histogram));
	for (int i = 0; i < SAMPLES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		/* From microseconds to seconds, most of them short. */
		sample[i] = (uint64_t)exp(7 + 14 * pow((double)(seed >> 40) / (1 << 24), 8));
		histogram_add(&histogram, sample[i]);
	}
	qsort(sample, SAMPLES, sizeof(*sample), compare);
}

/* Each line: so many samples are not above the value, and they are the share that it says. */
static void test_percentiles(void **state)
{
	struct percentile line;
	uint64_t before = 0;
	double share = -1;
	int lines = 0;

	(void)state;
	fill(1);
	percentile_start(&line, &histogram);
	for (; percentile_next(&line); lines++) {
		assert_true(line.share > share);
		assert_true(line.count > before || lines == 0);
		assert_true((double)line.count >= line.share * SAMPLES - 1e-6);
		assert_true(sample[line.count - 1] <= line.value);
		assert_true(line.count == SAMPLES || sample[line.count] > line.value);
		if (line.share < 1 && lines > 0)
			assert_true((double)before < line.share * SAMPLES);
		before = line.count;
		share = line.share;
	}
	assert_true(share == 1);
	assert_int_equal(line.count, SAMPLES);
	assert_int_equal(line.value, sample[SAMPLES - 1]);
	assert_in_range(lines, 40, 90); /* five for each of 17 halvings, where there are samples */
}

static void test_percentiles_of_few(void **state)
{
	struct percentile line;

	(void)state;
	memset(&histogram, 0, sizeof(histogram));
	percentile_start(&line, &histogram);
	assert_false(percentile_next(&line));
	histogram_add(&histogram, 0);
	percentile_start(&line, &histogram);
	assert_true(percentile_next(&line));
	assert_true(line.share == 1 && line.value == 0 && line.count == 1);
	assert_false(percentile_next(&line));
	histogram_add(&histogram, UINT64_MAX);
	percentile_start(&line, &histogram);
	assert_true(percentile_next(&line));
	assert_true(line.share == 0 && line.value == 0 && line.count == 1);
	assert_true(percentile_next(&line));
	assert_true(line.share == 1 && line.value == UINT64_MAX && line.count == 2);
	assert_false(percentile_next(&line));
}

static void test_deviation(void **state)
{
	double squares = 0, average = 0;

	(void)state;
	memset(&histogram, 0, sizeof(histogram));
	assert_true(percentile_deviation(&histogram) == 0);
	for (uint64_t value = 10; value < 30; value++)
		histogram_add(&histogram, value);
	for (int value = 10; value < 30; value++)
		average += value / 20.0;
	for (int value = 10; value < 30; value++)
		squares += (value - average) * (value - average);
	assert_float_equal(percentile_deviation(&histogram), sqrt(squares / 20), 1e-9);
}

/* ---- Files ---- */

static char *read_back(const char *name)
{
	FILE *file = fopen(name, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	unlink(name);
	return text;
}

static void name_file(char name[32])
{
	int fd;

	snprintf(name, 32, "/tmp/vionet-report-XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	close(fd);
}

static void test_csv(void **state)
{
	json_t *rows = json_loads("[{\"a\": 1, \"b\": null, \"c\": \"x,\\\"y\\\"\", \"d\": true},"
				  " {\"a\": 0.5, \"b\": {\"p\": 3, \"q\": null}, \"c\": \"z\", \"d\": false}]",
				  0, NULL);
	char name[32], *text;

	(void)state;
	assert_non_null(rows);
	name_file(name);
	assert_int_equal(report_csv(rows, name), CODE_OK);
	text = read_back(name);
	assert_string_equal(text, "a,b.p,b.q,c,d\n1,,,\"x,\"\"y\"\"\",true\n0.5,3,,z,false\n");
	free(text);
	json_decref(rows);
}

/* Columns are not looked for in all rows for each: that would end with the test's time. */
static void test_csv_of_many_rows(void **state)
{
	json_t *rows = json_array(), *row = json_pack("{s:i, s:i, s:i, s:i}", "a", 1, "b", 2, "c", 3, "d", 4);

	(void)state;
	for (int i = 0; i < 100000; i++)
		json_array_append(rows, row);
	assert_int_equal(report_csv(rows, "/dev/null"), CODE_OK);
	json_decref(row);
	json_decref(rows);
}

/* The object comes back as it was, and nothing in it ends the script. */
static void test_html(void **state)
{
	json_t *results = json_pack("{s:s, s:s}", "command", "test", "device",
				    "</script><!-- \" \xc3\xa9"),
	       *back;
	char name[32], *text, *start, *end;

	(void)state;
	name_file(name);
	assert_int_equal(report_html(results, name), CODE_OK);
	text = read_back(name);
	start = strstr(text, "const results = ");
	assert_non_null(start);
	start += strlen("const results = ");
	end = strstr(start, ";\n");
	assert_non_null(end);
	*end = '\0';
	assert_null(strchr(start, '<'));
	back = json_loads(start, 0, NULL);
	assert_non_null(back);
	assert_true(json_equal(back, results));
	assert_non_null(strstr(end + 1, "</html>"));
	json_decref(back);
	json_decref(results);
	free(text);
}

static void test_files_that_cannot_be_written(void **state)
{
	json_t *rows = json_array();

	(void)state;
	assert_int_equal(report_csv(rows, "/nonexistent/x"), CODE_FAILED);
	assert_int_equal(report_html(rows, "/nonexistent/x"), CODE_FAILED);
	assert_int_equal(report_hdr(&histogram, "/nonexistent/x"), CODE_FAILED);
	assert_int_equal(report_csv(json_array_get(rows, 0), "/dev/full"), CODE_OK); /* nothing to write */
	assert_int_equal(report_html(rows, "/dev/full"), CODE_FAILED);
	assert_int_equal(report_hdr(&histogram, "/dev/full"), CODE_FAILED);
	json_decref(rows);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_percentiles_of_few),
		cmocka_unit_test(test_deviation),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_of_many_rows),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_files_that_cannot_be_written),
	};

	if (argc > 1) {
		fill(2);
		return report_hdr(&histogram, argv[1]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
