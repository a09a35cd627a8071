/* Every process that this is preloaded into adds its command line and its environment to the file $WITNESS. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(int file, const char *label, char **words) {
    static char all[1 << 20];
    size_t used = 0;
    for (; *words; words++) {
        size_t more = strlen(*words) + 1;
        if (used + more > sizeof all) break;
        memcpy(all + used, *words, more);
        used += more;
    }
    if (write(file, label, strlen(label)) < 0 || write(file, all, used) < 0) abort();
}

__attribute__((constructor)) static void witness(int argc, char **argv, char **envp) {
    const char *place = getenv("WITNESS");
    int file = place ? open(place, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    (void)argc;
    if (file < 0) return;
    add(file, "\nargv ", argv);
    add(file, "\nenviron ", envp);
    close(file);
}
