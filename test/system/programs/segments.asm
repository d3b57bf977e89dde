; Segment loads, limits, types and privileges in 32-bit protected mode.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32
main:
    call setup32
    TRY "null ds"
      mov ax, 3 
      mov ds, ax
      mov bx, ds
      mov ax, DATA32
      mov ds, ax
      HEX ebx
    DONE
%macro LOAD 3
    TRY %1
      mov ax, %3
      mov %2, ax
      mov ax, DATA32
      mov %2, ax
    DONE
%endmacro
    LOAD "null ss", ss, 0
    LOAD "code to es", es, CODE32
    LOAD "execute only to es", es, ROCODE
    LOAD "code to ss", ss, CODE32
    LOAD "read only to ss", ss, RODATA
    LOAD "absent to es", es, ABSENT
    LOAD "absent to ss", ss, ABSENT
    LOAD "dpl1 to ds", ds, DATA1
    LOAD "dpl1 to ss", ss, DATA1 | 1
    LOAD "rpl3 to ds", ds, DATA32 | 3
    LOAD "rpl3 to ss", ss, DATA32 | 3
    LOAD "beyond gdt", es, GDT_LIMIT + 1
    LOAD "partly beyond", es, 0x100
    LOAD "no ldt", es, 4
    LOAD "tss to es", es, TSS
    LOAD "conforming to gs", gs, CONFORMING | 3
    LOAD "system to fs", fs, LDT
    TRY "lldt data"
      mov ax, DATA32
      lldt ax
    DONE
    TRY "lldt ti"
      mov ax, LDT | 4
      lldt ax
    DONE
    TRY "lldt"
      mov ax, LDT
      lldt ax
    DONE
    LOAD "ldt 0", es, 4
    LOAD "ldt 1", es, 12
    LOAD "ldt 2", es, 20
    TRY "lldt null"
      xor ax, ax
      lldt ax
    DONE
    LOAD "ldt again", es, 4
    TRY "ltr busy"
      mov ax, TSS
      ltr ax
    DONE
    TRY "ltr data"
      mov ax, DATA32
      ltr ax
    DONE
    ; The accessed bit.
    TEXT "accessed"
    VALUES [gdt + DATA32 + 4], [gdt + CODE32 + 4], [gdt + DATA1 + 4], [gdt + TSS + 4]
    TRY "mov cs"
      db 0x8e, 0xc8
    DONE
    TRY "mov seg 6"
      db 0x8e, 0xf0
    DONE
    mov ax, DATA32
    mov es, ax

    ; LAR, LSL, VERR, VERW, ARPL
%macro LOOK 1
    TEXT "look"
    mov edx, %1
    xor eax, eax
    lar eax, edx
    pushfd
    and eax, 0xf0ff00           ; the limit's bits are undefined
    HEX eax
    HEX [esp]
    xor eax, eax
    popfd
    lsl eax, edx
    pushfd
    HEX eax
    HEX [esp]
    popfd
    verr dx
    pushfd
    HEX [esp]
    popfd
    verw dx
    pushfd
    VALUES [esp]
    popfd
%endmacro
    xor eax, eax
    LOOK 0
    LOOK CODE32
    LOOK DATA32
    LOOK DATA32 | 3
    LOOK CODE16
    LOOK UDATA32
    LOOK ROCODE
    LOOK CONFORMING | 3
    LOOK RODATA
    LOOK ABSENT
    LOOK TSS
    LOOK LDT
    LOOK 0x100
    LOOK SLOT1
    mov dword [gdt + SLOT1], 0x00081234
    mov dword [gdt + SLOT1 + 4], 0x00018c00
    LOOK SLOT1
    mov dword [gdt + SLOT1 + 4], 0x00018500
    LOOK SLOT1
    mov dword [gdt + SLOT1 + 4], 0x00018600
    LOOK SLOT1
    TEXT "arpl"
    mov ax, 0x10
    mov bx, 3
    arpl ax, bx
    pushfd
    HEX eax
    HEX [esp]
    popfd
    mov bx, 1
    arpl ax, bx
    pushfd
    HEX eax
    VALUES [esp]
    popfd
    TEXT "stored"
    xor eax, eax
    dec eax
    sldt eax
    HEX eax
    dec eax
    str eax
    HEX eax
    dec eax
    str ax
    HEX eax
    mov eax, ds
    HEX eax
    smsw eax
    VALUES eax
    sgdt [SCRATCH]
    sidt [SCRATCH + 8]
    TEXT "tables"
    movzx eax, word [SCRATCH]
    movzx ebx, word [SCRATCH + 8]
    VALUES eax, [SCRATCH + 2], ebx, [SCRATCH + 10]

    ; Far transfers.
    TRY "far null"
      jmp 0:0x10000
    DONE
    TRY "far data"
      jmp DATA32:0x10000
    DONE
    TRY "far user"
      jmp UCODE32:0x10000
    DONE
    TRY "far absent"
      mov byte [gdt + SLOT1 + 5], 0x1a
      jmp SLOT1:0
    DONE
    TRY "far rpl"
      jmp CODE32 | 3:0x10000
    DONE
    TRY "far beyond"
      mov dword [gdt + SLOT1], 0x0000ffff
      mov dword [gdt + SLOT1 + 4], 0x00409a00
      jmp SLOT1:0x10000
    DONE
    TRY "far conforming"
      jmp CONFORMING:.conf
.conf:
      mov eax, cs
      HEX eax
      jmp CODE32:.conf2
.conf2:
    DONE
    TRY "far call"
      mov ebx, esp
      push cs
      call .proc
      jmp .proc_over
.proc:
      mov eax, ebx
      sub eax, esp
      HEX eax
      retf
.proc_over:
      sub ebx, esp
      HEX ebx
    DONE
    TRY "retf n"
      mov ebx, esp
      push 1
      push 2
      call CODE32:.proc2
      jmp .proc2_over
.proc2:
      retf 8
.proc2_over:
      sub ebx, esp
      HEX ebx
    DONE
    TRY "retf outer data"
      push 0
      push 0
      push UDATA32
      push 0x10000
      retf
    DONE
    TRY "retf inner null ss"
      push 0
      push 0
      push UCODE32
      push 0x10000
      retf
    DONE
    TRY "retf bad ss"
      push DATA32
      push 0
      push UCODE32
      push 0x10000
      retf
    DONE
    TRY "les"
      mov dword [SCRATCH], 0x12345678
      mov word [SCRATCH + 4], DATA32
      les eax, [SCRATCH]
      HEX eax
      mov word [SCRATCH + 4], TSS
      les ebx, [SCRATCH]
    DONE
    TRY "lss"
      mov dword [SCRATCH], STACK_TOP - 0x200
      mov word [SCRATCH + 4], DATA32
      mov ebx, esp
      lss esp, [SCRATCH]
      mov ecx, esp
      mov esp, ebx
      HEX ecx
    DONE
    TRY "push pop seg"
      push fs
      HEX [esp]
      push word DATA32
      o16 pop fs
      pop fs
      mov ebx, esp
      push 0x12340000 | DATA32
      pop es
      sub ebx, esp
      HEX ebx
    DONE
    TRY "pop es bad"
      push 0x1234
      pop es
    DONE
    TRY "bound"
      mov dword [SCRATCH], -5
      mov dword [SCRATCH + 4], 7
      mov eax, 7
      bound eax, [SCRATCH]
      mov eax, 8
      bound eax, [SCRATCH]
    DONE
    TRY "into"
      mov al, 0x7f
      inc al
      into
    DONE
    FINISH
