# SPDX-License-Identifier: GPL-2.0-only
#
# judge.awk: what a guest said, against what is expected of its kernel.
# -v kernel=KEY -v state=STATE -v why=TEXT -v tests=SELECTION, then the files `expected` and the guest's results.
# Prints "KERNEL<TAB>TEST<TAB>STATE<TAB>WHY", STATE one of ok, skip, FAIL. The row "(guest)"
# stands for the guest as a whole.
function put(test, verdict, text)
{
	printf "%s\t%s\t%s\t%s\n", kernel, test, verdict, text
}

function rest(from,    i, text)
{
	for (i = from; i <= NF; i++)
		text = text (i > from ? " " : "") $i
	return text
}

function applies(list,    keys, n, i)
{
	n = split(list, keys, ",")
	for (i = 1; i <= n; i++)
		if (keys[i] == kernel)
			return 1
	return 0
}

# Whether a selection, where there is one, holds the test.
function selected(test,    parts, n, i)
{
	n = split(tests, parts, ",")
	for (i = 1; i <= n; i++)
		if (index(test, parts[i]))
			return 1
	return !n
}

function complaint()
{
	if (state != "ok")
		return state ": " why
	if (!suite)
		return "the suite did not run"
	if (totals != ok " passed, " failed " failed, " skipped " skipped")
		return "the suite's totals are not those of its lines: " totals
	if (!(ok + failed + skipped))
		return "the suite has no tests"
	if (!failed && exit_status != 0)
		return "the suite failed with exit status " exit_status " and no test named"
	return ""
}

BEGIN { ok = failed = skipped = 0 }

FILENAME == ARGV[1] && !/^(#|$)/ {
	if (applies($1) && selected($2)) {
		expected[$2] = rest(4)
		if ($3 != "skip" || NF < 4)
			put($2, "FAIL", "the file expected: want KERNELS TEST skip REASON, got: " $0)
	}
	next
}

FILENAME == ARGV[1] { next }

$0 == "guest: run" { suite = 1; next }
/^guest: run exit / { exit_status = $4; suite_over = 1; next }
!suite || suite_over { next }
# What a failed test's programs said, up to a line of three dashes.
/^--- / { quoted = 1 }
$0 == "---" { quoted = 0 }
quoted { next }
/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { totals = $0; next }

$1 == "ok" {
	ok++
	seen[$2] = 1
	if ($2 in expected)
		put($2, "FAIL", "passes, but the file expected says it is skipped")
	else
		put($2, "ok", "")
}

$1 == "FAIL" {
	failed++
	name = $2
	sub(/:$/, "", name)
	seen[name] = 1
	put(name, "FAIL", rest(3))
}

$1 == "SKIP" {
	skipped++
	name = $2
	sub(/:$/, "", name)
	seen[name] = 1
	if (name in expected)
		put(name, "skip", rest(3))
	else
		put(name, "FAIL", "skipped, and the file expected does not say so: " rest(3))
}

END {
	for (name in expected)
		if (state == "ok" && !(name in seen))
			put(name, "FAIL", "named in the file expected, but no such test ran")
	text = complaint()
	put("(guest)", text == "" ? "ok" : "FAIL", text)
}
