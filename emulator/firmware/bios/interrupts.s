# Interrupt controllers, timer, and the handlers of hardware interrupts and exceptions.

        .include "bios.inc"

        .section .text
        .globl  pic_init, timer_init, irq0_timer, irq8_clock, irq_master, irq_slave
        .globl  exception_00, exception_04, exception_06, wait_counts

        .equ    PIC1, 0x20
        .equ    PIC2, 0xa0
        .equ    EOI, 0x20

# Both 8259s: IRQ0 to 7 on INT 08h, IRQ8 to 15 on INT 70h; only timer, keyboard and cascade pass.
pic_init:
        OUTB    PIC1, 0x11
        OUTB    PIC2, 0x11
        OUTB    PIC1 + 1, 0x08
        OUTB    PIC2 + 1, 0x70
        OUTB    PIC1 + 1, 0x04
        OUTB    PIC2 + 1, 0x02
        OUTB    PIC1 + 1, 0x01
        OUTB    PIC2 + 1, 0x01
        OUTB    PIC1 + 1, 0xf8
        OUTB    PIC2 + 1, 0xff
        ret

# Channel 0 of the 8254: rate generator, 65536 counts of 1193182 Hz, 18.2 interrupts a second.
timer_init:
        OUTB    0x43, 0x34
        OUTB    0x40, 0
        out     0x40, al
        ret

# IRQ0: counts ticks since midnight and calls the user's hook.
irq0_timer:
        pushad
        push    ds
        push    0
        pop     ds
        inc     dword ptr [BDA_TICKS]
        cmp     dword ptr [BDA_TICKS], 0x1800b0 # a day
        jb      1f
        mov     dword ptr [BDA_TICKS], 0
        inc     byte ptr [BDA_MIDNIGHT]
1:      int     0x1c
        OUTB    PIC1, EOI
        pop     ds
        popad
        iret

# IRQ8: the clock's interrupts are acknowledged by reading register C; an alarm calls INT 4Ah.
irq8_clock:
        push    ax
        OUTB    0x70, 0x0c
        in      al, 0x71
        test    al, 0x20
        jz      1f
        sti
        int     0x4a
        cli
1:      pop     ax
        jmp     irq_slave

# IRQs that nobody has taken: end them, so that others pass.
irq_slave:
        push    ax
        OUTB    PIC2, EOI
        jmp     1f
irq_master:
        push    ax
1:      OUTB    PIC1, EOI
        pop     ax
        iret

# Exceptions that in real mode mean a program gone astray.
exception_00:
        push    0x00
        jmp     exception
exception_04:
        push    0x04
        jmp     exception
exception_06:
        push    0x06
exception:
        mov     bp, sp
        push    cs
        pop     ds
        mov     si, offset exception_text
        call    print
        mov     al, [bp]
        call    print_hex8
        mov     si, offset at_text
        call    print
        mov     ax, [bp + 4]
        call    print_hex16
        mov     al, ':'
        call    print_char
        mov     ax, [bp + 2]
        call    print_hex16
1:      hlt
        jmp     1b

exception_text:
        .asciz  "\r\nException "
at_text:
        .asciz  "h at "

# Waits EAX counts of the timer (1193182 a second), with interrupts on or off. Keeps all registers but EAX.
wait_counts:
        push    ecx
        push    edx
        mov     ecx, eax
        call    latch_timer
        mov     dx, ax
1:      call    latch_timer
        xchg    ax, dx
        sub     ax, dx                  # it counts down
        movzx   eax, ax
        sub     ecx, eax
        ja      1b
        pop     edx
        pop     ecx
        ret

# AX = the count of channel 0.
latch_timer:
        OUTB    0x43, 0
        in      al, 0x40
        mov     ah, al
        in      al, 0x40
        xchg    al, ah
        ret
