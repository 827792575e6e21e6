/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each call of a scenario fails once, in a process of its own, then again with the next of its errors, until there are no more
 * calls. After it the scenario has to pass. Of calls that are come to by the same way, the first does; with --all each,
 * and with --quick only with the first of its errors. --shard K/N: only each N-th of these calls, from the K-th (from 0) on;
 * --daily N: another shard of so many each day.
 *
 *   PROGRAM [--all] [--quick] [--shard K/N|--daily N] [--list] [--leaks] [--pairs N [--seed N]] [--only N[:VARIANT]]
 *           [SCENARIO...]
 */
#include "tests/fail_nth/scenario.h"

#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_SECONDS 120

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif
#ifdef ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

static struct {
	bool list, leaks, all, quick, only;
	unsigned int pairs, seed, n, variant, shard, shards;
} wanted;
static unsigned int points, failed;
static unsigned int *ways; /* of the run without a failure; in memory of both processes */

/* ---- one run ---- */

static void compare(struct nth_held before, const char *when)
{
	struct nth_held now = nth_held();

	if (now.allocations != before.allocations) {
		wrong("%s %d allocations more than before", when, (int)(now.allocations - before.allocations));
		report->frame_count = nth_kept(report->frames);
	}
	if (now.descriptors != before.descriptors)
		wrong("%s %d descriptors more than before", when, (int)(now.descriptors - before.descriptors));
	if (now.mapped != before.mapped)
		wrong("%s %ld bytes mapped more than before", when, (long)(now.mapped - before.mapped));
}

static void run_child(const struct scenario *scenario)
{
	struct nth_held before = nth_held();

	alarm(LIMIT_SECONDS);
	nth_arm();
	scenario->run();
	nth_disarm();
	report->calls = nth.calls;
	memcpy(report->failure, nth.failure, sizeof(nth.failure));
	compare(before, "afterwards");
	if (nth_made()) {
		memset(nth.failure, 0, sizeof(nth.failure));
		scenario->run();
		compare(before, "after the next time");
	}
#ifdef ADDRESS_SANITIZER
	if (wanted.leaks && __lsan_do_recoverable_leak_check())
		wrong("the sanitizer found a leak");
#endif
	fflush(NULL);
	_exit(0);
}

/* The report of a process in which these fail. */
static void run(const struct scenario *scenario, const struct nth_failure *failures, unsigned int count)
{
	int status = 0;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	memset(&nth, 0, sizeof(nth));
	nth.traces = wanted.only;
	nth.ways = count == 0 ? ways : NULL;
	for (unsigned int i = 0; i < count; i++)
		nth.failure[i] = failures[i];
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_child(scenario);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (WIFSIGNALED(status))
		wrong("ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		wrong("exit status %d", WEXITSTATUS(status));
}

/* ---- what is printed ---- */

static void print_frames(void *const *frames, int count)
{
	char command[1024];
	int used = snprintf(command, sizeof(command), "addr2line -e /proc/%d/exe -f -p -s", (int)getpid());
	extern const char __executable_start[];

	for (int i = 2; i < count && used < (int)sizeof(command) - 32; i++)
		used += snprintf(command + used, sizeof(command) - (size_t)used, " %#lx",
				 (unsigned long)((const char *)frames[i] - __executable_start - 1));
	fflush(stdout);
	if (count > 2)
		(void)!system(command);
}

static void print_failures(const struct scenario *scenario)
{
	printf("%s:", scenario->name);
	for (unsigned int i = 0; i < NTH_FAILURES && report->failure[i].n != 0; i++) {
		const struct nth_failure *f = &report->failure[i];

		printf(" %u:%u %s %s", f->n, f->variant, f->name ? f->name : "(not reached)",
		       f->error == SHORT ? "short" : f->error ? strerrorname_np(f->error)
							      : "");
	}
	printf("\n");
}

static void print_steps(void)
{
	for (unsigned int i = 0; i < report->steps; i++) {
		const struct report_step *s = &report->step[i];

		printf("    %s: %s, then %s: %s\n", s->what, strerrorname_np(-s->result),
		       s->again < 0 ? strerrorname_np(-s->again) : "0", s->text);
	}
}

static void look(const struct scenario *scenario)
{
	bool is_wrong = report->why[0] != '\0';

	points++;
	failed += is_wrong;
	if (!is_wrong && !wanted.list)
		return;
	print_failures(scenario);
	print_steps();
	if (!is_wrong)
		return;
	printf("    WRONG: %s\n", report->why);
	for (unsigned int i = 0; i < NTH_FAILURES; i++)
		print_frames(report->failure[i].frames, report->failure[i].frame_count);
	if (report->frame_count != 0) {
		printf("    made by:\n");
		print_frames(report->frames, report->frame_count);
	}
}

/* ---- all of them ---- */

static bool try_one(const struct scenario *scenario, unsigned int n, unsigned int variant)
{
	struct nth_failure failure = { .n = n, .variant = variant };

	run(scenario, &failure, 1);
	if (report->why[0] == '\0' && !report->failure[0].done)
		return false;
	if (report->failure[0].n == 0) /* it did not come so far */
		report->failure[0] = failure;
	look(scenario);
	return true;
}

/* Of its way. */
static bool is_first(unsigned int n)
{
	for (unsigned int i = 1; i < n; i++)
		if (ways[i] == ways[n])
			return false;
	return true;
}

/* The number of calls differs by a few from run to run where another process answers. */
static void try_all(const struct scenario *scenario, unsigned int calls)
{
	unsigned int chosen = 0;

	for (unsigned int n = 1; n < NTH_CALLS && failed < 50; n++) {
		unsigned int variant = 0;

		if (n <= calls && !wanted.all && !is_first(n))
			continue;
		if (n <= calls && chosen++ % wanted.shards != wanted.shard)
			continue;
		while (try_one(scenario, n, variant)) {
			variant++;
			if (wanted.quick)
				break;
		}
		if (variant == 0 && n > calls)
			break;
	}
}

static void try_pairs(const struct scenario *scenario, unsigned int calls)
{
	srandom(wanted.seed);
	for (unsigned int i = 0; i < wanted.pairs; i++) {
		struct nth_failure failures[NTH_FAILURES] = {
			{ .n = 1 + (unsigned int)random() % calls, .variant = (unsigned int)random() % 4 },
			{ .n = 1 + (unsigned int)random() % calls, .variant = (unsigned int)random() % 4 },
		};

		run(scenario, failures, 2);
		memcpy(report->failure, failures, report->failure[0].n == 0 ? sizeof(failures) : 0);
		look(scenario);
	}
}

static void do_scenario(const struct scenario *scenario)
{
	struct timespec start, end;
	unsigned int before = failed, calls;

	points = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (scenario->set_up)
		scenario->set_up();
	run(scenario, NULL, 0);
	calls = report->calls < NTH_CALLS ? report->calls : NTH_CALLS - 1;
	if (report->why[0] != '\0')
		look(scenario);
	else if (wanted.only)
		try_one(scenario, wanted.n, wanted.variant);
	else if (wanted.pairs != 0)
		try_pairs(scenario, calls);
	else
		try_all(scenario, calls);
	if (scenario->tear_down)
		scenario->tear_down();
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s: %u calls, ", scenario->name, calls);
	if (wanted.shards > 1)
		printf("shard %u/%u, ", wanted.shard, wanted.shards);
	printf("%u failures made, %u wrong, %.1f s\n", points, failed - before,
	       (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
	fflush(stdout);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 0;
}

static void *share_memory(size_t size)
{
	void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (made == MAP_FAILED)
		abort();
	return made;
}

/* Of so many, that of this day. */
static bool choose_shard(const char *shards)
{
	wanted.shards = (unsigned int)atoi(shards);
	if (wanted.shards == 0)
		return false;
	wanted.shard = (unsigned int)(time(NULL) / 86400 % wanted.shards);
	return true;
}

int main(int argc, char **argv)
{
	bool bad = false;
	int i = 1;

	wanted.seed = wanted.shards = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		wanted.list |= strcmp(argv[i], "--list") == 0;
		wanted.quick |= strcmp(argv[i], "--quick") == 0;
		wanted.all |= strcmp(argv[i], "--all") == 0;
		wanted.leaks |= strcmp(argv[i], "--leaks") == 0;
		if (strcmp(argv[i], "--pairs") == 0)
			wanted.pairs = (unsigned int)atoi(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0)
			wanted.seed = (unsigned int)atoi(argv[++i]);
		else if (strcmp(argv[i], "--shard") == 0)
			bad = sscanf(argv[++i], "%u/%u", &wanted.shard, &wanted.shards) != 2 || wanted.shard >= wanted.shards;
		else if (strcmp(argv[i], "--daily") == 0)
			bad = !choose_shard(argv[++i]);
		else if (strcmp(argv[i], "--only") == 0)
			wanted.only = sscanf(argv[++i], "%u:%u", &wanted.n, &wanted.variant) > 0;
	}
	if (bad) {
		fprintf(stderr, "--shard K/N: K from 0, less than N; --daily N: from 1\n");
		return 2;
	}
	(void)backtrace((void *[1]){ NULL }, 1); /* it loads a library the first time */
	report = share_memory(sizeof(*report));
	ways = share_memory(NTH_CALLS * sizeof(*ways));
	for (const struct scenario *s = scenarios; s->name; s++)
		if (is_wanted(s->name, argc - i, argv + i))
			do_scenario(s);
	return failed != 0;
}
