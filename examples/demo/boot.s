# The demo's boot sector: 512 bytes from real mode to 64-bit mode. It reads the kernel from the sectors behind it, goes
# through protected mode, sets up the first page tables, and jumps to the kernel.

        .include "demo.inc"
        .code16

        .equ    LOAD_SEGMENT, 0x1000    # the kernel comes here first, real mode reaches no further than 1 MiB
        .equ    LOAD, 0x10000
        .equ    PML4, 0x1000            # three page tables, 4 KiB each
        .equ    PDPT, 0x2000
        .equ    PD, 0x3000
        .equ    IA32_EFER, 0xc0000080

        .section .text
        .globl  _start
_start:
        ljmp    0, offset begin

greeting:
        .asciz  "Bootscope demo: boot sector\r\n"
cannot_read:
        .asciz  "Cannot read the kernel.\r\n"

packet: .byte   16, 0
        .word   KERNEL_SECTORS
        .word   0, LOAD_SEGMENT
        .quad   1                       # the sector behind this one

        .balign 4
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      # 8: 32-bit code
        .quad   0x00cf93000000ffff      # 16: data
        .quad   0x00af9b000000ffff      # 24: 64-bit code
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt

begin:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00
        cld

        mov     si, offset greeting
        call    print

        # The kernel, by sector number (INT 13h AH=42h); DL is still the drive that the BIOS booted.
        mov     si, offset packet
        mov     ah, 0x42
        int     0x13
        mov     si, offset cannot_read
        jc      fail

        # Address line 20, without which the second MiB would be the first.
        in      al, 0x92
        or      al, 2
        out     0x92, al

        # Protected mode: a GDT, and bit 0 of CR0.
        cli
        lgdt    gdt_pointer
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        ljmp    8, offset protected

# Prints the text at SI.
print:  lodsb
        test    al, al
        jz      1f
        mov     ah, 0x0e
        mov     bx, 7
        int     0x10
        jmp     print
1:      ret

fail:   call    print
1:      hlt
        jmp     1b

        .code32
protected:
        mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     ss, ax

        # The kernel to its place.
        mov     esi, LOAD
        mov     edi, KERNEL
        mov     ecx, KERNEL_SECTORS * 512 / 4
        rep movsd

        # Page tables: linear addresses up to 1 GiB are the physical ones, by 512 pages of 2 MiB. First all zeros, then one
        # entry in PML4 and PDPT each (3: present and writable), then the pages (bit 7: large).
        mov     edi, PML4
        mov     cr3, edi
        xor     eax, eax
        mov     ecx, 3 * 4096 / 4
        rep stosd
        mov     dword ptr [PML4], PDPT + 3
        mov     dword ptr [PDPT], PD + 3
        mov     edi, PD
        mov     eax, 0x83
        mov     ecx, 512
1:      mov     [edi], eax
        add     eax, 0x200000
        add     edi, 8
        loop    1b

        # Long mode: CR4.PAE, EFER.LME, then CR0.PG.
        mov     eax, cr4
        or      al, 1 << 5
        mov     cr4, eax
        mov     ecx, IA32_EFER
        rdmsr
        or      ah, 1
        wrmsr
        mov     eax, cr0
        or      eax, 0x80000000
        mov     cr0, eax

        # Now in compatibility mode; a code segment with the L bit is 64-bit mode.
        ljmp    24, KERNEL

        # No partitions, and the signature of a boot sector.
        .org    510
        .byte   0x55, 0xaa
