/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/report/page.h"
#include "tools/pktgen/report/report.h"
#include "tools/shared/common.h"
#include "tools/shared/report_file.h"

/* Where the results go in the page. */
#define HTML_PLACE "/*RESULTS*/null"

/* In a script element nothing may end it, nor begin a comment. */
static void html_json(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '<')
			fputs("\\u003c", file);
		else
			fputc(*text, file);
}

int report_html(const json_t *results, const char *name)
{
	const char *place = strstr(report_page, HTML_PLACE);
	char *text = json_dumps(results, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
	FILE *file;

	if (text == NULL) {
		say("no memory for the page");
		return CODE_FAILED;
	}
	file = report_file_open(name);
	if (file == NULL) {
		free(text);
		return CODE_FAILED;
	}
	fwrite(report_page, 1, (size_t)(place - report_page), file);
	html_json(file, text);
	fputs(place + strlen(HTML_PLACE), file);
	free(text);
	return report_file_close(file, name);
}
