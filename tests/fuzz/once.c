// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzz target without libFuzzer: each input of a corpus once.
 *
 *   PROGRAM [--made-up N] FILE-OR-FOLDER...
 *
 * With --made-up, N inputs of pseudo-random bytes too, the same each time. A
 * finding ends the program; what it was working on is the last line but the report.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "lib/file.h"

#define LARGEST	    (1 << 20)
#define MAX_MADE_UP 512 /* bytes of such an input */

static unsigned long count;

static void run(const char *name, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	if (getenv("FUZZ_VERBOSE"))
		fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	count++;
}

static void run_file(const char *path)
{
	_cleanup_buf_ struct tw_buf buf = TW_BUF_INIT;

	if (tw_file_read(path, LARGEST, &buf) == 0)
		run(path, (const uint8_t *)buf.data, buf.len);
}

static void run_path(const char *path);

static void run_folder(const char *path)
{
	struct dirent **entries = NULL;
	int found = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < found; i++) {
		_cleanup_buf_ struct tw_buf inside = TW_BUF_INIT;

		if (entries[i]->d_name[0] != '.' &&
		    tw_buf_addf(&inside, "%s/%s", path, entries[i]->d_name) == 0)
			run_path(inside.data);
		free(entries[i]);
	}
	free(entries);
}

static void run_path(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		run_folder(path);
	else if (S_ISREG(st.st_mode))
		run_file(path);
}

/* xorshift64 (Marsaglia, 2003). */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run_made_up(unsigned long wanted)
{
	uint64_t state = 20261125;

	for (unsigned long i = 0; i < wanted; i++) {
		uint8_t data[MAX_MADE_UP];
		size_t size = next(&state) % (MAX_MADE_UP + 1);
		char name[64];

		for (size_t k = 0; k < size; k++)
			data[k] = (uint8_t)(next(&state) >> 24);
		snprintf(name, sizeof(name), "made up %lu", i);
		run(name, data, size);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--made-up") && i + 1 < argc)
			run_made_up(strtoul(argv[++i], NULL, 10));
		else
			run_path(argv[i]);
	}
	printf("%lu inputs\n", count);
	return count ? 0 : 1;
}
