# The keyboard: controller, IRQ1 and INT 16h. The controller translates to scan code set 1.

        .include "bios.inc"

        .section .text
        .globl  keyboard_init, irq1_keyboard, int16_keyboard

        .equ    DATA, 0x60
        .equ    STATUS, 0x64            # bit 0: there is a byte to read; bit 1: the controller has not taken the last one

# Bits of BDA_SHIFT.
        .equ    RIGHT_SHIFT, 0x01
        .equ    LEFT_SHIFT, 0x02
        .equ    CTRL, 0x04
        .equ    ALT, 0x08
        .equ    SCROLL_LOCK, 0x10
        .equ    NUM_LOCK, 0x20
        .equ    CAPS_LOCK, 0x40
# Bits of BDA_KEY_STATE.
        .equ    LAST_E1, 0x01
        .equ    LAST_E0, 0x02
        .equ    RIGHT_CTRL, 0x04
        .equ    RIGHT_ALT, 0x08
        .equ    ENHANCED, 0x10

keyboard_init:
        mov     ax, BDA_KEY_BUFFER
        mov     [BDA_KEY_HEAD], ax
        mov     [BDA_KEY_TAIL], ax
        mov     word ptr [BDA_KEY_START], BDA_KEY_BUFFER
        mov     word ptr [BDA_KEY_END], BDA_KEY_BUFFER_END
        mov     byte ptr [BDA_KEY_STATE], ENHANCED

        # Controller: self test, then translation, IRQ1 on, mouse off until somebody wants it.
        call    drain
        mov     al, 0xaa
        call    controller_command
        call    keyboard_read
        cmp     al, 0x55
        jne     1f
        mov     al, 0x60
        call    controller_command
        mov     al, 0x61
        call    keyboard_write
        # Keyboard: reset, wait for its self test, let it scan.
        mov     al, 0xff
        call    keyboard_write
        call    keyboard_read           # acknowledge (FAh)
        call    keyboard_read           # passed (AAh)
        mov     al, 0xf4
        call    keyboard_write
        call    keyboard_read
        ret
1:      mov     si, offset no_keyboard
        jmp     print

controller_command:
        call    wait_input_empty
        out     STATUS, al
        ret
keyboard_write:
        call    wait_input_empty
        out     DATA, al
        ret
wait_input_empty:
        push    ax
        push    cx
        mov     cx, 0xffff
1:      in      al, STATUS
        test    al, 0x02
        loopnz  1b
        pop     cx
        pop     ax
        ret

# AL = the next byte, 0 after a while without one.
keyboard_read:
        push    ecx
        mov     ecx, 0x100000
1:      in      al, STATUS
        test    al, 0x01
        jnz     2f
        addr32 loop 1b
        xor     al, al
        jmp     3f
2:      in      al, DATA
3:      pop     ecx
        ret

# Takes what waits in the controller.
drain:  mov     cx, 32
1:      in      al, STATUS
        test    al, 0x01
        jz      2f
        in      al, DATA
        loop    1b
2:      ret

# --- IRQ1 -------------------------------------------------------------------------------------------------------------------

irq1_keyboard:
        SERVICE
        in      al, DATA
        # INT 15h AH=4Fh may change the code, or take it (carry clear).
        mov     ah, 0x4f
        stc
        int     0x15
        jnc     1f
        call    key_code
1:      OUTB    0x20, 0x20
        SERVICE_END

# What scan code AL does.
key_code:
        mov     ah, [BDA_KEY_STATE]
        cmp     al, 0xe0
        jne     1f
        or      byte ptr [BDA_KEY_STATE], LAST_E0
        ret
1:      cmp     al, 0xe1
        jne     2f
        or      byte ptr [BDA_KEY_STATE], LAST_E1
        ret
2:      # The Pause key sends E1 1D 45 and E1 9D C5: no part of it is a key of its own.
        test    ah, LAST_E1
        jz      3f
        and     al, 0x7f
        cmp     al, 0x45
        jne     9f
        and     byte ptr [BDA_KEY_STATE], ~LAST_E1 & 0xff
9:      ret
3:      and     byte ptr [BDA_KEY_STATE], ~LAST_E0 & 0xff
        and     ah, LAST_E0             # AH: an enhanced key

        # Shift keys: set and clear bits.
        mov     si, offset shift_keys
4:      mov     bl, al
        and     bl, 0x7f
        cmp     bl, cs:[si]
        jne     5f
        cmp     ah, cs:[si + 1]
        je      shift_key
5:      add     si, 4
        cmp     si, offset shift_keys_end
        jb      4b
        test    al, 0x80
        jnz     9b                      # other keys released
        test    ah, ah
        jz      6f
        cmp     al, 0x2a                # shifts that enhanced keys send with them
        je      9b
        cmp     al, 0x36
        je      9b

6:      # Lock keys.
        mov     bl, SCROLL_LOCK
        cmp     al, 0x46
        je      lock_key
        mov     bl, NUM_LOCK
        cmp     al, 0x45
        je      lock_key
        mov     bl, CAPS_LOCK
        cmp     al, 0x3a
        je      lock_key

        # Ctrl+Alt+Del.
        cmp     al, 0x53
        jne     7f
        mov     bl, [BDA_SHIFT]
        and     bl, CTRL | ALT
        cmp     bl, CTRL | ALT
        je      restart
7:      # Alt with digits of the keypad enters a character by its number.
        test    byte ptr [BDA_SHIFT], ALT
        jz      8f
        test    ah, ah
        jnz     8f
        cmp     al, 0x47
        jb      8f
        cmp     al, 0x52
        ja      8f
        movzx   bx, al
        mov     bl, cs:[keypad_digits + bx - 0x47]
        cmp     bl, 10
        jae     8f
        mov     al, [BDA_ALT_KEYPAD]
        mov     bh, 10
        mul     bh
        add     al, bl
        mov     [BDA_ALT_KEYPAD], al
        ret

8:      cmp     al, 0x58
        ja      9b
        test    al, al
        jz      9b
        test    ah, ah
        jnz     enhanced_key

        # The column of the table: alone, with Shift, Ctrl, Alt.
        movzx   si, al
        shl     si, 3
        add     si, offset keys
        mov     bl, [BDA_SHIFT]
        test    bl, ALT
        jz      10f
        add     si, 6
        jmp     15f
10:     test    bl, CTRL
        jz      11f
        add     si, 4
        jmp     15f
11:     and     bl, LEFT_SHIFT | RIGHT_SHIFT
        setnz   bl
        # Caps Lock turns Shift round for letters, Num Lock for the keypad.
        cmp     al, 0x47
        jb      12f
        cmp     al, 0x53
        ja      13f
        test    byte ptr [BDA_SHIFT], NUM_LOCK
        jz      13f
        xor     bl, 1
        jmp     13f
12:     test    byte ptr [BDA_SHIFT], CAPS_LOCK
        jz      13f
        mov     bh, cs:[si]
        cmp     bh, 'a'
        jb      13f
        cmp     bh, 'z'
        ja      13f
        xor     bl, 1
13:     test    bl, bl
        jz      15f
        add     si, 2
15:     mov     ax, cs:[si]
        test    ax, ax
        jz      16f
        call    store_key
16:     ret

# An enhanced key: the grey arrows and their like have ASCII E0h.
enhanced_key:
        mov     si, offset enhanced_keys
1:      cmp     al, cs:[si]
        je      2f
        add     si, 7
        cmp     si, offset enhanced_keys_end
        jb      1b
        ret
2:      mov     bl, [BDA_SHIFT]
        test    bl, ALT
        jz      3f
        mov     ax, cs:[si + 5]
        jmp     5f
3:      test    bl, CTRL
        jz      4f
        mov     ax, cs:[si + 3]
        jmp     5f
4:      mov     ax, cs:[si + 1]
5:      test    ax, ax
        jz      6f
        jmp     store_key
6:      ret

# A shift key: entry CS:SI has its bits in BDA_SHIFT and BDA_KEY_STATE.
shift_key:
        mov     bl, cs:[si + 2]
        mov     bh, cs:[si + 3]
        test    al, 0x80
        jnz     1f
        or      [BDA_SHIFT], bl
        or      [BDA_KEY_STATE], bh
        ret
1:      not     bl
        not     bh
        and     [BDA_SHIFT], bl
        and     [BDA_KEY_STATE], bh
        # The other Ctrl or Alt may still be held; Alt's release ends a character entered by number.
        cmp     bl, ~ALT & 0xff
        jne     2f
        xor     ax, ax
        xchg    al, [BDA_ALT_KEYPAD]
        test    al, al
        jnz     store_key
2:      ret

lock_key:
        xor     [BDA_SHIFT], bl
        # The lamps: Scroll, Num, Caps in bits 0, 1, 2 of the BIOS data, in the same order for the keyboard.
        mov     al, [BDA_SHIFT]
        shr     al, 4
        and     al, 7
        mov     [BDA_KEY_LEDS], al
        ret

# Ctrl+Alt+Del: a reset by the keyboard controller.
restart:
        mov     word ptr [BDA_RESET], 0x1234
        mov     al, 0xfe
        out     STATUS, al
1:      hlt
        jmp     1b

# Puts AX into the buffer; CF when it is full.
store_key:
        mov     bx, [BDA_KEY_TAIL]
        mov     si, bx
        add     si, 2
        cmp     si, [BDA_KEY_END]
        jb      1f
        mov     si, [BDA_KEY_START]
1:      cmp     si, [BDA_KEY_HEAD]
        stc
        je      2f
        mov     [bx], ax
        mov     [BDA_KEY_TAIL], si
        clc
2:      ret

# --- INT 16h ----------------------------------------------------------------------------------------------------------------

int16_keyboard:
        SERVICE
        mov     si, offset keyboard_calls
        call    dispatch
        SERVICE_END

keyboard_calls:
        CASE    0x00, read_key
        CASE    0x01, peek_key
        CASE    0x02, shift_state
        CASE    0x05, push_key
        CASE    0x09, keyboard_functions
        CASE    0x10, read_enhanced
        CASE    0x11, peek_enhanced
        CASE    0x12, shift_state_enhanced
        OTHERWISE ignored
ignored:
        ret

# AH=00h, 10h: waits for a key.
read_key:
        call    take_key
        call    plain_key
        jmp     1f
read_enhanced:
        call    take_key
1:      mov     [bp + F_EAX], ax
        ret
take_key:
        sti
hlt_until_key:
        cli
        mov     bx, [BDA_KEY_HEAD]
        cmp     bx, [BDA_KEY_TAIL]
        jne     1f
        sti
        hlt                             # STI holds interrupts back up to here: none is missed
        jmp     hlt_until_key
1:      mov     ax, [bx]
        add     bx, 2
        cmp     bx, [BDA_KEY_END]
        jb      2f
        mov     bx, [BDA_KEY_START]
2:      mov     [BDA_KEY_HEAD], bx
        sti
        ret

# AH=01h, 11h: ZF when there is no key, else the key, which stays.
peek_key:
        mov     cl, 1
        jmp     1f
peek_enhanced:
        mov     cl, 0
1:      sti
        mov     bx, [BDA_KEY_HEAD]
        cmp     bx, [BDA_KEY_TAIL]
        je      2f
        mov     ax, [bx]
        test    cl, cl
        jz      3f
        call    plain_key
3:      mov     [bp + F_EAX], ax
        and     byte ptr [bp + F_FLAGS], ~ZERO & 0xff
        ret
2:      or      byte ptr [bp + F_FLAGS], ZERO
        ret

# Makes the key of an 84-key keyboard of an enhanced one in AX.
plain_key:
        cmp     al, 0xe0
        jne     1f
        test    ah, ah
        jz      1f
        xor     al, al
        ret
1:      cmp     ah, 0xe0
        jne     2f
        mov     ah, 0x1c                # Enter of the keypad
        cmp     al, '/'
        jne     2f
        mov     ah, 0x35
2:      ret

# AH=02h, 12h: shift keys.
shift_state_enhanced:
        mov     ah, [BDA_SHIFT + 1]
        mov     [bp + F_AH], ah
shift_state:
        mov     al, [BDA_SHIFT]
        mov     [bp + F_AL], al
        ret

# AH=05h: puts CX into the buffer.
push_key:
        mov     ax, cx
        call    store_key
        setc    al
        mov     [bp + F_AL], al
        ret

# AH=09h: what this interrupt can do: enhanced calls (bit 5).
keyboard_functions:
        mov     byte ptr [bp + F_AL], 0x20
        ret

no_keyboard:
        .asciz  "No keyboard controller\r\n"

# Scan code, enhanced or not, bits in BDA_SHIFT and in BDA_KEY_STATE.
shift_keys:
        .byte   0x2a, 0, LEFT_SHIFT, 0
        .byte   0x36, 0, RIGHT_SHIFT, 0
        .byte   0x1d, 0, CTRL, 0
        .byte   0x1d, LAST_E0, CTRL, RIGHT_CTRL
        .byte   0x38, 0, ALT, 0
        .byte   0x38, LAST_E0, ALT, RIGHT_ALT
shift_keys_end:

# Digits of the keypad's keys 47h to 52h.
keypad_digits:
        .byte   7, 8, 9, 0xff, 4, 5, 6, 0xff, 1, 2, 3, 0

# Enhanced keys: scan code, then alone, with Ctrl, with Alt.
enhanced_keys:
        .byte   0x1c
        .word   0xe00d, 0xe00a, 0xa600  # Enter
        .byte   0x35
        .word   0xe02f, 0x9500, 0xa400  # /
        .byte   0x47
        .word   0x47e0, 0x77e0, 0x9700  # Home
        .byte   0x48
        .word   0x48e0, 0x8de0, 0x9800  # Up
        .byte   0x49
        .word   0x49e0, 0x84e0, 0x9900  # Page Up
        .byte   0x4b
        .word   0x4be0, 0x73e0, 0x9b00  # Left
        .byte   0x4d
        .word   0x4de0, 0x74e0, 0x9d00  # Right
        .byte   0x4f
        .word   0x4fe0, 0x75e0, 0x9f00  # End
        .byte   0x50
        .word   0x50e0, 0x91e0, 0xa000  # Down
        .byte   0x51
        .word   0x51e0, 0x76e0, 0xa100  # Page Down
        .byte   0x52
        .word   0x52e0, 0x92e0, 0xa200  # Insert
        .byte   0x53
        .word   0x53e0, 0x93e0, 0xa300  # Delete
enhanced_keys_end:

        .include "keymap.inc"
