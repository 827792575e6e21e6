/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the command `vionet pktgen`: what depends on the device, the start, the order
 * of a run. Never: moves frames.
 * Read next: pktgen.c.
 */
#include "tools/pktgen/pktgen.h"

#include <sched.h>
#include <string.h>

#define BUFFER_DEFAULT 1984U

static bool sending(const struct pktgen *gen)
{
	return !gen->options->rx_only;
}

static uint32_t vlan_bytes(const struct pktgen_options *options)
{
	return options->fields.vlan != FRAME_NO_VLAN ? 4 : 0;
}

/* Will the device take frames of that size? */
static int check_mtu(struct pktgen *gen, const struct vionet_device_info *info)
{
	uint32_t extra = vlan_bytes(gen->options);
	const struct settings *settings = &gen->options->device.settings;
	uint32_t mtu = settings->have[SETTING_MTU] ? settings->mtu :
		       info->mtu != 0		   ? info->mtu : 1500;
	uint32_t size = mix_max(&gen->options->size, extra);

	if (!sending(gen) || size <= mtu + 14 + extra)
		return CODE_OK;
	say("--size: %u bytes, but the MTU of %s is %u%s: at most %u", size,
	    gen->session.name, mtu, info->mtu != 0 || settings->have[SETTING_MTU] ? "" :
	    " (it states none; if it can do more: --set mtu=N)",
	    mtu + 14 + extra);
	return session_fail(&gen->session, CODE_USAGE);
}

/* Turn per cent into bits a second. */
static int resolve_rate(struct pktgen *gen, const struct vionet_device_info *info,
			struct rate *rate)
{
	*rate = gen->options->rate;
	if (rate->kind != RATE_PERCENT || !sending(gen))
		return CODE_OK;
	if (info->link.speed == 0) {
		say("--rate: %s does not tell its link speed, so per cent of it mean "
		    "nothing; give 100Mbit or 10kpps instead",
		    gen->session.name);
		return session_fail(&gen->session, CODE_USAGE);
	}
	rate->kind = RATE_BPS;
	/* Mbit/s times thousandths of a per cent: 10^6 / 100. */
	rate->milli *= (uint64_t)info->link.speed * 10000;
	return CODE_OK;
}

/* What depends on the device: addresses, limits, the rate. */
static int look_at_device(struct pktgen *gen, struct rate *rate)
{
	struct frame_fields fields = gen->options->fields;
	struct vionet_device_info info;
	int result = vionet_device_info(gen->session.device, &info);

	if (result != 0) {
		say_error(result);
		return session_fail(&gen->session, code_of_run(result));
	}
	if (check_mtu(gen, &info) != CODE_OK ||
	    resolve_rate(gen, &info, rate) != CODE_OK)
		return gen->session.code;
	if (!info.link.up)
		say("%s: the link is down", gen->session.name);
	if (!gen->options->have_source_mac)
		memcpy(fields.source_mac, info.mac, sizeof(info.mac));
	fields.stream = (uint8_t)gen->stream;
	gen->fields = fields;
	frame_builder_init(&gen->builder, &fields);
	return CODE_OK;
}

/* Everything random follows from the seed. */
static void seed(struct pktgen *gen)
{
	uint64_t state = gen->options->seed;
	uint64_t sizes = mix_random(&state);

	gen->stream = gen->options->stream;
	if (sending(gen) && gen->stream == PKTGEN_ANY_STREAM)
		gen->stream = (int)(mix_random(&state) & 0xff);
	mix_start(&gen->mix, &gen->options->size, vlan_bytes(gen->options), sizes);
}

static int start_queues(struct pktgen *gen)
{
	uint32_t largest = mix_max(&gen->options->size, vlan_bytes(gen->options));
	uint32_t entries = gen->options->queue_size;
	struct vionet_start_options start = {
		.flags = (gen->options->mode == WAIT_POLL ?
				  VIONET_START_NO_INTERRUPTS : 0) |
			 (sending(gen) ? 0 : VIONET_START_NO_TX_POOL),
		.rx_queue_size = entries,
		.tx_queue_size = entries,
		.queue_pairs = gen->options->queues,
		.tx_pool_options = { .access = VIONET_DEVICE_READS },
	};

	if (sending(gen) && largest > BUFFER_DEFAULT)
		start.tx_pool_options.buffer_size = largest;
	return session_start(&gen->session, &start);
}

static void note_sizes(struct pktgen *gen, struct pktgen_report *report)
{
	struct vionet_queue_info info;

	if (vionet_device_queue_info(gen->session.device, 0, &info) == 0)
		report->rx_size = info.size;
	if (vionet_device_queue_info(gen->session.device, 1, &info) == 0)
		report->tx_size = info.size;
}

static void run_single(struct pktgen *gen, const struct rate *rate,
		       struct pktgen_report *report)
{
	if (sending(gen) && pktgen_prepare(gen) != CODE_OK)
		return;
	pktgen_start_clock(gen, rate, now_ns());
	pktgen_live_start(gen, 1, gen->start_ns);
	pktgen_load(gen);
	pktgen_live_rest(gen, gen->loaded_ns);
	if (sending(gen)) {
		pktgen_drain(gen);
		if (!gen->options->no_rx)
			report->cut_short = pktgen_linger(gen);
	}
	/* Anything that went wrong at the very end is still found. */
	if (gen->session.code == CODE_OK)
		session_check_now(&gen->session);
	pktgen_live_end(gen);
	pktgen_take_report(gen, report);
	gen->live.ended = true;
	pktgen_live_rest(gen, now_ns());
}

/* What the device counts is of all its time: only what it adds is of the run. */
static void end_drops(struct pktgen *gen, const uint64_t *before,
		      struct pktgen_report *report)
{
	/* A device that gave up is told nothing more. */
	if (report->drops_known && gen->session.code != CODE_GONE)
		report->drops_known = pktgen_read_drops(&gen->session, report->drop);
	for (int i = 0; i < PKTGEN_DROPS; i++)
		report->drop[i] = !report->drops_known		? 0 :
				  report->drop[i] > before[i] ? report->drop[i] - before[i] :
								  0;
}

static void run(struct pktgen *gen, const struct rate *rate,
		struct pktgen_report *report, struct pktgen_lanes *lanes)
{
	uint64_t before[PKTGEN_DROPS];

	report->drops_known = pktgen_read_drops(&gen->session, before);
	note_sizes(gen, report);
	if (gen->options->queues == 1)
		run_single(gen, rate, report);
	else
		pktgen_run_lanes(gen, rate, report, lanes);
	end_drops(gen, before, report);
}

/* The only thread, if there is one pair; else the control thread stays as it is. */
static void pin(const struct pktgen_options *options)
{
	cpu_set_t set;

	if (options->cpus.count == 0 || options->queues > 1)
		return;
	CPU_ZERO(&set);
	CPU_SET(options->cpus.cpu[0], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int command_pktgen(int argc, char **argv)
{
	static struct pktgen_options options;
	static struct pktgen gen;
	struct pktgen_report report = { 0 };
	struct pktgen_lanes lanes = { 0 };
	struct rate rate;
	int code;

	pktgen_parse(argc, argv, &options);
	stop_install();
	pin(&options);
	gen.options = &options;
	seed(&gen);
	if (session_open(&gen.session, &options.device, "pktgen") != CODE_OK)
		return gen.session.code;
	if (start_queues(&gen) == CODE_OK && session_apply(&gen.session) == CODE_OK &&
	    look_at_device(&gen, &rate) == CODE_OK)
		run(&gen, &rate, &report, &lanes);
	code = session_close(&gen.session);
	/* Nothing to tell of a run that never began. */
	if (gen.start_ns != 0)
		code = pktgen_print(&gen, &report, &lanes, code);
	pktgen_free_lanes(&gen, &lanes);
	pktgen_live_free(&gen);
	return code;
}
