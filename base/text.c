/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdint.h>

#include <vionet/error.h>

/* Ranges that a terminal obeys, or that reorder or hide what stands beside them: C0, DEL and
 * C1; marks of direction and embedding, invisible ones, separators of lines, tags. */
static const struct {
	uint32_t first, last;
} commands[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0x61c, 0x61c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
	{ 0xe0000, 0xe007f },
};

static bool text_printable(uint32_t point)
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (point >= commands[i].first && point <= commands[i].last)
			return false;
	return true;
}

/* The length of the well-formed UTF-8 sequence at `text`, and what it stands for; 0: there
 * is none. The zero at the end of the text continues no sequence. */
static unsigned int text_decode(const unsigned char *text, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int length = text[0] < 0x80 ? 1 :
			      text[0] >> 5 == 6 ? 2 :
			      text[0] >> 4 == 14 ? 3 :
			      text[0] >> 3 == 30 ? 4 : 0;

	if (length <= 1) {
		*point = text[0];
		return length;
	}
	*point = text[0] & (0x7fu >> length);
	for (unsigned int i = 1; i < length; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (text[i] & 0x3fu);
	}
	if (*point < least[length] || *point > 0x10ffff || *point >> 11 == 0x1b)
		return 0;
	return length;
}

char *vionet_text_clean(char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	char *to = text;
	uint32_t point;

	/* Most texts are plain, and stay as they are. */
	while (*to >= ' ' && *to <= '~')
		to++;
	from += to - text;
	while (*from != 0) {
		unsigned int length = text_decode(from, &point);

		if (length == 0 || !text_printable(point)) {
			from += length ? length : 1;
			*to++ = '?';
			continue;
		}
		while (length-- != 0)
			*to++ = (char)*from++;
	}
	*to = '\0';
	return text;
}
