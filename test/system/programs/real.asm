; Real mode: interrupts, far transfers, segment wrap, prefixes, and switching to protected mode and back.
%include "base.inc"

bits 16
%define AT(label) ((label) - IMAGE)

put_text:                       ; si in cs, zero-terminated
    push ax
.next:
    mov al, [cs:si]
    inc si
    test al, al
    jz .done
    out 0xe9, al
    jmp .next
.done:
    pop ax
    ret
put_hex:                        ; eax
    pushad
    mov ebx, eax
    mov al, ' '
    out 0xe9, al
    mov cx, 8
    xor dx, dx
.digit:
    rol ebx, 4
    mov al, bl
    and al, 15
    or dl, al
    jnz .show
    cmp cx, 1
    jne .skip
.show:
    add al, '0'
    cmp al, '9'
    jbe .decimal
    add al, 'A' - '9' - 1
.decimal:
    out 0xe9, al
.skip:
    loop .digit
    popad
    ret
put_line:
    push ax
    mov al, 10
    out 0xe9, al
    pop ax
    ret
%macro TEXT 1
    push si
    mov si, AT(%%text)
    call put_text
    pop si
    jmp %%over
%%text: db %1, 0
%%over:
%endmacro
%macro HEX 1
    push eax
    mov eax, %1
    call put_hex
    pop eax
%endmacro
%macro HEX16 1
    push eax
    push %1
    xor eax, eax
    pop ax
    call put_hex
    pop eax
%endmacro

resume: dw 0
resume_sp: dw 0
start: dw 0
%assign v 0
%rep 32
stub_ %+ v:
    push word v
    jmp event
%assign v v + 1
%endrep
event:                          ; vector, ip, cs, flags
    mov bp, sp
    TEXT " #"
    HEX16 word [ss:bp]
    mov ax, [ss:bp + 2]
    sub ax, [cs:AT(start)]
    HEX16 ax
    HEX16 word [ss:bp + 4]
    mov ax, [ss:bp + 6]
    and ax, 0x7700
    HEX16 ax
    call put_line
    mov sp, [cs:AT(resume_sp)]
    xor ax, ax
    mov ss, ax
    mov ds, ax
    jmp [cs:AT(resume)]
%macro TRY 1
    %push try
    TEXT %1
    mov word [cs:AT(resume)], AT(%$after)
    mov [cs:AT(resume_sp)], sp
    mov word [cs:AT(start)], AT(%$start)
%$start:
%endmacro
%macro DONE 0
    TEXT " ok"
    call put_line
%$after:
    %pop
%endmacro

main16:
    xor ax, ax
    mov ds, ax
    mov es, ax
    xor bx, bx
    mov cx, 32
    mov ax, AT(stub_0)
.vector:
    mov [bx], ax
    mov [bx + 2], cs
    add ax, stub_1 - stub_0
    add bx, 4
    loop .vector
    mov word [0x70 * 4], AT(service)
    mov [0x70 * 4 + 2], cs

    TRY "division"
      xor cx, cx
      div cx
    DONE
    TRY "ud2"
      ud2
    DONE
    TRY "int3"
      int3
    DONE
    TRY "into"
      mov al, 0x7f
      inc al
      into
    DONE
    TRY "bound"
      mov word [0x600], 5
      mov word [0x602], 9
      mov ax, 10
      bound ax, [0x600]
    DONE
    TRY "int"
      sti
      mov ax, 0x1234
      int 0x70
      HEX16 bx
      pushf
      pop bx
      and bx, 0x7700
      HEX16 bx
      cli
    DONE
    jmp after_service
service:
    pushf
    pop bx
    and bx, 0x7700
    add bx, ax
    iret
after_service:
    TRY "arpl"
      arpl ax, bx
    DONE
    TRY "lldt"
      lldt ax
    DONE
    TRY "lar"
      lar ax, bx
    DONE
    TRY "str"
      str ax
    DONE
    TRY "privileged ones"
      smsw ax
      and ax, 0xf
      HEX16 ax
      clts
      mov eax, cr0
      mov cr0, eax
      mov eax, dr7
      HEX eax
      cli
      wbinvd
      invlpg [0]
    DONE
    TRY "far call"
      mov bx, sp
      push cs
      call AT(.near)
      jmp .far_over
.near:
      mov dx, sp
      retf
.far_over:
      sub bx, dx
      HEX16 bx
      call (IMAGE >> 4) + 1:AT(.other) - 16
      jmp .other_over
.other:
      mov bx, cs
      HEX16 bx
      retf
.other_over:
    DONE
    TRY "32-bit far call and iretd"
      mov bx, sp
      call dword (IMAGE >> 4):AT(.far32)
      jmp .far32_over
.far32:
      mov dx, sp
      o32 retf
.far32_over:
      sub bx, dx
      HEX16 bx
      pushfd
      push dword IMAGE >> 4
      push dword AT(.iretd)
      iretd
.iretd:
    DONE
    TRY "popf popfd"
      push word 0x7000
      popf
      pushf
      pop ax
      HEX16 ax
      push dword 0x00240002
      popfd
      pushfd
      pop eax
      HEX eax
      push dword 2
      popfd
    DONE
    TRY "segment arithmetic"
      mov ax, 0xffff
      mov es, ax
      mov byte [0x6ff], 0x77
      mov ax, 0x70
      mov es, ax
      mov al, [es:0xffff + 0]
      mov bx, 0xffff
      mov al, [es:bx - 0 + 0]
      mov ax, -16
      mov es, ax
    DONE
    TRY "stack wraps"
      mov bx, sp
      mov sp, 0
      push ax
      mov dx, sp
      pop ax
      mov cx, sp
      mov sp, bx
      HEX16 dx
      HEX16 cx
    DONE
    TRY "loads"
      mov dword [0x600], 0x12345678
      mov word [0x604], 0x9abc
      les di, [0x600]
      HEX16 di
      HEX16 es
      lfs edi, [0x600]
      HEX edi
      HEX16 fs
      lss bx, [0x602]
      mov dx, ss
      xor ax, ax
      mov ss, ax
      HEX16 dx
    DONE
    TRY "pusha enter"
      mov bp, 0x1111
      pusha
      mov bp, sp
      HEX16 word [ss:bp + 4]
      popa
      enter 8, 2
      HEX16 bp
      leave
      HEX16 bp
    DONE
    TRY "string across prefixes"
      xor ax, ax
      mov es, ax
      mov edi, 0x700
      mov ecx, 0x10004
      mov al, 0x5a
      rep stosb
      HEX edi
      HEX ecx
      mov ecx, 4
      a32 rep stosb
      HEX edi
      HEX ecx
    DONE
    TRY "sgdt lidt 16"
      o32 lgdt [cs:AT(gdtr)]
      sgdt [0x600]
      HEX16 word [0x600]
      HEX dword [0x602]
      mov dword [0x610], 0x123403ff
      mov word [0x614], 0xff56
      lidt [0x610]
      sidt [0x600]
      HEX dword [0x602]
      o32 lidt [cs:AT(idtr_real)]
    DONE
    ; Unreal mode: big limits stay.
    TRY "unreal mode"
      mov eax, cr0
      or al, 1
      mov cr0, eax
      mov bx, DATA32
      mov fs, bx
      and al, ~1
      mov cr0, eax
      mov bx, fs
      HEX16 bx
      mov ebx, 0x200000
      mov dword [fs:ebx], 0x600df00d
      HEX dword [fs:ebx]
      xor ax, ax
      mov fs, ax
      HEX dword [fs:ebx]
    DONE
    ; A 16-bit protected mode, with its own view of interrupts.
    TRY "protected and back"
      mov eax, cr0
      or al, 1
      mov cr0, eax
      jmp CODE16:AT(.protected)
.protected:
      mov ax, DATA16
      mov ss, ax
      mov ds, ax
      mov bx, cs
      str cx
      smsw dx
      mov eax, cr0
      and al, ~1
      mov cr0, eax
      jmp (IMAGE >> 4):AT(.real)
.real:
      xor ax, ax
      mov ds, ax
      mov ss, ax
      HEX16 bx
      HEX16 cx
      and dx, 15
      HEX16 dx
    DONE
    TRY "lmsw cannot clear pe"
      mov ax, 1
      lmsw ax
      xor ax, ax
      lmsw ax
      smsw bx
      mov eax, cr0
      and al, ~1
      mov cr0, eax
      and bx, 15
      HEX16 bx
    DONE
    TRY "sysenter"
      sysenter
    DONE
    TRY "rdmsr wrmsr"
      mov ecx, 0x174
      mov eax, 0x77
      xor edx, edx
      wrmsr
      xor eax, eax
      rdmsr
      HEX eax
    DONE
    TRY "lock"
      lock inc dword [0x600]
      lock nop
    DONE
    TRY "single step"
      pushf
      pop ax
      or ax, 0x100
      push ax
      popf
      nop
      nop
    DONE
    mov al, 0
    out 0xf4, al
    hlt
