// mkbytecode IN.js OUT.bc: compiles one script to QuickJS bytecode, with line numbers and without the source text.
// Build time only. The bytecode is read by the very same QuickJS version: both are linked with one library.
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *text = NULL;
  long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  if (end >= 0) {
    rewind(file);
    *size = (size_t)end;
    text = malloc(*size + 1); // JS_Eval wants a NUL behind the text
    if (text != NULL && fread(text, 1, *size, file) == *size) text[*size] = '\0';
    else {
      free(text);
      text = NULL;
    }
  }
  fclose(file);
  return text;
}

static int write_file(const char *path, const uint8_t *data, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return -1;
  size_t written = fwrite(data, 1, size, file);
  return fclose(file) == 0 && written == size ? 0 : -1;
}

static void report(JSContext *context) {
  JSValue error = JS_GetException(context), stack = JS_GetPropertyStr(context, error, "stack");
  const char *message = JS_ToCString(context, error), *where = JS_ToCString(context, stack);
  fprintf(stderr, "mkbytecode: %s\n%s", message ? message : "error", where ? where : "");
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: mkbytecode IN.js OUT.bc\n", stderr);
    return 2;
  }
  size_t size, length;
  char *source = read_file(argv[1], &size);
  if (source == NULL) {
    perror(argv[1]);
    return 1;
  }
  JSRuntime *runtime = JS_NewRuntime();
  JSContext *context = JS_NewContext(runtime);
  JS_SetStripInfo(runtime, JS_STRIP_SOURCE);
  const char *slash = strrchr(argv[1], '/'); // the name shows in stacks: no path of the build machine
  JSValue script = JS_Eval(context, source, size, slash ? slash + 1 : argv[1],
                           JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | JS_EVAL_FLAG_STRICT);
  free(source);
  uint8_t *bytecode = JS_IsException(script) ? NULL : JS_WriteObject(context, &length, script, JS_WRITE_OBJ_BYTECODE);
  if (bytecode == NULL) {
    report(context);
    return 1;
  }
  if (write_file(argv[2], bytecode, length) < 0) {
    perror(argv[2]);
    return 1;
  }
  js_free(context, bytecode);
  JS_FreeValue(context, script);
  JS_FreeContext(context);
  JS_FreeRuntime(runtime);
  return 0;
}
