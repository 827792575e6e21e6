/* SPDX-License-Identifier: BSD-3-Clause */
/* The error text: composed once, cut, and each thread's own. */
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
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
