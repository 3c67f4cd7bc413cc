/**
 * True when git takes the text as the name of a branch (`git check-ref-format --branch`, without its `@{-1}`). One
 * that begins with `-` is none, so a name that passed is never read as an option.
 */
export function isBranchName(name: string): boolean {
  if (name === '' || name === '@' || name === 'HEAD' || name.startsWith('-')) return false;
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(name) || name.endsWith('.')) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/**
 * The folder's name for a branch's worktree: letters (of any script), digits, `.`, `_` and `-`; `feat/cart` becomes
 * `feat-cart`. At most 60 characters, so that it fits every file system with a suffix. Several branches can have
 * the same one.
 */
export function worktreeFolderName(branch: string): string {
  const name = branch
    .replace(/[^\p{L}\p{M}\p{N}._]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .normalize('NFC');
  return (
    Array.from(name)
      .slice(0, 60)
      .join('')
      .replace(/[-.]+$/, '') || 'worktree'
  );
}
