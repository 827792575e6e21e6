/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/pktgen-config.md has a row for each header, with all its fields: as the table of headers has them. With an argument it
 * prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/packet/header_table.h"

#define ROW_BYTES 2000

static void page_add(char *row, const char *text)
{
	assert_true(strlen(row) + strlen(text) < ROW_BYTES);
	strcat(row, text);
}

static void page_add_field(char *row, const char *name)
{
	page_add(row, " `");
	page_add(row, name);
	page_add(row, "`");
}

/* Parts stand in their list: "ipv4.options: custom". */
static void page_add_name(char *row, enum header_kind kind)
{
	const struct header_type *type = header_type(kind);

	if (kind >= HEADER_PARTS) {
		if (type->parent >= HEADER_PARTS) {
			page_add(row, header_type(header_type(type->parent)->parent)->name);
			page_add(row, ".options: ");
		}
		page_add(row, header_type(type->parent)->name);
		page_add(row, ".");
		page_add(row, type->list);
		if (type->name[0] != '\0')
			page_add(row, ": ");
	}
	page_add(row, type->name);
}

static void page_row(enum header_kind kind, char row[ROW_BYTES])
{
	const struct header_type *type = header_type(kind);

	strcpy(row, "| ");
	page_add_name(row, kind);
	page_add(row, " |");
	for (uint32_t i = 0; i < type->fields; i++)
		page_add_field(row, type->field[i].name);
	if (type->bytes != NULL)
		page_add_field(row, type->bytes);
	page_add(row, " |");
	for (uint32_t i = 0; i < type->fields; i++)
		if (type->field[i].computed)
			page_add_field(row, type->field[i].name);
	page_add(row, " |\n");
}

static char *page_read(void)
{
	FILE *file = fopen(VIONET_SOURCE "/docs/pktgen-config.md", "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void test_rows(void **state)
{
	char *page = page_read(), row[ROW_BYTES];

	(void)state;
	for (enum header_kind kind = 0; kind < HEADER_KINDS; kind++) {
		page_row(kind, row);
		if (strstr(page, row) == NULL)
			fail_msg("docs/pktgen-config.md has no row\n%s", row);
	}
	free(page);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
	char row[ROW_BYTES];

	(void)argv;
	if (argc == 1)
		return cmocka_run_group_tests_name("otg_page", tests, NULL, NULL);
	for (enum header_kind kind = 0; kind < HEADER_KINDS; kind++) {
		page_row(kind, row);
		fputs(row, stdout);
	}
	return 0;
}
