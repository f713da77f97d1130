// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "daemon/overview.h"
#include "daemon/page_output.h"

/* The plot, in units of its view box. */
#define LEFT   44
#define TOP    10
#define WIDTH  720
#define HEIGHT 150
#define COLUMN (WIDTH / TW_OVERVIEW_MINUTES)

static void add_key(struct tw_page_output *output, int series, const char *name, uint64_t number)
{
	tw_page_add(output,
		    "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"s%d\" "
		    "width=\"10\" height=\"10\" rx=\"2\"/></svg>%s ",
		    series, name);
	tw_page_number(output, number);
	tw_page_add(output, "</li>");
}

/* --- deaths ------------------------------------------------------------------------------ */

static uint64_t of_minute(const struct tw_overview *overview, size_t minute)
{
	uint64_t sum = 0;

	for (int r = 0; r < TW_REASONS; r++)
		sum += overview->deaths[minute][r];
	return sum;
}

/* The next of 1, 2, 5, 10, 20, 50 and so on that is not below `value`. */
static uint64_t round_up(uint64_t value)
{
	static const unsigned steps[] = { 1, 2, 5 };

	for (uint64_t power = 1;; power *= 10)
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
			if (steps[i] * power >= value)
				return steps[i] * power;
}

static void add_axes(struct tw_page_output *output, uint64_t top)
{
	static const char *const marks[] = { "-60 min", "-45 min", "-30 min", "-15 min", "now" };

	tw_page_add(output,
		    "<path class=\"grid\" d=\"M%d %dh%d\"/><path class=\"axis\" d=\"M%d %dh%d\"/>",
		    LEFT, TOP, WIDTH, LEFT, TOP + HEIGHT, WIDTH);
	tw_page_add(output,
		    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRIu64 "</text>"
		    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>",
		    LEFT - 6, TOP + 5, top, LEFT - 6, TOP + HEIGHT + 4);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		tw_page_add(output, "<text x=\"%zu\" y=\"%d\" text-anchor=\"%s\">%s</text>",
			    LEFT + i * WIDTH / (ARRAY_SIZE(marks) - 1), TOP + HEIGHT + 20,
			    i == 0			 ? "start"
			    : i == ARRAY_SIZE(marks) - 1 ? "end"
							 : "middle",
			    marks[i]);
}

static void add_minute(struct tw_page_output *output, size_t minute, uint64_t top)
{
	const uint32_t *dead = output->page->overview->deaths[minute];
	double bottom = TOP + HEIGHT;

	for (int r = 0; r < TW_REASONS; r++) {
		double height = (double)dead[r] * HEIGHT / (double)top;

		if (!dead[r])
			continue;
		bottom -= height;
		tw_page_add(output,
			    "<rect class=\"s%d\" x=\"%zu\" y=\"%.1f\" width=\"%d\" "
			    "height=\"%.1f\"><title>%zu minutes ago: %" PRIu32 " %s</title></rect>",
			    r, LEFT + minute * COLUMN + 1, bottom, COLUMN - 2, height,
			    TW_OVERVIEW_MINUTES - 1 - minute, dead[r],
			    tw_reason_name((enum tw_reason)r));
	}
}

static void add_deaths_key(struct tw_page_output *output)
{
	const struct tw_overview *overview = output->page->overview;

	tw_page_add(output, "<ul class=\"key\">");
	for (int r = 0; r < TW_REASONS; r++) {
		uint64_t sum = 0;

		for (size_t minute = 0; minute < TW_OVERVIEW_MINUTES; minute++)
			sum += overview->deaths[minute][r];
		add_key(output, r, tw_reason_name((enum tw_reason)r), sum);
	}
	tw_page_add(output, "</ul>");
}

void tw_page_deaths(struct tw_page_output *output)
{
	const struct tw_overview *overview = output->page->overview;
	uint64_t most = 1, sum = 0;

	for (size_t minute = 0; minute < TW_OVERVIEW_MINUTES; minute++) {
		uint64_t dead = of_minute(overview, minute);

		sum += dead;
		most = dead > most ? dead : most;
	}
	most = round_up(most);
	tw_page_add(output,
		    "<svg id=\"deaths\" viewBox=\"0 0 768 184\" role=\"img\" aria-label=\"Dead "
		    "connections by minute over the last hour: %" PRIu64 " in all\">",
		    sum);
	add_axes(output, most);
	for (size_t minute = 0; minute < TW_OVERVIEW_MINUTES; minute++)
		add_minute(output, minute, most);
	tw_page_add(output, "</svg>");
	add_deaths_key(output);
}

/* --- verdicts ---------------------------------------------------------------------------- */

#define BAR 1000

void tw_page_verdicts(struct tw_page_output *output)
{
	/* What is well is blue, what is not is orange, as far as there are colours. */
	static const int series[] = {
		[TW_VERDICT_OK] = 0,	 [TW_VERDICT_APP] = 2,	   [TW_VERDICT_DIFFERS] = 1,
		[TW_VERDICT_EXEMPT] = 3, [TW_VERDICT_PENDING] = 5, [TW_VERDICT_NONE] = 4
	};
	const struct tw_audit *audit = tw_overview_audit(output->page->overview);
	uint64_t sum = 0, before = 0;

	for (size_t v = 0; v < TW_VERDICTS; v++)
		sum += audit->sockets[v];
	tw_page_add(output,
		    "<svg viewBox=\"0 0 %d 24\" preserveAspectRatio=\"none\" aria-hidden=\"true\" "
		    "height=\"24\">",
		    BAR);
	for (size_t v = 0; v < TW_VERDICTS && sum; v++) {
		double from = (double)before * BAR / (double)sum;

		before += audit->sockets[v];
		tw_page_add(output, "<rect class=\"s%d\" x=\"%.1f\" width=\"%.1f\" height=\"24\"/>",
			    v < ARRAY_SIZE(series) ? series[v] : 4, from,
			    (double)audit->sockets[v] * BAR / (double)sum);
	}
	tw_page_add(output, "</svg><ul class=\"key\">");
	for (size_t v = 0; v < TW_VERDICTS; v++)
		add_key(output, v < ARRAY_SIZE(series) ? series[v] : 4, tw_verdict_names[v],
			audit->sockets[v]);
	tw_page_add(output, "</ul>");
}
