// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "kernel/state.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"

/* The counts that a policy had at the last line; none for one that is new. */
static uint64_t before(const struct tw_stats *stats, const char *name, int outcome)
{
	for (uint32_t i = 0; stats->loaded && i < stats->loaded->policies; i++)
		if (!strcmp(stats->loaded->policy[i].name, name))
			return tw_counts_total(&stats->counts[i], (enum tw_outcome)outcome);
	return 0;
}

/* "default: set +3, already +1" for a policy that met sockets; its sockets set are added up. */
static void add_policy(struct tw_buf *line, const struct tw_stats *stats, const char *name,
		       const struct tw_policy_counts *counts, uint64_t *set)
{
	const char *separator = NULL;

	for (int outcome = 0; outcome < TW_OUTCOMES; outcome++) {
		uint64_t more = tw_counts_total(counts, (enum tw_outcome)outcome) -
				before(stats, name, outcome);

		if (!more)
			continue;
		if (!separator)
			tw_buf_addf(line, "; %s:", name);
		tw_buf_addf(line, "%s %s +%" PRIu64, separator ?: "",
			    tw_outcome_name((enum tw_outcome)outcome), more);
		separator = ",";
	}
	*set += tw_counts_total(counts, TW_SET);
}

static void print_line(const char *policies, uint64_t set)
{
	time_t now = time(NULL);
	char clock[16];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("%s  %" PRIu64 " sockets set%s\n", clock, set, policies);
	fflush(stdout);
}

void tw_stats_print(struct tw_stats *stats, const struct tw_maps *maps)
{
	_cleanup_free_ struct tw_policy_counts *counts = calloc(TW_MAX_POLICIES, sizeof(*counts));
	_cleanup_free_ struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	_cleanup_buf_ struct tw_buf line = TW_BUF_INIT;
	uint64_t set = 0;
	int error = counts && loaded ? 0 : -ENOMEM;

	if (!error)
		error = tw_loaded_read(maps->current, maps->loaded, loaded);
	if (!error)
		error = tw_counts_read(maps, loaded, counts);
	if (error) {
		tw_warning("cannot read the counts: %s", strerror(-error));
		return;
	}
	for (uint32_t i = 0; i < loaded->policies; i++)
		add_policy(&line, stats, loaded->policy[i].name, &counts[i], &set);
	print_line(tw_buf_string(&line), set);
	tw_stats_free(stats);
	stats->loaded = TAKE_PTR(loaded);
	stats->counts = TAKE_PTR(counts);
}

void tw_stats_free(struct tw_stats *stats)
{
	free(stats->loaded);
	free(stats->counts);
	*stats = (struct tw_stats){ 0 };
}
