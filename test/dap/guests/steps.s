# What stepping and call stacks meet in 16- and 32-bit code: near, far and interrupt frames, frame pointers and none, fast
# timer interrupts, a mode switch inside of a call, a stack switch, and a system call from ring 3.
        .code16
        .globl  _start
_start:
        ljmp    $0, $main
main:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7000, %sp
        xorw    %bp, %bp
        # The rest of this program, behind the boot sector.
        movw    $0x0203, %ax
        movw    $0x7e00, %bx
        movw    $0x0002, %cx
        xorb    %dh, %dh
        int     $0x13
        jmp     begin
        .org    510
        .word   0xaa55

begin:
        cli
        movw    $handler60, 0x60 * 4
        movw    $0, 0x60 * 4 + 2
        movw    $tick, 8 * 4
        movw    $0, 8 * 4 + 2
call_outer:
        call    outer
after_outer:
        int     $0x60
after_int:
        # IRQ 0 every other period of the timer: some 1700 instructions.
        movb    $0x34, %al
        outb    %al, $0x43
        movb    $2, %al
        outb    %al, $0x40
        xorb    %al, %al
        outb    %al, $0x40
        movb    $0xfe, %al
        outb    %al, $0x21
        sti
busy:
        incl    %ecx
        addl    %ecx, %edx
        cmpl    $3000, %ecx
        jb      busy
busy_end:
        cli
        lgdt    gdt_register
call_flat_and_back:
        call    flat_and_back
after_flat:
        nop
call_protected:
        calll   to_protected
        .code32
in_protected:
        nop
        call    outer32
after_outer32:
        # Down to ring 3.
        movl    $tss, %eax
        movw    %ax, tss_descriptor + 2
        shrl    $16, %eax
        movb    %al, tss_descriptor + 4
        movw    $0x28, %ax
        ltr     %ax
        lidt    idt_register
        movl    $handler30, %eax
        movw    %ax, gate30
        pushl   $0x23
        pushl   $0x60000
        pushl   $0x3002
        pushl   $0x1b
        pushl   $ring3
        iret
ring3:
        call    ask
after_ask:
        jmp     .
ask:
        pushl   %ebp
        movl    %esp, %ebp
        int     $0x30
after_int30:
        popl    %ebp
        ret

# Without a frame pointer.
handler30:
        pushl   %eax
        pushl   %ecx
in_handler30:
        call    leaf32
leaf_returned:
        popl    %ecx
        popl    %eax
        iret
leaf32:
        subl    $8, %esp
in_leaf32:
        nop
        addl    $8, %esp
        ret

outer32:
        pushl   %ebp
        movl    %esp, %ebp
        pushl   $7
        call    inner32
after_inner32:
        leave
        ret
inner32:
        pushl   %ebp
        movl    %esp, %ebp
in_inner32:
        nop
        leave
        ret     $4

        .code16
outer:
        pushw   %bp
        movw    %sp, %bp
        subw    $6, %sp
        lcall   $0x07c0, $far_function - 0x7c00
after_far:
        movw    %bp, %sp
        popw    %bp
        ret
far_function:
        pushw   %bp
        movw    %sp, %bp
        pushw   %bx
        call    inner
after_inner:
        popw    %bx
        popw    %bp
        lret
# Neither here nor in what it calls is there a frame pointer.
inner:
        pushw   %cx
        calll   leaf
after_leaf:
        popw    %cx
        ret
leaf:
        pushl   %eax
in_leaf:
        nop
        popl    %eax
        retl

handler60:
        pushw   %ax
        call    in_handler60
after_in_handler60:
        popw    %ax
        iret
in_handler60:
        nop
        ret

tick:
        pushw   %ax
        incw    ticks
        movb    $0x20, %al
        outb    %al, $0x20
        popw    %ax
        iret
ticks:  .word   0

# To protected mode and back, within one call.
flat_and_back:
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $8, $1f
        .code32
1:      movw    $16, %ax
        movw    %ax, %fs
        ljmp    $0x30, $2f
        .code16
2:      movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmp    $0, $3f
3:      ret

# Comes back in protected mode, on another stack.
to_protected:
        popl    %ebx
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $8, $4f
        .code32
4:      movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x90000, %esp
        jmp     *%ebx

        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9a000000ffff      # 08: flat code
        .quad   0x00cf92000000ffff      # 10: flat data
        .quad   0x00cffa000000ffff      # 18: code of ring 3
        .quad   0x00cff2000000ffff      # 20: data of ring 3
tss_descriptor:
        .quad   0x0000890000000067      # 28
        .quad   0x00009a000000ffff      # 30: 16-bit code
gdt_register:
        .word   gdt_register - gdt - 1
        .long   gdt
idt_register:
        .word   0x31 * 8 - 1
        .long   gate30 - 0x30 * 8
gate30:
        .word   0, 8, 0xee00, 0
        .balign 4
tss:
        .long   0, 0x80000, 0x10
        .fill   23, 4, 0
        .org    2048
