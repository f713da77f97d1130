/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the kernel gives a dead peer up: pure arithmetic on a socket's options
 * and its namespace's settings, as ranges. A kernel timer is never early and at
 * most an eighth late a stage (kernel/time/timer.c, FACTS.md section 5), so the
 * start of a range is what the formula says and its end is what lateness makes
 * of it. Modelled are Linux 5.10.223 and later:
 *
 *   idle         tcp_keepalive_timer()
 *   busy         tcp_retransmit_timer(), tcp_write_timeout(), retransmits_timed_out(),
 *                tcp_model_timeout(), tcp_clamp_rto_to_user_timeout()
 *   zero window  tcp_probe_timer(), tcp_send_probe0(), tcp_clamp_probe0_to_user_timeout()
 *   connect      tcp_write_timeout() in SYN_SENT
 */
#ifndef TW_POLICY_TIMING_H
#define TW_POLICY_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

#include "lib/buf.h"

/* What of the times is not the socket's: sysctls of its namespace, and its path. */
struct tw_timing_system {
	unsigned retries2;     /* net.ipv4.tcp_retries2 */
	unsigned syn_retries;  /* net.ipv4.tcp_syn_retries */
	unsigned syn_linear;   /* net.ipv4.tcp_syn_linear_timeouts; 0 before Linux 6.5 */
	uint32_t rto_least_ms; /* the retransmission timeout when the peer goes silent is */
	uint32_t rto_most_ms;  /* not below the one, nor above the other */
	uint32_t rto_cap_ms;   /* what backing off ends at: net.ipv4.tcp_rto_max_ms, TCP_RTO_MAX */
};

/* The kernel's own values, and a path whose round trip is under about 0.8 s: RFC 6298's 1 s. */
#define TW_TIMING_SYSTEM_DEFAULT      \
	((struct tw_timing_system){   \
		.retries2 = 15,       \
		.syn_retries = 6,     \
		.syn_linear = 4,      \
		.rto_least_ms = 200,  \
		.rto_most_ms = 1000,  \
		.rto_cap_ms = 120000, \
	})

/* From one event to the socket's end, in milliseconds. */
struct tw_time_range {
	bool never;
	uint64_t min_ms;
	uint64_t max_ms;
};

struct tw_timing {
	struct tw_time_range idle;	  /* nothing in flight; from the last segment received */
	struct tw_time_range busy;	  /* data in flight; from its first transmission */
	struct tw_time_range zero_window; /* data queued; from when the window closed */
	struct tw_time_range connect;	  /* from the first SYN */
	unsigned probes_min;		  /* unanswered keepalive probes before the idle end */
	unsigned probes_max;
};

/* `options` holds effective values: the sysctl's in a timer that is not set. */
void tw_timing_predict(const struct tw_options *options, const struct tw_timing_system *system,
		       struct tw_timing *ret_timing);

/*
 * The formula behind each range, in words, without a full stop. -ENOMEM; what
 * is in the buffer before stays.
 */
int tw_timing_idle_words(const struct tw_options *options, const struct tw_timing *timing,
			 struct tw_buf *buf);
int tw_timing_busy_words(const struct tw_options *options, const struct tw_timing_system *system,
			 struct tw_buf *buf);
int tw_timing_zero_window_words(const struct tw_options *options,
				const struct tw_timing_system *system, struct tw_buf *buf);
int tw_timing_connect_words(const struct tw_options *options, const struct tw_timing_system *system,
			    struct tw_buf *buf);

/* How long data may stay unacknowledged with no user timeout: what tcp_retries2 comes to. */
uint64_t tw_timing_retries2_ms(unsigned retries2, uint32_t rto_cap_ms);

#endif
