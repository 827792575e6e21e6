/* SPDX-License-Identifier: BSD-3-Clause */
#include <curses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <vionet/error.h>

#include "tools/pktgen/view/parts.h"
#include "tools/pktgen/view/terminal.h"

#define TEXT_MAX 512

/* Colours of styles: numbers of curses' pairs. Without colours attributes say it. */
enum { PAIR_GOOD = 1,
       PAIR_NOTE,
       PAIR_BAD };

void view_draw_init(void)
{
	if (!terminal_has_color())
		return;
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_NOTE, COLOR_YELLOW, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
}

static attr_t draw_attributes(enum view_style style, short *pair)
{
	bool color = terminal_has_color();

	*pair = 0;
	switch (style) {
	case STYLE_TITLE:
		return A_BOLD;
	case STYLE_BAR:
	case STYLE_SELECTED:
		return A_REVERSE;
	case STYLE_GOOD:
		*pair = color ? PAIR_GOOD : 0;
		return 0;
	case STYLE_NOTE:
		*pair = color ? PAIR_NOTE : 0;
		return color ? 0 : A_UNDERLINE;
	case STYLE_BAD:
		*pair = color ? PAIR_BAD : 0;
		return A_BOLD;
	case STYLE_DIM:
		return A_DIM;
	default:
		return 0;
	}
}

/* As many characters as fit; what this terminal cannot show is a question mark. Columns. */
static int draw_convert(const char *text, int columns, wchar_t wide[TEXT_MAX])
{
	mbstate_t state = { 0 };
	int used = 0, count = 0;

	while (*text != '\0' && count < TEXT_MAX - 1) {
		wchar_t character;
		size_t length = mbrtowc(&character, text, MB_CUR_MAX, &state);
		int width;

		if (length == (size_t)-1 || length == (size_t)-2) {
			state = (mbstate_t){ 0 };
			character = L'?';
			length = 1;
		}
		width = wcwidth(character);
		if (width < 0) {
			character = L'?';
			width = 1;
		}
		if (used + width > columns)
			break;
		wide[count++] = character;
		used += width;
		text += length;
	}
	wide[count] = L'\0';
	return used;
}

static int draw_text(int y, int x, int columns, enum view_style style, const char *text)
{
	wchar_t wide[TEXT_MAX];
	short pair;
	attr_t attributes = draw_attributes(style, &pair);
	int used;

	if (columns <= 0 || y < 0 || y >= LINES || x < 0 || x >= COLS)
		return 0;
	if (columns > COLS - x)
		columns = COLS - x;
	used = draw_convert(text, columns, wide);
	attr_set(attributes, pair, NULL);
	mvaddwstr(y, x, wide);
	attr_set(A_NORMAL, 0, NULL);
	return used;
}

int view_put(int y, int x, int columns, enum view_style style, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return draw_text(y, x, columns, style, vionet_text_clean(text));
}

void view_put_right(int y, int x, int columns, enum view_style style, const char *text)
{
	int length = (int)strlen(text);

	if (length < columns) {
		x += columns - length;
		columns = length;
	}
	draw_text(y, x, columns, style, text);
}

void view_fill(int y, int x, int columns, enum view_style style)
{
	char blanks[TEXT_MAX];

	if (columns >= TEXT_MAX)
		columns = TEXT_MAX - 1;
	if (columns <= 0)
		return;
	memset(blanks, ' ', (size_t)columns);
	blanks[columns] = '\0';
	draw_text(y, x, columns, style, blanks);
}

/* ---- sparklines ---- */

static const char *draw_level(unsigned int level)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const letters[] = { " ", ".", ".", ":", "-", "=", "+", "*", "#" };

	return terminal_has_unicode() ? blocks[level] : letters[level];
}

void view_spark(int y, int x, int columns, const struct monitor *monitor,
		const struct monitor_series *series, const float samples[MONITOR_SAMPLES])
{
	float most = 0;
	int count = columns < MONITOR_SAMPLES ? columns : MONITOR_SAMPLES;

	for (int i = 0; i < count; i++) {
		float sample = monitor_sample(monitor, series, samples, (uint32_t)i);

		most = sample > most ? sample : most;
	}
	for (int i = 0; i < count && (uint32_t)i < series->samples; i++) {
		float sample = monitor_sample(monitor, series, samples, (uint32_t)i);
		/* What is not 0 is seen. */
		unsigned int level = sample <= 0 ? 0 : 1 + (unsigned int)(sample / most * 7.0f);

		draw_text(y, x + columns - 1 - i, 1, STYLE_PLAIN, draw_level(level > 8 ? 8 : level));
	}
}
