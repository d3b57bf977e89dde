# Interrupts: the IDT, exceptions (printed), timer and serial line; and system calls.

        .include "demo.inc"

        .section .text
        .globl  interrupts_init, system_calls_init

        .equ    PIC1, 0x20
        .equ    PIC2, 0xa0
        .equ    IRQ_BASE, 0x20          # the 8259s' interrupts behind the exceptions
        .equ    EXCEPTIONS, 32
        .equ    INTERRUPT_GATE, 0x8e
        .equ    IA32_EFER, 0xc0000080
        .equ    IA32_STAR, 0xc0000081
        .equ    IA32_LSTAR, 0xc0000082
        .equ    IA32_FMASK, 0xc0000084
        .equ    POWER_PORT, 0x604       # PM1a control of the board's PIIX4
        .equ    POWER_OFF, 0x2000       # SLP_EN, sleep type 0

interrupts_init:
        # Exceptions: one stub of 16 bytes each.
        xor     ecx, ecx
        mov     rax, offset exception_stubs
1:      call    set_gate
        add     rax, 16
        inc     ecx
        cmp     ecx, EXCEPTIONS
        jb      1b
        mov     ecx, IRQ_BASE
        mov     rax, offset timer_interrupt
        call    set_gate
        mov     ecx, IRQ_BASE + 4
        mov     rax, offset serial_interrupt
        call    set_gate
        mov     ecx, IRQ_BASE + 7       # where the 8259 reports an interrupt that went away
        mov     rax, offset ignore
        call    set_gate
        lidt    idt_pointer

        # Both 8259s, only timer and COM1 let through.
        mov     al, 0x11
        out     PIC1, al
        out     PIC2, al
        mov     al, IRQ_BASE
        out     PIC1 + 1, al
        mov     al, IRQ_BASE + 8
        out     PIC2 + 1, al
        mov     al, 4
        out     PIC1 + 1, al
        mov     al, 2
        out     PIC2 + 1, al
        mov     al, 1
        out     PIC1 + 1, al
        out     PIC2 + 1, al
        mov     al, 0xee
        out     PIC1 + 1, al
        mov     al, 0xff
        out     PIC2 + 1, al

        # The timer a hundred times a second.
        mov     al, 0x34
        out     0x43, al
        mov     al, 11932 & 0xff
        out     0x40, al
        mov     al, 11932 >> 8
        out     0x40, al
        ret

# Gate RCX of the IDT leads to RAX. Keeps both.
set_gate:
        mov     edx, ecx
        shl     edx, 4
        add     rdx, offset idt
        push    rax
        mov     [rdx], ax
        mov     word ptr [rdx + 2], KERNEL_CODE
        mov     word ptr [rdx + 4], INTERRUPT_GATE << 8
        shr     rax, 16
        mov     [rdx + 6], ax
        shr     rax, 16
        mov     [rdx + 8], eax
        pop     rax
        ret

timer_interrupt:
        inc     qword ptr ticks
        push    rax
        mov     al, 0x20
        out     PIC1, al
        pop     rax
ignore: iretq

# The processor pushes an error code with the exceptions 8, 10 to 14, 17, 21, 29 and 30; the others' stubs push a 0.
        .balign 16
exception_stubs:
        .set    vector, 0
        .rept   EXCEPTIONS
        .balign 16
        .if     (0x60227d00 >> vector) & 1
        .else
        push    0
        .endif
        push    vector
        jmp     exception
        .set    vector, vector + 1
        .endr

# Prints vector, error code and where; the stack holds them: vector, error code, RIP, CS, RFLAGS, RSP, SS.
exception:
        mov     rdi, offset exception_text
        call    print
        mov     rax, [rsp]
        call    print_hex
        mov     rdi, offset error_text
        call    print
        mov     rax, [rsp + 8]
        call    print_hex
        mov     rdi, offset rip_text
        call    print
        mov     rax, [rsp + 16]
        call    print_hex
        mov     rdi, offset cr2_text
        call    print
        mov     rax, cr2
        call    print_hex
        mov     rdi, offset line_text
        call    print
        # Of init's doing: it begins anew. Of the kernel's own: the end.
        test    byte ptr [rsp + 24], 3
        jz      1f
        mov     rdi, offset again_text
        call    print
        sti
        jmp     start_init
1:      mov     rdi, offset halt_text
        call    print
2:      cli
        hlt
        jmp     2b

# --- system calls -----------------------------------------------------------------------------------------------------------

# SYSCALL enters at system_call with the kernel's code segment and interrupts off; SYSRET goes back to ring 3.
system_calls_init:
        mov     ecx, IA32_EFER
        rdmsr
        or      al, 1                   # SCE
        wrmsr
        mov     ecx, IA32_STAR          # kernel segments from 8, user segments from 16 + 3 on
        xor     eax, eax
        mov     edx, 0x00130008
        wrmsr
        mov     ecx, IA32_LSTAR
        mov     rax, offset system_call
        mov     rdx, rax
        shr     rdx, 32
        wrmsr
        mov     ecx, IA32_FMASK
        mov     eax, 0x700              # TF, IF, DF
        xor     edx, edx
        wrmsr
        ret

# RCX is init's RIP, R11 its RFLAGS.
system_call:
        mov     user_rsp, rsp
        mov     rsp, offset kernel_stack_top
        push    rcx
        push    r11
        push    rbx
        push    rbp
        push    rdx
        push    rdi
        push    rsi
        sti
        cmp     rax, SYSTEM_CALLS
        jae     1f
        call    [system_calls + rax * 8]
        jmp     2f
1:      mov     rax, -1
2:      cli
        pop     rsi
        pop     rdi
        pop     rdx
        pop     rbp
        pop     rbx
        pop     r11
        pop     rcx
        mov     rsp, user_rsp
        sysretq

system_calls:
        .quad   system_write, read_character, system_ticks, system_registers, system_poweroff

# Prints RSI characters at RDI, which must be init's: the kernel does not read its own memory for a user.
system_write:
        mov     rax, rdi
        sub     rax, USER_CODE
        cmp     rax, USER_STACK - USER_CODE
        ja      1f
        add     rax, rsi
        jc      1f
        cmp     rax, USER_STACK - USER_CODE
        ja      1f
        call    print_bytes
        xor     eax, eax
        ret
1:      mov     rax, -1
        ret

system_ticks:
        mov     rax, ticks
        ret

# Prints what system_call saved, from the top of the stack down, and the control registers.
system_registers:
        mov     rbx, offset kernel_stack_top
        mov     rdi, offset user_rip_text
        mov     rax, [rbx - 8]
        call    print_value
        mov     rdi, offset user_rsp_text
        mov     rax, user_rsp
        call    print_value
        mov     rdi, offset user_flags_text
        mov     rax, [rbx - 16]
        call    print_value
        mov     rdi, offset cr0_text
        mov     rax, cr0
        call    print_value
        mov     rdi, offset cr3_text
        mov     rax, cr3
        call    print_value
        mov     rdi, offset cr4_text
        mov     rax, cr4
        call    print_value
        xor     eax, eax
        ret

# Prints the text at RDI, RAX and the end of the line.
print_value:
        push    rax
        call    print
        pop     rax
        call    print_hex
        mov     rdi, offset line_text
        jmp     print

system_poweroff:
        mov     rdi, offset poweroff_text
        call    print
        mov     dx, POWER_PORT
        mov     ax, POWER_OFF
        out     dx, ax
1:      cli                             # it takes the board a moment
        hlt
        jmp     1b

exception_text:
        .asciz  "\r\nException "
error_text:
        .asciz  "\r\n  error code "
rip_text:
        .asciz  "\r\n  RIP        "
cr2_text:
        .asciz  "\r\n  CR2        "
line_text:
        .asciz  "\r\n"
again_text:
        .asciz  "init is started again\r\n"
halt_text:
        .asciz  "The kernel halts\r\n"
user_rip_text:
        .asciz  "RIP    "
user_rsp_text:
        .asciz  "RSP    "
user_flags_text:
        .asciz  "RFLAGS "
cr0_text:
        .asciz  "CR0    "
cr3_text:
        .asciz  "CR3    "
cr4_text:
        .asciz  "CR4    "
poweroff_text:
        .asciz  "Power off\r\n"

        .balign 8
ticks:  .quad   0
user_rsp:
        .quad   0
idt_pointer:
        .word   48 * 16 - 1
        .quad   idt
        .balign 16
idt:    .skip   48 * 16
