/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target without libFuzzer: driver CORPUS [RUNS [--whole]]. Each file of the folder as it is and (not with --whole)
 * cut at each byte, or at fewer places if there is much; then mutations, several on top of each other. A failure leaves the
 * input in fuzz-input. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define FILES_MAX 16384u
#define SIZE_MAX_BYTES 65536u
#define CUT_BYTES_MAX 4096u
#define CUTS_MAX 6000u

struct driver_input {
	size_t size;
	uint8_t bytes[SIZE_MAX_BYTES];
};

static struct driver_input *driver_file[FILES_MAX];
static size_t driver_files, driver_total;
static struct driver_input driver_now; /* what is being run */
static uint64_t driver_state = 1;

static uint64_t driver_random(uint64_t limit)
{
	uint64_t z = driver_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % limit;
}

static void driver_failed(int number)
{
	FILE *file = fopen("fuzz-input", "w");

	if (file != NULL) {
		fwrite(driver_now.bytes, 1, driver_now.size, file);
		fclose(file);
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void driver_read(const char *folder, const char *name)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (file == NULL || driver_files == FILES_MAX)
		exit(1);
	driver_now.size = fread(driver_now.bytes, 1, SIZE_MAX_BYTES, file);
	driver_file[driver_files] = malloc(offsetof(struct driver_input, bytes) + driver_now.size);
	if (driver_file[driver_files] == NULL)
		exit(1);
	memcpy(driver_file[driver_files], &driver_now, offsetof(struct driver_input, bytes) + driver_now.size);
	driver_total += driver_now.size;
	driver_files++;
	fclose(file);
}

/* In the order of their names, so that each run is the same. */
static void driver_read_all(const char *folder)
{
	struct dirent **entry;
	int count = scandir(folder, &entry, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entry[i]->d_name[0] != '.')
			driver_read(folder, entry[i]->d_name);
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
	if (driver_files == 0) {
		fprintf(stderr, "no corpus in %s\n", folder);
		exit(1);
	}
}

/* Put `size` bytes in the place of `gone` at `at`, as far as there is room. */
static void driver_replace(size_t at, size_t gone, const uint8_t *bytes, size_t size)
{
	size_t rest = driver_now.size - at - gone;

	if (at + size + rest > SIZE_MAX_BYTES)
		return;
	memmove(driver_now.bytes + at + size, driver_now.bytes + at + gone, rest);
	if (size > 0)
		memmove(driver_now.bytes + at, bytes, size);
	driver_now.size = at + size + rest;
}

static void driver_mutate(void)
{
	static const uint8_t odd[] = { 0, '\n', '\t', ' ', '"', '\'', ':', '-', '[', '{', '}', ']', ',', '&', '*', '!', '#', 0x80, 0xff };
	static uint8_t piece[SIZE_MAX_BYTES];
	const struct driver_input *other = driver_file[driver_random(driver_files)];
	size_t at = driver_random(driver_now.size + 1), left = driver_now.size - at;
	size_t some = left == 0 ? 0 : driver_random(left < 64 ? left : 64), from, words = 0;

	while (fuzz_words[words] != NULL)
		words++;
	switch (driver_random(6)) {
	case 0: /* a bit */
		if (left > 0)
			driver_now.bytes[at] ^= (uint8_t)(1u << driver_random(8));
		break;
	case 1: /* less */
		driver_replace(at, some, NULL, 0);
		break;
	case 2: /* a word */
		from = driver_random(words);
		driver_replace(at, some, (const uint8_t *)fuzz_words[from], strlen(fuzz_words[from]));
		break;
	case 3: /* a byte that means something */
		driver_replace(at, driver_random(2) && left > 0, &odd[driver_random(sizeof(odd))], 1);
		break;
	case 4: /* the same again */
		memcpy(piece, driver_now.bytes + at, some);
		driver_replace(at, 0, piece, some);
		break;
	default: /* something of another file */
		from = driver_random(other->size + 1);
		driver_replace(at, some, other->bytes + from, driver_random(other->size - from + 1) % 200);
	}
}

static void driver_copy(const struct driver_input *file)
{
	memcpy(&driver_now, file, offsetof(struct driver_input, bytes) + file->size);
}

static void driver_run(void)
{
	LLVMFuzzerTestOneInput(driver_now.bytes, driver_now.size);
}

int main(int argc, char **argv)
{
	uint64_t runs = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000;
	size_t step;
	bool whole = argc > 3 && strcmp(argv[3], "--whole") == 0;

	if (argc < 2)
		return 2;
	signal(SIGABRT, driver_failed);
	signal(SIGSEGV, driver_failed);
	driver_read_all(argv[1]);
	step = 1 + driver_total / CUTS_MAX;
	for (size_t i = 0; i < driver_files; i++)
		for (size_t size = driver_file[i]->size + 1; size-- > 0;) {
			if ((whole || size > CUT_BYTES_MAX || size % step != 0) && size != driver_file[i]->size)
				continue;
			driver_copy(driver_file[i]);
			driver_now.size = size;
			driver_run();
		}
	for (uint64_t i = 0; i < runs; i++) {
		driver_copy(driver_file[driver_random(driver_files)]);
		for (uint64_t times = 1 + driver_random(8); times > 0; times--)
			driver_mutate();
		driver_run();
	}
	printf("%zu files, %ju mutations\n", driver_files, (uintmax_t)runs);
	return 0;
}
