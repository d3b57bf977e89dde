/*
 * Runs small pieces of machine code on this very processor and reports what became of registers, flags, x87 and SSE
 * state and memory. Batch on standard input, outcomes on standard output (layout: batch.ts).
 *
 * Everything happens inside one signal handler: it notes the outcome of the last case from the signal frame, writes
 * the next case's state into the same frame, and returns into the case. Each case ends with an exception (UD2 behind
 * its last instruction, if nothing else came first), so that no entry or exit code is needed, and 32-bit and 16-bit
 * code need no more than another code selector in the frame.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
  CODE = 0x10000000, /* two pages, executable, not writable by the case */
  CODE_SIZE = 0x2000,
  DATA = 0x20000000, /* two pages read-write, one hole, one page read-only */
  DATA_SIZE = 0x4000,
  WRITABLE = 0x2000,
  READ_ONLY = 0x3000,
  PAGE = 0x1000,
  FX_SIZE = 416,
  CODE_MAX = 512,
  MAGIC = 0x43534f42,
  TIMEOUT_VECTOR = 255,
  /* Linux, arch/x86/include/asm/segment.h: __USER_CS, __USER32_CS, __USER_DS; LDT entries 0 and 1 are made here. */
  CS64 = 0x33,
  CS32 = 0x23,
  DS = 0x2b,
  CS16 = 0x07,
  DS16 = 0x0f,
};

struct batch_case {
  uint32_t mode; /* 0 16-bit, 1 32-bit, 2 64-bit */
  uint32_t code_length;
  uint64_t gpr[16]; /* in the order of the encoding */
  uint64_t rip;
  uint64_t flags;
  uint8_t fx[512];
  uint8_t code[CODE_MAX];
};

struct outcome {
  uint64_t gpr[16];
  uint64_t rip;
  uint64_t flags;
  uint32_t vector;
  uint32_t error;
  uint64_t cr2;
  uint8_t fx[FX_SIZE];
  uint32_t chunks; /* how many changed 16-byte pieces of the writable pages follow */
  uint32_t reserved;
};

struct chunk {
  uint32_t offset;
  uint8_t bytes[16];
};

static const int gpr_index[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static uint8_t *const data = (uint8_t *)DATA;
static uint8_t *code_alias;
static uint8_t image[DATA_SIZE];
static struct batch_case *cases;
static uint32_t case_count;
static int64_t current = -1;
static int64_t ticked = -1;
static uint8_t *out;
static size_t out_size, out_used;
static sigjmp_buf finished;

/* Bases of FS: the C library's, and the case's (read by the entry stub, hence not static). */
uint64_t own_fs_base, case_fs_base = DATA + 0x800;

static void fail(const char *what) {
  fprintf(stderr, "conformance harness: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static void read_all(void *to, size_t size) {
  if (fread(to, 1, size, stdin) != size) {
    fprintf(stderr, "conformance harness: the batch ends early\n");
    _exit(1);
  }
}

static void append(const void *from, size_t size) {
  if (out_used + size > out_size) _exit(2);
  memcpy(out + out_used, from, size);
  out_used += size;
}

static void note_outcome(int signal, const ucontext_t *context) {
  static struct chunk changed[WRITABLE / 16];
  struct outcome o = {0};
  const greg_t *g = context->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) o.gpr[i] = (uint64_t)g[gpr_index[i]];
  o.rip = (uint64_t)g[REG_RIP];
  o.flags = (uint64_t)g[REG_EFL];
  o.vector = signal == SIGPROF ? TIMEOUT_VECTOR : (uint32_t)g[REG_TRAPNO];
  o.error = signal == SIGPROF ? 0 : (uint32_t)g[REG_ERR];
  o.cr2 = o.vector == 14 ? (uint64_t)g[REG_CR2] : 0;
  memcpy(o.fx, context->uc_mcontext.fpregs, FX_SIZE);
  for (uint32_t page = 0; page < WRITABLE; page += 256) {
    if (memcmp(data + page, image + page, 256) == 0) continue;
    for (uint32_t at = page; at < page + 256; at += 16) {
      if (memcmp(data + at, image + at, 16) == 0) continue;
      changed[o.chunks].offset = at;
      memcpy(changed[o.chunks++].bytes, data + at, 16);
    }
    memcpy(data + page, image + page, 256);
  }
  append(&o, sizeof o);
  append(changed, o.chunks * sizeof changed[0]);
}

static void load_case(const struct batch_case *c, ucontext_t *context) {
  static uint32_t filled_at, filled_length = 0;
  greg_t *g = context->uc_mcontext.gregs;
  memset(code_alias + filled_at, 0xf4, filled_length);
  filled_at = (uint32_t)(c->rip - (c->mode == 0 ? 0 : CODE));
  filled_length = c->code_length;
  memcpy(code_alias + filled_at, c->code, c->code_length);
  for (int i = 0; i < 16; i++) g[gpr_index[i]] = (greg_t)c->gpr[i];
  g[REG_RIP] = (greg_t)c->rip;
  g[REG_EFL] = (greg_t)c->flags;
  uint64_t cs = c->mode == 2 ? CS64 : c->mode == 1 ? CS32 : CS16;
  uint64_t ds = c->mode == 0 ? DS16 : DS;
  g[REG_CSGSFS] = (greg_t)(((uint64_t)g[REG_CSGSFS] & 0x0000ffffffff0000ull) | cs | ds << 48);
  uint8_t *fx = (uint8_t *)context->uc_mcontext.fpregs;
  memcpy(fx, c->fx, FX_SIZE);
  /* XSTATE_BV: x87 and SSE state come from memory (SDM vol. 1, 13.8.1). */
  *(uint64_t *)(fx + 512) |= 3;
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"((uint32_t)ds));
  __asm__ volatile("mov %0, %%gs\n wrgsbase %1" : : "r"(0), "r"((uint64_t)DATA + 0x1800));
}

/* True when the frame now holds the start of a case. */
__attribute__((used)) int handle(int signal, siginfo_t *info, void *frame) {
  (void)info;
  ucontext_t *context = frame;
  if (signal == SIGPROF && (ticked != current || current < 0 || current == case_count)) {
    ticked = current;
    return 0;
  }
  if (current >= 0) note_outcome(signal, context);
  if (++current == case_count) siglongjmp(finished, 1);
  load_case(&cases[current], context);
  return 1;
}

/*
 * A case may have changed FS, and may have set EFLAGS.AC, which C code does not survive; NT and ID would stay for the
 * next case, since rt_sigreturn leaves them as they are.
 */
__asm__(
    "entry:\n"
    "  pushfq\n"
    "  andq $~0x244000, (%rsp)\n"
    "  popfq\n"
    "  rdfsbase %rax\n"
    "  push %rax\n"
    "  mov own_fs_base(%rip), %rax\n"
    "  wrfsbase %rax\n"
    "  call handle\n"
    "  pop %rcx\n"
    "  test %eax, %eax\n"
    "  jz 1f\n"
    "  xor %ecx, %ecx\n"
    "  mov %ecx, %fs\n"
    "  mov case_fs_base(%rip), %rcx\n"
    "1:\n"
    "  wrfsbase %rcx\n"
    "  ret\n");
extern void entry(int, siginfo_t *, void *);

static void map(int fd, uint32_t address, uint32_t size, int protection, off_t offset) {
  int flags = MAP_FIXED_NOREPLACE | MAP_POPULATE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
  if (mmap((void *)(uintptr_t)address, size, protection, flags, fd, offset) == MAP_FAILED) fail("mmap");
}

static void make_segment(unsigned number, uint32_t base, uint32_t limit, unsigned contents) {
  struct user_desc d = {.entry_number = number, .base_addr = base, .limit = limit, .contents = contents};
  if (syscall(SYS_modify_ldt, 1, &d, sizeof d) != 0) fail("modify_ldt");
}

int main(void) {
  uint32_t header[2];
  read_all(header, sizeof header);
  if (header[0] != MAGIC || header[1] > 1000000) {
    fprintf(stderr, "conformance harness: not a batch\n");
    return 1;
  }
  case_count = header[1];
  read_all(image, sizeof image);
  cases = calloc(case_count + 1, sizeof *cases);
  if (!cases) fail("calloc");
  read_all(cases, case_count * sizeof *cases);
  int sixteen = 0;
  for (uint32_t i = 0; i < case_count; i++) {
    const struct batch_case *c = &cases[i];
    uint64_t start = c->mode == 0 ? c->rip : c->rip - CODE;
    if (c->mode > 2 || c->code_length > CODE_MAX || start > CODE_SIZE - CODE_MAX) {
      fprintf(stderr, "conformance harness: case %u is malformed\n", i);
      return 1;
    }
    sixteen |= c->mode == 0;
  }
  if (!(getauxval(AT_HWCAP2) & 2)) {
    fprintf(stderr, "conformance harness: needs a processor and kernel with FSGSBASE\n");
    return 3;
  }
  out_size = (size_t)case_count * (sizeof(struct outcome) + WRITABLE / 16 * sizeof(struct chunk));
  out = mmap(NULL, out_size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (out == MAP_FAILED) fail("mmap");

  int fd = memfd_create("code", 0);
  if (fd < 0 || ftruncate(fd, CODE_SIZE) != 0) fail("memfd_create");
  code_alias = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (code_alias == MAP_FAILED) fail("mmap");
  memset(code_alias, 0xf4, CODE_SIZE);
  map(fd, CODE, CODE_SIZE, PROT_READ | PROT_EXEC, 0);
  map(-1, DATA, WRITABLE, PROT_READ | PROT_WRITE, 0);
  map(-1, DATA + READ_ONLY, PAGE, PROT_READ | PROT_WRITE, 0);
  memcpy(data, image, WRITABLE);
  memcpy(data + READ_ONLY, image + READ_ONLY, PAGE);
  if (mprotect(data + READ_ONLY, PAGE, PROT_READ) != 0) fail("mprotect");
  if (sixteen) {
    make_segment(0, CODE, CODE_SIZE - 1, MODIFY_LDT_CONTENTS_CODE);
    make_segment(1, DATA, DATA_SIZE - 1, MODIFY_LDT_CONTENTS_DATA);
  }

  stack_t stack = {.ss_size = 1 << 18};
  stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0) fail("sigaltstack");
  __asm__ volatile("rdfsbase %0" : "=r"(own_fs_base));
  struct sigaction action = {.sa_sigaction = entry, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  static const int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGPROF, SIGUSR1};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    if (sigaction(signals[i], &action, NULL) != 0) fail("sigaction");
  }
  /* A case takes microseconds; one that sees two ticks of processor time is endless. */
  struct itimerval timer = {.it_interval = {.tv_usec = 20000}, .it_value = {.tv_usec = 20000}};
  if (setitimer(ITIMER_PROF, &timer, NULL) != 0) fail("setitimer");
  if (sigsetjmp(finished, 1) == 0) raise(SIGUSR1);

  timer = (struct itimerval){0};
  setitimer(ITIMER_PROF, &timer, NULL);
  for (size_t at = 0; at < out_used;) {
    ssize_t n = write(STDOUT_FILENO, out + at, out_used - at);
    if (n <= 0) fail("write");
    at += (size_t)n;
  }
  return 0;
}
