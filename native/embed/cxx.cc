// What the binding needs of the C++ library: there is none for musl, and without exceptions it is this little.
#include <cstdlib>
#include <new>
#include <string>

void *operator new(std::size_t size) {
  void *memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void *operator new[](std::size_t size) { return operator new(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, std::size_t) noexcept { std::free(memory); }

namespace std {
void __throw_bad_alloc() { abort(); }
void __throw_bad_function_call() { abort(); }
void __throw_length_error(const char *) { abort(); }
void __throw_logic_error(const char *) { abort(); }
void __throw_out_of_range_fmt(const char *, ...) { abort(); }
} // namespace std

template class std::basic_string<char>; // the headers expect it in the library
