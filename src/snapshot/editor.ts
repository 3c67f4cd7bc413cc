/** What is known of the sessions of an editor that comes back. */
export interface EditorFacts {
  /** The session that the last save had nvim or vim write; null where there is none. */
  readonly session: string | null;
  /**
   * A `Session.vim` in the pane's folder. It is a program, so one that came with a repository is `untrusted` until
   * the project is trusted.
   */
  readonly folderSession: 'none' | 'trusted' | 'untrusted';
}

export interface EditorResume {
  readonly argv: readonly string[];
  readonly note: string | null;
}

/**
 * How an nvim or vim comes back: with the session of its last save, which brings all its buffers, splits and cursors;
 * else one that was started with no file, with the `Session.vim` of its folder.
 *
 * @param argv the words that it was started with
 * @param isDeclared what was declared for its pane is what ran there: only such a vim has a session of ours, while an
 * nvim that the user starts in the pane has one too.
 * @returns null for another program, and for one that nothing is to be changed of.
 */
export function editorResume(
  argv: readonly string[],
  facts: EditorFacts,
  isDeclared = false,
): EditorResume | null {
  const [program = '', ...words] = argv;
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (!['nvim', 'vim', 'vi'].includes(name)) return null;
  const ours = isOurs(words, facts);
  // A session names its files itself: the words would open theirs once more.
  if (facts.session !== null && (name === 'nvim' || ours || (name === 'vim' && isDeclared)))
    return { argv: [program, '-S', facts.session], note: null };
  if (words.length > 0 || facts.folderSession === 'none') return null;
  if (facts.folderSession === 'trusted') return { argv: [program, '-S', 'Session.vim'], note: null };
  return {
    argv,
    note: 'Its folder has a Session.vim, which runs commands: it was not used, as the project is not trusted.',
  };
}

/** True for an editor that we started with the session of its last save: what that runs is what it wrote for us. */
export function isOurEditor(argv: readonly string[], facts: EditorFacts): boolean {
  return /(^|\/)n?vim$/.test(argv[0] ?? '') && argv.length === 3 && isOurs(argv.slice(1), facts);
}

function isOurs(words: readonly string[], { session }: EditorFacts): boolean {
  return session !== null && words[0] === '-S' && words[1] === session;
}
