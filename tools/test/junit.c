/* SPDX-License-Identifier: BSD-3-Clause */
/* JUnit's XML: a test for each limit; for sizes without any, that they were measured. */
#include <stdlib.h>

#include "tools/shared/common.h"
#include "tools/test/results.h"

static double junit_seconds(const struct test_results *results, uint32_t bytes)
{
	for (size_t i = 0; i < results->sizes; i++)
		if (results->size[i].size == bytes)
			return results->size[i].seconds;
	return 0;
}

static bool junit_has_limit(const struct test_results *results, uint32_t size)
{
	for (size_t i = 0; i < results->limits; i++)
		if (results->limit[i].size == size)
			return true;
	return false;
}

static size_t junit_fill(const struct test_results *results, struct report_case *cases)
{
	size_t count = 0;

	for (size_t i = 0; i < results->limits; i++)
		cases[count++] = (struct report_case){
			.subject = results->limit[i].subject,
			.name = results->limit[i].name,
			.seconds = junit_seconds(results, results->limit[i].size),
			.limit = &results->limit[i],
		};
	for (size_t i = 0; i < results->sizes; i++)
		if (!junit_has_limit(results, results->size[i].size))
			cases[count++] = (struct report_case){
				.subject = results->size[i].name,
				.name = "measured",
				.seconds = results->size[i].seconds,
			};
	return count;
}

int test_write_junit(const struct test_results *results, const char *name)
{
	struct report_case *cases = calloc(results->limits + results->sizes + 1, sizeof(*cases));
	char class[64];
	int code;

	if (cases == NULL) {
		say("no memory for %s", name);
		return CODE_FAILED;
	}
	snprintf(class, sizeof(class), "vionet.test.%s", test_method_words[results->options->method]);
	code = report_junit(name, class, cases, junit_fill(results, cases), results->seconds, results->code);
	free(cases);
	return code;
}
