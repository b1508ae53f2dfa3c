// For the rehearsal: in the place of the functions that would make, change or end a container, others that do nothing and say
// that all went well. So whole commands can be performed anywhere, by anybody.
#ifndef RUNTS_STAND_INS_H
#define RUNTS_STAND_INS_H
#include <quickjs.h>

// `native` is what the binding exports (src/native.ts).
void stand_ins_install(JSContext *context, JSValueConst native);
#endif
