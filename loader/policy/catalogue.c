// SPDX-License-Identifier: GPL-2.0-only
#include "policy/catalogue.h"

#include <string.h>

#include "lib/cleanup.h"

#define MAX_NAME     63 /* of a wrong name, as much as is compared */
#define MAX_DISTANCE 2	/* letters that a typing error changes */
#define MIN_WORD     3	/* letters of a word that says something */

const struct tw_middlebox tw_catalogue[] = {
	{ "aks-outbound", 1800, true, "the load balancer that AKS makes, outbound",
	  "AKS issue 1564" },
	{ "aws-alb", 60, false, "AWS Application Load Balancer",
	  "AWS documentation; CloudFormation, ConnectionSettings" },
	{ "aws-classic-elb", 60, false, "AWS Classic Load Balancer",
	  "CloudFormation, ConnectionSettings" },
	{ "aws-ec2", 432000, true, "AWS EC2 security group tracking, before Nitro v6",
	  "EC2 API, ConnectionTrackingSpecification" },
	{ "aws-ec2-nitro-v6", 350, true, "AWS EC2 security group tracking, Nitro v6",
	  "AWS blog, TCP connection management on EC2" },
	{ "aws-gwlb", 350, true, "AWS Gateway Load Balancer",
	  "AWS blog, long-running TCP connections" },
	{ "aws-nat-gateway", 350, true, "AWS NAT gateway",
	  "AWS documentation as quoted in istio issue 36499" },
	{ "aws-nlb", 350, true, "AWS Network Load Balancer, TCP listener",
	  "AWS ELB user guide, update-idle-timeout" },
	{ "aws-nlb-tls", 350, true, "AWS Network Load Balancer, TLS listener",
	  "AWS ELB user guide, update-idle-timeout" },
	{ "aws-vpc-endpoint", 350, true, "AWS VPC endpoint",
	  "AWS blog, long-running TCP connections" },
	{ "azure-lb", 240, true, "Azure Load Balancer, rule and outbound",
	  "learn.microsoft.com, load-balancer-tcp-idle-timeout" },
	{ "calico-ebpf", 3600, true, "Calico's eBPF data plane",
	  "Calico issues 9372 and 9607, BPFConntrackTimers" },
	{ "envoy", 3600, false, "Envoy, HTTP connections and tcp_proxy", "Envoy FAQ, timeouts" },
	{ "envoy-upstream", 600, false, "Envoy, TCP upstream pool",
	  "Envoy, tcp_protocol_options.proto" },
	{ "gcp-cloud-nat", 1200, true, "Google Cloud NAT, established",
	  "cloud.google.com, nat/docs/tune-nat-configuration" },
	{ "gcp-vpc", 600, true, "Google Cloud VPC firewall tracking",
	  "cloud.google.com, compute/docs/troubleshooting" },
	{ "haproxy", 0, false, "HAProxy, timeout client and timeout server",
	  "etherpad issue 7878: it has no default" },
	{ "ipvs", 900, true, "Linux IPVS: kube-proxy and kube-router in IPVS mode",
	  "ipvsadm -l --timeout" },
	{ "kube-proxy-conntrack", 86400, true, "Linux conntrack as kube-proxy sets it",
	  "kube-proxy documentation, 24h0m0s" },
	{ "nf-conntrack", 432000, true, "Linux conntrack, established",
	  "kernel, nf_conntrack-sysctl" },
	{ "nginx", 75, false, "nginx, keepalive_timeout", "ngx_http_core_module" },
	{ "nginx-stream", 600, false, "nginx, proxy_timeout of a stream",
	  "ngx_stream_proxy_module" },
	{ "oci-nlb", 360, true, "Oracle Cloud Network Load Balancer, TCP",
	  "docs.oracle.com, configure-idle-timeout" },
};
const size_t tw_catalogue_count = ARRAY_SIZE(tw_catalogue);

const struct tw_middlebox *tw_catalogue_find(const char *name)
{
	for (size_t i = 0; i < tw_catalogue_count; i++)
		if (!strcmp(tw_catalogue[i].name, name))
			return &tw_catalogue[i];
	return NULL;
}

/* Letters to insert, drop or exchange (Levenshtein), of at most MAX_NAME each. */
static size_t distance(const char *a, const char *b)
{
	size_t len = strnlen(b, MAX_NAME);
	size_t row[MAX_NAME + 1];

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; i < MAX_NAME && a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t best = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[len];
}

/* Whether `name` holds one of the words of `wrong`, which hyphens and the like part. */
static bool shares_word(const char *name, const char *wrong)
{
	while (*wrong) {
		size_t len = strcspn(wrong, "-_ ./");
		char word[MAX_NAME + 1];

		if (len >= MIN_WORD && len <= MAX_NAME) {
			memcpy(word, wrong, len);
			word[len] = '\0';
			if (strcasestr(name, word))
				return true;
		}
		wrong += len;
		wrong += strspn(wrong, "-_ ./");
	}
	return false;
}

/* 0: a typing error away; 1: about the same thing; 2: neither. */
static int rank(const char *name, const char *wrong)
{
	if (distance(name, wrong) <= MAX_DISTANCE)
		return 0;
	return shares_word(name, wrong) ? 1 : 2;
}

static int add_ranked(const char *wrong, int wanted, struct tw_buf *buf)
{
	size_t start = buf->len;
	int r = 0;

	for (size_t i = 0; i < tw_catalogue_count && r == 0; i++)
		if (rank(tw_catalogue[i].name, wrong) == wanted)
			r = tw_buf_addf(buf, "%s%s", buf->len > start ? ", " : "",
					tw_catalogue[i].name);
	return r;
}

int tw_catalogue_suggest(const char *name, struct tw_buf *buf)
{
	size_t start = buf->len;
	int r = 0;

	for (int wanted = 0; wanted < 2 && r == 0 && buf->len == start; wanted++)
		r = add_ranked(name, wanted, buf);
	return r;
}
