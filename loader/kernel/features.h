/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel, these mounts and these capabilities allow: probed, never guessed from versions. */
#ifndef TW_KERNEL_FEATURES_H
#define TW_KERNEL_FEATURES_H

#include <stddef.h>

enum tw_check_status {
	TW_CHECK_OK,
	TW_CHECK_DEGRADED, /* works, with the loss that the detail names */
	TW_CHECK_MISSING,  /* enforcement is not possible */
};

struct tw_check {
	const char *name;
	enum tw_check_status status;
	char detail[512];
	char remedy[256]; /* what a person can do; "" where nothing is to be done */
};

#define TW_MAX_CHECKS 48

/* Fill a check; the remedy is left out of one that is ok. */
void tw_check_set(struct tw_check *ret_check, const char *name, enum tw_check_status status,
		  const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Probe everything; the number of checks written to `ret_checks`, at most TW_MAX_CHECKS. */
size_t tw_features_probe(struct tw_check ret_checks[static TW_MAX_CHECKS]);

#endif
