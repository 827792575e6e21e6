/* SPDX-License-Identifier: BSD-3-Clause */
/* A vhost-user back end with protocol errors: whatever it replies, to any request, every
 * call returns within its deadline, with an error where the call needed the reply;
 * nothing leaks, and the next back end works. */
#include "tests/unit/vhost_user_env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "driver/transport/vhost_user/internal.h"
#include "tests/unit/fail_wait.h"

/* Requests of each phase; with REPLY_ACK all of them have a reply. */
static const uint32_t at_open[] = {
	RQ_GET_FEATURES, RQ_GET_PROTOCOL_FEATURES, RQ_SET_OWNER, RQ_GET_QUEUE_NUM,
	RQ_GET_MAX_MEM_SLOTS, RQ_SET_BACKEND_REQ_FD, RQ_GET_CONFIG,
	RQ_SET_FEATURES,
};
static const uint32_t at_start[] = {
	RQ_ADD_MEM_REG, RQ_SET_VRING_NUM, RQ_SET_VRING_ADDR, RQ_SET_VRING_BASE,
	RQ_SET_VRING_CALL, RQ_SET_VRING_ERR, RQ_GET_INFLIGHT_FD,
	RQ_SET_INFLIGHT_FD, RQ_SET_VRING_KICK, RQ_SET_VRING_ENABLE,
};
static const uint32_t at_stop[] = { RQ_GET_VRING_BASE, RQ_RESET_DEVICE,
				    RQ_SET_STATUS };

static const enum fault faults[] = {
	FAULT_CLOSE, FAULT_MID_HEADER, FAULT_MID_PAYLOAD, FAULT_REQUEST,
	FAULT_NO_REPLY, FAULT_VERSION, FAULT_SHORT, FAULT_LONG, FAULT_HUGE,
	FAULT_FD, FAULT_MANY_FDS,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void misbehave(struct backend *b, uint32_t request, enum fault fault)
{
	LOCKED(b, {
		b->fault_at = request;
		b->fault = fault;
		b->faults_done = 0;
	});
}

static void behave(struct backend *b)
{
	unsigned int done;

	LOCKED(b, {
		done = b->faults_done;
		b->fault = FAULT_NONE;
	});
	assert_true(done > 0);
}

static void still_works(struct backend *b)
{
	struct vionet_device *device;

	if (open_backend(b, "", &device) || vionet_device_start(device, NULL))
		fail_msg("%s", vionet_error_text());
	turn_frames(device, 0, 20);
	assert_int_equal(vionet_device_close(device), 0);
}

static void expect(int result, uint32_t request, enum fault fault,
		   struct watch begin)
{
	double took = watch_own(begin);

	/* One that hangs up at once may have a front end already. */
	if (result != -EIO && result != -ENOTCONN && result != -ENOTSUP &&
	    result != -ETIMEDOUT &&
	    (result != -ENODEV || request != RQ_GET_FEATURES))
		fail_msg("request %u, fault %d: %d", request, fault, result);
	if (took > 2.9)
		fail_msg("request %u, fault %d: took %.1f s", request, fault, took);
}

static void nonsense_at_open(void **state)
{
	struct backend *b = *state;

	for (size_t i = 0; i < COUNT(at_open); i++)
		for (size_t j = 0; j < COUNT(faults); j++) {
			struct vionet_device *device;
			struct watch begin = watch_start();
			int result;

			misbehave(b, at_open[i], faults[j]);
			result = open_backend(b, "", &device);
			assert_null(device);
			expect(result, at_open[i], faults[j], begin);
			if (faults[j] == FAULT_HUGE) /* before a byte of it is read */
				assert_text("announces a message of");
			if (faults[j] == FAULT_CLOSE && at_open[i] == RQ_GET_FEATURES)
				assert_text("hung up at once");
			behave(b);
		}
	still_works(b);
}

static void nonsense_at_start(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	for (size_t i = 0; i < COUNT(at_start); i++)
		for (size_t j = 0; j < COUNT(faults); j++) {
			struct watch begin = watch_start();
			int result;

			/* Where the reply carries a descriptor, one is valid. */
			if (at_start[i] == RQ_GET_INFLIGHT_FD &&
			    faults[j] == FAULT_FD)
				continue;
			misbehave(b, at_start[i], faults[j]);
			result = vionet_device_start(device, NULL);
			expect(result, at_start[i], faults[j], begin);
			behave(b);
			/* The same device connects again, and works. */
			if (vionet_device_start(device, NULL))
				fail_msg("%s", vionet_error_text());
			turn_frames(device, 0, 4);
			assert_int_equal(vionet_device_stop(device), 0);
		}
	assert_int_equal(vionet_device_close(device), 0);
}

/* The driver disconnects from a back end that does not stop its rings: that stops them
 * too. */
static void nonsense_at_stop(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	for (size_t i = 0; i < COUNT(at_stop); i++)
		for (size_t j = 0; j <= COUNT(faults); j++) {
			unsigned int before, after;

			LOCKED(b, before = b->proxy.sessions);
			assert_int_equal(vionet_device_start(device, NULL), 0);
			/* Another ring's position is none, nor is what refuses. */
			misbehave(b, at_stop[i], j < COUNT(faults) ? faults[j] : FAULT_NUMBER);
			assert_int_equal(vionet_device_stop(device), 0);
			behave(b);
			assert_int_equal(vionet_device_start(device, NULL), 0);
			turn_frames(device, 0, 4);
			assert_int_equal(vionet_device_stop(device), 0);
			LOCKED(b, after = b->proxy.sessions);
			assert_int_equal(after, before + 1);
		}
	assert_int_equal(vionet_device_close(device), 0);
}

static void refusals(void **state)
{
	static const uint32_t softly[] = {
		RQ_SET_OWNER, RQ_SET_BACKEND_REQ_FD, RQ_SET_FEATURES,
		RQ_SET_STATUS, RQ_ADD_MEM_REG, RQ_SET_VRING_NUM,
		RQ_SET_VRING_ADDR, RQ_SET_VRING_BASE, RQ_SET_VRING_CALL,
		RQ_SET_VRING_KICK, RQ_SET_VRING_ENABLE, RQ_SET_INFLIGHT_FD,
	};
	struct backend *b = *state;

	for (size_t i = 0; i < COUNT(softly); i++) {
		struct vionet_device *device;
		struct watch begin = watch_start();
		int result;

		misbehave(b, softly[i], FAULT_REFUSE);
		result = open_backend(b, "", &device);
		if (result == 0) {
			result = vionet_device_start(device, NULL);
			assert_text("the back end refuses");
			assert_int_equal(vionet_device_close(device), 0);
		}
		expect(result, softly[i], FAULT_REFUSE, begin);
		behave(b);
	}
	still_works(b);
}

static void silence(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct watch begin = watch_start();

	misbehave(b, RQ_GET_FEATURES, FAULT_SILENT);
	assert_int_equal(open_backend(b, "", &device), -ETIMEDOUT);
	assert_text("has not answered within 2 s");
	assert_true(watch_within(begin, 1.9, 2.9));
	behave(b);
	assert_int_equal(open_backend(b, "", &device), 0);
	misbehave(b, RQ_SET_VRING_ADDR, FAULT_SILENT);
	begin = watch_start();
	assert_int_equal(vionet_device_start(device, NULL), -ETIMEDOUT);
	assert_text("SET_VRING_ADDR");
	assert_true(watch_own(begin) < 2.9);
	behave(b);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	misbehave(b, RQ_GET_VRING_BASE, FAULT_SILENT);
	begin = watch_start();
	assert_int_equal(vionet_device_stop(device), 0);
	assert_true(watch_own(begin) < 2.9);
	behave(b);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Its limit may be the caller's, for each request. */
static void silence_is_limited_by_the_caller(void **state)
{
	static const struct {
		uint32_t request, ms;
		const char *text;
	} rows[] = {
		{ RQ_GET_FEATURES, 100, "has not answered within 0.1 s, or 0.2 s in a row" },
		{ RQ_GET_CONFIG, 1000, "has not answered within 1 s, or 2 s in a row" },
	};
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	struct backend *b = *state;
	struct vionet_device *device;
	char name[128];

	snprintf(name, sizeof(name), "vhost-user:%s", b->proxy.path);
	for (size_t i = 0; i < COUNT(rows); i++) {
		options.reply_timeout_ms = rows[i].ms;
		misbehave(b, rows[i].request, FAULT_SILENT);
		assert_int_equal(vionet_device_open(name, &options, &device), -ETIMEDOUT);
		assert_text(rows[i].text);
		assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_REPLY_TIMEOUT);
		behave(b);
	}
	still_works(b);
}

/* Each reply is in time, but they never end. */
static void slowness(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct watch begin = watch_start();

	misbehave(b, RQ_GET_FEATURES, FAULT_SLOW);
	assert_int_equal(open_backend(b, "", &device), -ETIMEDOUT);
	assert_text("in a row");
	assert_true(watch_own(begin) < 7);
	behave(b);
	still_works(b);
}

/* A reply too many is found at the latest by the next request. */
static void too_many_replies(void **state)
{
	struct backend *b = *state;

	for (size_t i = 0; i < COUNT(at_start); i++) {
		struct vionet_device *device;
		uint32_t events = 0;
		int result;

		assert_int_equal(open_backend(b, "", &device), 0);
		misbehave(b, at_start[i], FAULT_TWICE);
		result = vionet_device_start(device, NULL);
		if (result == 0)
			assert_int_equal(vionet_device_events(device, &events), 0);
		else
			expect(result, at_start[i], FAULT_TWICE, watch_start());
		assert_true(result != 0 || (events & VIONET_EVENT_NEEDS_RESET));
		behave(b);
		assert_int_equal(vionet_device_close(device), 0);
	}
	still_works(b);
}

/* Also where no request comes, and each one afterwards says why. */
static void one_reply_too_many(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct backend *b = *state;
	struct vionet_device *device;
	uint32_t events;

	assert_int_equal(open_backend(b, "", &device), 0);
	misbehave(b, RQ_GET_STATUS, FAULT_TWICE);
	assert_int_equal(vionet_device_info(device, &info), 0);
	behave(b);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(events & VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_link(device, &link), -ENOTCONN);
	assert_text("the back end sends an unsolicited reply");
	assert_int_equal(vionet_device_close(device), 0);
	still_works(b);
}

static void records_that_cannot_be(void **state)
{
	static const struct {
		enum fault fault;
		const char *text;
	} wrong[] = {
		{ FAULT_NO_FD, "sends 0 descriptors instead of 1" },
		{ FAULT_SHORT_FILE, "has 8193 bytes from 0 on, its file 8192" },
		{ FAULT_OVERFLOW, "has 8192 bytes from 18446744073709547519 on, its file 8192" },
	};
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		misbehave(b, RQ_GET_INFLIGHT_FD, wrong[i].fault);
		/* These are created before the reply, so they count separately. */
		assert_int_equal(vionet_device_start(device, NULL), -EIO);
		assert_text(wrong[i].text);
		behave(b);
	}
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 10);
	assert_int_equal(vionet_device_close(device), 0);
}

static void numbers_that_cannot_be(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	LOCKED(b, b->queue_num = 0);
	assert_int_equal(open_backend(b, "", &device), -EIO);
	assert_text("no queue");
	LOCKED(b, b->queue_num = UINT64_MAX);
	LOCKED(b, b->slots = 0);
	assert_int_equal(open_backend(b, "", &device), -EIO);
	assert_text("no memory");
	LOCKED(b, b->slots = UINT64_MAX);
	misbehave(b, RQ_GET_STATUS, FAULT_NUMBER);
	assert_int_equal(open_backend(b, "", &device), -EIO);
	assert_text("the back end's status is 0x1");
	behave(b);
	misbehave(b, RQ_GET_CONFIG, FAULT_NUMBER);
	assert_int_equal(open_backend(b, "", &device), -EIO);
	assert_text("answers with bytes 256 to");
	behave(b);
	LOCKED(b, b->config_size = 3);
	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.queues, 256);
	assert_false(info.mac_from_device);
	assert_int_equal(info.mtu, 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 10);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Requests at full rate, of unknown kinds, with descriptors: the driver handles a few at
 * a time, replies to all, and keeps nothing. */
static void requests_without_end(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	uint32_t events;
	uint64_t answer;
	int before;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	before = open_descriptors();
	for (unsigned int i = 0; i < 100; i++)
		backend_request(b, i, false, i % 2);
	turn_frames(device, 0, 20);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_false(events & ~VIONET_EVENT_LINK);
	}
	assert_int_equal(open_descriptors(), before);
	backend_request(b, 77, true, false);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(backend_replied(b, &answer));
	assert_int_equal(answer, 1);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Bytes that come one by one: no call waits for them, and none is lost; a request is
 * handled once it is complete. */
static void bytes_that_drip(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	uint32_t events;
	uint64_t answer;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int round = 0; round < 2; round++) {
		LOCKED(b, b->config[6] = (uint8_t)round);
		for (unsigned int i = 0; i < 16; i++) {
			assert_int_equal(vionet_device_events(device, &events), 0);
			assert_int_equal(events, 0);
			backend_send_byte(b, 2, i);
		}
		assert_int_equal(vionet_device_events(device, &events), 0);
		assert_int_equal(events, VIONET_EVENT_LINK);
		assert_true(backend_replied(b, &answer));
		assert_int_equal(answer, 0);
		turn_frames(device, 0, 20);
	}
	/* Half a request is dropped with the device. */
	backend_send_byte(b, 2, 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The end comes instead of a status: that is known then, and no error. */
static void the_end_instead_of_a_status(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	assert_int_equal(open_backend(b, "", &device), 0);
	misbehave(b, RQ_GET_STATUS, FAULT_CLOSE);
	assert_int_equal(vionet_device_info(device, &info), 0);
	assert_int_equal(info.status, 0x40);
	behave(b);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The next back end may be gone, or refuse, before it has the rings: the one after it gets them. */
static void the_end_of_the_next_one(void **state)
{
	static const struct {
		enum fault fault;
		int result;
		const char *text;
	} rows[] = {
		{ FAULT_CLOSE, -ENOTCONN, "has gone, too; reconnect once more" },
		{ FAULT_REFUSE, -ENOTSUP, "refuses the features; stop and start the device" },
	};
	struct backend *b = *state;
	struct vionet_device *device;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	backend_hang_up(b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		misbehave(b, RQ_GET_STATUS, rows[i].fault);
		assert_int_equal(vionet_device_reconnect(device, 1000), rows[i].result);
		assert_text(rows[i].text);
		behave(b);
	}
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames(device, 20, 20);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A request that cannot be ends its channel, and nothing else: what it would announce is looked for. */
static void a_channel_that_breaks(void **state)
{
	static const uint8_t endless[VHU_HEADER] = { 2, 0, 0, 0, VHU_VERSION, 0, 0, 0, 255, 255, 255, 255 };
	uint8_t longest[VHU_HEADER + sizeof(union vhost_user_payload)] = { 0 };
	struct backend *b = *state;
	struct vionet_device *device;
	uint64_t answer;
	uint32_t events;
	uint8_t byte;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	/* The longest that there is can be. */
	wire_put32(longest + 0, 77);
	wire_put32(longest + 4, VHU_VERSION | VHU_NEED_REPLY);
	wire_put32(longest + 8, sizeof(longest) - VHU_HEADER);
	LOCKED(b, assert_int_equal(write(b->request_fd, longest, sizeof(longest)), sizeof(longest)));
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_true(backend_replied(b, &answer));
	assert_int_equal(answer, 1);
	LOCKED(b, assert_int_equal(write(b->request_fd, endless, sizeof(endless)), sizeof(endless)));
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
	LOCKED(b, assert_int_equal(recv(b->request_fd, &byte, 1, MSG_DONTWAIT), 0));
	LOCKED(b, b->config[6] = 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_LINK);
	turn_frames(device, 0, 20);
	assert_int_equal(vionet_device_close(device), 0);
}

/* The back end refuses a table without some memory: that memory is quarantined until the
 * next reset, or until the back end disconnects. */
static void memory_that_is_not_released(void **state)
{
	static const enum fault kinds[] = { FAULT_REFUSE, FAULT_CLOSE };
	struct vionet_pool_options big = { .struct_size = sizeof(big), .count = 4096,
					   .access = VIONET_DEVICE_READS };
	struct backend *b = *state;
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_device *device;
	struct vionet_pool *pool;

	LOCKED(b, b->protocol &= ~PF_MEM_SLOTS);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		assert_int_equal(open_backend(b, "", &device), 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		assert_int_equal(vionet_pool_create(device, &big, &pool), 0);
		LOCKED(b, assert_int_equal(backend_regions(b), 3));
		misbehave(b, RQ_SET_MEM_TABLE, kinds[i]);
		vionet_pool_destroy(pool);
		behave(b);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.quarantined, kinds[i] == FAULT_REFUSE);
		assert_int_equal(info.mappings, 2 + info.quarantined);
		assert_int_equal(vionet_device_stop(device), 0);
		assert_int_equal(vionet_device_info(device, &info), 0);
		assert_int_equal(info.quarantined, 0);
		assert_int_equal(vionet_device_start(device, NULL), 0);
		turn_frames(device, 0, 20);
		assert_int_equal(vionet_device_close(device), 0);
	}
}

/* Both sides share an eventfd's flags: no call blocks on a signal that does not come. */
static void eventfds_that_block(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	uint32_t events;

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	LOCKED(b, {
		assert_int_equal(fcntl(b->queue[0].err, F_SETFL, 0), 0);
		assert_int_equal(fcntl(b->queue[0].call, F_SETFL, 0), 0);
	});
	alarm(60); /* a call that blocks would not come back */
	assert_int_equal(vionet_device_events(device, &events), 0);
	vionet_queue_disarm(vionet_device_rx_queue(device, 0));
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* Its end, its errors and its requests would not be seen. */
static void what_cannot_be_waited_for(void **state)
{
	struct vionet_device *device;

	for (unsigned int n = 1; n <= 3; n++) {
		fail_wait = n;
		assert_int_equal(open_backend(*state, "", &device), -ENOMEM);
		assert_int_equal(fail_wait, 0);
		assert_text("epoll_ctl");
	}
	still_works(*state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, raise_backend, drop_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nonsense_at_open),
		TEST(nonsense_at_start),
		TEST(nonsense_at_stop),
		TEST(refusals),
		TEST(silence),
		TEST(silence_is_limited_by_the_caller),
		TEST(slowness),
		TEST(too_many_replies),
		TEST(one_reply_too_many),
		TEST(records_that_cannot_be),
		TEST(numbers_that_cannot_be),
		TEST(requests_without_end),
		TEST(bytes_that_drip),
		TEST(the_end_instead_of_a_status),
		TEST(the_end_of_the_next_one),
		TEST(a_channel_that_breaks),
		TEST(memory_that_is_not_released),
		TEST(eventfds_that_block),
		TEST(what_cannot_be_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
