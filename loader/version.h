/* SPDX-License-Identifier: GPL-2.0-only */
/* The one place that holds the version. */
#ifndef TW_VERSION_H
#define TW_VERSION_H

#define TW_VERSION "0.1.0"

#endif
