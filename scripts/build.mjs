// Builds dist/ from src/ and templates/:
//
//   dist/cw.cjs            the launcher of verbs (src/cw.ts)
//   dist/<room>.<file>-<build>.cjs   one bundle for each of our files that is imported dynamically
//   dist/templates.json    the shipped templates, checked and compiled
//   dist/commands.json     all verbs as data, for the completion of shells
//   dist/cw.1              the manual page
//   dist/reading.sh        the first question to tmux, for the launcher to ask while Node starts
//   dist/version           the version, for a launcher without Node
//
// CommonJS, because Node starts a .cjs sooner than an .mjs. A verb loads its own bundle and nothing else; libraries
// are bundled where they are used. The names of the bundles carry the build's fingerprint and dist/cw.cjs is renamed
// into place last: a cw that runs while a build ends goes on with the bundles it began with, and several builds at
// once, or a failed one, leave a whole dist behind.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const inputs = ['src', 'templates', 'package.json', 'package-lock.json', 'scripts/build.mjs'];
/** Bundles of earlier builds are kept this long for those who still run them, in milliseconds. */
const keepOldBundles = 60 * 60 * 1000;

// Read by every Node, also one too old for the rest of the file: plain ES5.
const oldNode = `(function () {
  var v = process.versions.node.split('.');
  if (v[0] < 20 || (v[0] == 20 && v[1] < 19)) {
    process.stderr.write('cw needs Node 20.19 or newer, and the "node" on your PATH is ' + process.versions.node +
      '.\\n  Install a newer one (https://nodejs.org, or: nvm install --lts), then try again.\\n');
    process.exit(1);
  }
})();`;
// What Node has not loaded by itself when it starts takes milliseconds, and most lines need none of it.
const lateModules = ['child_process', 'crypto', 'net', 'os', 'readline', 'tty', 'worker_threads', 'zlib'];
const late = `var __late=function(name){var module;return new Proxy({},{get:function(_,key){
  return(module=module||require(name))[key]}})};`;
const importMeta = `var __importMetaUrl = require('url').pathToFileURL(__filename).href;`;

/**
 * Builds when the inputs changed since the last build.
 *
 * @returns the milliseconds it took, or null when dist was up to date.
 */
export async function build({ force = false } = {}) {
  const started = performance.now();
  const fingerprint = fingerprintOf(inputs);
  if (!force && isBuilt(fingerprint)) return null;

  const id = fingerprint.slice(0, 8);
  const work = join(root, 'dist', `.build-${process.pid}-${randomBytes(3).toString('hex')}`);
  mkdirSync(work, { recursive: true });
  try {
    const files = await bundleAll({ 'src/cw.ts': 'cw.cjs' }, id);
    for (const [name, text] of files) writeFileSync(join(work, name), text);
    const tools = join(work, 'tools');
    mkdirSync(tools);
    writeFileSync(join(work, 'templates.json'), await compiledTemplates(tools));
    writeFileSync(join(work, 'reading.sh'), await earlyReading(tools));
    const { manPage } = await load('src/cli/man-page.ts', tools);
    rmSync(tools, { recursive: true });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    writeFileSync(join(work, 'version'), `${version}\n`);

    // The bundles first, then what names them, then what they tell of themselves, then the word that all is there.
    const tell = () => {
      for (const name of readdirSync(work).sort((a, b) => Number(a === 'cw.cjs') - Number(b === 'cw.cjs')))
        renameSync(join(work, name), join(dist, name));
    };
    tell();
    const commands = execFileSync(process.execPath, [join(dist, 'cw.cjs'), '--json'], { encoding: 'utf8' });
    writeFileSync(join(work, 'commands.json'), commands);
    writeFileSync(join(work, 'cw.1'), manPage(JSON.parse(commands)));
    tell();
    writeFileSync(join(work, 'fingerprint'), `${fingerprint}\n`);
    tell();
    sweep([...files.keys()]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return performance.now() - started;
}

/** A hash over the names and contents of all inputs. Times tell less: a checkout can bring an older file. */
function fingerprintOf(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    const full = join(root, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of readdirSync(full).sort()) add(join(path, name));
    } else if (stat?.isFile()) {
      hash.update(`${path}\0${stat.size}\0`).update(readFileSync(full));
    }
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

function isBuilt(fingerprint) {
  try {
    return (
      readFileSync(join(dist, 'fingerprint'), 'utf8').trim() === fingerprint &&
      existsSync(join(dist, 'cw.cjs'))
    );
  } catch {
    return false; // never built
  }
}

/** Bundles the entries, then every file of ours that they import dynamically, until there is no new one. */
async function bundleAll(entries, id) {
  const { build: esbuild } = await import('esbuild');
  const done = new Map();
  let todo = new Map(Object.entries(entries));
  const seen = new Set(todo.keys());
  while (todo.size > 0) {
    const found = new Map();
    await Promise.all(
      [...todo].map(async ([entry, name]) => {
        const result = await esbuild({
          absWorkingDir: root,
          entryPoints: [entry],
          bundle: true,
          write: false,
          logLevel: 'silent',
          format: 'cjs',
          platform: 'node',
          // Its main file requires its parts in a way that cannot be bundled.
          alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
          // The launcher is lowered so far that any Node can read it and say that it is too old.
          target: name === 'cw.cjs' ? 'node12' : 'node20.19',
          minifyWhitespace: true,
          minifySyntax: true,
          legalComments: 'none',
          charset: 'utf8',
          supported: { 'dynamic-import': false },
          define: {
            'import.meta.url': '__importMetaUrl',
            'import.meta.filename': '__filename',
            'import.meta.dirname': '__dirname',
            // React's own checks are for who develops with it.
            'process.env.NODE_ENV': '"production"',
          },
          banner: { js: `${name === 'cw.cjs' ? oldNode : ''}${importMeta}${late}` },
          plugins: [ownBundles(id, found), inkInOneFile],
        });
        done.set(name, loadLate(result.outputFiles[0].text));
      }),
    );
    todo = new Map([...found].filter(([path]) => !seen.has(path)));
    for (const path of todo.keys()) seen.add(path);
  }
  return done;
}

/** Makes a bundle load those modules of Node's when the first thing of them is used. */
function loadLate(text) {
  const names = lateModules.join('|');
  return text.replaceAll(new RegExp(`=require\\("((?:node:)?(?:${names}))"\\)`, 'g'), '=__late("$1")');
}

/** Makes `import('./x.js')` of one of our own files a `require` of a bundle of its own, and notes it as an entry. */
function ownBundles(id, found) {
  return {
    name: 'own-bundles',
    setup(setup) {
      setup.onResolve({ filter: /^\.\.?\// }, (args) => {
        if (args.kind !== 'dynamic-import' || !args.importer.startsWith(join(root, 'src'))) return undefined;
        const path = resolve(args.resolveDir, args.path).replace(/\.js$/, '.ts');
        if (!existsSync(path)) return { errors: [{ text: `There is no ${relative(root, path)}.` }] };
        const name = `${relative(join(root, 'src'), path).replace(/\.ts$/, '').replaceAll('/', '.')}-${id}.cjs`;
        found.set(relative(root, path), name);
        return { path: `./${name}`, external: true };
      });
    },
  };
}

/**
 * Ink waits for two things while it is loaded, which a CommonJS bundle cannot: Yoga, for which a file of ours waits
 * before, and React's developer tools, which are not there.
 */
const inkInOneFile = {
  name: 'ink-in-one-file',
  setup(setup) {
    setup.onResolve({ filter: /^yoga-layout$/ }, () => ({ path: join(root, 'src/cli/dashboard/yoga.ts') }));
    setup.onLoad({ filter: /[\\/]ink[\\/]build[\\/]reconciler\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const without = text
        .replace("await import('./devtools.js');", '')
        .replace('await loadPackageJson()', '{}');
      if (/await (import|load)/.test(without.replace("await import('node:fs')", '')))
        return { errors: [{ text: 'This Ink loads its developer tools in a new way.' }] };
      return { contents: without, loader: 'js' };
    });
  },
};

/** The text of reading.sh. */
async function earlyReading(tools) {
  return (await load('src/tmux/early-reading-script.ts', tools)).earlyReadingScript();
}

/** What a file of ours exports, for the build's own use; its bundles lie in the folder `tools`. */
async function load(source, tools) {
  const bundles = await bundleAll({ [source]: basename(source, '.ts') }, 'build');
  for (const [file, text] of bundles) {
    // As if it lay in dist: what looks for the package's folder finds it.
    writeFileSync(join(tools, file), text.replace('__filename', JSON.stringify(join(dist, file))));
  }
  return createRequire(import.meta.url)(join(tools, basename(source, '.ts')));
}

/** The text of templates.json. */
async function compiledTemplates(tools) {
  const { compileShippedTemplates } = await load('src/template/compile.ts', tools);
  return `${JSON.stringify(await compileShippedTemplates())}\n`;
}

/** Takes away bundles of earlier builds that nobody runs any more, and what a killed build left. */
function sweep(current) {
  // What is packed for npm holds this build alone.
  const packing = process.env.npm_lifecycle_event === 'prepack';
  const old = packing ? Number.POSITIVE_INFINITY : Date.now() - keepOldBundles;
  for (const name of readdirSync(dist)) {
    const path = join(dist, name);
    if (current.includes(name) || !/^(\.build-.*|.*-[0-9a-f]{8}\.cjs)$/.test(name)) continue;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && stat.mtimeMs < old) rmSync(path, { recursive: true, force: true });
  }
}

/** What esbuild or a template says of a failed build, one line a fault. */
export function describeFailure(error) {
  if (!Array.isArray(error?.errors))
    return error?.isCwError ? error.message : (error?.stack ?? String(error));
  const missing = error.errors.some(({ text }) => /^Could not resolve "[^./]/.test(text));
  const hint = missing ? '\nA package is not there. Install what package.json names: npm install' : '';
  const lines = error.errors.map(({ text, location }) =>
    location ? `${location.file}:${location.line}:${location.column + 1}  ${text}` : text,
  );
  return lines.join('\n') + hint;
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  try {
    const took = await build({
      force: process.argv.includes('--force') || process.env.npm_lifecycle_event === 'prepack',
    });
    process.stderr.write(took === null ? 'dist is up to date\n' : `built dist in ${Math.round(took)} ms\n`);
  } catch (error) {
    process.stderr.write(`The build failed; dist is as it was.\n${describeFailure(error)}\n`);
    process.exitCode = 1;
  }
}
