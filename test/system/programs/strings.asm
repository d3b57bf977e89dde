; String instructions with REP: overlaps, both directions, page boundaries, faults in the middle, code that is overwritten.
%include "long64.inc"

AREA_PDPT equ TABLES + 0x4000
AREA_PD   equ TABLES + 0x5000
AREA_PT   equ TABLES + 0x6000
LOW       equ 0x90000               ; four pages
AREA      equ 0x0000008000000000    ; LOW, LOW + 1000h, absent, LOW + 3000h read-only

pattern:                            ; fills the four pages; all registers kept
    push rax
    push rcx
    push rdi
    mov edi, LOW
    xor ecx, ecx
.next:
    imul eax, ecx, 37
    xor al, ch
    mov [rdi + rcx], al
    inc ecx
    cmp ecx, 0x4000
    jb .next
    pop rdi
    pop rcx
    pop rax
    ret
report:                             ; RCX, RSI, RDI, RAX, flags, and a hash of the four pages
    pushfq
    pop rbx
    and ebx, 0xcd5
    TEXT " rcx"
    HEX rcx
    TEXT " rsi"
    HEX rsi
    TEXT " rdi"
    HEX rdi
    TEXT " fl"
    HEX rbx
    cld
    xor ebx, ebx
    mov edx, LOW
.next:
    imul rbx, rbx, 31
    movzx eax, byte [rdx]
    add rbx, rax
    inc edx
    cmp edx, LOW + 0x4000
    jb .next
    TEXT " sum"
    HEX rbx
    jmp put_line

%macro STRING 4 ; name, RSI, RDI, RCX; the instructions follow, then SHOWN
    %push string
    call pattern
    TEXT %1
    mov rsi, %2
    mov rdi, %3
    mov rcx, %4
    mov rax, 0x8877665544332211
    mov qword [abs resume], %$after
    mov [abs resume_rsp], rsp
    mov qword [abs try_start], %$start
%$start:
%endmacro
%macro SHOWN 0
    HEX rax
%$after:
    call report
    %pop
%endmacro

main:
    mov edi, AREA_PDPT
    mov ecx, 0x3000
    xor eax, eax
    rep stosb
    mov qword [PML4 + 8], AREA_PDPT | 7
    mov qword [AREA_PDPT], AREA_PD | 7
    mov qword [AREA_PD], AREA_PT | 7
    mov qword [AREA_PT], LOW | 7
    mov qword [AREA_PT + 8], (LOW + 0x1000) | 7
    mov qword [AREA_PT + 24], (LOW + 0x3000) | 5
    mov rax, cr3
    mov cr3, rax

    STRING "movsb", LOW + 3, LOW + 0x1801, 0x1000
      rep movsb
    SHOWN
    STRING "movsq", LOW + 3, LOW + 0x1801, 0x200
      rep movsq
    SHOWN
    STRING "movsb onto itself, 1 up", LOW + 0x100, LOW + 0x101, 0x1f00
      rep movsb
    SHOWN
    STRING "movsw onto itself, 1 up", LOW + 0x100, LOW + 0x101, 0xf00
      rep movsw
    SHOWN
    STRING "movsd onto itself, 6 up", LOW + 0x100, LOW + 0x106, 0x700
      rep movsd
    SHOWN
    STRING "movsq onto itself, 8 up", LOW + 0x100, LOW + 0x108, 0x3f0
      rep movsq
    SHOWN
    STRING "movsq onto itself, 5 down", LOW + 0x105, LOW + 0x100, 0x3f0
      rep movsq
    SHOWN
    STRING "movsb downwards", LOW + 0x1fff, LOW + 0x3800, 0x1800
      std
      rep movsb
    SHOWN
    STRING "movsw downwards, 1 down", LOW + 0x1ffd, LOW + 0x1ffc, 0xe00
      std
      rep movsw
    SHOWN
    STRING "movsd downwards, 2 up", LOW + 0x1ff1, LOW + 0x1ff3, 0x600
      std
      rep movsd
    SHOWN
    STRING "movsq downwards, 3 down", LOW + 0x2ff1, LOW + 0x2fee, 0x400
      std
      rep movsq
    SHOWN
    STRING "movsq downwards, far", LOW + 0xff9, LOW + 0x3004, 0x180
      std
      rep movsq
    SHOWN
    STRING "stosb", 0, LOW + 0x123, 0x2345
      rep stosb
    SHOWN
    STRING "stosw", 0, LOW + 0x123, 0x1234
      rep stosw
    SHOWN
    STRING "stosd", 0, LOW + 0x123, 0x923
      rep stosd
    SHOWN
    STRING "stosq", 0, LOW + 0x123, 0x444
      rep stosq
    SHOWN
    STRING "stosq downwards", 0, LOW + 0x2123, 0x333
      std
      rep stosq
    SHOWN
    STRING "lodsb", LOW + 0x765, 0, 0x1234
      rep lodsb
    SHOWN
    STRING "lodsd", LOW + 0x765, 0, 0x123
      rep lodsd
    SHOWN
    STRING "lodsw downwards", LOW + 0x1765, 0, 0x823
      std
      rep lodsw
    SHOWN
    STRING "repne scasb", 0, LOW + 0x40, 0x1000
      mov al, [LOW + 0x40]
      inc rdi
      repne scasb
    SHOWN
    STRING "repne scasq, never", 0, LOW + 0x41, 0x300
      repne scasq
    SHOWN
    STRING "repe scasb", 0, LOW + 0x40, 0x3000
      mov byte [LOW + 0x40], 0x11
      mov byte [LOW + 0x41], 0x11
      repe scasb
    SHOWN
    STRING "repne scasw downwards", 0, LOW + 0x2345, 0x1000
      mov ax, [LOW + 0xf45]
      std
      repne scasw
    SHOWN
    STRING "repe cmpsb", LOW, LOW + 0x1000, 0x1000
      repe cmpsb
    SHOWN
    STRING "repe cmpsb, equal", LOW + 0x800, LOW + 0x800, 0x1000
      repe cmpsb
    SHOWN
    STRING "repe cmpsq, late", LOW + 0x10, LOW + 0x18, 0x100
      push rcx
      mov ecx, 0x120
      rep movsq
      pop rcx
      mov rsi, LOW + 0x10
      mov rdi, LOW + 0x18
      inc byte [LOW + 0x700]
      repe cmpsq
    SHOWN
    STRING "repne cmpsd", LOW + 1, LOW + 0x1002, 0x300
      repne cmpsd
    SHOWN
    STRING "repne cmpsw downwards", LOW + 0x1fff, LOW + 0x2fff, 0x700
      std
      repne cmpsw
    SHOWN
    STRING "nothing", LOW, LOW, 0
      rep movsb
    SHOWN

    ; Faults: what was done stays done, registers stand at the element that faults.
    mov r8, AREA
    STRING "movsb to an absent page", LOW + 0x40, r8, 0x3000
      rep movsb
    SHOWN
    STRING "movsq across to an absent page", LOW + 0x40, r8, 0x3000
      add rdi, 3
      rep movsq
    SHOWN
    STRING "movsb from an absent page", r8, LOW + 0x800, 0x3000
      add rsi, 0x1e00
      rep movsb
    SHOWN
    STRING "movsd downwards to an absent page", LOW + 0x2800, r8, 0x3000
      add rdi, 0x2ffc
      std
      rep movsd
    SHOWN
    STRING "stosw to an absent page", 0, r8, 0x3000
      add rdi, 0x501
      rep stosw
    SHOWN
    STRING "stosb to a read-only page", 0, r8, 0x300
      add rdi, 0x3000
      rep stosb
    SHOWN
    STRING "movsb from a read-only page", r8, LOW, 0x1100
      add rsi, 0x3000
      rep movsb
    SHOWN
    STRING "lodsq to an absent page", r8, 0, 0x3000
      add rsi, 0x1004
      rep lodsq
    SHOWN
    STRING "scasq to an absent page", 0, r8, 0x3000
      mov al, 0
      repne scasq
    SHOWN
    STRING "cmpsb to an absent page", r8, LOW, 0x3000
      repe cmpsb
    SHOWN
    STRING "cmpsb with an absent page", LOW, r8, 0x3000
      repe cmpsb
    SHOWN
    STRING "cmpsb of absent pages", r8, r8, 0x3000
      add rsi, 0x2000
      add rdi, 0x2008
      repe cmpsb
    SHOWN

    ; A segment's base, addresses of 32 bits.
    mov ecx, 0xc0000100
    mov eax, LOW + 0x333
    xor edx, edx
    wrmsr
    STRING "fs", 0x10, LOW + 0x2000, 0x700
      fs rep movsb
    SHOWN
    mov r8, 0xffffffff00000000
    STRING "32-bit addresses", r8, r8, r8
      add rsi, LOW
      add rdi, LOW + 0x2004
      add rcx, 0x80
      a32 rep movsd
    SHOWN

    ; Code next to data, and under it.
    mov r9, LOW + 0x2f80
    STRING "beside code", LOW, LOW + 0x2000, 0xf00
      mov dword [r9], 0xc340b0
      call r9
      rep movsb
      call r9
    SHOWN
    STRING "over code", LOW, LOW + 0x2000, 0x1000
      mov dword [r9], 0xc340b0
      mov dword [LOW + 0xf80], 0xc341b0
      call r9
      rep movsb
      call r9
    SHOWN
    STRING "over code, downwards", LOW + 0xfff, LOW + 0x2fff, 0x1000
      mov dword [r9], 0xc340b0
      mov dword [LOW + 0xf80], 0xc342b0
      call r9
      std
      rep movsb
      call r9
    SHOWN
    STRING "over code, by stosd", 0, LOW + 0x2000, 0x400
      mov dword [r9], 0xc340b0
      call r9
      mov eax, 0xc343b090
      rep stosd
      call r9
    SHOWN
    FINISH
