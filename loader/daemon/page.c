// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/page.h"

#include <string.h>

#include "daemon/overview.h"
#include "daemon/page_output.h"
#include "kernel/checks.h"
#include "policy/canon.h"
#include "policy/cohort.h"
#include "version.h"

static const struct tw_overview *overview_of(const struct tw_page_output *output)
{
	return output->page->overview;
}

/* --- problems ------------------------------------------------------------------------ */

static void add_problem(struct tw_page_output *output, const char *class, const char *name,
			const char *detail, const char *remedy)
{
	tw_page_add(output, "<li class=\"%s\"><strong>", class);
	tw_page_text(output, name);
	tw_page_add(output, "</strong> <span>");
	tw_page_text(output, detail);
	if (remedy[0]) {
		tw_page_add(output, "<br>&rarr; ");
		tw_page_text(output, remedy);
	}
	tw_page_add(output, "</span></li>");
}

static void add_differing(struct tw_page_output *output)
{
	const struct tw_audit *audit = tw_overview_audit(overview_of(output));
	char detail[128];

	if (!audit || !audit->sockets[TW_VERDICT_DIFFERS])
		return;
	snprintf(detail, sizeof(detail), "%llu open sockets should carry their policy and do not",
		 (unsigned long long)audit->sockets[TW_VERDICT_DIFFERS]);
	add_problem(output, "warn", "differing", detail,
		    "which they are: `tcpwarden sockets --verdict differs`");
}

static void add_problems(struct tw_page_output *output, enum tw_check_status status,
			 const char *class)
{
	const struct tw_page *page = output->page;

	for (size_t i = 0; i < page->check_count; i++) {
		const struct tw_check *check = &page->checks[i];

		if (check->status == status)
			add_problem(output, class, check->name, check->detail, check->remedy);
	}
}

static void problems(struct tw_page_output *output)
{
	const struct tw_overview *overview = overview_of(output);
	const size_t none = output->buf->len;
	size_t start;

	tw_page_add(output, "<section id=\"problems\"><h2>Problems</h2><ul class=\"problems\">");
	start = output->buf->len;
	if (!overview->ready)
		add_problem(output, "bad", "not enforcing", overview->not_ready, "");
	if (overview->refusal)
		add_problem(output, "bad", "policy refused", overview->refusal,
			    "the one that ran before still runs");
	add_problems(output, TW_CHECK_MISSING, "bad");
	add_differing(output);
	add_problems(output, TW_CHECK_DEGRADED, "warn");
	if (output->buf->len > start) {
		tw_page_add(output, "</ul></section>");
		return;
	}
	tw_buf_truncate(output->buf, none);
	if (!output->page->check_count) {
		tw_page_add(output, "<section id=\"problems\"><h2>Problems</h2><p>This node is "
				    "being looked at; reload in a moment.</p></section>");
		return;
	}
	tw_page_add(output,
		    "<section id=\"problems\"><h2>Problems</h2><p class=\"good\">None. What "
		    "<code>tcpwarden doctor</code> looks at is well.</p></section>");
}

/* --- what is in force --------------------------------------------------------------------- */

static void term(struct tw_page_output *output, const char *name)
{
	tw_page_add(output, "<dt>%s</dt><dd>", name);
}

static void in_force(struct tw_page_output *output)
{
	const struct tw_overview *overview = overview_of(output);
	char digest[TW_DIGEST_LEN];

	tw_page_add(output, "<section id=\"in-force\"><h2>In force</h2><dl>");
	term(output, "At and below cgroup");
	tw_page_add(output, "<code>");
	tw_page_text(output, overview->attach_path);
	tw_page_add(output, "</code></dd>");
	term(output, "Policy");
	tw_page_add(output, "generation %llu, digest <code>%s</code></dd>",
		    (unsigned long long)overview->loaded.number,
		    tw_digest_format(overview->loaded.digest, digest));
	term(output, "Loaded");
	tw_page_time(output, overview->loaded.at_ns);
	tw_page_add(output, "</dd>");
	term(output, "Cgroups known");
	tw_page_number(output, overview->cgroups);
	tw_page_add(output, "</dd>");
	term(output, "Sweeps");
	tw_page_number(output, overview->sweeps.full.count);
	tw_page_add(output, ", open connections changed by them: ");
	tw_page_number(output, overview->sweeps.sockets.written);
	tw_page_add(output, "</dd>");
	term(output, "Version");
	tw_page_add(output, "%s</dd></dl></section>", TW_VERSION);
}

/* --- by policy ------------------------------------------------------------------------------ */

static void cell(struct tw_page_output *output, uint64_t number)
{
	tw_page_add(output, number ? "<td>" : "<td class=\"zero\">");
	tw_page_number(output, number);
	tw_page_add(output, "</td>");
}

static uint64_t dead(const struct tw_tally *tally)
{
	uint64_t sum = 0;

	for (int r = 0; r < TW_REASONS; r++)
		sum += tally->dead[r];
	return sum;
}

/* What it does here, and why where it is not what the policy says. */
static void mode(struct tw_page_output *output, const struct tw_loaded_policy *policy)
{
	char share[TW_SHARE_LEN];

	tw_share_format(policy->rollout, share);
	if (!(policy->here & TW_HERE_SELECTED))
		tw_page_add(output, "not on this node");
	else if (policy->here & TW_HERE_TRIPPED)
		tw_page_add(output, "<strong class=\"bad\">observe: its guard tripped</strong>");
	else if (!(policy->here & TW_HERE_IN_SHARE))
		tw_page_add(output, "observe: outside its %s", share);
	else if (policy->flags & TW_POLICY_OBSERVE)
		tw_page_add(output, "observe");
	else if (policy->rollout != TW_WHOLE_SHARE)
		tw_page_add(output, "enforce: inside its %s", share);
	else
		tw_page_add(output, "enforce");
}

static void policy_row(struct tw_page_output *output, uint32_t i)
{
	const struct tw_overview *overview = overview_of(output);
	const struct tw_loaded_policy *policy = &overview->loaded.policy[i];

	tw_page_add(output, "<tr><th scope=\"row\">");
	tw_page_text(output, policy->name);
	tw_page_add(output, "</th><td class=\"text\">");
	mode(output, policy);
	tw_page_add(output, "</td>");
	for (int o = 0; o < TW_OUTCOMES; o++)
		cell(output, tw_counts_total(&overview->counts[i], (enum tw_outcome)o));
	cell(output, dead(&overview->counts[i].tally));
	tw_page_add(output, "</tr>");
}

static void policies(struct tw_page_output *output)
{
	const struct tw_overview *overview = overview_of(output);

	tw_page_add(output, "<section id=\"policies\"><h2>By policy</h2>");
	if (!overview->loaded.policies) {
		tw_page_add(output, "<p>No policies: every socket is left alone.</p></section>");
		return;
	}
	tw_page_add(output,
		    "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
		    "aria-label=\"Sockets by policy\"><table><thead><tr>"
		    "<th scope=\"col\">Policy</th><th scope=\"col\" class=\"text\">Mode</th>");
	for (int o = 0; o < TW_OUTCOMES; o++)
		tw_page_add(output, "<th scope=\"col\">%s</th>",
			    tw_outcome_name((enum tw_outcome)o));
	tw_page_add(output, "<th scope=\"col\">dead</th></tr></thead><tbody>");
	for (uint32_t i = 0; i < overview->loaded.policies; i++)
		policy_row(output, i);
	tw_page_add(output,
		    "</tbody></table></div><p class=\"dim\">Sockets since the policy was first "
		    "loaded, at birth and in sweeps; dead: given up by the kernel.</p></section>");
}

/* --- sockets, deaths, events ------------------------------------------------------------------ */

static void verdicts(struct tw_page_output *output)
{
	const struct tw_audit *audit = tw_overview_audit(overview_of(output));

	tw_page_add(output, "<section id=\"sockets\"><h2>Open sockets by verdict</h2>");
	if (!audit) {
		tw_page_add(output, "<p>Not looked at yet; reload in a moment.</p></section>");
		return;
	}
	tw_page_verdicts(output);
	tw_page_add(output, "<p class=\"dim\">At ");
	tw_page_time(output, audit->at_ns);
	tw_page_add(output, ". ok: carries what its policy asks; app: the application's value "
			    "stays; differs: should carry it and does not; exempt: by a policy; "
			    "pending: its pod is not known yet; "
			    "none: no policy, or it listens.</p></section>");
}

static void deaths(struct tw_page_output *output)
{
	tw_page_add(output, "<section id=\"dead\"><h2>Dead connections, the last hour</h2>");
	tw_page_deaths(output);
	tw_page_add(output, "</section>");
}

static void events(struct tw_page_output *output)
{
	const struct tw_overview *overview = overview_of(output);

	tw_page_add(output, "<section id=\"events\"><h2>Last events</h2>");
	if (!overview->event_count) {
		tw_page_add(output, "<p>None since this daemon started.</p></section>");
		return;
	}
	tw_page_add(output, "<ul class=\"events\">");
	for (size_t i = 0; i < overview->event_count; i++) {
		tw_page_add(output, "<li><span class=\"dim\">");
		tw_page_time(output, overview->events[i].at_ns);
		tw_page_add(output, "</span><span><strong>%s</strong> ", overview->events[i].kind);
		tw_page_text(output, overview->events[i].text);
		tw_page_add(output, "</span></li>");
	}
	tw_page_add(output, "</ul></section>");
}

/* --- the document -------------------------------------------------------------------------------- */

static bool all_observe(const struct tw_loaded *loaded)
{
	for (uint32_t i = 0; i < loaded->policies; i++)
		if (!(loaded->policy[i].flags & TW_POLICY_OBSERVE))
			return false;
	return loaded->policies;
}

static void head(struct tw_page_output *output)
{
	const struct tw_page *page = output->page;

	tw_page_add(output,
		    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		    "<link rel=\"icon\" href=\"data:,\"><title>tcpwarden on ");
	tw_page_text(output, page->host);
	tw_page_add(output, "</title><style nonce=\"%s\">", page->nonce);
	if (!output->error)
		output->error = tw_buf_add(output->buf, tw_page_style, strlen(tw_page_style));
	tw_page_add(output, "</style></head>\n<body><header><h1>tcpwarden on ");
	tw_page_text(output, page->host);
	tw_page_add(output, "</h1>");
	if (!page->overview->ready)
		tw_page_add(output, "<span class=\"state bad\">not enforcing</span>");
	else if (all_observe(&page->overview->loaded))
		tw_page_add(output, "<span class=\"state warn\">observing only</span>");
	else
		tw_page_add(output, "<span class=\"state good\">enforcing</span>");
	tw_page_add(output, "</header>\n<main>");
}

int tw_page_render(const struct tw_page *page, struct tw_buf *buf)
{
	struct tw_page_output output = { .buf = buf, .page = page };
	void (*const parts[])(struct tw_page_output *) = { head,     problems, in_force, policies,
							   verdicts, deaths,   events };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i](&output);
		tw_page_add(&output, "\n");
	}
	tw_page_add(&output, "</main><footer><p>As of ");
	tw_page_time(&output, page->overview->now_ns);
	tw_page_add(&output,
		    "; reload for what is now. For machines: "
		    "<a href=\"/metrics\">/metrics</a>, <a href=\"/healthz\">/healthz</a>, "
		    "<a href=\"/readyz\">/readyz</a>.</p></footer></body></html>\n");
	return output.error;
}
