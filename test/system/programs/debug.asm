; Single step and the debug registers, in 32-bit protected mode.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

steps: dd 0
; #DB that reports DR6 and the place, and goes on.
debug_event:
    push eax
    push ebx
    mov eax, [esp + 8]
    sub eax, [try_start]
    TEXT " db"
    call put_hex
    mov ebx, dr6
    xor ebx, 0xffff0ff0
    HEX ebx
    xor eax, eax
    mov dr6, eax
    or dword [esp + 16], 0x10000    ; RF: pass the breakpoint
    pop ebx
    pop eax
    iretd
; The same, but ends stepping when [steps] is used up.
step_event:
    push eax
    mov eax, [esp + 4]
    sub eax, [try_start]
    call put_hex
    mov eax, dr6
    and eax, 0xe00f
    call put_hex
    xor eax, eax
    mov dr6, eax
    dec dword [steps]
    jnz .more
    and dword [esp + 12], ~0x100
.more:
    pop eax
    iretd

%macro STEP 2
    TRY %1
      mov dword [steps], %2
      pushfd
      or dword [esp], 0x100
      popfd
%endmacro
; eax: DR7
%macro ARM 3 ; register, address, DR7
      mov eax, %2
      mov dr%1, eax
      mov eax, %3
      mov dr7, eax
%endmacro
%macro DISARM 0
      xor eax, eax
      mov dr7, eax
%endmacro

main:
    call setup32
    mov eax, 1
    mov edx, step_event
    mov ecx, 0x8e
    call set_gate

    STEP "plain", 5
      nop
      mov eax, 1
      add eax, ebx
      push eax
      pop eax
      nop
    DONE
    STEP "branches", 5
      jmp .a
      nop
.a:   call .b
      jmp .c
.b:   ret
.c:   nop
      nop
    DONE
    STEP "rep", 6
      mov ecx, 3
      mov edi, SCRATCH
      rep stosb
      nop
      nop
    DONE
    STEP "mov ss", 3
      mov ax, ss
      mov ss, ax
      nop
      nop
      nop
    DONE
    STEP "int", 3
      int 0x30
      nop
    DONE
    STEP "fault", 2
      nop
      ud2
    DONE
    STEP "popf clears", 100
      pushfd
      and dword [esp], ~0x100
      popfd
      nop
    DONE
    STEP "pushf shows tf", 3
      pushfd
      pop eax
      nop
      and eax, 0x100
      HEX eax
    DONE
    ; TF set by IRET takes effect after the next instruction.
    TRY "iret sets tf"
      mov dword [steps], 2
      pushfd
      or dword [esp], 0x100
      push cs
      push .stepped
      iretd
.stepped:
      nop
      nop
      nop
    DONE
    ; HLT and I/O are steps like others.
    STEP "system instructions", 4
      mov eax, cr0
      lgdt [gdtr]
      cli
      cld
      nop
    DONE

    mov eax, 1
    mov edx, debug_event
    mov ecx, 0x8e
    call set_gate
    TRY "execution breakpoint"
      ARM 0, .here, 0x2
      nop
.here:
      nop
      nop
      DISARM
    DONE
    TRY "execution breakpoint in a loop"
      ARM 1, .loop, 0x8
      mov ecx, 3
.loop:
      dec ecx
      jnz .loop
      DISARM
    DONE
    TRY "two breakpoints"
      ARM 0, .two, 0x0
      ARM 3, .two, 0x82
.two:
      nop
      DISARM
    DONE
    TRY "disabled breakpoint"
      ARM 2, .off, 0x2
.off:
      nop
      DISARM
    DONE
    TRY "write watch"
      ARM 0, SCRATCH, 0x000d0002
      mov eax, [SCRATCH]
      mov [SCRATCH], eax
      mov [SCRATCH + 4], eax
      mov byte [SCRATCH + 3], 1
      mov [SCRATCH - 2], eax
      DISARM
    DONE
    TRY "read and write watch"
      ARM 1, SCRATCH, 0x00f00008
      mov eax, [SCRATCH]
      mov [SCRATCH], eax
      add dword [SCRATCH], 1
      mov al, [SCRATCH + 4]
      push dword [SCRATCH]
      pop eax
      DISARM
    DONE
    TRY "byte watch"
      ARM 2, SCRATCH + 1, 0x01000020
      mov byte [SCRATCH], 1
      mov byte [SCRATCH + 1], 1
      mov byte [SCRATCH + 2], 1
      mov dword [SCRATCH], 1
      DISARM
    DONE
    TRY "push watch"
      lea eax, [esp - 4]
      mov dr0, eax
      mov eax, 0x000d0002
      mov dr7, eax
      push eax
      pop eax
      DISARM
    DONE
    TRY "string watch"
      ARM 0, SCRATCH + 2, 0x00010002
      mov edi, SCRATCH
      mov ecx, 4
      rep stosb
      DISARM
    DONE
    TRY "registers"
      mov eax, 0x12345678
      mov dr2, eax
      mov eax, 0x700
      mov dr7, eax
      mov eax, dr7
      HEX eax
      DISARM
      mov eax, dr7
      HEX eax
      mov eax, dr2
      HEX eax
      mov eax, dr4
      xor eax, dr4_expected
      HEX eax
      mov eax, dr5
      HEX eax
    DONE
    mov eax, cr4
    or eax, 8
    mov cr4, eax
    TRY "dr4 with de"
      mov eax, dr4
    DONE
    ; In ring 3.
    TRY_USER "user step", 0x3102
      nop
      nop
    DONE_USER
    FINISH
dr4_expected equ 0xffff0ff0
