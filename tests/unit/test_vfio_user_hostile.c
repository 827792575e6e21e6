/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocol errors of a server, one test for each row of the list of faults: every call
 * returns in time, with an error that names the cause, and nothing leaks. */
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* ---- L01: the connection ends at every place ---- */

static void end_at(struct proxy *p, const struct proxy_message *q,
		   struct proxy_message *r, size_t cut)
{
	(void)q;
	if (p->messages != (unsigned int)p->number)
		return;
	r->silent = cut == 0;
	r->cut = cut;
	r->hang_up = true;
}

static void end_before(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	end_at(p, q, r, 0);
}

static void end_in_header(struct proxy *p, const struct proxy_message *q,
			  struct proxy_message *r)
{
	end_at(p, q, r, 7);
}

static void end_in_payload(struct proxy *p, const struct proxy_message *q,
			   struct proxy_message *r)
{
	end_at(p, q, r, r->length > 1 ? 17 : 15);
}

static void test_L01_connection_ends(void **state)
{
	const proxy_hook ends[] = { end_before, end_in_header, end_in_payload };
	int all = (int)attempt(NULL, 0).messages - 2; /* without those of close */

	(void)state;
	assert_true(all > 12);
	for (unsigned int i = 0; i < 3; i++)
		for (int n = 1; n <= all; n++)
			refused(ends[i], n, -ENODEV,
				n == 1 ? "it has a driver already" : "gone");
}

/* The same for a running device: calls return an error and do not hang. */
static void test_L01_connection_ends_later(void **state)
{
	struct vionet_device *device;
	char name[100];
	int opened = 0;

	(void)state;
	for (int n = 20; n < 400; n += 7) {
		struct proxy *p = proxy_with(end_before, n);
		struct watch start;

		proxy_start(p);
		snprintf(name, sizeof(name), "vfio-user:%s", p->path);
		start = watch_start();
		if (vionet_device_open(name, NULL, &device) == 0) {
			opened++;
			(void)vionet_device_start(device, NULL);
			(void)vionet_device_close(device);
		}
		assert_true(watch_own(start) < 1.0);
		proxy_destroy(p);
	}
	assert_true(opened > 10);
}

/* ---- eventfds are shared: so are their flags ---- */

static void let_block(struct proxy *p, const struct proxy_message *q,
		      struct proxy_message *r)
{
	(void)r;
	if (q->command != VFU_SET_IRQS)
		return;
	for (unsigned int kind = 0; kind < 5; kind++)
		for (unsigned int i = 0; i < 16; i++)
			if (vfu_of(p)->irq[kind][i] >= 0)
				assert_int_equal(fcntl(vfu_of(p)->irq[kind][i], F_SETFL, 0),
						 0);
}

/* The server has read all events: no call blocks on them. */
static void test_blocking_eventfds(void **state)
{
	struct proxy *p = proxy_with(let_block, 0);
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	proxy_start(p);
	device = open_device(p);
	alarm(60); /* a call that blocks would not come back */
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_int_equal(vionet_device_events(device, &events), 0);
	vionet_queue_disarm(vionet_device_rx_queue(device, 0));
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
	proxy_destroy(p);
}

/* A command to read memory that wants no answer, one byte each time. */
static void drip(struct proxy *p)
{
	uint8_t bytes[32] = { 0 };

	wire_put32(bytes, (uint32_t)VFU_DMA_READ << 16);
	wire_put32(bytes + 4, sizeof(bytes));
	wire_put32(bytes + 8, 0x10);
	wire_put64(bytes + 24, 64);
	assert_int_equal(write(p->fd, bytes + p->number++, 1), 1);
}

static void drip_once(struct proxy *p, struct vionet_device *device)
{
	uint32_t events;

	proxy_job(p, drip);
	while (!proxy_job_done(p))
		;
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, 0);
}

/* Bytes that come one by one: no call waits for them, and none is lost. */
static void test_dripping(void **state)
{
	struct proxy *p = proxy_with(NULL, 0);
	struct vionet_device *device;
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint32_t events;

	(void)state;
	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	while (p->number < 32)
		drip_once(p, device);
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(vionet_device_link(device, &link), 0);
	/* A message that stops in the middle: the next request waits for it until its
	 * deadline. */
	p->number = 0;
	drip_once(p, device);
	assert_int_equal(vionet_device_link(device, &link), -ETIMEDOUT);
	(void)vionet_device_close(device);
	proxy_destroy(p);
}

static void keep_a_vector(struct proxy *p, const struct proxy_message *q,
			  struct proxy_message *r)
{
	(void)r;
	if (q->command == VFU_SET_IRQS && vfu_of(p)->irq[2][0] >= 0 && p->number < 0)
		p->number = fcntl(vfu_of(p)->irq[2][0], F_DUPFD_CLOEXEC, 0);
}

/* A vector that was withdrawn from the server, which kept it: signalling it wakes no
 * thread. */
static void test_kept_vector(void **state)
{
	struct proxy *p = proxy_with(keep_a_vector, -1);
	struct vionet_device *device;
	struct pollfd waiting = { .events = POLLIN };
	const uint64_t one = 1;

	(void)state;
	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	assert_true(p->number >= 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(write(p->number, &one, sizeof(one)), sizeof(one));
	waiting.fd = vionet_device_event_fd(device);
	assert_int_equal(poll(&waiting, 1, 0), 0);
	assert_int_equal(vionet_device_close(device), 0);
	close(p->number);
	proxy_destroy(p);
}

/* ---- L02: replies to something else ---- */

static void spoil_header(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	if (q->command != VFU_REGION_INFO)
		return;
	switch (p->number) {
	case 0: r->id++; break;
	case 1: r->command = VFU_IRQ_INFO; break;
	case 2: r->flags = 2; break; /* neither command nor reply */
	case 3: r->flags = 0xf; break;
	}
}

static void spoil_error(struct proxy *p, const struct proxy_message *q,
			struct proxy_message *r)
{
	static const uint32_t errors[] = { 0, 0xffffffff, 0x80000000, 4096, 71 };

	if (q->command != VFU_REGION_INFO)
		return;
	r->flags |= 0x20;
	r->error = errors[p->number];
	r->length = 0;
	r->fd_count = 0;
}

static void error_with_payload(struct proxy *p, const struct proxy_message *q,
			       struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_REGION_INFO)
		r->flags |= 0x20;
}

static void test_L02_wrong_reply(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		refused(spoil_header, i, -EIO, "not asked");
	for (int i = 0; i < 5; i++)
		refused(spoil_error, i, -EIO, "the server answers");
	refused(error_with_payload, 0, -EIO, "error reply");
}

static void two_replies(struct proxy *p, const struct proxy_message *q,
			struct proxy_message *r)
{
	if (q->command == VFU_DEVICE_INFO)
		(void)proxy_send(p, r);
}

static void test_L02_second_reply(void **state)
{
	(void)state;
	refused(two_replies, 0, -EIO, "not asked");
}

/* ---- L03: sizes ---- */

static void spoil_size(struct proxy *p, const struct proxy_message *q,
		       struct proxy_message *r)
{
	static const uint32_t sizes[] = { 1, 15, 0x7fffffff, 0xffffffff, 16, 47,
					  16 + 4097, 1u << 21 };

	if (q->command == VFU_REGION_INFO)
		r->size = sizes[p->number];
}

static void test_L03_sizes(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		refused(spoil_size, i, -EIO, i < 2 ? "shorter than a header" :
						     "wrong size");
}

/* ---- L04: no answer ---- */

static void silence(struct proxy *p, const struct proxy_message *q,
		    struct proxy_message *r)
{
	if (q->command == (uint32_t)p->number)
		r->silent = true;
}

static void test_L04_silence(void **state)
{
	const int commands[] = { VFU_VERSION, VFU_REGION_READ };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct attempt a = attempt(silence, commands[i]);

		assert_int_equal(a.result, -ETIMEDOUT);
		assert_text("does not answer");
		assert_true(a.took > 1.8 && a.own < 3.0);
	}
}

/* Once the connection has failed, no call waits any more. */
static void test_L04_silence_once(void **state)
{
	struct proxy *p = proxy_with(NULL, VFU_REGION_READ);
	struct vn_function *f;
	uint16_t value;
	struct watch start;

	(void)state;
	proxy_start(p);
	assert_int_equal(vn_function_open_vfio_user(p->path, 0, &f), 0);
	pthread_mutex_lock(&p->lock);
	p->hook = silence;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &value, 2), -ETIMEDOUT);
	start = watch_start();
	assert_int_equal(f->ops->read(f, VN_REGION_CONFIG, 0, &value, 2), -ENODEV);
	assert_text("closed the connection, since it did not answer");
	assert_int_equal(f->ops->write(f, VN_REGION_CONFIG, 4, &value, 2), -ENODEV);
	assert_int_equal(f->ops->reset(f), -ENODEV);
	assert_int_equal(f->ops->service(f), -ENODEV);
	assert_int_equal(f->ops->close(f), -ENODEV);
	assert_true(watch_own(start) < 0.2);
	proxy_destroy(p);
}

static void dawdle(struct proxy *p, const struct proxy_message *q,
		   struct proxy_message *r)
{
	(void)q, (void)r;
	usleep((useconds_t)p->number * 1000);
}

/* The caller may give it another limit. */
static void test_L04_limit_of_the_caller(void **state)
{
	const struct vionet_open_options options = { .struct_size = sizeof(options),
						     .reply_timeout_ms = 100 };
	struct proxy *p = proxy_with(silence, VFU_REGION_READ);
	struct vionet_device *device;
	char name[100];

	(void)state;
	proxy_start(p);
	snprintf(name, sizeof(name), "vfio-user:%s", p->path);
	assert_int_equal(vionet_device_open(name, &options, &device), -ETIMEDOUT);
	assert_text("for more than 0.1 s in a row");
	assert_int_equal(vionet_error_remedy(NULL), VIONET_REMEDY_REPLY_TIMEOUT);
	proxy_destroy(p);
}

/* Each reply is in time, all of them together are not. */
static void test_L04_slow_in_sum(void **state)
{
	struct attempt a = attempt(dawdle, 400);

	(void)state;
	assert_int_equal(a.result, -ETIMEDOUT);
	assert_true(a.took > 1.8 && a.own < 3.5);
	assert_int_equal(attempt(dawdle, 20).result, 0);
}

/* The whole device in the worst case: the documented limits hold. */
static void test_L04_device_stays_in_time(void **state)
{
	struct proxy *p = proxy_with(NULL, VFU_REGION_READ);
	struct vionet_device *device;
	char name[100];
	struct watch start;

	(void)state;
	proxy_start(p);
	snprintf(name, sizeof(name), "vfio-user:%s", p->path);
	assert_int_equal(vionet_device_open(name, NULL, &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	pthread_mutex_lock(&p->lock);
	p->hook = silence;
	pthread_mutex_unlock(&p->lock);
	start = watch_start();
	assert_true(vionet_device_close(device) < 0);
	assert_true(watch_own(start) < 5.0);
	proxy_destroy(p);
}

/* Not an error of the device: it cannot be read, and the text says so. */
static void test_L04_events(void **state)
{
	struct proxy *p = proxy_with(NULL, VFU_REGION_READ);
	struct vionet_device *device;
	uint32_t events;

	(void)state;
	proxy_start(p);
	device = open_device(p);
	pthread_mutex_lock(&p->lock);
	p->hook = silence;
	pthread_mutex_unlock(&p->lock);
	assert_int_equal(vionet_device_events(device, &events), -ETIMEDOUT);
	assert_text("does not answer");
	assert_int_equal(vionet_device_events(device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_GONE);
	assert_true(vionet_device_close(device) < 0);
	proxy_destroy(p);
}

/* ---- L05: the version, and its JSON ---- */

static void other_version(struct proxy *p, const struct proxy_message *q,
			  struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_VERSION)
		wire_put32(r->body, 1u | 1u << 16);
}

static void test_L05_version(void **state)
{
	(void)state;
	refused(other_version, 0, -ENOTSUP, "1.1");
}

static void test_L05_json(void **state)
{
	static char deep[3000], huge[6000];
	const char *const wrong[] = {
		"", "{", "[]", "17", "{\"capabilities\":[]}", "{} {}", "{\"a\":\"\xff\"}",
		"{\"capabilities\":{\"max_msg_fds\":2147483648}}",
		"{\"capabilities\":{\"max_msg_fds\":-1}}",
		"{\"capabilities\":{\"max_msg_fds\":0}}",
		"{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
		"{\"capabilities\":{\"max_msg_fds\":1.5}}",
		"{\"capabilities\":{\"max_msg_fds\":1e300}}",
		"{\"capabilities\":{\"max_msg_fds\":99999999999999999999}}",
		"{\"capabilities\":{\"max_msg_fds\":1,\"max_msg_fds\":2}}",
		"{\"capabilities\":{\"max_data_xfer_size\":7}}",
		"{\"capabilities\":{\"max_dma_maps\":0}}",
		"{\"capabilities\":{\"pgsizes\":0}}",
		"{\"capabilities\":{\"twin_socket\":{\"supported\":true}}}",
		deep, huge,
	};

	(void)state;
	memset(deep, '[', sizeof(deep) - 1);
	memset(huge, ' ', sizeof(huge) - 1);
	memcpy(huge, "{}", 2);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct proxy *p = proxy_with(NULL, 0);
		struct attempt a;

		vfu_of(p)->json = wrong[i];
		a = attempt_on(p);
		if (a.result != -EIO)
			fail_msg("%.60s: %d", wrong[i], a.result);
		assert_text("breaks the protocol");
		assert_true(a.own < 1.0);
	}
}

/* The error quotes the server; control characters are replaced. */
static void test_L05_escapes(void **state)
{
	const char *const wrong[] = {
		"{\"a\": \033[2J\033]0;title\a}", ("\302\233" "31m"), "{\"\342\200\256\" x}",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct proxy *p = proxy_with(NULL, 0);

		vfu_of(p)->json = wrong[i];
		assert_int_equal(attempt_on(p).result, -EIO);
		assert_text("no JSON");
		for (const char *at = vionet_error_text(); *at; at++)
			assert_true(*at >= ' ' && *at < 0x7f);
	}
}

static void no_zero(struct proxy *p, const struct proxy_message *q,
		    struct proxy_message *r)
{
	(void)p;
	if (q->command == VFU_VERSION)
		r->length--;
}

static void test_L05_json_without_end(void **state)
{
	(void)state;
	refused(no_zero, 0, -EIO, "zero byte");
}

static void test_L05_pages_too_large(void **state)
{
	struct proxy *p = proxy_with(NULL, 0);

	(void)state;
	vfu_of(p)->json = "{\"capabilities\":{\"pgsizes\":2097152}}";
	assert_int_equal(attempt_on(p).result, -ENOTSUP);
	assert_text("pages");
}

/* ---- L12: floods (L11 is in test_vfio_user.c; L14 and L15 are the kernel's) ---- */

static void ask_for_ever(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	static struct proxy_message m;

	(void)r;
	if (q->command != VFU_DEVICE_INFO)
		return;
	m = (struct proxy_message){ .command = VFU_DMA_READ, .length = 16,
				 .flags = p->number == 0 ? 0x10 : 0 };
	while (proxy_send(p, &m))
		;
}

static void test_L12_flood(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct attempt a = attempt(ask_for_ever, i);

		assert_int_equal(a.result, -ETIMEDOUT);
		assert_true(a.took > 1.8 && a.own < 3.0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted(test_L01_connection_ends),
		counted(test_L01_connection_ends_later),
		counted(test_blocking_eventfds),
		counted(test_dripping),
		counted(test_kept_vector),
		counted(test_L02_wrong_reply),
		counted(test_L02_second_reply),
		counted(test_L03_sizes),
		counted(test_L04_silence),
		counted(test_L04_silence_once),
		counted(test_L04_limit_of_the_caller),
		counted(test_L04_slow_in_sum),
		counted(test_L04_device_stays_in_time),
		counted(test_L04_events),
		counted(test_L05_version),
		counted(test_L05_json),
		counted(test_L05_escapes),
		counted(test_L05_json_without_end),
		counted(test_L05_pages_too_large),
		counted(test_L12_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
