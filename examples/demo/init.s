# The demo's init: the one program in ring 3. It answers commands on the serial console.

        .include "demo.inc"

        .equ    LINE_BYTES, 64

        .section .text
        .globl  _start
_start:
        mov     rsi, offset greeting
        call    say
prompt:
        mov     rsi, offset prompt_text
        call    say
        xor     ebx, ebx                # characters of the line

next_character:
        mov     eax, SYS_READ
        syscall
        cmp     al, '\r'
        je      execute
        cmp     al, '\n'
        je      execute
        cmp     al, 127
        je      erase
        cmp     al, 8
        je      erase
        cmp     al, ' '
        jb      next_character
        cmp     ebx, LINE_BYTES - 1
        jae     next_character
        mov     [line + rbx], al
        lea     rdi, [line + rbx]       # echo
        mov     esi, 1
        inc     ebx
        mov     eax, SYS_WRITE
        syscall
        jmp     next_character
erase:
        test    ebx, ebx
        jz      next_character
        dec     ebx
        mov     rsi, offset erase_text
        call    say
        jmp     next_character

# Looks for the line among the commands.
execute:
        mov     byte ptr [line + rbx], 0
        mov     rsi, offset new_line
        call    say
        test    ebx, ebx
        jz      prompt
        mov     rbp, offset commands
next_command:
        mov     rsi, [rbp]
        test    rsi, rsi
        jz      unknown
        mov     rdi, offset line
1:      mov     al, [rsi]
        cmp     al, [rdi]
        jne     2f
        inc     rsi
        inc     rdi
        test    al, al
        jnz     1b
        call    [rbp + 8]
        jmp     prompt
2:      add     rbp, 16
        jmp     next_command
unknown:
        mov     rsi, offset unknown_text
        call    say
        jmp     prompt

help:   mov     rsi, offset help_text
        jmp     say

show_ticks:
        mov     eax, SYS_TICKS
        syscall
        # In decimal, from the last digit.
        mov     rsi, offset number_end
        mov     ecx, 10
1:      xor     edx, edx
        div     rcx
        add     dl, '0'
        dec     rsi
        mov     [rsi], dl
        test    rax, rax
        jnz     1b
        call    say
        mov     rsi, offset new_line
        jmp     say

show_registers:
        mov     eax, SYS_REGISTERS
        syscall
        ret

# An invalid instruction: the kernel prints the exception and starts init again.
crash:  ud2

power_off:
        mov     eax, SYS_POWEROFF
        syscall
        ret

# Prints the text at RSI.
say:    mov     rdi, rsi
        xor     esi, esi
1:      cmp     byte ptr [rdi + rsi], 0
        je      2f
        inc     esi
        jmp     1b
2:      mov     eax, SYS_WRITE
        syscall
        ret

greeting:
        .asciz  "\r\nInit of the Bootscope demo. Type help.\r\n"
prompt_text:
        .asciz  "> "
erase_text:
        .asciz  "\b \b"
new_line:
        .asciz  "\r\n"
unknown_text:
        .asciz  "There is no such command. Type help.\r\n"
help_text:
        .ascii  "help      this text\r\n"
        .ascii  "ticks     timer interrupts since the start, a hundred a second\r\n"
        .ascii  "regs      registers at this system call\r\n"
        .ascii  "crash     an invalid instruction\r\n"
        .asciz  "poweroff  switch the machine off\r\n"
help_name:
        .asciz  "help"
ticks_name:
        .asciz  "ticks"
registers_name:
        .asciz  "regs"
crash_name:
        .asciz  "crash"
poweroff_name:
        .asciz  "poweroff"

        .balign 8
commands:
        .quad   help_name, help
        .quad   ticks_name, show_ticks
        .quad   registers_name, show_registers
        .quad   crash_name, crash
        .quad   poweroff_name, power_off
        .quad   0

line:   .skip   LINE_BYTES
        .skip   20
number_end:
        .byte   0
