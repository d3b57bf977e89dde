# Prints on COM1 what INT 16h AH=10h returns for each key, with the shift keys, up to Escape; then switches off.

        .intel_syntax noprefix
        .code16
        .section .text
        .globl  _start
_start: ljmp    0, offset begin
begin:  xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, 0x7c00
        sti
        mov     al, '!'                 # ready
        call    put
next:   mov     ah, 0x10
        int     0x16
        mov     bx, ax
        mov     ah, 0x02
        int     0x16
        mov     cl, al
        mov     ax, bx
        call    put_word
        mov     ah, 0
        mov     al, cl
        call    put_word
        mov     al, '\n'
        call    put
        cmp     bx, 0x011b
        jne     next
        mov     dx, 0x604
        mov     ax, 0x2000
        out     dx, ax
1:      hlt
        jmp     1b

# AX in hexadecimal and a blank.
put_word:
        mov     si, 4
1:      rol     ax, 4
        push    ax
        and     al, 0x0f
        cmp     al, 10
        jb      2f
        add     al, 'a' - '0' - 10
2:      add     al, '0'
        call    put
        pop     ax
        dec     si
        jnz     1b
        mov     al, ' '
put:    push    dx
        push    ax
        mov     dx, 0x3fd
1:      in      al, dx
        test    al, 0x20
        jz      1b
        pop     ax
        mov     dx, 0x3f8
        out     dx, al
        pop     dx
        ret

        .org    510
        .word   0xaa55
