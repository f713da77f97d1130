# SPDX-License-Identifier: GPL-2.0-only
#
# table.awk RESULTS CASES: a row of the README's table a case, and one an end where they differ.

# 225000 ms as 3m45s, 84375 ms as 1m24.375s.
function duration(ms,    minutes, seconds) {
	minutes = int(ms / 60000)
	seconds = ms / 1000 - minutes * 60
	return (minutes ? minutes "m" : "") (minutes && seconds == 0 ? "" : seconds "s")
}

function readable(value,    part) {
	if (value == "" || value == "off")
		return value == "" ? "—" : "off"
	split(value, part, ":")
	return part[1] ":" part[2] ":" part[3] (part[4] ? ", " duration(part[4]) : "")
}

# What is so at once, and where a sweep changes it what is so then.
function cell(name, end, precedence,    born, swept) {
	born = seen[name, end, precedence, "born"]
	swept = seen[name, end, precedence, "swept"]
	return readable(born) (swept == "" || swept == born ? "" : " → " readable(swept))
}

function cells(name, end) {
	return cell(name, end, "none") " | " cell(name, end, "app") " | " \
		cell(name, end, "strictest") " | " cell(name, end, "policy")
}

# "Go: `net.Dial`" and 1.19 as "Go 1.19: `net.Dial`"; "Go" as "Go 1.19".
function label(text, version,    colon) {
	colon = index(text, ":")
	return substr(text, 1, colon - 1) " " version substr(text, colon)
}

function row(name, end, text) {
	printf "| %s | %s | %s |\n", label(text, version[name]), end, cells(name, end)
}

BEGIN {
	print "| runtime, and what it sets | end | without | `app` | `strictest` | `policy` |"
	print "|---|---|---|---|---|---|"
}

FNR == NR && $2 == "version" { version[$1] = $3; next }
FNR == NR { split($0, field, "\t"); seen[$1, $2, $3, $4] = field[5]; next }
/^#/ || /^$/ || !($1 in version) { next }

{
	text = substr($0, index($0, " -- ") + 4)
	if ($2 != "both") {
		row($1, $2, text)
	} else if (cells($1, "out") == cells($1, "in")) {
		printf "| %s | both | %s |\n", label(text, version[$1]), cells($1, "out")
	} else {
		row($1, "out", text)
		row($1, "in", text)
	}
}

END { printf "\nMeasured on Linux %s.\n", version["kernel"] }
