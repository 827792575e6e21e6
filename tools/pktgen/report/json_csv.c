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
static json_t *csv_shape(const json_t *rows, const char *key)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *value = json_object_get(json_array_get(rows, i), key);

		if (json_is_object(value))
			return value;
	}
	return NULL;
}

/* Of each key that has one: looked for once, and not for each row. NULL: no memory. */
static json_t *csv_shapes(const json_t *rows)
{
	json_t *shapes = json_object(), *unused;
	const char *key;

	json_object_foreach(json_array_get(rows, 0), key, unused)
	{
		json_t *shape = csv_shape(rows, key);

		if (shape != NULL && json_object_set(shapes, key, shape) != 0) {
			json_decref(shapes);
			return NULL;
		}
	}
	return shapes;
}

static void csv_names(struct csv *csv, const json_t *first, const json_t *shapes)
{
	const char *key;
	json_t *value;

	csv->first = true;
	json_object_foreach((json_t *)first, key, value)
	{
		json_t *shape = json_object_get(shapes, key);
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

static void csv_row(struct csv *csv, const json_t *first, const json_t *shapes, const json_t *row)
{
	const char *key;
	json_t *like;

	csv->first = true;
	json_object_foreach((json_t *)first, key, like)
	{
		json_t *shape = json_object_get(shapes, key);
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
	const json_t *first = json_array_get(rows, 0);
	json_t *shapes;

	if (csv.file == NULL)
		return CODE_FAILED;
	shapes = csv_shapes(rows);
	if (shapes == NULL) {
		say("%s: no memory for its columns", name);
		fclose(csv.file);
		return CODE_FAILED;
	}
	if (first != NULL)
		csv_names(&csv, first, shapes);
	for (size_t i = 0; i < json_array_size(rows); i++)
		csv_row(&csv, first, shapes, json_array_get(rows, i));
	json_decref(shapes);
	return report_file_close(csv.file, name);
}
