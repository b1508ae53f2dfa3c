/* A file of the build as read-only data: SYMBOL .. SYMBOL_end. SYMBOL and FILE are defined on the command line. */
#define JOIN(a, b) a##b
#define END(name) JOIN(name, _end)
    .section .rodata
    .globl SYMBOL
    .globl END(SYMBOL)
    .hidden SYMBOL
    .hidden END(SYMBOL)
    .balign 16
SYMBOL:
    .incbin FILE
END(SYMBOL):
    .byte 0
    .section .note.GNU-stack,"",%progbits
