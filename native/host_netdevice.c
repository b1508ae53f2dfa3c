// linux.netDevices (config-linux.md, "Network Devices"): an interface of the host's moves into the container's network
// namespace, keeps its permanent global addresses, and is brought up there. rtnetlink(7).
#define _GNU_SOURCE
#include "host.h"
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 512, MAX_ADDRESSES = 1024 };

struct request {
  struct nlmsghdr header;
  char body[REQUEST_SIZE];
};

struct address {
  struct ifaddrmsg message;
  char bytes[128]; // its attributes as the kernel sent them
  size_t size;
};

static void *begin(struct request *request, int type, int flags, size_t body) {
  memset(request, 0, sizeof *request);
  request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
  request->header.nlmsg_type = (uint16_t)type;
  request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  return NLMSG_DATA(&request->header);
}

static void add(struct request *request, int type, const void *data, size_t size) {
  size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
  struct rtattr *attribute = (struct rtattr *)(void *)((char *)request + at);
  if (at + RTA_SPACE(size) > sizeof *request) return;
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  memcpy(RTA_DATA(attribute), data, size);
  request->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
}

// Sends a request and waits for the kernel's verdict. 0 or -1 with errno.
static int transact(int netlink, struct request *request) {
  char reply[4096];
  request->header.nlmsg_flags |= NLM_F_ACK;
  if (send(netlink, request, request->header.nlmsg_len, 0) < 0) return -1;
  ssize_t size = recv(netlink, reply, sizeof reply, 0);
  struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply;
  if (size < 0 || !NLMSG_OK(header, (size_t)size) || header->nlmsg_type != NLMSG_ERROR) return -1;
  errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
  return errno == 0 ? 0 : -1;
}

// Attributes that say what the address is; flags, lifetimes and statistics are the kernel's.
static void keep_address(struct address *address, struct nlmsghdr *header) {
  struct ifaddrmsg *message = NLMSG_DATA(header);
  uint32_t flags = message->ifa_flags;
  size_t left = IFA_PAYLOAD(header);
  address->message = *message;
  address->size = 0;
  for (struct rtattr *a = IFA_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == IFA_FLAGS) memcpy(&flags, RTA_DATA(a), sizeof flags);
    if (a->rta_type != IFA_LOCAL && a->rta_type != IFA_ADDRESS && a->rta_type != IFA_BROADCAST) continue;
    if (address->size + RTA_ALIGN(a->rta_len) > sizeof address->bytes) continue;
    memcpy(address->bytes + address->size, a, a->rta_len);
    address->size += RTA_ALIGN(a->rta_len);
  }
  if (!(flags & IFA_F_PERMANENT) || message->ifa_scope != RT_SCOPE_UNIVERSE) address->size = 0;
}

static int list_addresses(int netlink, unsigned index, struct address *list) {
  struct request request;
  char reply[32768];
  int count = 0;
  begin(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
  if (send(netlink, &request, request.header.nlmsg_len, 0) < 0) return -1;
  for (;;) {
    ssize_t size = recv(netlink, reply, sizeof reply, 0);
    if (size < 0) return -1;
    size_t left = (size_t)size;
    for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)reply; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == NLMSG_DONE) return count;
      if (h->nlmsg_type == NLMSG_ERROR || count == MAX_ADDRESSES) {
        errno = count == MAX_ADDRESSES ? E2BIG : -((struct nlmsgerr *)NLMSG_DATA(h))->error;
        return -1;
      }
      if (h->nlmsg_type != RTM_NEWADDR || ((struct ifaddrmsg *)NLMSG_DATA(h))->ifa_index != index) continue;
      keep_address(&list[count], h);
      if (list[count].size > 0) count++;
    }
  }
}

// A netlink socket of the container's network namespace. It stays there when we come back.
static int socket_inside(struct walk *walk) {
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), result = -1;
  if (own < 0) return walk_fail(walk, "open", "/proc/self/ns/net");
  if (setns(walk->slots[SLOT_PIDFD], CLONE_NEWNET) < 0) walk_fail(walk, "setns", "network");
  else {
    result = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (result < 0) walk_fail(walk, "socket", "netlink");
    if (setns(own, CLONE_NEWNET) < 0) {
      if (result >= 0) close(result);
      result = walk_fail(walk, "setns", "network");
    }
  }
  close(own);
  return result;
}

static int move(struct walk *walk, int netlink, unsigned index, const char *target) {
  struct request request;
  struct ifinfomsg *link = begin(&request, RTM_NEWLINK, 0, sizeof *link);
  int32_t pid = walk->slots[SLOT_PID];
  link->ifi_index = (int)index;
  add(&request, IFLA_NET_NS_PID, &pid, sizeof pid);
  add(&request, IFLA_IFNAME, target, strlen(target) + 1);
  return transact(netlink, &request) < 0 ? walk_fail(walk, "RTM_NEWLINK", target) : 0;
}

static unsigned index_of(int inside, const char name[IFNAMSIZ]) {
  struct ifreq request = { 0 };
  memcpy(request.ifr_name, name, IFNAMSIZ);
  return ioctl(inside, SIOCGIFINDEX, &request) == 0 ? (unsigned)request.ifr_ifindex : 0;
}

// A name that is taken must be found out before: the kernel moves the device first and then fails to rename it. "%d" stands
// for the first number that is free; the device is found by its name again, as its index may be taken, too.
static int choose_name(struct walk *walk, int inside, const char *target, char name[IFNAMSIZ]) {
  const char *number = strstr(target, "%d");
  for (int i = 0; i < (number ? 1000 : 1); i++) {
    if (number) snprintf(name, IFNAMSIZ, "%.*s%d%s", (int)(number - target), target, i, number + 2);
    else snprintf(name, IFNAMSIZ, "%s", target);
    if (index_of(inside, name) == 0) return 0;
  }
  errno = EEXIST;
  return walk_fail(walk, "RTM_NEWLINK", target);
}

static int set_up(struct walk *walk, int inside, unsigned index, const struct address *list, int count) {
  struct request request;
  for (int i = 0; i < count; i++) {
    struct ifaddrmsg *message = begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof *message);
    *message = list[i].message;
    message->ifa_index = index;
    memcpy((char *)&request + request.header.nlmsg_len, list[i].bytes, list[i].size);
    request.header.nlmsg_len += (uint32_t)list[i].size;
    if (transact(inside, &request) < 0) return walk_fail(walk, "RTM_NEWADDR", NULL);
  }
  struct ifinfomsg *link = begin(&request, RTM_NEWLINK, 0, sizeof *link);
  link->ifi_index = (int)index;
  link->ifi_flags = link->ifi_change = IFF_UP;
  return transact(inside, &request) < 0 ? walk_fail(walk, "RTM_NEWLINK", "up") : 0;
}

int host_net_device(struct walk *walk, const struct step *step) {
  const char *name = walk_string(walk, step, 0), *target = walk_string(walk, step, 1);
  struct address list[MAX_ADDRESSES];
  char chosen[IFNAMSIZ] = "";
  unsigned index = if_nametoindex(name);
  if (index == 0) return walk_fail(walk, "if_nametoindex", name);
  int outside = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), inside = -1, result = -1, count = -1;
  if (outside < 0) return walk_fail(walk, "socket", "netlink");
  if ((count = list_addresses(outside, index, list)) < 0) walk_fail(walk, "RTM_GETADDR", name);
  else if ((inside = socket_inside(walk)) >= 0 && choose_name(walk, inside, target, chosen) == 0 &&
           move(walk, outside, index, chosen) == 0)
    result = set_up(walk, inside, index_of(inside, chosen), list, count);
  if (inside >= 0) close(inside);
  close(outside);
  return result;
}
