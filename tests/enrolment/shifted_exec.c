/* shifted-exec PROGRAM ARGUMENT…: the program lives at another time, although it asks the kernel and not libc (as Go does).
 *
 * CLOCK_SHIFT is that of shift.c. The program takes our place, so that its pid is ours. A helper, which ends with it,
 * hides the vDSO from it while it is loaded, so that every question for the time is a system call; those for the
 * real-time clock a seccomp filter hands to the helper, which answers them. One process is shifted, not its children.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t told;
static const volatile int64_t *shift = &told;

static void need(int good, const char *what) {
    if (!good) { perror(what); _exit(77); }
}

static void know_shift(void) {
    const char *text = getenv("CLOCK_SHIFT");
    if (!text) return;
    if (*text != '@') { told = strtoll(text, NULL, 10); return; }
    int file = open(text + 1, O_RDONLY | O_CLOEXEC);
    shift = mmap(NULL, sizeof told, PROT_READ, MAP_SHARED, file, 0);
    need(shift != MAP_FAILED, "the shift");
}

static int filter(void) {
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettimeofday, 5, 0),
#ifdef SYS_time
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_time, 4, 0),
#else
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLOCK_REALTIME, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static uintptr_t stack_of(pid_t pid) {
    struct user_regs_struct registers;
    struct iovec all = {&registers, sizeof registers};
    need(!ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all), "its registers");
#if defined __x86_64__
    return registers.rsp;
#else
    return registers.sp;
#endif
}

/* On its stack lie: the count and the arguments, 0, the environment, 0, and pairs of which one tells of the vDSO. */
static void hide_vdso(pid_t pid) {
    uintptr_t at = stack_of(pid);
    at += (ptrace(PTRACE_PEEKDATA, pid, at, 0) + 2) * sizeof(long);
    while (ptrace(PTRACE_PEEKDATA, pid, at, 0)) at += sizeof(long);
    at += sizeof(long);
    for (long kind; (kind = ptrace(PTRACE_PEEKDATA, pid, at, 0)) != AT_NULL; at += 2 * sizeof(long))
        if (kind == AT_SYSINFO_EHDR) need(!ptrace(PTRACE_POKEDATA, pid, at, AT_IGNORE), "hide the vDSO");
}

static void await_program(pid_t pid) {
    int state;
    need(waitpid(pid, &state, __WALL) == pid && state >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8), "the program");
    hide_vdso(pid);
    need(!ptrace(PTRACE_DETACH, pid, 0, 0), "let it go");
}

static int64_t answer(int listener, const struct seccomp_notif *question) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += *shift;
    struct timeval rough = {now.tv_sec, now.tv_nsec / 1000};
    int exact = question->data.nr == SYS_clock_gettime;
    uintptr_t place = question->data.args[exact ? 1 : 0];
    struct iovec here = {exact ? (void *)&now : (void *)&rough, exact ? sizeof now : sizeof rough};
#ifdef SYS_time
    if (question->data.nr == SYS_time) here = (struct iovec){&now.tv_sec, sizeof now.tv_sec};
#endif
    struct iovec there = {(void *)place, here.iov_len};
    if (place && !ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question->id))
        process_vm_writev((pid_t)question->pid, &here, 1, &there, 1, 0);
#ifdef SYS_time
    if (question->data.nr == SYS_time) return now.tv_sec;
#endif
    return 0;
}

static void serve(int listener) {
    struct pollfd door = {listener, POLLIN, 0};
    while (poll(&door, 1, -1) >= 0 && !(door.revents & (POLLHUP | POLLERR))) {
        struct seccomp_notif question = {0};
        struct seccomp_notif_resp reply = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question)) continue;
        reply.id = question.id;
        reply.val = answer(listener, &question);
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
    }
}

static void help(pid_t program, int from, int to) {
    int theirs, place = -1;
    need(read(from, &theirs, sizeof theirs) == sizeof theirs, "the filter");
    int handle = (int)syscall(SYS_pidfd_open, program, 0);
    place = (int)syscall(SYS_pidfd_getfd, handle, theirs, 0);
    need(place >= 0, "its questions");
    need(!ptrace(PTRACE_SEIZE, program, 0, PTRACE_O_TRACEEXEC), "hold it");
    need(write(to, "", 1) == 1, "let it begin");
    await_program(program);
    close(from), close(to), close(0), close(1), close(2);
    serve(place);
    _exit(0);
}

int main(int argc, char **argv) {
    int there[2], back[2];
    char ready;
    need(argc > 1 && !pipe2(there, O_CLOEXEC) && !pipe2(back, O_CLOEXEC), "shifted-exec PROGRAM …");
    know_shift();
    pid_t program = getpid(), helper = fork();
    need(helper >= 0, "a helper");
    if (!helper) {
        close(there[1]), close(back[0]);
        if (fork()) _exit(0); /* so that the program has no child that it does not know */
        help(program, there[0], back[1]);
    }
    close(there[0]), close(back[1]);
    waitpid(helper, NULL, 0);
    int listener = filter();
    need(listener >= 0, "a filter");
    fcntl(listener, F_SETFD, FD_CLOEXEC);
    need(write(there[1], &listener, sizeof listener) == sizeof listener, "tell the helper");
    need(read(back[0], &ready, 1) == 1, "the helper");
    syscall(SYS_execve, argv[1], argv + 1, environ); /* not by way of libc, where the shim would send us back here */
    need(0, argv[1]);
}
