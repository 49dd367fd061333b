/* Sends its words, a line each, to NOTIFY_SOCKET, as sd_notify(3) does; then waits for the answer to
 * BARRIER=1, so that it lives until they have been heeded. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char text[4096] = "", control[CMSG_SPACE(sizeof(int))] = { 0 };
    const char *path = getenv("NOTIFY_SOCKET");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), barrier[2], i;

    if (!path || fd < 0 || pipe(barrier) < 0)
        return 111;
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    for (i = 1; i < argc; i++) {
        strcat(text, argv[i]);
        strcat(text, "\n");
    }
    if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to) < 0)
        return 1;
    struct iovec bytes = { "BARRIER=1", 9 };
    struct msghdr message = { &to, sizeof to, &bytes, 1, control, sizeof control, 0 };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &barrier[1], sizeof(int));
    if (sendmsg(fd, &message, 0) < 0)
        return 2;
    close(barrier[1]);
    return read(barrier[0], control, 1) != 0;
}
