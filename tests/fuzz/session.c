/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/refuse.h"
#include "tests/fuzz/session.h"
#include "tests/fuzz/world.h"

/* Longest that calls of each kind may take: the device's deadlines below, each a few times. */
#define MS 1000000ull
#define CONTROL_MS 4u
#define RESET_MS 3u

#define dev fuzz_dev
#define app fuzz_app

struct fuzz_device fuzz_dev;
struct fuzz_application fuzz_app;
bool fuzz_mostly_commands, fuzz_checks_options;

static uint64_t call_limit;

/* How many there were, for people who measure (FUZZ_SESSIONS=1): in the end, and each time there are so many more. */
#define REPORT_EACH 10000000u
static unsigned long sessions_run, steps_run, layouts_run[2][2];

static struct {
	unsigned int shape; /* first bytes of the session */
	unsigned int mtu;
	bool pools; /* are there */
} session;

/* ---- a device ---- */

static void session_offer(unsigned int bit, bool on)
{
	if (on)
		dev.offered[bit / 64] |= 1ull << bit % 64;
}

/* Bits of `set` that are the features of `list`, in its order. */
static void session_offer_list(unsigned int set, const uint8_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		session_offer(list[i], (set >> i & 1) != 0);
}

static void session_features(void)
{
	/* Layouts and what is common; CTRL_VQ among the first, as much hangs on it. */
	static const uint8_t rings[] = { 34, 35, 29, 28, 15, 38, 17, 40 };
	static const uint8_t offloads[] = { 0, 1, 7, 8, 11, 12, 57, 61, 9, 10, 13, 14, 54, 55, 56, 65 };
	static const uint8_t more[] = { 66, 67, 68, 22, 60, 64, 50, 51, 52, 53, 23, 18, 19, 20, 2, 43 };

	memset(dev.offered, 0, sizeof(dev.offered));
	session.shape = fuzz_take8();
	session_offer_list(session.shape, rings, sizeof(rings));
	session_offer_list(fuzz_take16(), offloads, 16);
	session_offer_list(fuzz_take16(), more, 16);
	if (fuzz_mostly_commands) {
		/* Ring layouts are the input's still; the control queue, and all that needs it, are there. */
		session_offer(17, true);
		session_offer_list(0xffff, more, 16);
		dev.counts = true;
	}
	session_offer(32, true);
	session_offer(3, true);
	session_offer(5, true);
	session_offer(16, true);
	session_offer(21, true);
	session_offer(63, true);
	/* ACCESS_PLATFORM, with both layouts: few devices lack it. */
	session_offer(33, (session.shape & 0x81) != 0x80);
}

static unsigned int session_config(void)
{
	static const uint16_t mtus[] = { 68, 100, 1500, 9000 };
	unsigned int what = fuzz_take8();

	session.mtu = mtus[what & 3];
	memcpy(dev.config, "\x52\x54\x00\x12\x34\x56\x01\x00", 8);
	dev.config[8] = (uint8_t)app.pairs;
	dev.config[10] = (uint8_t)session.mtu;
	dev.config[11] = (uint8_t)(session.mtu >> 8);
	dev.config[17] = 40;
	dev.config[18] = 128;
	dev.config[20] = 0xff;
	dev.config[24] = 0xff;
	if (what & 0x80)
		(void)fuzz_take_bytes(dev.config + 6, what >> 2 & 31);
	return what;
}

/* What the device's limits are; few inputs leave operations out. */
static void session_limits(void)
{
	unsigned int size = fuzz_take8(), how = fuzz_take8();

	app.pairs = 1 + (how & 3) % APP_PAIRS;
	dev.limits.queue_count = (uint16_t)(2 * app.pairs + 1);
	dev.limits.vector_max = how & 4 ? (how >> 4) % DEVICE_VECTORS : 0;
	dev.limits.pairs_enabled = how & 8 ? (uint16_t)app.pairs : 0;
	dev.bell_kind = size % 3;
	for (unsigned int i = 0; i < DEVICE_QUEUES; i++)
		dev.queue_max[i] = (uint16_t)(size & 0x80 ? 4 + (size >> 2 & 31) : 4u << (size >> 2 & 3));
	if ((how & 0xf0) == 0xf0)
		fuzz_device_ops(&dev, fuzz_take16() & ~(unsigned int)VN_CAN_KICK);
	/* Where the control queue lies is known once all was negotiated. */
	dev.control_queue = 2 * app.pairs;
}

/* What an application may ask for, and what there is not. */
static void session_odd_options(struct vionet_open_options *o)
{
	static const char *const tokens[] = { "83d7e1bf-6c4a-4d7e-9c1a-0123456789ab", "83d7e1bf-6c4a-4d7e-9c1a-0123456789abc", "83d7e1bf+6c4a", "" };
	unsigned int what = fuzz_take8();

	if (what & 1)
		o->flags = fuzz_take8();
	if (what & 2)
		o->want.word[0] = fuzz_take64();
	if (what & 4)
		o->avoid.word[0] = 1ull << (fuzz_take8() & 63);
	if (what & 8)
		o->need.word[0] = 1ull << (fuzz_take8() & 63);
	if (what & 0x10)
		o->vf_token = tokens[fuzz_take8() & 3];
	if (what & 0x20)
		o->iommu = fuzz_take8() & 7;
	if (what & 0x40 && fuzz_checks_options)
		*(what & 1 ? &o->control_timeout_ms : what & 2 ? &o->reset_timeout_ms :
								 &o->reply_timeout_ms) = UINT32_MAX;
	if (what & 0x80)
		fuzz_refuse_some();
}

static bool session_open(fuzz_opener *opener)
{
	struct vionet_open_options o = {
		.struct_size = sizeof(o),
		.want.word = { UINT64_MAX, UINT64_MAX },
		.control_timeout_ms = CONTROL_MS,
		.reset_timeout_ms = RESET_MS,
	};

	fuzz_device_reset(&dev);
	session_features();
	session_limits();
	fuzz_refuse_none();
	if ((session_config() & 0xfc) == 0x7c)
		session_odd_options(&o);
	if (session.mtu == 9000)
		o.flags |= VIONET_OPEN_WRITABLE_RINGS;
	fuzz_call_begin(call_limit);
	if (opener(&o, &app.device)) {
		fuzz_call_end();
		FUZZ_CHECK(!app.device && vionet_error_text()[0] != '\0');
		FUZZ_CHECK(fuzz_arena_regions() == 0);
		return false;
	}
	fuzz_call_end();
	fuzz_application_look(&app);
	if (!vionet_feature_test(&app.negotiated, 22) && !vionet_feature_test(&app.negotiated, 60) &&
	    dev.limits.pairs_enabled == 0)
		app.pairs = 1;
	dev.control_queue = 2 * (dev.limits.pairs_enabled > 1 || vionet_feature_test(&app.negotiated, 22) ||
						 vionet_feature_test(&app.negotiated, 60)
					 ? (dev.limits.queue_count / 2u)
					 : 1);
	return true;
}

/* ---- start ---- */

/* Where a frame has to fit into a buffer, it is as long as the longest. */
static uint32_t session_buffer(void)
{
	bool large = false;

	for (unsigned int bit = 7; bit < 11; bit++)
		large = large || (bit != 9 && vionet_feature_test(&app.negotiated, bit));
	large = large || vionet_feature_test(&app.negotiated, 54) || vionet_feature_test(&app.negotiated, 55);
	if (vionet_feature_test(&app.negotiated, 15))
		return 64 + fuzz_take8();
	return large ? VIONET_FRAME_MAX : session.mtu + 14;
}

static bool session_make_pools(void)
{
	uint32_t buffer = session_buffer();
	struct vionet_pool_options rx = { .struct_size = sizeof(rx), .buffer_size = buffer };
	struct vionet_pool_options tx = { .struct_size = sizeof(tx), .access = VIONET_DEVICE_READS };

	app.rx_count = rx.count = buffer > 4096 ? 6 : 4 + fuzz_take8() % 40;
	app.tx_count = tx.count = 8 + fuzz_take8() % 56;
	tx.buffer_size = 128 + fuzz_take8();
	for (unsigned int i = 0; i < app.pairs; i++)
		if (vionet_pool_create(app.device, &rx, &app.rx_pool[i]) ||
		    vionet_pool_create(app.device, &tx, &app.tx_pool[i]))
			return false;
	return true;
}

static void session_odd_start(void)
{
	unsigned int what = fuzz_take8();

	if (what & 1)
		app.start.flags = fuzz_take8();
	if (what & 2)
		app.start.queue_pairs = what & 0x80 ? UINT16_MAX : (what >> 4) % (APP_PAIRS + 1);
	if (what & 4)
		app.start.rx_queue_size = fuzz_take16();
	if (what & 8)
		app.start.tx_queue_size = fuzz_take16();
	if (what & 0x10 && app.start.queue_pairs != 1) {
		app.start.rx_pool = app.rx_pool[0];
		app.start.rx_pools = NULL;
	}
	if (what & 0x20) {
		app.start.tx_pools = NULL;
		app.start.tx_pool = what & 0x40 ? app.tx_pool[0] : NULL;
	}
}

static void session_start(void)
{
	unsigned int how = fuzz_take8();

	app.start = (struct vionet_start_options){
		.struct_size = sizeof(app.start),
		.flags = dev.limits.vector_max ? 0 : VIONET_START_NO_INTERRUPTS,
		.rx_queue_size = 4u << (how & 3),
		.tx_queue_size = 4u << (how >> 2 & 3),
		.queue_pairs = app.pairs,
		.rx_pools = app.rx_pool,
		.tx_pools = app.tx_pool,
	};
	if (how & 0x80 && vionet_feature_test(&app.negotiated, 34))
		app.start.rx_queue_size = 2 + (how & 31);
	if ((how & 0x70) == 0x70)
		session_odd_start();
	fuzz_call_begin(call_limit);
	(void)vionet_device_start(app.device, &app.start);
	fuzz_call_end();
	fuzz_application_look(&app);
}

/* ---- steps ---- */

static void step_deliver(void)
{
	uint8_t bytes[256] = { 0 };
	unsigned int what = fuzz_take8(), queue = 2 * ((what & 3) % APP_PAIRS);
	uint32_t header = vionet_feature_test(&app.negotiated, 65) || vionet_feature_test(&app.negotiated, 67) ? 24 : vionet_feature_test(&app.negotiated, 57) ? 20
																			       : 12;
	uint32_t length = header + 60;
	unsigned int count = 1 + (what >> 2 & 3);

	if (what & 0x10)
		(void)fuzz_take_bytes(bytes, header);
	if (what & 0x20)
		length = fuzz_take16();
	bytes[10] = what & 0x40 ? fuzz_take8() : 1;
	while (count-- != 0)
		(void)fuzz_device_deliver(&dev, queue, bytes, sizeof(bytes), length);
}

/* One packet over several buffers: the first says how many. */
static void step_deliver_merged(void)
{
	uint8_t bytes[64] = { 0 };
	unsigned int what = fuzz_take8(), queue = 2 * ((what & 3) % APP_PAIRS), buffers = 2 + (what >> 2 & 7);
	uint32_t length = fuzz_take8() + 1;

	bytes[10] = (uint8_t)(what & 0x80 ? fuzz_take8() : buffers);
	while (buffers-- != 0) {
		(void)fuzz_device_deliver(&dev, queue, bytes, sizeof(bytes), length + 30);
		length = what & 0x40 ? fuzz_take16() : length;
	}
}

static void step_transmit_side(void)
{
	unsigned int what = fuzz_take8(), queue = (what & 7) % DEVICE_QUEUES;

	fuzz_device_hold(&dev, queue, 1 + (what >> 3 & 7));
	if (what & 0x40)
		fuzz_device_complete(&dev, queue, 1 + (what >> 3 & 7), what & 0x80 ? fuzz_take16() : 0);
}

static void step_wait(void)
{
	unsigned int what = fuzz_take8();
	struct vionet_queue *queue = what & 1 ? vionet_device_tx_queue(app.device, (what >> 1 & 3) % APP_PAIRS) : vionet_device_rx_queue(app.device, (what >> 1 & 3) % APP_PAIRS);

	if (!queue)
		return;
	fuzz_call_begin(call_limit);
	switch (what >> 3 & 7) {
	case 0:
		(void)vionet_queue_arm(queue);
		break;
	case 1:
		vionet_queue_disarm(queue);
		break;
	case 2:
		(void)vionet_queue_wait(queue, what >> 6, 3);
		break;
	case 3:
		if (what & 1)
			(void)vionet_queue_drain(queue, 2);
		break;
	case 4:
		fuzz_pass(200 * MS); /* a queue at which nothing moves is looked after */
		break;
	case 5:
		(void)vionet_queue_check(queue);
		break;
	default:
		if (what & 1)
			(void)vionet_queue_reclaim(queue);
	}
	fuzz_call_end();
}

/* To another server of the same peer, which has what the first one has. */
static void step_migrate(unsigned int what)
{
	struct vionet_migration report = { .struct_size = sizeof(report) };

	dev.correct = false;
	if (vionet_device_migrate(app.device, what & 0x40 ? "vhost-user:/other" : "vfio-user:/other", what & 2 ? &report : NULL))
		FUZZ_CHECK(vionet_error_text()[0] != '\0');
}

static void step_reset(void)
{
	unsigned int what = fuzz_take8();
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct vionet_queue *queue = what & 1 ? vionet_device_tx_queue(app.device, (what >> 1 & 3) % APP_PAIRS) : vionet_device_rx_queue(app.device, (what >> 1 & 3) % APP_PAIRS);

	if (what & 0x80)
		fuzz_pass(11000 * MS); /* recoveries have a limit in time */
	fuzz_call_begin(call_limit);
	switch (what >> 3 & 7) {
	case 0:
	case 1:
		if (queue)
			(void)vionet_queue_reset(queue, &report);
		break;
	case 2:
		if (queue)
			(void)vionet_queue_resize(queue, 2 + fuzz_take8() % 40, &report);
		break;
	case 3:
		(void)vionet_device_suspend(app.device);
		break;
	case 4:
		(void)vionet_device_resume(app.device);
		break;
	case 5:
		(void)vionet_device_stop(app.device);
		break;
	case 6:
		step_migrate(what);
		break;
	default:
		(void)vionet_device_recover(app.device, &report);
	}
	fuzz_call_end();
	fuzz_application_look(&app);
}

/* What the device is and says changes. */
static void step_device(void)
{
	unsigned int what = fuzz_take8();

	switch (what & 15) {
	case 0:
		dev.status |= 0x40; /* DEVICE_NEEDS_RESET */
		break;
	case 1:
		dev.status = fuzz_take8();
		dev.correct = false;
		break;
	case 2:
		dev.stuck = fuzz_take8();
		break;
	case 3:
		dev.never_resets = !dev.never_resets;
		break;
	case 4:
		dev.reset_queue_fails = !dev.reset_queue_fails;
		break;
	case 5:
		dev.config[fuzz_take8() % DEVICE_CONFIG] = fuzz_take8();
		break;
	case 6:
		dev.events = 1u << (fuzz_take8() & 7);
		break;
	case 7:
		dev.fail_with = what & 0x10 ? 19 /* ENODEV */ : what & 0x20 ? 110 /* ETIMEDOUT */
									    : 5 /* EIO */;
		dev.fail_after = 1 + fuzz_take8() % 32;
		break;
	case 8:
		dev.queue_max[fuzz_take8() % DEVICE_QUEUES] = fuzz_take8();
		dev.correct = false;
		break;
	case 9:
		dev.correct = false;
		dev.offered[what >> 4 & 1] ^= 1ull << fuzz_take8() % 64;
		break;
	case 10:
		if (dev.queue[what >> 4 & 3].enabled)
			model_ring_used_flags(&dev.rings, &dev.queue[what >> 4 & 3], what & 0x80 ? fuzz_take16() : what >> 6 & 1);
		break;
	case 11:
		dev.limits.queue_count = (uint16_t)(fuzz_take8() % (DEVICE_QUEUES + 1));
		break;
	case 12:
		fuzz_application_memory(&app);
		break;
	case 15:
		fuzz_refuse_some();
		break;
	default:
		dev.control = (enum fuzz_control)(what >> 4 & 3);
	}
}

static void step_look(void)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_queue_info queue_info = { .struct_size = sizeof(queue_info) };
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };
	struct vionet_queue *queue = vionet_device_rx_queue(app.device, 0);
	unsigned int what = fuzz_take8();
	uint32_t events;

	fuzz_call_begin(call_limit);
	if (what & 1)
		(void)vionet_device_info(app.device, &info);
	if (what & 2)
		(void)vionet_device_queue_info(app.device, what >> 4, &queue_info);
	if (what & 4)
		(void)vionet_device_link(app.device, &link);
	if (what & 8)
		(void)vionet_device_events(app.device, &events);
	if (what & 0x10 && vionet_steering_limits(app.device, &limits) == 0)
		FUZZ_CHECK(limits.queue_pairs != 0 && limits.queue_pairs <= VIONET_QUEUE_PAIRS_MAX);
	/* Another server, or back end: refused where the device has none. */
	if (what == 0xf0)
		(void)vionet_device_reconnect(app.device, 1);
	if (queue && vionet_queue_stats(queue, &stats) == 0)
		FUZZ_CHECK(stats.in_flight <= stats.size);
	fuzz_call_end();
}

static void step(void)
{
	unsigned int what = fuzz_take8(), more;

	if (fuzz_mostly_commands && what < 0xe0)
		what = 14;
	switch (what & 15) {
	case 0:
	case 1:
		fuzz_application_receive(&app, (what >> 4 & 3) % APP_PAIRS, 1 + (what >> 6) * 5);
		break;
	case 2:
	case 3:
		fuzz_application_transmit(&app, (what >> 4 & 3) % APP_PAIRS, 1 + (what >> 6) * 5);
		break;
	case 4:
		fuzz_application_free(&app, 1 + (what >> 4));
		break;
	case 5:
		more = fuzz_take8();
		fuzz_lie(more & 7, 1 + (more >> 3 & 3), what >> 4);
		break;
	case 6:
	case 7:
		step_deliver();
		break;
	case 8:
		step_deliver_merged();
		break;
	case 9:
	case 10:
		step_transmit_side();
		break;
	case 11:
		step_wait();
		break;
	case 12:
		step_reset();
		break;
	case 13:
		if (what & 0x10)
			fuzz_device_scribble(&dev, (what >> 5) % DEVICE_QUEUES);
		else
			step_device();
		break;
	case 14:
		fuzz_call_begin(call_limit);
		fuzz_application_command(&app);
		fuzz_call_end();
		break;
	default:
		if (session.pools && !vionet_device_rx_queue(app.device, 0))
			session_start();
		else
			step_look();
	}
}

/* ---- the end ---- */

static void session_serve(void)
{
	fuzz_device_serve(&dev);
}

static void session_close(void)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	bool quiet;

	fuzz_application_memory_leave();
	fuzz_call_begin(call_limit);
	quiet = vionet_device_stop(app.device) == 0;
	fuzz_call_end();
	quiet = quiet && vionet_device_info(app.device, &info) == 0 && info.quarantined == 0 && info.quarantined_packets == 0 &&
		!info.broken;
	if (quiet) {
		fuzz_application_settle(&app);
		for (unsigned int i = 0; i < app.pairs; i++)
			FUZZ_CHECK(vionet_pool_destroy(app.rx_pool[i]) == 0 && vionet_pool_destroy(app.tx_pool[i]) == 0);
	}
	fuzz_call_begin(call_limit);
	(void)vionet_device_close(app.device);
	fuzz_call_end();
	FUZZ_CHECK(fuzz_arena_regions() == 0);
	fuzz_application_memory_end();
	memset(&app, 0, sizeof(app));
}

static void session_run(fuzz_opener *opener)
{
	unsigned int steps;

	if (!session_open(opener))
		return;
	if (!fuzz_meanwhile)
		fuzz_meanwhile = session_serve;
	fuzz_call_begin(call_limit);
	session.pools = session_make_pools();
	fuzz_call_end();
	if (session.pools)
		session_start();
	layouts_run[vionet_feature_test(&app.negotiated, 34)][vionet_feature_test(&app.negotiated, 35)]++;
	steps = 8 + fuzz_take8() % 56;
	for (; steps != 0 && fuzz_more(); steps--, steps_run++)
		step();
	session_close();
	fuzz_meanwhile = NULL;
}

static void sessions_report(void)
{
	if (!getenv("FUZZ_SESSIONS"))
		return;
	printf("%lu sessions, %lu steps; opened: split %lu, in order %lu; packed %lu, in order %lu\n", sessions_run, steps_run,
	       layouts_run[0][0], layouts_run[0][1], layouts_run[1][0], layouts_run[1][1]);
	fflush(stdout);
}

void fuzz_sessions(const uint8_t *bytes, size_t size, uint64_t limit, fuzz_opener *opener)
{
	call_limit = limit;
	if (sessions_run == 0)
		atexit(sessions_report);
	fuzz_world_begin(bytes, size);
	do {
		session_run(opener);
		if (++sessions_run % REPORT_EACH == 0)
			sessions_report();
	} while (fuzz_more());
}
