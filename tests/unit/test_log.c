/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the control side to a log callback; without a callback there are none. */
#include "tests/unit/test.h"

#include <errno.h>

#include <vionet/vionet.h>

#include "base/log.h"
#include "tests/unit/env.h"

static struct {
	char lines[256][1600];
	enum vionet_log_level level[256];
	unsigned int count;
} heard;

static int marker;

static void listen(void *context, enum vionet_log_level level, const char *text)
{
	assert_ptr_equal(context, &marker);
	assert_true(heard.count < 256);
	assert_null(strpbrk(text, "\n\033"));
	heard.level[heard.count] = level;
	snprintf(heard.lines[heard.count++], sizeof(heard.lines[0]), "%s", text);
}

static bool has(const char *text)
{
	for (unsigned int i = 0; i < heard.count; i++)
		if (strstr(heard.lines[i], text))
			return true;
	return false;
}

static int quiet(void **state)
{
	(void)state;
	vionet_log_set(NULL, NULL, VIONET_LOG_DEBUG);
	heard.count = 0;
	return 0;
}

static void move_packets(struct env *env)
{
	struct vionet_packet *packet = fresh(env, 60);
	uint8_t frame[60] = { 0 };

	assert_int_equal(vionet_queue_transmit(env->tx, &packet, 1), 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
	assert_int_equal(receive_one(env->rx, &packet), 1);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_queue_wait(env->rx, 0, 1), 0);
}

static void the_life_of_a_device(void **state)
{
	struct env *env;
	unsigned int before;

	(void)state;
	vionet_log_set(listen, &marker, VIONET_LOG_DEBUG);
	env = env_start(16, 16, 0, 0);
	assert_true(has("status: DRIVER_OK set"));
	assert_true(has("features offered: "));
	assert_true(has("features accepted: "));
	assert_true(has("reset: done"));
	assert_true(has("opened over"));
	assert_true(has("started: 1 queue pairs, rings of 16 and 16"));
	before = heard.count;
	move_packets(env);
	assert_int_equal(heard.count, before);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_true(has("recovery begins"));
	assert_true(has("recovered within"));
	env_stop(env);
	assert_true(has("stopped"));
}

static void messages_up_to_the_requested_level(void **state)
{
	struct env *env;

	(void)state;
	vionet_log_set(listen, &marker, VIONET_LOG_INFO);
	env = env_start(16, 16, 0, 0);
	assert_true(heard.count > 0);
	for (unsigned int i = 0; i < heard.count; i++)
		assert_true(heard.level[i] <= VIONET_LOG_INFO);
	vionet_log_set(NULL, NULL, VIONET_LOG_DEBUG);
	heard.count = 0;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(heard.count, 0);
	env_stop(env);
}

static void control_characters_are_replaced(void **state)
{
	(void)state;
	vn_log(VIONET_LOG_WARNING, "nobody listens");
	vionet_log_set(listen, &marker, VIONET_LOG_WARNING);
	vn_log(VIONET_LOG_WARNING, "a\033[2Jb\n");
	vn_log(VIONET_LOG_INFO, "too much");
	assert_int_equal(heard.count, 1);
	assert_string_equal(heard.lines[0], "a?[2Jb?");
}

/* A failure without a text does not show that of another call. */
static void no_text_is_no_text(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *packet = fresh(env, 60);
	struct vionet_device *device;

	(void)state;
#define LEAVE_A_TEXT()                                                           \
	assert_int_equal(vionet_device_open("no such", NULL, &device), -EINVAL); \
	assert_true(vionet_error_text()[0] != 0)
	LEAVE_A_TEXT();
	assert_int_equal(vionet_packet_checksum_partial(packet), -EINVAL);
	assert_string_equal(vionet_error_text(), "");
	LEAVE_A_TEXT();
	assert_int_equal(vionet_packet_segment(packet, 100), -EINVAL);
	assert_string_equal(vionet_error_text(), "");
	LEAVE_A_TEXT();
	packet->flags = VIONET_PACKET_NEEDS_CSUM;
	packet->csum_start = 60;
	assert_int_equal(vionet_packet_checksum_complete(packet), -EINVAL);
	assert_string_equal(vionet_error_text(), "");
	vionet_packet_free(&packet, 1);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_life_of_a_device, quiet, quiet),
		cmocka_unit_test_setup_teardown(messages_up_to_the_requested_level, quiet, quiet),
		cmocka_unit_test_setup_teardown(control_characters_are_replaced, quiet,
						quiet),
		cmocka_unit_test_setup_teardown(no_text_is_no_text, quiet, quiet),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
