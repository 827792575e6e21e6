/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/compare/bare.h"

enum { TRIPS = 200, SAMPLES = 200, SLOTS = 256 };

static struct { _Alignas(128) uint64_t value; } ball;

static struct {
	struct { _Alignas(128) uint64_t head; };
	struct { _Alignas(128) uint64_t tail; };
	struct { _Alignas(128) uint64_t word[8]; } slot[SLOTS];
	bool stop;
} bare;

void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

static void *return_ball(void *unused)
{
	(void)unused;
	pin_to(1);
	for (uint64_t i = 0; i < TRIPS * SAMPLES; i++) {
		while (__atomic_load_n(&ball.value, __ATOMIC_ACQUIRE) != 2 * i + 1)
			;
		__atomic_store_n(&ball.value, 2 * i + 2, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double probe_line(void)
{
	static double sample[SAMPLES];
	pthread_t thread;

	ball.value = 0;
	pin_to(0);
	pthread_create(&thread, NULL, return_ball, NULL);
	for (uint64_t s = 0, i = 0; s < SAMPLES; s++) {
		double begin = seconds();

		for (int k = 0; k < TRIPS; k++, i++) {
			__atomic_store_n(&ball.value, 2 * i + 1, __ATOMIC_RELEASE);
			while (__atomic_load_n(&ball.value, __ATOMIC_ACQUIRE) != 2 * i + 2)
				;
		}
		sample[s] = (seconds() - begin) * 1e9 / TRIPS;
	}
	pthread_join(thread, NULL);
	qsort(sample, SAMPLES, sizeof(sample[0]), by_value);
	return sample[SAMPLES / 2];
}

struct consumer {
	volatile uint64_t sum; /* so that the payloads are read */
	double cpu;
};

static void *consume(void *argument)
{
	struct consumer *consumer = argument;
	uint64_t tail = 0, sum = 0;
	double begin, used;

	pin_to(1);
	begin = seconds();
	used = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	while (!__atomic_load_n(&bare.stop, __ATOMIC_RELAXED)) {
		uint64_t head = __atomic_load_n(&bare.head, __ATOMIC_ACQUIRE);

		if (head == tail)
			continue;
		for (; tail != head; tail++)
			for (unsigned int i = 0; i < 8; i++)
				sum += bare.slot[tail % SLOTS].word[i];
		__atomic_store_n(&bare.tail, tail, __ATOMIC_RELEASE);
	}
	used = seconds_of(CLOCK_THREAD_CPUTIME_ID) - used;
	consumer->cpu = used / (seconds() - begin);
	consumer->sum = sum;
	return NULL;
}

double measure_bare(unsigned int ms, double *cpu)
{
	uint64_t head = 0, tail = 0, turn = 0;
	double begin, used, elapsed = 0;
	struct consumer consumer;
	pthread_t thread;

	memset(&bare, 0, sizeof(bare));
	pin_to(0);
	pthread_create(&thread, NULL, consume, &consumer);
	used = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	begin = seconds();
	while ((++turn & 0xfff) != 0 || (elapsed = seconds() - begin) < ms / 1e3) {
		if (SLOTS - (head - tail) < 32) {
			tail = __atomic_load_n(&bare.tail, __ATOMIC_ACQUIRE);
			continue;
		}
		for (unsigned int k = 0; k < 32; k++, head++)
			for (unsigned int i = 0; i < 8; i++)
				bare.slot[head % SLOTS].word[i] = head;
		__atomic_store_n(&bare.head, head, __ATOMIC_RELEASE);
	}
	used = seconds_of(CLOCK_THREAD_CPUTIME_ID) - used;
	__atomic_store_n(&bare.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	*cpu = used / elapsed < consumer.cpu ? used / elapsed : consumer.cpu;
	return (double)head / elapsed / 1e6;
}
