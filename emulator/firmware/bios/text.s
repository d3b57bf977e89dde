# Text output of the BIOS itself: on the screen by INT 10h, and to the debug port 0x402.

        .include "bios.inc"

        .section .text
        .globl  print, print_char, print_decimal, print_hex8, print_hex16, print_hex, dispatch

# Jumps to the handler of AH in the table at CS:SI (CASE …, OTHERWISE). SI is the caller's again there.
dispatch:
1:      cmp     byte ptr cs:[si + 1], 0
        jne     2f
        cmp     ah, cs:[si]
        je      2f
        add     si, 4
        jmp     1b
2:      push    word ptr cs:[si + 2]
        mov     si, [bp + F_ESI]
        ret

# Prints the text at CS:SI. Keeps all but SI.
print:
        push    ax
1:      mov     al, cs:[si]
        inc     si
        test    al, al
        jz      2f
        call    print_char
        jmp     1b
2:      pop     ax
        ret

# Prints the character AL.
print_char:
        pusha
        mov     dx, 0x402
        out     dx, al
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
        popa
        ret

# Prints EAX in decimal.
print_decimal:
        pushad
        mov     ecx, 10
        xor     bx, bx
1:      xor     edx, edx
        div     ecx
        push    dx
        inc     bx
        test    eax, eax
        jnz     1b
2:      pop     ax
        add     al, '0'
        call    print_char
        dec     bx
        jnz     2b
        popad
        ret

# Prints AL or AX in hexadecimal; print_hex prints the CX topmost digits of EAX.
print_hex8:
        pushad
        shl     eax, 24
        mov     cx, 2
        jmp     1f
print_hex16:
        pushad
        shl     eax, 16
        mov     cx, 4
1:      call    print_hex
        popad
        ret
print_hex:
        rol     eax, 4
        push    ax
        and     al, 0x0f
        cmp     al, 10
        jb      1f
        add     al, 'a' - '0' - 10
1:      add     al, '0'
        call    print_char
        pop     ax
        loop    print_hex
        ret
