/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables as RFC 4180 has them, but for line ends, which are this system's. */
#include <jansson.h>
#include <string.h>

#include "tools/pktgen/report/report.h"
#include "tools/shared/common.h"
#include "tools/shared/report_file.h"

#define CSV_NAME 128

struct csv {
	FILE *file;
	bool first; /* of its line */
};

static void csv_separate(struct csv *csv)
{
	if (!csv->first)
		fputc(',', csv->file);
	csv->first = false;
}

static void csv_text(struct csv *csv, const char *text)
{
	csv_separate(csv);
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, csv->file);
		return;
	}
	fputc('"', csv->file);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			fputc('"', csv->file);
		fputc(*text, csv->file);
	}
	fputc('"', csv->file);
}

/* Columns are those of the first object that has an object there. */
static const json_t *csv_shape(const json_t *rows, const char *key)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *value = json_object_get(json_array_get(rows, i), key);

		if (json_is_object(value))
			return value;
	}
	return NULL;
}

static void csv_names(struct csv *csv, const json_t *rows)
{
	json_t *first = json_array_get(rows, 0);
	const char *key;
	json_t *value;

	csv->first = true;
	json_object_foreach(first, key, value)
	{
		json_t *shape = (json_t *)csv_shape(rows, key);
		const char *inner;
		json_t *unused;

		if (json_is_array(value))
			continue;
		if (shape == NULL) {
			csv_text(csv, key);
			continue;
		}
		json_object_foreach(shape, inner, unused)
		{
			char name[CSV_NAME];

			if (json_is_array(unused))
				continue;
			snprintf(name, sizeof(name), "%s.%s", key, inner);
			csv_text(csv, name);
		}
	}
	fputc('\n', csv->file);
}

static void csv_value(struct csv *csv, const json_t *value)
{
	char text[64];

	switch (json_typeof(value)) {
	case JSON_STRING:
		csv_text(csv, json_string_value(value));
		return;
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, sizeof(text), "%.9g", json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "true" : "false");
		break;
	default:
		text[0] = '\0';
		break;
	}
	csv_text(csv, text);
}

static void csv_row(struct csv *csv, const json_t *rows, const json_t *row)
{
	json_t *first = json_array_get(rows, 0);
	const char *key;
	json_t *like;

	csv->first = true;
	json_object_foreach(first, key, like)
	{
		json_t *shape = (json_t *)csv_shape(rows, key);
		const json_t *value = json_object_get(row, key);
		const char *inner;
		json_t *none;

		if (json_is_array(like))
			continue;
		if (shape == NULL) {
			csv_value(csv, value != NULL ? value : json_null());
			continue;
		}
		json_object_foreach(shape, inner, none)
		{
			const json_t *part = json_object_get(value, inner);

			if (json_is_array(none))
				continue;
			csv_value(csv, part != NULL ? part : json_null());
		}
	}
	fputc('\n', csv->file);
}

int report_csv(const json_t *rows, const char *name)
{
	struct csv csv = { .file = report_file_open(name) };

	if (csv.file == NULL)
		return CODE_FAILED;
	if (json_array_size(rows) > 0)
		csv_names(&csv, rows);
	for (size_t i = 0; i < json_array_size(rows); i++)
		csv_row(&csv, rows, json_array_get(rows, i));
	return report_file_close(csv.file, name);
}
