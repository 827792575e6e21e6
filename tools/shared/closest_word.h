/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean ...?": the word that a mistyped one is nearest to. */
#ifndef VIONET_TOOLS_CLOSEST_WORD_H
#define VIONET_TOOLS_CLOSEST_WORD_H

#define CLOSEST_WORD_MAX 40 /* letters of a word that is looked up */

struct closest_word {
	char word[CLOSEST_WORD_MAX + 1]; /* in small letters; empty: too long */
	unsigned int away;
	const char *best; /* at most two letters away, and not made of other letters
			   * altogether; NULL: none so far */
};

void closest_word_start(struct closest_word *closest, const char *mistyped);

/* `known` stays as long as `closest`. */
void closest_word_try(struct closest_word *closest, const char *known);

#endif
