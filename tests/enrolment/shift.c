/* The real-time clock of a process, shifted: preloaded before libc, it answers in libc's place.
 *
 * CLOCK_SHIFT=SECONDS       so many seconds are added to what the kernel says
 * CLOCK_SHIFT=@FILE         ... as many as the file holds (an int64 of this machine), at every call: it may be changed
 *                           under the running processes that share it
 * CLOCK_STATE=unsynced      adjtimex says that nobody sets this clock (else: that it is synchronised)
 *
 * CLOCK_EXEC=FILE           shifted_exec.c, built: it is put before nats-server, which is Go and asks no libc
 *
 * The clocks that count from the start of the machine are left alone. Nobody may set the machine's clock from here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static int64_t told;
static const volatile int64_t *shift = &told;
static int unsynced;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("CLOCK_SHIFT"), *state = getenv("CLOCK_STATE");
    unsynced = state && !strcmp(state, "unsynced");
    if (!text) return;
    if (*text != '@') { told = strtoll(text, NULL, 10); return; }
    int file = open(text + 1, O_RDONLY | O_CLOEXEC);
    void *place = file < 0 ? MAP_FAILED : mmap(NULL, sizeof told, PROT_READ, MAP_SHARED, file, 0);
    if (place == MAP_FAILED) abort();
    close(file);
    shift = place;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int state = (int)syscall(SYS_clock_gettime, clock, at);
    if (!state && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        at->tv_sec += *shift;
    return state;
}

int __clock_gettime(clockid_t clock, struct timespec *at) { return clock_gettime(clock, at); }

time_t time(time_t *where) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where) *where = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, at) ? base : 0;
}

int adjtimex(struct timex *said) {
    if (said->modes) { errno = EPERM; return -1; }
    if (syscall(SYS_adjtimex, said) < 0) return -1;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    said->time.tv_sec = now.tv_sec;
    said->time.tv_usec = now.tv_nsec;
    said->status = STA_NANO | (unsynced ? STA_UNSYNC : STA_PLL);
    said->maxerror = unsynced ? 16000000 : 1000;
    said->esterror = said->maxerror;
    return unsynced ? TIME_ERROR : TIME_OK;
}

int clock_adjtime(clockid_t clock, struct timex *said) { (void)clock; return adjtimex(said); }
int ntp_adjtime(struct timex *said) { return adjtimex(said); }
int clock_settime(clockid_t clock, const struct timespec *at) { (void)clock; (void)at; errno = EPERM; return -1; }
int settimeofday(const struct timeval *at, const struct timezone *zone) { (void)at; (void)zone; errno = EPERM; return -1; }

static int deaf(const char *program) {
    const char *name = strrchr(program, '/');
    return getenv("CLOCK_EXEC") && !strcmp(name ? name + 1 : program, "nats-server");
}

int execve(const char *program, char *const words[], char *const environment[]) {
    if (!deaf(program)) return (int)syscall(SYS_execve, program, words, environment);
    size_t count = 0;
    while (words[count]) count++;
    const char *all[count + 2];
    const char *helper = getenv("CLOCK_EXEC");
    all[0] = helper;
    all[1] = program;
    for (size_t at = 1; at <= count; at++) all[at + 1] = words[at];
    return (int)syscall(SYS_execve, helper, all, environment);
}

int execv(const char *program, char *const words[]) { return execve(program, words, environ); }
