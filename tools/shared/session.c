/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <vionet/control.h>
#include <vionet/error.h>

#include "tools/shared/apply_settings.h"
#include "tools/shared/feature_reason.h"
#include "tools/shared/control_client.h"
#include "tools/shared/control_requests.h"
#include "tools/shared/rest.h"
#include "tools/shared/sandbox.h"

#define SPIN_NS 50000ULL
/* Without an interrupt for the queue: how long to sleep between looks. */
#define BACKOFF_NS 100000ULL
#define DISCARD_BURST 64
#define MOVING_NS 200000000ULL

static struct control_server servers[SESSIONS_MAX];
static bool server_taken[SESSIONS_MAX];
static unsigned int servers_known; /* whose locks a signal handler may look at */

static void session_remove_sockets(void)
{
	for (unsigned int i = 0; i < __atomic_load_n(&servers_known, __ATOMIC_RELAXED); i++)
		control_server_unlink(&servers[i]);
}

/* NULL: this process has as many devices as it can. */
static struct control_server *session_take_server(void)
{
	unsigned int i = 0;

	while (i < SESSIONS_MAX && server_taken[i])
		i++;
	if (i == SESSIONS_MAX)
		return NULL;
	server_taken[i] = true;
	servers[i].lock = -1;
	if (i == servers_known)
		__atomic_store_n(&servers_known, i + 1, __ATOMIC_RELAXED);
	return &servers[i];
}

static void session_close_server(struct session *session)
{
	struct control_server *server = session->server;

	if (server == NULL)
		return;
	control_server_close(server);
	server->lock = -1;
	server_taken[server - servers] = false;
	session->server = NULL;
}

/* A device that takes long: say so each second, and let the user cancel. The signal
 * that ended the run wants it reset; the next one does not wait for that. */
static int session_on_progress(void *context, const char *step, unsigned int waited_ms,
			       unsigned int limit_ms)
{
	const struct session *session = context;

	if (stop_asked() > session->stops)
		return 1;
	say("%s: %s: waiting, %.0f s of %.0f s", session->name, step, waited_ms / 1000.0,
	    limit_ms / 1000.0);
	return 0;
}

static void session_say_notice(void *context, const char *text)
{
	(void)context;
	say("%s", text);
}

/* What --want requested and did not get. */
static void session_say_not_taken(const struct session *session)
{
	const struct vionet_open_options *open = &session->options->open;
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	if (vionet_device_info(session->device, &info) != 0)
		return;
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		char why[FEATURE_REASON_MAX];

		if (vionet_feature_test(&open->want, bit) &&
		    !vionet_feature_test(&info.negotiated, bit))
			say("%s: --want %s: not accepted: %s", session->name,
			    vionet_feature_name(bit),
			    feature_reason(&info, open, bit, why));
	}
}

/* The device by its name, or by descriptors, which needs no call that a sandbox has not. */
static int session_open_device(struct session *session, const struct vionet_open_options *open)
{
	const struct device_options *options = session->options;

	if (options->fds_use >= options->fds_count)
		return vionet_device_open(options->name, open, &session->device);
	if (options->sandbox && sandbox_enter(SANDBOX_OPENING) != CODE_OK)
		return -EIO;
	return vionet_device_open_fds(options->name, &options->fds[options->fds_use], open,
				      &session->device);
}

/* Options of the library that follow from those of the command line. */
static struct vionet_open_options session_options(struct session *session)
{
	const struct device_options *options = session->options;
	struct vionet_open_options open = options->open;

	open.struct_size = sizeof(open);
	open.notice = session_say_notice;
	settings_want(&options->settings, &open.want);
	for (size_t i = 0; i < sizeof(open.want.word) / sizeof(open.want.word[0]); i++)
		open.want.word[i] |= options->prefer.word[i] & ~open.avoid.word[i];
	open.progress = session_on_progress;
	open.progress_context = session;
	settings_avoid(&options->settings, &open.avoid);
	return open;
}

/* From now on other processes connect here instead of trying to open it too. In a sandbox nobody can. */
static int session_open_server(struct session *session)
{
	if (session->options->sandbox)
		return CODE_OK;
	session->server = session_take_server();
	if (session->server == NULL) {
		say("%s: %d devices are open already", session->name, SESSIONS_MAX);
		return session_fail(session, CODE_FAILED);
	}
	stop_undo(session_remove_sockets);
	control_server_open(session->server, session->name);
	return CODE_OK;
}

int session_open(struct session *session, const struct device_options *options,
		 const char *command)
{
	struct vionet_open_options open;
	int result;

	*session = (struct session){
		.name = options->name,
		.command = command,
		.options = options,
	};
	if (options->open.flags & VIONET_OPEN_ASSUME_IOMMU)
		say("WARNING: --assume-iommu: if no IOMMU stands in front of %s, it "
		    "will read and write memory of other programs",
		    options->name);
	if (options->open.iommu == VIONET_IOMMU_NONE)
		say("WARNING: --no-iommu: nothing keeps %s from reading and writing all memory of this "
		    "machine: a fault of it, or of this program, may change any other's",
		    options->name);
	if (session_open_server(session) != CODE_OK)
		return session->code;
	open = session_options(session);
	result = session_open_device(session, &open);
	if (result != 0) {
		say_error(result);
		session_close_server(session);
		if (!options->sandbox)
			control_hint(options->name, command);
		return session_fail(session, code_of_open(result));
	}
	stop_in_order();
	stop_moving();
	session_say_not_taken(session);
	return CODE_OK;
}

int session_confine(struct session *session)
{
	const struct device_options *options = session->options;
	bool socket = strncmp(options->name, "vfio-user:", 10) == 0 ||
		      strncmp(options->name, "vhost-user:", 11) == 0;

	if (options->sandbox)
		session_fail(session, sandbox_enter(SANDBOX_RUNNING | (socket ? SANDBOX_SOCKET : 0u)));
	return session->code;
}

/* More pairs than there are: of one, since no feature allows more, or by number. */
static int session_refuse_pairs(struct session *session, uint32_t requested,
				uint32_t most)
{
	unsigned int mq = (unsigned int)vionet_feature_bit("MQ");
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	char why[FEATURE_REASON_MAX];

	vionet_device_info(session->device, &info);
	if (most > 1 || vionet_feature_test(&info.negotiated, mq))
		say("%s: queues: %u requested, %u can be used", session->name,
		    requested, most);
	else
		say("%s: queues: %u requested, %u can be used: MQ was not accepted: %s",
		    session->name, requested, most,
		    feature_reason(&info, &session->options->open, mq, why));
	return session_fail(session, CODE_USAGE);
}

/* What the settings say of the start. */
static int session_adjust_start(struct session *session, struct vionet_start_options *start,
				struct vionet_pool_options *receive)
{
	const struct settings *settings = &session->options->settings;
	struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	if (settings->have[SETTING_QUEUES])
		start->queue_pairs = settings->queues;
	vionet_steering_limits(session->device, &limits);
	if (start->queue_pairs > limits.queue_pairs)
		return session_refuse_pairs(session, start->queue_pairs, limits.queue_pairs);
	if (!settings->have[SETTING_MTU])
		return CODE_OK;
	vionet_device_info(session->device, &info);
	if (info.mtu != 0 && settings->mtu > info.mtu) {
		say("mtu=%u: the MTU of %s is %u, and it cannot be changed",
		    settings->mtu, session->name, info.mtu);
		return session_fail(session, CODE_USAGE);
	}
	/* Ethernet and a VLAN tag come on top; smaller buffers than the default are
	 * of no use, nor are larger ones where a frame may come in several. */
	if (settings->mtu + 18 > 1984 &&
	    !vionet_feature_test(&info.negotiated,
				 (unsigned int)vionet_feature_bit("MRG_RXBUF")))
		receive->buffer_size = settings->mtu + 18;
	if (start->rx_pool == NULL)
		start->rx_pool_options = receive;
	return CODE_OK;
}

/* What was requested, and what the device allows. */
static void session_note_size(struct session *session, unsigned int index, uint32_t wanted)
{
	struct vionet_queue_info info = { .struct_size = sizeof(info) };

	if (vionet_device_queue_info(session->device, index, &info) != 0)
		return;
	session->queue_size[index] = info.size;
	if (wanted == 0 || info.size == wanted)
		return;
	say("%s: %s queue: %u entries instead of %u: the device allows no more than %u",
	    session->name, index % 2 ? "transmit" : "receive", info.size, wanted,
	    info.size_max);
}

static int session_take_queues(struct session *session)
{
	session->rx = vionet_device_rx_queue(session->device, 0);
	session->tx = vionet_device_tx_queue(session->device, 0);
	if (session->rx == NULL || session->tx == NULL) {
		say("%s: no receive or transmit queue", session->name);
		return session_fail(session, CODE_FAILED);
	}
	for (session->pairs = 0; session->pairs < VIONET_QUEUE_PAIRS_MAX;
	     session->pairs++) {
		struct vionet_queue *queue =
			vionet_device_rx_queue(session->device, session->pairs);

		if (queue == NULL)
			break;
		session->receive[session->pairs] = queue;
	}
	return CODE_OK;
}

int session_start(struct session *session, const struct vionet_start_options *options)
{
	struct vionet_pool_options receive = { .struct_size = sizeof(receive) };
	struct vionet_start_options start = *options;
	int result;

	if (session_adjust_start(session, &start, &receive) != CODE_OK)
		return session->code;
	result = vionet_device_start(session->device, &start);
	if (result != 0) {
		say_error(result);
		return session_fail(session, result == -EINVAL ? CODE_USAGE :
								 code_of_run(result));
	}
	session_note_size(session, 0, start.rx_queue_size);
	session_note_size(session, 1, start.tx_queue_size);
	return session_take_queues(session);
}

int session_apply(struct session *session)
{
	struct setting_results results;
	int result;

	if (!settings_any(&session->options->settings))
		return CODE_OK;
	result = apply_settings(session->device, &session->options->settings, &results);
	for (size_t i = 0; i < results.count; i++)
		if (results.list[i].error[0] != '\0')
			say("%s: %s", results.list[i].key, results.list[i].error);
	if (result != 0)
		say("%s: no memory for what came of the settings", session->name);
	if (result != 0 || results.failed != 0)
		session_fail(session, CODE_FAILED);
	setting_results_release(&results);
	return session->code;
}

struct session session_follow(const struct session *session, unsigned int pair)
{
	struct session own = *session;

	own.follower = true;
	own.server = NULL;
	own.rx = vionet_device_rx_queue(session->device, pair);
	own.tx = vionet_device_tx_queue(session->device, pair);
	own.pairs = 1;
	own.receive[0] = own.rx;
	own.code = CODE_OK;
	return own;
}

int session_fail(struct session *session, int code)
{
	if (session->code == CODE_OK)
		session->code = code;
	return session->code;
}

/* Say which of the queues is broken, and how; or that the device needs a reset. */
static void session_say_broken(struct session *session)
{
	for (unsigned int i = 0; i < 2 * session->pairs; i++) {
		const struct vionet_queue *queue =
			i % 2 == 0 ? session->receive[i / 2] :
			session->follower ? session->tx :
			vionet_device_tx_queue(session->device, i / 2);

		if (queue == NULL || vionet_queue_check(queue) == 0)
			continue;
		say("%s", vionet_error_text());
		return;
	}
	if (!session->follower && vionet_control_check(session->device) != 0)
		say("%s: the control queue is broken: %s", session->name,
		    vionet_error_text());
	else
		say("%s: a queue is broken", session->name);
}

static void session_say_link(struct session *session)
{
	struct vionet_link link = { .struct_size = sizeof(link) };

	if (vionet_device_link(session->device, &link) == 0)
		say("%s: the link is %s", session->name, link.up ? "up" : "down");
}

/* The worst event decides what is said: gone explains all others. */
static int session_act_on_events(struct session *session, uint32_t events)
{
	if (events & VIONET_EVENT_GONE)
		say("%s: the device is gone: it was removed, or what is behind it ended or "
		    "did not answer in time; VIONET_LOG=debug says which",
		    session->name);
	else if (events & VIONET_EVENT_REMOVAL)
		say("%s: the device is being unplugged: stopping", session->name);
	else if (events & VIONET_EVENT_ERROR)
		say("%s: uncorrectable PCI error: stopping", session->name);
	else if (events & VIONET_EVENT_QUEUE_BROKEN)
		session_say_broken(session);
	else if (events & VIONET_EVENT_NEEDS_RESET)
		say("%s: the device needs a reset, or its back end went away; start "
		    "it again", session->name);
	else {
		if (events & VIONET_EVENT_LINK)
			session_say_link(session);
		session->noted |= events & (VIONET_EVENT_LINK | VIONET_EVENT_ANNOUNCE);
		return session->code;
	}
	return session_fail(session, CODE_GONE);
}

/* What a pair's own thread may look at. */
static int session_check_queues(struct session *session)
{
	session->next_check = now_ns() + SESSION_CHECK_NS;
	if (vionet_queue_check(session->rx) == 0 &&
	    vionet_queue_check(session->tx) == 0)
		return session->code;
	session_say_broken(session);
	return session_fail(session, CODE_GONE);
}

/* It is a system call: not at each look. */
static void session_note_moving(struct session *session)
{
	uint64_t now = now_ns();

	if (now < session->next_moving)
		return;
	session->next_moving = now + MOVING_NS;
	stop_moving();
}

/* Others find the device by its name. */
static void session_rename(struct session *session)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	vionet_device_info(session->device, &info);
	snprintf(session->name_now, sizeof(session->name_now), "%s", info.name);
	session->name = session->name_now;
	control_server_close(session->server);
	/* One that asks meanwhile whether the name is free has it for a moment. */
	session->moved = control_server_open(session->server, session->name) == -EBUSY;
}

static void session_serve(struct session *session)
{
	struct control_target target = { session->device, session->command, false };

	control_server_serve(session->server, control_handle, &target);
	session->moved |= target.moved;
	/* Once the client that had it moved has its answer. */
	if (session->moved && session->server->client < 0)
		session_rename(session);
}

int session_check_now(struct session *session)
{
	uint32_t events = 0;
	int result;

	if (session->follower)
		return session_check_queues(session);
	result = vionet_device_events(session->device, &events);
	session_note_moving(session);
	if (session->server != NULL)
		session_serve(session);
	session->next_check = now_ns() + SESSION_CHECK_NS;
	if (result != 0) {
		say_error(result);
		return session_fail(session, CODE_GONE);
	}
	return session_act_on_events(session, events);
}

int session_check(struct session *session, uint64_t now)
{
	if (session->follower)
		rest_point();
	if (now < session->next_check)
		return session->code;
	return session_check_now(session);
}

/* Arm all receive queues, and wait for them in `waits` from 1 on. Returns how many, 0
 * if one has work, -1 if one has no interrupt: then none is armed. */
static int session_arm(const struct session *session, struct pollfd *waits)
{
	for (unsigned int i = 0; i < session->pairs; i++) {
		int fd = vionet_queue_fd(session->receive[i]);

		if (fd < 0)
			return -1;
		waits[i + 1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (unsigned int i = 0; i < session->pairs; i++)
		if (vionet_queue_arm(session->receive[i]) != 0)
			return 0; /* work came in between, or the queue broke */
	return (int)session->pairs;
}

/* Sleep until a receive queue, the device or the clock has something to say. */
static void session_sleep(struct session *session, uint64_t until)
{
	struct pollfd waits[1 + VIONET_QUEUE_PAIRS_MAX];
	int armed = session_arm(session, waits);
	struct timespec time = { 0 };
	uint64_t now = now_ns();

	waits[0] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (!session->follower)
		waits[0].fd = vionet_device_event_fd(session->device);
	if (now < until && armed > 0) {
		time.tv_nsec = (long)(until - now);
		ppoll(waits, (nfds_t)armed + 1, &time, NULL);
	} else if (now < until && armed < 0) {
		sleep_ns(until - now < BACKOFF_NS ? until - now : BACKOFF_NS);
	}
	for (unsigned int i = 0; armed >= 0 && i < session->pairs; i++)
		vionet_queue_disarm(session->receive[i]);
	if (waits[0].revents != 0)
		session->next_check = 0;
}

void session_idle(struct session *session, enum wait_mode mode, int receiving,
		  uint64_t busy_ns, uint64_t until)
{
	uint64_t now = now_ns();

	if (until > now + SESSION_CHECK_NS)
		until = now + SESSION_CHECK_NS;
	if (until <= now || stop_asked() > 0)
		return;
	if (mode == WAIT_POLL || (mode == WAIT_SPIN && now - busy_ns < SPIN_NS))
		return;
	if (receiving)
		session_sleep(session, until);
	else
		sleep_ns(until - now);
}

uint32_t session_discard(struct session *session)
{
	struct vionet_packet *packets[DISCARD_BURST];
	uint32_t sum = 0;

	for (unsigned int i = 0; i < session->pairs; i++) {
		uint32_t count = vionet_queue_receive(session->receive[i], packets,
						      DISCARD_BURST);

		vionet_packet_free(packets, count);
		sum += count;
	}
	return sum;
}

int session_close(struct session *session)
{
	int result;

	session_close_server(session);
	session->stops = stop_asked();
	result = vionet_device_close(session->device);
	stop_closed();
	session->device = NULL;
	session->rx = NULL;
	session->tx = NULL;
	/* A device that is known to be gone cannot be closed in order: said before. */
	if (result != 0 && session->code != CODE_GONE) {
		say_error(result);
		session_fail(session, code_of_run(result));
	}
	return session->code;
}
