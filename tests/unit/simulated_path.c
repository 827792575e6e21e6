/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/simulated_path.h"

#include <math.h>
#include <string.h>

#include "tools/shared/common.h"

struct trial_log trials;

int clear_trials(void **state)
{
	(void)state;
	trial_log_free(&trials);
	return 0;
}

void say(const char *format, ...)
{
	(void)format;
}

/* A generator of its own: the code under test shares none of it (xorshift64*). */
static double simulated_random(struct simulated_path *simulated)
{
	simulated->random ^= simulated->random >> 12;
	simulated->random ^= simulated->random << 25;
	simulated->random ^= simulated->random >> 27;
	return (double)(simulated->random * 0x2545f4914f6cdd1dull >> 11) / 9007199254740992.0;
}

/* So many events of a mean (Knuth). */
static unsigned int simulated_events(struct simulated_path *simulated, double mean)
{
	double limit = exp(-mean), product = simulated_random(simulated);
	unsigned int events = 0;

	for (; product > limit; events++)
		product *= simulated_random(simulated);
	return events;
}

/* Of `sent` frames evenly spread over `seconds`. */
static double simulated_received(struct simulated_path *simulated, double sent, double seconds)
{
	bool stuck = simulated->now < simulated->stuck_until;
	double rate = simulated->rate * (stuck ? 1 - simulated->stuck : 1);
	double passed = sent;

	if (rate > 0)
		passed = fmin(sent, floor(simulated->depth + rate * seconds));
	for (unsigned int i = simulated_events(simulated, passed * simulated->loss < 500 ? passed * simulated->loss : 0); i > 0; i--)
		passed--;
	passed -= simulated->burst * simulated_events(simulated, simulated->bursts * seconds);
	return fmax(0, passed);
}

static bool simulated_watch(trial_watch *watch, void *context,
			    const struct trial_output *output, double seconds)
{
	for (double at = 1; at < seconds; at++) {
		struct trial_output part = *output;

		part.sent = (uint64_t)((double)output->sent * at / seconds);
		part.received = (uint64_t)((double)output->received * at / seconds);
		part.lost = part.sent - part.received;
		part.seconds = at;
		if (watch(context, &part))
			return true;
	}
	return false;
}

static int simulated_run(struct trial_path *path, const struct trial_input *input,
			 trial_watch *watch, void *context, struct trial_output *output)
{
	struct simulated_path *simulated = (struct simulated_path *)path;
	double load = input->load, seconds = (double)input->duration_ns / 1e9;
	double wanted, sent;

	if (++simulated->trials == simulated->fail_at)
		return 1;
	if (load > simulated->largest_load)
		simulated->largest_load = load;
	if (simulated->line > 0 && (load == 0 || load > simulated->line))
		load = simulated->line;
	if (input->frames != 0)
		seconds = (double)input->frames / load;
	else if (simulated->least_duration == 0 || seconds < simulated->least_duration)
		simulated->least_duration = seconds;
	wanted = input->frames != 0 ? (double)input->frames : floor(input->load * seconds);
	sent = input->frames != 0 ? wanted : floor(load * seconds);
	if (input->frames != 0 && input->duration_ns != 0 && seconds > (double)input->duration_ns / 1e9) {
		seconds = (double)input->duration_ns / 1e9;
		sent = floor(load * seconds);
	}
	output->slipped = simulated_random(simulated) < simulated->slips;
	if (output->slipped)
		sent = floor(sent * 0.95);
	output->intended = (uint64_t)wanted;
	output->sent = (uint64_t)sent;
	output->received = (uint64_t)simulated_received(simulated, sent, seconds);
	output->lost = output->sent - output->received;
	output->offered = sent / seconds;
	memset(&simulated->latency, 0, sizeof(simulated->latency));
	histogram_add(&simulated->latency, (uint64_t)simulated->latency_ns);
	output->latency = &simulated->latency;
	if (output->lost > 0)
		simulated->stuck_until = simulated->now + seconds + simulated->stuck_s;
	if (watch != NULL)
		simulated_watch(watch, context, output, seconds);
	output->seconds = seconds + simulated->pause;
	simulated->now += output->seconds;
	return simulated->breaks ? 1 : 0;
}

static double simulated_now(struct trial_path *path)
{
	return ((struct simulated_path *)path)->now;
}

void simulated_path_init(struct simulated_path *simulated, uint64_t seed)
{
	*simulated = (struct simulated_path){
		.path = { simulated_run, simulated_now },
		.random = seed * 0x9e3779b97f4a7c15ull + 1,
		.line = 14880952,
		.latency_ns = 5000,
		.pause = 0.1,
	};
}
