/* SPDX-License-Identifier: BSD-3-Clause */
/* --max-loss, --max-latency: what each flow is held against; and JUnit's XML of it. */
#include "tools/pktgen/results.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/histogram.h"

static struct report_limit *limits_add(struct pktgen_results *results, size_t flow, const char *name)
{
	struct report_limit *limit = &results->limit[results->limits++];

	snprintf(limit->subject, sizeof(limit->subject), "%s", clean(results->flow[flow].name));
	snprintf(limit->name, sizeof(limit->name), "%s", name);
	return limit;
}

/* Of what could be known again; who only receives knows the holes. */
static void limits_loss(struct pktgen_results *results, size_t flow)
{
	const struct engine_flow_metrics *metrics = &results->flow[flow];
	uint64_t unique = metrics->order.unique;
	uint64_t expected = results->options->rx_only ? unique + metrics->order.lost
						      : metrics->tx.frames - metrics->unnumbered;
	struct report_limit *limit = limits_add(results, flow, "loss");
	double ratio = expected > unique ? (double)(expected - unique) / (double)expected : 0;

	limit_of_ratio(limit, results->options->max_loss, ratio);
	if (expected > 0)
		return;
	limit->kept = false;
	snprintf(limit->measured, sizeof(limit->measured), "not known: no frame had a number");
}

static void limits_latency(struct pktgen_results *results, struct engine *engine, size_t flow)
{
	const struct pktgen_options *options = results->options;
	const struct histogram *latency = engine_flow_histogram(engine, (uint32_t)flow, ENGINE_LATENCY);
	struct report_limit *limit = limits_add(results, flow, "");

	limit_of_latency(limit, options->latency_per_mille, options->max_latency_ns,
			 histogram_percentile(latency, options->latency_per_mille));
	if (latency->count > 0)
		return;
	limit->kept = false;
	snprintf(limit->measured, sizeof(limit->measured), "not known: nothing came back");
}

int pktgen_check_limits(struct pktgen_results *results, struct engine *engine)
{
	const struct pktgen_options *options = results->options;
	int code = CODE_OK;

	results->limit = calloc(2 * results->flows + 1, sizeof(*results->limit));
	if (results->limit == NULL) {
		say("no memory for the limits of %zu flows", results->flows);
		return CODE_FAILED;
	}
	for (size_t i = 0; i < results->flows; i++) {
		if (options->max_loss >= 0)
			limits_loss(results, i);
		if (options->latency_per_mille != 0)
			limits_latency(results, engine, i);
	}
	for (size_t i = 0; i < results->limits; i++)
		if (!results->limit[i].kept)
			code = CODE_LIMIT;
	return code;
}

/* A test for each limit; without any, one for each flow. */
int pktgen_write_junit(const struct pktgen_results *results)
{
	size_t count = results->limits != 0 ? results->limits : results->flows;
	struct report_case *cases = calloc(count + 1, sizeof(*cases));
	int code;

	if (cases == NULL) {
		say("no memory for %s", results->options->junit);
		return CODE_FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		const struct report_limit *limit = results->limits != 0 ? &results->limit[i] : NULL;

		cases[i] = (struct report_case){
			.subject = limit != NULL ? limit->subject : clean(results->flow[i].name),
			.name = limit != NULL ? limit->name : "measured",
			.seconds = results->load_s,
			.limit = limit,
		};
	}
	code = report_junit(results->options->junit, "vionet.pktgen", cases, count, results->load_s, results->code);
	free(cases);
	return code;
}
