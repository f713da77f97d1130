/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which nodes of a fleet go first. A node has a place in each cohort, for ever:
 *
 *   place = XXH64("cohort/node", seed 0) mod 1000        (libxxhash; 0..999)
 *
 * and it is in a share of S per mille where place < S. So a node that is in a
 * share is in every larger one, and each tool that has XXH64 finds the same.
 */
#ifndef TW_POLICY_COHORT_H
#define TW_POLICY_COHORT_H

#include <stdbool.h>
#include <stdint.h>

#include <tcpwarden/abi.h>

#define TW_DEFAULT_COHORT "default"
#define TW_SHARE_LEN	  8 /* "100.0%" and its NUL */

/* The node's place, 0..TW_WHOLE_SHARE-1. Names are taken byte by byte as they stand. */
unsigned tw_cohort_place(const char *cohort, const char *node);

/* Whether the node is among the first `share` per mille. */
bool tw_cohort_has(const char *cohort, const char *node, unsigned share);

/*
 * A share as people write it, "25%" or "0.1%", in per mille. -EINVAL: not of
 * that form, or more than one decimal; -ERANGE: over 100%.
 */
int tw_share_parse(const char *text, unsigned *ret_share);
const char *tw_share_format(unsigned share, char buf[static TW_SHARE_LEN]);

/* The standard step after `share`: 0.1, 1, 5, 25, 50, 100 %; of 100 % itself. */
unsigned tw_share_next(unsigned share);

/*
 * Whether `name` can be a node's: 1 to TW_NODE_LEN - 1 printable ASCII
 * characters, but no blank, slash or #, so that "cohort/node" and lists of
 * nodes are read in one way only.
 */
bool tw_node_name_valid(const char *name);
/* The same of one character of it. */
bool tw_node_name_has(char c);

#define TW_NODE_NAME_RULE "1 to 253 printable ASCII characters without blanks, \"/\" and \"#\""

#endif
