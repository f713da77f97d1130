// SPDX-License-Identifier: GPL-2.0-only
#include "overviews.h"

#include "daemon/page.h"

#define EVIL	    "<script>alert('x')</script>&\"\x01"
#define EVIL_SAFELY "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot; "

static char *render(const struct tw_overview *overview, const struct tw_check *checks, size_t count)
{
	struct tw_page page = { overview, checks, count, "node-1", "0123456789abcdef" };
	struct tw_buf buf = TW_BUF_INIT;

	assert_int_equal(tw_page_render(&page, &buf), 0);
	return buf.data;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("there is no: %s\n", part);
	assert_non_null(strstr(text, part));
}

static void page__escapes_all_text(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	struct tw_check check = { EVIL, TW_CHECK_DEGRADED, EVIL, EVIL };
	_cleanup_free_ char *text = NULL;
	char event[] = EVIL;

	(void)state;
	overview->attach_path = EVIL;
	overview->refusal = EVIL;
	overview->events[0] = (struct tw_overview_event){ 1, "dead", event };
	overview->event_count = 1;
	snprintf(overview->loaded.policy[0].name, TW_NAME_LEN, "%s", EVIL);
	overview->ready = false;
	snprintf(overview->not_ready, sizeof(overview->not_ready), "%s", EVIL);
	text = render(overview, &check, 1);
	assert_null(strstr(text, "<script"));
	assert_has(text, "<code>" EVIL_SAFELY "</code>");
	assert_has(text, "<strong>" EVIL_SAFELY "</strong> <span>" EVIL_SAFELY
			 "<br>&rarr; " EVIL_SAFELY "</span>");
	assert_has(text, "<th scope=\"row\">" EVIL_SAFELY "</th>");
	assert_has(text, "<strong>dead</strong> " EVIL_SAFELY "</span></li>");
}

static void page__says_no_problems(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	struct tw_check check = { "btf", TW_CHECK_OK, "there", "" };
	_cleanup_free_ char *text = render(overview, &check, 1);

	(void)state;
	assert_has(text, "<h2>Problems</h2><p class=\"good\">None.");
	assert_has(text, "<span class=\"state good\">enforcing</span>");
}

static void page__says_that_it_is_looking(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	_cleanup_free_ char *text = render(overview, NULL, 0);

	(void)state;
	assert_has(text, "being looked at");
}

/* The worst first. */
static void page__problems_come_first(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	struct tw_check checks[] = { { "degraded-one", TW_CHECK_DEGRADED, "d", "" },
				     { "missing-one", TW_CHECK_MISSING, "d", "" } };
	_cleanup_free_ char *text = NULL;
	const char *at = NULL;
	static const char *const order[] = { "<main>",	    "the link is gone", "f:1:2: bad",
					     "missing-one", "degraded-one",	"In force" };

	(void)state;
	overview->ready = false;
	snprintf(overview->not_ready, sizeof(overview->not_ready), "the link is gone");
	overview->refusal = "f:1:2: bad";
	text = render(overview, checks, 2);
	assert_has(text, "<span class=\"state bad\">not enforcing</span>");
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const char *next = strstr(text, order[i]);

		assert_non_null(next);
		assert_true(next > at);
		at = next;
	}
}

static void page__numbers_of_policies(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(2);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->loaded.policy[1].flags = TW_POLICY_OBSERVE;
	overview->counts[1].direction[TW_OUT].sockets[TW_SET] = 1234567;
	text = render(overview, NULL, 0);
	assert_has(text, "policy-1</th><td class=\"text\">observe</td><td>1,234,567</td>");
	assert_has(text, "policy-0</th><td class=\"text\">enforce</td><td>1,000</td>"
			 "<td class=\"zero\">0</td>");
}

static void page__rollouts_and_guards(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(4);
	struct tw_loaded_policy *policy = overview->loaded.policy;
	_cleanup_free_ char *text = NULL;

	(void)state;
	policy[0].rollout = policy[1].rollout = 125;
	policy[1].here = TW_HERE_SELECTED;
	policy[2].here |= TW_HERE_TRIPPED;
	policy[3].here = 0;
	text = render(overview, NULL, 0);
	assert_has(text, "policy-0</th><td class=\"text\">enforce: inside its 12.5%</td>");
	assert_has(text, "policy-1</th><td class=\"text\">observe: outside its 12.5%</td>");
	assert_has(text, "observe: its guard tripped</strong></td>");
	assert_has(text, "policy-3</th><td class=\"text\">not on this node</td>");
}

static void page__all_observe(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->loaded.policy[0].flags = TW_POLICY_OBSERVE;
	text = render(overview, NULL, 0);
	assert_has(text, "observing only");
}

static void page__deaths_are_plotted(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(1);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->deaths[TW_OVERVIEW_MINUTES - 1][TW_DEAD_UNACKED] = 3;
	overview->deaths[0][TW_DEAD_CONNECT] = 1;
	text = render(overview, NULL, 0);
	assert_has(text, "over the last hour: 4 in all");
	assert_has(text, "<title>0 minutes ago: 3 unacked</title>");
	assert_has(text, "<title>59 minutes ago: 1 connect</title>");
	/* The axis ends at the next round number, 5: 3 of it are 90 of 150. */
	assert_has(text, "height=\"90.0\"");
}

static void page__needs_nothing_else(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(3);
	_cleanup_free_ char *text = render(overview, NULL, 0);

	(void)state;
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "src="));
	assert_null(strstr(text, "url("));
	assert_null(strstr(text, "http:"));
	assert_null(strstr(text, "https:"));
	assert_null(strstr(text, " style=")); /* the policy of the page forbids it */
	assert_null(strstr(tw_page_style, "</"));
	assert_has(text, "<style nonce=\"0123456789abcdef\">");
}

static void page__no_policies_and_no_audit(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(0);
	_cleanup_free_ char *text = NULL;

	(void)state;
	overview->audit = NULL;
	text = render(overview, NULL, 0);
	assert_has(text, "every socket is left alone");
	assert_has(text, "Not looked at yet");
}

static void page__the_most_policies(void **state)
{
	_cleanup_free_ struct tw_overview *overview = overview_make(TW_MAX_POLICIES);
	_cleanup_free_ char *text = render(overview, NULL, 0);

	(void)state;
	assert_has(text, "policy-255</th>");
	assert_has(text, "</html>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page__escapes_all_text),
		cmocka_unit_test(page__says_no_problems),
		cmocka_unit_test(page__says_that_it_is_looking),
		cmocka_unit_test(page__problems_come_first),
		cmocka_unit_test(page__numbers_of_policies),
		cmocka_unit_test(page__rollouts_and_guards),
		cmocka_unit_test(page__all_observe),
		cmocka_unit_test(page__deaths_are_plotted),
		cmocka_unit_test(page__needs_nothing_else),
		cmocka_unit_test(page__no_policies_and_no_audit),
		cmocka_unit_test(page__the_most_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
