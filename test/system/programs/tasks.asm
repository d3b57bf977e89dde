; Hardware task switches: CALL, JMP, gates, IRET, exceptions; 16-bit and 32-bit TSS.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

%include "task32.inc"

show_busy:
    TEXT " busy"
    movzx eax, byte [gdt + TSS + 5]
    call put_hex
    movzx eax, byte [gdt + TASK2 + 5]
    call put_hex
    str eax
    call put_hex
    mov eax, cr0
    and eax, 8
    call put_hex
    ret
; What a fresh task sees.
show_task:
    call put_hex
    pushfd
    pop eax
    and eax, 0x7700
    call put_hex
    mov eax, esp
    call put_hex
    HEX [TASK2_AT]
    HEX [TASK3_AT]
    call show_busy
    ret

main:
    call setup32
    mov edi, TASK2_AT
    mov esi, called
    call make_task
    clts
    TRY "call task"
      call TASK2:0
      TEXT " back"
      call show_busy
    DONE
    clts
    TRY "call again"
      call TASK2:0
      TEXT " back"
      call show_busy
    DONE
    TEXT "old task"
    VALUES [TSS_AT + T_EIP], [TSS_AT + T_ES], [TSS_AT + T_ES + 4]
    TRY "call busy"
      call TSS:0
    DONE
    TRY "rpl"
      mov byte [gdt + TASK2 + 5], 0xe9
      call TASK2 | 3:0
      call show_busy
    DONE
    mov byte [gdt + TASK2 + 5], 0x09
    TRY "absent"
      call TASK2:0
    DONE
    mov byte [gdt + TASK2 + 5], 0x89
    mov word [gdt + TASK2], 0x66
    TRY "short limit"
      call TASK2:0
    DONE
    mov word [gdt + TASK2], 0x67
    TRY "iret with nt and a bad link"
      mov word [TSS_AT], TASK2
      pushfd
      or dword [esp], 0x4000
      popfd
      iretd
    DONE
    pushfd
    and dword [esp], ~0x4000
    popfd
    clts

    ; A jump does not nest.
    mov edi, TASK2_AT
    mov esi, jumped
    call make_task
    TRY "jmp task"
      jmp TASK2:0
      TEXT " back"
      call show_busy
    DONE
    ; The task gate.
    mov dword [gdt + SLOT1], TASK2 << 16
    mov dword [gdt + SLOT1 + 4], 0x8500
    mov edi, TASK2_AT
    mov esi, called
    call make_task
    call free_tasks
    TRY "call task gate"
      call SLOT1:0x55555555
      TEXT " back"
      call show_busy
    DONE
    ; An interrupt through a task gate, without and with an error code.
    mov dword [IDT_AT + 0x50 * 8], TASK2 << 16
    mov dword [IDT_AT + 0x50 * 8 + 4], 0x8500
    mov edi, TASK2_AT
    mov esi, called
    call make_task
    TRY "int task gate"
      int 0x50
      TEXT " back"
      call show_busy
    DONE
    mov edi, TASK2_AT
    mov esi, faulted
    call make_task
    mov dword [IDT_AT + 13 * 8], TASK2 << 16
    mov dword [IDT_AT + 13 * 8 + 4], 0x8500
    TEXT "gp task gate"
    mov dword [try_start], .bad
    mov ax, 0xfff8
.bad:
    mov es, ax
    TEXT " back"
    call show_busy
    call put_line
    mov eax, 13
    mov edx, stub_13
    mov ecx, 0x8e
    call set_gate

    ; A 16-bit TSS.
    call free_tasks
    mov edi, TASK3_AT
    mov ecx, 26
    xor eax, eax
    rep stosd
    mov dword [gdt + TASK3], 44 - 1 + (TASK3_AT << 16)
    mov byte [gdt + TASK3 + 5], 0x81
    mov word [TASK3_AT + 14], task16 - entry16
    mov word [TASK3_AT + 16], 2
    mov word [TASK3_AT + 18], 0x4321
    mov word [TASK3_AT + 26], 0xe000
    mov word [TASK3_AT + 34], DATA32
    mov word [TASK3_AT + 36], CODE16
    mov word [TASK3_AT + 38], DATA32
    mov word [TASK3_AT + 40], DATA32
    TRY "16-bit task"
      call TASK3:0
      TEXT " back"
      HEX ecx
      call show_busy
    DONE
    TEXT "16-bit fields"
    movzx eax, word [TASK3_AT]
    movzx ebx, word [TASK3_AT + 14]
    sub ebx, task16 - entry16
    movzx ecx, word [TASK3_AT + 16]
    movzx edx, word [TASK3_AT + 18]
    VALUES eax, ebx, ecx, edx, [TASK3_AT + 26]
    FINISH

called:
    call show_task
    iretd
    TEXT " resumed"
    call show_task
    iretd
    jmp called
jumped:
    call show_task
    jmp TSS:0
faulted:
    TEXT " error"
    HEX [esp]
    add esp, 4
    call show_task
    mov eax, [TSS_AT + T_EIP]
    sub eax, [try_start]
    call put_hex
    ; Skip the instruction.
    add dword [TSS_AT + T_EIP], 2
    iretd
    jmp faulted

bits 16
task16:
    mov ecx, eax
    o32 pushf
    pop edx
    mov eax, 0xabcd1234
    iret
