// SPDX-License-Identifier: GPL-2.0-only
/* The runner: each test in namespaces and a cgroup of its own, with a deadline. */
#include <fcntl.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "net.h"
#include "runner.h"

extern const struct tw_test *const __start_tw_tests[];
extern const struct tw_test *const __stop_tw_tests[];

const char *tw_outside;
const char *tw_node;
const char *tw_folder;
const char *tw_binary;
int tw_verdict_fd = -1;

static volatile sig_atomic_t interrupted;

struct tally {
	unsigned passed;
	unsigned failed;
	unsigned skipped;
};

struct options {
	bool list;
	bool verbose;
	char *const *patterns;
	int pattern_count;
};

/* One test under way, as the runner sees it. */
struct trial {
	const struct tw_test *test;
	pid_t pid;    /* of the namespace's process 1 */
	int verdicts; /* read end */
	int log;      /* what the test prints */
	char verdict[TW_VERDICT_LEN];
};

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

int tw_deadline_seconds(void)
{
	const char *text = getenv("TW_TEST_DEADLINE");
	int seconds = text ? atoi(text) : 0;

	return seconds > 0 ? seconds : 60;
}

/* --- inside the namespaces --- */

/* Give the binary a place that every user can reach, whatever its own folders allow. */
static void bind_binary(void)
{
	const char *path = tw_format("%s/tcpwarden", tw_folder);

	close(SYS(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755)));
	SYS(mount(tw_binary, path, NULL, MS_BIND, NULL));
	tw_binary = path;
}

static void enter_namespaces(int log)
{
	SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
	SYS(dup2(log, STDOUT_FILENO));
	SYS(dup2(log, STDERR_FILENO));
	setvbuf(stdout, NULL, _IOLBF, 0);
	SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	SYS(mount("proc", "/proc", "proc", 0, NULL));
	SYS(mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL));
	bind_binary();
	tw_cgroup_enter(tw_outside);
	tw_loopback_up();
}

static _Noreturn void run_inside(const struct tw_test *test, int log)
{
	enter_namespaces(log);
	test->run();
	tw_verdict(TW_VERDICT_OK, "");
	fflush(NULL);
	_exit(0);
}

/* --- the runner's side --- */

/* Start the test's process 1. */
static int launch(struct trial *trial)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD;
	int ends[2];

	trial->log = memfd_create("log", MFD_CLOEXEC);
	if (trial->log < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	trial->pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (trial->pid < 0)
		return -errno;
	if (trial->pid == 0) {
		close(ends[0]);
		tw_verdict_fd = ends[1];
		run_inside(trial->test, trial->log);
	}
	close(ends[1]);
	trial->verdicts = ends[0];
	return 0;
}

/*
 * Wait until every process of the test is gone: all of them hold the verdict's
 * pipe, but for programs that they executed. False: the deadline passed.
 */
static bool wait_for_end(struct trial *trial)
{
	int64_t end = tw_now_ms() + tw_deadline_seconds() * 1000LL;
	size_t len = 0;

	for (;;) {
		struct pollfd pollfd = { .fd = trial->verdicts, .events = POLLIN };
		int64_t left = end - tw_now_ms();
		char buf[TW_VERDICT_LEN];
		ssize_t n;

		if (left <= 0 || interrupted)
			return false;
		if (poll(&pollfd, 1, (int)left) <= 0)
			continue;
		n = read(trial->verdicts, buf, sizeof(buf));
		if (n <= 0)
			return true;
		/* The first verdict counts: what follows is its consequence. */
		if (!len) {
			len = (size_t)n;
			memcpy(trial->verdict, buf, len);
			trial->verdict[TW_VERDICT_LEN - 1] = '\0';
		}
	}
}

static void judge_end(struct trial *trial, bool in_time)
{
	int status = 0;

	if (!in_time)
		kill(trial->pid, SIGKILL);
	while (waitpid(trial->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		snprintf(trial->verdict, sizeof(trial->verdict), "%c%s, after %d s at most",
			 TW_VERDICT_FAIL, interrupted ? "interrupted" : "no end",
			 tw_deadline_seconds());
	else if (!trial->verdict[0])
		snprintf(trial->verdict, sizeof(trial->verdict), "%cended without a verdict, %s %d",
			 TW_VERDICT_FAIL, WIFSIGNALED(status) ? "signal" : "exit status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void print_file(const char *title, int fd)
{
	char buf[4096];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	if (n <= 0)
		return;
	printf("--- %s\n", title);
	for (off_t at = 0; n > 0; n = pread(fd, buf, sizeof(buf), at)) {
		fwrite(buf, 1, (size_t)n, stdout);
		at += n;
	}
}

static int is_output(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && (!strcmp(dot, ".out") || !strcmp(dot, ".err"));
}

/* What the test printed, and what each program that it ran printed. */
static void print_logs(const struct trial *trial)
{
	_cleanup_free_ struct dirent **list = NULL;
	int n = scandir(tw_folder, &list, is_output, versionsort);

	print_file("test", trial->log);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ struct dirent *entry = list[i];
		_cleanup_free_ char *path = tw_format("%s/%s", tw_folder, entry->d_name);
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			print_file(entry->d_name, fd);
	}
	printf("---\n");
}

static void report(const struct trial *trial, bool verbose, struct tally *tally)
{
	const char *reason = trial->verdict + 1;

	switch (trial->verdict[0]) {
	case TW_VERDICT_OK:
		tally->passed++;
		printf("ok %s\n", trial->test->name);
		break;
	case TW_VERDICT_SKIP:
		tally->skipped++;
		printf("SKIP %s: %s\n", trial->test->name, reason);
		break;
	default:
		tally->failed++;
		printf("FAIL %s: %s\n", trial->test->name, reason);
		verbose = true;
	}
	if (verbose)
		print_logs(trial);
	fflush(stdout);
}

/* The cgroups and the folder that a test is given. */
static void make_place(unsigned number)
{
	const char *parent = getenv("TMPDIR") ?: "/tmp";

	mkdir(parent, 01777);
	tw_folder = tw_format("%s/tw-test-%d-%u", parent, getpid(), number);
	SYS(mkdir(tw_folder, 0755));
	/* Where the socket of events is, as systemd would say: others may run on this machine. */
	SYS(setenv("RUNTIME_DIRECTORY", tw_folder, 1));
	tw_outside = tw_cgroup("/", tw_format("tw-test-%d-%u", getpid(), number));
	tw_node = tw_cgroup(tw_outside, "node");
}

static void remove_place(struct trial *trial)
{
	int r = tw_cgroup_remove(tw_outside), late = tw_cgroup_remove_late();

	r = r ?: late;
	if (r < 0)
		snprintf(trial->verdict, sizeof(trial->verdict),
			 "%cleft a cgroup behind, %s or beside it: %s", TW_VERDICT_FAIL, tw_outside,
			 strerror(-r));
}

/*
 * The machine this is developed on has a kernel whose bpf_trace_run*() return
 * at once, and count no miss, while a task of the machine's process 1 is
 * current: a death whose timer interrupts one is told to no program. In
 * kernel.org's sources there is no such comparison.
 */
static bool kernel_hides_init(void)
{
	struct utsname name;

	return uname(&name) == 0 && strstr(name.release, "-fc-");
}

/* False: it says nothing, and is to be run again. */
static bool run_test(const struct tw_test *test, unsigned number, const struct options *options,
		     bool last, struct tally *tally)
{
	struct trial trial = { .test = test, .pid = -1, .verdicts = -1, .log = -1 };
	bool counts;
	int r;

	make_place(number);
	r = launch(&trial);
	if (r < 0)
		snprintf(trial.verdict, sizeof(trial.verdict), "%cnamespaces: %s", TW_VERDICT_FAIL,
			 strerror(-r));
	else
		judge_end(&trial, wait_for_end(&trial));
	remove_place(&trial);
	counts = last || trial.verdict[0] != TW_VERDICT_FAIL;
	if (counts)
		report(&trial, options->verbose, tally);
	else
		printf("AGAIN %s: %s\n", test->name, trial.verdict + 1);
	tw_folder_remove(tw_folder);
	tw_closep(&trial.verdicts);
	tw_closep(&trial.log);
	return counts;
}

/* Where the kernel may have hidden a death, a second time. */
static void try_test(const struct tw_test *test, unsigned number, const struct options *options,
		     struct tally *tally)
{
	bool again = test->of_deaths && kernel_hides_init();

	if (!run_test(test, number, options, !again, tally))
		run_test(test, number, options, true, tally);
}

static bool is_wanted(const struct tw_test *test, const struct options *options)
{
	for (int i = 0; i < options->pattern_count; i++)
		if (strstr(test->name, options->patterns[i]) ||
		    !fnmatch(options->patterns[i], test->name, 0))
			return true;
	return options->pattern_count == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct tw_test *const *)a)->name,
		      (*(const struct tw_test *const *)b)->name);
}

static struct tally run_tests(const struct options *options)
{
	size_t count = (size_t)(__stop_tw_tests - __start_tw_tests);
	_cleanup_free_ const struct tw_test **tests = calloc(count, sizeof(*tests));
	struct tally tally = { 0 };

	if (!tests)
		FAIL("no memory");
	memcpy(tests, __start_tw_tests, count * sizeof(*tests));
	qsort(tests, count, sizeof(*tests), by_name);
	for (size_t i = 0; i < count && !interrupted; i++) {
		if (!is_wanted(tests[i], options))
			continue;
		if (options->list) {
			printf("%s\n", tests[i]->name);
		} else if (geteuid() != 0) {
			printf("SKIP %s: needs root\n", tests[i]->name);
			tally.skipped++;
		} else {
			try_test(tests[i], (unsigned)i, options, &tally);
		}
	}
	return tally;
}

/* $TCPWARDEN, or ../../tcpwarden seen from this program: build/tcpwarden. */
static int find_binary(void)
{
	const char *given = getenv("TCPWARDEN");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!given && n < 0)
		return -errno;
	self[n < 0 ? 0 : n] = '\0';
	tw_binary = realpath(given ?: tw_format("%s/../../tcpwarden", dirname(self)), NULL);
	return tw_binary ? 0 : -errno;
}

/* What no test can do without. */
static int prepare(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	char byte;

	if (geteuid() != 0) {
		fprintf(stderr, "tw-system: NOT ROOT: nothing is tested\n");
		return 0;
	}
	if (find_binary() < 0) {
		fprintf(stderr, "tw-system: no tcpwarden to test; set TCPWARDEN=PATH: %s\n",
			strerror(errno));
		return -ENOENT;
	}
	if (tw_cgroup_find_mount() < 0) {
		fprintf(stderr, "tw-system: no cgroup2 mount in /proc/self/mountinfo\n");
		return -ENOENT;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* The page needs some: a guest that just booted has none until somebody waits for them. */
	return getrandom(&byte, sizeof(byte), 0) < 0 ? -errno : 0;
}

int main(int argc, char *argv[])
{
	struct options options = { 0 };
	struct tally tally;
	int c;

	while ((c = getopt(argc, argv, "lv")) != -1) {
		if (c != 'l' && c != 'v') {
			fprintf(stderr, "usage: tw-system [-l] [-v] [PATTERN...]\n");
			return 2;
		}
		options.list |= c == 'l';
		options.verbose |= c == 'v';
	}
	options.patterns = argv + optind;
	options.pattern_count = argc - optind;
	if (!options.list && prepare() < 0)
		return 1;
	tally = run_tests(&options);
	if (options.list)
		return 0;
	printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
	return tally.failed || interrupted ? 1 : 0;
}
