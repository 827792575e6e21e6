/* SPDX-License-Identifier: BSD-3-Clause */
/* What every unit test includes: cmocka and the headers that it needs first. */
#ifndef VIONET_TESTS_TEST_H
#define VIONET_TESTS_TEST_H

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Repetitions of what chance or a wrap is to bring: fewer in an emulator, which is for the order of bytes. */
#ifdef __s390x__
#define ROUNDS(number) ((number) / 8)
#else
#define ROUNDS(number) (number)
#endif

/* The error text holds this. */
#define assert_text(part)                                                      \
	do {                                                                   \
		if (!strstr(vionet_error_text(), part))                        \
			fail_msg("'%s' is not in: %s", part,                   \
				 vionet_error_text());                         \
	} while (0)

#endif
