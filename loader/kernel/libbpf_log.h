/* SPDX-License-Identifier: GPL-2.0-only */
/* libbpf's own output: kept, and logged for who debugs, so that an error can quote its first warning. */
#ifndef TW_KERNEL_LIBBPF_LOG_H
#define TW_KERNEL_LIBBPF_LOG_H

void tw_libbpf_log_capture(void);

/* The first warning since the capture began, without "libbpf: " and line end; "" where there was none. */
const char *tw_libbpf_log_first(void);

#endif
