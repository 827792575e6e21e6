/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/net/limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEPTH_USUAL 256u
#define LIMIT_DEPTH_MOST 1000000000u
#define LIMIT_MILLI_MOST 1000000000000000ull /* 10^12 frames a second */

__extension__ typedef unsigned __int128 limit_wide;

/* ---- the option ---- */

/* Digits with up to three decimals, in thousandths. Returns what follows, or NULL. */
static const char *limit_number(const char *text, uint64_t *milli)
{
	uint64_t unit = 1000;
	bool point = false;

	*milli = 0;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (point && unit == 1)
			return NULL;
		if (point)
			unit /= 10;
		if (*milli > LIMIT_MILLI_MOST)
			return NULL;
		if (!point)
			*milli *= 10;
		*milli += unit * (uint64_t)(*text - '0');
	}
	return text;
}

static const char *limit_unit(const char *text, uint64_t *milli)
{
	uint64_t factor = 1;

	if (*text == 'k')
		factor = 1000;
	else if (*text == 'M')
		factor = 1000000;
	if (*milli > LIMIT_MILLI_MOST / factor)
		return NULL;
	*milli *= factor;
	text += factor != 1;
	return strncmp(text, "pps", 3) == 0 ? text + 3 : text;
}

int limit_parse(const char *text, struct limit *limit)
{
	char *end;

	*limit = (struct limit){ .depth = LIMIT_DEPTH_USUAL };
	text = limit_number(text, &limit->milli);
	if (text != NULL)
		text = limit_unit(text, &limit->milli);
	if (text == NULL || limit->milli == 0)
		return -EINVAL;
	if (*text == '\0')
		return 0;
	if (text[0] != ':' || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	errno = 0;
	limit->depth = strtoul(text + 1, &end, 10);
	if (*end != '\0' || errno != 0 || limit->depth < 1 ||
	    limit->depth > LIMIT_DEPTH_MOST)
		return -EINVAL;
	return 0;
}

/* ---- the bucket ---- */

/* What was put in by `now`, the first filling included. */
static uint64_t limit_earned(const struct limit *limit, uint64_t now)
{
	return limit->depth +
	       (uint64_t)((limit_wide)(now - limit->start) * limit->milli / 1000000000000ull);
}

bool limit_take(struct limit *limit, uint64_t now)
{
	uint64_t earned;

	if (limit->start == 0)
		limit->start = now;
	earned = limit_earned(limit, now);
	if (earned - limit->spent > limit->depth) /* it was full: the rest ran over */
		limit->spent = earned - limit->depth;
	if (earned == limit->spent)
		return false;
	limit->spent++;
	return true;
}

void limit_return(struct limit *limit)
{
	limit->spent--;
}
