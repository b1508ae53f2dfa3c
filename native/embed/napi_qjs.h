// The part of Node-API that the project's binding links, on top of QuickJS.
#ifndef RUNTS_NAPI_QJS_H
#define RUNTS_NAPI_QJS_H
#include <node_api.h>
#include <quickjs.h>

// Makes the one environment and lets `init` (the addon's napi_register_module_v1) fill a fresh exports object.
// JS_EXCEPTION when it threw.
JSValue napi_qjs_load(JSContext *context, napi_value (*init)(napi_env, napi_value));
// Frees the environment's handles; for a host that tears everything down. No callback may run afterwards.
void napi_qjs_unload(void);
#endif
