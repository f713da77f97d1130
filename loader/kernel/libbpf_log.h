/* SPDX-License-Identifier: GPL-2.0-only */
/* libbpf's own output: kept, and logged for who debugs, so that an error can quote its first warning. */
#ifndef TW_KERNEL_LIBBPF_LOG_H
#define TW_KERNEL_LIBBPF_LOG_H

#include <stdbool.h>

void tw_libbpf_log_capture(void);

/* The first warning since the capture began, without "libbpf: " and line end; "" where there was none. */
const char *tw_libbpf_log_first(void);

/* Whether libbpf finds this kernel's types, without which no program fits it. */
bool tw_libbpf_knows_kernel(void);

/*
 * Why the kernel did not take a program or a map: what people can mend, else
 * libbpf's first warning. `error` is the negative errno. In a static buffer.
 */
const char *tw_libbpf_why(int error);

#endif
