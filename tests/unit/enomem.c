// SPDX-License-Identifier: GPL-2.0-only
#include "enomem.h"

#include "unit.h"

#include <dirent.h>
#include <event2/event.h>
#include <jansson.h>
#include <malloc.h>
#include <search.h>
#include <unistd.h>

static struct {
	unsigned countdown; /* to the allocation that fails; 0: none does */
	bool lasting;	    /* and all behind it */
	bool failed;
	bool shown;   /* where that is */
	bool library; /* one of libyaml's own failed */
} plan;

/* Of the headers in <sanitizer/>, which gcc does not install all. */
size_t __sanitizer_get_current_allocated_bytes(void);
void __sanitizer_print_stack_trace(void);
void __lsan_ignore_object(const void *memory);

/* Whether the allocation at hand is to fail. */
static bool fails(void)
{
	if (!plan.countdown)
		return false;
	if (plan.countdown > 1) {
		plan.countdown--;
		return false;
	}
	if (!plan.lasting)
		plan.countdown = 0;
	if (plan.shown && !plan.failed)
		__sanitizer_print_stack_trace();
	plan.failed = true;
	errno = ENOMEM;
	return true;
}

/* --- what the linker puts in the place of the libc's ------------------------------------------ */

#define WRAP(type, name, params, args, failure) \
	type __real_##name params;              \
	type __wrap_##name params;              \
	type __wrap_##name params               \
	{                                       \
		if (fails())                    \
			return failure;         \
		return __real_##name args;      \
	}

WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(void *, realloc, (void *memory, size_t size), (memory, size), NULL)
WRAP(void *, reallocarray, (void *memory, size_t count, size_t size), (memory, count, size), NULL)
WRAP(char *, strdup, (const char *text), (text), NULL)
WRAP(char *, strndup, (const char *text, size_t len), (text, len), NULL)
/* What <bits/stdio.h> makes of getline(3). */
WRAP(ssize_t, __getdelim, (char **line, size_t *size, int end, FILE *file), (line, size, end, file),
     -1)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL)
WRAP(DIR *, opendir, (const char *path), (path), NULL)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(int, scandir,
     (const char *path, struct dirent ***list, int (*choose)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, list, choose, compare), -1)
WRAP(void *, tsearch, (const void *key, void **root, int (*compare)(const void *, const void *)),
     (key, root, compare), NULL)

__attribute__((format(printf, 2, 0))) int __real_vasprintf(char **ret_text, const char *format,
							   va_list args);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **ret_text, const char *format,
							   va_list args);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **ret_text, const char *format, ...);

int __wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
	return fails() ? -1 : __real_vasprintf(ret_text, format, args);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = __wrap_vasprintf(ret_text, format, args);
	va_end(args);
	return len;
}

/* --- what libraries allocate by ------------------------------------------------------------------ */

/*
 * libyaml calls these by name, so ours stand before its own. Where one of its
 * own allocations fails, version 0.2.5 loses the stack of yaml_parser_load();
 * then, and only then, what it holds is left out of the account.
 */
void *yaml_malloc(size_t size);
void *yaml_realloc(void *memory, size_t size);
void yaml_free(void *memory);
char *yaml_strdup(const char *text);

static size_t library_bytes;

static void *account(void *memory, size_t before)
{
	if (!memory) {
		plan.library = true;
		return NULL;
	}
	library_bytes += malloc_usable_size(memory) - before;
	if (plan.countdown)
		__lsan_ignore_object(memory);
	return memory;
}

void *yaml_malloc(size_t size)
{
	return account(__wrap_malloc(size ? size : 1), 0);
}

void *yaml_realloc(void *memory, size_t size)
{
	return account(__wrap_realloc(memory, size ? size : 1), malloc_usable_size(memory));
}

char *yaml_strdup(const char *text)
{
	return text ? account(__wrap_strdup(text), 0) : NULL;
}

void yaml_free(void *memory)
{
	library_bytes -= malloc_usable_size(memory);
	free(memory);
}

__attribute__((constructor)) static void take_over(void)
{
	json_set_alloc_funcs(__wrap_malloc, free);
	event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
}

/* --- one after the other --------------------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
	DIR *fds = __real_opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(fds);
	while (readdir(fds))
		count++;
	closedir(fds);
	return count;
}

/* What is held now: memory and descriptors. */
struct held {
	size_t bytes;	/* without libyaml's */
	size_t library; /* libyaml's */
	unsigned descriptors;
};

static struct held held_now(void)
{
	size_t all = __sanitizer_get_current_allocated_bytes();

	return (struct held){ all - library_bytes, library_bytes, open_descriptors() };
}

static bool is_left(const struct held *before, const struct held *after)
{
	return after->bytes > before->bytes || after->descriptors > before->descriptors ||
	       (after->library > before->library && !plan.library);
}

/* Fail allocation `n`; false: there are not so many. */
static bool fail_one(enomem_fn run, void *data, unsigned n, bool lasting, int *ret_result)
{
	plan.countdown = n;
	plan.lasting = lasting;
	plan.failed = plan.library = false;
	*ret_result = run(data);
	plan.countdown = 0;
	return plan.failed;
}

/* Once more, to show which allocation it is. */
static void show(enomem_fn run, void *data, unsigned n, bool lasting)
{
	int result;

	plan.shown = true;
	fail_one(run, data, n, lasting, &result);
	plan.shown = false;
}

static unsigned fail_each(enomem_fn run, void *data, bool lasting, int success, int also)
{
	const char *how = lasting ? "with all after it" : "alone";
	unsigned n = 1;
	int result;

	for (;; n++) {
		struct held before = held_now(), after;

		if (!fail_one(run, data, n, lasting, &result))
			break;
		after = held_now();
		if ((result == also || result == -ENOMEM) && !is_left(&before, &after))
			continue;
		show(run, data, n, lasting);
		fail_msg("allocation %u failed (%s): the result is %d, and %zd bytes, %zd of "
			 "libyaml's and %d descriptors are left",
			 n, how, result, (ssize_t)(after.bytes - before.bytes),
			 (ssize_t)(after.library - before.library),
			 (int)(after.descriptors - before.descriptors));
	}
	assert_int_equal(result, success);
	return n - 1;
}

unsigned enomem_each(enomem_fn run, void *data, int success, int also)
{
	unsigned count;

	/* What libraries keep for themselves, they take the first time. */
	assert_int_equal(run(data), success);
	count = fail_each(run, data, false, success, also);
	assert_int_equal(fail_each(run, data, true, success, also) > 0, count > 0);
	return count;
}
