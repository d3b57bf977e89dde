; What QEMU does not check, by the manuals, in long mode. The report to expect is in long.txt.
%include "long64.inc"

%macro WRITE_MSR 2
    mov rax, %2
    mov rdx, rax
    shr rdx, 32
    mov ecx, %1
    wrmsr
%endmacro

main:
    ; Error codes name an IDT entry by vector * 8 + 2 in long mode, too (SDM vol. 3, 6.13).
    TRY "int beyond idt"
      int 0xff
    DONE
    TRY_USER "user int kernel gate"
      int 0x20
    DONE_USER
    mov byte [IDT_AT + 0x32 * 16 + 5], 0x6e
    TRY "gate absent"
      int 0x32
    DONE
    mov byte [IDT_AT + 0x32 * 16 + 5], 0xe5
    TRY "task gate"
      int 0x32
    DONE
    mov byte [IDT_AT + 0x32 * 16 + 5], 0xe6
    TRY "16-bit gate"
      int 0x32
    DONE
    mov byte [IDT_AT + 0x32 * 16 + 5], 0xee
    ; A fault in the delivery of an exception has EXT set.
    mov byte [IDT_AT + 6 * 16 + 5], 0x0e
    TRY "ud then np"
      ud2
    DONE
    mov byte [IDT_AT + 6 * 16 + 5], 0x8e
    mov dword [TSS_AT + 36], 0x6108
    ; Addresses that are not canonical.
    TRY "load"
      mov rbx, 0x0000900000000000
      mov al, [rbx]
    DONE
    TRY "load crossing"
      mov rbx, 0x0000800000000000
      mov rax, [rbx - 4]
    DONE
    TRY "by rbp"
      mov rbp, 0x0000900000000000
      mov rax, [rbp]
    DONE
    TRY "by rbp with index"
      mov rbp, 0x0000900000000000
      xor eax, eax
      mov rax, [rax + rbp]
    DONE
    TRY "by index rbp"
      mov rbp, 0x0000900000000000
      xor eax, eax
      mov rax, [nosplit rbp * 2 + rax]
    DONE
    TRY "jump"
      mov rbx, 0x0000900000000000
      jmp rbx
    DONE
    TRY "call through memory"
      mov rbx, 0x0000900000000000
      mov [SCRATCH], rbx
      call [SCRATCH]
    DONE
    TRY "return"
      mov rbx, 0x0000900000000000
      push rbx
      ret
    DONE
    TRY "store"
      mov rbx, 0x0000900000000000
      mov [rbx], al
    DONE
    mov byte [IDT_AT + 12 * 16 + 4], 1
    mov byte [IDT_AT + 13 * 16 + 4], 1
    TRY "push"
      mov rbx, 0x0000900000000000
      mov rsp, rbx
      push rax
    DONE
    TRY "pop"
      mov rbx, 0x0000900000000000
      mov rsp, rbx
      pop rax
    DONE
    TRY "call"
      mov rbx, 0x0000900000000000
      mov rsp, rbx
      call main
    DONE
    TRY "pushfq"
      mov rbx, 0x0000900000000000
      lea rsp, [rbx + 4]
      pushfq
    DONE
    TRY "iretq stack"
      mov rbx, 0x0000900000000000
      mov rsp, rbx
      iretq
    DONE
    mov byte [IDT_AT + 12 * 16 + 4], 0
    mov byte [IDT_AT + 13 * 16 + 4], 0
    TRY "lgdt"
      mov rbx, 0x0000900000000000
      mov [SCRATCH + 2], rbx
      lgdt [SCRATCH]
    DONE
    TRY "wrmsr lstar"
      mov rbx, 0x0000900000000000
      WRITE_MSR 0xc0000082, rbx
    DONE
    TRY "wrmsr fs"
      mov rbx, 0x0000900000000000
      WRITE_MSR 0xc0000100, rbx
    DONE
    TRY "wrmsr kernel gs"
      mov rbx, 0x0000900000000000
      WRITE_MSR 0xc0000102, rbx
    DONE
    TRY "iretq rip not canonical"
      push DATA32
      push STACK_TOP - 0x800
      push 2
      push CODE64
      mov rax, 0x0000800000000000
      push rax
      iretq
    DONE
    ; The type field in the upper half of a 16-byte descriptor must be 0 (AMD64 vol. 2, 4.8.3).
    TRY "ltr upper"
      mov byte [gdt + TSS + 5], 0x89
      mov byte [gdt + TSS + 13], 0x10
      mov ax, TSS
      ltr ax
    DONE
    mov byte [gdt + TSS + 13], 0
    mov dword [gdt + SLOT1], (CODE64 << 16)
    mov dword [gdt + SLOT1 + 4], 0x0001ec00
    mov dword [gdt + SLOT1 + 8], 0
    mov dword [gdt + SLOT1 + 12], 0x100
    TRY "upper half of the gate"
      call dword far [far_slot1]
    DONE
    TRY "cr0 pg off in 64-bit"
      mov rax, cr0
      btr rax, 31
      mov cr0, rax
    DONE
    TRY "far code both"
      mov dword [gdt + SLOT1], 0x0000ffff
      mov dword [gdt + SLOT1 + 4], 0x00ef9a00
      jmp dword far [.both]
.both:
      dd main
      dw SLOT1
    DONE
    TRY "cr0 upper"
      mov rax, cr0
      bts rax, 32
      mov cr0, rax
    DONE
    TRY "cr0 nw without cd"
      mov rax, cr0
      bts rax, 29
      btr rax, 30
      mov cr0, rax
    DONE
    TRY "cr4 pae off"
      mov rax, cr4
      btr rax, 5
      mov cr4, rax
    DONE
    TRY "cr4 reserved"
      mov rax, cr4
      bts rax, 31
      mov cr4, rax
    DONE
    TRY "cr4 pcide with low bits"
      mov rax, cr3
      or rax, 8
      mov cr3, rax
      mov rax, cr4
      bts rax, 17
      mov cr4, rax
    DONE
    mov rax, PML4
    mov cr3, rax
    TRY "efer lme change"
      WRITE_MSR 0xc0000080, 0xc01
    DONE
    TRY "cr8"
      mov eax, 16
      mov cr8, rax
    DONE
    TRY "unknown msr"
      mov ecx, 0x12345
      rdmsr
    DONE
    TRY "fxsave"
      fninit
      fxsave [SCRATCH]
      mov eax, [SCRATCH]
      HEX rax
      mov eax, [SCRATCH + 24]
      HEX rax
      mov dword [SCRATCH + 24], 0x10000000
      fxrstor [SCRATCH]
    DONE
    TRY "ldmxcsr"
      mov dword [SCRATCH], 0x1f80
      ldmxcsr [SCRATCH]
      mov dword [SCRATCH], 0x10000
      ldmxcsr [SCRATCH]
    DONE
    TRY "xsave"
      mov rax, cr4
      bts rax, 18
      mov cr4, rax
      xor ecx, ecx
      xor edx, edx
      mov eax, 3
      xsetbv
      xgetbv
      HEX rax
      mov edi, SCRATCH
      mov ecx, 128
      xor eax, eax
      rep stosq
      mov eax, 3
      movd xmm3, eax
      xsave [SCRATCH]
      pxor xmm3, xmm3
      xrstor [SCRATCH]
      movd ebx, xmm3
      HEX rbx
      mov rbx, [SCRATCH + 512]
      and rbx, ~1
      HEX rbx
      mov qword [SCRATCH + 512], 4
      xrstor [SCRATCH]
    DONE
    TRY "xsetbv bad"
      xor ecx, ecx
      mov eax, 2
      xsetbv
    DONE
    TRY "invpcid"
      mov qword [SCRATCH], 0
      mov qword [SCRATCH + 8], 0
      mov rax, 2
      invpcid rax, [SCRATCH]
      xor eax, eax
      invpcid rax, [SCRATCH]
      mov eax, 4
      invpcid rax, [SCRATCH]
    DONE
    ; Alignment checks, in ring 3 only.
    mov rax, cr0
    bts rax, 18
    mov cr0, rax
    TRY_USER "alignment", 0x43002
      mov rsp, USER_TOP - 0x80
      mov rax, [SCRATCH + 8]
      mov al, [SCRATCH + 1]
      mov ax, [SCRATCH + 2]
      mov rax, [SCRATCH + 4]
    DONE_USER
    TRY_USER "alignment of the stack", 0x43002
      mov rsp, USER_TOP - 0x84
      push rax
    DONE_USER
    TRY_USER "no alignment check without ac", 0x3002
      mov rax, [SCRATCH + 3]
    DONE_USER
    TRY "no alignment check in ring 0"
      push 0x40002
      popfq
      mov rax, [SCRATCH + 3]
    DONE
    ; General detect.
    TRY "general detect"
      mov eax, 0x2400
      mov dr7, rax
      mov rax, dr0
    DONE
    TEXT "dr6"
    mov rax, dr6
    HEX rax
    mov rax, dr7
    VALUES rax
    TRY "int1"
      db 0xf1
    DONE
    TRY "far jump with rex.w"
      mov qword [SCRATCH], .here
      mov word [SCRATCH + 4], CODE64
      mov word [SCRATCH + 8], 0xfff8
      db 0x48, 0xff, 0x2c, 0x25
      dd SCRATCH
.here:
    DONE
    TRY "mwait"
      mwait
    DONE
    TRY "rsm"
      rsm
    DONE
    TRY "rdpmc"
      xor ecx, ecx
      rdpmc
    DONE
    TRY "sysenter in long mode"
      sysenter
    DONE
    TRY "lock on what cannot be locked"
      db 0xf0
      mov eax, [SCRATCH]
    DONE
    FINISH
far_slot1:
    dd 0
    dw SLOT1
