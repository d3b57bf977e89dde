; What QEMU does not check, or does otherwise than the manuals say, in 32-bit protected mode. The report to expect is in
; protected.txt.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32
%include "task32.inc"

main:
    call setup32
    ; Null and unusable segments, types.
    TRY "read through null"
      xor ax, ax
      mov es, ax
      mov eax, [es:SCRATCH]
    DONE
    TRY "write through null"
      xor ax, ax
      mov fs, ax
      mov [fs:SCRATCH], eax
    DONE
    TRY "write code"
      mov [cs:SCRATCH], al
    DONE
    TRY "read code"
      mov al, [cs:SCRATCH]
    DONE
    TRY "read execute only"
      jmp ROCODE:.here
.here:
      mov al, [cs:SCRATCH]
    DONE
    TRY "write read only"
      mov ax, RODATA
      mov es, ax
      mov al, [es:SCRATCH]
      mov [es:SCRATCH], al
    DONE
    TRY "ltr null"
      xor ax, ax
      ltr ax
    DONE

    ; Limits: 0x2000 bytes from SCRATCH's page on.
    mov dword [gdt + SLOT1], 0x00001fff
    mov dword [gdt + SLOT1 + 4], 0x00409200
    mov ax, SLOT1
    mov es, ax
    TRY "last byte"
      mov al, [es:0x1fff]
      mov eax, [es:0x1ffc]
    DONE
    mov ax, SLOT1
    mov es, ax
    TRY "beyond"
      mov al, [es:0x2000]
    DONE
    mov ax, SLOT1
    mov es, ax
    TRY "across"
      mov eax, [es:0x1ffd]
    DONE
    mov ax, SLOT1
    mov es, ax
    TRY "write across"
      mov [es:0x1fff], ax
    DONE
    mov ax, SLOT1
    mov es, ax
    TRY "string across"
      mov edi, 0x1ffe
      mov ecx, 4
      rep stosb
    DONE
    TEXT "string stopped at"
    VALUES edi, ecx
    mov ax, SLOT1
    mov es, ax
    TRY "fxsave across"
      fxsave [es:0x1f00]
    DONE
    ; Expand-down: the same limit from above.
    mov dword [gdt + SLOT1 + 4], 0x00409600
    mov ax, SLOT1
    mov es, ax
    TRY "expand down"
      mov al, [es:0x2000]
      mov eax, [es:SCRATCH]
    DONE
    mov ax, SLOT1
    mov es, ax
    TRY "expand down below"
      mov al, [es:0x1fff]
    DONE
    mov dword [gdt + SLOT1 + 4], 0x00009600
    mov ax, SLOT1
    mov es, ax
    TRY "expand down 16-bit"
      mov al, [es:0xffff]
      mov al, [es:0x10000]
    DONE
    mov dword [gdt + SLOT2], 0x00001fff
    mov dword [gdt + SLOT2 + 4], 0x00409200
    TRY "stack segment by override"
      mov ax, SLOT2
      mov ss, ax
      mov al, [ss:0x1000]
      mov ax, DATA32
      mov ss, ax
    DONE
    ; The code segment's limit.
    mov dword [gdt + SLOT3], 0x0000ffff
    mov dword [gdt + SLOT3 + 4], 0x00409a01     ; over the image
    TRY "code limit"
      jmp SLOT3:.in_code - IMAGE
.in_code:
      mov eax, 0x10000
      jmp eax
    DONE
    TRY "code runs over its limit"
      mov dword [gdt + SLOT3], .over - IMAGE
      jmp SLOT3:.at_end - IMAGE
.at_end:
      nop
.over:
      nop
      nop
    DONE
    TRY "code across its limit"
      mov dword [gdt + SLOT3], .across + 2 - IMAGE
      jmp SLOT3:.across_start - IMAGE
.across_start:
      nop
.across:
      mov eax, 0x12345678
    DONE

    ; Faults push RF set, traps and software interrupts clear (SDM vol. 3, 17.3.1.1).
    mov edx, show_rf
    mov ecx, 0x8e
    mov eax, 6
    call set_gate
    mov eax, 3
    call set_gate
    mov eax, 1
    call set_gate
    TRY "rf of ud"
      ud2
    DONE
    TRY "rf of int3"
      int3
    DONE
    TRY "rf of a single step"
      pushfd
      or dword [esp], 0x100
      popfd
      nop
    DONE
    mov eax, 6
    mov edx, stub_6
    call set_gate
    mov eax, 3
    mov edx, stub_3
    call set_gate
    mov eax, 1
    mov edx, stub_1
    call set_gate

    ; A fault in the delivery of an exception has EXT set in its error code.
    mov byte [IDT_AT + 6 * 8 + 5], 0x0e
    TRY "ud then np"
      ud2
    DONE
    mov byte [IDT_AT + 6 * 8 + 5], 0x8e
    mov word [IDT_AT + 6 * 8 + 2], 0x1000
    TRY "ud then gp"
      ud2
    DONE
    mov word [IDT_AT + 6 * 8 + 2], CODE32
    TRY "int1"
      db 0xf1
    DONE
    TRY "mov cr0 pg without pe"
      mov eax, 0x80000000
      mov cr0, eax
    DONE
    TRY "mov cr4 reserved"
      mov eax, 0x80000000
      mov cr4, eax
    DONE
    ; Faults of the new task's segments belong to the new task.
%macro BROKEN 3
    call free_tasks
    mov byte [gdt + TSS + 5], 0x8b
    mov ax, TSS
    mov edi, TASK2_AT
    mov esi, called
    call make_task
    mov dword [TASK2_AT + %2], %3
    TRY %1
      call TASK2:0
    DONE
    TEXT " then"
    str eax
    VALUES eax, [TASK2_AT]
    ; Back to the first task without a switch.
    mov byte [gdt + TSS + 5], 0x89
    mov ax, TSS
    ltr ax
    clts
%endmacro
    BROKEN "cs null", T_ES + 4, 0
    BROKEN "cs data", T_ES + 4, DATA32
    BROKEN "cs dpl", T_ES + 4, UCODE32 & ~3
    BROKEN "ss null", T_ES + 8, 0
    BROKEN "ss code", T_ES + 8, CODE32
    BROKEN "ss rpl", T_ES + 8, DATA32 | 1
    BROKEN "ss absent", T_ES + 8, ABSENT
    BROKEN "ds absent", T_ES + 12, ABSENT
    BROKEN "ds system", T_ES + 12, TSS
    BROKEN "ldt not an ldt", T_LDT, DATA32


    ; Paging: reserved bits of a 4 MiB page, and the page directory pointers, which are loaded with CR3 only.
    mov edi, TABLES
    mov ecx, 0x8000 / 4
    xor eax, eax
    rep stosd
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov dword [TABLES], 0x87
    mov dword [TABLES + 8], 0x00200087
    mov eax, TABLES
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    TRY "4 MiB page reserved"
      mov eax, [0x800000]
    DONE
    mov eax, cr0
    btr eax, 31
    mov cr0, eax
    mov dword [TABLES], (TABLES + 0x1000) | 1
    mov dword [TABLES + 8], (TABLES + 0x1000) | 1
    mov dword [TABLES + 0x1000], 0x87
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    TRY "pointer change unseen"
      mov dword [TABLES + 8], 0
      invlpg [0x40000000]
      mov eax, [0x40000000]
    DONE
    TRY "pointer change seen"
      mov eax, cr3
      mov cr3, eax
      mov eax, [0x40000000]
    DONE
    TRY "pointer with reserved bits"
      mov dword [TABLES + 8], (TABLES + 0x1000) | 3
      mov eax, cr3
      mov cr3, eax
    DONE
    TRY "2 MiB page reserved"
      mov dword [TABLES + 0x1008], 0x202087
      mov eax, [0x200000]
    DONE
    FINISH

show_rf:
    mov eax, [esp + 8]
    and eax, 0x10000
    call put_hex
    call put_line
    mov esp, [resume_esp]
    push dword 2
    popfd
    jmp [resume]
called:
    TEXT " running"
    iretd
