# The demo's kernel: 64-bit mode, all of it. Entered at 2 MiB by the boot sector with interrupts off.

        .include "demo.inc"

        .section .entry, "ax"
        .globl  kernel_entry
kernel_entry:
        mov     rsp, offset kernel_stack_top
        lgdt    gdt_pointer
        # Flat data segments; the code segment by a far return.
        mov     ax, KERNEL_DATA
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        push    KERNEL_CODE
        push    offset 1f
        retfq
1:      call    console_init
        mov     rdi, offset hello_text
        call    print

        call    paging_init
        mov     rdi, offset paging_text
        call    print
        call    interrupts_init
        mov     rdi, offset interrupts_text
        call    print
        call    system_calls_init

        # The task state segment says which stack interrupts from ring 3 use. Its address is scattered over the descriptor.
        mov     rax, offset tss
        mov     tss_descriptor + 2, ax
        shr     rax, 16
        mov     tss_descriptor + 4, al
        mov     tss_descriptor + 7, ah
        mov     ax, TSS
        ltr     ax

        sti
        mov     rdi, offset init_text
        call    print

# Copies init to its page and enters it in ring 3; again after it has come to an end by a fault.
        .globl  start_init
start_init:
        mov     rsp, offset kernel_stack_top
        mov     rsi, offset init_image
        mov     rdi, USER_CODE
        mov     ecx, offset init_image_end - init_image
        rep movsb
        push    USER_DATA
        push    USER_STACK
        push    0x202                   # RFLAGS: interrupts on
        push    USER_CODE_SEGMENT
        push    USER_CODE
        xor     eax, eax
        xor     ebx, ebx
        xor     ecx, ecx
        xor     edx, edx
        xor     esi, esi
        xor     edi, edi
        xor     ebp, ebp
        iretq

# --- page tables ----------------------------------------------------------------------------------------------------------

        .equ    PRESENT, 1
        .equ    WRITABLE, 2
        .equ    USER, 4
        .equ    LARGE, 0x80
        .equ    TABLE_ENTRIES, 512
        .equ    TABLES, 0x210000        # four tables of 4 KiB

# The kernel's own page tables: 1 GiB of large pages for itself, but for the 2 MiB at USER_CODE, where only init's two
# pages are, and which ring 3 may reach. Address 0 is not mapped: a null pointer faults.
paging_init:
        mov     edi, TABLES
        xor     eax, eax
        mov     ecx, 4 * 4096 / 8
        rep stosq
        mov     qword ptr [TABLES], TABLES + 0x1000 + PRESENT + WRITABLE + USER
        mov     qword ptr [TABLES + 0x1000], TABLES + 0x2000 + PRESENT + WRITABLE + USER
        mov     edi, TABLES + 0x2000
        mov     eax, PRESENT + WRITABLE + LARGE
        mov     ecx, TABLE_ENTRIES
1:      stosq
        add     rax, 0x200000
        loop    1b
        # The page directory's entry for USER_CODE: a table of small pages, two of them there.
        mov     qword ptr [TABLES + 0x2000 + (USER_CODE >> 21) * 8], TABLES + 0x3000 + PRESENT + WRITABLE + USER
        mov     qword ptr [TABLES + 0x3000], USER_CODE + PRESENT + WRITABLE + USER
        mov     qword ptr [TABLES + 0x3008], USER_CODE + 0x1000 + PRESENT + WRITABLE + USER
        mov     eax, TABLES
        mov     cr3, rax
        ret

# --- descriptors ------------------------------------------------------------------------------------------------------------

        .balign 8
gdt:    .quad   0
        .quad   0x00af9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00cff3000000ffff
        .quad   0x00affb000000ffff
tss_descriptor:
        .word   tss_end - tss - 1
        .byte   0, 0, 0, 0x89, 0, 0
        .quad   0
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .quad   gdt

        .balign 8
tss:    .long   0
        .quad   kernel_stack_top        # RSP0
        .skip   24 * 4 - 2
        .word   tss_end - tss           # no I/O permission bitmap
tss_end:

hello_text:
        .asciz  "Bootscope demo: kernel in 64-bit mode\r\n"
paging_text:
        .asciz  "Page tables set\r\n"
interrupts_text:
        .asciz  "Interrupts set\r\n"
init_text:
        .asciz  "Starting init in ring 3\r\n"

# The program that runs as init, linked at USER_CODE.
init_image:
        .incbin "demo-init.bin"
init_image_end:

        .balign 16
kernel_stack:
        .skip   4096
        .globl  kernel_stack_top
kernel_stack_top:
