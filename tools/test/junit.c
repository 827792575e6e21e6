/* SPDX-License-Identifier: BSD-3-Clause */
/* JUnit's XML: a test for each limit; without any, one for each size and goal. */
#include "tools/test/results.h"

#include "tools/shared/report_file.h"

/* Text that is an attribute. */
static void junit_text(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", file);
		else if (c == '<')
			fputs("&lt;", file);
		else if (c == '"')
			fputs("&quot;", file);
		else
			fputc(c < 0x20 ? ' ' : c, file);
	}
}

static void junit_case(FILE *file, const struct test_results *results, uint32_t size,
		       const char *name, double seconds)
{
	fprintf(file, "    <testcase classname=\"vionet.test.%s\" name=\"%u bytes, ",
		test_method_words[results->options->method], size);
	junit_text(file, name);
	fprintf(file, "\" time=\"%.3f\"", seconds);
}

static double junit_seconds(const struct test_results *results, uint32_t bytes)
{
	for (size_t i = 0; i < results->sizes; i++)
		if (results->size[i].size == bytes)
			return results->size[i].seconds;
	return 0;
}

static void junit_limit(FILE *file, const struct test_results *results,
			const struct test_limit *limit)
{
	junit_case(file, results, limit->size, limit->name,
		   junit_seconds(results, limit->size));
	if (limit->kept) {
		fputs("/>\n", file);
		return;
	}
	fputs(">\n      <failure message=\"", file);
	junit_text(file, limit->wanted);
	fputs(", and it is ", file);
	junit_text(file, limit->measured);
	fputs("\"/>\n    </testcase>\n", file);
}

static bool junit_has_limit(const struct test_results *results, uint32_t size)
{
	for (size_t i = 0; i < results->limits; i++)
		if (results->limit[i].size == size)
			return true;
	return false;
}

static size_t junit_failed(const struct test_results *results)
{
	size_t failed = 0;

	for (size_t i = 0; i < results->limits; i++)
		failed += !results->limit[i].kept;
	return failed;
}

/* Sizes without a limit: that they were measured is all there is to say. */
static size_t junit_plain(FILE *file, const struct test_results *results)
{
	size_t count = 0;

	for (size_t i = 0; i < results->sizes; i++) {
		const struct test_size *size = &results->size[i];

		if (junit_has_limit(results, size->size))
			continue;
		count++;
		if (file == NULL)
			continue;
		junit_case(file, results, size->size, "measured", size->seconds);
		fputs("/>\n", file);
	}
	return count;
}

int test_write_junit(const struct test_results *results, const char *name)
{
	bool broken = results->code != CODE_OK && results->code != CODE_LIMIT;
	size_t tests = results->limits + junit_plain(NULL, results) + broken;
	FILE *file = report_file_open(name);

	if (file == NULL)
		return CODE_FAILED;
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"vionet test %s\" tests=\"%zu\" failures=\"%zu\" "
		"errors=\"%d\" skipped=\"0\" time=\"%.3f\">\n",
		test_method_words[results->options->method], tests, junit_failed(results), broken,
		results->seconds);
	for (size_t i = 0; i < results->limits; i++)
		junit_limit(file, results, &results->limit[i]);
	junit_plain(file, results);
	if (broken)
		fprintf(file,
			"    <testcase classname=\"vionet.test.%s\" name=\"run\" time=\"%.3f\">\n"
			"      <error message=\"exit status %d\"/>\n    </testcase>\n",
			test_method_words[results->options->method], results->seconds,
			results->code);
	fputs("  </testsuite>\n</testsuites>\n", file);
	return report_file_close(file, name);
}
