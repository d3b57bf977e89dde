; 32-bit paging: two levels with 4 KiB and 4 MiB pages.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

DIR     equ TABLES
PT0     equ TABLES + 0x1000
PT1     equ TABLES + 0x2000
; Linear 4 MiB and up is for tests: PT1.
AREA    equ 0x400000
PAGE    equ 0x90000             ; a physical page to map

%macro SET_PTE 2 ; index in PT1, entry
    mov dword [PT1 + (%1) * 4], %2
    invlpg [AREA + (%1) * 4096]
%endmacro
%macro SHOW 1-*
    TEXT " entry"
%rep %0
    HEX [%1]
%rotate 1
%endrep
%endmacro

main:
    call setup32
    mov edi, DIR
    mov ecx, 0x4000 / 4
    xor eax, eax
    rep stosd
    mov eax, 7
    xor ebx, ebx
.identity:
    mov [PT0 + ebx * 4], eax
    add eax, 0x1000
    inc ebx
    cmp ebx, 1024
    jb .identity
    mov dword [DIR], PT0 | 7
    mov dword [DIR + 4], PT1 | 7
    mov eax, DIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    TEXT "on"
    SHOW DIR, DIR + 4
    call put_line

    TRY "not present"
      mov eax, [AREA]
    DONE
    TRY "not present write"
      mov [AREA + 8], eax
    DONE
    TRY "no table"
      mov eax, [0x800123]
    DONE
    SET_PTE 0, PAGE | 3
    TRY "read sets accessed"
      mov eax, [AREA]
      SHOW PT1, DIR + 4
    DONE
    TRY "write sets dirty"
      mov [AREA], eax
      SHOW PT1
    DONE
    TRY_USER "user reads supervisor page"
      mov eax, [AREA]
    DONE_USER
    TRY_USER "user writes supervisor page"
      mov [AREA], eax
    DONE_USER
    TRY_USER "user jumps to supervisor page"
      mov eax, AREA
      jmp eax
    DONE_USER
    SET_PTE 1, PAGE | 5
    TRY_USER "user reads read-only"
      mov eax, [AREA + 0x1000]
    DONE_USER
    TRY_USER "user writes read-only"
      mov [AREA + 0x1000], eax
    DONE_USER
    TRY_USER "user read-modify-write"
      add dword [AREA + 0x1000], 1
    DONE_USER
    TRY_USER "user cmpxchg that fails"
      mov eax, 0x12345678
      mov ebx, 1
      cmpxchg [AREA + 0x1000], ebx
    DONE_USER
    TRY "supervisor writes read-only"
      mov [AREA + 0x1000], eax
      SHOW PT1 + 4
    DONE
    mov eax, cr0
    bts eax, 16
    mov cr0, eax
    SET_PTE 1, PAGE | 5
    TRY "write protected"
      mov [AREA + 0x1000], eax
    DONE
    TRY "faulting write leaves"
      SHOW PT1 + 4
    DONE
    mov eax, cr0
    btr eax, 16
    mov cr0, eax
    ; Rights of both levels.
    SET_PTE 2, PAGE | 7
    mov dword [DIR + 4], PT1 | 5
    mov eax, cr3
    mov cr3, eax
    TRY_USER "directory read-only"
      mov [AREA + 0x2000], eax
    DONE_USER
    mov dword [DIR + 4], PT1 | 3
    mov eax, cr3
    mov cr3, eax
    TRY_USER "directory supervisor"
      mov eax, [AREA + 0x2000]
    DONE_USER
    mov dword [DIR + 4], PT1 | 7
    mov eax, cr3
    mov cr3, eax
    ; Crossing pages.
    SET_PTE 3, 0
    TRY "crossing read"
      mov eax, [AREA + 0x2ffe]
    DONE
    TRY "crossing write"
      mov dword [AREA + 0x2ffc], 0x11111111
      mov dword [AREA + 0x2ffe], 0x22222222
    DONE
    TRY "first part untouched"
      HEX [AREA + 0x2ffc]
    DONE
    TRY_USER "user crossing into supervisor"
      mov esp, AREA + 0x3002
      push eax
    DONE_USER
    SET_PTE 3, (PAGE + 0x1000) | 7
    TRY "crossing works"
      mov dword [AREA + 0x2ffe], 0x44332211
      mov eax, [AREA + 0x2ffd]
      HEX eax
      movzx eax, word [PAGE + 0x1000]
      HEX eax
      SHOW PT1 + 8, PT1 + 12
    DONE
    ; Code that runs into a missing page.
    SET_PTE 4, PAGE | 7
    SET_PTE 5, 0
    mov dword [PAGE + 0xffc], 0x90909090
    TRY "code runs into missing page"
      mov eax, AREA + 0x4ffc
      jmp eax
    DONE
    mov dword [PAGE + 0xffc], 0xb8909090
    TRY "instruction crosses into missing page"
      mov eax, AREA + 0x4ffc
      jmp eax
    DONE
    ; A page fault on the way to a handler.
    mov byte [IDT_AT + 14 * 8 + 5], 0x0e
    TRY "double fault"
      mov eax, [AREA + 0x5000]
    DONE
    mov byte [IDT_AT + 14 * 8 + 5], 0x8e
    ; The stack of the TSS is missing: a page fault whose delivery faults again is a double fault.
    mov dword [TSS_AT + 4], AREA + 0x5800
    mov dword [IDT_AT + 8 * 8], TASK2 << 16
    mov dword [IDT_AT + 8 * 8 + 4], 0x8500
    call task_for_double_fault
    TEXT "double fault by task"
    mov dword [resume], .after_task
    mov [resume_esp], esp
    TO_USER
    ud2
.after_task:
    mov dword [TSS_AT + 4], STACK0_TOP
    mov byte [gdt + TSS + 5], 0x89
    mov ax, TSS
    ltr ax
    clts

    ; 4 MiB pages.
    mov dword [DIR + 8], 0x00000087
    mov eax, cr3
    mov cr3, eax
    TRY "page size without pse"
      mov eax, [0x800000]
    DONE
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov dword [PAGE + 0x20], 0x600df00d
    TRY "4 MiB page"
      HEX [0x800000 + PAGE + 0x20]
      mov [0x800000 + PAGE + 0x24], eax
      SHOW DIR + 8
    DONE
    mov dword [DIR + 8], 0x00000083
    mov eax, cr3
    mov cr3, eax
    TRY_USER "4 MiB page supervisor"
      mov eax, [0x800000]
    DONE_USER
    ; Global pages stay over a load of CR3.
    mov eax, cr4
    or eax, 0x80
    mov cr4, eax
    SET_PTE 6, PAGE | 0x107
    TRY "global page"
      mov eax, [AREA + 0x6000]
      SHOW PT1 + 24
    DONE

    FINISH

task_for_double_fault:
    mov edi, TASK2_AT
    push edi
    mov ecx, 26
    xor eax, eax
    rep stosd
    pop edi
    mov dword [edi + 28], DIR
    mov dword [edi + 32], .task
    mov dword [edi + 36], 2
    mov dword [edi + 56], 0xE000
    mov dword [edi + 72], DATA32
    mov dword [edi + 76], CODE32
    mov dword [edi + 80], DATA32
    mov dword [edi + 84], DATA32
    mov dword [edi + 88], DATA32
    mov dword [edi + 92], DATA32
    ret
.task:
    TEXT " task"
    HEX [esp]
    HEX [TASK2_AT]
    mov eax, cr2
    call put_hex
    mov eax, [TSS_AT + 76]
    call put_hex
    call put_line
    mov esp, [resume_esp]
    push dword 2
    popfd
    jmp [resume]
