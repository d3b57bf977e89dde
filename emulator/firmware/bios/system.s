# INT 11h and INT 15h: equipment, A20, delays, copies above 1 MiB, configuration.

        .include "bios.inc"

        .section .text
        .globl  int11_equipment, int15_system, unknown_system_call

int11_equipment:
        push    ds
        push    0
        pop     ds
        mov     ax, [BDA_EQUIPMENT]
        pop     ds
        iret

int15_system:
        SERVICE
        mov     si, offset system_calls
        call    dispatch
        SERVICE_END

system_calls:
        CASE    0x24, system_a20
        CASE    0x4f, system_key
        CASE    0x86, system_wait
        CASE    0x87, system_copy
        CASE    0x88, system_extended_memory
        CASE    0x90, system_done
        CASE    0x91, system_done
        CASE    0xc0, system_configuration
        CASE    0xc1, system_ebda
        CASE    0xe8, system_memory
        OTHERWISE unknown_system_call

unknown_system_call:
        mov     byte ptr [bp + F_AH], 0x86
        SET_CARRY
        ret

# AH=4Fh: what the user wants to make of a scan code. Unhooked: as it is.
system_key:
        SET_CARRY
        ret

# AH=90h, 91h: a device is waited for, is ready. Nobody else runs meanwhile.
system_done:
        mov     byte ptr [bp + F_AH], 0
        CLEAR_CARRY
        ret

# AH=24h: A20. AL = 0 closes, 1 opens, 2 asks, 3 tells by what means.
system_a20:
        cmp     al, 1
        ja      1f
        call    set_a20
        jmp     system_done
1:      cmp     al, 3
        ja      unknown_system_call
        je      2f
        in      al, 0x92
        shr     al, 1
        and     al, 1
        mov     [bp + F_AL], al
        jmp     system_done
2:      mov     word ptr [bp + F_EBX], 2 # port 92h
        jmp     system_done

# AH=86h: waits CX:DX microseconds.
system_wait:
        mov     ax, cx
        shl     eax, 16
        mov     ax, dx
        mov     edx, 1193182
        mul     edx
        mov     ecx, 1000000
        cmp     edx, ecx
        jae     unknown_system_call
        div     ecx
        sti
        call    wait_counts
        jmp     system_done

# AH=87h: copies CX words; ES:SI points at a GDT of which the entries 2 and 3 give source and destination. In protected
# mode, with interrupts off.
system_copy:
        cmp     cx, 0x8000
        ja      unknown_system_call
        mov     ebx, es:[si + 0x12]
        and     ebx, 0x00ffffff
        mov     al, es:[si + 0x17]
        movzx   eax, al
        shl     eax, 24
        or      ebx, eax
        mov     edx, es:[si + 0x1a]
        and     edx, 0x00ffffff
        mov     al, es:[si + 0x1f]
        movzx   eax, al
        shl     eax, 24
        or      edx, eax
        movzx   ecx, cx
        mov     esi, ebx
        mov     edi, edx
        cli
        push    ds
        push    es
        lgdt    cs:flat_gdt_pointer
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        ljmp    BIOS_CODE, offset 1f
1:      mov     ax, FLAT_DATA
        mov     ds, ax
        mov     es, ax
        addr32 rep movsw
        mov     ax, REAL_DATA
        mov     ds, ax
        mov     es, ax
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        ljmp    BIOS_SEGMENT, offset 2f
2:      pop     es
        pop     ds
        jmp     system_done

# AH=C0h: ES:BX points at the configuration table.
system_configuration:
        mov     word ptr [bp + F_ES], BIOS_SEGMENT
        mov     word ptr [bp + F_EBX], offset configuration
        jmp     system_done

# AH=C1h: ES = segment of the extended BIOS data area.
system_ebda:
        mov     ax, [BDA_EBDA]
        mov     [bp + F_ES], ax
        CLEAR_CARRY
        ret

# AH=E8h: the memory.
system_memory:
        cmp     al, 0x20
        je      system_memory_map
        cmp     al, 0x01
        je      system_memory_64k
        jmp     unknown_system_call

configuration:
        .word   8                       # bytes that follow
        .byte   0xfc, 0, 1              # model AT, submodel, revision
        .byte   0x74                    # second 8259, clock, INT 15h AH=4Fh hook, EBDA
        .byte   0x40, 0, 0, 0           # INT 16h AH=09h
