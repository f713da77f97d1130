/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics as Prometheus reads them: the text format, version 0.0.4. Pure. */
#ifndef TW_DAEMON_METRICS_H
#define TW_DAEMON_METRICS_H

#include "lib/buf.h"

struct tw_overview;

#define TW_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Append all metrics. Labels are policies' names and fixed words, so there are no more series than those. -ENOMEM. */
int tw_metrics_render(const struct tw_overview *overview, struct tw_buf *buf);

/* Append a label's value: \, " and line ends escaped. -ENOMEM. */
int tw_metrics_escape(const char *value, struct tw_buf *buf);

#endif
