/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `vionet pktgen`: what depends on the device, the order of a run. */
#include "tools/pktgen/pktgen.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_DEFAULT 1984U

static bool setup_sends(const struct pktgen *gen)
{
	return !gen->options->rx_only;
}

static uint32_t setup_vlan_bytes(const struct pktgen_options *options)
{
	return options->fields.vlan != FRAME_NO_VLAN ? 4 : 0;
}

/* Will the device take frames of that size? */
static int setup_check_mtu(struct pktgen *gen, const struct vionet_device_info *info)
{
	uint32_t extra = setup_vlan_bytes(gen->options);
	const struct settings *settings = &gen->options->device.settings;
	uint32_t mtu = settings->have[SETTING_MTU] ? settings->mtu :
		       info->mtu != 0		   ? info->mtu : 1500;
	uint32_t size = mix_max(&gen->options->size, extra);

	if (!setup_sends(gen) || size <= mtu + 14 + extra)
		return CODE_OK;
	say("--size: %u bytes, but the MTU of %s is %u%s: at most %u", size,
	    gen->session.name, mtu, info->mtu != 0 || settings->have[SETTING_MTU] ? "" :
	    " (it states none; if it can do more: --set mtu=N)",
	    mtu + 14 + extra);
	return session_fail(&gen->session, CODE_USAGE);
}

/* The rate in a unit that needs no device to be understood. */
static int setup_rate(struct pktgen *gen, const struct vionet_device_info *info,
		      struct rate *rate)
{
	*rate = gen->options->rate;
	if (rate->kind != RATE_PERCENT || !setup_sends(gen))
		return CODE_OK;
	if (info->link_speed == 0) {
		say("--rate: %s does not report its link speed, so per cent of it mean "
		    "nothing; give 100Mbit or 10kpps instead",
		    gen->session.name);
		return session_fail(&gen->session, CODE_USAGE);
	}
	pace_resolve(rate, info->link_speed);
	return CODE_OK;
}

/* What depends on the device: addresses, limits, the rate. */
static int setup_look_at_device(struct pktgen *gen, struct rate *rate)
{
	struct frame_fields fields = gen->options->fields;
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	int result = vionet_device_info(gen->session.device, &info);

	if (result != 0) {
		say_error(result);
		return session_fail(&gen->session, code_of_run(result));
	}
	if (setup_check_mtu(gen, &info) != CODE_OK ||
	    setup_rate(gen, &info, rate) != CODE_OK)
		return gen->session.code;
	if (!info.link_up)
		say("%s: the link is down", gen->session.name);
	if (!gen->options->have_source_mac)
		memcpy(fields.source_mac, info.mac, sizeof(info.mac));
	fields.stream = (uint8_t)gen->stream;
	gen->fields = fields;
	frame_builder_init(&gen->builder, &fields);
	return CODE_OK;
}

/* Everything random follows from the seed. */
static void setup_seed(struct pktgen *gen)
{
	uint64_t state = gen->options->seed;
	uint64_t sizes = mix_random(&state);

	gen->stream = gen->options->stream;
	if (setup_sends(gen) && gen->stream == PKTGEN_ANY_STREAM)
		gen->stream = (int)(mix_random(&state) & 0xff);
	mix_start(&gen->mix, &gen->options->size, setup_vlan_bytes(gen->options), sizes);
}

static int setup_start(struct pktgen *gen)
{
	uint32_t largest = mix_max(&gen->options->size, setup_vlan_bytes(gen->options));
	uint32_t entries = gen->options->queue_size;
	struct vionet_pool_options transmit = { .struct_size = sizeof(transmit),
						.access = VIONET_DEVICE_READS };
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = (gen->options->mode == WAIT_POLL ?
				  VIONET_START_NO_INTERRUPTS : 0) |
			 (setup_sends(gen) ? 0 : VIONET_START_NO_TX_POOL),
		.rx_queue_size = entries,
		.tx_queue_size = entries,
		.queue_pairs = gen->options->queues,
		.tx_pool_options = &transmit,
	};

	if (setup_sends(gen) && largest > BUFFER_DEFAULT)
		transmit.buffer_size = largest;
	return session_start(&gen->session, &start);
}

static void setup_run_single(struct pktgen *gen, const struct rate *rate,
			     struct pktgen_report *report)
{
	if (setup_sends(gen) && pktgen_prepare(gen) != CODE_OK)
		return;
	pktgen_start_clock(gen, rate, now_ns());
	pktgen_live_start(gen, 1, gen->start_ns);
	pktgen_load(gen);
	pktgen_live_rest(gen, gen->loaded_ns);
	if (setup_sends(gen)) {
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
static void setup_end_drops(struct pktgen *gen, const uint64_t *before,
			    struct pktgen_report *report)
{
	/* A device that needs a reset gets no more commands. */
	if (report->drops_known && gen->session.code != CODE_GONE)
		report->drops_known = pktgen_read_drops(&gen->session, report->drop);
	for (int i = 0; i < PKTGEN_DROPS; i++)
		report->drop[i] = !report->drops_known		? 0 :
				  report->drop[i] > before[i] ? report->drop[i] - before[i] :
								  0;
}

static void setup_run(struct pktgen *gen, const struct rate *rate,
		      struct pktgen_report *report, struct pktgen_workers *workers)
{
	uint64_t before[PKTGEN_DROPS];

	report->drops_known = pktgen_read_drops(&gen->session, before);
	if (gen->options->queues == 1)
		setup_run_single(gen, rate, report);
	else
		pktgen_run_workers(gen, rate, report, workers);
	setup_end_drops(gen, before, report);
}

/* The only thread, if there is one pair; else the control thread stays as it is. */
static void setup_pin(const struct pktgen_options *options)
{
	cpu_set_t set;

	if (options->cpus.count == 0 || options->queues > 1)
		return;
	CPU_ZERO(&set);
	CPU_SET(options->cpus.cpu[0], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int setup_print(const struct pktgen *gen, const struct pktgen_report *report,
		       const struct pktgen_workers *workers, int code)
{
	struct pktgen_results results;
	int printed = pktgen_take_results(gen, report, workers, code, &results);

	output_begin();
	if (printed == CODE_OK && gen->options->json)
		printed = pktgen_print_json(&results);
	else if (printed == CODE_OK)
		pktgen_print_text(&results);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	free(results.pair);
	return code != CODE_OK ? code : printed;
}

int command_pktgen(int argc, char **argv)
{
	static struct pktgen_options options;
	static struct pktgen gen;
	struct pktgen_report report = { 0 };
	struct pktgen_workers workers = { 0 };
	struct rate rate;
	int code;

	pktgen_parse(argc, argv, &options);
	stop_install();
	setup_pin(&options);
	gen.options = &options;
	setup_seed(&gen);
	if (session_open(&gen.session, &options.device, "pktgen") != CODE_OK)
		return gen.session.code;
	if (setup_start(&gen) == CODE_OK && session_apply(&gen.session) == CODE_OK &&
	    setup_look_at_device(&gen, &rate) == CODE_OK &&
	    session_confine(&gen.session) == CODE_OK)
		setup_run(&gen, &rate, &report, &workers);
	code = session_close(&gen.session);
	/* A run that never began has no results. */
	if (gen.start_ns != 0)
		code = setup_print(&gen, &report, &workers, code);
	pktgen_free_workers(&gen, &workers);
	pktgen_live_free(&gen);
	return code;
}
