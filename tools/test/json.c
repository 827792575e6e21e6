/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet test --json`, and what is made of the same object: pages and tables. */
#include "tools/test/results.h"

#include <jansson.h>
#include <time.h>

#include "tools/pktgen/report/report.h"
#include "tools/shared/envelope.h"
#include "tools/test/device_path.h"

static json_t *result_count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* null: there is none. */
static json_t *result_rate_or_null(double value)
{
	return value > 0 ? json_real(value) : json_null();
}

static json_t *result_seconds(uint64_t ns)
{
	return json_real((double)ns / 1e9);
}

/* ---- Trials ---- */

static json_t *result_trial_latency(const struct trial_result *trial)
{
	if (trial->latency_count == 0)
		return json_null();
	return json_pack("{s:o, s:f, s:o, s:o, s:o, s:o}",
			 "min", result_count(trial->latency_min),
			 "avg", trial->latency_average,
			 "p50", result_count(trial->latency_p50),
			 "p99", result_count(trial->latency_p99),
			 "p999", result_count(trial->latency_p999),
			 "max", result_count(trial->latency_max));
}

static json_t *result_trial(const struct trial_result *trial)
{
	bool burst = trial->input.frames != 0;

	return json_pack(
		"{s:f, s:i, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:f, s:i, s:o}",
		"at_s", trial->at_s,
		"size", (int)(trial->input.size + TEST_FCS),
		"load_pps", result_rate_or_null(trial->input.load),
		"duration_s", burst ? json_null() : result_seconds(trial->input.duration_ns),
		"burst_frames", burst ? result_count(trial->input.frames) : json_null(),
		"seconds", trial->seconds,
		"offered_pps", trial->offered,
		"intended", result_count(trial->intended),
		"sent", result_count(trial->sent),
		"received", result_count(trial->received),
		"loss_ratio", trial->loss_ratio,
		"repeated", (int)trial->repeated,
		"latency_ns", result_trial_latency(trial));
}

static json_t *result_trials(const struct trial_log *log)
{
	json_t *array = json_array();

	for (size_t i = 0; i < log->count; i++)
		json_array_append_new(array, result_trial(&log->result[i]));
	return array;
}

/* ---- Results ---- */

static json_t *result_goal(const struct test_size *size, size_t i)
{
	const struct mlr_goal *goal = &size->goal[i];
	const struct mlr_result *result = &size->result[i];

	return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:o, s:o, s:f, s:f}",
			 "name", goal->name,
			 "loss_ratio", goal->loss_ratio,
			 "exceed_ratio", goal->exceed_ratio,
			 "width", goal->width,
			 "initial_trial_s", goal->initial_s,
			 "final_trial_s", goal->final_s,
			 "duration_sum_s", goal->sum_s,
			 "result", test_irregular_word(result->irregular),
			 "lower_bound_pps", result_rate_or_null(result->lower),
			 "upper_bound_pps", result_rate_or_null(result->upper),
			 "throughput_pps", result->throughput,
			 "throughput_wire_bps", test_wire_bps(result->throughput, size->size));
}

static json_t *result_goals(const struct test_size *size)
{
	json_t *array = json_array();

	for (size_t i = 0; i < size->goals; i++)
		json_array_append_new(array, result_goal(size, i));
	return array;
}

static json_t *result_burst(const struct test_size *size)
{
	const struct back_to_back_result *burst = &size->burst;

	if (!size->have_burst)
		return json_null();
	return json_pack("{s:f, s:f, s:o, s:o, s:i, s:b, s:f, s:f, s:f}",
			 "frames", burst->frames,
			 "deviation", burst->deviation,
			 "min", result_count(burst->min),
			 "max", result_count(burst->max),
			 "repeats", (int)burst->repeats,
			 "longest_tried", (int)burst->endless,
			 "rate_pps", burst->rate,
			 "buffer_s", burst->implied_s,
			 "corrected_buffer_s", burst->corrected_s);
}

static json_t *result_latency(const struct test_latency *latency)
{
	const struct histogram *all = latency != NULL ? &latency->all : NULL;

	if (all == NULL || all->count == 0)
		return json_null();
	return json_pack("{s:f, s:i, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "load_pps", latency->load,
			 "trials", (int)latency->trials,
			 "count", result_count(all->count),
			 "min", result_count(all->min),
			 "avg", histogram_average(all),
			 "p50", result_count(histogram_percentile(all, 500)),
			 "p90", result_count(histogram_percentile(all, 900)),
			 "p99", result_count(histogram_percentile(all, 990)),
			 "p999", result_count(histogram_percentile(all, 999)),
			 "max", result_count(all->max),
			 "percentiles", json_percentiles(all));
}

static json_t *result_size(const struct test_size *size)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:o, s:f, s:i, s:i, s:o, s:o, s:o}",
			 "size", (int)size->size,
			 "name", size->name,
			 "line_pps", result_rate_or_null(size->line),
			 "max_load_pps", result_rate_or_null(size->max_load),
			 "min_load_pps", result_rate_or_null(size->min_load),
			 "seconds", size->seconds,
			 "first_trial", (int)size->first_trial,
			 "trials", (int)size->trials,
			 "goals", result_goals(size),
			 "back_to_back", result_burst(size),
			 "latency_ns", result_latency(size->latency));
}

static json_t *result_sizes(const struct test_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->sizes; i++)
		json_array_append_new(array, result_size(&results->size[i]));
	return array;
}

static json_t *result_limits(const struct test_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->limits; i++) {
		const struct report_limit *limit = &results->limit[i];

		json_array_append_new(array,
				      json_pack("{s:i, s:s, s:s, s:s, s:b}",
						"size", (int)limit->size,
						"name", limit->name,
						"wanted", limit->wanted,
						"measured", limit->measured,
						"kept", (int)limit->kept));
	}
	return array;
}

static json_t *result_soak(const struct test_results *results)
{
	static const char *const words[] = { "none", "loss", "latency", "rate" };
	const struct soak *soak = &results->soak;

	if (results->options->method != TEST_SOAK)
		return json_null();
	return json_pack("{s:s, s:o}", "violated", words[soak->violation],
			 "violated_at_s", soak->violation != SOAK_KEPT ? json_real(soak->violation_s) : json_null());
}

/* What moved between two samples. */
static json_t *result_series(const struct test_results *results)
{
	struct test_sample before = { 0 };
	json_t *array = json_array();

	for (size_t i = 0; i < results->samples; i++) {
		const struct test_sample *now = &results->sample[i];
		double seconds = now->at_s - before.at_s;

		json_array_append_new(
			array,
			json_pack("{s:f, s:f, s:o, s:f, s:o, s:f, s:I}", "at_s", now->at_s,
				  "seconds", seconds,
				  "tx_frames", result_count(now->sent - before.sent),
				  "tx_pps", seconds > 0 ? (double)(now->sent - before.sent) / seconds : 0,
				  "rx_frames", result_count(now->received - before.received),
				  "rx_pps", seconds > 0 ? (double)(now->received - before.received) / seconds : 0,
				  /* What seemed lost may come yet. */
				  "lost", (json_int_t)(now->lost - before.lost)));
		before = *now;
	}
	return array;
}

/* The end, as ISO 8601 has it. */
static json_t *result_time(void)
{
	time_t now = time(NULL);
	struct tm utc;
	char text[32];

	if (gmtime_r(&now, &utc) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		return json_null();
	return json_string(text);
}

/* ---- How it was measured ---- */

static json_t *result_devices(const struct test_results *results)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < results->options->names; i++) {
		const struct device_port *port = &results->device->port[i];

		json_array_append_new(
			array,
			json_pack("{s:s, s:o, s:o, s:o, s:i, s:i}", "device",
				  clean(results->options->name[i]), "mac",
				  json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", port->mac[0],
					       port->mac[1], port->mac[2], port->mac[3],
					       port->mac[4], port->mac[5]),
				  "mtu", port->mtu != 0 ? json_integer(port->mtu) : json_null(),
				  "link_mbit",
				  port->link_mbit != 0 ? json_integer(port->link_mbit) :
							 json_null(),
				  "rx_queue_size", (int)port->rx_queue_size, "tx_queue_size",
				  (int)port->tx_queue_size));
	}
	return array;
}

static json_t *result_options(const struct test_options *options)
{
	json_t *cpus = json_array();

	for (uint32_t i = 0; i < options->cpus.count; i++)
		json_array_append_new(cpus, json_integer(options->cpus.cpu[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:i, s:i, s:s, s:o, s:o}",
			 "direction", options->names == 1 ? "loop" : options->one_direction ? "one"
											    : "both",
			 "trial_s", result_seconds(options->trial_ns),
			 "initial_trial_s", result_seconds(options->initial_ns),
			 "pause_s", result_seconds(options->pause_ns),
			 "linger_s", result_seconds(options->linger_ns),
			 "width", options->width,
			 "exceed_ratio", options->exceed_ratio,
			 "step", options->step,
			 "repeats", (int)options->repeats,
			 "queues", (int)options->queues,
			 "mode", wait_mode_words[options->mode],
			 "cpus", cpus,
			 "config", json_config(&options->traffic));
}

static json_t *result_deviations(const struct test_results *results)
{
	json_t *array = json_array();

	for (const char *const *text = test_deviations(results); *text != NULL; text++)
		json_array_append_new(array, json_string(*text));
	return array;
}

static json_t *result_results(const struct test_results *results)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:s, s:i}",
			 "method", test_method_words[results->options->method],
			 "devices", result_devices(results),
			 "host", envelope_host(),
			 "options", result_options(results->options),
			 "deviations", result_deviations(results),
			 "time", result_time(),
			 "seconds", results->seconds,
			 "sizes", result_sizes(results),
			 "limits", result_limits(results),
			 "soak", result_soak(results),
			 "series", result_series(results),
			 "trials", result_trials(&results->log),
			 "load_is_of", "each direction",
			 "exit_code", results->code);
}

/* ---- Files ---- */

static int result_files(const struct test_results *results, const json_t *whole)
{
	const struct test_options *options = results->options;
	int code = CODE_OK, written = CODE_OK;

	if (options->csv != NULL)
		code = report_csv(json_object_get(whole, "trials"), options->csv);
	if (options->html != NULL)
		written = report_html(whole, options->html);
	code = code == CODE_OK ? written : code;
	if (options->hdr != NULL && results->sizes > 0 && results->size[0].latency != NULL)
		written = report_hdr(&results->size[results->sizes - 1].latency->all, options->hdr);
	return code == CODE_OK ? written : code;
}

int test_write_json(const struct test_results *results)
{
	json_t *whole = envelope_make("test", result_results(results));
	int code = CODE_OK, printed;

	if (whole == NULL) {
		say("no memory for the JSON object");
		return CODE_FAILED;
	}
	code = result_files(results, whole);
	json_decref(whole);
	if (!results->options->json)
		return code;
	printed = envelope_print("test", result_results(results));
	return code == CODE_OK ? printed : code;
}
