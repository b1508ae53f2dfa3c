/*
 * Test tool: installs a filter in a process and makes system calls in it.
 *
 *   kernel-probe FLAGS < INPUT
 *
 * INPUT is a line with the number of bytes of the program, the program, and lines "NR ARG...", or "i386 NR" for a
 * call through the 32-bit gate of x86_64. For each line a child installs the filter and makes the call. The answer is
 * a line "errno N" (0 for success), "signal N" when the child was killed, or "refused N" when the kernel did not
 * take the filter. With SECCOMP_FILTER_FLAG_NEW_LISTENER in FLAGS the call is not made; the answer is "listener".
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_INSTRUCTIONS 8192

/* What the child leaves behind: it may not be able to make any further call. */
struct report {
	int state; /* 0 nothing, 1 refused, 2 listener, 3 called */
	int error;
};

static struct sock_filter program[MAX_INSTRUCTIONS];
static struct sock_fprog filter = {.filter = program};
static volatile struct report *report;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void call_i386(long nr)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(0L) : "memory", "r8", "r9", "r10", "r11");
	report->error = result < 0 && result > -4096 ? (int)-result : 0;
#else
	(void)nr;
	report->error = ENOSYS;
#endif
}

static _Noreturn void probe(char *line, unsigned int flags)
{
	unsigned long words[7] = {0};
	int is_i386 = strncmp(line, "i386 ", 5) == 0;
	char *at = is_i386 ? line + 5 : line;
	long result;

	for (int i = 0; i < 7; i++)
		words[i] = strtoul(at, &at, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		die("PR_SET_NO_NEW_PRIVS");
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	if (result < 0) {
		report->error = errno;
		report->state = 1;
	} else if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		report->state = 2;
	} else {
		if (is_i386) {
			call_i386((long)words[0]);
		} else {
			errno = 0;
			result = syscall((long)words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
			report->error = result == -1 ? errno : 0;
		}
		report->state = 3;
	}
	/* The filter may forbid even to exit. */
	for (;;)
		kill(getpid(), SIGKILL);
}

static void answer(int status)
{
	if (report->state == 1)
		printf("refused %d\n", report->error);
	else if (report->state == 2)
		printf("listener\n");
	else if (report->state == 3)
		printf("errno %d\n", report->error);
	else
		printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv)
{
	unsigned int flags = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 0;
	char line[512];
	size_t size;

	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		die("mmap");
	if (!fgets(line, sizeof(line), stdin))
		die("no input");
	size = strtoul(line, NULL, 10);
	if (size > sizeof(program) || fread(program, 1, size, stdin) != size)
		die("the program is too long or too short");
	filter.len = (unsigned short)(size / sizeof(program[0]));
	while (fgets(line, sizeof(line), stdin)) {
		int status = 0;
		int reaped = 0;
		pid_t child;

		fflush(stdout);
		report->state = 0;
		report->error = 0;
		child = fork();
		if (child < 0)
			die("fork");
		if (child == 0)
			probe(line, flags);
		/* A child that cannot kill itself stays in its loop, with its report written. */
		while (report->state == 0 && !reaped) {
			reaped = waitpid(child, &status, WNOHANG) == child;
			usleep(100);
		}
		if (!reaped) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
		}
		answer(status);
	}
	return 0;
}
