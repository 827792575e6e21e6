/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/closest_word.h"

#include <string.h>

/* How many letters have to be changed, put in, left out or exchanged with their
 * neighbour to turn one word into the other (Damerau, optimal string alignment). */
static unsigned int closest_distance(const char *a, const char *b)
{
	unsigned int row[3][CLOSEST_WORD_MAX + 1];
	unsigned int *two = row[0], *one = row[1], *now = row[2];
	size_t columns = strlen(b);

	for (size_t j = 0; j <= columns; j++)
		one[j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned int *next = two;

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= columns; j++) {
			now[j] = one[j - 1] + (a[i - 1] != b[j - 1]);
			if (one[j] + 1 < now[j])
				now[j] = one[j] + 1;
			if (now[j - 1] + 1 < now[j])
				now[j] = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < now[j])
				now[j] = two[j - 2] + 1;
		}
		two = one;
		one = now;
		now = next;
	}
	return one[columns];
}

void closest_word_start(struct closest_word *closest, const char *mistyped)
{
	*closest = (struct closest_word){ .away = 3 };
	if (strlen(mistyped) > CLOSEST_WORD_MAX)
		return;
	for (size_t i = 0; mistyped[i] != '\0'; i++)
		closest->word[i] = (char)(mistyped[i] >= 'A' && mistyped[i] <= 'Z' ? mistyped[i] | 0x20 : mistyped[i]);
}

void closest_word_try(struct closest_word *closest, const char *known)
{
	unsigned int away;

	if (closest->word[0] == '\0' || strlen(known) > CLOSEST_WORD_MAX)
		return;
	away = closest_distance(closest->word, known);
	if (away < closest->away && away < strlen(known) - 1) {
		closest->away = away;
		closest->best = known;
	}
}
