// A full disk for the processes of a PostgreSQL server, made by an ordinary user: LD_PRELOAD=… DUNLIN_FULL_FOLDER=… DUNLIN_FULL_FLAG=… pg_ctl start.
// While the file DUNLIN_FULL_FLAG is there no file below the folder grows: "data" in it spares pg_wal, "wal" spares all but that (a
// volume of its own), "all" spares nothing. What a file has already may be written over, as on a real disk.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/// Whether there is no room for a file of the server that would end there.
static int no_room(int file, off_t end) {
  const char *folder = getenv("DUNLIN_FULL_FOLDER"), *flag = getenv("DUNLIN_FULL_FLAG");
  struct stat about;
  if (folder == NULL || flag == NULL || fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || end <= about.st_size) return 0;
  const int said = open(flag, O_RDONLY | O_CLOEXEC);
  if (said < 0) return 0;
  char what[8] = "", link[32], path[4096];
  const ssize_t told = read(said, what, sizeof what - 1);
  close(said);
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (told <= 0 || length <= 0) return 0;
  path[length] = 0;
  if (strncmp(path, folder, strlen(folder)) != 0) return 0;
  return what[0] == 'a' || (what[0] == 'w') == (strstr(path, "/pg_wal/") != NULL);
}

static int refused(int file, off_t end) {
  const int before = errno, full = no_room(file, end);
  errno = full ? ENOSPC : before;
  return full;
}

static off_t sum_of(const struct iovec* pieces, int count) {
  off_t sum = 0;
  for (int i = 0; i < count; ++i) sum += (off_t)pieces[i].iov_len;
  return sum;
}

/// Where a write that names no place ends.
static off_t end_of(int file, off_t size) {
  const int before = errno;
  struct stat about;
  const off_t at = (fcntl(file, F_GETFL) & O_APPEND) == 0 ? lseek(file, 0, SEEK_CUR) : fstat(file, &about) == 0 ? about.st_size : -1;
  errno = before;
  return at < 0 ? 0 : at + size;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void* from, size_t size) { return refused(file, end_of(file, (off_t)size)) ? -1 : REAL(write)(file, from, size); }
ssize_t writev(int file, const struct iovec* pieces, int count) {
  return refused(file, end_of(file, sum_of(pieces, count))) ? -1 : REAL(writev)(file, pieces, count);
}
ssize_t pwrite(int file, const void* from, size_t size, off_t at) { return refused(file, at + (off_t)size) ? -1 : REAL(pwrite)(file, from, size, at); }
ssize_t pwritev(int file, const struct iovec* pieces, int count, off_t at) {
  return refused(file, at + sum_of(pieces, count)) ? -1 : REAL(pwritev)(file, pieces, count, at);
}
int posix_fallocate(int file, off_t from, off_t size) { return refused(file, from + size) ? ENOSPC : REAL(posix_fallocate)(file, from, size); }
int fallocate(int file, int mode, off_t from, off_t size) { return refused(file, from + size) ? -1 : REAL(fallocate)(file, mode, from, size); }
int ftruncate(int file, off_t size) { return refused(file, size) ? -1 : REAL(ftruncate)(file, size); }
