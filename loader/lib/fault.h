/* SPDX-License-Identifier: GPL-2.0-only */
/* Why an operation failed, in one line for people: what was tried, on what, why, what to do. */
#ifndef TW_LIB_FAULT_H
#define TW_LIB_FAULT_H

#include <errno.h>

#define TW_FAULT_LEN 1024

struct tw_fault {
	char text[TW_FAULT_LEN];
};

#define TW_FAULT_INIT ((struct tw_fault){ "" })

/* The format says it all; `%m` works on -error. */
void tw_fault_say(struct tw_fault *fault, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Set the text, and be `error` (a negative errno), so that a caller can write
 * `return tw_fault(...)`. A macro: what reads one file at a time sees the value.
 */
#define tw_fault(fault, error, ...)                       \
	({                                                \
		int _error = (error);                     \
		tw_fault_say(fault, _error, __VA_ARGS__); \
		_error;                                   \
	})

/* The errno of what failed just now, as an error: not 0, even where a library forgot to set it. */
static inline int tw_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

#endif
