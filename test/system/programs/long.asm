; 64-bit and compatibility mode: events, gates, SYSCALL, canonical addresses, descriptors of 16 bytes.
%include "long64.inc"

%macro WRITE_MSR 2
    mov rax, %2
    mov rdx, rax
    shr rdx, 32
    mov ecx, %1
    wrmsr
%endmacro
%macro READ_MSR 1
    mov ecx, %1
    rdmsr
    shl rdx, 32
    mov eax, eax
    or rax, rdx
%endmacro

main:
    TRY "ud2"
      ud2
    DONE
    TRY "stack aligned"
      push 1
      mov rax, rsp
      int 0x31
    DONE
    TRY "int kernel gate"
      int 0x20
    DONE
    TRY_USER "user ud2"
      ud2
    DONE_USER
    TRY_USER "user int"
      int 0x31
    DONE_USER
    TRY_USER "user cli", 0x2
      cli
    DONE_USER
    TRY_USER "user in denied", 0x2
      in al, 0x80
    DONE_USER
    TRY_USER "user in", 0x2
      in al, 0x70
    DONE_USER
    TRY_USER "user mov cr8"
      mov rax, cr8
    DONE_USER
    TRY_USER "user swapgs"
      swapgs
    DONE_USER
    TRY_USER "user iretq to kernel"
      push 0
      push USER_TOP
      push 2
      push CODE64
      push main
      iretq
    DONE_USER
    TRY_USER "user iretq same"
      mov rax, rsp
      push UDATA32
      push rax
      push 0x0202
      push UCODE64
      push user_iretq
      iretq
user_iretq:
    DONE_USER
    ; Interrupt stack table.
    mov dword [TSS_AT + 36], 0x6108     ; IST1, not aligned
    mov dword [TSS_AT + 36 + 6 * 8], 0x6808
    mov byte [IDT_AT + 0x31 * 16 + 4], 1
    mov byte [IDT_AT + 0x32 * 16 + 4], 7
    TRY_USER "ist1 from user"
      int 0x31
    DONE_USER
    TRY_USER "ist7 from user"
      int 0x32
    DONE_USER
    mov rax, 0x8000000000000000
    mov [TSS_AT + 44], rax
    mov byte [IDT_AT + 0x32 * 16 + 4], 2
    TRY "ist not canonical"
      int 0x32
    DONE
    mov byte [IDT_AT + 0x32 * 16 + 4], 0
    ; Gates.
    mov word [IDT_AT + 0x32 * 16 + 2], CODE32
    TRY "gate to 32-bit code"
      int 0x32
    DONE
    mov word [IDT_AT + 0x32 * 16 + 2], CODE64

    TRY "fs wraps"
      WRITE_MSR 0xc0000100, 0xfffffffffffff000
      mov rax, [fs:SCRATCH + 0x1000]
      mov rbx, [SCRATCH]
      cmp rax, rbx
      je .same
      ud2
.same:
    DONE
    TRY "32-bit address"
      mov rbx, 0x1111111100000000 + SCRATCH
      mov qword [SCRATCH], 0x5a5a
      mov rax, [ebx]
      HEX rax
      mov rax, [gs:ebx]
      HEX rax
    DONE

    ; Bases.
    TRY "bases"
      WRITE_MSR 0xc0000100, 0x1000
      WRITE_MSR 0xc0000101, 0x2000
      WRITE_MSR 0xc0000102, 0x3000
      swapgs
      READ_MSR 0xc0000101
      HEX rax
      READ_MSR 0xc0000102
      HEX rax
      mov rax, cr4
      bts rax, 16
      mov cr4, rax
      rdfsbase rax
      HEX rax
      mov rax, 0xffff800012345678
      wrgsbase rax
      READ_MSR 0xc0000101
      HEX rax
      mov rax, 0x1111111187654321
      wrfsbase eax
      rdfsbase rbx
      HEX rbx
    DONE
    TRY "selector loads set bases"
      mov ax, DATA32
      mov fs, ax
      rdfsbase rax
      HEX rax
    DONE
    TRY "rdfsbase off"
      mov rax, cr4
      btr rax, 16
      mov cr4, rax
      rdfsbase rax
    DONE

    ; Segment registers in 64-bit mode.
    TRY "null ss"
      xor eax, eax
      mov ss, ax
      push rax
      mov ax, DATA32
      mov ss, ax
    DONE
    TRY "null ss rpl"
      mov ax, 3
      mov ss, ax
    DONE
    TRY_USER "user null ss"
      mov ax, 3
      mov ss, ax
    DONE_USER
    TRY "limits do not count"
      mov dword [gdt + SLOT1], 0
      mov dword [gdt + SLOT1 + 4], 0x00409200
      mov ax, SLOT1
      mov ds, ax
      mov rax, [SCRATCH]
      mov ax, DATA32
      mov ds, ax
    DONE

    ; Far transfers.
    TRY "far jump to 32 and back"
      jmp dword far [.far32]
.far32:
      dd .in32
      dw CODE32
.in32:
bits 32
      mov eax, cs
      mov ebx, esp
      jmp CODE64:.in64
bits 64
.in64:
      HEX rax
      sub rbx, rsp
      HEX rbx
    DONE
    TRY "retfq"
      push CODE64
      lea rax, [.retfq]
      push rax
      retfq
.retfq:
    DONE
    TRY "retf 32"
      mov rbx, rsp
      sub rsp, 8
      mov dword [rsp], .retf32
      mov dword [rsp + 4], CODE64
      retf
.retf32:
      sub rbx, rsp
      HEX rbx
    DONE
    TRY "iretq to 32"
      push DATA32
      push STACK_TOP - 0x800
      push 2
      push CODE32
      push .iret32
      iretq
.iret32:
bits 32
      mov eax, esp
      call .call32
      mov ebx, ss
      jmp CODE64:.iret64
.call32:
      ret
bits 64
.iret64:
      mov rsp, [abs resume_rsp]
      HEX rax
      HEX rbx
    DONE
    TRY "iretq null ss"
      push 0
      push STACK_TOP - 0x800
      push 2
      push CODE64
      push .iretnull
      iretq
.iretnull:
      mov ax, ss
      movzx eax, ax
      HEX rax
      mov ax, DATA32
      mov ss, ax
      mov rsp, [abs resume_rsp]
    DONE
    TRY "iretq nt"
      push 0x4002
      popfq
      iretq
    DONE
    TRY "iretd"
      mov rax, rsp
      sub rsp, 20
      mov dword [rsp], .iretd
      mov dword [rsp + 4], CODE64
      mov dword [rsp + 8], 2
      mov [rsp + 12], eax
      mov dword [rsp + 16], DATA32
      iretd
.iretd:
      sub rax, rsp
      HEX rax
    DONE
    ; Call gates.
%macro GATE 4 ; address, selector, offset, access
    mov dword [%1], ((%2) << 16)
    mov rax, %3
    mov [%1], ax
    mov dword [%1 + 4], (%4) << 8
    shr rax, 16
    mov [%1 + 6], ax
    shr rax, 16
    mov [%1 + 8], eax
    mov dword [%1 + 12], 0
%endmacro
    GATE gdt + SLOT1, CODE64, gate_target, 0xec
    TRY "call gate"
      mov rbx, rsp
      call dword far [far_slot1]
      sub rbx, rdx
      HEX rbx
    DONE
    TRY_USER "user call gate"
      call dword far [far_slot1]
      push rcx
      push rdx
      push rdi
      int 0x31
    DONE_USER
    TEXT "gate"
    VALUES [USER_TOP - 8], [USER_TOP - 16], [USER_TOP - 24]
    mov word [gdt + SLOT1 + 2], CODE32
    TRY "gate to 32-bit code"
      call dword far [far_slot1]
    DONE
    TRY "call to tss"
      call dword far [far_tss]
    DONE
    jmp after_gate
far_slot1:
    dd 0x12345678
    dw SLOT1
far_tss:
    dd 0
    dw TSS
gate_target:
    mov rdx, rsp
    mov rcx, [rsp + 24]
    mov di, ss
    movzx rdi, di
    retfq
after_gate:

    ; LDTR and TR.
    TRY "lldt"
      mov ax, LDT
      lldt ax
      mov ax, 4
      mov es, ax
      xor eax, eax
      lldt ax
      mov ax, DATA32
      mov es, ax
    DONE
    TRY "ltr busy"
      mov ax, TSS
      ltr ax
    DONE
    TRY "ltr base not canonical"
      mov dword [gdt + TSS + 8], 0x8000
      mov ax, TSS
      ltr ax
    DONE
    mov dword [gdt + TSS + 8], 0
    TRY "lar lsl"
      mov ax, TSS
      lar ebx, eax
      HEX rbx
      lsl ebx, eax
      HEX rbx
      mov ax, SLOT1
      xor ebx, ebx
      lar ebx, eax
      and ebx, 0xf0ff00
      HEX rbx
    DONE
    TRY "sgdt sidt"
      sgdt [SCRATCH]
      sidt [SCRATCH + 16]
      HEX [SCRATCH + 2]
      HEX [SCRATCH + 18]
      smsw rax
      HEX rax
      mov rbx, -1
      str ebx
      HEX rbx
    DONE

    ; SYSCALL and SYSRET.
    WRITE_MSR 0xc0000081, ((SYSBASE | ((SYSBASE + 0x10) << 16)) << 32) | 0x11223344
    WRITE_MSR 0xc0000082, syscall64
    WRITE_MSR 0xc0000083, syscall32
    WRITE_MSR 0xc0000084, 0x4700
    TRY_USER "syscall", 0x3202
      syscall
after_syscall:
      mov rax, rsp
      mov bx, cs
      mov dx, ss
      int 0x31
    DONE_USER
    TRY_COMPAT "syscall from 32-bit", 0x3202
      syscall
after_syscall32:
      int 0x31
    DONE_COMPAT
    TRY_USER "syscall off"
      int 0x33
    DONE_USER
    TRY "sysret bad state"
      WRITE_MSR 0xc0000080, 0xd00
      sysret
    DONE
    TRY "syscall disabled"
      syscall
    DONE
    WRITE_MSR 0xc0000080, 0xd01
    TRY_USER "user sysret"
      sysret
    DONE_USER

    ; Compatibility mode.
    TRY_COMPAT "compat int"
      mov eax, cs
      int 0x31
    DONE_COMPAT
    TRY_COMPAT "compat fault"
      ud2
    DONE_COMPAT
    TRY_COMPAT "compat address wraps"
      mov ebx, 0xffffffff
      mov eax, [ebx + SCRATCH + 1]
    DONE_COMPAT
    TRY_COMPAT "compat push pop"
      push eax
      pushfd
      pop ebx
      pop eax
      inc eax
      dec eax
      aaa
    DONE_COMPAT
    TRY_COMPAT "compat far jump to 64"
      jmp UCODE64:.user64
bits 64
.user64:
      mov rax, 0x123456789abcdef0
      int 0x31
bits 32
    DONE_COMPAT
    TRY_COMPAT "compat swapgs"
      db 0x0f, 0x01, 0xf8
    DONE_COMPAT
    TRY_COMPAT "compat page fault"
      mov eax, [0xc0000000]
    DONE_COMPAT

    ; Control registers.
    TRY "cr1"
      db 0x0f, 0x20, 0xc8
    DONE
    TRY "dr4"
      mov rax, dr6
      HEX rax
      mov rax, dr7
      HEX rax
      mov rax, 0x100000000
      mov dr7, rax
    DONE
    TRY "fxsave unaligned"
      fxsave [SCRATCH + 8]
    DONE
    TRY "xgetbv off"
      xor ecx, ecx
      xgetbv
    DONE
    TRY "rdtscp"
      WRITE_MSR 0xc0000103, 0x77
      rdtscp
      HEX rcx
    DONE
    ; Back to 32-bit protected mode and to real mode.
    TEXT "leaving"
    call put_line
    jmp dword far [leave_pointer]
leave_pointer:
    dd leave32
    dw CODE32
bits 32
leave32:
    mov eax, cr0
    btr eax, 31
    mov cr0, eax
    mov ecx, 0xc0000080
    rdmsr
    mov ebx, eax
    btr eax, 8
    wrmsr
    jmp CODE16:leave16 - IMAGE
bits 16
leave16:
    mov ax, DATA16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr0
    and al, ~1
    mov cr0, eax
    jmp (IMAGE >> 4):real - IMAGE
real:
    mov ax, cs
    mov ds, ax
    mov ax, 0
    mov ss, ax
    mov sp, 0x7000
    lidt [idtr_real - IMAGE]
    mov word [ss:0x70 * 4], real_int - IMAGE
    mov [ss:0x70 * 4 + 2], ds
    int 0x70
    mov al, bh
    and al, 7
    add al, '0'
    out 0xe9, al
    FINISH
real_int:
    mov al, 'r'
    out 0xe9, al
    iret

bits 64
syscall64:
    TEXT " in"
    lea rax, [after_syscall]
    sub rax, rcx
    HEX rax
    and r11d, FLAGS_SHOWN
    HEX r11
    pushfq
    pop rax
    and eax, 0x7700
    HEX rax
    mov ax, cs
    movzx rax, ax
    HEX rax
    mov ax, ss
    movzx rax, ax
    HEX rax
    o64 sysret
syscall32:
    TEXT " in32"
    lea rax, [after_syscall32]
    sub rax, rcx
    HEX rax
    pushfq
    pop rax
    and eax, 0x7700
    HEX rax
    sysret
