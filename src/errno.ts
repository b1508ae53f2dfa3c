/**
 * errno in words. The texts are those of Go's syscall package, all lower-case: Docker's command line compares them
 * case-sensitively ("no such file or directory" gives exit status 127, strerror(3)'s capital N gives 125).
 * Numbers as in the kernel's include/uapi/asm-generic/errno.h, which x86 and arm64 share.
 */

/** `NAME text` by number from 1; 41 and 58 are unused. A function, so that only who has an error pays for it. */
const table = (): string =>
  'EPERM operation not permitted|ENOENT no such file or directory|ESRCH no such process|' +
  'EINTR interrupted system call|EIO input/output error|ENXIO no such device or address|' +
  'E2BIG argument list too long|ENOEXEC exec format error|EBADF bad file descriptor|' +
  'ECHILD no child processes|EAGAIN resource temporarily unavailable|ENOMEM cannot allocate memory|' +
  'EACCES permission denied|EFAULT bad address|ENOTBLK block device required|EBUSY device or resource busy|' +
  'EEXIST file exists|EXDEV invalid cross-device link|ENODEV no such device|ENOTDIR not a directory|' +
  'EISDIR is a directory|EINVAL invalid argument|ENFILE too many open files in system|' +
  'EMFILE too many open files|ENOTTY inappropriate ioctl for device|ETXTBSY text file busy|' +
  'EFBIG file too large|ENOSPC no space left on device|ESPIPE illegal seek|EROFS read-only file system|' +
  'EMLINK too many links|EPIPE broken pipe|EDOM numerical argument out of domain|' +
  'ERANGE numerical result out of range|EDEADLK resource deadlock avoided|ENAMETOOLONG file name too long|' +
  'ENOLCK no locks available|ENOSYS function not implemented|ENOTEMPTY directory not empty|' +
  'ELOOP too many levels of symbolic links||ENOMSG no message of desired type|EIDRM identifier removed|' +
  'ECHRNG channel number out of range|EL2NSYNC level 2 not synchronized|EL3HLT level 3 halted|' +
  'EL3RST level 3 reset|ELNRNG link number out of range|EUNATCH protocol driver not attached|' +
  'ENOCSI no CSI structure available|EL2HLT level 2 halted|EBADE invalid exchange|' +
  'EBADR invalid request descriptor|EXFULL exchange full|ENOANO no anode|EBADRQC invalid request code|' +
  'EBADSLT invalid slot||EBFONT bad font file format|ENOSTR device not a stream|ENODATA no data available|' +
  'ETIME timer expired|ENOSR out of streams resources|ENONET machine is not on the network|' +
  'ENOPKG package not installed|EREMOTE object is remote|ENOLINK link has been severed|' +
  'EADV advertise error|ESRMNT srmount error|ECOMM communication error on send|EPROTO protocol error|' +
  'EMULTIHOP multihop attempted|EDOTDOT RFS specific error|EBADMSG bad message|' +
  'EOVERFLOW value too large for defined data type|ENOTUNIQ name not unique on network|' +
  'EBADFD file descriptor in bad state|EREMCHG remote address changed|' +
  'ELIBACC can not access a needed shared library|ELIBBAD accessing a corrupted shared library|' +
  'ELIBSCN .lib section in a.out corrupted|ELIBMAX attempting to link in too many shared libraries|' +
  'ELIBEXEC cannot exec a shared library directly|EILSEQ invalid or incomplete multibyte or wide character|' +
  'ERESTART interrupted system call should be restarted|ESTRPIPE streams pipe error|EUSERS too many users|' +
  'ENOTSOCK socket operation on non-socket|EDESTADDRREQ destination address required|' +
  'EMSGSIZE message too long|EPROTOTYPE protocol wrong type for socket|ENOPROTOOPT protocol not available|' +
  'EPROTONOSUPPORT protocol not supported|ESOCKTNOSUPPORT socket type not supported|' +
  'EOPNOTSUPP operation not supported|EPFNOSUPPORT protocol family not supported|' +
  'EAFNOSUPPORT address family not supported by protocol|EADDRINUSE address already in use|' +
  'EADDRNOTAVAIL cannot assign requested address|ENETDOWN network is down|' +
  'ENETUNREACH network is unreachable|ENETRESET network dropped connection on reset|' +
  'ECONNABORTED software caused connection abort|ECONNRESET connection reset by peer|' +
  'ENOBUFS no buffer space available|EISCONN transport endpoint is already connected|' +
  'ENOTCONN transport endpoint is not connected|ESHUTDOWN cannot send after transport endpoint shutdown|' +
  'ETOOMANYREFS too many references: cannot splice|ETIMEDOUT connection timed out|' +
  'ECONNREFUSED connection refused|EHOSTDOWN host is down|EHOSTUNREACH no route to host|' +
  'EALREADY operation already in progress|EINPROGRESS operation now in progress|ESTALE stale file handle|' +
  'EUCLEAN structure needs cleaning|ENOTNAM not a XENIX named type file|' +
  'ENAVAIL no XENIX semaphores available|EISNAM is a named type file|EREMOTEIO remote I/O error|' +
  'EDQUOT disk quota exceeded|ENOMEDIUM no medium found|EMEDIUMTYPE wrong medium type|' +
  'ECANCELED operation canceled|ENOKEY required key not available|EKEYEXPIRED key has expired|' +
  'EKEYREVOKED key has been revoked|EKEYREJECTED key was rejected by service|EOWNERDEAD owner died|' +
  'ENOTRECOVERABLE state not recoverable|ERFKILL operation not possible due to RF-kill|' +
  'EHWPOISON memory page has hardware error';

const row = (errno: number): string => table().split('|')[errno - 1] ?? '';

/** `ENOENT` for 2; `errno 999` for a number without a name. */
export function errnoName(errno: number): string {
  return row(errno).split(' ')[0] || `errno ${errno}`;
}

/** `no such file or directory` for 2; `errno 999` for a number without a text. */
export function errnoText(errno: number): string {
  return row(errno).replace(/^\S+ /, '') || `errno ${errno}`;
}
