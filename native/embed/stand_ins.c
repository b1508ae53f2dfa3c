#include "stand_ins.h"
#include "../plan.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The steps of the plan that the walk goes through, and the next of them.
static struct step *steps;
static uint32_t count, next;

static JSValue nothing(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context, (void)self, (void)argc, (void)argv;
  return JS_UNDEFINED;
}

static JSValue yes(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context, (void)self, (void)argc, (void)argv;
  return JS_TRUE;
}

static JSValue zero(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context, (void)self, (void)argc, (void)argv;
  return JS_NewInt32(context, 0);
}

static JSValue own_pid(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return JS_NewInt32(context, getpid());
}

// As root, who needs no user namespace.
static JSValue identity(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  JSValue list = JS_NewArray(context);
  JS_SetPropertyUint32(context, list, 0, own_pid(context, self, argc, argv));
  for (uint32_t i = 1; i < 5; i++) JS_SetPropertyUint32(context, list, i, JS_NewInt32(context, 0));
  return list;
}

static JSValue walk_begin(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  size_t size = 0;
  JSValue buffer = argc > 0 ? JS_GetTypedArrayBuffer(context, argv[0], NULL, NULL, NULL) : JS_UNDEFINED;
  const uint8_t *bytes = JS_GetArrayBuffer(context, &size, buffer);
  JS_FreeValue(context, buffer);
  if (!bytes || size < sizeof(struct plan_header)) return JS_ThrowTypeError(context, "walkBegin: the records of a plan expected");
  size -= sizeof(struct plan_header);
  free(steps);
  steps = malloc(size);
  if (!steps) return JS_ThrowOutOfMemory(context);
  memcpy(steps, bytes + sizeof(struct plan_header), size);
  count = (uint32_t)(size / sizeof *steps);
  next = 0;
  return JS_UNDEFINED;
}

static JSValue walk_result(JSContext *context, const char *status, uint32_t step) {
  JSValue result = JS_NewObject(context);
  JS_SetPropertyStr(context, result, "status", JS_NewString(context, status));
  JS_SetPropertyStr(context, result, "step", JS_NewUint32(context, step));
  return result;
}

static JSValue walk(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  while (next < count && steps[next].actor != ACTOR_TYPESCRIPT) next++;
  return next < count ? walk_result(context, "call", next++) : walk_result(context, "done", 0);
}

static JSValue start_init(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *socket = argc > 0 ? JS_ToCString(context, argv[0]) : NULL;
  if (!socket) return JS_EXCEPTION;
  unlink(socket);
  JS_FreeCString(context, socket);
  return walk_result(context, "done", 0);
}

static const struct stand_in {
  const char *name;
  JSCFunction *function;
} stand_ins[] = {
  { "access", yes },         { "holdSignals", nothing }, { "identity", identity },     { "prepareNetwork", nothing },
  { "rmdir", nothing },      { "signal", yes },          { "slot", own_pid },          { "startInit", start_init },
  { "supervise", zero },     { "waitCgroup", yes },      { "waitExit", yes },          { "walk", walk },
  { "walkBegin", walk_begin }, { "writeFile", nothing },
};

void stand_ins_install(JSContext *context, JSValueConst native) {
  for (size_t i = 0; i < sizeof stand_ins / sizeof *stand_ins; i++)
    JS_SetPropertyStr(context, native, stand_ins[i].name, JS_NewCFunction(context, stand_ins[i].function, stand_ins[i].name, 0));
}
