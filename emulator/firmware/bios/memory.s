# Memory: its size from CMOS, address line A20, the map that INT 15h AX=E820h tells, and the processor's memory types.

        .include "bios.inc"

        .section .text
        .globl  size_memory, report_memory, memory_map_finish, enable_a20, set_a20, cpu_init, allocate_high, cmos_read
        .globl  int12_memory, system_memory_map, system_memory_64k, system_extended_memory

        .equ    MAP_ENTRIES, 8
        .equ    USABLE, 1
        .equ    RESERVED, 2

# AL = byte AL of CMOS. Keeps the rest.
cmos_read:
        out     0x70, al
        in      al, 0x71
        ret

# low_end: end of the RAM below 4 GiB. high_bytes: RAM from 4 GiB on. The CMOS says so in units of 64 KiB above 16 MiB
# (34h, 35h) or, for small memories, of 1 KiB above 1 MiB (30h, 31h), and of 64 KiB above 4 GiB (5Bh to 5Dh).
size_memory:
        mov     al, 0x35
        call    cmos_read
        mov     ah, al
        mov     al, 0x34
        call    cmos_read
        movzx   eax, ax
        shl     eax, 16
        jz      1f
        add     eax, 0x1000000
        jmp     2f
1:      mov     al, 0x31
        call    cmos_read
        mov     ah, al
        mov     al, 0x30
        call    cmos_read
        movzx   eax, ax
        shl     eax, 10
        add     eax, 0x100000
2:      mov     cs:low_end, eax
        mov     cs:high_bottom, eax

        mov     al, 0x5d
        call    cmos_read
        movzx   ecx, al
        mov     al, 0x5c
        call    cmos_read
        shl     ecx, 8
        mov     cl, al
        mov     al, 0x5b
        call    cmos_read
        shl     ecx, 8
        mov     cl, al
        mov     eax, ecx
        shl     eax, 16
        shr     ecx, 16
        mov     cs:high_bytes, eax
        mov     cs:high_bytes + 4, ecx
        ret

report_memory:
        mov     eax, cs:high_bytes
        mov     edx, cs:high_bytes + 4
        shrd    eax, edx, 20
        mov     edx, cs:low_end
        shr     edx, 20
        add     eax, edx
        call    print_decimal
        mov     si, offset memory_text
        jmp     print

# Takes ECX bytes at the end of the memory below 4 GiB, at a multiple of EDX (a power of 2): EAX = where, CF when there
# is no room (a quarter of that memory is the most that tables may take).
allocate_high:
        push    ebx
        mov     eax, cs:high_bottom
        sub     eax, ecx
        jb      1f
        mov     ebx, edx
        neg     ebx
        and     eax, ebx
        mov     ebx, cs:low_end
        shr     ebx, 2
        neg     ebx
        add     ebx, cs:low_end
        cmp     eax, ebx
        jb      1f
        mov     cs:high_bottom, eax
        clc
1:      pop     ebx
        ret

# Makes the memory map. What the tables have taken is whole reserved pages at the end of the RAM.
memory_map_finish:
        and     dword ptr cs:high_bottom, 0xfffff000
        mov     di, offset memory_map
        xor     ebx, ebx
        mov     ecx, EBDA_SEGMENT << 4
        mov     dx, USABLE
        call    add_range
        mov     ebx, EBDA_SEGMENT << 4
        mov     ecx, 0xa0000
        mov     dx, RESERVED
        call    add_range
        mov     ebx, 0xf0000
        mov     ecx, 0x100000
        call    add_range
        mov     ebx, 0x100000
        mov     ecx, cs:high_bottom
        mov     dx, USABLE
        call    add_range
        mov     ebx, cs:high_bottom
        mov     ecx, cs:low_end
        mov     dx, RESERVED
        call    add_range
        mov     ebx, 0xfffc0000         # the ROM, up to 4 GiB
        xor     ecx, ecx
        call    add_range
        mov     eax, cs:high_bytes
        or      eax, cs:high_bytes + 4
        jz      1f
        mov     dword ptr cs:[di], 0
        mov     dword ptr cs:[di + 4], 1
        mov     eax, cs:high_bytes
        mov     cs:[di + 8], eax
        mov     eax, cs:high_bytes + 4
        mov     cs:[di + 12], eax
        mov     dword ptr cs:[di + 16], USABLE
        add     di, 20
1:      mov     cs:memory_map_end, di
        ret

# Adds the range EBX … ECX of type DX at CS:DI, unless it is empty.
add_range:
        sub     ecx, ebx
        jz      1f
        mov     cs:[di], ebx
        mov     dword ptr cs:[di + 4], 0
        mov     cs:[di + 8], ecx
        mov     dword ptr cs:[di + 12], 0
        movzx   edx, dx
        mov     cs:[di + 16], edx
        add     di, 20
1:      ret

# INT 15h AX=E820h: one range of the map at ES:DI; EBX counts them.
system_memory_map:
        cmp     edx, 0x534d4150         # "SMAP"
        jne     unknown_system_call
        cmp     ecx, 20
        jb      unknown_system_call
        mov     eax, ebx
        cmp     eax, MAP_ENTRIES
        jae     unknown_system_call
        imul    si, ax, 20
        add     si, offset memory_map
        cmp     si, cs:memory_map_end
        jae     unknown_system_call
        inc     ebx
        mov     cx, 20 / 2
        rep movs word ptr es:[di], word ptr cs:[si]
        cmp     si, cs:memory_map_end
        jb      1f
        xor     ebx, ebx                # that was the last
1:      mov     [bp + F_EBX], ebx
        mov     dword ptr [bp + F_EAX], 0x534d4150
        mov     dword ptr [bp + F_ECX], 20
        CLEAR_CARRY
        ret

# INT 15h AX=E801h: KiB between 1 and 16 MiB in AX and CX, 64 KiB above 16 MiB in BX and DX.
system_memory_64k:
        mov     eax, cs:high_bottom
        sub     eax, 0x100000
        xor     edx, edx
        cmp     eax, 0xf00000
        jbe     1f
        mov     edx, eax
        sub     edx, 0xf00000
        shr     edx, 16
        mov     eax, 0xf00000
1:      shr     eax, 10
        mov     [bp + F_EAX], ax
        mov     [bp + F_ECX], ax
        mov     [bp + F_EBX], dx
        mov     [bp + F_EDX], dx
        CLEAR_CARRY
        ret

# INT 15h AH=88h: KiB above 1 MiB, as far as 16 bits tell.
system_extended_memory:
        mov     eax, cs:high_bottom
        sub     eax, 0x100000
        shr     eax, 10
        cmp     eax, 0xffff
        jbe     1f
        mov     ax, 0xffff
1:      mov     [bp + F_EAX], ax
        CLEAR_CARRY
        ret

# INT 12h: KiB of memory below the EBDA.
int12_memory:
        push    ds
        push    0
        pop     ds
        mov     ax, [BDA_MEMORY]
        pop     ds
        iret

# --- A20 ------------------------------------------------------------------------------------------------------------------

# Opens (AL = 1) or closes (AL = 0) address line 20 by system control port A.
enable_a20:
        mov     al, 1
set_a20:
        push    bx
        mov     bl, al
        shl     bl, 1
        in      al, 0x92
        and     al, 0xfc                # bit 0 would reset the machine
        or      al, bl
        out     0x92, al
        pop     bx
        ret

# --- the processor ----------------------------------------------------------------------------------------------------------

        .equ    IA32_MTRR_PHYSBASE0, 0x200
        .equ    IA32_MTRR_PHYSMASK0, 0x201
        .equ    IA32_MTRR_DEF_TYPE, 0x2ff
        .equ    LAPIC, 0xfee00000

# Memory types: write-back but for the addresses of devices, 3 to 4 GiB (SDM volume 3, 12.11). Local APIC: the 8259's
# interrupts pass through ("virtual wire mode", SDM volume 3, 11.5.1).
cpu_init:
        mov     eax, 1
        cpuid
        push    edx
        test    edx, 1 << 12            # MTRR
        jz      1f
        mov     ecx, IA32_MTRR_PHYSBASE0
        mov     eax, 0xc0000000
        xor     edx, edx
        wrmsr
        mov     ecx, IA32_MTRR_PHYSMASK0
        mov     eax, 0xc0000800
        mov     edx, 0xff               # 40 bits of physical address
        wrmsr
        mov     ecx, IA32_MTRR_DEF_TYPE
        mov     eax, 0x806
        xor     edx, edx
        wrmsr
1:      pop     edx
        test    edx, 1 << 9             # local APIC
        jz      2f
        mov     edi, LAPIC
        or      dword ptr fs:[edi + 0xf0], 0x100
        mov     dword ptr fs:[edi + 0x350], 0x8700 # LINT0: ExtINT
        mov     dword ptr fs:[edi + 0x360], 0x8400 # LINT1: NMI
2:      ret

memory_text:
        .asciz  " MiB of memory\r\n"

        .balign 4
low_end:
        .long   0
high_bottom:
        .long   0
high_bytes:
        .quad   0
memory_map_end:
        .word   0
memory_map:
        .skip   20 * MAP_ENTRIES
