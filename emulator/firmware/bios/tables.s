# ACPI and SMBIOS tables. The board offers them as files, with a script that says how to place and link them (QEMU's
# hw/acpi/bios-linker-loader.h): allocate a file in memory, add its address to a pointer, complete a checksum.

        .include "bios.inc"

        .section .text
        .globl  tables_init

        .equ    ENTRY_BYTES, 128
        .equ    SCRIPT, 0x10000         # free memory while POST runs
        .equ    SCRIPT_MAX, 0x10000
        .equ    FILES, 0x8000           # those placed: name, address, size
        .equ    FILES_END, 0xa000
        .equ    FILE_BYTES, 64
        .equ    FILE_ADDRESS, 56
        .equ    FILE_SIZE, 60
        .equ    NAME_BYTES, 56

        .equ    COMMAND_ALLOCATE, 1
        .equ    COMMAND_ADD_POINTER, 2
        .equ    COMMAND_ADD_CHECKSUM, 3
        .equ    ZONE_LOW, 2             # below 1 MiB, where the RSDP is looked for

tables_init:
        call    config_present
        jc      2f
        mov     word ptr cs:files_end, FILES
        push    cs
        pop     es
        mov     di, offset script_name
        call    config_find
        jc      1f
        cmp     ecx, SCRIPT_MAX
        ja      1f
        mov     edi, SCRIPT
        call    config_read
        call    run_script
1:      call    place_smbios
2:      push    0
        pop     es
        ret

# Runs the script of ECX bytes at SCRIPT.
run_script:
        mov     ax, SCRIPT >> 4
        mov     es, ax
        shr     ecx, 7                  # entries
        jz      4f
        xor     si, si
1:      push    cx
        push    si
        mov     eax, es:[si]
        cmp     eax, COMMAND_ALLOCATE
        jne     2f
        call    allocate
        jmp     3f
2:      cmp     eax, COMMAND_ADD_POINTER
        jne     2f
        call    add_pointer
        jmp     3f
2:      cmp     eax, COMMAND_ADD_CHECKSUM
        jne     3f                      # other commands serve devices that this board lacks
        call    add_checksum
3:      pop     si
        pop     cx
        add     si, ENTRY_BYTES
        loop    1b
4:      ret

# Entry ES:SI: name, alignment at 60, zone at 64.
allocate:
        cmp     word ptr cs:files_end, FILES_END
        jae     9f
        lea     di, [si + 4]
        call    config_find
        jc      9f
        mov     edx, es:[si + 60]
        mov     al, es:[si + 64]
        call    place
        jc      9f
        mov     edi, eax
        call    config_read
        # Remember where.
        mov     di, cs:files_end
        mov     [di + FILE_ADDRESS], eax
        mov     [di + FILE_SIZE], ecx
        add     si, 4
        mov     cx, NAME_BYTES
1:      mov     al, es:[si]
        mov     [di], al
        inc     si
        inc     di
        loop    1b
        add     word ptr cs:files_end, FILE_BYTES
9:      ret

# EAX = address for ECX bytes at a multiple of EDX in zone AL; CF when there is no room.
place:  cmp     al, ZONE_LOW
        jne     allocate_high
        movzx   eax, word ptr cs:pool_next
        dec     edx
        add     eax, edx
        not     edx
        and     eax, edx
        push    eax
        add     eax, ecx
        jc      1f
        cmp     eax, offset pool_end
        ja      1f
        mov     cs:pool_next, ax
        pop     eax
        add     eax, BIOS_SEGMENT << 4
        clc
        ret
1:      pop     eax
        stc
        ret

# BX = entry in FILES of the name at ES:DI; CF when there is none. Keeps the rest.
find_placed:
        mov     bx, FILES
1:      cmp     bx, cs:files_end
        jae     5f
        pusha
        mov     cx, NAME_BYTES
2:      mov     al, es:[di]
        cmp     al, [bx]
        jne     3f
        test    al, al
        jz      3f
        inc     di
        inc     bx
        loop    2b
3:      popa
        je      4f
        add     bx, FILE_BYTES
        jmp     1b
4:      clc
        ret
5:      stc
        ret

# Entry ES:SI: file to change and file pointed at, offset at 116, size at 120. The pointer holds an offset in the second
# file, to which the address is added.
add_pointer:
        lea     di, [si + 60]
        call    find_placed
        jc      9f
        mov     eax, [bx + FILE_ADDRESS]
        lea     di, [si + 4]
        call    find_placed
        jc      9f
        mov     edi, es:[si + 116]
        movzx   ecx, byte ptr es:[si + 120]
        mov     edx, edi
        add     edx, ecx
        jc      9f
        cmp     edx, [bx + FILE_SIZE]
        ja      9f
        add     edi, [bx + FILE_ADDRESS]
        cmp     cl, 4
        je      1f
        cmp     cl, 8
        jne     9f
        add     fs:[edi], eax
        adc     dword ptr fs:[edi + 4], 0
        ret
1:      add     fs:[edi], eax
9:      ret

# Entry ES:SI: file, place of the checksum at 60, first byte at 64 and length at 68 of what is summed up.
add_checksum:
        lea     di, [si + 4]
        call    find_placed
        jc      9f
        mov     edi, es:[si + 60]
        cmp     edi, [bx + FILE_SIZE]
        jae     9f
        mov     edx, es:[si + 64]
        mov     ecx, es:[si + 68]
        mov     eax, edx
        add     eax, ecx
        jc      9f
        cmp     eax, [bx + FILE_SIZE]
        ja      9f
        add     edi, [bx + FILE_ADDRESS]
        add     edx, [bx + FILE_ADDRESS]
        call    checksum
9:      ret

# Completes byte EDI so that the ECX bytes from EDX on add up to 0.
checksum:
        xor     al, al
        jecxz   2f
1:      add     al, fs:[edx]
        inc     edx
        dec     ecx
        jnz     1b
2:      sub     fs:[edi], al
        ret

# SMBIOS: the structures to the end of memory, the entry point of version 2 (31 bytes, "_SM_") below 1 MiB, where its own
# two checksums and the address of the structures are completed.
place_smbios:
        push    cs
        pop     es
        mov     di, offset smbios_tables_name
        call    config_find
        jc      9f
        mov     edx, 16
        call    allocate_high
        jc      9f
        mov     edi, eax
        call    config_read
        mov     esi, eax
        mov     di, offset smbios_anchor_name
        call    config_find
        jc      9f
        cmp     ecx, 31
        jne     9f
        mov     edx, 16
        mov     al, ZONE_LOW
        call    place
        jc      9f
        mov     edi, eax
        call    config_read
        cmp     dword ptr fs:[edi], 0x5f4d535f # "_SM_"
        jne     9f
        mov     fs:[edi + 0x18], esi
        push    edi
        mov     edx, edi
        add     edx, 0x10
        add     edi, 0x15
        mov     ecx, 0x0f
        mov     byte ptr fs:[edi], 0
        call    checksum
        pop     edi
        mov     edx, edi
        add     edi, 4
        mov     ecx, 31
        mov     byte ptr fs:[edi], 0
        call    checksum
9:      ret

script_name:
        .asciz  "etc/table-loader"
smbios_tables_name:
        .asciz  "etc/smbios/smbios-tables"
smbios_anchor_name:
        .asciz  "etc/smbios/smbios-anchor"

files_end:
        .word   FILES
pool_next:
        .word   pool
        .balign 16
# Room for what must lie in F0000 … FFFFF.
pool:   .skip   512
pool_end:
