/* SPDX-License-Identifier: BSD-3-Clause */
/* Each requirement that the rings check is reported when a driver violates it, and no
 * other is. The last test checks that each row of requirements_rings.def has a case. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "violations.h"

static bool break_one(const struct breaking *breaking, bool last)
{
	bool reported;

	assert_int_equal(env_start(breaking->packed, breaking->packed ? 5 : 8,
				   breaking->features), 0);
	breaking->act();
	reported = env_violated(breaking->id);
	if (!reported && last)
		print_error("%s case %zu, %s: %u violations, the first is %s\n",
			    breaking->packed ? "packed" : "split",
			    (size_t)(breaking - (breaking->packed ?
				     packed_breakings : split_breakings)),
			    breaking->id, env.violations,
			    env.violations ? env.violated[0] : "none");
	env_stop();
	return reported;
}

/* How many of a table are not reported? */
static unsigned int missed_of(const struct breaking *breaking)
{
	unsigned int missed = 0;

	for (; breaking->id; breaking++) {
		/* The device has to read between two writes of another thread, which a
		 * busy machine may delay. */
		unsigned int tries = strcmp(breaking->id, "PACKED-30") ? 1 : 100;
		bool reported = false;

		while (!reported && tries-- != 0)
			reported = break_one(breaking, tries == 0);
		missed += !reported;
	}
	return missed;
}

static void breaking_is_reported(void **state)
{
	unsigned int missed;

	(void)state;
	missed = missed_of(split_breakings);
	missed += missed_of(packed_breakings);
	assert_int_equal(missed, 0);
}

/* Chains of 2^32 bytes and more need a map that large: the sum is what counts, so the
 * same bytes serve many times. */
static void sum_is_checked(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(false, 4096, 0), 0);
	for (i = 0; i < 2100; i++)
		put(i, ENV_DATA, 2u << 20, i < 2099 ? DF_NEXT : 0,
		    (uint16_t)(i + 1));
	offer(0);
	take_all();
	assert_true(env_violated("SPLIT-06"));
	env_stop();
}

/* Each tail of these lists comes late, none so late that it would never come. */
static void *publish_late(void *at)
{
	char *entry = (char *)packed_at(*(const unsigned int *)at);

	usleep(25000);
	__atomic_store_n((uint16_t *)(entry + offsetof(struct packed_entry, flags)), htole16(DF_AVAIL), __ATOMIC_RELEASE);
	return NULL;
}

static void late_list(unsigned int at)
{
	unsigned int tail = at + 1;
	pthread_t thread;

	entry(tail, 64, 0);
	assert_int_equal(pthread_create(&thread, NULL, publish_late, &tail), 0);
	entry(at, 64, DF_AVAIL | DF_NEXT);
	give_all();
	pthread_join(thread, NULL);
}

/* The device waits one second in all, and then disables the queue. */
static void late_tails_come_to_an_end(void **state)
{
	unsigned int lists;

	(void)state;
	assert_int_equal(env_start(true, 1024, 0), 0);
	for (lists = 0; lists < 60 && !env.queue->broken; lists++)
		late_list(2 * lists);
	assert_true(env.queue->broken);
	env_stop();
}

/* A driver may fill a packed ring while it is enabled: flags come last. */
static void half_written_is_no_violation(void **state)
{
	(void)state;
	assert_int_equal(env_start(true, 5, 0), 0);
	env_stop();
	entry(0, 64, DF_AVAIL);
	packed_at(1)->address = iova(ENV_DATA);
	packed_at(1)->length = 64;
	packed_at(1)->id = 1;
	assert_int_equal(env_restart(), 0);
	assert_int_equal(env.violations, 0);
	env_stop();
}

/* A driver that breaks the ring loses the queue, but the device lives on. */
static void broken_queue_is_still(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(env_start(false, 8, 0), 0);
	head_outside();
	assert_true(env.queue->broken);
	assert_int_equal(env.resets, 1);
	assert_int_equal(ring_take(env.queue, &b), -1);
	assert_false(ring_arm(env.queue));
	assert_false(ring_ready(env.queue));
	ring_flush(env.queue);
	assert_int_equal(env.resets, 1);
	assert_int_equal(env_restart(), 0);
	assert_int_equal(env.queue->broken, false);
	env_stop();
}

static bool has_case(const struct breaking *breaking, const char *id)
{
	while (breaking->id && strcmp(id, breaking->id))
		breaking++;
	return breaking->id != NULL;
}

static void every_requirement_has_a_case(void **state)
{
	static const char *const checked[] = {
#define REQUIREMENT(id, strength, section, text) id,
#include "softnic/check/requirements_rings.def"
#undef REQUIREMENT
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
		if (!has_case(split_breakings, checked[i]) &&
		    !has_case(packed_breakings, checked[i]))
			fail_msg("%s is in requirements_rings.def and has no case",
				 checked[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaking_is_reported),
		cmocka_unit_test(sum_is_checked),
		cmocka_unit_test(late_tails_come_to_an_end),
		cmocka_unit_test(half_written_is_no_violation),
		cmocka_unit_test(broken_queue_is_still),
		cmocka_unit_test(every_requirement_has_a_case),
	};

	return cmocka_run_group_tests(tests, env_set_up, env_tear_down);
}
