/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/report/limit.h"
#include "tools/shared/common.h"
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

static void junit_case(FILE *file, const char *class, const struct report_case *test)
{
	fprintf(file, "    <testcase classname=\"%s\" name=\"", class);
	junit_text(file, test->subject);
	fputs(", ", file);
	junit_text(file, test->name);
	fprintf(file, "\" time=\"%.3f\"", test->seconds);
	if (test->limit == NULL || test->limit->kept) {
		fputs("/>\n", file);
		return;
	}
	fputs(">\n      <failure message=\"", file);
	junit_text(file, test->limit->wanted);
	fputs(", and it is ", file);
	junit_text(file, test->limit->measured);
	fputs("\"/>\n    </testcase>\n", file);
}

int report_junit(const char *name, const char *class, const struct report_case *cases, size_t count, double seconds,
		 int code)
{
	bool broken = code != CODE_OK && code != CODE_LIMIT;
	FILE *file = report_file_open(name);
	size_t failed = 0;

	if (file == NULL)
		return CODE_FAILED;
	for (size_t i = 0; i < count; i++)
		failed += cases[i].limit != NULL && !cases[i].limit->kept;
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"0\" time=\"%.3f\">\n",
		class, count + broken, failed, broken, seconds);
	for (size_t i = 0; i < count; i++)
		junit_case(file, class, &cases[i]);
	if (broken)
		fprintf(file,
			"    <testcase classname=\"%s\" name=\"run\" time=\"%.3f\">\n"
			"      <error message=\"exit status %d\"/>\n    </testcase>\n",
			class, seconds, code);
	fputs("  </testsuite>\n</testsuites>\n", file);
	return report_file_close(file, name);
}
