# Reset: the processor begins at FFFF:FFF0 with its code segment's base at FFFF0000, the end of the ROM. From there into
# real mode's F000:xxxx, a copy of the ROM into the RAM beneath it, and POST.

        .include "bios.inc"

        .section .text
        .globl  reset_entry

# Ports and registers of the i440FX host bridge.
        .equ    PAM0, 0x80000058        # dword at 0x58: byte 1 is PAM0 (F0000 … FFFFF)
        .equ    PAM1, 0x8000005c        # dword at 0x5c: PAM3 … PAM6

reset_entry:
        cli
        cld
        # Segments of 4 GiB, to reach the ROM below 4 GiB. The code segment's base is FFFF0000: the copy that runs now
        # goes on when the one at F0000 is switched off.
        lgdt    cs:flat_gdt_pointer
        mov     eax, cr0
        and     eax, 0x9fffffff         # CD and NW: caches on
        or      al, 1
        mov     cr0, eax
        ljmp    8, offset in_rom
in_rom:
        mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax

        # PAM: reads and writes of C0000 … FFFFF go to RAM.
        mov     dx, 0xcf8
        mov     eax, PAM0
        out     dx, eax
        mov     dx, 0xcfc
        in      eax, dx
        and     eax, 0x000000ff
        or      eax, 0x33333000
        out     dx, eax
        mov     dx, 0xcf8
        mov     eax, PAM1
        out     dx, eax
        mov     dx, 0xcfc
        in      eax, dx
        or      eax, 0x33333333
        out     dx, eax

        # The BIOS into its place there.
        mov     esi, 0xffff0000
        mov     edi, 0x000f0000
        mov     ecx, 0x10000 / 4
        addr32 rep movsd

        # Real mode again, but FS keeps its limit of 4 GiB ("unreal mode"): POST reaches all memory by it.
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        ljmp    BIOS_SEGMENT, offset in_ram
in_ram:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax
        mov     esp, POST_STACK
        jmp     post

        .balign 8
# Code (8) of 16 bits at the ROM's base, flat data (16).
flat_gdt:
        .quad   0
        .quad   0xff009bff0000ffff
        .quad   0x008f93000000ffff
        # Flat 32-bit code (24) and data (32), 16-bit code (40) and data (48) in the BIOS's segment and at 0: for the
        # services that go through protected mode.
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00009b0f0000ffff
        .quad   0x000093000000ffff
flat_gdt_end:
flat_gdt_pointer:
        .globl  flat_gdt_pointer
        .word   flat_gdt_end - flat_gdt - 1
        .long   0xf0000 + flat_gdt

# --- the last 16 bytes below 1 MiB and 4 GiB -------------------------------------------------------------------------------
        .section .reset, "ax"
        .globl  reset_vector
reset_vector:
        ljmp    BIOS_SEGMENT, offset reset_entry
        .ascii  "11/21/26"
        .byte   0
        .byte   0xfc                    # model: AT
        .byte   0
