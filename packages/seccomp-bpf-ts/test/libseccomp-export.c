/*
 * Test tool: builds filters with libseccomp from a plain text description and writes the BPF programs it generates,
 * so that the tests can compare their verdicts with this package's. One process serves any number of profiles.
 *
 * Input, one item per line, on standard input:
 *   profile ACTION            start a profile with this default action (a SECCOMP_RET_* number)
 *   arch NAME                 add an architecture (libseccomp's own spelling, "x86_64"); the native one is
 *                             in the filter only when it is listed
 *   rule ACTION NAME [ARG OP A B]...   add a rule; ACTION and OP are numbers, A and B 64-bit numbers
 *   end                       write the answer for this profile
 *   resolve ARCH NAME         write one text line: the number libseccomp has for NAME, "none", or "arch" for an
 *                             architecture it does not know
 *
 * Answer to `end`: a line "RC LENGTH RULE" and then LENGTH bytes of program. RC is 0 or a negative errno; RULE is
 * the index of the rule that libseccomp refused, or -1. Each profile is built in a process of its own with a time
 * limit, as some rules send libseccomp 2.5.4 into an endless loop: RC is then -ETIME.
 */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 6
#define MAX_PROGRAM 65536
#define TIME_LIMIT_SECONDS 1

/* What a child tells its parent, followed by the program. */
struct answer {
	int code;
	int rule;
	int length;
	char program[MAX_PROGRAM];
};

static scmp_filter_ctx filter;
static struct answer answer;
static int rule_count;

/* A failure of this tool itself, not of a profile: the test cannot go on. */
static void die(const char *what)
{
	fprintf(stderr, "libseccomp-export: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void start_profile(const char *words)
{
	filter = seccomp_init((uint32_t)strtoul(words, NULL, 0));
	if (!filter)
		die("seccomp_init");
	answer.rule = -1;
	/* The tests list every architecture; one of another byte order could not be added beside the native one. */
	if (seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) != 0)
		die("seccomp_arch_remove");
}

static void add_arch(const char *name)
{
	int rc = seccomp_arch_add(filter, seccomp_arch_resolve_name(name));

	if (rc != 0 && answer.code == 0)
		answer.code = rc;
}

static void add_rule(char *words)
{
	struct scmp_arg_cmp args[MAX_ARGS];
	unsigned int count = 0;
	char *save = NULL;
	char *action = strtok_r(words, " ", &save);
	char *name = strtok_r(NULL, " ", &save);
	char *word;
	int number;
	int rc;

	if (!name)
		die("a rule without a name");
	while ((word = strtok_r(NULL, " ", &save)) && count < MAX_ARGS) {
		args[count].arg = (unsigned int)strtoul(word, NULL, 0);
		args[count].op = (enum scmp_compare)strtoul(strtok_r(NULL, " ", &save), NULL, 0);
		args[count].datum_a = strtoull(strtok_r(NULL, " ", &save), NULL, 0);
		args[count].datum_b = strtoull(strtok_r(NULL, " ", &save), NULL, 0);
		count++;
	}
	rule_count++;
	if (answer.code != 0)
		return;
	number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return;
	rc = seccomp_rule_add_array(filter, (uint32_t)strtoul(action, NULL, 0), number, count, args);
	if (rc != 0) {
		answer.code = rc;
		answer.rule = rule_count - 1;
	}
}

static void export_program(void)
{
	FILE *scratch = tmpfile();

	/*
	 * The binary tree, as runc asks for. Without it 2.5.4 forgets to load the call number when x32 is there
	 * and the first call of the list does not exist on x86_64. Without rules the tree is broken.
	 */
	if (rule_count > 0 && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		die("SCMP_FLTATR_CTL_OPTIMIZE");
	if (!scratch)
		die("tmpfile");
	answer.code = seccomp_export_bpf(filter, fileno(scratch));
	answer.length = (int)lseek(fileno(scratch), 0, SEEK_END);
	if (answer.length > MAX_PROGRAM)
		die("a program of more than 8192 instructions");
	if (pread(fileno(scratch), answer.program, MAX_PROGRAM, 0) != answer.length)
		die("pread");
}

/* The child: builds one profile and writes the answer. */
static _Noreturn void build(char *lines, int output)
{
	char *save = NULL;
	const char *from = (const char *)&answer;
	size_t left;

	alarm(TIME_LIMIT_SECONDS);
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "profile ", 8) == 0)
			start_profile(line + 8);
		else if (strncmp(line, "arch ", 5) == 0)
			add_arch(line + 5);
		else if (strncmp(line, "rule ", 5) == 0)
			add_rule(line + 5);
		else
			die("an unknown line");
	}
	if (answer.code == 0)
		export_program();
	for (left = sizeof(answer) - MAX_PROGRAM + (size_t)answer.length; left > 0;) {
		ssize_t written = write(output, from, left);

		if (written < 0)
			die("write");
		from += written;
		left -= (size_t)written;
	}
	_exit(0);
}

static void answer_profile(char *lines)
{
	struct answer reply = {.code = -ETIME, .rule = -1};
	char *to = (char *)&reply;
	int ends[2];
	int status;
	ssize_t got;
	pid_t child;

	fflush(stdout);
	if (pipe(ends) != 0)
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		build(lines, ends[1]);
	close(ends[1]);
	while ((got = read(ends[0], to, sizeof(reply) - (size_t)(to - (char *)&reply))) > 0)
		to += got;
	close(ends[0]);
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		exit(1);
	printf("%d %d %d\n", reply.code, reply.length, reply.rule);
	fwrite(reply.program, 1, (size_t)reply.length, stdout);
}

static void resolve(char *words)
{
	char *name = strchr(words, ' ');
	uint32_t arch;
	int number;

	if (!name)
		die("resolve without a name");
	*name++ = '\0';
	arch = seccomp_arch_resolve_name(words);
	number = seccomp_syscall_resolve_name_arch(arch, name);
	if (arch == 0)
		printf("arch\n");
	else if (number == __NR_SCMP_ERROR)
		printf("none\n");
	else
		printf("%d\n", number);
}

int main(void)
{
	char *lines = NULL;
	char *line = NULL;
	size_t capacity = 0;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &capacity, stdin)) > 0) {
		if (strcmp(line, "end\n") == 0) {
			answer_profile(lines);
			size = 0;
		} else if (strncmp(line, "resolve ", 8) == 0) {
			line[length - 1] = '\0';
			resolve(line + 8);
		} else {
			lines = realloc(lines, size + (size_t)length + 1);
			if (!lines)
				die("realloc");
			memcpy(lines + size, line, (size_t)length + 1);
			size += (size_t)length;
		}
	}
	free(lines);
	free(line);
	return 0;
}
