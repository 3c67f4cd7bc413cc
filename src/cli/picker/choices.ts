import { basename } from 'node:path';
import uFuzzy from '@leeoniya/ufuzzy';
import { tildePath } from '../../system/paths.js';
import { type Found, type Places, projectFolders, type Workspace } from '../../workspace/find.js';
import type { Glance } from '../../workspace/glance.js';
import { type ListEntry, listEntries } from '../../workspace/list.js';
import type { World } from '../../workspace/world.js';

/** What can be picked, and how a few letters find it. */
export interface Choice {
  readonly name: string;
  /** For people, with `~`. */
  readonly path: string;
  /** null: a folder that is no workspace yet. */
  readonly entry: ListEntry | null;
  readonly found: Found;
}

/** Open workspaces first, then remembered ones, the last used before the others. */
export function knownChoices(world: World, places: Places, glance: Glance | null): Choice[] {
  const byName = new Map<string, Workspace>(world.workspaces.map((one) => [one.name, one]));
  return listEntries(world.workspaces, glance).flatMap((entry): Choice[] => {
    const workspace = byName.get(entry.name);
    if (!workspace) return [];
    return [{ name: entry.name, path: tildePath(entry.path, places.env), entry, found: { workspace } }];
  });
}

/** The folders below the roots that are no workspaces, by name. */
export function folderChoices(world: World, places: Places): Choice[] {
  const taken = new Set(world.workspaces.map(({ path }) => path));
  return projectFolders(places.roots)
    .filter((folder) => !taken.has(folder))
    .map((folder) => ({
      name: basename(folder),
      path: tildePath(folder, places.env),
      entry: null,
      found: { folder },
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Letters of a word may have so many others between them. */
const plainOptions: uFuzzy.Options = { intraIns: 3 };
const unicodeOptions: uFuzzy.Options = {
  ...plainOptions,
  unicode: true,
  interSplit: "[^\\p{L}\\d']+",
  intraSplit: '\\p{Ll}\\p{Lu}',
  intraBound: '\\p{L}\\d|\\d\\p{L}|\\p{Ll}\\p{Lu}',
  intraChars: "[\\p{L}\\d']",
  intraContr: "'\\p{L}{1,2}\\b",
};

// Made when something is searched for: that takes as long as the whole first frame may.
const engines = new Map<uFuzzy.Options, uFuzzy>();

function engineFor(options: uFuzzy.Options): uFuzzy {
  const engine = engines.get(options) ?? new uFuzzy(options);
  engines.set(options, engine);
  return engine;
}

/** Finds among choices; made once for them. */
export class Search {
  private readonly haystack: string[];

  constructor(private readonly choices: readonly Choice[]) {
    this.haystack = choices.map(({ name, path }) => `${name} ${path}`);
  }

  /** Those that a text may mean, the best first; all, as they are, for none. Names that begin with it come first. */
  find(query: string): readonly Choice[] {
    const text = query.trim();
    if (text === '') return this.choices;
    const engine = engineFor(/^[\x20-\x7e]*$/.test(text) ? plainOptions : unicodeOptions);
    const [found, info, order] = engine.search(this.haystack, text, 1, 5000);
    const places =
      info && order ? order.map((at) => info.idx[at]!) : (found ?? this.holding(text.toLowerCase()));
    const rank = (at: number) => {
      const { name, entry } = this.choices[at]!;
      const begins = name.toLowerCase().startsWith(text.toLowerCase());
      return (begins ? 0 : 2) + (entry ? 0 : 1);
    };
    return places.toSorted((a, b) => rank(a) - rank(b)).map((at) => this.choices[at]!);
  }

  /** For what holds no letter at all. */
  private holding(text: string): number[] {
    return this.haystack.flatMap((hay, at) => (hay.toLowerCase().includes(text) ? [at] : []));
  }
}
