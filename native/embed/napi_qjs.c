// One environment, one thread, no event loop. A napi_value is an index into a growing stack of JSValues, a handle scope a
// saved height of that stack. Slot 0 holds undefined: node-addon-api's empty values (a null handle) land there.
// The pending exception of Node-API is QuickJS' own. Only what the binding needs is here: a link error names what is missing.
#define _GNU_SOURCE
#include "napi_qjs.h"
#include "snapshot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Node-API passes an environment to each function; there is but one, and node-addon-api may pass null.
#pragma GCC diagnostic ignored "-Wunused-parameter"

struct function_record {
  napi_callback callback;
  void *data;
};

struct napi_env__ {
  JSContext *context;
  JSValue *slots;
  size_t top, capacity;
  struct function_record *functions; // a function's "magic" number is an index
  size_t function_count, function_capacity;
  JSClassID first_array_class, buffer_class; // 0 until the first question about bytes
  napi_extended_error_info last;
};

struct napi_ref__ {
  JSValue value;
};

struct napi_callback_info__ {
  JSValueConst self;
  int argc;
  JSValueConst *argv;
  void *data;
};

enum { SLOT_EMPTY, SLOT_UNDEFINED, SLOT_NULL, SLOT_FALSE, SLOT_TRUE };
enum { FUNCTION_LIMIT = INT16_MAX }; // QuickJS keeps the magic number in 16 bits

static SNAPSHOT struct napi_env__ the;

static JSValue *slot(const void *handle) {
  return &the.slots[(uintptr_t)handle];
}

static napi_value fixed(uintptr_t index) {
  return (napi_value)index;
}

static napi_status status(napi_status code) {
  return the.last.error_code = code;
}

static napi_status failed(void) {
  return status(JS_HasException(the.context) ? napi_pending_exception : napi_generic_failure);
}

// Functions that may run JavaScript refuse to while an exception is on its way.
#define REQUIRE(condition, code) \
  do { \
    if (!(condition)) return status(code); \
  } while (0)
#define REQUIRE_NO_EXCEPTION() REQUIRE(!JS_HasException(the.context), napi_pending_exception)
#define REQUIRE_OBJECT(handle) REQUIRE((handle) != NULL && JS_IsObject(*slot(handle)), napi_object_expected)

// Makes a handle of a value, which it owns from now on.
static napi_status push(JSValue value, napi_value *out) {
  if (JS_IsException(value)) return failed();
  if (the.top == the.capacity) {
    size_t capacity = the.capacity == 0 ? 256 : the.capacity * 2;
    JSValue *slots = js_realloc(the.context, the.slots, capacity * sizeof *slots);
    if (slots == NULL) {
      JS_FreeValue(the.context, value);
      return status(napi_generic_failure);
    }
    the.slots = slots;
    the.capacity = capacity;
  }
  the.slots[the.top] = value;
  *out = fixed(the.top++);
  return status(napi_ok);
}

static void pop_to(size_t top) {
  while (the.top > top) JS_FreeValue(the.context, the.slots[--the.top]);
}

// --- functions -------------------------------------------------------------------------------------------------------

// Every native function enters here. Nothing that it made a handle of outlives the call, except by a reference.
static JSValue trampoline(JSContext *context, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  const struct function_record record = the.functions[magic];
  struct napi_callback_info__ info = { self, argc, argv, record.data };
  size_t top = the.top;
  napi_value result = record.callback(&the, &info);
  JSValue value = JS_EXCEPTION;
  if (!JS_HasException(context)) value = result == NULL ? JS_UNDEFINED : JS_DupValue(context, *slot(result));
  pop_to(top);
  return value;
}

// A name is a C string here: node-addon-api's functions have constant ones.
static JSValue make_function(const char *name, napi_callback callback, void *data) {
  if (the.function_count == the.function_capacity) {
    size_t capacity = the.function_capacity == 0 ? 64 : the.function_capacity * 2;
    struct function_record *functions = js_realloc(the.context, the.functions, capacity * sizeof *functions);
    if (functions == NULL || capacity > FUNCTION_LIMIT) return JS_ThrowOutOfMemory(the.context);
    the.functions = functions;
    the.function_capacity = capacity;
  }
  int magic = (int)the.function_count++;
  the.functions[magic] = (struct function_record){ callback, data };
  return JS_NewCFunctionMagic(the.context, trampoline, name, 0, JS_CFUNC_generic_magic, magic);
}

napi_status napi_create_function(napi_env env, const char *name, size_t length, napi_callback callback, void *data, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE(name != NULL && length == NAPI_AUTO_LENGTH, napi_invalid_arg);
  return push(make_function(name, callback, data), out);
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t *argc, napi_value *argv, napi_value *self, void **data) {
  for (size_t i = 0; argv != NULL && i < *argc; i++) {
    if (i >= (size_t)info->argc) argv[i] = fixed(SLOT_UNDEFINED);
    else if (push(JS_DupValue(the.context, info->argv[i]), &argv[i]) != napi_ok) return the.last.error_code;
  }
  if (argc != NULL) *argc = (size_t)info->argc;
  if (self != NULL && push(JS_DupValue(the.context, info->self), self) != napi_ok) return the.last.error_code;
  if (data != NULL) *data = info->data;
  return status(napi_ok);
}

napi_status napi_call_function(napi_env env, napi_value self, napi_value function, size_t argc, const napi_value *argv, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE(JS_IsFunction(the.context, *slot(function)), napi_invalid_arg);
  JSValue arguments[argc + 1];
  for (size_t i = 0; i < argc; i++) arguments[i] = *slot(argv[i]);
  JSValue result = JS_Call(the.context, *slot(function), *slot(self), (int)argc, arguments);
  if (JS_IsException(result)) return status(napi_pending_exception);
  if (out != NULL) return push(result, out);
  JS_FreeValue(the.context, result);
  return status(napi_ok);
}

// --- scopes and references -------------------------------------------------------------------------------------------

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope *scope) {
  *scope = (napi_handle_scope)(uintptr_t)the.top;
  return status(napi_ok);
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  pop_to((uintptr_t)scope);
  return status(napi_ok);
}

// The slot for what escapes lies just below the scope.
napi_status napi_open_escapable_handle_scope(napi_env env, napi_escapable_handle_scope *scope) {
  napi_value below;
  if (push(JS_UNDEFINED, &below) != napi_ok) return the.last.error_code;
  *scope = (napi_escapable_handle_scope)below;
  return status(napi_ok);
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope scope) {
  pop_to((uintptr_t)scope + 1);
  return status(napi_ok);
}

napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope scope, napi_value value, napi_value *out) {
  JSValue before = *slot(scope);
  *slot(scope) = JS_DupValue(the.context, *slot(value));
  JS_FreeValue(the.context, before);
  *out = (napi_value)scope;
  return status(napi_ok);
}

// All references are strong: the binding has no weak ones. Primitives are refused as in Node.js (Napi::Error counts on it).
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref *out) {
  REQUIRE(JS_IsObject(*slot(value)), napi_invalid_arg);
  napi_ref reference = malloc(sizeof *reference);
  REQUIRE(reference != NULL, napi_generic_failure);
  reference->value = JS_DupValue(the.context, *slot(value));
  *out = reference;
  return status(napi_ok);
}

napi_status napi_delete_reference(napi_env env, napi_ref reference) {
  JS_FreeValue(the.context, reference->value);
  free(reference);
  return status(napi_ok);
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value *out) {
  return push(JS_DupValue(the.context, reference->value), out);
}

// --- errors ----------------------------------------------------------------------------------------------------------

napi_status napi_get_last_error_info(node_api_basic_env env, const napi_extended_error_info **out) {
  the.last.error_message = the.last.error_code == napi_ok ? NULL : "Node-API call failed";
  *out = &the.last;
  return napi_ok;
}

// Through the constructor, so that the error has a stack.
static napi_status make_error(const char *class, napi_value code, napi_value message, napi_value *out) {
  REQUIRE(message != NULL && JS_IsString(*slot(message)), napi_string_expected);
  JSValue global = JS_GetGlobalObject(the.context);
  JSValue constructor = JS_GetPropertyStr(the.context, global, class);
  JSValue error = JS_CallConstructor(the.context, constructor, 1, slot(message));
  JS_FreeValue(the.context, constructor);
  JS_FreeValue(the.context, global);
  if (code != NULL && !JS_IsException(error)) JS_SetPropertyStr(the.context, error, "code", JS_DupValue(the.context, *slot(code)));
  return push(error, out);
}

napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value *out) {
  return make_error("Error", code, message, out);
}

napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message, napi_value *out) {
  return make_error("TypeError", code, message, out);
}

napi_status napi_throw(napi_env env, napi_value error) {
  REQUIRE_NO_EXCEPTION();
  JS_Throw(the.context, JS_DupValue(the.context, *slot(error)));
  return status(napi_ok);
}

napi_status napi_is_exception_pending(napi_env env, bool *out) {
  *out = JS_HasException(the.context);
  return status(napi_ok);
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value *out) {
  if (JS_HasException(the.context)) return push(JS_GetException(the.context), out);
  *out = fixed(SLOT_UNDEFINED);
  return status(napi_ok);
}

// node-addon-api calls this where the binding itself is wrong.
void napi_fatal_error(const char *place, size_t place_length, const char *message, size_t message_length) {
  fprintf(stderr, "runts: fatal error in the native binding: %s\n", place == NULL ? "" : place);
  abort();
}

// --- primitive values ------------------------------------------------------------------------------------------------

napi_status napi_get_undefined(napi_env env, napi_value *out) {
  *out = fixed(SLOT_UNDEFINED);
  return status(napi_ok);
}

napi_status napi_get_null(napi_env env, napi_value *out) {
  *out = fixed(SLOT_NULL);
  return status(napi_ok);
}

napi_status napi_get_boolean(napi_env env, bool value, napi_value *out) {
  *out = fixed(value ? SLOT_TRUE : SLOT_FALSE);
  return status(napi_ok);
}

napi_status napi_create_double(napi_env env, double value, napi_value *out) {
  return push(JS_NewFloat64(the.context, value), out);
}

napi_status napi_create_bigint_uint64(napi_env env, uint64_t value, napi_value *out) {
  return push(JS_NewBigUint64(the.context, value), out);
}

napi_status napi_create_string_utf8(napi_env env, const char *text, size_t length, napi_value *out) {
  return push(JS_NewStringLen(the.context, text, length == NAPI_AUTO_LENGTH ? strlen(text) : length), out);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype *out) {
  REQUIRE(value != NULL, napi_invalid_arg);
  switch (JS_VALUE_GET_NORM_TAG(*slot(value))) {
  case JS_TAG_UNDEFINED: *out = napi_undefined; break;
  case JS_TAG_NULL: *out = napi_null; break;
  case JS_TAG_BOOL: *out = napi_boolean; break;
  case JS_TAG_INT:
  case JS_TAG_FLOAT64: *out = napi_number; break;
  case JS_TAG_BIG_INT:
  case JS_TAG_SHORT_BIG_INT: *out = napi_bigint; break;
  case JS_TAG_STRING:
  case JS_TAG_STRING_ROPE: *out = napi_string; break;
  case JS_TAG_SYMBOL: *out = napi_symbol; break;
  case JS_TAG_OBJECT: *out = JS_IsFunction(the.context, *slot(value)) ? napi_function : napi_object; break;
  default: return status(napi_invalid_arg);
  }
  return status(napi_ok);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool *out) {
  REQUIRE(JS_IsBool(*slot(value)), napi_boolean_expected);
  *out = JS_VALUE_GET_BOOL(*slot(value));
  return status(napi_ok);
}

napi_status napi_get_value_double(napi_env env, napi_value value, double *out) {
  REQUIRE(JS_IsNumber(*slot(value)), napi_number_expected);
  JS_ToFloat64(the.context, out, *slot(value));
  return status(napi_ok);
}

// QuickJS writes a lone surrogate as the three bytes ED A0..BF xx; Node.js writes U+FFFD, three bytes too.
static void replace_surrogates(char *text, size_t size) {
  for (char *at = memchr(text, 0xED, size); at != NULL; at = memchr(at + 1, 0xED, size - (size_t)(at + 1 - text)))
    if (size - (size_t)(at - text) >= 3 && (at[1] & 0xE0) == 0xA0) memcpy(at, "\xEF\xBF\xBD", 3);
}

// With no buffer only tells the length; a short one gets whole characters only.
napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char *buffer, size_t size, size_t *length) {
  REQUIRE(JS_IsString(*slot(value)), napi_string_expected);
  size_t count;
  const char *text = JS_ToCStringLen(the.context, &count, *slot(value));
  if (text == NULL) return failed();
  if (buffer != NULL && size > 0) {
    if (count > size - 1)
      for (count = size - 1; count > 0 && (text[count] & 0xC0) == 0x80;) count--;
    memcpy(buffer, text, count);
    buffer[count] = '\0';
    replace_surrogates(buffer, count);
  }
  if (length != NULL) *length = count;
  JS_FreeCString(the.context, text);
  return status(napi_ok);
}

// --- objects and arrays ----------------------------------------------------------------------------------------------

napi_status napi_create_object(napi_env env, napi_value *out) {
  return push(JS_NewObject(the.context), out);
}

napi_status napi_create_array(napi_env env, napi_value *out) {
  return push(JS_NewArray(the.context), out);
}

napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value *out) {
  JSValue array = JS_NewArray(the.context);
  if (!JS_IsException(array)) JS_SetPropertyStr(the.context, array, "length", JS_NewInt64(the.context, (int64_t)length));
  return push(array, out);
}

napi_status napi_is_array(napi_env env, napi_value value, bool *out) {
  *out = JS_IsArray(the.context, *slot(value)) > 0;
  return status(napi_ok);
}

napi_status napi_get_array_length(napi_env env, napi_value array, uint32_t *out) {
  REQUIRE(JS_IsArray(the.context, *slot(array)) > 0, napi_array_expected);
  JSValue length = JS_GetPropertyStr(the.context, *slot(array), "length");
  JS_ToUint32(the.context, out, length);
  JS_FreeValue(the.context, length);
  return status(napi_ok);
}

napi_status napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  return push(JS_GetPropertyUint32(the.context, *slot(object), index), out);
}

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  if (JS_SetPropertyUint32(the.context, *slot(object), index, JS_DupValue(the.context, *slot(value))) < 0) return failed();
  return status(napi_ok);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char *name, napi_value value) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  if (JS_SetPropertyStr(the.context, *slot(object), name, JS_DupValue(the.context, *slot(value))) < 0) return failed();
  return status(napi_ok);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool *out) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  JSAtom atom = JS_ValueToAtom(the.context, *slot(key));
  if (atom == JS_ATOM_NULL) return failed();
  int found = JS_HasProperty(the.context, *slot(object), atom);
  JS_FreeAtom(the.context, atom);
  if (found < 0) return failed();
  *out = found > 0;
  return status(napi_ok);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  JSAtom atom = JS_ValueToAtom(the.context, *slot(key));
  if (atom == JS_ATOM_NULL) return failed();
  JSValue value = JS_GetProperty(the.context, *slot(object), atom);
  JS_FreeAtom(the.context, atom);
  return push(value, out);
}

// Values only: the binding has no accessors and no methods made this way.
napi_status napi_define_properties(napi_env env, napi_value object, size_t count, const napi_property_descriptor *properties) {
  REQUIRE_NO_EXCEPTION();
  REQUIRE_OBJECT(object);
  for (size_t i = 0; i < count; i++) {
    const napi_property_descriptor *property = &properties[i];
    REQUIRE(property->value != NULL, napi_invalid_arg);
    JSAtom atom = property->utf8name != NULL ? JS_NewAtom(the.context, property->utf8name) : JS_ValueToAtom(the.context, *slot(property->name));
    if (atom == JS_ATOM_NULL) return failed();
    int flags = (property->attributes & napi_writable ? JS_PROP_WRITABLE : 0) |
                (property->attributes & napi_enumerable ? JS_PROP_ENUMERABLE : 0) |
                (property->attributes & napi_configurable ? JS_PROP_CONFIGURABLE : 0);
    int defined = JS_DefinePropertyValue(the.context, *slot(object), atom, JS_DupValue(the.context, *slot(property->value)), flags);
    JS_FreeAtom(the.context, atom);
    if (defined < 0) return failed();
  }
  return status(napi_ok);
}

// --- bytes -----------------------------------------------------------------------------------------------------------

static const struct {
  napi_typedarray_type type;
  uint8_t element_size;
} array_kinds[] = { // in the order of JSTypedArrayEnum, which is that of the class numbers
  { napi_uint8_clamped_array, 1 }, { napi_int8_array, 1 },  { napi_uint8_array, 1 },     { napi_int16_array, 2 },
  { napi_uint16_array, 2 },        { napi_int32_array, 4 }, { napi_uint32_array, 4 },    { napi_bigint64_array, 8 },
  { napi_biguint64_array, 8 },     { napi_float32_array, 4 }, { napi_float64_array, 8 },
};
enum { ARRAY_KINDS = sizeof array_kinds / sizeof *array_kinds };

static JSClassID class_of(JSValueConst value) {
  JSClassID class;
  JS_GetAnyOpaque(value, &class);
  return class;
}

// QuickJS does not publish the class numbers of its typed arrays: they are read off one array and its buffer.
static void learn_classes(void) {
  JSValue arguments[] = { JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED }; // JS_NewTypedArray always reads three
  JSValue array = JS_NewTypedArray(the.context, 0, arguments, JS_TYPED_ARRAY_UINT8C);
  JSValue buffer = JS_GetTypedArrayBuffer(the.context, array, NULL, NULL, NULL);
  the.first_array_class = class_of(array);
  the.buffer_class = class_of(buffer);
  JS_FreeValue(the.context, buffer);
  JS_FreeValue(the.context, array);
}

// Index into array_kinds, -1 for anything else.
static int array_kind(napi_value value) {
  if (the.first_array_class == 0) learn_classes();
  JSClassID class = class_of(*slot(value));
  return class >= the.first_array_class && class < the.first_array_class + ARRAY_KINDS ? (int)(class - the.first_array_class) : -1;
}

napi_status napi_is_typedarray(napi_env env, napi_value value, bool *out) {
  *out = array_kind(value) >= 0;
  return status(napi_ok);
}

static void free_bytes(JSRuntime *runtime, void *opaque, void *bytes) {
  js_free_rt(runtime, bytes);
}

napi_status napi_create_arraybuffer(napi_env env, size_t size, void **data, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  uint8_t *bytes = js_mallocz(the.context, size == 0 ? 1 : size);
  if (bytes == NULL) return failed();
  if (data != NULL) *data = bytes;
  return push(JS_NewArrayBuffer(the.context, bytes, size, free_bytes, NULL, false), out);
}

napi_status napi_get_arraybuffer_info(node_api_basic_env env, napi_value buffer, void **data, size_t *size) {
  size_t length;
  uint8_t *bytes = JS_GetArrayBuffer(the.context, &length, *slot(buffer));
  if (bytes == NULL && JS_HasException(the.context)) {
    JS_FreeValue(the.context, JS_GetException(the.context));
    return status(napi_invalid_arg);
  }
  if (data != NULL) *data = bytes;
  if (size != NULL) *size = length;
  return status(napi_ok);
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer, size_t offset, napi_value *out) {
  REQUIRE_NO_EXCEPTION();
  int kind = 0;
  while (kind < ARRAY_KINDS && array_kinds[kind].type != type) kind++;
  REQUIRE(kind < ARRAY_KINDS, napi_invalid_arg);
  JSValue arguments[] = { *slot(buffer), JS_NewInt64(the.context, (int64_t)offset), JS_NewInt64(the.context, (int64_t)length) };
  return push(JS_NewTypedArray(the.context, 3, arguments, (JSTypedArrayEnum)kind), out);
}

napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type *type, size_t *length, void **data,
                                     napi_value *buffer, size_t *offset) {
  int kind = array_kind(array);
  REQUIRE(kind >= 0, napi_invalid_arg);
  size_t start, size, whole;
  JSValue bytes = JS_GetTypedArrayBuffer(the.context, *slot(array), &start, &size, NULL);
  if (JS_IsException(bytes)) return failed();
  if (type != NULL) *type = array_kinds[kind].type;
  if (length != NULL) *length = size / array_kinds[kind].element_size;
  if (offset != NULL) *offset = start;
  if (data != NULL) {
    uint8_t *first = JS_GetArrayBuffer(the.context, &whole, bytes);
    *data = first == NULL ? NULL : first + start;
  }
  if (buffer != NULL) return push(bytes, buffer);
  JS_FreeValue(the.context, bytes);
  return status(napi_ok);
}

// --- what node-addon-api's classes refer to and the binding never calls ----------------------------------------------

napi_status napi_async_destroy(napi_env env, napi_async_context context) {
  return status(napi_generic_failure);
}

napi_status napi_close_callback_scope(napi_env env, napi_callback_scope scope) {
  return status(napi_generic_failure);
}

// --- for the host ----------------------------------------------------------------------------------------------------

JSValue napi_qjs_load(JSContext *context, napi_value (*init)(napi_env, napi_value)) {
  const JSValue first[] = { JS_UNDEFINED, JS_UNDEFINED, JS_NULL, JS_FALSE, JS_TRUE }; // enum SLOT_*
  napi_value exports;
  the.context = context;
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    if (push(first[i], &exports) != napi_ok) return JS_ThrowOutOfMemory(context);
  size_t top = the.top;
  if (push(JS_NewObject(context), &exports) != napi_ok) return JS_EXCEPTION;
  napi_value result = init(&the, exports);
  JSValue value = JS_HasException(context) ? JS_EXCEPTION : JS_DupValue(context, *slot(result != NULL ? result : exports));
  pop_to(top);
  return value;
}

void napi_qjs_unload(void) {
  pop_to(0);
  js_free(the.context, the.slots);
  js_free(the.context, the.functions);
  the = (struct napi_env__){ 0 };
}
