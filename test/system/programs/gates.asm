; Gates, privilege changes, and what ring 3 may not do, in 32-bit protected mode.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

; Fills a gate in the GDT or IDT: address, selector, offset, count, access byte.
%macro GATE 5
    mov dword [%1], ((%2) << 16)
    mov eax, %3
    mov [%1], ax
    mov [%1 + 6 - 0], ax
    mov dword [%1 + 4], (%4) | ((%5) << 8)
    shr eax, 16
    mov [%1 + 6], ax
%endmacro

main:
    call setup32
    ; Software interrupts and IDT entries.
    TRY "int 0x20 kernel gate"
      int 0x20
    DONE
    TRY "int3"
      int3
    DONE
    TRY "int beyond idt"
      int 0xff
    DONE
    GATE IDT_AT + 0x50 * 8, CODE32, stub_40, 0, 0x0e
    TRY "gate absent"
      int 0x50
    DONE
    GATE IDT_AT + 0x50 * 8, CODE32, stub_40, 0, 0x8c
    TRY "call gate in idt"
      int 0x50
    DONE
    GATE IDT_AT + 0x50 * 8, 0, stub_40, 0, 0x8e
    TRY "gate null cs"
      int 0x50
    DONE
    GATE IDT_AT + 0x50 * 8, DATA32, stub_40, 0, 0x8e
    TRY "gate data cs"
      int 0x50
    DONE
    GATE IDT_AT + 0x50 * 8, UCODE32, stub_40, 0, 0x8e
    TRY "gate user cs"
      int 0x50
    DONE
    GATE IDT_AT + 0x50 * 8, CODE32, trap_gate, 0, 0x8f
    TRY "trap gate keeps if"
      sti
      int 0x50
      jmp trap_over
trap_gate:
      pushfd
      pop eax
      and eax, 0x4700
      HEX eax
      iretd
trap_over:
      cli
    DONE
    GATE IDT_AT + 0x50 * 8, CODE32, trap_gate, 0, 0x8e
    TRY "interrupt gate clears if"
      pushfd
      or dword [esp], 0x4200
      popfd
      int 0x50
      cli
      pushfd
      pop eax
      HEX eax
      and ah, ~0x40
      push eax
      popfd
    DONE
    GATE IDT_AT + 0x50 * 8, CODE16, gate16 - entry16, 0, 0x86
    TRY "16-bit gate"
      mov ebx, esp
      int 0x50
      jmp gate16_over
bits 16
gate16:
      mov edx, esp
      add esp, 6
      jmp dword CODE32:gate16_over
bits 32
gate16_over:
      sub ebx, edx
      HEX ebx
    DONE

    ; Ring 3.
    TRY_USER "user int"
      int 0x31
    DONE_USER
    TRY_USER "user int kernel gate"
      int 0x20
    DONE_USER
    TRY_USER "user int3"
      int3
    DONE_USER
    TRY_USER "user hlt"
      hlt
    DONE_USER
    TRY_USER "user cli"
      cli
    DONE_USER
    TRY_USER "user cli iopl 2", 0x2002
      cli
    DONE_USER
    TRY_USER "user sti"
      sti
      pushfd
      pop eax
    DONE_USER
    TRY_USER "user in denied", 0x2
      in al, 0x80
    DONE_USER
    TRY_USER "user in allowed", 0x2
      in al, 0x70
      in ax, 0x72
    DONE_USER
    TRY_USER "user in partly denied", 0x2
      in ax, 0x7f
    DONE_USER
    TRY_USER "user in beyond bitmap", 0x2
      mov dx, 0xffff
      in al, dx
    DONE_USER
    TRY_USER "user mov cr0"
      mov eax, cr0
    DONE_USER
    TRY_USER "user mov dr7"
      mov eax, dr7
    DONE_USER
    TRY_USER "user lgdt"
      lgdt [gdtr]
    DONE_USER
    TRY_USER "user lldt"
      xor eax, eax
      lldt ax
    DONE_USER
    TRY_USER "user ltr"
      mov ax, TSS
      ltr ax
    DONE_USER
    TRY_USER "user sgdt smsw"
      sub esp, 8
      sgdt [esp]
      smsw eax
      sldt ax
      str ax
    DONE_USER
    TRY_USER "user invlpg"
      invlpg [0]
    DONE_USER
    TRY_USER "user wbinvd"
      wbinvd
    DONE_USER
    TRY_USER "user rdmsr"
      mov ecx, 0x10
      rdmsr
    DONE_USER
    TRY_USER "user clts"
      clts
    DONE_USER
    TRY_USER "user lmsw"
      lmsw ax
    DONE_USER
    TRY_USER "user load kernel ds"
      mov ax, DATA32
      mov ds, ax
    DONE_USER
    TRY_USER "user far kernel"
      jmp CODE32:main
    DONE_USER
    TRY_USER "user far conforming"
      call CONFORMING | 3:.conforming
      jmp .conforming_over
.conforming:
      retf
.conforming_over:
    DONE_USER
    TRY_USER "user retf to kernel"
      push CODE32
      push main
      retf
    DONE_USER
    TRY_USER "user iret to kernel"
      pushfd
      push CODE32
      push main
      iretd
    DONE_USER
    TRY_USER "user popf iopl and if", 0x2
      pushfd
      or dword [esp], 0x3200
      popfd
    DONE_USER
    TRY_USER "user popf tf later"
      pushfd
      or dword [esp], 0x240400
      popfd
    DONE_USER
    TRY_USER "user iret same level", 0x1002
      pushfd
      or dword [esp], 0x3300
      and dword [esp], ~0x100
      push cs
      push .iret_same
      iretd
.iret_same:
    DONE_USER
    TRY_USER "ud2"
      ud2
    DONE_USER

    ; Data segments are dropped on the way out.
    TEXT "segments in ring 3"
    mov ax, DATA32
    mov es, ax
    mov fs, ax
    mov ax, UDATA32
    mov gs, ax
    mov dword [resume], .dropped
    mov [resume_esp], esp
    push dword UDATA32
    push dword USER_TOP
    push dword 2
    push dword UCODE32
    push dword .user_segments
    iretd
.user_segments:
    mov ax, ds
    mov bx, es
    mov cx, fs
    mov dx, gs
    shl ebx, 16
    mov bx, ax
    shl edx, 16
    mov dx, cx
    push ebx
    push edx
    mov ax, UDATA32
    mov ds, ax
    int 0x3f
.dropped:
    mov eax, [USER_TOP - 4]
    mov ebx, [USER_TOP - 8]
    VALUES eax, ebx

    ; Call gates.
    GATE gdt + SLOT1, CODE32, gate_target, 0, 0xec
    GATE gdt + SLOT2, CODE32, gate_parameters, 2, 0xec
    GATE gdt + SLOT3, CODE32, gate_target, 0, 0x8c
    TRY "call gate same level"
      mov ebx, esp
      call SLOT1:0x12345678
      jmp same_over
gate_target:
      mov edx, esp
      mov ecx, cs
      retf
same_over:
      sub ebx, edx
      HEX ebx
      HEX ecx
    DONE
    TRY "jmp through gate"
      jmp SLOT4:0
    DONE
    GATE gdt + SLOT4, CODE32, gate_jumped, 0, 0x8c
    TRY "jmp through gate to code"
      jmp SLOT4:0
gate_jumped:
    DONE
    TRY_USER "user call gate"
      mov eax, 0x11111111
      call SLOT1 | 3:0
      push ecx
      push edx
      int 0x31
    DONE_USER
    TEXT "stack"
    VALUES [USER_TOP - 4], [USER_TOP - 8]
    TRY_USER "user call gate with parameters"
      push 0x1111
      push 0x2222
      call SLOT2 | 3:0
      jmp par_over
gate_parameters:
      push ds
      mov ax, DATA32
      mov ds, ax
      HEX cs
      HEX [esp + 4]
      mov eax, [esp + 8]
      HEX eax
      HEX [esp + 12]
      HEX [esp + 16]
      HEX [esp + 20]
      HEX [esp + 24]
      mov eax, esp
      HEX eax
      pop ds
      retf 8
par_over:
      mov eax, esp
      push eax
    DONE_USER
    TEXT "stack"
    VALUES [USER_TOP - 4]
    TRY_USER "user kernel call gate"
      call SLOT3 | 3:0
    DONE_USER
    TRY_USER "user jmp through gate"
      jmp SLOT1 | 3:0
    DONE_USER
    mov byte [gdt + SLOT1 + 5], 0x6c
    TRY_USER "gate absent"
      call SLOT1 | 3:0
    DONE_USER
    mov byte [gdt + SLOT1 + 5], 0xec
    mov word [gdt + SLOT1 + 2], DATA32
    TRY_USER "gate to data"
      call SLOT1 | 3:0
    DONE_USER
    mov word [gdt + SLOT1 + 2], 0
    TRY_USER "gate to null"
      call SLOT1 | 3:0
    DONE_USER

    ; Stacks in the TSS that do not do: a call gate, so that the event itself has a stack.
    mov word [gdt + SLOT1 + 2], DATA1 + 0
    GATE gdt + SLOT1, SLOT4, gate_target, 0, 0xec
    mov dword [gdt + SLOT4], 0x0000ffff
    mov dword [gdt + SLOT4 + 4], 0x00cfba00     ; code of privilege 1
    mov dword [TSS_AT + 12], 0x6000
%macro STACK 2
    mov dword [TSS_AT + 16], %2
    TRY_USER %1
      call SLOT1 | 3:0
    DONE_USER
%endmacro
    STACK "stack null", 0
    STACK "stack rpl", DATA1
    STACK "stack dpl", DATA32 | 1
    STACK "stack beyond", 0x111
    STACK "stack code", CODE32 | 1
    STACK "stack absent", ABSENT | 1

    ; Double fault: #NP of the handler of #GP.
    mov byte [IDT_AT + 13 * 8 + 5], 0x0e
    TRY "double fault"
      mov ax, 0xfff8
      mov es, ax
    DONE
    mov byte [IDT_AT + 13 * 8 + 5], 0x8e
    ; SYSENTER outside long mode.
    TRY "sysenter without cs"
      sysenter
    DONE
    mov ecx, 0x174
    mov eax, CODE32
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, 0x6f00
    wrmsr
    inc ecx
    mov eax, sysenter_target
    wrmsr
    TRY_USER "sysenter", 0x3202
      sysenter
sysenter_target:
      mov ax, DATA32
      mov ds, ax
      mov eax, esp
      HEX eax
      HEX cs
      HEX ss
      pushfd
      pop eax
      and eax, 0x7700
      HEX eax
      mov edx, sysexit_target
      mov ecx, USER_TOP
      sysexit
sysexit_target:
      mov eax, cs
      mov ebx, ss
      int 0x31
    DONE_USER

    ; Triple fault.
    TEXT "triple"
    call put_line
    lidt [zero_idt]
    ud2
zero_idt:
    dw 0
    dd 0
