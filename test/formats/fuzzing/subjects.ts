import { DISK_SUBJECTS } from "./disk-subjects.ts";
import { KERNEL_SUBJECTS } from "./kernel-subjects.ts";
import { STREAM_SUBJECTS } from "./stream-subjects.ts";
import type { Subject } from "./subject.ts";

export const SUBJECTS: readonly Subject[] = [...DISK_SUBJECTS, ...STREAM_SUBJECTS, ...KERNEL_SUBJECTS];
