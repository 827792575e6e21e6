/* SPDX-License-Identifier: BSD-3-Clause */
/* Behaviour of devices that other drivers do not notice, and that is reported: registers
 * that read 0 after a write, slow resets, fewer vectors than wanted, doorbells that can
 * only be mapped one by one. */
#include <stdio.h>

#include "tests/unit/control_env.h"

static struct model *model;
static struct vionet_device *device;

static const struct {
	uint64_t offsets; /* of the common configuration */
	uint32_t bit;
	const char *name;
} registers[] = {
	{ 1ull << 22, VIONET_REGISTER_QUEUE_SELECT, "queue_select" },
	{ 1ull << 24, VIONET_REGISTER_QUEUE_SIZE, "queue_size" },
	{ 1ull << 26, VIONET_REGISTER_QUEUE_VECTOR, "queue_msix_vector" },
	{ 1ull << 28, VIONET_REGISTER_QUEUE_ENABLE, "queue_enable" },
	{ 1ull << 32 | 1ull << 36, VIONET_REGISTER_QUEUE_DESC, "queue_desc" },
	{ 1ull << 40 | 1ull << 44, VIONET_REGISTER_QUEUE_DRIVER, "queue_driver" },
	{ 1ull << 48 | 1ull << 52, VIONET_REGISTER_QUEUE_DEVICE, "queue_device" },
};

#define REGISTERS (sizeof(registers) / sizeof(registers[0]))

static const struct vionet_start_options small = { .struct_size = sizeof(small),
						   .rx_queue_size = 64,
						   .tx_queue_size = 64 };

static void raise_model(void)
{
	model_create(&model);
}

static void has_text(const char *part)
{
	if (strstr(vionet_error_text(), part) == NULL)
		fail_msg("\"%s\" does not have \"%s\"", vionet_error_text(), part);
}

/* A frame goes out. */
static void send_one(void)
{
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;
	uint64_t before = model->sent;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(model->sent, before + 1);
}

static struct vionet_device_info look(void)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	assert_int_equal(vionet_device_info(device, &info), 0);
	return info;
}

/* ---- registers that read 0 ---- */

static void a_register_that_reads_0_is_noted(void **state)
{
	(void)state;
	for (size_t i = 0; i < REGISTERS; i++) {
		raise_model();
		model->reads_zero = registers[i].offsets;
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(vionet_device_start(device, &small), 0);
		send_one();
		assert_int_equal(look().unshown, registers[i].bit);
		assert_true(look().unshown_count >= 1);
		assert_int_equal(vionet_device_recover(device, NULL), 0);
		send_one();
		assert_int_equal(vionet_device_close(device), 0);
	}
}

/* The vector is the queue's all the same: others do not compare it. */
static void a_vector_that_reads_0_interrupts(void **state)
{
	struct vionet_queue *rx;

	(void)state;
	raise_model();
	model->reads_zero = 1ull << 26;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	rx = vionet_device_rx_queue(device, 0);
	assert_true(vionet_queue_fd(rx) >= 0);
	assert_int_equal(vionet_queue_arm(rx), 0);
	vionet_queue_disarm(rx);
	assert_int_equal(vionet_device_close(device), 0);
	/* One that shows that it has none has none. */
	raise_model();
	model->no_vectors = true;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	assert_true(vionet_queue_fd(vionet_device_rx_queue(device, 0)) < 0);
	assert_int_equal(look().unshown, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* As Firecracker and Cloud Hypervisor do: all addresses, and more. */
static void all_of_them_at_once(void **state)
{
	uint32_t all = 0;

	(void)state;
	raise_model();
	for (size_t i = 0; i < REGISTERS; i++) {
		model->reads_zero |= registers[i].offsets;
		all |= registers[i].bit;
	}
	model->hidden_status = 3;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	send_one();
	assert_int_equal(look().unshown, all | VIONET_REGISTER_STATUS);
	assert_int_equal(vionet_device_close(device), 0);
}

static void nothing_is_noted_of_a_good_device(void **state)
{
	(void)state;
	raise_model();
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	assert_int_equal(look().unshown, 0);
	assert_int_equal(look().unshown_count, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* With the check enabled, open refuses each of them. */
static void strictly_each_is_refused(void **state)
{
	const struct vionet_open_options strict = { .struct_size = sizeof(strict),
						    .flags = VIONET_OPEN_STRICT };
	int result;

	(void)state;
	for (size_t i = 0; i < REGISTERS; i++) {
		raise_model();
		model->reads_zero = registers[i].offsets;
		result = open_model(model, &strict, &device);
		if (result == 0) {
			result = vionet_device_start(device, &small);
			has_text(registers[i].name);
			has_text("the device reads back 0, which is refused as it was asked for (strict)");
			assert_int_equal(vionet_device_close(device), 0);
		}
		assert_int_equal(result, -EIO);
	}
	raise_model();
	model->hidden_status = 2;
	assert_int_equal(open_model(model, &strict, &device), -EIO);
	has_text("does not take DRIVER");
}

/* Two bits of the status are needed: FEATURES_OK and DRIVER_OK. */
static void the_status_that_matters_is_shown(void **state)
{
	(void)state;
	raise_model();
	model->hidden_status = 8;
	assert_int_equal(open_model(model, NULL, &device), -ENOTSUP);
	raise_model();
	model->hidden_status = 4;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), -EIO);
	has_text("does not take DRIVER_OK");
	assert_int_equal(vionet_device_close(device), 0);
}

/* A value other than 0 is always refused. */
static void another_value_is_refused(void **state)
{
	(void)state;
	raise_model();
	model->address_ignored = true;
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), -EIO);
	has_text("queue_desc: wrote 0x");
	assert_int_equal(look().unshown, 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- resets that take long ---- */

static struct progress {
	unsigned int calls, waited_ms, limit_ms, last;
	char step[32];
} progress;

/* The call of that number fails; 0: never. */
static int on_progress(void *context, const char *step, unsigned int waited_ms,
		       unsigned int limit_ms)
{
	const unsigned int *enough = context;

	progress.calls++;
	progress.waited_ms = waited_ms;
	progress.limit_ms = limit_ms;
	snprintf(progress.step, sizeof(progress.step), "%s", step);
	return *enough != 0 && progress.calls >= *enough;
}

/* A reset of the function does not make it faster. */
static void a_slow_reset_needs_a_longer_limit(void **state)
{
	unsigned int enough = 0;
	const struct vionet_open_options quick = { .struct_size = sizeof(quick),
						   .reset_timeout_ms = 50 };
	const struct vionet_open_options slow = { .struct_size = sizeof(slow),
						  .reset_timeout_ms = 120000,
						  .progress = on_progress,
						  .progress_context = &enough };

	(void)state;
	raise_model();
	model->reset_ms = 400;
	assert_int_equal(open_model(model, &quick, &device), -ETIMEDOUT);
	has_text("has not finished its reset within 0.05 s");
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_RESET_TIMEOUT);
	memset(&progress, 0, sizeof(progress));
	raise_model();
	model->reset_ms = 2300;
	assert_int_equal(open_model(model, &slow, &device), 0);
	assert_int_equal(progress.calls, 2);
	assert_string_equal(progress.step, "reset");
	assert_true(progress.waited_ms >= 2000);
	assert_int_equal(progress.limit_ms, 120000);
	model->reset_ms = 400;
	assert_int_equal(vionet_device_start(device, &small), 0);
	send_one();
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(look().quarantined, 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	send_one();
	assert_int_equal(vionet_device_close(device), 0);
}

static void waiting_can_be_interrupted(void **state)
{
	unsigned int enough = 1;
	const struct vionet_open_options options = { .struct_size = sizeof(options),
						     .reset_timeout_ms = 600000,
						     .progress = on_progress,
						     .progress_context = &enough };

	(void)state;
	raise_model();
	memset(&progress, 0, sizeof(progress));
	model->never_reset = true;
	model->status = 4;
	assert_int_equal(open_model(model, &options, &device), -ECANCELED);
	assert_int_equal(progress.calls, 1);
	has_text("the caller ended the wait");
}

static void limits_have_a_limit(void **state)
{
	struct vionet_open_options options = { .struct_size = sizeof(options),
					       .reset_timeout_ms = 600001 };

	(void)state;
	assert_int_equal(vionet_device_open("0000:00:04.0", &options, &device), -EINVAL);
	has_text("600001 ms for a reset");
	options = (struct vionet_open_options){ .struct_size = sizeof(options),
						.control_timeout_ms = 60001 };
	assert_int_equal(vionet_device_open("0000:00:04.0", &options, &device), -EINVAL);
	options = (struct vionet_open_options){ .struct_size = sizeof(options),
						.reply_timeout_ms = 600001 };
	assert_int_equal(vionet_device_open("0000:00:04.0", &options, &device), -EINVAL);
	has_text("600001 ms for replies");
}

/* The same wait for a queue's reset and for SUSPEND. */
static void what_else_the_device_has_to_finish(void **state)
{
	const struct vionet_open_options options = { .struct_size = sizeof(options),
						     .reset_timeout_ms = 30 };

	(void)state;
	raise_model();
	model->offered[0] |= 1ull << 40 | 1ull << 43;
	assert_int_equal(open_model(model, &options, &device), 0);
	assert_int_equal(vionet_device_start(device, &small), 0);
	model->queue_reset_stuck = true;
	assert_int_equal(vionet_queue_reset(vionet_device_tx_queue(device, 0), NULL),
			 -ETIMEDOUT);
	has_text("30 ms after the queue was to be reset");
	model->queue_reset_stuck = false;
	model->stuck_status = 0x10;
	assert_int_equal(vionet_device_suspend(device), -ETIMEDOUT);
	has_text("has not followed within 30 ms");
	model->stuck_status = 0;
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* ---- vectors ---- */

static void start_with_vectors(unsigned int there, bool told, unsigned int calls)
{
	const unsigned int before = model->vector_calls;

	model->vectors_max = there;
	model->vectors_reported = told;
	assert_int_equal(vionet_device_start(device, &small), 0);
	assert_int_equal(model->vector_calls - before, calls);
	send_one();
	assert_int_equal(vionet_device_stop(device), 0);
}

/* The kernel reports the number: no retries. */
static void fewer_vectors_are_requested_at_once(void **state)
{
	(void)state;
	raise_model();
	assert_int_equal(open_model(model, NULL, &device), 0);
	start_with_vectors(0, true, 1);
	start_with_vectors(2, true, 2);
	assert_int_equal(model->eventfds, 0);
	start_with_vectors(1, true, 2);
	start_with_vectors(1, false, 3); /* 3, 2, 1 */
	assert_int_equal(vionet_device_close(device), 0);
}

/* 257 vectors are wanted for 128 pairs. */
static void many_vectors_are_requested_in_few_steps(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = 2, .tx_queue_size = 2,
						.queue_pairs = 128,
						.rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = 4 },
						.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = 4 } };
	struct control_env *env = control_env_create(128);
	unsigned int before;

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	env->model->function.vector_count = 257;
	for (unsigned int told = 0; told < 2; told++) {
		env->model->vectors_max = 20;
		env->model->vectors_reported = told != 0;
		before = env->model->vector_calls;
		assert_int_equal(vionet_device_start(env->device, &options), 0);
		/* 257, 192, 144, ... 24, 18; or 257, 20. */
		assert_int_equal(env->model->vector_calls - before, told ? 2 : 10);
		assert_int_equal(env->model->eventfds, told ? 20 : 18);
		assert_int_equal(vionet_device_stop(env->device), 0);
	}
	control_env_destroy(env);
}

/* ---- doorbells ---- */

static enum vionet_doorbell doorbell_of(unsigned int queue, uint8_t *bits)
{
	struct vionet_queue_info info = { .struct_size = sizeof(info) };

	assert_int_equal(vionet_device_queue_info(device, queue, &info), 0);
	*bits = info.doorbell_bits;
	return info.doorbell;
}

/* The notify structure lies beside what may not be mapped: its doorbells do not. */
static void doorbells_are_mapped_one_by_one(void **state)
{
	uint8_t bits;

	(void)state;
	for (unsigned int mapped = 0; mapped < 2; mapped++) {
		enum vionet_doorbell expected = mapped ? VIONET_DOORBELL_MAPPED :
							 VIONET_DOORBELL_CALL;

		raise_model();
		model->doorbells_mapped = mapped != 0;
		assert_int_equal(open_model(model, NULL, &device), 0);
		assert_int_equal(doorbell_of(1, &bits), expected);
		assert_int_equal(bits, 16);
		assert_int_equal(vionet_device_start(device, &small), 0);
		assert_int_equal(doorbell_of(1, &bits), expected);
		assert_int_equal(vionet_device_close(device), 0);
	}
	raise_model();
	model->offered[0] |= 1ull << 38; /* NOTIFICATION_DATA */
	assert_int_equal(open_model(model, NULL, &device), 0);
	assert_int_equal(doorbell_of(0, &bits), VIONET_DOORBELL_CALL);
	assert_int_equal(bits, 32);
	assert_int_equal(vionet_device_close(device), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_register_that_reads_0_is_noted),
		cmocka_unit_test(a_vector_that_reads_0_interrupts),
		cmocka_unit_test(all_of_them_at_once),
		cmocka_unit_test(nothing_is_noted_of_a_good_device),
		cmocka_unit_test(strictly_each_is_refused),
		cmocka_unit_test(the_status_that_matters_is_shown),
		cmocka_unit_test(another_value_is_refused),
		cmocka_unit_test(a_slow_reset_needs_a_longer_limit),
		cmocka_unit_test(waiting_can_be_interrupted),
		cmocka_unit_test(limits_have_a_limit),
		cmocka_unit_test(what_else_the_device_has_to_finish),
		cmocka_unit_test(fewer_vectors_are_requested_at_once),
		cmocka_unit_test(many_vectors_are_requested_in_few_steps),
		cmocka_unit_test(doorbells_are_mapped_one_by_one),
	};

	return cmocka_run_group_tests_name("read_back", tests, NULL, NULL);
}
