/** File types and permissions as `st_mode` has them (POSIX sys/stat.h). */

export const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;

const TYPES: Readonly<Record<number, readonly [letter: string, name: string]>> = {
  [S_IFIFO]: ["p", "named pipe"],
  [S_IFCHR]: ["c", "character device"],
  [S_IFDIR]: ["d", "directory"],
  [S_IFBLK]: ["b", "block device"],
  [S_IFREG]: ["-", "file"],
  [S_IFLNK]: ["l", "symbolic link"],
  [S_IFSOCK]: ["s", "socket"],
};

/** Nine letters and the type's, as `ls -l` writes them. */
export function modeLetters(mode: number): string {
  const bit = (mask: number, letter: string): string => (mode & mask ? letter : "-");
  const special = (execute: number, set: number, letter: string): string => {
    const marked = mode & execute ? letter : letter.toUpperCase();
    return mode & set ? marked : bit(execute, "x");
  };
  return [
    TYPES[mode & S_IFMT]?.[0] ?? "?",
    bit(0o400, "r"),
    bit(0o200, "w"),
    special(0o100, 0o4000, "s"),
    bit(0o040, "r"),
    bit(0o020, "w"),
    special(0o010, 0o2000, "s"),
    bit(0o004, "r"),
    bit(0o002, "w"),
    special(0o001, 0o1000, "t"),
  ].join("");
}

/** A mode for people: "-rwxr-xr-x (file, 100755)". */
export function describeMode(mode: number): string {
  return `${modeLetters(mode)} (${TYPES[mode & S_IFMT]?.[1] ?? "no known type"}, ${mode.toString(8).padStart(6, "0")})`;
}
