/* SPDX-License-Identifier: GPL-2.0-only */
/* The nodes of a fleet, as a file lists them. */
#ifndef TW_NODE_FLEET_H
#define TW_NODE_FLEET_H

#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/diag.h"

#define TW_MAX_FLEET	  100000	     /* nodes in a file */
#define TW_MAX_FLEET_FILE (16 * 1024 * 1024) /* bytes */

struct tw_fleet {
	char **nodes; /* in the file's order */
	size_t count;
};

#define TW_FLEET_INIT ((struct tw_fleet){ 0 })

void tw_fleet_free(struct tw_fleet *fleet);
#define _cleanup_fleet_ _cleanup_(tw_fleet_free)

/*
 * Read `path`, "-" for standard input: a node's name on each line, blank lines
 * and what follows a # left out. -EINVAL: all that is wrong is in `diags`
 * (a name that cannot be one, or stands there twice, too many, none at all).
 * Other errors: also in diags, where the file cannot be read. -ENOMEM: not in
 * diags.
 */
int tw_fleet_load(const char *path, struct tw_diags *diags, struct tw_fleet *ret_fleet);

/* The same of text in memory; `name` is what diagnostics call it. */
int tw_fleet_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		   struct tw_fleet *ret_fleet);

#endif
