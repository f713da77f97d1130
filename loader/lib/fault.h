/* SPDX-License-Identifier: GPL-2.0-only */
/* Why an operation failed, in one line for people: what was tried, on what, why, what to do. */
#ifndef TW_LIB_FAULT_H
#define TW_LIB_FAULT_H

#define TW_FAULT_LEN 1024

struct tw_fault {
	char text[TW_FAULT_LEN];
};

#define TW_FAULT_INIT ((struct tw_fault){ "" })

/*
 * Set the text and return `error` (a negative errno), so that a caller can
 * write `return tw_fault(...)`. The format says it all; `%m` works on -error.
 */
int tw_fault(struct tw_fault *fault, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
