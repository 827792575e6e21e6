/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fail_nth/scenario.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define NO_TEXT "no call has written this text"
#define FRAMES 24

struct report *report;

/* ---- steps ---- */

void wrong(const char *format, ...)
{
	va_list arguments;

	if (report->why[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(report->why, sizeof(report->why), format, arguments);
	va_end(arguments);
}

static bool is_among(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Does the result say what was the matter? A shortage is one, what was interrupted goes on, and it is neither the caller's
 * fault nor something that the device or the kernel cannot do. Not so where the library only looks around, and where a
 * connection ends with whatever is wrong with it. */
static void check_errno(const struct nth_failure *failure, const char *what, int result)
{
	static const char *const looks[] = { "access", "faccessat", "open", "openat", "readlink", "stat", "fopen", "fgets",
					     "opendir", "readdir", "scandir", "realpath", NULL };
	static const char *const connection[] = { "recv", "recvmsg", "send", "sendmsg", "ppoll", "poll", NULL };
	int code = failure->error == ETOOMANYREFS ? EMFILE : failure->error;

	if (!failure->done || is_among(failure->name, looks))
		return;
	if (code == EINTR)
		wrong("a call that was interrupted is a failure");
	if (result == -EINVAL || (result == -ENOTSUP && code != ENOTSUP))
		wrong("%s is no result of %s", strerrorname_np(-result), strerrorname_np(code));
	if (result == -EIO && strstr(what, "unregister") != NULL)
		return; /* it stays mapped, whatever the reason */
	if ((code == ENOMEM || code == EMFILE) && result != -code && !is_among(failure->name, connection))
		wrong("%s became %s", strerrorname_np(code), strerrorname_np(-result));
}

void step_begin(void)
{
	(void)vn_error(EPROTO, NO_TEXT);
}

bool step_failed(const char *what, int result)
{
	struct report_step *step = &report->step[report->steps];
	const char *text = vionet_error_text();

	if (result >= 0)
		return false;
	if (!nth_made())
		wrong("%s: %d (%s), and no call had failed", what, result, text);
	if (strcmp(text, NO_TEXT) == 0 || text[0] == '\0')
		wrong("%s: %d, and no text", what, result);
	if (nth.failure[1].n == 0 && report->steps == 0)
		check_errno(&nth.failure[0], what, result);
	if (report->steps == REPORT_STEPS)
		return true;
	snprintf(step->what, sizeof(step->what), "%s", what);
	snprintf(step->text, sizeof(step->text), "%s", text);
	step->result = result;
	report->steps++;
	return true;
}

void step_again(int result)
{
	if (report->steps != 0)
		report->step[report->steps - 1].again = result;
}

/* ---- the life of a device ---- */

static const struct life *life;

static bool has(const struct vionet_device_info *info, unsigned int bit)
{
	return vionet_feature_test(&info->negotiated, bit);
}

static void send_burst(struct vionet_queue *tx)
{
	struct vionet_packet *packets[8];
	uint32_t count = vionet_packet_alloc(vionet_queue_pool(tx), packets, 8), sent;

	for (uint32_t i = 0; i < count; i++) {
		memset(packets[i]->data, 0, 64);
		memset(packets[i]->data, 0xff, 6);
		packets[i]->data[12] = 8;
		packets[i]->length = 64;
	}
	sent = vionet_queue_transmit(tx, packets, count);
	if (sent < count)
		vionet_packet_free(packets + sent, count - sent);
	if (life->between)
		life->between();
}

/* To whatever pair the device steers them. */
static int take_frames(struct vionet_device *device, uint32_t *got)
{
	struct vionet_packet *packets[8];
	struct vionet_queue *rx;
	int result = 0;

	*got = 0;
	for (unsigned int i = 0; result == 0 && (rx = vionet_device_rx_queue(device, i)); i++) {
		uint32_t count = vionet_queue_receive(rx, packets, 8);

		vionet_packet_free(packets, count);
		*got += count;
		result = vionet_queue_check(rx);
	}
	return result;
}

/* Frames come back, or a queue says why not. */
static int pass_frames(struct vionet_device *device, unsigned int pair)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
	struct vionet_queue *tx = vionet_device_tx_queue(device, pair);
	uint32_t got = 0, now;
	int result = vionet_queue_wait(rx, 0, 1);

	for (unsigned int turn = 0; got < FRAMES && result >= 0; turn++) {
		if (turn == 1000) {
			wrong("pair %u: %u frames came back, then no more", pair, got);
			return 0;
		}
		send_burst(tx);
		result = take_frames(device, &now);
		got += now;
		if (result == 0)
			result = vionet_queue_check(tx);
		if (result == 0 && now == 0)
			result = vionet_queue_wait(rx, 0, 1);
	}
	if (result < 0)
		return result;
	result = vionet_queue_drain(tx, 5000);
	return result < 0 ? result : vionet_queue_check(tx);
}

static int look_at(struct vionet_device *device)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_link link = { .struct_size = sizeof(link) };
	uint32_t events;
	int result = vionet_device_events(device, &events);

	if (result == 0)
		result = vionet_device_link(device, &link);
	if (result == 0)
		result = vionet_queue_stats(vionet_device_rx_queue(device, 0), &stats);
	return result;
}

static void command(struct vionet_device *device, const struct vionet_device_info *info)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 }, table[2][6] = { { 2, 1 }, { 2, 2 } };

	if (!has(info, 17))
		return;
	if (has(info, 23))
		STEP(vionet_mac_set(device, mac));
	if (has(info, 18)) {
		STEP(vionet_filter_mode_set(device, VIONET_FILTER_PROMISC, true));
		STEP(vionet_filter_macs_set(device, table, 2, NULL, 0));
	}
	if (has(info, 19)) {
		STEP(vionet_filter_vlan_add(device, 7));
		STEP(vionet_filter_vlan_delete(device, 7));
	}
	if (has(info, 60)) {
		struct vionet_rss rss = { .struct_size = sizeof(rss), .hash_types = 1 };

		STEP(vionet_rss_set(device, &rss));
		if (has(info, 64) && STEP(vionet_rss_context_add(device, 1, &rss)) == 0)
			STEP(vionet_rss_context_delete(device, 1));
	}
	if (has(info, 22) && life->pairs > 1) {
		STEP(vionet_queue_pairs_set(device, 1));
		STEP(vionet_queue_pairs_set(device, life->pairs));
	}
}

static void give_memory(struct vionet_device *device)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options), .count = 16 };
	struct vionet_memory *memory = NULL;
	struct vionet_pool *pool = NULL;
	int fd = memfd_create("given", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	if (fd < 0 || ftruncate(fd, 65536) != 0)
		wrong("no memory for the test");
	at = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (STEP(vionet_pool_create(device, &options, &pool)) == 0)
		STEP(vionet_pool_destroy(pool));
	if (STEP(vionet_memory_register_fd(device, fd, 0, at, 65536, VIONET_DEVICE_READS, &memory)) == 0)
		STEP(vionet_memory_unregister(memory));
	munmap(at, 65536);
	close(fd);
}

static void move(struct vionet_device *device)
{
	if (STEP(pass_frames(device, 0)) == 0 && STEP(life->more(device)) == 0)
		STEP(pass_frames(device, 0));
}

static void run_started(struct vionet_device *device, const struct vionet_device_info *info)
{
	struct vionet_recovery recovery = { .struct_size = sizeof(recovery) };

	if (life->moves) {
		move(device);
		goto recover;
	}
	for (unsigned int pair = 0; pair < life->pairs; pair++)
		if (STEP(pass_frames(device, pair)) != 0)
			goto recover;
	STEP(look_at(device));
	command(device, info);
	if (has(info, 40)) {
		STEP(vionet_queue_reset(vionet_device_tx_queue(device, 0), &recovery));
		STEP(vionet_queue_resize(vionet_device_rx_queue(device, 0), 8, &recovery));
	}
	give_memory(device);
	if (life->more)
		STEP(life->more(device));
recover:
	if (STEP(vionet_device_recover(device, &recovery)) == 0)
		STEP(pass_frames(device, 0));
	STEP(vionet_device_stop(device));
}

static void run_opened(struct vionet_device *device)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = 16,
						.tx_queue_size = 16,
						.queue_pairs = life->pairs,
						.vectors = life->vectors };
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	STEP(vionet_device_info(device, &info));
	if (STEP(vionet_device_start(device, &options)) == 0)
		run_started(device, &info);
	if (life->moves)
		return;
	options.flags = VIONET_START_NO_INTERRUPTS;
	options.queue_pairs = 1;
	if (STEP(vionet_device_start(device, &options)) == 0)
		STEP(pass_frames(device, 0));
}

void live(const struct life *wanted)
{
	/* CTRL_RX, CTRL_VLAN */
	struct vionet_open_options options = { .struct_size = sizeof(options),
					       .want.word[0] = 1ull << 18 | 1ull << 19,
					       .avoid.word[0] = wanted->avoid };
	struct vionet_device *device;

	life = wanted;
	if (STEP(life->open(&options, &device)) == 0)
		run_opened(device);
	else if (device != NULL)
		wrong("open failed, and there is a device");
	LAST_STEP(vionet_device_close(device));
}
