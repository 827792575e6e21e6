/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A running device moves from one software device to another, with a proxy before each: what
 * becomes of it where a message of the move is refused, lost, or the last that comes.
 */
#include "tests/unit/vfio_user_env.h"

#include <errno.h>
#include <poll.h>

#include <vionet/migration.h>

#include "driver/state/health.h"

/* What happens to the message of the move that `number` of a proxy counts down to: the device
 * does not get it (or gets it, and the reply is lost). */
enum action { NOTHING,
	      REFUSE,
	      HANG_UP,
	      SILENT,
	      LOST_REPLY };

static enum action action;
static unsigned int pieces; /* of a state */

static bool is_of_move(const struct proxy_message *q)
{
	return q->command >= VFU_FEATURE && q->command < VFU_END;
}

static bool act_on_request(struct proxy *p, struct proxy_message *q)
{
	if (p->number <= 0 || !is_of_move(q) || --p->number != 0)
		return true;
	p->number = -1;
	return action == LOST_REPLY;
}

static void act_on_reply(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	(void)q;
	if (p->number != -1)
		return;
	p->number = 0;
	r->silent = action != REFUSE;
	r->hang_up = action == HANG_UP || action == LOST_REPLY;
	if (action == REFUSE) {
		r->flags |= VFU_ERROR;
		r->error = EIO;
		r->length = 0;
		r->fd_count = 0;
	}
}

struct move {
	struct proxy *from, *to;
	struct vionet_device *device;
	char name[100];
	unsigned int sent;
};

static struct proxy *one_side(int number, const char *option)
{
	struct proxy *p = proxy_with(act_on_reply, number);

	vfu_of(p)->on_request = act_on_request;
	p->options[0] = option;
	p->options[1] = "--lossless";
	proxy_start(p);
	return p;
}

static struct move begin_move(struct proxy *from, struct proxy *to)
{
	struct move m = { .from = from, .to = to, .device = open_device(from) };

	snprintf(m.name, sizeof(m.name), "vfio-user:%s", to->path);
	if (vionet_device_start(m.device, NULL))
		fail_msg("%s", vionet_error_text());
	return m;
}

/* A frame, with a number of its own; not received yet. */
static void send_frame(struct move *m)
{
	struct vionet_queue *tx = vionet_device_tx_queue(m->device, 0);
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 60);
	((uint8_t *)packet->data)[20] = (uint8_t)m->sent++;
	packet->length = 60;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
}

static void receive_frame(struct move *m, unsigned int number)
{
	struct vionet_queue *rx = vionet_device_rx_queue(m->device, 0);
	struct vionet_packet *packet;

	assert_int_equal(vionet_queue_wait(rx, 0, 60000), 1);
	assert_int_equal(vionet_queue_receive(rx, &packet, 1), 1);
	assert_int_equal(((uint8_t *)packet->data)[20], number);
	vionet_packet_free(&packet, 1);
}

static void pass_frames(struct move *m)
{
	for (unsigned int i = 0; i < 3; i++) {
		send_frame(m);
		receive_frame(m, m->sent - 1);
	}
}

static void end_move(struct move *m)
{
	(void)vionet_device_close(m->device);
	assert_true(proxy_ended(m->from));
	proxy_destroy(m->from);
	proxy_destroy(m->to);
}

static void assert_is_at(const struct move *m, const struct proxy *p)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	assert_int_equal(vionet_device_info(m->device, &info), 0);
	assert_non_null(strstr(info.name, p->path));
}

static uint32_t events_of(struct vionet_device *device)
{
	uint32_t events = 0;

	assert_int_equal(vionet_device_events(device, &events), 0);
	return events;
}

/* ---- it moves ---- */

/* Frames that the first device has not seen yet are the second one's. */
static void it_moves(void **state)
{
	static const char *const options[] = {
		"--notify=page",
		"--notify=eventfd",
		"--notify=write",
		"--features=-RING_PACKED,-EVENT_IDX",
		"--features=+IN_ORDER",
		"--features=-CTRL_VQ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct vionet_migration report = { .struct_size = sizeof(report) };
		struct move m = begin_move(one_side(0, options[i]), one_side(0, options[i]));
		int fd = vionet_device_event_fd(m.device);
		int vector = vionet_queue_fd(vionet_device_rx_queue(m.device, 0));

		pass_frames(&m);
		send_frame(&m);
		if (vionet_device_migrate(m.device, m.name, &report))
			fail_msg("%s: %s", options[i], vionet_error_text());
		send_frame(&m);
		receive_frame(&m, m.sent - 2);
		receive_frame(&m, m.sent - 1);
		pass_frames(&m);
		assert_is_at(&m, m.to);
		assert_true(report.state_bytes > 1000);
		assert_true(report.gap_ms > 0 && report.gap_ms <= report.total_ms);
		assert_int_equal(vionet_device_event_fd(m.device), fd);
		assert_int_equal(vionet_queue_fd(vionet_device_rx_queue(m.device, 0)), vector);
		assert_true(proxy_ended(m.from));
		end_move(&m);
	}
}

/* What the application waits for is what it was: the second one's end. */
static void its_events_come_too(void **state)
{
	struct move m = begin_move(one_side(0, NULL), one_side(0, NULL));
	struct pollfd waiting = { .fd = vionet_device_event_fd(m.device), .events = POLLIN };

	(void)state;
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), 0);
	(void)events_of(m.device);
	action = HANG_UP;
	m.to->number = -1; /* with the next reply */
	(void)vionet_device_suspend(m.device);
	(void)events_of(m.device);
	assert_int_equal(poll(&waiting, 1, 60000), 1);
	assert_true(events_of(m.device) & VIONET_EVENT_GONE);
	end_move(&m);
}

/* And back, and away again: each is free for the next driver. */
static void there_and_back(void **state)
{
	struct move m = begin_move(one_side(0, NULL), one_side(0, NULL));
	char first[100];

	(void)state;
	snprintf(first, sizeof(first), "vfio-user:%s", m.from->path);
	for (unsigned int i = 0; i < 6; i++) {
		const char *to = i % 2 ? first : m.name;

		send_frame(&m);
		if (vionet_device_migrate(m.device, to, NULL))
			fail_msg("%s", vionet_error_text());
		receive_frame(&m, m.sent - 1);
		pass_frames(&m);
	}
	assert_is_at(&m, m.from);
	end_move(&m);
}

static void a_suspended_one_stays_so(void **state)
{
	struct move m = begin_move(one_side(0, "--features=+SUSPEND"),
				   one_side(0, "--features=+SUSPEND"));

	(void)state;
	pass_frames(&m);
	assert_int_equal(vionet_device_suspend(m.device), 0);
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), 0);
	assert_int_equal(vionet_device_resume(m.device), 0);
	pass_frames(&m);
	end_move(&m);
}

/* ---- it stays ---- */

static void assert_stays(struct move *m, int result, const char *text)
{
	struct vionet_migration report = { .struct_size = sizeof(report), .state_bytes = 1 };
	unsigned int before = m->sent;
	int got;

	pass_frames(m);
	send_frame(m);
	got = vionet_device_migrate(m->device, m->name, &report);
	if (got != result)
		fail_msg("returns %d, not %d: %s", got, result, vionet_error_text());
	assert_text(text);
	assert_int_equal(report.state_bytes, 0);
	receive_frame(m, before + 3);
	pass_frames(m);
	assert_is_at(m, m->from);
	assert_int_equal(events_of(m->device) & (VIONET_EVENT_NEEDS_RESET | VIONET_EVENT_GONE), 0);
	end_move(m);
}

static void refused_at_each_step(void **state)
{
	static const struct {
		int from, to; /* the message that is refused */
		int result;
		const char *text;
	} steps[] = {
		{ 1, 0, -ENOTSUP, "does not migrate" },
		{ 2, 0, -EREMOTEIO, "save the state" },
		{ 3, 0, -EREMOTEIO, "read the state" },
		{ 4, 0, -EREMOTEIO, "read the state" },
		{ 0, 1, -ENOTSUP, "does not migrate" },
		{ 0, 2, -EREMOTEIO, "take a state" },
		{ 0, 3, -EREMOTEIO, "write the state" },
		{ 0, 4, -EREMOTEIO, "stop" },
		{ 0, 5, -EREMOTEIO, "run" },
	};

	(void)state;
	action = REFUSE;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct move m = begin_move(one_side(steps[i].from, NULL),
					   one_side(steps[i].to, NULL));

		assert_stays(&m, steps[i].result, steps[i].text);
	}
}

/* The one that it is to go to ends, or does not answer, before it was to run. */
static void the_new_one_ends_at_each_step(void **state)
{
	(void)state;
	for (int step = 1; step <= 4; step++) {
		struct move m = begin_move(one_side(0, NULL), one_side(step, NULL));

		action = step == 3 ? SILENT : HANG_UP;
		assert_stays(&m, step == 3 ? -ETIMEDOUT : -ENODEV, "vfio-user:");
	}
}

static void other_functions(void **state)
{
	static const struct {
		const char *option, *text;
		int result;
	} others[] = {
		{ "--features=-MRG_RXBUF", "does not offer what is in use: MRG_RXBUF", -ENOTSUP },
		{ "--vectors=2", "2 vectors", -ENOTSUP },
		{ "--queue-size=64", "Invalid argument", -EREMOTEIO },
		{ "--mtu=9000", "Invalid argument", -EREMOTEIO },
		{ "--queues=2", "Invalid argument", -EREMOTEIO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct move m = begin_move(one_side(0, NULL), one_side(0, others[i].option));

		assert_stays(&m, others[i].result, others[i].text);
	}
}

/* What goes to the new one is taken for it: only so much is asked for. */
static void answer_for_it(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	uint32_t room = wire_get32(q->body + 4);

	(void)p;
	if (q->command == VFU_STATE_WRITE)
		r->length = 0;
	if (q->command != VFU_STATE_READ)
		return;
	/* A driver that goes on gets an end, too. */
	if (++pieces > 300)
		room = 0;
	memset(r->body, 0, 8 + room);
	wire_put32(r->body, 8 + room);
	wire_put32(r->body + 4, room);
	r->length = 8 + room;
}

static bool swallow_state(struct proxy *p, struct proxy_message *q)
{
	(void)p;
	return q->command != VFU_STATE_WRITE;
}

static void a_state_without_end(void **state)
{
	struct proxy *from = one_side(0, NULL), *to = one_side(0, NULL);
	struct move m;

	(void)state;
	from->hook = to->hook = answer_for_it;
	vfu_of(to)->on_request = swallow_state;
	m = begin_move(from, to);
	assert_stays(&m, -EREMOTEIO, "its state does not end");
	assert_in_range(pieces, 256, 257);
}

/* Capability 9 says of structure 4, the configuration, how long it is. */
static void shorten_configuration(struct proxy *p, const struct proxy_message *q, struct proxy_message *r)
{
	uint8_t *space = r->body + 16;

	(void)p;
	if (q->command != VFU_REGION_READ || wire_get32(q->body + 8) != 7 || wire_get32(q->body + 12) != 256)
		return;
	for (uint8_t at = space[0x34]; at != 0; at = space[at + 1])
		if (space[at] == 9 && space[at + 3] == 4)
			wire_put32(space + at + 12, 12);
}

static void a_shorter_configuration(void **state)
{
	struct proxy *to = one_side(0, NULL);
	struct move m;

	(void)state;
	to->hook = shorten_configuration;
	m = begin_move(one_side(0, NULL), to);
	assert_stays(&m, -ENOTSUP, "its configuration has 12 bytes");
}

/* What the first server did not release would not be known to the second. */
static void memory_in_quarantine(void **state)
{
	struct move m = begin_move(one_side(0, NULL), one_side(0, NULL));
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_pool *pool;

	(void)state;
	assert_int_equal(vionet_pool_create(m.device, NULL, &pool), 0);
	m.from->number = 1;
	m.from->hook = vfu_refuse_unmap;
	assert_int_equal(vionet_pool_destroy(pool), 0);
	m.from->number = 0;
	assert_int_equal(vionet_device_info(m.device, &info), 0);
	assert_int_equal(info.quarantined, 1);
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -EBUSY);
	assert_text("the device may still use what is in quarantine; recover it, or close it");
	pass_frames(&m);
	assert_is_at(&m, m.from);
	end_move(&m);
}

static void a_broken_queue(void **state)
{
	struct move m = begin_move(one_side(0, NULL), one_side(0, NULL));

	(void)state;
	vn_queue_break(vionet_device_rx_queue(m.device, 0), VN_QERR_ID_RANGE, 999, 256);
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -EBUSY);
	assert_text("receive queue 0 is broken by the device: used id 999 is out of range");
	assert_is_at(&m, m.from);
	assert_int_equal(vionet_device_recover(m.device, NULL), 0);
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), 0);
	pass_frames(&m);
	end_move(&m);
}

static void names_that_lead_nowhere(void **state)
{
	struct move m = begin_move(one_side(0, NULL), one_side(0, NULL));
	char first[100];

	(void)state;
	snprintf(first, sizeof(first), "vfio-user:%s", m.from->path);
	assert_int_equal(vionet_device_migrate(m.device, "0000:00:04.0", NULL), -EINVAL);
	assert_text("vfio-user:PATH");
	assert_int_equal(vionet_device_migrate(m.device, "vfio-user:/nonexistent/x", NULL), -ENODEV);
	assert_int_equal(vionet_device_migrate(m.device, first, NULL), -EBUSY);
	pass_frames(&m);
	assert_int_equal(vionet_device_stop(m.device), 0);
	assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -ENETDOWN);
	end_move(&m);
}

/* ---- neither runs ---- */

/* The new one may have run: what it has taken is not taken again, but the old one can be
 * recovered. */
static void a_new_one_that_may_have_run(void **state)
{
	static const enum action actions[] = { HANG_UP, LOST_REPLY, SILENT };

	(void)state;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct move m = begin_move(one_side(0, NULL), one_side(5, NULL));

		action = actions[i];
		pass_frames(&m);
		assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -ESTALE);
		assert_text("recover it");
		assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -EBUSY);
		assert_text("needs a reset");
		assert_true(events_of(m.device) & VIONET_EVENT_NEEDS_RESET);
		if (vionet_device_recover(m.device, NULL))
			fail_msg("%s", vionet_error_text());
		pass_frames(&m);
		assert_is_at(&m, m.from);
		end_move(&m);
	}
}

static void an_old_one_that_ends(void **state)
{
	(void)state;
	action = HANG_UP;
	for (int step = 2; step <= 4; step++) {
		struct move m = begin_move(one_side(step, NULL), one_side(0, NULL));

		pass_frames(&m);
		assert_int_equal(vionet_device_migrate(m.device, m.name, NULL), -ESTALE);
		assert_text("is gone");
		assert_true(events_of(m.device) & VIONET_EVENT_GONE);
		assert_int_not_equal(vionet_device_recover(m.device, NULL), 0);
		end_move(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		counted(it_moves),
		counted(its_events_come_too),
		counted(there_and_back),
		counted(a_suspended_one_stays_so),
		counted(refused_at_each_step),
		counted(the_new_one_ends_at_each_step),
		counted(other_functions),
		counted(a_state_without_end),
		counted(a_shorter_configuration),
		counted(memory_in_quarantine),
		counted(a_broken_queue),
		counted(names_that_lead_nowhere),
		counted(a_new_one_that_may_have_run),
		counted(an_old_one_that_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
