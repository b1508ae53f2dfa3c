#ifndef RUNTS_OPEN_DEVICE_H
#define RUNTS_OPEN_DEVICE_H
#include "walk.h"
// open_device: an O_PATH descriptor of a character device, by path but believed only for its number (CVE-2025-31133).
int open_device(struct walk *walk, const struct step *step);
#endif
