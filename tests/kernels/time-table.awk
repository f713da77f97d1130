# SPDX-License-Identifier: GPL-2.0-only
#
# time-table.awk: rows of a table out of "KEY<TAB>JSON" lines, -v keys="KEY KEY ...". The JSON is
# tw-time's own: one object a line, strings without escapes.
function value(name,    text)
{
	if (!match($2, "\"" name "\":(\"[^\"]*\"|[0-9.-]+)"))
		return ""
	text = substr($2, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", text)
	return text
}

# "24.8 s", or "24.8 to 25.7 s".
function range(least, most)
{
	return least == most ? least : least " to " most
}

function cell_text(    text, probes)
{
	if (value("connections") == "")
		return value("outcome")
	text = "closed after " range(value("seconds"), value("seconds_most")) " s"
	probes = range(value("probes"), value("probes_most"))
	return probes == "" ? text : text ", " probes " probes"
}

BEGIN { columns = split(keys, key, " ") }

{
	name = value("test")
	if (!(name in what)) {
		row[++rows] = name
		what[name] = value("what")
		policy[name] = value("policy")
	}
	cell[name, $1] = cell_text()
}

END {
	for (r = 1; r <= rows; r++) {
		name = row[r]
		line = "| " what[name] " | " (policy[name] ~ /^(none|the default)$/ ? policy[name] : "`" policy[name] "`") " |"
		for (i = 1; i <= columns; i++)
			line = line " " (((name, key[i]) in cell) ? cell[name, key[i]] : "—") " |"
		print line
	}
}
