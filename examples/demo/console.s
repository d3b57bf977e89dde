# The console: VGA text at B8000 and the serial line COM1.

        .include "demo.inc"

        .section .text
        .globl  console_init, print, print_bytes, put, print_hex, read_character, serial_interrupt

        .equ    VIDEO, 0xb8000
        .equ    COLUMNS, 80
        .equ    ROWS, 25
        .equ    COM1, 0x3f8
        .equ    BUFFER_BYTES, 64

# Clears the screen; COM1 to 115200 baud, 8N1, with an interrupt for each character.
console_init:
        mov     edi, VIDEO
        mov     ax, 0x1f20              # white on blue
        mov     ecx, COLUMNS * ROWS
        rep stosw
        mov     dx, COM1 + 3
        mov     al, 0x80
        out     dx, al
        mov     dx, COM1
        mov     al, 1
        out     dx, al
        inc     dx
        mov     al, 0
        out     dx, al
        mov     dx, COM1 + 3
        mov     al, 3
        out     dx, al
        mov     dx, COM1 + 1            # interrupt when a character has arrived
        mov     al, 1
        out     dx, al
        mov     dx, COM1 + 4            # let it through: OUT2
        mov     al, 0x0b
        out     dx, al
        ret

# Prints the text at RDI.
print:  mov     al, [rdi]
        inc     rdi
        test    al, al
        jz      1f
        call    put
        jmp     print
1:      ret

# Prints RSI characters from RDI on.
print_bytes:
        test    rsi, rsi
        jz      1f
        mov     al, [rdi]
        inc     rdi
        dec     rsi
        call    put
        jmp     print_bytes
1:      ret

# Prints RAX as 16 hexadecimal digits.
print_hex:
        push    rcx
        mov     ecx, 16
1:      rol     rax, 4
        push    rax
        and     al, 0x0f
        cmp     al, 10
        jb      2f
        add     al, 'a' - '0' - 10
2:      add     al, '0'
        call    put
        pop     rax
        loop    1b
        pop     rcx
        ret

# Prints the character AL. Keeps all registers but RAX.
put:    push    rdx
        push    rdi
        push    rcx
        mov     ah, al
        mov     dx, COM1 + 5
1:      in      al, dx
        test    al, 0x20                # the transmitter is empty
        jz      1b
        mov     dx, COM1
        mov     al, ah
        out     dx, al

        mov     edi, cursor
        cmp     al, '\r'
        je      3f
        cmp     al, '\n'
        je      4f
        cmp     al, 8
        je      6f
        mov     [VIDEO + rdi * 2], al
        inc     edi
2:      cmp     edi, COLUMNS * ROWS
        jb      5f
        # Scroll: all rows one up, blanks in the last.
        push    rsi
        mov     edi, VIDEO
        mov     esi, VIDEO + COLUMNS * 2
        mov     ecx, COLUMNS * (ROWS - 1) * 2 / 8
        rep movsq
        mov     ax, 0x1f20
        mov     ecx, COLUMNS
        rep stosw
        pop     rsi
        mov     edi, COLUMNS * (ROWS - 1)
        jmp     5f
3:      mov     eax, edi                # to the row's first column
        xor     edx, edx
        mov     ecx, COLUMNS
        div     ecx
        sub     edi, edx
        jmp     5f
4:      add     edi, COLUMNS
        jmp     2b
6:      cmp     edi, 1
        adc     edi, -1
5:      mov     cursor, edi
        # The screen's own cursor.
        mov     dx, 0x3d4
        mov     eax, edi
        mov     al, 0x0e
        mov     ecx, edi
        mov     ah, ch
        out     dx, ax
        mov     al, 0x0f
        mov     ah, cl
        out     dx, ax
        pop     rcx
        pop     rdi
        pop     rdx
        ret

# IRQ4: takes what has arrived into the buffer; what does not fit is lost.
serial_interrupt:
        push    rax
        push    rdx
        push    rcx
1:      mov     dx, COM1 + 5
        in      al, dx
        test    al, 1
        jz      2f
        mov     dx, COM1
        in      al, dx
        mov     ecx, buffer_head
        sub     ecx, buffer_tail
        cmp     ecx, BUFFER_BYTES
        jae     1b
        mov     ecx, buffer_head
        and     ecx, BUFFER_BYTES - 1
        mov     [buffer + rcx], al
        inc     dword ptr buffer_head
        jmp     1b
2:      mov     al, 0x20
        out     0x20, al
        pop     rcx
        pop     rdx
        pop     rax
        iretq

# RAX = the next character from the serial line; waits for it with interrupts on.
read_character:
        cli
        mov     ecx, buffer_tail
        cmp     ecx, buffer_head
        jne     1f
        sti
        hlt                             # STI holds interrupts back up to here: none is missed
        jmp     read_character
1:      and     ecx, BUFFER_BYTES - 1
        movzx   eax, byte ptr [buffer + rcx]
        inc     dword ptr buffer_tail
        sti
        ret

        .balign 4
cursor: .long   0
buffer_head:
        .long   0
buffer_tail:
        .long   0
buffer: .skip   BUFFER_BYTES
