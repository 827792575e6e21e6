/* SPDX-License-Identifier: BSD-3-Clause */
/* The error text: composed once, cut at its limit, one for each thread. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <stdio.h>

#include <vionet/vionet.h>

#include "base/error.h"

static void prefix_names_an_object_once(void **state)
{
	(void)state;
	assert_int_equal(vn_error(EIO, "queue %d is odd", 3), -EIO);
	assert_string_equal(vionet_error_text(), "queue 3 is odd");
	assert_int_equal(vn_error_prefix(-EIO, "dev: pool"), -EIO);
	assert_string_equal(vionet_error_text(), "dev: pool: queue 3 is odd");
	vn_error_prefix(-EIO, "dev: start");
	assert_string_equal(vionet_error_text(),
			    "dev: start: pool: queue 3 is odd");
	vn_error_prefix(-EIO, "%s", "dev");
	assert_string_equal(vionet_error_text(),
			    "dev: start: pool: queue 3 is odd");
	vn_error_errno(ENOENT, "open %s", "/x");
	assert_string_equal(vionet_error_text(),
			    "open /x: No such file or directory");
	vn_error_errno(99999, "open %s", "/x");
	assert_true(strlen(vionet_error_text()) > strlen("open /x: ") + 5);
}

/* It goes with its text: kept with it, replaced by the next. */
static void a_remedy_goes_with_its_text(void **state)
{
	struct vn_error_kept kept;
	const char *address;

	(void)state;
	assert_int_equal(vn_error_remedy(vn_error(EBUSY, "held"), VIONET_REMEDY_BIND_GROUP,
					 "0000:00:04.0"), -EBUSY);
	assert_int_equal(vn_error_prefix(-EBUSY, "dev"), -EBUSY);
	assert_int_equal(vionet_error_remedy(&address), VIONET_REMEDY_BIND_GROUP);
	assert_string_equal(address, "0000:00:04.0");
	vn_error_keep(&kept);
	vn_error_errno(ENOENT, "open");
	assert_int_equal(vionet_error_remedy(&address), VIONET_REMEDY_NONE);
	assert_string_equal(address, "");
	assert_int_equal(vn_error_restore(-EBUSY, &kept), -EBUSY);
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_BIND_GROUP);
	vn_error_none(EINVAL);
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_NONE);
}

static void long_text_is_cut(void **state)
{
	char longest[3 * VIONET_ERROR_TEXT_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	vn_error(EIO, "%s", longest);
	assert_int_equal(strlen(vionet_error_text()), VIONET_ERROR_TEXT_MAX - 1);
	for (unsigned int i = 0; i < 10; i++)
		vn_error_prefix(-EIO, "%s", longest);
	assert_int_equal(strlen(vionet_error_text()), VIONET_ERROR_TEXT_MAX - 1);
	vn_error_errno(EIO, "%s", longest);
	assert_int_equal(strlen(vionet_error_text()), VIONET_ERROR_TEXT_MAX - 1);
}

static void others_cannot_command_a_terminal(void **state)
{
	static const struct {
		const char *said, *shown;
	} texts[] = {
		{ "\033[2J\a\b\r\n\t\177", "?[2J??????" },	/* C0, DEL */
		{ "\302\233" "31m \302\205", "?31m ?" },		/* C1 as UTF-8 */
		{ "\233" "31m", "?31m" },			/* and as a byte */
		{ "a\342\200\256b\342\201\246c", "a?b?c" },	/* RLO, LRI */
		{ "a\342\200\213b\357\273\277c", "a?b?c" },	/* ZWSP, BOM */
		{ "a\342\200\250b\342\200\251c", "a?b?c" },	/* separators */
		{ "\363\240\200\201", "?" },			/* a tag */
		{ "\300\257 \340\200\233 \360\200\200\233", "?? ??? ????" },
		{ "\355\240\200 \364\220\200\200", "??? ????" }, /* surrogate */
		{ "end\342\202", "end??" },			/* cut */
		{ "gr\303\274n \342\202\254 \360\237\231\202",
		  "gr\303\274n \342\202\254 \360\237\231\202" },
		{ "", "" },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char text[64];

		strcpy(text, texts[i].said);
		assert_ptr_equal(vionet_text_clean(text), text);
		assert_string_equal(text, texts[i].shown);
		/* Names from the caller go through the same filter. */
		vn_error(EIO, "it says %s", texts[i].said);
		assert_string_equal(vionet_error_text() + 8, texts[i].shown);
		vn_error_errno(EIO, "%s", texts[i].said);
		assert_memory_equal(vionet_error_text(), texts[i].shown,
				    strlen(texts[i].shown));
		vn_error(EIO, "bad");
		vn_error_prefix(-EIO, "%s", texts[i].said);
		assert_memory_equal(vionet_error_text(), texts[i].shown,
				    strlen(texts[i].shown));
	}
}

/* Where it does not fit it may be cut inside a character. */
static void cut_text_is_valid(void **state)
{
	char longest[VIONET_ERROR_TEXT_MAX + 8];

	(void)state;
	for (unsigned int shift = 0; shift < 3; shift++) {
		memset(longest, 'x', shift);
		for (unsigned int i = shift; i + 3 < sizeof(longest); i += 3)
			strcpy(longest + i, "\342\202\254");
		vn_error(EIO, "%s", longest);
		strcpy(longest, vionet_error_text());
		assert_string_equal(vionet_text_clean(longest), vionet_error_text());
	}
}

static void *other_thread(void *text)
{
	if (vionet_error_text()[0] != 0)
		return NULL;
	vn_error(EIO, "theirs");
	return text;
}

static void each_thread_has_its_own(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	vn_error(EIO, "ours");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, "ok"), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
	assert_string_equal(vionet_error_text(), "ours");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefix_names_an_object_once),
		cmocka_unit_test(a_remedy_goes_with_its_text),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(others_cannot_command_a_terminal),
		cmocka_unit_test(cut_text_is_valid),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
