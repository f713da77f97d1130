# SPDX-License-Identifier: GPL-2.0-only
# Rows of the table of targets: what, measured, its unit, the limit, whether it is met. $rounds
# has all values of all rounds of the variants.

include "statistics";

def under($what; $value; $unit; $limit; $whose):
  [$what, $value, $unit, "under \($limit * 100 | round / 100)\($whose)", if $value < $limit then "met" else "MISSED" end];

def variant($name): .variants[] | select(.name == $name);

# Whether $ours is less than $theirs within the rounds: where 0 is in the interval, none can tell.
def judge($ours; $theirs; f):
  def values($name): $rounds[0][] | select(.name == $name) | f;
  [values($ours), values($theirs)] | transpose | map(.[0] - .[1]) | spread
  | if .median < 0 then "met" else "MISSED" end + if .low <= 0 and .high >= 0 then ", not certain" else "" end;

# CPU over bare, of the process and with the kernel's threads, which free what closing leaves.
def cheaper($what; $ours; $theirs; $whose):
  (under("\($what): CPU of the process"; variant($ours).cpu_over_bare_us.median; "us";
    variant($theirs).cpu_over_bare_us.median; ", \($whose)") | .[4] = judge($ours; $theirs; .cpu_us)),
  (under("\($what): with kernel threads"; variant($ours).whole_over_bare_us.median; "us";
    variant($theirs).whole_over_bare_us.median; ", \($whose)") | .[4] = judge($ours; $theirs; .whole_us));

# A connection has two sockets.
def a_socket($what; $ns; $limit): under($what; $ns / 2; "ns"; $limit; "");

def birth:
  cheaper("connecting socket"; "out"; "app_out"; "the app's five calls"),
  cheaper("connecting socket"; "out"; "libkeepalive"; "libkeepalive"),
  cheaper("connecting socket"; "out"; "libdontdie"; "libdontdie"),
  cheaper("accepted socket"; "in"; "app_in"; "the app's five calls"),
  cheaper("both ends"; "both_1_d1"; "app"; "the app's ten calls"),
  cheaper("both ends"; "both_1_d1"; "libkeepalive"; "libkeepalive"),
  cheaper("both ends"; "both_1_d1"; "libdontdie"; "libdontdie"),
  cheaper("both ends, the libraries' four options"; "four_1_d1"; "libkeepalive"; "libkeepalive"),
  cheaper("both ends, the libraries' four options"; "four_1_d1"; "libdontdie"; "libdontdie"),
  ((["nobody_1_d5", 5], ["nobody_256_d5", 256]) as [$name, $n] |
    a_socket("finding the policy, depth 5, \($n) elsewhere, net of empty, a socket";
      variant($name).bpf_over_empty_ns.median; 150)),
  ((["already_1_d5", 4], ["already_elsewhere_d5", 255]) as [$name, $n] |
    a_socket("comparing one that is right, \($n) elsewhere, on top of finding";
      variant($name).bpf_over_search_ns.median; 50)),
  under("a change of state that is no death, net of empty"; .deaths.over_empty_ns.median; "ns"; 20; "");

# No change that the measurement could tell: 0 is in the interval, which must not be a wide one.
def requests:
  .servers[] | .server as $server | ("requests_per_second", "p99_us") as $key | .[$key]
  | ["change of \($server)'s \($key | gsub("_"; " "))", .change_percent.median, "%",
     "0 within +-\(.within_percent * 10 | round / 10) %",
     if .change_percent.low > 0 or .change_percent.high < 0 then "MISSED"
     elif .within_percent > 5 then "not certain" else "met" end];

def idle:
  ["wake-ups of `run` when nothing happens", .wakeups, "in \(.seconds) s", "0", if .wakeups == 0 then "met" else "MISSED" end],
  under("resident memory of the static `run`"; .rss_kib; "KiB"; 4096; ""),
  under("start of `run` to enforced, embedded policy, no sweep"; .start_ms.median; "ms"; 50; "");

# The exponent of a power of the size.
def growth($what; $exponent):
  under($what; $exponent; "power"; 1.1; ", 1 is linear");

def named: {start_ms: "start to enforced", reload_ms: "reload", rss_kib: "memory of the loader",
  maps_kib: "memory of the maps", set_s: "sweep that sets all", records_kib: "memory of the records"}[.];

def cgroups:
  to_entries[] | .key as $size | .value.exponents | to_entries[]
  | growth("\(.key | named), by the number of \($size)"; .value);

def sweep:
  .exponents | to_entries[] | .key as $size | .value | to_entries[] | select(.value != null)
  | growth("\(.key | named), by the number of \($size)"; .value);
