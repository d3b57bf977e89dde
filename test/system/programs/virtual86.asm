; Virtual-8086 mode: entry, what is sensitive to IOPL, interrupts, port access.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

VM_STACK equ 0x9000

; Enters virtual-8086 mode at the label (a paragraph of the image) with EFLAGS given; an event comes back.
%macro TRY_VM 2
    %push try
    TEXT %1
    mov dword [resume], %$after
    mov [resume_esp], esp
    mov dword [try_start], %$start - IMAGE
    push dword 0x6666           ; gs
    push dword 0x5555           ; fs
    push dword 0x0800           ; ds
    push dword 0x0900           ; es
    push dword 0x0000           ; ss
    push dword VM_STACK         ; esp
    push dword %2               ; eflags
    push dword IMAGE >> 4       ; cs
    push dword %$start - IMAGE
    iretd
bits 16
%$start:
%endmacro
%macro DONE_VM 0
    int 0x3f
bits 32
%$after:
    %pop
%endmacro

main:
    call setup32
    TRY_VM "entry", 0x23002
      mov ax, cs
      mov bx, ds
      mov cx, ss
      mov dx, gs
      push ax
      push bx
      push cx
      push dx
      pushf
    DONE_VM
    TEXT "stack"
    VALUES [VM_STACK - 4], [VM_STACK - 8], [VM_STACK - 12]
    TRY_VM "int iopl 3", 0x23202
      int 0x31
    DONE_VM
    TRY_VM "int iopl 0", 0x20202
      int 0x31
    DONE_VM
    TRY_VM "int kernel gate", 0x23202
      int 0x20
    DONE_VM
    TRY_VM "int3 iopl 0", 0x20202
      int3
    DONE_VM
    TRY_VM "into", 0x20202
      mov al, 0x7f
      inc al
      into
    DONE_VM
    TRY_VM "cli iopl 0", 0x20202
      cli
    DONE_VM
    TRY_VM "sti iopl 0", 0x20002
      sti
    DONE_VM
    TRY_VM "pushf iopl 0", 0x20002
      pushf
    DONE_VM
    TRY_VM "popf iopl 0", 0x20002
      popf
    DONE_VM
    TRY_VM "iret iopl 0", 0x20002
      iret
    DONE_VM
    TRY_VM "cli sti iopl 3", 0x23202
      cli
      sti
      cli
    DONE_VM
    TRY_VM "popf iopl 3", 0x23202
      push word 0x4402
      popf
    DONE_VM
    TRY_VM "popfd iopl 3", 0x23202
      push dword 0x00243002
      popfd
    DONE_VM
    TRY_VM "iret iopl 3", 0x23202
      push word 0x0402
      push cs
      push word vm_iret - IMAGE
      iret
vm_iret:
    DONE_VM
    TRY_VM "hlt", 0x23202
      hlt
    DONE_VM
    TRY_VM "mov cr0", 0x23202
      mov eax, cr0
    DONE_VM
    TRY_VM "lmsw", 0x23202
      lmsw ax
    DONE_VM
    TRY_VM "smsw", 0x23202
      smsw ax
    DONE_VM
    TRY_VM "lldt", 0x23202
      lldt ax
    DONE_VM
    TRY_VM "sldt", 0x23202
      sldt ax
    DONE_VM
    TRY_VM "lar", 0x23202
      lar ax, bx
    DONE_VM
    TRY_VM "verr", 0x23202
      verr ax
    DONE_VM
    TRY_VM "arpl", 0x23202
      arpl ax, bx
    DONE_VM
    TRY_VM "sgdt", 0x23202
      sgdt [bx]
    DONE_VM
    TRY_VM "lgdt", 0x23202
      lgdt [bx]
    DONE_VM
    TRY_VM "clts", 0x23202
      clts
    DONE_VM
    TRY_VM "in allowed", 0x20002
      in al, 0x70
    DONE_VM
    TRY_VM "in denied", 0x23002
      in al, 0x80
    DONE_VM
    TRY_VM "far jump", 0x20002
      mov ax, 0x1234
      mov es, ax
      jmp (IMAGE >> 4):vm_far - IMAGE
vm_far:
      call (IMAGE >> 4):vm_proc - IMAGE
      jmp vm_over
vm_proc:
      retf 2
vm_over:
    DONE_VM
    TRY_VM "les lss", 0x20002
      les ax, [bx]
      lss sp, [cs:vm_pointer - IMAGE]
    DONE_VM
    TRY_VM "division", 0x20202
      xor cx, cx
      div cx
    DONE_VM
    TRY_VM "ud2", 0x20202
      ud2
    DONE_VM
    TRY_VM "sysenter", 0x23202
      sysenter
    DONE_VM
    ; Handlers must have privilege 0.
    mov word [IDT_AT + 0x31 * 8 + 2], CONFORMING
    TRY_VM "conforming handler", 0x23202
      int 0x31
    DONE_VM
    mov word [IDT_AT + 0x31 * 8 + 2], CODE32
    ; A 16-bit gate from virtual-8086 mode.
    mov dword [IDT_AT + 0x50 * 8], (CODE16 << 16) | (gate16 - entry16)
    mov dword [IDT_AT + 0x50 * 8 + 4], 0xe600
    TRY_VM "16-bit gate", 0x23202
      int 0x50
    DONE_VM
    FINISH
vm_pointer:
    dw VM_STACK - 0x100, 0
bits 16
gate16:
    mov ebp, esp
    jmp dword CODE32:gate32
bits 32
gate32:
    mov ax, DATA32
    mov ds, ax
    HEX ebp
    HEX [ebp]
    HEX [ebp + 4]
    HEX [ebp + 8]
    HEX [ebp + 12]
    HEX [ebp + 16]
    call put_line
    mov ss, ax
    mov es, ax
    mov esp, [resume_esp]
    jmp [resume]
