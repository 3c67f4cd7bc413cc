import { Header } from 'tar';
import type { CwError } from '../errors.js';
import { visible } from '../system/visible.js';
import { type Limits, sizeText } from './limits.js';
import { archiveKind } from './manifest.js';
import { type Member, MemberNames, memberName, parseMember } from './members.js';
import { headerBlock } from './tar-blocks.js';

/** What the type of a member says that is no plain file; the letters are those of POSIX, GNU and Solaris. */
const types: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a device',
  '4': 'a device',
  '5': 'a folder',
  '6': 'a FIFO',
  '7': 'a contiguous file',
  x: 'an extended header',
  g: 'an extended header for all members',
  X: 'an extended header',
  K: 'a long link of GNU tar',
  L: 'a long name of GNU tar',
  S: 'a sparse file',
  M: 'a part of another volume',
  D: 'a list of a folder',
  V: 'a label',
};

/** Shown of a name: it can be long. */
const shownName = 120;

/** Reads the headers of one archive, in order, and lets nothing pass that cw does not write. */
export class HeaderReader {
  private readonly names = new MemberNames();
  private count = 0;
  private total = 0;

  /**
   * @param refuse makes the error of what somebody has made so, from the rest of a sentence
   * @param damaged makes that of damage
   */
  constructor(
    private readonly limits: Limits,
    private readonly refuse: (what: string) => CwError,
    private readonly damaged: (what: string) => CwError,
  ) {}

  /** @throws CwError for what is no header of a member that may stand here. */
  read(block: Buffer): { readonly member: Member; readonly size: number } {
    this.count += 1;
    const header = this.parse(block);
    const name = header.path ?? '';
    const shown = visible(name.length > shownName ? `${name.slice(0, shownName)}...` : name);
    const type = String.fromCharCode(block[156]!);
    if (type !== '0' && type !== '\0')
      throw this.refuse(`holds ${types[type] ?? 'something that is no file'}, "${shown}"`);
    const member = this.memberOf(name, shown);
    const size = header.size ?? -1;
    this.checkPlace(member, shown);
    this.checkSize(member, size);
    // Other owners, times and modes, fields with something hidden in them, numbers in other forms.
    if (!headerBlock(name, size)?.equals(block))
      throw this.refuse(`has a header of ${shown} as cw does not write it`);
    const clash = this.names.add(name);
    if (clash !== null) throw this.refuse(`holds ${shown}, which ${clash}`);
    return { member, size };
  }

  private parse(block: Buffer): Header {
    if (block.every((byte) => byte === 0)) throw this.refuse('ends without a manifest');
    try {
      const header = new Header(block);
      if (header.cksumValid) return header;
    } catch {
      // A number that is too large for any.
    }
    throw this.count === 1
      ? this.refuse(`is no ${archiveKind}: it is not packed with tar`)
      : this.damaged(`is damaged: the header of member ${this.count} is wrong (checksum)`);
  }

  private memberOf(name: string, shown: string): Member {
    const member = parseMember(name);
    if (member) return member;
    if (name.startsWith('/')) throw this.refuse(`holds an absolute path, "${shown}"`);
    if (name.split('/').includes('..')) throw this.refuse(`holds a path that leaves its folder, "${shown}"`);
    if (this.count === 1) throw this.refuse(`is no ${archiveKind}: it begins with "${shown}"`);
    throw this.refuse(`holds "${shown}", which is no name of cw's`);
  }

  private checkPlace({ kind }: Member, shown: string): void {
    if (this.count === 1 && kind !== 'format')
      throw this.refuse(`is no ${archiveKind}: it begins with ${shown}, and not with ${memberName.format}`);
    if (this.count > this.limits.members) throw this.refuse(`holds more than ${this.limits.members} members`);
  }

  private checkSize({ kind, name }: Member, size: number): void {
    if (size < 0) throw this.refuse(`has a header of ${visible(name)} without a size`);
    const most = this.limits.member[kind];
    if (size > most)
      throw this.refuse(`holds ${visible(name)} of ${sizeText(size)}; it takes at most ${sizeText(most)}`);
    this.total += size;
    if (this.total > this.limits.total) throw this.refuse(`holds more than ${sizeText(this.limits.total)}`);
  }
}
