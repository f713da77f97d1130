# SPDX-License-Identifier: GPL-2.0-only
# Rows of the table of targets: what, measured, its unit, the limit, whether it is met.

def under($what; $value; $unit; $limit; $whose):
  [$what, $value, $unit, "under \($limit * 100 | round / 100)\($whose)", $value < $limit];

def variant($name): .variants[] | select(.name == $name);

# CPU over bare, of the process or with the kernel's threads, which free what closing leaves.
def cpu($name): variant($name) | .cpu_over_bare_us.median;
def whole($name): variant($name) | .whole_over_bare_us.median;

def cheaper($what; $ours; $theirs; $whose):
  under("\($what): CPU of the process"; cpu($ours); "us"; cpu($theirs); ", \($whose)"),
  under("\($what): with kernel threads"; whole($ours); "us"; whole($theirs); ", \($whose)");

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
  (("1", "10", "256") as $n |
    a_socket("finding the policy, depth 5, \($n) meeting, net of empty, a socket";
      variant("none_\($n)_d5").bpf_over_empty_ns.median; 150)),
  (("1", "256") as $n |
    a_socket("comparing one that is right, \($n) meeting, on top of finding";
      variant("already_\($n)_d5").bpf_over_search_ns.median; 50)),
  under("a change of state that is no death, net of empty"; .deaths.over_empty_ns.median; "ns"; 20; "");

# No change that the measurement could tell: 0 is in the interval.
def requests:
  .servers[] | .server as $server | ("requests_per_second", "p99_us") as $key | .[$key]
  | ["change of \($server)'s \($key | gsub("_"; " "))", .change_percent.median, "%",
     "0 within +-\(.within_percent * 10 | round / 10) %",
     (.change_percent.low <= 0 and .change_percent.high >= 0)];

def idle:
  ["wake-ups of `run` when nothing happens", .wakeups, "in \(.seconds) s", "0", .wakeups == 0],
  under("resident memory of the static `run`"; .rss_kib; "KiB"; 4096; ""),
  under("start of `run` to enforced, embedded policy, no sweep"; .start_ms.median; "ms"; 50; "");

# The exponent of a power of the size: 1 is linear.
def growth($what; $exponent):
  [$what, $exponent, "power", "linear or less: under 1.1", $exponent < 1.1];

def named: {start_ms: "start to enforced", reload_ms: "reload", rss_kib: "memory of the loader",
  maps_kib: "memory of the maps", set_s: "sweep that sets all", records_kib: "memory of the records"}[.];

def cgroups:
  to_entries[] | .key as $size | .value.exponents | to_entries[]
  | growth("\(.key | named), by the number of \($size)"; .value);

def sweep:
  .exponents | to_entries[] | .key as $size | .value | to_entries[] | select(.value != null)
  | growth("\(.key | named), by the number of \($size)"; .value);
